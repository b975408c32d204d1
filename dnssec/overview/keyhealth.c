#include "dnssec/overview/keyhealth.h"

#include "zone/base/isotime.h"

enum {
    SILENT_S = 2 * 3600, /* twice the interval at which the server writes that it runs */
    CLOCK_SLACK_S = 300,
    PACKAGE_OLD_S = 86400,
    WAIT_LONG_S = 3600,       /* a machine takes a package within seconds */
    PARENT_SLOW_S = 3 * 86400 /* the parent zone's operator may be away for a weekend */
};

/* A machine that follows does what the last package says, and decides nothing itself. */
static void warn_follower(struct concerns *concerns, const struct key_timeline *timeline,
                          uint64_t now)
{
    uint64_t seen_at = timeline->memory.seen_at;
    char at[ISOTIME_ROOM];
    if (seen_at == 0) {
        concern_add(concerns, CONCERN_FOLLOWER_EMPTY, NULL, 0,
                    "this machine follows, and has no keys yet: in a fleet ntspool-feedd brings "
                    "them, else give it a package of the machine that leads (`ntspool key import "
                    "--package`)");
    } else if (seen_at + PACKAGE_OLD_S < now) {
        concern_add(concerns, CONCERN_FOLLOWER_OLD, NULL, seen_at,
                    "the last package of keys from the machine that leads dates from %s: keys "
                    "that it has rolled since are not served here",
                    isotime_or_dash(seen_at, at));
    }
}

static void warn_of_bundle(struct concerns *concerns, const struct key_timeline *timeline,
                           const struct slices *slices, uint64_t now)
{
    static const enum concern_id ids[] = {
        [ALARM_SOON] = CONCERN_BUNDLE_SOON,
        [ALARM_LATE] = CONCERN_BUNDLE_LATE,
        [ALARM_ENDED] = CONCERN_BUNDLE_ENDED,
    };
    char text[ALARM_ROOM];
    enum alarm_level level = alarm_of(timeline, slices, now);
    if (level != ALARM_NONE) {
        concern_add(concerns, ids[level], NULL, alarm_since(level, slices, now), "%s",
                    alarm_text(level, slices, text));
    }
}

static void warn_of_waiting(struct concerns *concerns, const struct fleetkeys *fleet, uint64_t now)
{
    char at[ISOTIME_ROOM], who[FLEETKEYS_WHO_ROOM], what[FLEETKEYS_WHAT_ROOM];
    if (fleetkeys_waits(fleet) && fleet->missing > 0 && fleet->decided_at + WAIT_LONG_S < now) {
        concern_add(concerns, CONCERN_KEYS_WAIT, fleet->waits_for, fleet->decided_at,
                    "the keys have waited since %s for %s to take the last package, which holds "
                    "up: %s; start ntspool-feedd and ntspoold there, evict the machine, or do "
                    "`ntspool key without %s`",
                    isotime_or_dash(fleet->decided_at, at), fleetkeys_who_text(fleet, who),
                    fleetkeys_what_text(fleet, what), fleet->waits_for);
    }
}

void keyhealth_warn(struct concerns *concerns, const struct key_timeline *timeline,
                    const struct slices *slices, const struct fleetkeys *fleet, uint64_t now)
{
    char at[ISOTIME_ROOM];
    warn_of_bundle(concerns, timeline, slices, now);
    if (timeline->memory.follows) {
        warn_follower(concerns, timeline, now);
        return;
    }
    uint64_t seen_at = timeline->memory.seen_at, asked_at = rollover_asked_at(&timeline->keys);
    if (seen_at > now + CLOCK_SLACK_S) {
        concern_add(concerns, CONCERN_CLOCK_BEHIND, NULL, 0,
                    "the clock is behind: the server has seen %s already, and no key takes a step "
                    "until then: set the clock, or, if it is right, do `ntspool key trust-clock`",
                    isotime_or_dash(seen_at, at));
    } else if (seen_at + SILENT_S < now) {
        concern_add(concerns, CONCERN_KEEPER_SILENT, NULL, seen_at,
                    "no server has looked after the DNSSEC keys since %s: is ntspoold running, and "
                    "may it write state/keys?",
                    isotime_or_dash(seen_at, at));
    }
    if (asked_at != 0 && asked_at + PARENT_SLOW_S < now) {
        concern_add(concerns, CONCERN_PARENT_SLOW, NULL, asked_at,
                    "the parent zone is asked for other DS records since %s: `ntspool key ds` "
                    "shows them, `ntspool key ds-seen` says that they are there",
                    isotime_or_dash(asked_at, at));
    }
    warn_of_waiting(concerns, fleet, now);
    if (!rollover_is_safe(&timeline->keys, now)) {
        concern_add(concerns, CONCERN_KEYS_UNSAFE, NULL, 0,
                    "as of %s the DNSSEC keys do not fit together: restore a backup of state/keys",
                    isotime_or_dash(now, at));
    }
}
