/* Counts the instructions of one item of every row (rows.h), by kind. bench/instructions.sh calls
 * it. usage: instructions run PATH instructions count PATH DISASSEMBLY [CALLGRIND] `run` runs all
 * of them, for valgrind. `count` prints the counts: of the dumps CALLGRIND.1, .2, .. that valgrind
 * made of `run`, or without them by stepping through the code itself (step.h). Functions of the C
 * library do not count. */
#include "tests/instructions/disassembly.h"
#include "tests/instructions/rows.h"
#include "tests/instructions/step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* Kinds overlap: a multiply-add that reads memory is a load too. */
enum { ALL, MULTIPLY_ADDS, ARITHMETIC, SHUFFLES, LOADS, STORES, STACK, KINDS };

/* --- kinds -------------------------------------------------------------------------------------
 */

static bool has(const char *mnemonic, const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strstr(mnemonic, *parts) != NULL) {
            return true;
        }
    }
    return false;
}

static bool ends_as_double(const char *mnemonic)
{
    const char *end = mnemonic + strlen(mnemonic) - 2;
    return strlen(mnemonic) > 2 && (strcmp(end, "pd") == 0 || strcmp(end, "sd") == 0);
}

static void kinds_of(bool *kind, const instruction *in)
{
    static const char *const fused[] = {"fmadd",   "fmsub",   "fnmadd", "fnmsub",
                                        "pmaddwd", "pdpwssd", NULL};
    static const char *const adds[] = {"add", "sub", "mul", NULL};
    static const char *const shuffles[] = {"unpck", "shuf",  "perm",   "insert",  "extract",
                                           "align", "psrld", "pslldq", "movddup", "movhl",
                                           "movlh", "blend", NULL};
    const char *name = in->mnemonic;
    bool is_vector = false;
    bool reads = false;
    bool is_stack = false;
    for (uint32_t i = 0; i < in->operand_count; i++) {
        const bool is_memory = in->op[i].kind == MEMORY;
        is_vector = is_vector || in->op[i].kind == VECTOR;
        reads = reads || (is_memory && i > 0);
        is_stack = is_stack || (is_memory && in->op[i].base == REG_RSP);
    }
    const bool writes = in->op[0].kind == MEMORY;
    kind[ALL] = true;
    kind[MULTIPLY_ADDS] = has(name, fused);
    kind[ARITHMETIC] = !kind[MULTIPLY_ADDS] && ends_as_double(name) && has(name, adds);
    kind[SHUFFLES] = is_vector && strcmp(name, "vpsrld") != 0 && strcmp(name, "psrld") != 0 &&
                     (has(name, shuffles) || (strstr(name, "broadcast") != NULL && !reads));
    kind[LOADS] = is_vector && reads;
    kind[STORES] = is_vector && writes;
    kind[STACK] = is_vector && is_stack;
}

/* --- counts of one run -------------------------------------------------------------------------
 */

static void add_kinds(double *sum, const disassembly *code, double factor)
{
    for (size_t i = 0; i < code->count; i++) {
        const instruction *in = &code->list[i];
        bool kind[KINDS] = {false};
        if (in->executed != 0) {
            kinds_of(kind, in);
        }
        for (int k = 0; k < KINDS; k++) {
            sum[k] += kind[k] ? factor * (double)in->executed : 0;
        }
    }
}

/* Lines "0xADDRESS COUNT"; the one behind "calls=" is what the called function costs. */
static void read_callgrind(disassembly *code, const char *prefix, uint32_t number)
{
    char path[1024];
    char line[1024];
    bool is_call = false;
    (void)snprintf(path, sizeof path, "%s.%u", prefix, number);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "instructions: valgrind made no %s\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        if (strncmp(line, "0x", 2) == 0 && !is_call) {
            instruction *in = disassembly_at(code, strtoull(line, &rest, 16));
            if (in != NULL) {
                in->executed += strtoull(rest, NULL, 10);
            }
        }
        is_call = strncmp(line, "calls=", 6) == 0;
    }
    (void)fclose(file);
}

typedef struct counter {
    const count_path *path;
    disassembly code;
    const char *callgrind; /* NULL: step */
    uint32_t runs;
} counter;

/* sum += factor times the kinds of row with `items`. */
static void count_run(double *sum, counter *c, const count_row *row, uint32_t items, double factor)
{
    for (size_t i = 0; i < c->code.count; i++) {
        c->code.list[i].executed = 0;
    }
    c->runs++;
    if (c->callgrind != NULL) {
        read_callgrind(&c->code, c->callgrind, c->runs);
    } else {
        row->run(c->path, row, items);
    }
    add_kinds(sum, &c->code, factor);
}

void count_measured(void (*call)(void *), void *argument)
{
    call(argument);
    __asm__ volatile(""); /* a call, not a jump: valgrind sees the return */
}

/* --- rows --------------------------------------------------------------------------------------
 */

/* Makes the tables, which are those of all sizes, at little cost. */
static count_row smaller(const count_row *row)
{
    count_row out = *row;
    out.shape.poly_size = 256;
    return out;
}

static void run_all(const count_path *path)
{
    for (size_t r = 0; r < COUNT_ROWS; r++) {
        if (count_rows[r].is_difference) {
            const count_row small = smaller(&count_rows[r]);
            small.run(path, &small, 1);
        }
        count_rows[r].run(path, &count_rows[r], 1);
        if (count_rows[r].is_difference) {
            count_rows[r].run(path, &count_rows[r], 2);
        }
    }
}

static void count_all(counter *c, size_t rows)
{
    for (size_t r = 0; r < rows && r < COUNT_ROWS; r++) {
        const count_row *row = &count_rows[r];
        double sum[KINDS] = {0};
        if (row->is_difference) {
            const count_row small = smaller(row);
            count_run(sum, c, &small, 1, 0);
            count_run(sum, c, row, 1, -1);
            count_run(sum, c, row, 2, 1);
        } else {
            count_run(sum, c, row, 1, 1);
        }
        printf("%s %s", row->name, c->path->kernels->name);
        for (int k = 0; k < KINDS; k++) {
            printf(" %.0f", sum[k] / row->items);
        }
        printf(" %.0f %s\n", row->units, row->unit);
        (void)fflush(stdout);
    }
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: instructions run PATH\n"
                          "       instructions count PATH DISASSEMBLY CALLGRIND\n"
                          "       instructions step PATH DISASSEMBLY [ROWS]\n");
    return 2;
}

int main(int argc, char **argv)
{
    const count_path *path = argc >= 3 ? count_path_named(argv[2]) : NULL;
    if (path == NULL) {
        return usage();
    }
    const bool is_step = strcmp(argv[1], "step") == 0;
    if (strcmp(argv[1], "run") == 0) {
        run_all(path);
        return 0;
    }
    if ((!is_step || argc < 4) && (strcmp(argv[1], "count") != 0 || argc < 5)) {
        return usage();
    }
    counter c = {.path = path, .callgrind = is_step ? NULL : argv[4]};
    c.code = disassembly_read(argv[3]);
    if (is_step) {
        step_install(&c.code);
        count_begin = step_begin;
        count_end = step_end;
    }
    count_all(&c, is_step && argc > 4 ? (size_t)atoi(argv[4]) : COUNT_ROWS);
    disassembly_free(&c.code);
    return 0;
}
