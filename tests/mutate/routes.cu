/* The routes of key words, as a part of tests/mutate/rotation.c. */
#include "kernels/emu/test/routes.cuh"

extern "C" int mutate_routes(void)
{
    return routes_check();
}
