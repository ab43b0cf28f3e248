/* The parameter sets of torc_bench lookups: p bits at 2^-40 a circuit of 64 lookups (private), or
 * at 2^-128 a lookup behind a linear combination of norm 5 (shared). */
#include "bench/lookup_world.h"
#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MAX        8
#define CIRCUIT_LOOKUPS 64
#define SHARED_NORM_SQ  25

/* The most telling ones first: a run that is cut short should have those. */
static const char *const order[] = {"4_shared",  "8_private", "8_shared",  "1_private",
                                    "4_private", "6_private", "6_shared",  "2_private",
                                    "1_shared",  "2_shared",  "3_private", "3_shared",
                                    "5_private", "5_shared",  "7_private", "7_shared"};
#define SET_COUNT (sizeof order / sizeof *order)

static bench_set named(const char *name, const bench_options *o)
{
    const bool shared = strcmp(name + 2, "shared") == 0;
    bench_set set = {.bits = (uint32_t)(name[0] - '0'),
                     .profile = shared ? TORC_SHARED : TORC_PRIVATE,
                     .grouping = o->grouping};
    set.norm_sq = o->norm_sq != 0 ? o->norm_sq : shared ? SHARED_NORM_SQ : 1;
    set.circuit_lookups = o->circuit_lookups != 0 ? o->circuit_lookups : CIRCUIT_LOOKUPS;
    snprintf(set.name, sizeof set.name, "%s", name);
    return set;
}

bool bench_lists(const char *names, const char *name)
{
    const size_t length = strlen(name);
    while (names != NULL) {
        if (strncmp(names, name, length) == 0 && (names[length] == ',' || names[length] == '\0')) {
            return true;
        }
        names = strchr(names, ',');
        names = names == NULL ? NULL : names + 1;
    }
    return false;
}

static uint32_t count_names(const char *names)
{
    uint32_t count = 1;
    for (const char *c = names; *c != '\0'; c++) {
        count += *c == ',' ? 1 : 0;
    }
    return count;
}

torc_status bench_sets(torc_ctx *ctx, bench_set **out, uint32_t *count, const bench_options *o)
{
    bench_set *sets = NULL;
    uint32_t found = 0;
    TORC_TRY(TORC_ALLOC(ctx, sets, SET_COUNT));
    for (size_t i = 0; i < SET_COUNT; i++) {
        if (o->sets == NULL || bench_lists(o->sets, order[i])) {
            sets[found++] = named(order[i], o);
        }
    }
    if (o->sets != NULL && found != count_names(o->sets)) {
        free(sets);
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "--set: found '%s', expected names from 1_private to %d_shared, separated "
                         "by commas",
                         o->sets, BITS_MAX);
    }
    *out = sets;
    *count = found;
    return TORC_OK;
}
