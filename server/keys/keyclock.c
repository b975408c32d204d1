#include "server/keys/keyclock.h"

#include "zone/base/concern.h"

static void report_jump(struct keyclock *clock, int64_t jump)
{
    char note[LOG_NOTE_ROOM];
    if (log_limit_admits(&clock->jump_limit, true)) {
        log_say(
            clock->log, LOG_WARNING,
            "the clock was set %s by %lld s: no key takes a step for an hour; signatures follow "
            "it%s",
            jump > 0 ? "forward" : "back", (long long)(jump > 0 ? jump : -jump),
            log_limit_note(&clock->jump_limit, note));
    }
}

static void report_clock(struct keyclock *clock, bool behind, uint64_t by_s)
{
    const struct log_fields fields = { .warning = concern_id_text(CONCERN_CLOCK_BEHIND) };
    char note[LOG_NOTE_ROOM];
    bool changed = behind != clock->behind;
    clock->behind = behind;
    if (!log_limit_admits(&clock->behind_limit, changed)) {
        return;
    }
    (void)log_limit_note(&clock->behind_limit, note);
    if (behind) {
        log_say_about(clock->log, LOG_WARNING, &fields,
                      "the clock is %llu s behind what this pool has seen: keys wait for it (if it "
                      "is right: `ntspool key trust-clock`)%s",
                      (unsigned long long)by_s, note);
    } else {
        log_say(clock->log, LOG_NOTICE, "the clock is no longer behind what this pool has seen%s",
                note);
    }
}

bool keyclock_trusts(struct keyclock *clock, uint64_t seen_at, uint64_t now, uint64_t steady)
{
    int64_t jump = (int64_t)(now - clock->now) - (int64_t)(steady - clock->steady);
    if (clock->steady != 0 && (jump > KEYCLOCK_SLACK_S || jump < -KEYCLOCK_SLACK_S)) {
        report_jump(clock, jump);
        clock->trusted_again = steady + KEYCLOCK_TRUST_S;
    }
    clock->now = now;
    clock->steady = steady;
    bool behind = now + KEYCLOCK_SLACK_S < seen_at;
    report_clock(clock, behind, seen_at - now);
    return !behind && steady >= clock->trusted_again;
}
