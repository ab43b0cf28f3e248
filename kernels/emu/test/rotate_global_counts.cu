/* What a step of a rotation through global memory asks of a device is what its headers say:
 * wavefronts of shared memory, sectors of global memory. The difference of rotations of four and of
 * two steps, all exponents 0: lanes then read one root together, and the residue 0 alone occurs. */
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>

static int failures;
static torc_gpu_stream stream;
static void *room[16];
static size_t room_count;

static void expect(const torc_shape *s, const char *what, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        fprintf(stderr, "rotate_global_counts: N=%u l=%u g=%u v=%u: %s: %llu, not %llu\n",
                s->poly_size, s->level_count, s->grouping, s->extended_log2, what,
                (unsigned long long)got, (unsigned long long)expected);
        failures++;
    }
}

static void *zeros(size_t bytes)
{
    void *p = NULL;
    failures += torc_gpu_alloc(&p, bytes) != 0 || torc_gpu_set_zero(p, bytes, stream) != 0;
    return room[room_count++] = p;
}

/* Wavefronts; sectors read; sectors written. */
typedef struct cost {
    uint64_t wavefronts, loads, stores;
} cost;

static cost cost_of(const torc_shape *shape, uint32_t steps, uint32_t batch)
{
    torc_shape s = *shape;
    torc_gpu_rotate_args call = {};
    torc_emu_counts c;
    s.lwe_dim = steps * s.grouping;
    void *key = zeros(torc_gpu_bootstrap_key_bytes(&s));
    call.key = key;
    call.in = {(uint32_t *)zeros(batch * s.lwe_dim * sizeof(uint32_t)),
               (uint32_t *)zeros(batch * sizeof(uint32_t)),
               (int64_t *)zeros(batch * sizeof(int64_t))};
    call.table = (const uint64_t *)zeros(sizeof(uint64_t));
    call.index_bits = (const uint32_t *)zeros(sizeof(uint32_t));
    call.table_index = (const uint32_t *)zeros(batch * sizeof(uint32_t));
    call.table_stride = 1;
    call.batch = batch;
    call.scratch = zeros(torc_gpu_rotate_scratch_bytes(&s, batch));
    call.form = TORC_GPU_FORM_GLOBAL;
    uint64_t *out = (uint64_t *)zeros(batch * (s.poly_size + 1) * sizeof *out);
    failures += torc_gpu_fft_tables(key, s.poly_size, stream) != 0;
    torc_emu_count(true);
    failures += torc_gpu_rotate(out, &call, &s, stream) != 0 || torc_gpu_stream_wait(stream) != 0;
    torc_emu_counts_read(&c, TORC_EMU_ALL_PHASES);
    torc_emu_count(false);
    while (room_count > 0) {
        torc_gpu_free(room[--room_count]);
    }
    return {c.of[TORC_EMU_SHARED][TORC_EMU_LOAD].wavefronts +
                c.of[TORC_EMU_SHARED][TORC_EMU_STORE].wavefronts,
            c.of[TORC_EMU_READONLY][TORC_EMU_LOAD].sectors,
            c.of[TORC_EMU_GLOBAL][TORC_EMU_STORE].sectors};
}

/* k = 1, N = 2048, g > 1; `items` items of `ciphertexts` ciphertexts and `tile` parts. */
static void check(uint32_t l, uint32_t g, uint32_t v, uint32_t ciphertexts, uint32_t tile,
                  uint32_t items)
{
    const torc_shape s = {1, 2048, 0, v, 31 / l, l, 1, 1, g, 0};
    const uint32_t slots = items * ciphertexts * tile, polynomials = 2 * slots, rows = 32;
    const uint32_t blocks = polynomials / 4, pairs = 4 * l, terms = (1u << g) - 1;
    const cost few = cost_of(&s, 2, slots >> v), many = cost_of(&s, 4, slots >> v);
    const uint32_t item = 32 + 2 * g * ciphertexts + pairs * 16 * (terms + ciphertexts * tile);

    expect(&s, "wavefronts", (many.wavefronts - few.wavefronts) / 2,
           blocks * 188 + polynomials * (380 + 320 * l));
    expect(&s, "sectors read", (many.loads - few.loads) / 2,
           blocks * 752 + polynomials * 512 + rows * items * item);
    expect(&s, "sectors written", (many.stores - few.stores) / 2,
           polynomials * 512 * l + rows * items * 16 * 2 * ciphertexts * tile);
}

int main(void)
{
    failures += torc_gpu_stream_create(&stream) != 0;
    check(1, 2, 0, 4, 1, 1);
    check(2, 3, 0, 4, 1, 2);
    check(1, 3, 1, 2, 2, 1);
    check(1, 2, 2, 1, 4, 1);
    check(1, 3, 4, 1, 8, 2);
    torc_gpu_stream_destroy(stream);
    return failures == 0 ? 0 : 1;
}
