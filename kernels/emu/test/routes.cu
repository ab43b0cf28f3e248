/* The routes of key words, on the emulator and, built by nvcc, on a device. */
#include "kernels/emu/test/routes.cuh"

int main(void)
{
    return routes_check();
}
