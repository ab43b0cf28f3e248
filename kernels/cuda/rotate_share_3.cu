#define ROTATE_SHARE 3
#include "kernels/cuda/rotate_share.cuh"
