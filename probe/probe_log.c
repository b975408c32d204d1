#include "probe/probe_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "zone/base/log.h"

void probe_log_line(const struct probe_log *probe_log, int priority, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)log_format(line, sizeof(line), format, arguments);
    va_end(arguments);
    probe_log->log(priority, line);
}

static const struct {
    const char *failed, *recovered;
} subjects[PROBE_LOG_SUBJECTS] = {
    [PROBE_LOG_FEED] = { "the list of members can't be read", "the list of members is read again" },
    [PROBE_LOG_VERDICTS] = { "verdicts can't be written", "verdicts are written again" },
};

void probe_log_failed(struct probe_log *probe_log, enum probe_log_subject subject,
                      const struct diag *diag)
{
    if (!probe_log->failing[subject]) {
        probe_log->failing[subject] = true;
        probe_log_line(probe_log, LOG_ERR, "%s: %s; going on with what is known",
                       subjects[subject].failed, diag->text);
    }
}

void probe_log_recovered(struct probe_log *probe_log, enum probe_log_subject subject)
{
    if (probe_log->failing[subject]) {
        probe_log->failing[subject] = false;
        probe_log_line(probe_log, LOG_NOTICE, "%s", subjects[subject].recovered);
    }
}

void probe_log_named(struct probe_log *probe_log, const struct vantage_keys *keys, const char *name,
                     const uint8_t key[VANTAGE_KEY_LEN])
{
    const struct vantage_key *named = vantage_keys_find(keys, name);
    bool unnamed = named == NULL || memcmp(named->key, key, VANTAGE_KEY_LEN) != 0;
    if (unnamed == probe_log->unnamed) {
        return;
    }
    probe_log->unnamed = unnamed;
    if (unnamed) {
        char text[JOURNAL_KEY_TEXT];
        probe_log_line(
            probe_log, LOG_WARNING,
            "the pool does not know this vantage point, so its verdicts count for nothing: "
            "`ntspool vantage add %s %s` names it",
            name, journal_key_text(key, text));
    } else {
        probe_log_line(probe_log, LOG_NOTICE,
                       "the pool knows this vantage point: its verdicts count");
    }
}

static const struct address_health *failed_address(const struct member_health *health)
{
    const struct address_health *failed = NULL;
    for (unsigned i = 0; i < health->address_count; i++) {
        if (health->addresses[i].failure != FAILURE_NONE) {
            failed = &health->addresses[i];
        }
    }
    return failed;
}

bool probe_log_stage(const struct probe_log *probe_log, struct probed_member *member,
                     enum stage before, char out[HISTORY_EVENT_ROOM])
{
    const struct member_health *health = &member->health;
    const struct address_health *failed = failed_address(health);
    bool down = health->stage == STAGE_INELIGIBLE || health->stage == STAGE_FALLING;
    char address[ADDRESS_TEXT_MAX], note[LOG_NOTE_ROOM];
    bool changed = health->stage != before,
         admitted = log_limit_admits(&member->stage_limit, changed);
    if (!changed && !admitted) {
        return false;
    }
    if (down && failed != NULL) {
        (void)snprintf(out, HISTORY_EVENT_ROOM, "%s: %s: %s (%.100s)", stage_text(health->stage),
                       address_text(&failed->address, address), failure_id(failed->failure),
                       failed->detail);
    } else {
        (void)snprintf(out, HISTORY_EVENT_ROOM, "%s", stage_text(health->stage));
    }
    if (admitted) {
        probe_log_line(probe_log, down ? LOG_NOTICE : LOG_INFO, "member %s: %s%s", member->label,
                       out, log_limit_note(&member->stage_limit, note));
    }
    return changed;
}

void probe_log_probe(const struct probe_log *probe_log, struct probed_member *member,
                     unsigned index, const struct address_health *before)
{
    const struct address_health *row = &member->health.addresses[index];
    struct log_limit *limit = &member->address_limits[index];
    char text[ADDRESS_TEXT_MAX], note[LOG_NOTE_ROOM];
    bool fine = row->failure == FAILURE_NONE;
    bool changed = row->failure != before->failure || (fine && before->probes == 0);
    if (log_limit_admits(limit, changed)) {
        probe_log_line(probe_log, LOG_INFO, "member %s: %s: %s%s%s%s%s", member->label,
                       address_text(&row->address, text), fine ? "ok" : failure_id(row->failure),
                       fine ? "" : " (", fine ? "" : row->detail, fine ? "" : ")",
                       log_limit_note(limit, note));
    }
}

bool probe_log_alarm(struct probe_log *probe_log, const struct vantage *vantage)
{
    bool alarm = vantage_is_frozen(vantage);
    if (alarm == probe_log->alarm) {
        return false;
    }
    probe_log->alarm = alarm;
    if (alarm) {
        probe_log_line(
            probe_log, LOG_ALERT,
            "too much fails at once (%u of %u eligible members are down): no member is taken out "
            "until that is over, or until `ntspool health release` confirms it",
            vantage->down, vantage->members);
    } else {
        probe_log_line(probe_log, LOG_NOTICE,
                       "no more members fail at once than fail by themselves: removals go on");
    }
    return true;
}

bool probe_log_state(struct probe_log *probe_log, const struct vantage *vantage)
{
    static const char *const texts[] = {
        [VANTAGE_WELL] = "clock, network and machine are well again: verdicts count",
        [VANTAGE_CLOCK_OFF] = "our clock is off, according to the references or the kernel: "
                              "verdicts wait until it is "
                              "right",
        [VANTAGE_NETWORK_OFF] = "our network is down: verdicts wait until it is back",
        [VANTAGE_HELD_UP] =
            "our process gets too little CPU time: verdicts wait until it gets enough",
    };
    if (probe_log->state == vantage->state) {
        return false;
    }
    probe_log->state = vantage->state;
    probe_log_line(probe_log, vantage->state == VANTAGE_WELL ? LOG_NOTICE : LOG_ALERT, "%s",
                   texts[vantage->state]);
    return true;
}

bool probe_log_families(struct probe_log *probe_log, const struct vantage *vantage)
{
    bool changed = false;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        enum address_family family = (enum address_family)i;
        const char *name = address_family_text(family);
        bool waits = vantage->family[i].addresses > 0 && vantage_family_waits(vantage, family);
        if (waits == probe_log->family_waits[i]) {
            continue;
        }
        changed = true;
        probe_log->family_waits[i] = waits;
        if (!waits) {
            probe_log_line(probe_log, LOG_NOTICE, "%s works from here: its verdicts count", name);
        } else if (vantage->family[i].state == FAMILY_OFF) {
            probe_log_line(
                probe_log, LOG_ALERT,
                "%s no longer works from here: its verdicts wait, those of the other family count",
                name);
        } else {
            probe_log_line(
                probe_log, LOG_WARNING,
                "nothing was ever reached by %s from here: the %u member addresses of that family "
                "can't be judged, those of the other family are; check this machine's %s",
                name, vantage->family[i].addresses, name);
        }
    }
    return changed;
}
