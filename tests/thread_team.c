/* Bootstraps by teams of threads: the bits that a thread alone gives, for every size of team, shape
 * and number of ciphertexts. Two teams work side by side. For the thread sanitizer: plain main. */
#include "tests/common/check.h"
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"

#include <pthread.h>

enum { BATCH = 3, ENTRIES = 16, INDEX_BITS = 4, ROUNDS = 3, GUARD_BYTES = 4096 };

/* One bootstrap of BATCH ciphertexts, by a team or alone. */
typedef struct work {
    const torc_cpu_kernels *cpu;
    const torc_shape *shape;
    torc_bootstrap_job job;
    torc_team team;
    uint64_t *words;
    uint64_t *out[BATCH];
} work;

typedef struct member {
    work *work;
    uint32_t number;
    void *scratch;
    bool formed;
} member;

static void work_open(work *w, const torc_cpu_kernels *cpu, const torc_shape *shape,
                      const torc_bootstrap_job *job)
{
    const size_t words = (size_t)shape->glwe_dim * shape->poly_size + 1;
    *w = (work){.cpu = cpu, .shape = shape, .job = *job, .words = test_alloc(BATCH * words * 8)};
    for (size_t i = 0; i < BATCH; i++) {
        w->out[i] = w->words + i * words;
    }
    w->job.out = w->out;
}

static void *member_run(void *user)
{
    member *m = user;
    torc_bootstrap_job job = m->work->job;
    job.team = &m->work->team;
    job.member = m->number;
    job.scratch = m->scratch;
    m->formed = torc_team_forms(job.team, job.member, job.member_count);
    m->work->cpu->bootstrap_job(&job, m->work->shape); /* formed or not: members are all here */
    return NULL;
}

/* Scratch of exactly what the kernel asks for, a guard behind it. */
static void *scratch_open(const work *w)
{
    const size_t bytes = w->cpu->bootstrap_scratch_bytes(w->shape, BATCH);
    char *scratch = test_alloc(bytes + GUARD_BYTES);
    memset(scratch, 0xff, bytes + GUARD_BYTES);
    return scratch;
}

static void scratch_close(const work *w, void *scratch)
{
    const uint8_t *guard =
        (const uint8_t *)scratch + w->cpu->bootstrap_scratch_bytes(w->shape, BATCH);
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        CHECK(NULL, guard[i] == 0xff);
    }
    free(scratch);
}

/* Both teams at once, member_count threads each. */
static void teams_run(work *works, uint32_t count)
{
    pthread_t threads[2][TORC_TEAM_MAX];
    member members[2][TORC_TEAM_MAX] = {0};
    for (size_t w = 0; w < 2; w++) {
        works[w].team = (torc_team){0};
        works[w].job.member_count = count;
        for (uint32_t m = 0; m < count; m++) {
            members[w][m] = (member){&works[w], m, NULL, false};
            members[w][m].scratch = scratch_open(&works[w]);
        }
        works[w].team.scratch = members[w][0].scratch;
        for (uint32_t m = 0; m < count; m++) {
            CHECK(NULL, pthread_create(&threads[w][m], NULL, member_run, &members[w][m]) == 0);
        }
    }
    for (size_t w = 0; w < 2; w++) {
        for (uint32_t m = 0; m < count; m++) {
            pthread_join(threads[w][m], NULL);
            CHECK(NULL, members[w][m].formed == members[w][0].formed);
        }
        for (uint32_t m = 0; m < count; m++) {
            scratch_close(&works[w], members[w][m].scratch);
        }
    }
}

static void check_shape(const torc_cpu_kernels *cpu, const torc_shape *shape)
{
    const size_t small_words = BATCH * ((size_t)shape->lwe_dim + 1);
    const size_t bytes =
        BATCH * ((size_t)shape->glwe_dim * shape->poly_size + 1) * sizeof(uint64_t);
    const uint32_t bits[BATCH] = {INDEX_BITS, INDEX_BITS, INDEX_BITS};
    uint64_t entry[BATCH][ENTRIES];
    const uint64_t *entries[BATCH] = {entry[0], entry[1], entry[2]};
    uint32_t *small = test_alloc(small_words * sizeof *small);
    test_rng rng = {shape->lwe_dim};
    test_keys keys;
    keys_make(&keys, shape, &rng, 10, -1);
    void *key = keys_cpu_bootstrap(&keys, cpu);
    for (size_t i = 0; i < small_words; i++) {
        small[i] = (uint32_t)rng_next(&rng);
    }
    rng_words(&rng, &entry[0][0], (size_t)BATCH * ENTRIES);

    void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(shape, BATCH));
    torc_bootstrap_job job = {.small = small,
                              .entry = entries,
                              .index_bits = bits,
                              .batch = BATCH,
                              .key = key,
                              .scratch = scratch,
                              .member_count = 1};
    work alone;
    work teams[2];
    work_open(&alone, cpu, shape, &job);
    work_open(&teams[0], cpu, shape, &job);
    work_open(&teams[1], cpu, shape, &job);
    cpu->bootstrap_job(&alone.job, shape);
    for (uint32_t count = 2; count <= cpu->team_limit(shape); count++) {
        for (int round = 0; round < ROUNDS; round++) {
            memset(teams[0].words, 0, bytes);
            memset(teams[1].words, 0, bytes);
            teams_run(teams, count);
            CHECK(NULL, memcmp(teams[0].words, alone.words, bytes) == 0);
            CHECK(NULL, memcmp(teams[1].words, alone.words, bytes) == 0);
        }
    }
    free(alone.words);
    free(teams[0].words);
    free(teams[1].words);
    free(scratch);
    free(small);
    free(key);
    keys_free(&keys);
}

/* Nobody waits for a thread that does not come, and that one is told. */
static void check_absence(void)
{
    torc_team team = {0};
    CHECK(NULL, !torc_team_forms(&team, 0, 2));
    CHECK(NULL, !torc_team_forms(&team, 1, 2));
}

int main(void)
{
    check_absence();
    static const torc_shape shapes[] = {
        {1, 256, 24, 0, 16, 2, 1, 1, 2, 0},  {2, 512, 24, 0, 22, 1, 1, 1, 3, 0},
        {1, 1024, 12, 2, 22, 1, 1, 1, 2, 0}, {1, 2048, 12, 0, 22, 1, 1, 1, 3, 0},
        {1, 256, 12, 0, 16, 2, 1, 1, 1, 0}, /* no team */
    };
    for (size_t table = 0; table < CPU_TABLES; table++) {
        const torc_cpu_kernels *cpu = cpu_table(table);
        for (size_t i = 0; cpu != NULL && i < sizeof shapes / sizeof *shapes; i++) {
            check_shape(cpu, &shapes[i]);
        }
    }
    return 0;
}
