/* Matrix products of a warp against the definition, operands loaded as gpu_mma_s8u8 says. A plain
 * program, on the emulator and, built by nvcc, on a device: exit code 0, 1, or 77 without a device.
 */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <string.h>

typedef struct product { /* sum += a b */
    int8_t a[16][32];
    uint8_t b[8][32]; /* columns of b */
    int32_t sum[16][8];
} product;

/* Block = one product of `products`, one warp. */
__global__ void multiply(product *products)
{
    product *p = products + blockIdx.x;
    const uint32_t group = gpu_lane() / 4, thread = gpu_lane() % 4;
    const uint32_t *a = (const uint32_t *)p->a; /* [16][8] */
    const uint32_t *b = (const uint32_t *)p->b; /* [8][8] */
    uint32_t *sum = (uint32_t *)p->sum;         /* [16][8] */
    const uint4 own = make_uint4(gpu_load_global(a + 8 * group + thread),
                                 gpu_load_global(a + 8 * (group + 8) + thread),
                                 gpu_load_global(a + 8 * group + 4 + thread),
                                 gpu_load_global(a + 8 * (group + 8) + 4 + thread));
    int32_t part[4];
    for (uint32_t r = 0; r < 4; r++) {
        part[r] = (int32_t)gpu_load_global(sum + 8 * (group + 8 * (r / 2)) + 2 * thread + r % 2);
    }
    gpu_mma_s8u8(part, own, gpu_load_global(b + 8 * group + thread),
                 gpu_load_global(b + 8 * group + 4 + thread));
    for (uint32_t r = 0; r < 4; r++) {
        gpu_store_global(sum + 8 * (group + 8 * (r / 2)) + 2 * thread + r % 2, (uint32_t)part[r]);
    }
}

static int32_t expected(const product *p, uint32_t row, uint32_t column)
{
    uint32_t sum = (uint32_t)p->sum[row][column];
    for (uint32_t k = 0; k < 32; k++) {
        sum += (uint32_t)(p->a[row][k] * p->b[column][k]);
    }
    return (int32_t)sum;
}

/* Random bytes; in the last product all as large as they get, on sums that wrap. */
static void fill(product *p, bool extreme)
{
    static uint32_t state = 1;
    unsigned char *byte = (unsigned char *)p;
    for (size_t i = 0; i < sizeof *p; i++) {
        state = state * 1664525u + 1013904223u;
        byte[i] = (unsigned char)(state >> 24);
    }
    if (extreme) {
        memset(p->a, -128, sizeof p->a);
        memset(p->b, 255, sizeof p->b);
        memset(p->sum, 128, sizeof p->sum);
    }
}

static int compare(const product *got, const product *in, uint32_t number)
{
    for (uint32_t row = 0; row < 16; row++) {
        for (uint32_t column = 0; column < 8; column++) {
            const int32_t wanted = expected(in, row, column);
            if (got->sum[row][column] != wanted) {
                fprintf(stderr, "tensor: product %u [%u][%u]: %d, not %d\n", number, row, column,
                        got->sum[row][column], wanted);
                return 1;
            }
        }
    }
    return 0;
}

int main(void)
{
    enum { PRODUCTS = 5 };
    static product in[PRODUCTS], got[PRODUCTS];
    int count = 0, error = 0, failures = 0;
    product *device = NULL;
    torc_gpu_stream stream = NULL;
    if (torc_gpu_device_count(&count) != 0 || count == 0) {
        printf("skipped: no device\n");
        return 77;
    }
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        fill(in + i, i + 1 == PRODUCTS);
    }
    error = torc_gpu_stream_create(&stream) + torc_gpu_alloc((void **)&device, sizeof in);
    error += torc_gpu_copy_in(device, in, sizeof in, stream);
    const gpu_grid grid = {PRODUCTS, GPU_WARP_LANES, 0, stream, 0};
    error += gpu_launch(&grid, multiply, device);
    error += torc_gpu_copy_out(got, device, sizeof got, stream) + torc_gpu_stream_wait(stream);
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        failures += compare(got + i, in + i, i);
    }
    torc_gpu_free(device);
    torc_gpu_stream_destroy(stream);
    if (error != 0) {
        fprintf(stderr, "tensor: a call failed\n");
    }
    return error == 0 && failures == 0 ? 0 : 1;
}
