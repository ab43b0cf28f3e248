/* The items of gpu_digest: see items.h. Keys, ciphertexts and tables are uniform words, as real
 * ones look to the kernels; the sizes are small, the shapes are those that are shipped. */
#include "bench/gpu_digest/items.h"

#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

#define LWE_DIM     12 /* of rotations: a multiple of g = 1 .. 4 */
#define INDEX_BITS  4
#define TABLE_INDEX 4 /* where the choice of tables begins in digest_item.index: 16 bytes */

static test_rng rng;

static void *random_upload(size_t bytes)
{
    const size_t words = (bytes + 7) / 8;
    uint64_t *host = (uint64_t *)test_alloc(words * 8);
    rng_words(&rng, host, words);
    void *device = gpu_test_upload(host, bytes);
    free(host);
    return device;
}

static uint32_t *random_below(uint32_t limit, size_t count)
{
    uint32_t *host = (uint32_t *)test_alloc(count * sizeof *host);
    for (size_t i = 0; i < count; i++) {
        host[i] = (uint32_t)((rng_next(&rng) >> 32) * limit >> 32);
    }
    uint32_t *device = (uint32_t *)gpu_test_upload(host, count * sizeof *host);
    free(host);
    return device;
}

static void set_out(digest_item *item, size_t bytes)
{
    item->out_bytes = bytes;
    item->out = (uint64_t *)gpu_test_room(bytes);
}

/* --- transforms --- */

static int launch_forward(const digest_item *item, torc_gpu_stream stream)
{
    return torc_gpu_fft_forward((double *)item->out, (const double *)item->in, item->batch,
                                item->key, item->shape.poly_size, stream);
}

static int launch_inverse(const digest_item *item, torc_gpu_stream stream)
{
    return torc_gpu_fft_inverse((double *)item->out, (const double *)item->in, item->batch,
                                item->key, item->shape.poly_size, stream);
}

static void make_transform(digest_item *item, uint32_t poly_size, bool inverse)
{
    const size_t count = 3 * (size_t)poly_size;
    double *host = (double *)test_alloc(count * sizeof *host);
    void *tables = gpu_test_room(torc_gpu_fft_table_bytes(poly_size));
    for (size_t i = 0; i < count; i++) {
        host[i] = (double)(int64_t)(rng_next(&rng) >> 11) * 0x1p-52 - 1.0;
    }
    (void)snprintf(item->name, sizeof item->name, "fft_%s_N%u", inverse ? "inverse" : "forward",
                   poly_size);
    GPU_OK(torc_gpu_fft_tables(tables, poly_size, gpu_test.stream));
    item->launch = inverse ? launch_inverse : launch_forward;
    item->shape.poly_size = poly_size;
    item->key = tables;
    item->in = gpu_test_upload(host, count * sizeof *host);
    item->batch = 3;
    set_out(item, count * sizeof *host);
    free(host);
}

/* --- keyswitch --- */

static int launch_keyswitch(const digest_item *item, torc_gpu_stream stream)
{
    const torc_gpu_keyswitch_args args = {.key = item->key,
                                          .in = (const uint64_t *)item->in,
                                          .scratch = item->scratch,
                                          .batch = item->batch};
    return torc_gpu_keyswitch(&item->switched, &args, &item->shape, stream);
}

/* exponent, error, body, one after the other in `out`. */
static void make_keyswitch(digest_item *item, uint32_t lwe_dim, uint32_t base_log,
                           uint32_t level_count, uint32_t batch)
{
    const torc_shape shape = {.glwe_dim = 1,
                              .poly_size = 2048,
                              .lwe_dim = lwe_dim,
                              .base_log = 22,
                              .level_count = 1,
                              .ks_base_log = base_log,
                              .ks_level_count = level_count,
                              .grouping = 2};
    const size_t row_bytes = (size_t)level_count * (lwe_dim + 1) * sizeof(uint32_t);
    const size_t masks = ((size_t)batch * lwe_dim + 3) / 4 * 2; /* words, even: 16 bytes */
    const size_t errors = ((size_t)batch + 1) / 2 * 2;
    const uint32_t *rows = (const uint32_t *)random_upload(shape.poly_size * row_bytes);
    void *key = gpu_test_room(torc_gpu_keyswitch_key_bytes(&shape));
    (void)snprintf(item->name, sizeof item->name, "keyswitch_n%u_B%u_l%u_batch%u", lwe_dim,
                   base_log, level_count, batch);
    GPU_OK(torc_gpu_keyswitch_key(key, rows, 0, shape.poly_size, &shape, gpu_test.stream));
    item->launch = launch_keyswitch;
    item->shape = shape;
    item->key = key;
    item->in = random_upload((size_t)batch * (shape.poly_size + 1) * sizeof(uint64_t));
    item->scratch = (uint64_t *)gpu_test_room(torc_gpu_keyswitch_scratch_bytes(&shape, batch));
    item->batch = batch;
    set_out(item, (masks + errors + errors / 2) * sizeof(uint64_t));
    item->switched.exponent = (uint32_t *)item->out;
    item->switched.error = (int64_t *)(item->out + masks);
    item->switched.body = (uint32_t *)(item->out + masks + errors);
}

/* --- rotation --- */

static int launch_rotation(const digest_item *item, torc_gpu_stream stream)
{
    const torc_gpu_rotate_args args = {.key = item->key,
                                       .in = item->switched,
                                       .table = (const uint64_t *)item->in,
                                       .index_bits = item->index,
                                       .table_index = item->index + TABLE_INDEX,
                                       .table_stride = 1u << INDEX_BITS,
                                       .batch = item->batch,
                                       .scratch = item->scratch,
                                       .form = item->form,
                                       .cluster = item->cluster};
    return torc_gpu_rotate(item->out, &args, &item->shape, stream);
}

static void *rotation_key(const torc_shape *shape)
{
    const uint32_t rows = (uint32_t)keys_row_count(shape);
    void *key = gpu_test_room(torc_gpu_bootstrap_key_bytes(shape));
    const size_t bytes = rows * keys_row_words(shape) * sizeof(uint64_t);
    GPU_OK(torc_gpu_fft_tables(key, shape->poly_size, gpu_test.stream));
    GPU_OK(torc_gpu_bootstrap_key_rows(key, 0, rows, (const uint64_t *)random_upload(bytes), shape,
                                       gpu_test.stream));
    return key;
}

/* Errors of a modulus switch: n masks of up to half a cell each, units of 2^-32. */
static int64_t *random_errors(const torc_shape *shape, uint32_t batch)
{
    int64_t *host = (int64_t *)test_alloc(batch * sizeof *host);
    const int64_t cell = ((int64_t)1 << 31) / (int64_t)shape->poly_size >> shape->extended_log2;
    for (uint32_t i = 0; i < batch; i++) {
        host[i] = (int64_t)(rng_next(&rng) % (uint64_t)(4 * cell)) - 2 * cell;
    }
    int64_t *device = (int64_t *)gpu_test_upload(host, batch * sizeof *host);
    free(host);
    return device;
}

void item_make_rotation(digest_item *item, const rotation_shape *like, uint32_t lwe_dim,
                        uint32_t batch)
{
    static const uint32_t base_logs[] = {22, 14, 9};
    const torc_shape shape = {.glwe_dim = like->k,
                              .poly_size = 1u << like->log2_n,
                              .lwe_dim = lwe_dim,
                              .extended_log2 = like->v,
                              .base_log = base_logs[like->l - 1],
                              .level_count = like->l,
                              .ks_base_log = 4,
                              .ks_level_count = 4,
                              .grouping = like->g};
    uint32_t *index = (uint32_t *)test_alloc((TABLE_INDEX + batch) * sizeof *index);
    index[0] = INDEX_BITS; /* of the two tables; then the table of each ciphertext */
    index[1] = 1;
    for (uint32_t i = 0; i < batch; i++) {
        index[TABLE_INDEX + i] = i % 2;
    }
    item->launch = launch_rotation;
    item->scratch = (uint64_t *)gpu_test_room(torc_gpu_rotate_scratch_bytes(&shape, batch));
    item->shape = shape;
    item->key = rotation_key(&shape);
    item->in = random_upload((size_t)2 * sizeof(uint64_t) << INDEX_BITS);
    item->index = (const uint32_t *)gpu_test_upload(index, (TABLE_INDEX + batch) * sizeof *index);
    item->batch = batch;
    item->switched.exponent = random_below(2 * shape.poly_size << like->v, (size_t)batch * lwe_dim);
    item->switched.body = (uint32_t *)random_upload(batch * sizeof(uint32_t));
    item->switched.error = random_errors(&shape, batch);
    set_out(item, (size_t)batch * ((size_t)like->k * shape.poly_size + 1) * sizeof(uint64_t));
    free(index);
}

void item_set_form(digest_item *item, torc_gpu_form form, uint32_t cluster)
{
    static const char *const forms[] = {"any", "throughput", "latency", "global"};
    const torc_shape *s = &item->shape;
    item->form = form;
    item->cluster = cluster;
    (void)snprintf(item->name, sizeof item->name, "rotate_%s%.0u_k%u_N%u_l%u_g%u_v%u", forms[form],
                   cluster, s->glwe_dim, s->poly_size, s->level_count, s->grouping,
                   s->extended_log2);
}

/* --- batches --- */

#define LAYER_INS     33u
#define LAYER_OUTS    17u
#define LAYER_SAMPLES 3u
#define LAYER_WORDS   513u

static int launch_linear(const digest_item *item, torc_gpu_stream stream)
{
    const size_t stride = (size_t)LAYER_WORDS * LAYER_SAMPLES;
    const torc_elements in = {item->linear_in, stride, LAYER_WORDS, LAYER_WORDS};
    const torc_elements out = {item->out, stride, LAYER_WORDS, LAYER_WORDS};
    const torc_linear_layer layer = {.group_count = 1,
                                     .out_count = LAYER_OUTS,
                                     .in_count = LAYER_INS,
                                     .weight_groups = 1,
                                     .constant_groups = 1,
                                     .out_group_stride = LAYER_OUTS,
                                     .out_stride = 1,
                                     .gather = item->index,
                                     .weight_i32 = (const int32_t *)item->key,
                                     .constant = item->scratch};
    return torc_gpu_linear(&out, &in, NULL, &layer, LAYER_SAMPLES, stream);
}

static void make_linear(digest_item *item)
{
    const size_t element = (size_t)LAYER_WORDS * LAYER_SAMPLES * sizeof(uint64_t);
    (void)snprintf(item->name, sizeof item->name, "linear_%ux%u", LAYER_OUTS, LAYER_INS);
    item->launch = launch_linear;
    item->linear_in = (uint64_t *)random_upload(LAYER_INS * element);
    item->index = random_below(LAYER_INS, LAYER_INS);
    item->key = random_upload(sizeof(int32_t) * LAYER_OUTS * LAYER_INS);
    item->scratch = (uint64_t *)random_upload(LAYER_OUTS * sizeof(uint64_t));
    set_out(item, LAYER_OUTS * element);
}

static int launch_expand(const digest_item *item, torc_gpu_stream stream)
{
    const torc_expansion e = {.seed = {1, 2, 3},
                              .domain = 1,
                              .first_row = 5,
                              .outer_count = 2,
                              .inner_count = 3,
                              .outer_stride = 6144,
                              .inner_stride = 2048,
                              .mask_words = 1536,
                              .body_words = 512};
    return torc_gpu_expand_u64(item->out, (const uint64_t *)item->in, &e, stream);
}

static void make_expand(digest_item *item)
{
    (void)snprintf(item->name, sizeof item->name, "expand_k3_N512");
    item->launch = launch_expand;
    item->in = random_upload(sizeof(uint64_t) * 6 * 512);
    set_out(item, sizeof(uint64_t) * 2 * 6144);
}

/* --- all --- */

const rotation_shape items_shapes[] = {
#define TORC_CONFIGURATION(k, log2_N, l, g, v) {k, log2_N, l, g, v},
#include "kernels/configurations.def"
#undef TORC_CONFIGURATION
};
const size_t items_shape_count = sizeof items_shapes / sizeof items_shapes[0];

void items_begin(torc_gpu_stream stream)
{
    gpu_test.stream = stream;
    rng.state = 20261129;
}

/* A shape in every form that may run it; all but name and output are shared. */
static size_t make_forms(digest_item *items, const rotation_shape *shape)
{
    size_t count = 0;
    for (uint32_t cluster = 1; cluster <= 4 && shape->v == 0 && shape->g >= 2; cluster *= 2) {
        items[count].form = TORC_GPU_FORM_LATENCY;
        items[count++].cluster = cluster;
    }
    items[count++].form = TORC_GPU_FORM_THROUGHPUT;
    items[count++].form = TORC_GPU_FORM_GLOBAL;
    for (size_t i = 0; i < count; i++) {
        const digest_item wanted = items[i];
        if (i == 0) {
            item_make_rotation(&items[0], shape, LWE_DIM, shape->v < 2 ? 9 : 3);
        } else {
            items[i] = items[0];
            set_out(&items[i], items[0].out_bytes);
        }
        item_set_form(&items[i], wanted.form, wanted.cluster);
    }
    return count;
}

size_t items_make(digest_item items[ITEMS_MAX], bool toy, torc_gpu_stream stream)
{
    size_t count = 0;
    memset(items, 0, ITEMS_MAX * sizeof *items);
    items_begin(stream);
    for (uint32_t log2_n = 8; log2_n <= 12; log2_n++) {
        make_transform(&items[count++], 1u << log2_n, false);
        make_transform(&items[count++], 1u << log2_n, true);
    }
    make_keyswitch(&items[count++], 40, 2, 4, 3);
    make_keyswitch(&items[count++], 101, 7, 2, 65);
    make_linear(&items[count++]);
    make_expand(&items[count++]);
    for (size_t i = 0; i < items_shape_count; i++) {
        if (!toy || (items_shapes[i].v == 0 && items_shapes[i].log2_n <= 10)) {
            count += make_forms(items + count, &items_shapes[i]);
        }
    }
    return count;
}

void items_free(void)
{
    gpu_test_free_all();
}
