#include "tests/common/damage.h"

#include "tests/common/folder.h"
#include "tests/common/identity_spec.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef torc_status load_fn(torc_ctx *ctx, const char *path);

static torc_status load_spec(torc_ctx *ctx, const char *path)
{
    torc_spec spec;
    const torc_status status = torc_spec_load(ctx, &spec, path);
    cr_expect(status == TORC_OK || spec.inputs == NULL);
    torc_spec_free(&spec);
    return status;
}

static torc_status load_secret_with(torc_ctx *ctx, const char *path, const char *passphrase)
{
    torc_secret_key *secret = NULL;
    const torc_status status = torc_secret_key_load(ctx, &secret, path, passphrase);
    cr_expect_eq(secret == NULL, status != TORC_OK);
    torc_secret_key_free(secret);
    return status;
}

static torc_status load_secret(torc_ctx *ctx, const char *path)
{
    return load_secret_with(ctx, path, NULL);
}

static torc_status load_sealed(torc_ctx *ctx, const char *path)
{
    return load_secret_with(ctx, path, "pw");
}

static torc_status load_keys(torc_ctx *ctx, const char *path)
{
    torc_evaluation_keys *keys = NULL;
    const torc_status status = torc_evk_load(ctx, &keys, path);
    cr_expect_eq(keys == NULL, status != TORC_OK);
    torc_evk_free(keys);
    return status;
}

static torc_status load_ciphertexts(torc_ctx *ctx, const char *path)
{
    torc_ciphertexts *ct = NULL;
    const torc_status status = torc_ciphertexts_load(ctx, &ct, path);
    cr_expect_eq(ct == NULL, status != TORC_OK);
    torc_ciphertexts_free(ct);
    return status;
}

static load_fn *const loaders[DAMAGE_KINDS] = {load_spec, load_secret, load_sealed, load_keys,
                                               load_ciphertexts};

static void make(int kind, const char *path)
{
    torc_spec spec = identity_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_ciphertexts *ct = NULL;
    torc_tensor inputs[3];
    identity_inputs(inputs, 1, 1);
    cr_assert_eq(torc_keygen(NULL, &secret, &keys, &spec, 0), TORC_OK);
    cr_assert_eq(torc_encrypt(NULL, &ct, NULL, &spec, secret, inputs, 0), TORC_OK);
    switch (kind) {
    case 0: cr_assert_eq(torc_spec_save(NULL, &spec, path), TORC_OK); break;
    case 1:
    case 2:
        cr_assert_eq(torc_secret_key_save(NULL, secret, path, kind == 1 ? NULL : "pw", true),
                     TORC_OK);
        break;
    case 3: cr_assert_eq(torc_evk_save(NULL, keys, path), TORC_OK); break;
    default: cr_assert_eq(torc_ciphertexts_save(NULL, ct, path), TORC_OK); break;
    }
    identity_free(inputs);
    torc_ciphertexts_free(ct);
    torc_secret_key_free(secret);
    torc_evk_free(keys);
    torc_spec_free(&spec);
}

damage_file damage_begin(int kind)
{
    enum { ROOM = 1 << 16 };
    static char bytes[ROOM];
    const char *path = folder_path("file");
    make(kind, path);
    cr_assert_eq(loaders[kind](NULL, path), TORC_OK);
    FILE *file = fopen(path, "rb");
    cr_assert_neq(file, NULL);
    memset(bytes, 0, sizeof bytes);
    const damage_file out = {.kind = kind, .size = fread(bytes, 1, ROOM, file), .bytes = bytes};
    fclose(file);
    cr_assert(out.size > 100 && out.size < ROOM);
    return out;
}

void damage_expect_refused(const damage_file *file, size_t size, const char *what)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("file");
    /* In place: a file that is emptied first goes to the disk each time on some file systems. */
    const int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(write(descriptor, file->bytes, size), (ssize_t)size);
    cr_assert_eq(ftruncate(descriptor, (off_t)size), 0);
    close(descriptor);
    cr_assert_neq(loaders[file->kind](ctx, path), TORC_OK, "kind %d, %s, %zu bytes", file->kind,
                  what, size);
    cr_assert_neq(strstr(torc_ctx_message(ctx), "file"), NULL, "no path: %s",
                  torc_ctx_message(ctx));
    torc_ctx_free(ctx);
}

void damage_end(void)
{
    folder_remove();
}
