/* Reading machine code: see sass.h. A line of cuobjdump
 *
 *   (0d90)   @!P0 BRA 0xd640 ;   ( 0x000000c800288947 )
 *
 * address, guard, instruction with operands, encoding; comment marks stand for the parentheses. */
#include "tests/resources/sass.h"

#include <stdlib.h>
#include <string.h>

/* --- instructions --- */

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static sass_kind kind_of(const char *opcode, const char *operands)
{
    static const struct {
        const char *prefix;
        sass_kind kind;
    } kinds[] = {
        {"DADD", SASS_FP64},  {"DFMA", SASS_FP64},   {"DMUL", SASS_FP64},     {"DSETP", SASS_FP64},
        {"DMNMX", SASS_FP64}, {"LDL", SASS_LOCAL},   {"STL", SASS_LOCAL},     {"LDSM", SASS_SHARED},
        {"LDS", SASS_SHARED}, {"STS", SASS_SHARED},  {"LDGSTS", SASS_GLOBAL}, {"LDG", SASS_GLOBAL},
        {"STG", SASS_GLOBAL}, {"IMMA", SASS_TENSOR}, {"HMMA", SASS_TENSOR},   {"DMMA", SASS_TENSOR},
        {"BRA", SASS_BRANCH},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (starts(opcode, kinds[i].prefix)) {
            return kinds[i].kind;
        }
    }
    /* I2F.F64.S32, F2I.S64.F64, F2F.F32.F64, FRND.F64 */
    if ((starts(opcode, "I2F") || starts(opcode, "F2I") || starts(opcode, "F2F") ||
         starts(opcode, "FRND")) &&
        strstr(opcode, "F64") != NULL) {
        return SASS_CONVERSION;
    }
    /* Barrier 0 is that of the block; others join some of its warps. A cluster's holds its blocks.
     */
    if ((starts(opcode, "BAR") && starts(operands, "0x0 ")) || starts(opcode, "UCGABAR_WAIT")) {
        return SASS_BARRIER;
    }
    return SASS_OTHER;
}

/* The address is the last number of the operands, behind predicates. */
static uint32_t branch_target(const char *operands)
{
    const char *last = NULL;
    for (const char *at = strstr(operands, "0x"); at != NULL; at = strstr(at + 2, "0x")) {
        last = at;
    }
    return last == NULL ? UINT32_MAX : (uint32_t)strtoul(last, NULL, 16);
}

/* False for the second line of an encoding, labels and blank lines. */
static bool read_instruction(sass_instruction *out, char *line)
{
    char *at = line + strspn(line, " \t");
    if (!starts(at, "/*") || starts(at, "/* ")) {
        return false;
    }
    char *end = NULL;
    out->address = (uint32_t)strtoul(at + 2, &end, 16);
    if (end == at + 2 || !starts(end, "*/")) {
        return false;
    }
    at = end + 2 + strspn(end + 2, " \t");
    char *semicolon = strchr(at, ';');
    if (semicolon == NULL) {
        return false;
    }
    *semicolon = '\0';
    const bool is_guarded = *at == '@';
    if (is_guarded) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    char *operands = at + strcspn(at, " ");
    if (*operands == ' ') {
        *operands++ = '\0';
        operands += strspn(operands, " ");
    }
    out->kind = kind_of(at, operands);
    out->target = out->kind == SASS_BRANCH ? branch_target(operands) : UINT32_MAX;
    if (out->kind == SASS_BRANCH && !is_guarded && starts(operands, "0x")) {
        out->kind = SASS_JUMP;
    }
    return true;
}

/* --- listings --- */

static bool add_kernel(sass_kernel **kernels, size_t *count, char *symbol)
{
    symbol[strcspn(symbol, " \t\r\n")] = '\0';
    sass_kernel *grown = (sass_kernel *)realloc(*kernels, (*count + 1) * sizeof **kernels);
    if (grown == NULL) {
        return false;
    }
    *kernels = grown;
    grown[*count] = (sass_kernel){.code = NULL};
    sass_plain_name(grown[*count].name, symbol);
    ++*count;
    return true;
}

static bool add_instruction(sass_kernel *kernel, const sass_instruction *instruction)
{
    if (kernel->count % 1024 == 0) {
        sass_instruction *grown = (sass_instruction *)realloc(
            kernel->code, (kernel->count + 1024) * sizeof kernel->code[0]);
        if (grown == NULL) {
            return false;
        }
        kernel->code = grown;
    }
    kernel->code[kernel->count++] = *instruction;
    return true;
}

bool sass_read(sass_kernel **out, size_t *count, FILE *listing)
{
    static const char mark[] = "Function : ";
    char line[1024];
    bool enough = true;
    *out = NULL;
    *count = 0;
    while (enough && fgets(line, sizeof line, listing) != NULL) {
        char *function = strstr(line, mark);
        sass_instruction instruction;
        if (function != NULL) {
            enough = add_kernel(out, count, function + strlen(mark));
        } else if (*count > 0 && read_instruction(&instruction, line)) {
            enough = add_instruction(&(*out)[*count - 1], &instruction);
        }
    }
    if (!enough) {
        sass_free(*out, *count);
        *out = NULL;
        *count = 0;
    }
    return enough;
}

void sass_free(sass_kernel *kernels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(kernels[i].code);
    }
    free(kernels);
}

/* --- loops --- */

static size_t index_of(const sass_kernel *kernel, uint32_t address)
{
    size_t low = 0, high = kernel->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (kernel->code[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* In the order of their first instructions; branches to one target are one loop. A branch to itself
 * only fills the end of a kernel. */
static size_t find_loops(sass_loop loops[SASS_LOOPS_MAX], const sass_kernel *kernel)
{
    size_t count = 0;
    for (size_t i = 0; i < kernel->count; i++) {
        const sass_instruction *branch = &kernel->code[i];
        if (branch->target >= branch->address) {
            continue;
        }
        const size_t first = index_of(kernel, branch->target);
        size_t at = 0;
        while (at < count && loops[at].first < first) {
            at++;
        }
        if (at < count && loops[at].first == first) {
            loops[at].last = i;
        } else if (count < SASS_LOOPS_MAX) {
            memmove(loops + at + 1, loops + at, (count - at) * sizeof loops[0]);
            loops[at] = (sass_loop){first, i};
            count++;
        }
    }
    return count;
}

static bool within(const sass_loop *inner, const sass_loop *outer)
{
    return inner != outer && inner->first >= outer->first && inner->last <= outer->last;
}

size_t sass_count(const sass_kernel *kernel, const sass_loop *loop, sass_kind kind)
{
    size_t count = 0;
    for (size_t i = loop->first; i <= loop->last; i++) {
        count += kernel->code[i].kind == kind;
    }
    return count;
}

static bool has_barrier(const sass_kernel *kernel, const sass_loop *loop)
{
    return sass_count(kernel, loop, SASS_BARRIER) > 0;
}

static const sass_loop *find_step_loop(const sass_kernel *kernel, const sass_loop *loops,
                                       size_t count)
{
    const sass_loop *best = NULL;
    for (size_t i = 0; i < count; i++) {
        bool innermost = has_barrier(kernel, &loops[i]);
        for (size_t j = 0; innermost && j < count; j++) {
            innermost = !(within(&loops[j], &loops[i]) && has_barrier(kernel, &loops[j]));
        }
        if (innermost &&
            (best == NULL || loops[i].last - loops[i].first > best->last - best->first)) {
            best = &loops[i];
        }
    }
    return best;
}

/* --- a step --- */

static void count_instruction(sass_step *out, sass_kind kind, size_t phase, double times)
{
    switch (kind) {
    case SASS_FP64:
        out->fp64[phase] += times;
        out->fp64_sum += times;
        break;
    case SASS_CONVERSION: out->conversions[phase] += times; break;
    case SASS_LOCAL:
    case SASS_SHARED: out->shared += times; break;
    case SASS_GLOBAL: out->global += times; break;
    case SASS_TENSOR: out->tensor += times; break;
    case SASS_OTHER:
    case SASS_BARRIER:
    case SASS_BRANCH:
    case SASS_JUMP: break;
    }
}

/* A forward branch at i to `target`, with a jump just before the target to an end behind it, makes
 * two ways, i + 1 .. target - 1 and target .. end - 1, both inside the loop. */
static bool find_choice(size_t *target, size_t *end, const sass_kernel *kernel,
                        const sass_loop *loop, size_t i)
{
    const sass_instruction *branch = &kernel->code[i];
    if (branch->kind != SASS_BRANCH || branch->target <= branch->address) {
        return false;
    }
    *target = index_of(kernel, branch->target);
    if (*target <= i + 1 || *target > loop->last) {
        return false;
    }
    const sass_instruction *jump = &kernel->code[*target - 1];
    if (jump->kind != SASS_JUMP || jump->target <= branch->target) {
        return false;
    }
    *end = index_of(kernel, jump->target);
    return *end <= loop->last;
}

/* Takes the way with less FP64 of each choice out of the code of the loop, outer choices first. */
static void drop_ways(sass_kernel *kernel, const sass_loop *loop)
{
    size_t target = 0, end = 0;
    for (size_t i = loop->first; i <= loop->last; i++) {
        if (find_choice(&target, &end, kernel, loop, i)) {
            const sass_loop near = {i + 1, target - 1}, far = {target, end - 1};
            const bool near_is_larger =
                sass_count(kernel, &near, SASS_FP64) >= sass_count(kernel, &far, SASS_FP64);
            const sass_loop *drop = near_is_larger ? &far : &near;
            for (size_t j = drop->first; j <= drop->last; j++) {
                kernel->code[j].kind = SASS_OTHER;
            }
        }
    }
}

/* How often instruction i runs in a turn: the product of the trips of the loops around it. */
static double times_run(const sass_loop *inner, size_t inner_count, size_t i, const double *trips,
                        size_t trip_count)
{
    double times = 1;
    for (size_t j = 0; j < inner_count && j < trip_count; j++) {
        if (inner[j].first <= i && i <= inner[j].last) {
            times *= trips[j];
        }
    }
    return times;
}

bool sass_step_of(sass_step *out, sass_kernel *kernel, const double *trips, size_t trip_count)
{
    sass_loop loops[SASS_LOOPS_MAX];
    const size_t count = find_loops(loops, kernel);
    const sass_loop *step = find_step_loop(kernel, loops, count);
    *out = (sass_step){.local = 0};
    if (step == NULL) {
        return false;
    }
    out->loop = *step;
    for (size_t j = 0; j < count; j++) {
        if (within(&loops[j], step)) {
            out->inner[out->loop_count++] = loops[j];
        }
    }
    const size_t local = sass_count(kernel, step, SASS_LOCAL);
    drop_ways(kernel, step);
    const size_t barriers = sass_count(kernel, step, SASS_BARRIER);
    out->phase_count = barriers < SASS_PHASES_MAX ? barriers : SASS_PHASES_MAX;
    out->local = local;
    size_t phase = out->phase_count - 1; /* what precedes the first barrier ends the last phase */
    size_t passed = 0;
    for (size_t i = step->first; i <= step->last; i++) {
        const sass_kind kind = kernel->code[i].kind;
        if (kind == SASS_BARRIER) {
            phase = passed < out->phase_count ? passed : out->phase_count - 1;
            passed++;
        }
        count_instruction(out, kind, phase,
                          times_run(out->inner, out->loop_count, i, trips, trip_count));
    }
    return true;
}
