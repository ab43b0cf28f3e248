/* Seeded damage to packed programs: numbers changed, parts cut or exchanged. Unpacking and the
 * verifier must return, never crash (run it under AddressSanitizer); what both accept runs on the
 * virtual backend, whose indexing then rests on nothing but that verdict. */
#include "runtime/executor.h"
#include "runtime/program_pack.h"
#include "tests/common/example_programs.h"
#include "tests/common/program_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 0x746f7263;

static uint64_t next_random(void) /* splitmix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Small numbers, edges and wild ones alike. */
static uint32_t odd_number(void)
{
    static const uint32_t edges[] = {0,       1, 2, 3, 7, 8, 9, 16, 17, UINT32_MAX, UINT32_MAX - 1,
                                     1u << 31};
    const uint64_t r = next_random();
    return r % 3 == 0 ? (uint32_t)(r >> 32) : edges[(r >> 8) % (sizeof edges / sizeof *edges)];
}

static void damage(torc_packed_program *packed)
{
    const uint64_t changes = 1 + next_random() % 3;
    for (uint64_t c = 0; c < changes; c++) {
        const size_t part = next_random() % TORC_PACK_PART_COUNT;
        if (packed->count[part] == 0) {
            continue;
        }
        const size_t at = next_random() % packed->count[part];
        if (next_random() % 8 == 0) {
            packed->count[part] = at;
        } else if (torc_pack_forms[part].dtype == TORC_RAW_U32) {
            ((uint32_t *)packed->data[part])[at] = odd_number();
        } else {
            ((uint64_t *)packed->data[part])[at] = next_random();
        }
    }
}

/* Whether the program was accepted. */
static bool survive(const torc_packed_program *packed)
{
    torc_program program;
    torc_target *target = NULL;
    const torc_target_options options = {.capacity = 2, .threads = 1};
    bool accepted = false;
    if (torc_program_unpack(NULL, &program, packed) == TORC_OK &&
        torc_program_check(NULL, &program, TORC_INDEX_BITS) == TORC_OK &&
        program.element_count < 100000 && program.clear_count < 100000) {
        const torc_backend *backend = torc_backend_virtual();
        if (backend->open(NULL, &target, &program, NULL, NULL, &options) != TORC_OK ||
            torc_execute(NULL, target, &program, 2, NULL, NULL, NULL) != TORC_OK) {
            fprintf(stderr, "fuzz_circuit: an accepted program does not run\n");
            exit(1);
        }
        backend->close(target);
        accepted = true;
    }
    torc_program_free(&program);
    return accepted;
}

int main(void)
{
    size_t accepted = 0;
    size_t runs = 0;
    for (size_t round = 0; round < 4000; round++) {
        for (size_t x = 0; x <= example_program_count; x++) {
            torc_program program = {0};
            torc_packed_program packed;
            if (x == example_program_count) {
                build_small_program(&program);
            } else {
                example_programs[x].build(&program);
            }
            if (torc_program_pack(NULL, &packed, &program) != TORC_OK) {
                return 1;
            }
            damage(&packed);
            accepted += survive(&packed);
            runs++;
            torc_packed_program_free(&packed);
            torc_program_free(&program);
        }
    }
    printf("fuzz_circuit: %zu damaged programs, %zu still sound\n", runs, accepted);
    return accepted > runs / 100 && accepted < runs ? 0 : 1; /* both ways are tried */
}
