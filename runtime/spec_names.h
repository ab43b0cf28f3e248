/* Words of the JSON form of a specification, for its writer and its reader. */
#ifndef TORC_SPEC_NAMES_H
#define TORC_SPEC_NAMES_H

#include "runtime/spec.h"

#define TORC_SPEC_FORMAT  "torc-spec/1"
#define TORC_LOG2_P_NEVER (-1e6) /* smaller claims are written as this one */

enum { TORC_CONTRACT_COUNT = TORC_ROUNDED + 1 };
enum { TORC_PROFILE_COUNT = TORC_CUSTOM + 1 };
enum { TORC_POST_COUNT = TORC_POST_LABELS + 1 };

/* Which fields of a post step mean something for its kind. */
enum {
    TORC_MEMBER_ALPHA_BETA = 1,
    TORC_MEMBER_AXIS = 2,
    TORC_MEMBER_KEEP_DIMS = 4,
    TORC_MEMBER_LABELS = 8,
    TORC_MEMBER_NAME = 16,
    TORC_MEMBER_SHAPE = 32,
};

typedef struct torc_post_word {
    const char *name;
    uint32_t members;
} torc_post_word;

extern const char *const torc_contract_names[TORC_CONTRACT_COUNT];
extern const char *const torc_profile_names[TORC_PROFILE_COUNT];
extern const torc_post_word torc_post_names[TORC_POST_COUNT];

#endif
