/* What the environment chooses: TORC_EMU_ORDER = forward (default), reverse or random, and
 * TORC_EMU_SEED, a number, for the random choices; TORC_EMU_DEVICES, a number; TORC_EMU_MEMORY of
 * each, bytes with K, M or G behind; TORC_EMU_FAIL = CALL:CODE; TORC_EMU_STREAMS = lazy (default),
 * eager or random. */
#include "kernels/emu/device.h"
#include "kernels/emu/emu.h"
#include "kernels/emu/schedule.h"

#include <stdlib.h>
#include <string.h>

static struct {
    bool known;
    emu_order order;
    uint64_t seed, state;
} options;

static emu_order order_named(const char *name)
{
    static const char *const names[] = {"forward", "reverse", "random"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (emu_order)i;
        }
    }
    emu_fail(emu_site{}, "TORC_EMU_ORDER is '%s', not forward, reverse or random", name);
}

static void read_environment(void)
{
    if (options.known) {
        return;
    }
    options.known = true;
    const char *order = getenv("TORC_EMU_ORDER");
    const char *seed = getenv("TORC_EMU_SEED");
    options.order = order == NULL || *order == '\0' ? EMU_FORWARD : order_named(order);
    options.seed = seed == NULL ? 1 : strtoull(seed, NULL, 0);
    emu_random_restart();
}

emu_order emu_option_order(void)
{
    read_environment();
    return options.order;
}

uint32_t emu_random_below(uint32_t count) /* splitmix64 */
{
    uint64_t z = options.state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(((z ^ (z >> 31)) >> 32) * count >> 32);
}

void emu_random_restart(void)
{
    options.state = options.seed;
}

void torc_emu_schedule(const char *order, uint64_t seed)
{
    options.known = true;
    options.order = order_named(order);
    options.seed = seed;
    emu_random_restart();
}

/* --- the device --- */

static const char *environment(const char *name) /* NULL: not set, or empty */
{
    const char *text = getenv(name);
    return text == NULL || *text == '\0' ? NULL : text;
}

int emu_option_devices(void)
{
    const char *text = environment("TORC_EMU_DEVICES");
    const long count = text == NULL ? 1 : strtol(text, NULL, 10);
    if (count < 1 || count > EMU_MAX_DEVICES) {
        emu_fail(emu_site{}, "TORC_EMU_DEVICES is '%s', not 1 .. %d", text, EMU_MAX_DEVICES);
    }
    return (int)count;
}

size_t emu_option_memory(void)
{
    const char *text = environment("TORC_EMU_MEMORY");
    char *end = NULL;
    if (text == NULL) {
        return (size_t)16 << 30;
    }
    const size_t bytes = strtoull(text, &end, 10);
    const char *const units = "KMG", *unit = strchr(units, *end);
    if (end == text || unit == NULL || (*end != '\0' && end[1] != '\0')) {
        emu_fail(emu_site{}, "TORC_EMU_MEMORY is '%s', not a number of bytes, K, M or G", text);
    }
    return *end == '\0' ? bytes : bytes << 10 * (unit - units + 1);
}

/* Read at every call: programs may change it. */
emu_streams_order emu_option_streams(void)
{
    static const char *const names[EMU_STREAMS_ORDERS] = {"lazy", "eager", "random"};
    const char *text = environment("TORC_EMU_STREAMS");
    for (int i = 0; i < EMU_STREAMS_ORDERS; i++) {
        if (text == NULL || strcmp(text, names[i]) == 0) {
            return (emu_streams_order)i;
        }
    }
    emu_fail(emu_site{}, "TORC_EMU_STREAMS is '%s', not lazy, eager or random", text);
}

bool emu_option_fail(uint64_t *call, int *error)
{
    const char *text = environment("TORC_EMU_FAIL");
    char *end = NULL;
    if (text == NULL) {
        return false;
    }
    *call = strtoull(text, &end, 10);
    if (*end != ':') {
        emu_fail(emu_site{}, "TORC_EMU_FAIL is '%s', not CALL:CODE", text);
    }
    *error = (int)strtol(end + 1, NULL, 10);
    return true;
}
