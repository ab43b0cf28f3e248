/* The table of resources, the logs of ptxas, occupancy and bound: see table.h. */
#include "tests/resources/table.h"

#include <stdlib.h>
#include <string.h>

/* --- rows --- */

/* Numbers between separators into list; false when there are too many or it is none. */
static bool read_list(double *list, size_t *count, size_t limit, const char *text, char separator)
{
    *count = 0;
    if (strcmp(text, "-") == 0) {
        return true;
    }
    for (const char *at = text;; at++) {
        char *end = NULL;
        const double value = strtod(at, &end);
        if (end == at || *count == limit) {
            return false;
        }
        list[(*count)++] = value;
        at = end;
        if (*at == '\0') {
            return true;
        }
        if (*at != separator) {
            return false;
        }
    }
}

static bool read_phases(table_phases *out, const char *text)
{
    return read_list(out->of, &out->count, SASS_PHASES_MAX, text, '+');
}

static bool read_row(table_row *row, const char *line)
{
    char trips[128], bits[32], fp64[128], conversions[128], wavefronts[128], sectors[128],
        clocks[32];
    size_t bits_count = 0, clocks_count = 0;
    *row = (table_row){.met = false};
    if (sscanf(line, "%255s %u %zu %u %u %u %zu %127s %31s %127s %127s %127s %127s %31s",
               row->kernel, &row->threads, &row->dynamic, &row->registers, &row->spill,
               &row->blocks, &row->local, trips, bits, fp64, conversions, wavefronts, sectors,
               clocks) != 14) {
        return false;
    }
    return read_list(row->trips, &row->trip_count, TABLE_TRIPS_MAX, trips, ',') &&
           read_list(&row->bits, &bits_count, 1, bits, '+') && read_phases(&row->fp64, fp64) &&
           read_phases(&row->conversions, conversions) &&
           read_phases(&row->wavefronts, wavefronts) && read_phases(&row->sectors, sectors) &&
           read_list(&row->clocks, &clocks_count, 1, clocks, '+');
}

bool table_read(table_row **out, size_t *count, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    *out = NULL;
    *count = 0;
    if (file == NULL) {
        fprintf(stderr, "resources: %s cannot be read\n", path);
        return false;
    }
    bool good = true;
    while (good && fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0') {
            continue;
        }
        table_row *grown = (table_row *)realloc(*out, (*count + 1) * sizeof **out);
        good = grown != NULL && read_row(&grown[*count], line);
        *out = grown != NULL ? grown : *out;
        *count += good;
        if (!good) {
            fprintf(stderr, "resources: %s: not a row of 14 columns: %s", path, line);
        }
    }
    fclose(file);
    return good;
}

table_row *table_find(table_row *rows, size_t count, const char *kernel)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].kernel, kernel) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static void print_phases(FILE *out, const table_phases *phases)
{
    for (size_t i = 0; i < phases->count; i++) {
        fprintf(out, "%s%.0f", i == 0 ? " " : "+", phases->of[i]);
    }
    if (phases->count == 0) {
        fputs(" -", out);
    }
}

void table_print_row(FILE *out, const table_row *row)
{
    fprintf(out, "%s %u %zu %u %u %u %zu ", row->kernel, row->threads, row->dynamic, row->registers,
            row->spill, row->blocks, row->local);
    for (size_t i = 0; i < row->trip_count; i++) {
        fprintf(out, "%s%g", i == 0 ? "" : ",", row->trips[i]);
    }
    fputs(row->trip_count == 0 ? "-" : "", out);
    if (row->bits > 0) {
        fprintf(out, " %g", row->bits);
    } else {
        fputs(" -", out);
    }
    print_phases(out, &row->fp64);
    print_phases(out, &row->conversions);
    print_phases(out, &row->wavefronts);
    print_phases(out, &row->sectors);
    if (row->clocks > 0) {
        fprintf(out, " %.0f\n", row->clocks);
    } else {
        fputs(" -\n", out);
    }
}

/* --- ptxas --- */

static bool add_ptxas(table_ptxas **out, size_t *count, char *symbol)
{
    symbol[strcspn(symbol, "'")] = '\0';
    table_ptxas *grown = (table_ptxas *)realloc(*out, (*count + 1) * sizeof **out);
    if (grown == NULL) {
        return false;
    }
    *out = grown;
    grown[*count] = (table_ptxas){.registers = 0};
    sass_plain_name(grown[*count].kernel, symbol);
    ++*count;
    return true;
}

bool table_read_ptxas(table_ptxas **out, size_t *count, const char *path)
{
    static const char entry[] = "Compiling entry function '";
    char line[1024];
    FILE *file = fopen(path, "r");
    *out = NULL;
    *count = 0;
    if (file == NULL) {
        fprintf(stderr, "resources: %s cannot be read\n", path);
        return false;
    }
    bool enough = true;
    while (enough && fgets(line, sizeof line, file) != NULL) {
        char *symbol = strstr(line, entry);
        uint32_t stores = 0, loads = 0, stack = 0;
        if (symbol != NULL) {
            enough = add_ptxas(out, count, symbol + strlen(entry));
            continue;
        }
        if (*count == 0) {
            continue;
        }
        table_ptxas *last = &(*out)[*count - 1];
        const char *used = strstr(line, "Used ");
        if (sscanf(line, " %u bytes stack frame, %u bytes spill stores, %u bytes spill loads",
                   &stack, &stores, &loads) == 3) {
            last->spill = stores + loads;
        } else if (used != NULL && sscanf(used, "Used %u registers", &last->registers) == 1) {
            const char *comma = strstr(used, " bytes smem");
            while (comma != NULL && comma > used && comma[-1] != ' ') {
                comma--;
            }
            last->shared = comma == NULL ? 0 : (size_t)strtoul(comma, NULL, 10);
        }
    }
    fclose(file);
    return enough;
}

/* --- counts of the emulator --- */

const table_counts *table_find_counts(const table_counts *counts, size_t count, const char *kernel)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(counts[i].kernel, kernel) == 0) {
            return &counts[i];
        }
    }
    return NULL;
}

static bool add_launch(table_counts **out, size_t *count, const char *line)
{
    table_counts launch = {.threads = 0};
    if (sscanf(line, "launch %255s %u %zu", launch.kernel, &launch.threads, &launch.dynamic) != 3) {
        return false;
    }
    table_counts *grown = (table_counts *)realloc(*out, (*count + 1) * sizeof **out);
    if (grown == NULL) {
        return false;
    }
    *out = grown;
    grown[(*count)++] = launch;
    return true;
}

static bool add_step(table_counts *counts, size_t count, const char *line)
{
    char kernel[SASS_NAME_SIZE], wavefronts[128], sectors[128];
    if (sscanf(line, "step %255s %127s %127s", kernel, wavefronts, sectors) != 3) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(counts[i].kernel, kernel) == 0) {
            return read_phases(&counts[i].wavefronts, wavefronts) &&
                   read_phases(&counts[i].sectors, sectors);
        }
    }
    return false;
}

bool table_read_counts(table_counts **out, size_t *count, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;
    *out = NULL;
    *count = 0;
    while (good && fgets(line, sizeof line, file) != NULL) {
        good = add_launch(out, count, line) || add_step(*out, *count, line);
    }
    if (file != NULL) {
        fclose(file);
    }
    if (!good) {
        fprintf(stderr, "resources: %s does not hold counts\n", path);
    }
    return good;
}

/* --- occupancy and bound --- */

uint32_t table_blocks(uint32_t registers, uint32_t threads, size_t shared)
{
    const uint32_t warps = (threads + 31) / 32;
    const uint32_t warp_registers = (registers * 32 + 255) / 256 * 256;
    const size_t block_shared = (shared + 1024 + 127) / 128 * 128;
    if (warps == 0) {
        return 0;
    }
    uint32_t blocks = 64 / warps;
    if (warp_registers > 0) {
        const uint32_t by_registers = 65536 / 4 / warp_registers * 4 / warps;
        blocks = by_registers < blocks ? by_registers : blocks;
    }
    const uint32_t by_shared = (uint32_t)((size_t)228 * 1024 / block_shared);
    blocks = by_shared < blocks ? by_shared : blocks;
    return blocks < 32 ? blocks : 32;
}

static double phase_of(const table_phases *phases, size_t i)
{
    return i < phases->count ? phases->of[i] : 0.0;
}

static size_t phase_count(const table_row *row)
{
    const size_t counts[] = {row->fp64.count, row->conversions.count, row->wavefronts.count,
                             row->sectors.count};
    size_t most = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        most = counts[i] > most ? counts[i] : most;
    }
    return most;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

double table_bound(const table_row *row)
{
    double of_phases = 0, fp64 = 0, conversions = 0, shared = 0, cache = 0;
    for (size_t i = 0; i < phase_count(row); i++) {
        const double a = phase_of(&row->fp64, i) * row->threads / 64;
        const double b = phase_of(&row->conversions, i) * row->threads / 16;
        const double c = phase_of(&row->wavefronts, i);
        const double d = phase_of(&row->sectors, i) * 32 / 24;
        of_phases += larger(larger(a, b), larger(c, d));
        fp64 += a;
        conversions += b;
        shared += c;
        cache += d;
    }
    if (row->blocks <= 1) {
        return of_phases;
    }
    return row->blocks * larger(larger(fp64, conversions), larger(shared, cache));
}
