/* Judges every access of a kernel by the marks on its words. An access is wrong when
 *
 *   the word belongs to no allocation, or is read or added to and nobody has written it;
 *   an asynchronous copy to it is under way: started, and its own thread has not waited yet;
 *   another thread's access to the word is not ordered before it (order.h), and not both are reads
 *   and not both sums in memory. Two writes of the same value are no exception.
 *
 * No schedule hides a mistake: marks keep all that may still matter, and what is ordered depends on
 * the barriers alone. Words are judged whole: nothing of gpu.h is smaller. */
#include "kernels/emu/access.h"

#include "kernels/emu/check/crowd.h"
#include "kernels/emu/check/report.h"
#include "kernels/emu/check/shadow.h"
#include "kernels/emu/check/site.h"
#include "kernels/emu/hooks.h"

/* One access as its words see it. */
typedef struct visit {
    order_self self;
    bool is_shared;
    check_access what; /* for reports */
} visit;

/* --- order --- */

/* Whether a mark of an earlier gang is none of this launch. Blocks of a launch have no order. */
static bool stale_is_before(const visit *v, uint64_t number, uint64_t first_of_launch)
{
    return v->is_shared || number < first_of_launch;
}

static bool one_is_before(const visit *v, mark m)
{
    return m.time < order_gang ? stale_is_before(v, m.time, order_launch)
                               : order_before(&v->self, m.time, m.thread);
}

/* Whether all that m stands for comes before the access; if not, *other is one that does not. */
static bool all_are_before(const visit *v, mark m, mark *other)
{
    *other = m;
    switch (m.kind) {
    case MARK_CROWD:
        return m.time < crowd_of_gang ? stale_is_before(v, m.time, crowd_of_launch)
                                      : crowd_before(m.time, &v->self, other);
    case MARK_GANGS: return stale_is_before(v, m.time, order_launch);
    default: return one_is_before(v, m);
    }
}

/* Adds the access to those that m stands for; what comes before it no longer matters. */
static void note(const visit *v, mark *m)
{
    mark gangs = v->self.mine;
    gangs.kind = MARK_GANGS;
    switch (m->kind) {
    case MARK_CROWD:
        if (m->time >= crowd_of_gang) {
            crowd_join(m->time, &v->self);
        } else {
            *m = stale_is_before(v, m->time, crowd_of_launch) ? v->self.mine : gangs;
        }
        return;
    case MARK_GANGS:
        if (stale_is_before(v, m->time, order_launch)) {
            *m = v->self.mine;
        }
        return;
    default:
        if (one_is_before(v, *m)) {
            *m = v->self.mine;
        } else if (m->time < order_gang) {
            *m = gangs;
        } else {
            const uint64_t crowd = crowd_make(*m);
            crowd_join(crowd, &v->self);
            *m = {crowd, 0, 0, MARK_CROWD};
        }
    }
}

/* --- words --- */

static void must_be_written(const visit *v, const shadow_word *word)
{
    if (word->write.kind == MARK_NOWHERE) {
        check_report_nowhere(&v->what);
    }
    if (word->write.kind == MARK_COPY && word->write.time >= order_gang) {
        check_report_copy(&v->what, word->write);
    }
    if (word->write.time < (v->is_shared ? order_gang : 1)) {
        check_report_unwritten(&v->what);
    }
}

static void must_be_after(const visit *v, mark m, torc_emu_action action)
{
    mark other;
    if (!all_are_before(v, m, &other)) {
        check_report_race(&v->what, other, action);
    }
}

static void read_word(const visit *v, shadow_word *word)
{
    must_be_written(v, word);
    must_be_after(v, word->write, TORC_EMU_STORE);
    must_be_after(v, word->add, TORC_EMU_ADD);
    note(v, &word->read);
}

static void add_to_word(const visit *v, shadow_word *word)
{
    must_be_written(v, word);
    must_be_after(v, word->write, TORC_EMU_STORE);
    must_be_after(v, word->read, TORC_EMU_LOAD);
    note(v, &word->add);
}

static void write_word(const visit *v, shadow_word *word)
{
    if (word->write.kind == MARK_NOWHERE) {
        check_report_nowhere(&v->what);
    }
    if (word->write.kind == MARK_COPY && word->write.time >= order_gang) {
        check_report_copy(&v->what, word->write);
    }
    must_be_after(v, word->write, TORC_EMU_STORE);
    must_be_after(v, word->read, TORC_EMU_LOAD);
    must_be_after(v, word->add, TORC_EMU_ADD);
    *word = {v->self.mine, mark{}, mark{}};
}

/* --- accesses --- */

static void judge_word(visit *v, const emu_access *a, uint32_t offset)
{
    v->what.address = (const unsigned char *)a->address + offset;
    shadow_word *word = shadow_at(v->what.address);
    if (word == NULL) {
        check_report_nowhere(&v->what);
    }
    switch (a->action) {
    case TORC_EMU_STORE: write_word(v, word); break;
    case TORC_EMU_ADD: add_to_word(v, word); break;
    default: read_word(v, word); break;
    }
    if (a->space == TORC_EMU_COPY_TO) {
        word->write.kind = MARK_COPY;
    }
}

void emu_hook_access(const emu_access *a)
{
    visit v;
    v.self = order_self_now(site_number(a->at));
    v.is_shared = shadow_is_shared(a->address);
    v.what = {a->address, a->bytes, a->action, a->at};
    for (uint32_t offset = 0; offset < a->bytes; offset += SHADOW_WORD_BYTES) {
        judge_word(&v, a, offset);
    }
}

void emu_hook_copy_start(void *shared, const void *global) /* both sides were accesses */
{
    (void)shared;
    (void)global;
}

/* The thread has waited: what arrived is its write now, and its read of the source. */
void emu_hook_copy_arrive(void *shared, const void *global)
{
    for (uint32_t offset = 0; offset < 16; offset += SHADOW_WORD_BYTES) {
        shadow_word *to = shadow_at((unsigned char *)shared + offset);
        mark arrived = order_self_now(to->write.site).mine;
        *to = {arrived, mark{}, mark{}};
    }
    const emu_access from = {TORC_EMU_COPY_FROM, TORC_EMU_LOAD, global, 16,
                             site_of(shadow_at(shared)->write.site)};
    emu_hook_access(&from);
}
