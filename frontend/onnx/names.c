/* Open addressing with linear probing. */
#include "frontend/onnx/names.h"

#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

void torc_onnx_names_free(torc_onnx_names *names)
{
    free(names->slots);
    *names = (torc_onnx_names){0};
}

static uint32_t hash_of(const char *name) /* FNV-1a */
{
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash;
}

/* The slot that holds name, or the free one where it belongs. */
static uint32_t slot_of(const torc_onnx_names *names, const char *name)
{
    uint32_t mask = names->slot_count - 1;
    uint32_t slot = hash_of(name) & mask;
    while (names->slots[slot].name && strcmp(names->slots[slot].name, name) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

uint32_t torc_onnx_names_find(const torc_onnx_names *names, const char *name)
{
    if (names->slot_count == 0) {
        return TORC_ONNX_NO_NAME;
    }
    uint32_t slot = slot_of(names, name);
    return names->slots[slot].name ? names->slots[slot].value : TORC_ONNX_NO_NAME;
}

torc_status torc_onnx_names_create(torc_ctx *ctx, torc_onnx_names *out, size_t most)
{
    uint32_t slot_count = 64;
    if (most > UINT32_MAX / 8) {
        return torc_fail(ctx, TORC_E_FORMAT, "onnx: %zu names, at most 2^29 are supported", most);
    }
    while (slot_count < 2 * most) {
        slot_count *= 2;
    }
    *out = (torc_onnx_names){.slot_count = slot_count};
    return TORC_ALLOC(ctx, out->slots, slot_count);
}

void torc_onnx_names_add(torc_onnx_names *names, const char *name, uint32_t value)
{
    uint32_t slot = slot_of(names, name);
    names->slots[slot].name = name;
    names->slots[slot].value = value;
    names->count++;
}
