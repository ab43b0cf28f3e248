#include "tests/instructions/disassembly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { LINE = 1024 };

static void fail(const char *what, const char *line)
{
    (void)fprintf(stderr, "instructions: %s: %s\n", what, line);
    exit(1);
}

static void *grown(void *list, size_t count, size_t bytes)
{
    void *out = list;
    if ((count & (count - 1)) == 0) { /* doubles at powers of two */
        out = realloc(list, (count == 0 ? 1 : 2 * count) * bytes);
        if (out == NULL) {
            fail("out of memory", "");
        }
    }
    return out;
}

/* --- operands ----------------------------------------------------------------------------------
 */

typedef struct register_name {
    const char *name;
    int reg;
    uint32_t bytes;
} register_name;

static const register_name old_registers[] = {
    {"rax", REG_RAX, 8}, {"eax", REG_RAX, 4}, {"ax", REG_RAX, 2},       {"al", REG_RAX, 1},
    {"rbx", REG_RBX, 8}, {"ebx", REG_RBX, 4}, {"bx", REG_RBX, 2},       {"bl", REG_RBX, 1},
    {"rcx", REG_RCX, 8}, {"ecx", REG_RCX, 4}, {"cx", REG_RCX, 2},       {"cl", REG_RCX, 1},
    {"rdx", REG_RDX, 8}, {"edx", REG_RDX, 4}, {"dx", REG_RDX, 2},       {"dl", REG_RDX, 1},
    {"rsi", REG_RSI, 8}, {"esi", REG_RSI, 4}, {"si", REG_RSI, 2},       {"sil", REG_RSI, 1},
    {"rdi", REG_RDI, 8}, {"edi", REG_RDI, 4}, {"di", REG_RDI, 2},       {"dil", REG_RDI, 1},
    {"rbp", REG_RBP, 8}, {"ebp", REG_RBP, 4}, {"bp", REG_RBP, 2},       {"bpl", REG_RBP, 1},
    {"rsp", REG_RSP, 8}, {"esp", REG_RSP, 4}, {"rip", RIP_REGISTER, 8},
};

/* "rax", "r8d", "zmm17", "k1", without the percent sign. */
static bool read_register(operand *out, const char *name)
{
    static const struct {
        const char *prefix;
        operand_kind kind;
        uint32_t bytes;
    } files[] = {{"xmm", VECTOR, 16}, {"ymm", VECTOR, 32}, {"zmm", VECTOR, 64}, {"k", MASK, 8}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const size_t length = strlen(files[i].prefix);
        if (strncmp(name, files[i].prefix, length) == 0) {
            out->kind = files[i].kind;
            out->bytes = files[i].bytes;
            out->reg = atoi(name + length);
            return true;
        }
    }
    out->kind = GENERAL;
    for (size_t i = 0; i < sizeof old_registers / sizeof *old_registers; i++) {
        if (strcmp(name, old_registers[i].name) == 0) {
            out->reg = old_registers[i].reg;
            out->bytes = old_registers[i].bytes;
            return true;
        }
    }
    char *end = NULL;
    const long number = name[0] == 'r' ? strtol(name + 1, &end, 10) : 0;
    if (number < 8 || number > 15) {
        return false;
    }
    out->reg = REG_R8 + (int)number - 8;
    out->bytes = *end == 'd' ? 4 : *end == 'w' ? 2 : *end == 'b' ? 1 : 8;
    return true;
}

static int register_of(char *name)
{
    operand out = {.reg = NO_REGISTER};
    char *percent = strchr(name, '%');
    if (percent == NULL) {
        return NO_REGISTER;
    }
    percent[strcspn(percent, " ")] = '\0';
    return read_register(&out, percent + 1) ? out.reg : NO_REGISTER;
}

/* disp(base,index,scale){1to8} */
static void read_memory(operand *out, char *text)
{
    char *open = strchr(text, '(');
    out->kind = MEMORY;
    out->scale = 1;
    out->base = out->index = NO_REGISTER;
    out->is_broadcast = strstr(text, "{1to") != NULL;
    out->value = (int64_t)strtoull(text + (*text == '-'), NULL, 16);
    if (*text == '-') {
        out->value = -out->value;
    }
    char *parts[3] = {NULL};
    open[1 + strcspn(open + 1, ")")] = '\0';
    for (size_t i = 0; i < 3 && open != NULL; i++) {
        parts[i] = open + 1;
        open = strchr(open + 1, ',');
        if (open != NULL) {
            *open = '\0';
        }
    }
    out->base = register_of(parts[0]);
    if (parts[1] != NULL) {
        out->index = register_of(parts[1]);
    }
    if (parts[2] != NULL) {
        out->scale = (uint32_t)atoi(parts[2]);
    }
}

static void read_operand(operand *out, char *text)
{
    *out = (operand){.kind = OTHER, .reg = NO_REGISTER};
    if (*text == '$') {
        out->kind = IMMEDIATE;
        out->value = (int64_t)strtoull(text + 1, NULL, 16);
    } else if (*text == '%' && strchr(text, ':') == NULL) {
        char name[8] = {0};
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(text + 1, "{ "), text + 1);
        if (!read_register(out, name)) {
            out->kind = OTHER;
        }
    } else if (*text != '*' && *text != '%' && strchr(text, '(') != NULL) {
        read_memory(out, text);
    }
}

static void read_masks(instruction *in, const char *text)
{
    const char *mask = strstr(text, "{%k");
    in->mask = mask == NULL ? NO_REGISTER : atoi(mask + 3);
    in->is_zeroing = strstr(text, "{z}") != NULL;
}

/* The operands are split where a comma stands outside of brackets. */
static void read_operands(instruction *in, char *text)
{
    char *part[MAX_OPERANDS + 1];
    size_t count = 0;
    int depth = 0;
    text[strcspn(text, "#\n")] = '\0';
    read_masks(in, text);
    for (char *c = text; *c != '\0' && count < MAX_OPERANDS; c++) {
        if (c == text) {
            part[count++] = c;
        } else if (*c == ',' && depth == 0) {
            *c = '\0';
            part[count++] = c + 1;
        }
        depth += (*c == '(') - (*c == ')');
    }
    in->operand_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        read_operand(&in->op[i], part[count - 1 - i]);
    }
}

/* --- lines -------------------------------------------------------------------------------------
 */

/* "0000000000401136 <name>:" */
static bool read_function(disassembly *d, const char *line)
{
    const char *name = strchr(line, '<');
    const char *end = strstr(line, ">:");
    if (line[0] < '0' || line[0] > 'f' || name == NULL || end == NULL) {
        return false;
    }
    d->functions = grown(d->functions, d->function_count, sizeof *d->functions);
    d->functions[d->function_count] = strndup(name + 1, (size_t)(end - name - 1));
    d->function_count++;
    return true;
}

/* "  401136:\tvaddpd %zmm1,%zmm2,%zmm3" */
static void read_instruction(disassembly *d, char *line)
{
    instruction in = {.function = d->function_count - 1};
    char *tab = strchr(line, '\t');
    if (tab == NULL || d->function_count == 0) {
        return;
    }
    in.address = strtoull(line, NULL, 16);
    const size_t length = strcspn(tab + 1, " \n");
    (void)snprintf(in.mnemonic, sizeof in.mnemonic, "%.*s", (int)length, tab + 1);
    read_operands(&in, tab + 1 + length + strspn(tab + 1 + length, " "));
    d->list = grown(d->list, d->count, sizeof *d->list);
    if (d->count > 0) {
        d->list[d->count - 1].next = in.address;
    }
    d->list[d->count++] = in;
}

disassembly disassembly_read(const char *path)
{
    disassembly d = {NULL};
    char line[LINE];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail("no such file", path);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (!read_function(&d, line)) {
            read_instruction(&d, line);
        }
    }
    (void)fclose(file);
    if (d.count == 0) {
        fail("no machine code", path);
    }
    d.begin = d.list[0].address;
    d.end = d.list[d.count - 1].address + 1;
    d.list[d.count - 1].next = d.end;
    d.at = calloc(d.end - d.begin, sizeof *d.at);
    if (d.at == NULL) {
        fail("out of memory", "");
    }
    for (size_t i = 0; i < d.count; i++) {
        d.at[d.list[i].address - d.begin] = (uint32_t)i + 1;
    }
    return d;
}

void disassembly_free(disassembly *d)
{
    for (uint32_t i = 0; i < d->function_count; i++) {
        free(d->functions[i]);
    }
    free(d->functions);
    free(d->list);
    free(d->at);
}

instruction *disassembly_at(const disassembly *d, uint64_t address)
{
    if (address < d->begin || address >= d->end || d->at[address - d->begin] == 0) {
        return NULL;
    }
    return &d->list[d->at[address - d->begin] - 1];
}
