#define ROTATE_SHARE 7
#include "kernels/cuda/rotate_share.cuh"
