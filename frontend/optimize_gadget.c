/* Gadgets worth trying: a level or a base stays only if no other is both as cheap and as precise.
 */
#include "frontend/optimize_search.h"

#include <assert.h>
#include <string.h>

typedef struct front {
    torc_gadgets *gadgets;
    double price[TORC_GADGETS_MAX];
    double variance[TORC_GADGETS_MAX];
} front;

static void front_remove(front *f, uint32_t i)
{
    const uint32_t behind = f->gadgets->count - i - 1;

    memmove(&f->gadgets->list[i], &f->gadgets->list[i + 1], behind * sizeof *f->gadgets->list);
    memmove(&f->price[i], &f->price[i + 1], behind * sizeof *f->price);
    memmove(&f->variance[i], &f->variance[i + 1], behind * sizeof *f->variance);
    f->gadgets->count--;
}

static void front_insert(front *f, uint32_t i, torc_gadget gadget, double price, double variance)
{
    const uint32_t behind = f->gadgets->count - i;

    assert(f->gadgets->count < TORC_GADGETS_MAX);
    memmove(&f->gadgets->list[i + 1], &f->gadgets->list[i], behind * sizeof *f->gadgets->list);
    memmove(&f->price[i + 1], &f->price[i], behind * sizeof *f->price);
    memmove(&f->variance[i + 1], &f->variance[i], behind * sizeof *f->variance);
    f->gadgets->list[i] = gadget;
    f->price[i] = price;
    f->variance[i] = variance;
    f->gadgets->count++;
}

/* Prices ascend and variances fall along the front. Of equals the first stays. */
static void front_offer(front *f, torc_gadget gadget, double price, double variance)
{
    uint32_t at = 0;

    while (at < f->gadgets->count && f->price[at] <= price) {
        if (f->variance[at] <= variance) {
            return;
        }
        at++;
    }
    front_insert(f, at, gadget, price, variance);
    while (at + 1 < f->gadgets->count && f->variance[at + 1] >= variance) {
        front_remove(f, at + 1);
    }
    if (at > 0 && f->price[at - 1] == price) {
        front_remove(f, at - 1);
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Levels that no kernel has must not push out those that one has. */
static bool has_price(const torc_search_model *model, const torc_params *params)
{
    const torc_configuration shape = torc_configuration_of(params);

    return model->launches == NULL || torc_configurations_hold(model->configurations, &shape);
}

void torc_gadgets_bootstrap(torc_gadgets *out, const torc_search_model *model,
                            const torc_params *at)
{
    const uint32_t bits_max = model->bootstrap_bits_max;
    const uint32_t base_max = model->bootstrap_base_max == 0 ? bits_max : model->bootstrap_base_max;
    torc_params trial = *at;
    front f = {.gadgets = out};

    out->count = 0;
    for (uint32_t levels = 1; levels <= least(bits_max, model->bootstrap_levels_max); levels++) {
        for (uint32_t base_log = least(bits_max / levels, base_max); base_log >= 1; base_log--) {
            trial.bootstrap = (torc_gadget){base_log, levels};
            if (!has_price(model, &trial)) {
                continue;
            }
            front_offer(&f, trial.bootstrap, model->price_floor(model, &trial),
                        model->bootstrap(&trial));
        }
    }
}

/* A keyswitch costs by its levels alone. */
void torc_gadgets_keyswitch(torc_gadgets *out, const torc_search_model *model,
                            const torc_params *at)
{
    const uint32_t bits_max = model->keyswitch_bits_max;
    const uint32_t base_max = model->keyswitch_base_max == 0 ? bits_max : model->keyswitch_base_max;
    torc_params trial = *at;
    front f = {.gadgets = out};

    out->count = 0;
    for (uint32_t levels = 1; levels <= least(bits_max, model->keyswitch_levels_max); levels++) {
        for (uint32_t base_log = least(bits_max / levels, base_max); base_log >= 1; base_log--) {
            trial.keyswitch = (torc_gadget){base_log, levels};
            front_offer(&f, trial.keyswitch, levels, model->keyswitch(&trial));
        }
    }
}
