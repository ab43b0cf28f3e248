/* One table for each enumeration: the writer indexes it, the reader searches it. */
#include "runtime/spec_names.h"

const char *const torc_contract_names[TORC_CONTRACT_COUNT] = {
    [TORC_EXACT] = "exact",
    [TORC_ROUNDED] = "rounded",
};

const char *const torc_profile_names[TORC_PROFILE_COUNT] = {
    [TORC_PRIVATE] = "private",
    [TORC_SHARED] = "shared",
    [TORC_CUSTOM] = "custom",
};

const torc_post_word torc_post_names[TORC_POST_COUNT] = {
    [TORC_POST_UNARY] = {"unary", TORC_MEMBER_ALPHA_BETA | TORC_MEMBER_NAME},
    [TORC_POST_SOFTMAX] = {"softmax", TORC_MEMBER_AXIS},
    [TORC_POST_LOG_SOFTMAX] = {"log_softmax", TORC_MEMBER_AXIS},
    [TORC_POST_ARGMAX] = {"argmax", TORC_MEMBER_AXIS | TORC_MEMBER_KEEP_DIMS},
    [TORC_POST_COMPLEMENT] = {"complement", TORC_MEMBER_AXIS},
    [TORC_POST_AFFINE] = {"affine", TORC_MEMBER_ALPHA_BETA},
    [TORC_POST_RESHAPE] = {"reshape", TORC_MEMBER_SHAPE},
    [TORC_POST_LABELS] = {"labels", TORC_MEMBER_LABELS},
};
