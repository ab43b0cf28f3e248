/* Building affine rows one after the other (inside frontend/affine*.c only). */
#ifndef TORC_AFFINE_ROWS_H
#define TORC_AFFINE_ROWS_H

#include "frontend/affine.h"

#define TORC_MAX_TERMS (1u << 27)

typedef struct torc_rows {
    torc_ctx *ctx;
    torc_affine out;
    size_t row;             /* rows ended so far */
    size_t count, capacity; /* terms */
} torc_rows;

torc_status torc_rows_begin(torc_ctx *ctx, torc_rows *rows, size_t row_count);
torc_status torc_rows_push(torc_rows *rows, torc_term term);
torc_status torc_rows_push_scaled(torc_rows *rows, const torc_affine *in, size_t row,
                                  int64_t scale);
torc_status torc_rows_push_product(torc_rows *rows, const torc_affine *a, size_t row_a,
                                   const torc_affine *b, size_t row_b);
torc_status torc_rows_end_row(torc_rows *rows);
/* Hands the rows over on TORC_OK, frees them otherwise; returns status. */
torc_status torc_rows_finish(torc_rows *rows, torc_status status, torc_affine *out);

#endif
