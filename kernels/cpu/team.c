/* How threads of a team wait for each other (torc_team, kernels/kernels.h).
 *
 * A rotation hands over twice a step, a few microseconds apart: less than a sleeping thread takes
 * to wake, so members look at each other's count of meetings again and again. After SPIN_LOOKS they
 * offer their core to others after each look, since a member without a core can never arrive.
 *
 * A step hands over half of its spectra twice. Between cores that share a cache a meeting takes 60
 * to 80 ns (measured: Zen 3), between others 200 to 320, and two threads do a rotation in 0.6 to
 * 0.8 of the time of one. Threads that have one core for both, or wait for another program, take
 * far longer: so a team is asked before each rotation whether it is one now.
 */
#include "kernels/kernels.h"

#include <sched.h>
#include <time.h>

enum {
    SPIN_LOOKS = 2000, /* some 50 us */
    PROBES = 16,
    NEAR_NS = 600,       /* of a meeting */
    ARRIVAL_NS = 200000, /* that member 0 waits for the others */
};

enum { UNDECIDED, PROBING, TOGETHER, APART };

static void wait_a_little(uint32_t looks)
{
    if (looks >= SPIN_LOOKS) {
        (void)sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Whether a member has come to that many meetings; counts wrap around. */
static bool has_come(const torc_team *team, uint32_t member, uint32_t meetings)
{
    return (int32_t)(__atomic_load_n(&team->seat[member].meetings, __ATOMIC_ACQUIRE) - meetings) >=
           0;
}

static uint32_t arrive(torc_team *team, uint32_t member)
{
    const uint32_t meetings = team->seat[member].meetings + 1;
    __atomic_store_n(&team->seat[member].meetings, meetings, __ATOMIC_RELEASE);
    return meetings;
}

void torc_team_meet(torc_team *team, uint32_t member, uint32_t count)
{
    const uint32_t meetings = arrive(team, member);
    for (uint32_t other = 0; other < count; other++) {
        for (uint32_t looks = 0; !has_come(team, other, meetings); looks++) {
            wait_a_little(looks);
        }
    }
}

static bool others_arrive(torc_team *team, uint32_t count)
{
    const uint32_t meetings = arrive(team, 0);
    const int64_t start = now_ns();
    for (uint32_t other = 1; other < count; other++) {
        while (!has_come(team, other, meetings)) {
            wait_a_little(0);
            if (now_ns() - start > ARRIVAL_NS) {
                return false;
            }
        }
    }
    return true;
}

static void decide(torc_team *team, uint32_t verdict)
{
    __atomic_store_n(&team->verdict, verdict, __ATOMIC_RELEASE);
}

static uint32_t await_verdict(const torc_team *team, uint32_t but)
{
    uint32_t verdict = but;
    for (uint32_t looks = 0; verdict == but; looks++) {
        wait_a_little(looks);
        verdict = __atomic_load_n(&team->verdict, __ATOMIC_ACQUIRE);
    }
    return verdict;
}

static int64_t probe_ns(torc_team *team, uint32_t member, uint32_t count)
{
    torc_team_meet(team, member, count); /* all have seen that it begins */
    const int64_t start = now_ns();
    for (int i = 0; i < PROBES; i++) {
        torc_team_meet(team, member, count);
    }
    return (now_ns() - start) / PROBES;
}

bool torc_team_forms(torc_team *team, uint32_t member, uint32_t count)
{
    if (member != 0) {
        (void)arrive(team, member);
        if (await_verdict(team, UNDECIDED) == APART) {
            return false;
        }
        (void)probe_ns(team, member, count);
        return await_verdict(team, PROBING) == TOGETHER;
    }
    if (!others_arrive(team, count)) {
        decide(team, APART);
        return false;
    }
    decide(team, PROBING);
    const bool is_near = probe_ns(team, member, count) <= NEAR_NS;
    decide(team, is_near ? TOGETHER : APART);
    return is_near;
}
