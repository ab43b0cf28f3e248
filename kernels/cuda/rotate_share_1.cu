#define ROTATE_SHARE 1
#include "kernels/cuda/rotate_share.cuh"
