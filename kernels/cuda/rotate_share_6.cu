#define ROTATE_SHARE 6
#include "kernels/cuda/rotate_share.cuh"
