/* Names, alphabets and sizes of containers. */
#include "runtime/container_layout.h"

#include <sodium.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensors are stored as they lie in memory");

static const struct {
    const char *word;
    const char *name;
} kinds[TORC_FILE_KIND_COUNT] = {
    [TORC_FILE_CIRCUIT] = {"circuit", "circuit"},
    [TORC_FILE_CLIENT] = {"client", "client specification"},
    [TORC_FILE_SECRET] = {"secret", "secret key"},
    [TORC_FILE_EVALUATION] = {"evaluation", "evaluation keys"},
    [TORC_FILE_CIPHERTEXT] = {"ciphertext", "ciphertexts"},
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [TORC_RAW_U8] = {"U8", 1},   [TORC_RAW_U32] = {"U32", 4}, [TORC_RAW_U64] = {"U64", 8},
    [TORC_RAW_I64] = {"I64", 8}, [TORC_RAW_F64] = {"F64", 8},
};

const char *torc_file_kind_name(torc_file_kind kind)
{
    return kinds[kind].name;
}

const char *torc_container_kind_word(torc_file_kind kind)
{
    return kinds[kind].word;
}

const char *torc_raw_dtype_name(torc_raw_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t torc_raw_dtype_bytes(torc_raw_dtype dtype)
{
    return dtypes[dtype].bytes;
}

static bool is_made_of(const char *text, const char *alphabet, size_t max_length)
{
    size_t length = strlen(text);
    return length >= 1 && length <= max_length && strspn(text, alphabet) == length;
}

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"

bool torc_container_key_is_good(const char *key)
{
    static const char *const own[] = {"header_digest", "format", "writer"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(key, own[i]) == 0) {
            return false;
        }
    }
    return is_made_of(key, LETTERS_AND_DIGITS "_", 64);
}

bool torc_container_name_is_good(const char *name)
{
    return is_made_of(name, LETTERS_AND_DIGITS "_./-", TORC_CONTAINER_NAME_MAX);
}

bool torc_container_bytes(size_t *out, torc_raw_dtype dtype, uint32_t rank, const size_t *shape)
{
    size_t count = torc_shape_count(rank, shape);
    return !__builtin_mul_overflow(count, dtypes[dtype].bytes, out) && *out <= SIZE_MAX / 2;
}

size_t torc_container_align(size_t offset)
{
    return (offset + TORC_CONTAINER_ALIGN - 1) / TORC_CONTAINER_ALIGN * TORC_CONTAINER_ALIGN;
}

void torc_container_header_digest(uint8_t out[TORC_DIGEST_BYTES], const void *start, size_t bytes)
{
    const uint8_t *byte = start;
    const size_t rest = TORC_CONTAINER_DIGEST_AT + TORC_DIGEST_DIGITS;
    uint8_t zeros[TORC_DIGEST_DIGITS];
    memset(zeros, '0', sizeof zeros);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, TORC_DIGEST_BYTES);
    crypto_generichash_update(&state, byte, TORC_CONTAINER_DIGEST_AT);
    crypto_generichash_update(&state, zeros, sizeof zeros);
    crypto_generichash_update(&state, byte + rest, bytes - rest);
    crypto_generichash_final(&state, out, TORC_DIGEST_BYTES);
}
