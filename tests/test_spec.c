/* Specifications: canonical text both ways, hostile text, copies. */
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *to_json(const torc_spec *spec)
{
    torc_ctx *ctx = torc_ctx_create();
    char *text = NULL;
    cr_assert_eq(torc_spec_to_json(ctx, &text, spec), TORC_OK, "%s", torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    return text;
}

/* Every kind of step, chained so that each fits what stands before it. */
static torc_spec full_spec(void)
{
    torc_spec spec = sample_spec();
    torc_post labels = {.kind = TORC_POST_LABELS, .label_count = 2};
    labels.labels = malloc(2 * sizeof *labels.labels);
    labels.labels[0] = INT64_MIN;
    labels.labels[1] = INT64_MAX;
    sample_post(
        &spec,
        (torc_post){.kind = TORC_POST_UNARY, .name = sample_text("leaky_relu"), .alpha = 0.1});
    sample_post(&spec, (torc_post){.kind = TORC_POST_AFFINE, .alpha = 1.0 / 3, .beta = -1e-300});
    sample_post(&spec, (torc_post){.kind = TORC_POST_SOFTMAX});
    sample_post(&spec, (torc_post){.kind = TORC_POST_LOG_SOFTMAX});
    sample_post(&spec, (torc_post){.kind = TORC_POST_COMPLEMENT});
    sample_post(&spec, (torc_post){.kind = TORC_POST_RESHAPE, .rank = 2, .shape = {4, 2}});
    sample_post(&spec, (torc_post){.kind = TORC_POST_ARGMAX, .axis = 1, .keep_dims = true});
    sample_post(&spec, labels);
    return spec;
}

/* The text itself is part of the file format: a change here breaks every file written before. */
static const char golden[] =
    "{\"circuit_id\":\"01080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3da\","
    "\"circuit_name\":\"sample\",\"contract\":\"exact\",\"format\":\"torc-spec/1\",\"inputs\":["
    "{\"encoding_bits\":4,\"encrypted\":true,\"is_float\":true,\"is_signed\":false,"
    "\"max\":\"15\",\"min\":\"0\",\"name\":\"image\",\"real_offset\":[-0.29999999999999999],"
    "\"real_scale\":[0.10000000000000001],\"shape\":[2,3],\"width\":4},"
    "{\"encoding_bits\":6,\"encrypted\":true,\"is_float\":false,\"is_signed\":true,"
    "\"max\":\"31\",\"min\":\"-32\",\"name\":\"bias\",\"real_offset\":[],\"real_scale\":[],"
    "\"shape\":[],\"width\":6}],\"is_virtual\":false,\"log2_p_error_bound\":-40,"
    "\"log2_p_error_circuit\":-40.5,\"log2_p_error_lookup\":-45.25,\"outputs\":["
    "{\"encoding_bits\":7,\"encrypted\":true,\"is_float\":true,\"is_signed\":true,"
    "\"max\":\"63\",\"min\":\"-64\",\"name\":\"scores\",\"real_offset\":[1.5],"
    "\"real_scale\":[0.25],\"shape\":[4],\"width\":7},"
    "{\"encoding_bits\":3,\"encrypted\":true,\"is_float\":false,\"is_signed\":false,"
    "\"max\":\"7\",\"min\":\"0\",\"name\":\"count\",\"real_offset\":[],\"real_scale\":[],"
    "\"shape\":[],\"width\":3}],\"params\":{\"base_log\":23,\"extended_log2\":0,\"glwe_dim\":1,"
    "\"glwe_noise_log2\":17,\"grouping\":1,\"ks_base_log\":3,\"ks_level_count\":5,"
    "\"level_count\":1,\"lwe_dim\":860,\"lwe_noise_log2\":15,\"poly_size\":2048},\"posts\":[],"
    "\"profile\":\"private\"}";

Test(spec, the_text_is_canonical)
{
    torc_spec spec = sample_spec();
    char *text = to_json(&spec);
    cr_expect_str_eq(text, golden);
    free(text);
    torc_spec_free(&spec);
}

static void expect_round_trip(const torc_spec *spec)
{
    torc_ctx *ctx = torc_ctx_create();
    char *text = to_json(spec);
    torc_spec back;
    cr_assert_eq(torc_spec_from_json(ctx, &back, text, strlen(text)), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    char *again = to_json(&back);
    cr_expect_str_eq(again, text);
    cr_expect_eq(back.post_count, spec->post_count);
    cr_expect_float_eq(back.log2_p_error_circuit, spec->log2_p_error_circuit, 0);
    cr_expect_arr_eq(back.circuit_id, spec->circuit_id, TORC_ID_BYTES);
    for (uint32_t i = 0; i < spec->post_count; i++) {
        cr_expect_eq(back.posts[i].kind, spec->posts[i].kind);
        cr_expect_float_eq(back.posts[i].alpha, spec->posts[i].alpha, 0);
        cr_expect_float_eq(back.posts[i].beta, spec->posts[i].beta, 0);
    }
    torc_spec_free(&back);
    free(again);
    free(text);
    torc_ctx_free(ctx);
}

Test(spec, reading_gives_back_what_was_written)
{
    torc_spec spec = full_spec();
    expect_round_trip(&spec);
    spec.contract = TORC_ROUNDED;
    spec.profile = TORC_CUSTOM;
    spec.log2_p_error_circuit = nextafter(-12.3, 0);
    spec.inputs[1].encrypted = false;
    free(spec.circuit_name);
    spec.circuit_name = sample_text("na\\me \"q\" \xc3\xa9");
    expect_round_trip(&spec);
    torc_spec_free(&spec);
}

Test(spec, a_virtual_circuit_has_no_parameters)
{
    torc_spec spec = sample_spec();
    spec.is_virtual = true;
    memset(&spec.params, 0, sizeof spec.params);
    spec.log2_p_error_circuit = 0;
    expect_round_trip(&spec);
    char *text = to_json(&spec);
    cr_expect_neq(strstr(text, "\"params\":null"), NULL);
    free(text);
    torc_spec_free(&spec);
}

Test(spec, a_failure_that_never_happens_is_written_as_a_number)
{
    torc_spec spec = sample_spec();
    spec.log2_p_error_lookup = -INFINITY;
    spec.log2_p_error_circuit = -1e12;
    char *text = to_json(&spec);
    cr_expect_neq(strstr(text, "\"log2_p_error_circuit\":-1000000,"), NULL);
    cr_expect_neq(strstr(text, "\"log2_p_error_lookup\":-1000000,"), NULL);
    free(text);
    torc_spec_free(&spec);
}

Test(spec, a_copy_shares_nothing)
{
    torc_spec spec = full_spec();
    torc_spec copy;
    char *text = to_json(&spec);
    cr_assert_eq(torc_spec_copy(NULL, &copy, &spec), TORC_OK);
    spec.inputs[0].name[0] = '!';
    spec.inputs[0].real_scale[0] = 9;
    spec.posts[0].name[0] = '!';
    torc_spec_free(&spec);
    torc_spec_free(&spec);
    char *of_copy = to_json(&copy);
    cr_expect_str_eq(of_copy, text);
    free(of_copy);
    free(text);
    torc_spec_free(&copy);
    torc_spec_free(NULL);
}

/* The text with the first occurrence of a part replaced; the caller frees it. */
static char *replaced(const char *text, const char *part, const char *by)
{
    const char *at = strstr(text, part);
    cr_assert_neq(at, NULL, "no '%s'", part);
    const size_t size = strlen(text) + strlen(by) + 1;
    char *out = malloc(size);
    snprintf(out, size, "%.*s%s%s", (int)(at - text), text, by, at + strlen(part));
    return out;
}

#define IMAGE "\"name\":\"image\""

static const struct {
    const char *part;
    const char *by;
    const char *words;
} hostile[] = {
    {"torc-spec/1", "torc-spec/2", "format is not torc-spec/1"},
    {"\"format\":\"torc-spec/1\",", "", "'format'"},
    {"01080f16", "01080F16", "hex digits"},
    {"01080f16", "01080f", "hex digits"},
    {"\"sample\"", "\"\"", "has no name"},
    {"\"sample\"", "\"a\\nb\"", "cannot be shown"},
    {"\"sample\"", "\"\xe2\x80\xae\"", "cannot be shown"},
    {"\"sample\"", "7", "'circuit_name'"},
    {"\"exact\"", "\"loose\"", "'contract' has an unknown value"},
    {"\"private\"", "\"public\"", "'profile' has an unknown value"},
    {"\"is_virtual\":false", "\"is_virtual\":0", "'is_virtual'"},
    {"\"is_virtual\":false", "\"is_virtual\":true", "not the text that torc writes"},
    {"\"log2_p_error_bound\":-40", "\"log2_p_error_bound\":0.5", "log2_p_error_bound is 0.5"},
    {"\"log2_p_error_circuit\":-40.5", "\"log2_p_error_circuit\":1e999", ""},
    {"\"log2_p_error_circuit\":-40.5", "\"log2_p_error_circuit\":\"-40\"", "log2_p_error_circuit"},
    {"\"log2_p_error_circuit\":-40.5", "\"log2_p_error_circuit\":-40.50", "not the text"},
    {"\"log2_p_error_circuit\":-40.5,", "\"log2_p_error_circuit\":-40.5, ", "not the text"},
    {"\"params\":{", "\"more\":1,\"params\":{", "not the text"},
    {"\"poly_size\":2048", "\"poly_size\":2047", "poly_size"},
    {"\"poly_size\":2048", "\"poly_size\":1e300", "poly_size"},
    {"\"poly_size\":2048", "\"poly_size\":-1", "poly_size"},
    {"\"lwe_dim\":860", "\"lwe_dim\":4294967296", "lwe_dim"},
    {"\"grouping\":1", "\"grouping\":9", "grouping"},
    {IMAGE, "\"name\":\"bias\"", "two inputs are named 'bias'"},
    {"\"name\":\"scores\"", "\"name\":\"count\"", "two outputs are named 'count'"},
    {"\"encoding_bits\":4", "\"encoding_bits\":3", "encoding_bits 3, wanted 4"},
    {"\"encoding_bits\":4", "\"encoding_bits\":63", "encoding_bits 63"},
    {"\"shape\":[2,3],\"width\":4", "\"shape\":[2,3],\"width\":0", "width 0"},
    {"\"shape\":[2,3],\"width\":4", "\"shape\":[2,3],\"width\":63", "width 63"},
    {"\"shape\":[2,3]", "\"shape\":[2,0]", "axis 1 of a shape"},
    {"\"shape\":[2,3]", "\"shape\":[2,-3]", "axis 1 of a shape"},
    {"\"shape\":[2,3]", "\"shape\":[2,2.5]", "not the text"},
    {"\"shape\":[2,3]", "\"shape\":[\"2\",3]", "axis 0 of a shape"},
    {"\"shape\":[2,3]", "\"shape\":[268435456,268435456]", "too many elements"},
    {"\"shape\":[2,3]", "\"shape\":[1,1,1,1,1,1,1,6]", "'shape'"},
    {"\"max\":\"15\"", "\"max\":15", "'max'"},
    {"\"max\":\"15\"", "\"max\":\"16\"", "bounds [0, 16]"},
    {"\"max\":\"15\"", "\"max\":\"-1\"", "bounds [0, -1]"},
    {"\"max\":\"15\"", "\"max\":\"015\"", "not the text"},
    {"\"max\":\"15\"", "\"max\":\"9223372036854775808\"", "64-bit decimal"},
    {"\"max\":\"15\"", "\"max\":\"1 \"", "64-bit decimal"},
    {"\"max\":\"15\"", "\"max\":\"\"", "64-bit decimal"},
    {"[0.10000000000000001]", "[0]", "scale 0"},
    {"[0.10000000000000001]", "[]", "0 scales but 1 offsets"},
    {"[0.10000000000000001]", "[null]", "something else than numbers"},
    {"[0.10000000000000001]", "[0.1]", "not the text"},
    {"\"is_float\":true", "\"is_float\":false", "1 scales for 6 elements, wanted none"},
    {"\"inputs\":[", "\"inputs\":7,\"x\":[", "'inputs'"},
    {"\"posts\":[]", "\"posts\":[{\"kind\":\"conv\"}]", "posts[0]"},
    {"\"posts\":[]", "\"posts\":[{\"axis\":1,\"kind\":\"softmax\"}]", "axis 1"},
    {"\"posts\":[]", "\"posts\":[{\"axis\":-1,\"kind\":\"softmax\"}]", "'axis'"},
    {"\"posts\":[]", "\"posts\":[{\"kind\":\"reshape\",\"shape\":[5]}]", "does not hold 4"},
    {"\"posts\":[]", "\"posts\":[{\"kind\":\"labels\",\"labels\":[\"1\"]}]", "integer indices"},
    {"\"posts\":[]", "\"posts\":[{\"kind\":\"labels\",\"labels\":[1]}]", "decimal strings"},
    {"\"posts\":[]", "\"posts\":[{\"alpha\":0,\"beta\":0,\"kind\":\"unary\",\"name\":\"system\"}]",
     "unknown function"},
};

Test(spec, hostile_text_is_refused_with_its_place)
{
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        char *text = replaced(golden, hostile[i].part, hostile[i].by);
        torc_spec spec;
        const torc_status status = torc_spec_from_json(ctx, &spec, text, strlen(text));
        cr_expect(status == TORC_E_FORMAT || status == TORC_E_PARAMETERS, "row %zu (%s): %s", i,
                  hostile[i].by, torc_status_name(status));
        cr_expect_neq(strstr(torc_ctx_message(ctx), hostile[i].words), NULL, "row %zu (%s): %s", i,
                      hostile[i].by, torc_ctx_message(ctx));
        cr_expect_eq(spec.inputs, NULL);
        torc_spec_free(&spec);
        free(text);
    }
    torc_ctx_free(ctx);
}

Test(spec, a_name_has_at_most_128_bytes)
{
    char name[TORC_NAME_MAX + 2];
    for (size_t length = TORC_NAME_MAX; length <= TORC_NAME_MAX + 1; length++) {
        torc_spec spec = sample_spec();
        memset(name, 'x', length);
        name[length] = '\0';
        free(spec.inputs[0].name);
        spec.inputs[0].name = sample_text(name);
        cr_expect_eq(torc_spec_check(NULL, &spec), length == 128 ? TORC_OK : TORC_E_FORMAT);
        torc_spec_free(&spec);
    }
}

Test(spec, every_cut_text_is_refused)
{
    for (size_t length = 0; length < sizeof golden - 1; length++) {
        torc_spec spec;
        cr_expect_eq(torc_spec_from_json(NULL, &spec, golden, length), TORC_E_FORMAT, "%zu bytes",
                     length);
    }
}

/* Whatever one byte is changed to: refused, or read as exactly what stands there. */
Test(spec, a_changed_byte_is_refused_or_meant)
{
    static const char bytes[] = "\0\"\\,:[]{}0159-+.eE \x7f\xff"
                                "az";
    char text[sizeof golden];
    size_t accepted = 0;
    for (size_t at = 0; at < sizeof golden - 1; at++) {
        for (size_t b = 0; b < sizeof bytes - 1; b++) {
            torc_spec spec;
            memcpy(text, golden, sizeof golden);
            text[at] = bytes[b];
            if (torc_spec_from_json(NULL, &spec, text, sizeof golden - 1) == TORC_OK) {
                char *again = to_json(&spec);
                cr_assert(memcmp(again, text, sizeof golden) == 0);
                free(again);
                torc_spec_free(&spec);
                accepted++;
            }
        }
    }
    cr_expect_gt(accepted, 100); /* digits, letters of names */
}
