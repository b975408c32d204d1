#include "probe/probe_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "zone/base/concern.h"

static const struct {
    const char *failed, *recovered;
} subjects[PROBE_LOG_SUBJECTS] = {
    [PROBE_LOG_FEED] = { "the list of members can't be read", "the list of members is read again" },
    [PROBE_LOG_VERDICTS] = { "verdicts can't be written", "verdicts are written again" },
};

void probe_log_failed(struct probe_log *probe_log, enum probe_log_subject subject,
                      const struct diag *diag)
{
    log_once(&probe_log->troubles[subject], probe_log->log, LOG_ERR, NULL,
             "%s: %s; going on with what is known", subjects[subject].failed, diag->text);
}

void probe_log_recovered(struct probe_log *probe_log, enum probe_log_subject subject)
{
    log_once_over(&probe_log->troubles[subject], probe_log->log, subjects[subject].recovered);
}

/* Logs a state if it changed, within the limit. Where it is bad, `status` warns of it as `id`. */
static void tell(const struct probe_log *probe_log, struct log_limit *limit, bool changed,
                 int priority, enum concern_id id, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

static void tell(const struct probe_log *probe_log, struct log_limit *limit, bool changed,
                 int priority, enum concern_id id, const char *format, ...)
{
    const struct log_fields fields = { .warning =
                                           priority < LOG_NOTICE ? concern_id_text(id) : NULL };
    char text[sizeof(struct diag)], note[LOG_NOTE_ROOM];
    va_list args;
    if (log_limit_admits(limit, changed)) {
        va_start(args, format);
        (void)log_format(text, sizeof(text), format, args);
        va_end(args);
        log_say_about(probe_log->log, priority, &fields, "%s%s", text, log_limit_note(limit, note));
    }
}

void probe_log_named(struct probe_log *probe_log, const struct vantage_keys *keys, const char *name,
                     const uint8_t key[VANTAGE_KEY_LEN])
{
    const struct vantage_key *named = vantage_keys_find(keys, name);
    bool unnamed = named == NULL || memcmp(named->key, key, VANTAGE_KEY_LEN) != 0;
    bool changed = unnamed != probe_log->unnamed;
    probe_log->unnamed = unnamed;
    if (unnamed) {
        char text[JOURNAL_KEY_TEXT];
        tell(probe_log, &probe_log->named_limit, changed, LOG_WARNING, CONCERN_VANTAGE_UNKNOWN,
             "the pool does not know this vantage point, so its verdicts count for nothing: "
             "`ntspool vantage add %s %s` names it",
             name, journal_key_text(key, text));
    } else {
        tell(probe_log, &probe_log->named_limit, changed, LOG_NOTICE, CONCERN_VANTAGE_UNKNOWN,
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
    struct log_fields fields = { .member = member->label };
    bool changed = health->stage != before,
         admitted = log_limit_admits(&member->stage_limit, changed);
    if (!changed && !admitted) {
        return false;
    }
    if (down && failed != NULL) {
        fields.address = address_text(&failed->address, address);
        fields.failure = failure_id(failed->failure);
        (void)snprintf(out, HISTORY_EVENT_ROOM, "%s: %s: %s (%.100s)", stage_text(health->stage),
                       fields.address, fields.failure, failed->detail);
    } else {
        (void)snprintf(out, HISTORY_EVENT_ROOM, "%s", stage_text(health->stage));
    }
    if (admitted) {
        log_say_about(probe_log->log, down ? LOG_NOTICE : LOG_INFO, &fields, "member %s: %s%s",
                      member->label, out, log_limit_note(&member->stage_limit, note));
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
    const struct log_fields fields = { .member = member->label,
                                       .address = address_text(&row->address, text),
                                       .failure = fine ? NULL : failure_id(row->failure) };
    if (log_limit_admits(limit, changed)) {
        log_say_about(probe_log->log, LOG_INFO, &fields, "member %s: %s: %s%s%s%s%s", member->label,
                      fields.address, fine ? "ok" : fields.failure, fine ? "" : " (",
                      fine ? "" : row->detail, fine ? "" : ")", log_limit_note(limit, note));
    }
}

void probe_log_outcome(const struct probe_log *probe_log, const struct probed_address *probed,
                       const struct outcome *outcome)
{
    char text[ADDRESS_TEXT_MAX];
    if (!log_is_wanted(LOG_DEBUG)) {
        return;
    }
    const struct probed_member *member = probed->member;
    const struct log_fields fields = {
        .member = member->label,
        .address = address_text(&member->health.addresses[probed->index].address, text)
    };
    if (outcome->timed) {
        log_say_about(probe_log->log, LOG_DEBUG, &fields,
                      "probed member %s: %s: %s, offset %lld us, round trip %llu us", member->label,
                      fields.address, failure_id(outcome->failure),
                      (long long)outcome->sample.offset_us,
                      (unsigned long long)outcome->sample.rtt_us);
    } else {
        log_say_about(probe_log->log, LOG_DEBUG, &fields, "probed member %s: %s: %s %s",
                      member->label, fields.address, failure_id(outcome->failure), outcome->detail);
    }
}

bool probe_log_alarm(struct probe_log *probe_log, const struct vantage *vantage)
{
    bool alarm = vantage_is_frozen(vantage), changed = alarm != probe_log->alarm;
    probe_log->alarm = alarm;
    if (alarm) {
        tell(probe_log, &probe_log->alarm_limit, changed, LOG_ERR, CONCERN_VANTAGE_FROZEN,
             "too much fails at once (%u of %u eligible members are down): no member is taken out "
             "until that is over, or until `ntspool health release` confirms it",
             vantage->down, vantage->members);
    } else {
        tell(probe_log, &probe_log->alarm_limit, changed, LOG_NOTICE, CONCERN_VANTAGE_FROZEN,
             "no more members fail at once than fail by themselves: removals go on");
    }
    return changed;
}

bool probe_log_state(struct probe_log *probe_log, const struct vantage *vantage)
{
    static const char *const texts[] = {
        [VANTAGE_WELL] = "clock, network and machine are well again: verdicts count",
        [VANTAGE_CLOCK_OFF] = ("our clock is off, according to the references or the kernel: "
                               "verdicts wait until it is right"),
        [VANTAGE_NETWORK_OFF] = "our network is down: verdicts wait until it is back",
        [VANTAGE_HELD_UP] =
            "our process gets too little CPU time: verdicts wait until it gets enough",
    };
    bool changed = probe_log->state != vantage->state;
    probe_log->state = vantage->state;
    tell(probe_log, &probe_log->state_limit, changed,
         vantage->state == VANTAGE_WELL ? LOG_NOTICE : LOG_ERR, CONCERN_VANTAGE_ASIDE, "%s",
         texts[vantage->state]);
    return changed;
}

static bool tell_family(struct probe_log *probe_log, const struct vantage *vantage,
                        enum address_family family)
{
    struct log_limit *limit = &probe_log->family_limits[family];
    const char *name = address_family_text(family);
    unsigned addresses = vantage->family[family].addresses;
    bool waits = addresses > 0 && vantage_family_waits(vantage, family);
    bool changed = waits != probe_log->family_waits[family];
    probe_log->family_waits[family] = waits;
    if (!waits) {
        tell(probe_log, limit, changed, LOG_NOTICE, CONCERN_VANTAGE_FAMILY_OFF,
             "%s works from here: its verdicts count", name);
    } else if (vantage->family[family].state == FAMILY_OFF) {
        tell(probe_log, limit, changed, LOG_ERR, CONCERN_VANTAGE_FAMILY_OFF,
             "%s no longer works from here: its verdicts wait, those of the other family count",
             name);
    } else {
        tell(probe_log, limit, changed, LOG_WARNING, CONCERN_VANTAGE_FAMILY_UNSEEN,
             "nothing was ever reached by %s from here: the %u member addresses of that family "
             "can't be judged, those of the other family are; check this machine's %s",
             name, addresses, name);
    }
    return changed;
}

bool probe_log_families(struct probe_log *probe_log, const struct vantage *vantage)
{
    bool changed = false;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        changed |= tell_family(probe_log, vantage, (enum address_family)i);
    }
    return changed;
}
