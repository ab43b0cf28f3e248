#define ROTATE_SHARE 5
#include "kernels/cuda/rotate_share.cuh"
