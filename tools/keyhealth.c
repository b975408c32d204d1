#include "tools/keyhealth.h"

#include <stdio.h>

#include "tools/output.h"

enum {
    SILENT_S = 2 * 3600, /* twice the interval at which the server writes that it runs */
    CLOCK_SLACK_S = 300,
    PACKAGE_OLD_S = 86400,
    PARENT_SLOW_S = 3 * 86400 /* the parent zone's operator may be away for a weekend */
};

static void add(json_t *warnings, const char *before, uint64_t at, const char *after)
{
    char text[256], time[OUTPUT_TIME_ROOM];
    (void)snprintf(text, sizeof text, "%s %s%s", before, output_time(at, time), after);
    json_array_append_new(warnings, json_text(text));
}

/* A machine that follows serves the keys of the last package and takes no steps itself. */
static void warn_follower(json_t *warnings, const struct key_timeline *timeline, uint64_t now)
{
    uint64_t seen_at = timeline->memory.seen_at;
    if (seen_at == 0) {
        json_array_append_new(warnings,
                              json_text("this machine follows, and has no keys yet: give it a "
                                        "package of the machine that leads (`ntspool key import "
                                        "--package`)"));
    } else if (seen_at + PACKAGE_OLD_S < now) {
        add(warnings, "the last package of keys from the machine that leads is of", seen_at,
            ": keys that it has rolled since are not served here");
    }
}

void keyhealth_warn(json_t *warnings, const struct key_timeline *timeline,
                    const struct slices *slices, uint64_t now)
{
    char text[ALARM_ROOM];
    enum alarm_level level = alarm_of(timeline, slices, now);
    if (level != ALARM_NONE) {
        json_array_append_new(warnings, json_text(alarm_text(level, slices, text)));
    }
    if (timeline->memory.follows) {
        warn_follower(warnings, timeline, now);
        return;
    }
    uint64_t seen_at = timeline->memory.seen_at, asked_at = rollover_asked_at(&timeline->keys);
    if (seen_at > now + CLOCK_SLACK_S) {
        add(warnings, "the clock is behind: the server has seen", seen_at,
            " already, and no key takes a step until then: set the clock, or, if it is right, do "
            "`ntspool key trust-clock`");
    } else if (seen_at + SILENT_S < now) {
        add(warnings, "no server has looked after the DNSSEC keys since", seen_at,
            ": is ntspoold running, and may it write state/keys?");
    }
    if (asked_at != 0 && asked_at + PARENT_SLOW_S < now) {
        add(warnings, "the parent zone is asked for other DS records since", asked_at,
            ": `ntspool key ds` shows them, `ntspool key ds-seen` says that they are there");
    }
    if (!rollover_is_safe(&timeline->keys, now)) {
        add(warnings, "as of", now,
            " the DNSSEC keys do not fit together: restore a backup of state/keys");
    }
}
