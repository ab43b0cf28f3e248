/* Parameter sets that other projects publish, and how to read more of them from shared data. */
#ifndef TORC_TESTS_PUBLISHED_SETS_H
#define TORC_TESTS_PUBLISHED_SETS_H

#include "runtime/json.h"
#include "tests/common/oracle_model.h"

typedef struct published_set {
    uint32_t lwe_dim, glwe_dim, poly_size;
    torc_gadget bootstrap, keyswitch;
} published_set;

typedef struct tfhe_rs_published {
    const char *name;
    tfhe_rs_law law;
    bool is_centred;
    uint32_t message_bits;
    double norm;
    double log2_p_bound;
    published_set set;
    double log2_p_fail;
    double cost_mops;
} tfhe_rs_published;

typedef struct concrete_published {
    uint32_t security_bits;
    uint32_t message_bits;
    double log2_norm;
    published_set set;
    double cost_mops;
    double p_error;
} concrete_published;

extern const tfhe_rs_published tfhe_rs_published_sets[];
extern const size_t tfhe_rs_published_count;
extern const concrete_published concrete_published_sets[];
extern const size_t concrete_published_count;

torc_params published_params(const published_set *set, uint32_t grouping);
bool published_equals(const published_set *set, const torc_params *params);

/* The object in source_dir/../shared/data/name; NULL, and said so, when that is not there. The test
 * fails when the file is there and cannot be read. */
cJSON *published_data(const char *source_dir, const char *name);
double published_number(const cJSON *object, const char *name);
const char *published_string(const cJSON *object, const char *name); /* NULL for null */

#endif
