#define ROTATE_SHARE 4
#include "kernels/cuda/rotate_share.cuh"
