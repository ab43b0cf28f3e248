/* torc version. */
#include "frontend/command/command.h"
#include "frontend/command/output.h"
#include "runtime/security.h"

#include <stdio.h>

static torc_status run(torc_ctx *ctx, const options *o)
{
    (void)ctx;
    if (o->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "version", TORC_VERSION);
        cJSON_AddNumberToObject(object, "security_bits", TORC_SECURITY_BITS);
        print_json(object);
    } else {
        printf("torc %s\n", TORC_VERSION);
    }
    return TORC_OK;
}

static const struct argp_option rows[] = {OPTION_JSON, {0}};

const command command_version = {
    .name = "version",
    .summary = "print the version",
    .doc = "Prints the version of torc.",
    .example = "Example:\n  torc version",
    .options = rows,
    .run = run,
};
