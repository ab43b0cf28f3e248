/* Typed access to the attributes of the node at hand. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <string.h>

enum { FLOAT = 1, INT = 2, STRING = 3, FLOATS = 6, INTS = 7 }; /* AttributeProto.AttributeType */

const Onnx__Attribute *torc_onnx_attr(const torc_onnx_import *m, const char *name)
{
    for (size_t i = 0; i < m->node->n_attribute; i++) {
        if (strcmp(m->node->attribute[i]->name, name) == 0) {
            return m->node->attribute[i];
        }
    }
    return NULL;
}

/* *out is NULL when the attribute is absent. Writers before IR version 2 leave its type out. */
static torc_status typed(torc_onnx_import *m, const Onnx__Attribute **out, const char *name,
                         int32_t type, const char *type_name)
{
    *out = torc_onnx_attr(m, name);
    if (*out && (*out)->has_type && (*out)->type != 0 && (*out)->type != type) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: attribute '%s' is not %s", m->where, name,
                         type_name);
    }
    return TORC_OK;
}

torc_status torc_onnx_attr_int(torc_onnx_import *m, int64_t *out, const char *name,
                               int64_t otherwise)
{
    const Onnx__Attribute *a;
    TORC_TRY(typed(m, &a, name, INT, "an integer"));
    *out = a ? a->i : otherwise;
    return TORC_OK;
}

torc_status torc_onnx_attr_float(torc_onnx_import *m, double *out, const char *name,
                                 double otherwise)
{
    const Onnx__Attribute *a;
    TORC_TRY(typed(m, &a, name, FLOAT, "a number"));
    *out = a ? (double)a->f : otherwise;
    return TORC_OK;
}

torc_status torc_onnx_attr_ints(torc_onnx_import *m, const int64_t **out, size_t *count,
                                const char *name)
{
    const Onnx__Attribute *a;
    TORC_TRY(typed(m, &a, name, INTS, "a list of integers"));
    *out = a ? a->ints : NULL;
    *count = a ? a->n_ints : 0;
    return TORC_OK;
}

torc_status torc_onnx_attr_floats(torc_onnx_import *m, const float **out, size_t *count,
                                  const char *name)
{
    const Onnx__Attribute *a;
    TORC_TRY(typed(m, &a, name, FLOATS, "a list of numbers"));
    *out = a ? a->floats : NULL;
    *count = a ? a->n_floats : 0;
    return TORC_OK;
}

torc_status torc_onnx_attr_is(torc_onnx_import *m, bool *out, const char *name,
                              const char *otherwise, const char *text)
{
    const Onnx__Attribute *a;
    TORC_TRY(typed(m, &a, name, STRING, "a string"));
    if (!a) {
        *out = strcmp(otherwise, text) == 0;
    } else {
        *out = a->s.len == strlen(text) && memcmp(a->s.data, text, a->s.len) == 0;
    }
    return TORC_OK;
}
