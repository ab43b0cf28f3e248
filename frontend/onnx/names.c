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

static torc_status grow(torc_ctx *ctx, torc_onnx_names *names)
{
    torc_onnx_names larger = {.slot_count = names->slot_count ? 2 * names->slot_count : 64};
    TORC_TRY(TORC_ALLOC(ctx, larger.slots, larger.slot_count));
    for (uint32_t i = 0; i < names->slot_count; i++) {
        if (names->slots[i].name) {
            larger.slots[slot_of(&larger, names->slots[i].name)] = names->slots[i];
        }
    }
    larger.count = names->count;
    free(names->slots);
    *names = larger;
    return TORC_OK;
}

torc_status torc_onnx_names_add(torc_ctx *ctx, torc_onnx_names *names, const char *name,
                                uint32_t value)
{
    if (names->count >= UINT32_MAX / 4) {
        return torc_fail(ctx, TORC_E_FORMAT, "onnx: more than 2^30 names");
    }
    if (2 * (names->count + 1) > names->slot_count) {
        TORC_TRY(grow(ctx, names));
    }
    uint32_t slot = slot_of(names, name);
    names->slots[slot].name = name;
    names->slots[slot].value = value;
    names->count++;
    return TORC_OK;
}
