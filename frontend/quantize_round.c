/* Rounding a row of weights. Each weight to its nearest integer minimises the error of each
 * product; what counts is the error of their sum, and the inputs of a layer are correlated. So,
 * after rounding, weights move to the integer on their other side while that lowers e G e, where e
 * is the error of the weights and G the second moments of the inputs on the inputset. */
#include "frontend/quantize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

/* Added to the diagonal, in units of its mean: what the inputset does not show is as likely as
 * this. */
#define RIDGE 0.05

enum { MAX_COUNT = 2048 };

void torc_quant_gram_free(torc_quant_gram *gram)
{
    free(gram->place);
    free(gram->g);
    *gram = (torc_quant_gram){0};
}

static uint32_t number_elements(torc_quant_gram *gram, const torc_quant_plan *plan,
                                const torc_real_rows *rows)
{
    uint32_t count = 0;
    for (uint32_t e = 0; e < plan->element_count; e++) {
        gram->place[e] = TORC_QUANT_NONE;
    }
    for (size_t t = 0; t < rows->begin[rows->count]; t++) {
        uint32_t *place = &gram->place[rows->term[t].source];
        if (*place == TORC_QUANT_NONE) {
            *place = count++;
        }
    }
    return count;
}

static double moment(const double *x, const double *y, size_t samples)
{
    double x_sum = 0;
    double y_sum = 0;
    double xy_sum = 0;
    for (size_t k = 0; k < samples; k++) {
        x_sum += x[k];
        y_sum += y[k];
        xy_sum += x[k] * y[k];
    }
    return (xy_sum - x_sum * y_sum / (double)samples) / (double)samples;
}

static void fill_moments(torc_quant_gram *gram, const torc_quant_try *t, const uint32_t *element)
{
    size_t samples = t->plan->samples;
    size_t n = gram->count;
    double trace = 0;
    bool parallel = n * n * samples > 10000000;
#pragma omp parallel for schedule(dynamic, 8) if (parallel)
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double m = moment(t->q + element[i] * samples, t->q + element[j] * samples, samples);
            gram->g[i * n + j] = m;
            gram->g[j * n + i] = m;
        }
    }
    for (size_t i = 0; i < n; i++) { /* in this order always: compiling is reproducible */
        trace += gram->g[i * n + i];
    }
    for (size_t i = 0; i < n; i++) {
        gram->g[i * n + i] += RIDGE * trace / (double)n;
    }
}

torc_status torc_quant_gram_create(torc_ctx *ctx, torc_quant_gram *out, const torc_quant_try *t,
                                   uint32_t layer)
{
    const torc_quant_plan *plan = t->plan;
    torc_quant_gram gram = {0};
    uint32_t *element = NULL;
    TORC_TRY(TORC_ALLOC(ctx, gram.place, plan->element_count));
    gram.count = number_elements(&gram, plan, &plan->layers[layer].rows);
    torc_status status = TORC_OK;
    if (gram.count <= MAX_COUNT) {
        status = TORC_ALLOC(ctx, gram.g, (size_t)gram.count * gram.count);
        if (status == TORC_OK) {
            status = TORC_ALLOC(ctx, element, gram.count);
        }
        for (uint32_t e = 0; e < plan->element_count && status == TORC_OK; e++) {
            if (gram.place[e] != TORC_QUANT_NONE) {
                element[gram.place[e]] = e;
            }
        }
        if (status == TORC_OK) {
            fill_moments(&gram, t, element);
        }
    }
    free(element);
    if (status != TORC_OK) {
        torc_quant_gram_free(&gram);
        return status;
    }
    *out = gram;
    return TORC_OK;
}

/* The row being rounded: error of each weight, and slope[i] = sum_j G_ij error_j. */
typedef struct rounding {
    int32_t *weight;
    const torc_real_term *term;
    size_t count;
    const torc_quant_gram *gram;
    double largest;
    double *error;
    double *slope;
} rounding;

static const double *moments_of(const rounding *r, size_t i)
{
    return r->gram->g + (size_t)r->gram->place[r->term[i].source] * r->gram->count;
}

static void add_error(rounding *r, size_t i, double change)
{
    const double *g = moments_of(r, i);
    for (size_t j = 0; change != 0 && j < r->count; j++) {
        r->slope[j] += change * g[r->gram->place[r->term[j].source]];
    }
}

/* The weight whose step to its other side lowers the error most; count when none does. */
static size_t best_step(const rounding *r, double *step)
{
    double best = -1e-12;
    size_t best_index = r->count;
    for (size_t i = 0; i < r->count; i++) {
        double d = r->error[i] > 0 ? -1 : 1;
        double diagonal = moments_of(r, i)[r->gram->place[r->term[i].source]];
        double gain = 2 * d * r->slope[i] + diagonal;
        if (r->error[i] != 0 && gain < best && fabs(r->weight[i] + d) <= r->largest) {
            best = gain;
            best_index = i;
            *step = d;
        }
    }
    return best_index;
}

void torc_quant_round(int32_t *weight, const double *target, const torc_real_term *term,
                      size_t count, const torc_quant_gram *gram, double largest, double *scratch)
{
    rounding r = {weight, term, count, gram, largest, NULL, NULL};
    r.error = scratch;
    r.slope = scratch + count;
    for (size_t i = 0; i < count; i++) {
        weight[i] = (int32_t)fmin(fmax(rint(target[i]), -largest), largest);
        r.error[i] = weight[i] - target[i];
        r.slope[i] = 0;
    }
    if (!gram || !gram->g) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        add_error(&r, i, r.error[i]);
    }
    for (size_t k = 0; k < 2 * count; k++) {
        double step = 0;
        size_t i = best_step(&r, &step);
        if (i == count) {
            break;
        }
        weight[i] += (int32_t)step;
        r.error[i] += step;
        add_error(&r, i, step);
    }
}
