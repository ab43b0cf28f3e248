#define ROTATE_SHARE 0
#include "kernels/cuda/rotate_share.cuh"
