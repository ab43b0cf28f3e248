#define ROTATE_SHARE 2
#include "kernels/cuda/rotate_share.cuh"
