/* What a report that is accepted changes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/verdicts/intake_private.h"

enum {
    EVENTS = 256, /* of one report: no probe has more to tell at once (REPORT_QUEUE_EVENTS) */
    DAY_S = 86400,
    YEAR_S = 366 * DAY_S
};

/* One batch on its way into the stores. */
struct taking {
    struct store_txn *registry, *health, *history; /* history may be NULL */
    uint64_t now;
    struct vantage vantage; /* as its row will be */
    struct intake_sum *sum;
    unsigned events;    /* of the report under way */
    enum result result; /* of the stores: the first that is not OK */
    struct diag *diag;
};

static void keep(struct taking *taking, enum result result)
{
    taking->result = taking->result == RESULT_OK ? result : taking->result;
}

static void refuse(struct taking *taking, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void refuse(struct taking *taking, const char *format, ...)
{
    struct refusal *refusal = &taking->sum->refusal;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(refusal->text, sizeof(refusal->text), format, args);
    va_end(args);
    memcpy(refusal->source, taking->vantage.name, sizeof(refusal->source));
    refusal->count++;
}

/* Texts come from servers that may be hostile, by way of a probe that may be. */
static void clean(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
        if (*p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }
}

static bool is_ahead(uint64_t at, uint64_t now)
{
    return at > now + VANTAGE_AHEAD_S;
}

static void take_self(const struct vantage *vantage, void *arg)
{
    struct taking *taking = arg;
    struct vantage next = *vantage;
    vantage_keep_ledger(&next, &taking->vantage);
    taking->vantage = next;
}

static bool has_address(const struct member *member, const struct address *address)
{
    for (unsigned i = 0; i < member->address_count; i++) {
        if (address_equal(&member->addresses[i], address)) {
            return true;
        }
    }
    return false;
}

/* The member that something is said of, if it is one. */
static bool find_member(struct taking *taking, const char *label, uint64_t id, struct member *out)
{
    enum result result = registry_member(taking->registry, label, out);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        keep(taking, result);
    }
    return result == RESULT_OK && out->id == id;
}

/* Addresses of a member's own name come from a resolver, so any may be right, but not any number of
 * them. */
static bool may_be_new(struct taking *taking, unsigned newcomers)
{
    struct vantage *vantage = &taking->vantage;
    uint32_t day = (uint32_t)(taking->now / DAY_S);
    if (vantage->newcomer_day != day) {
        vantage->newcomer_day = day;
        vantage->newcomers = 0;
    }
    if (vantage->newcomers + newcomers > INTAKE_NEWCOMERS) {
        return false;
    }
    vantage->newcomers += newcomers;
    return true;
}

static bool knows_address(const struct member_health *health, const struct address *address)
{
    for (unsigned i = 0; i < health->address_count; i++) {
        if (address_equal(&health->addresses[i].address, address)) {
            return true;
        }
    }
    return false;
}

static bool addresses_fit(struct taking *taking, const struct member *member,
                          const struct member_health *health)
{
    struct member_health before = { .address_count = 0 };
    unsigned newcomers = 0;
    bool brings_name = member->target.len > 0;
    if (brings_name) {
        enum result result = health_get(taking->health, member->id, health->vantage, &before);
        keep(taking, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    }
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address *address = &health->addresses[i].address;
        if (brings_name) {
            newcomers += !knows_address(&before, address);
        } else if (!has_address(member, address)) {
            return false;
        }
    }
    if (!may_be_new(taking, newcomers)) {
        refuse(taking, "%s: too many new addresses of members' own names in a day",
               taking->vantage.name);
        return false;
    }
    return true;
}

static bool times_fit(struct taking *taking, struct member_health *health)
{
    uint64_t now = taking->now;
    bool ahead = is_ahead(health->stage_since, now) || is_ahead(health->last_eligible_at, now);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        ahead = ahead || is_ahead(health->family[i].stage_since, now) ||
                is_ahead(health->family[i].frozen_at, now);
    }
    uint64_t latest = now + (uint64_t)INTAKE_CERT_YEARS * YEAR_S;
    for (unsigned i = 0; i < health->address_count; i++) {
        struct address_health *each = &health->addresses[i];
        ahead = ahead || is_ahead(each->first_probe_at, now) ||
                is_ahead(each->last_probe_at, now) || is_ahead(each->last_good_at, now) ||
                is_ahead(each->certified_at, now) || is_ahead(each->operational_at, now);
        each->cert_not_after = each->cert_not_after > latest ? latest : each->cert_not_after;
        clean(each->detail);
    }
    if (health->last_cert_not_after > latest) {
        health->last_cert_not_after = latest;
    }
    if (ahead) {
        refuse(taking, "a verdict is from the future: is the clock of %s right?",
               taking->vantage.name);
    }
    return !ahead;
}

static void take_verdict(const char *label, const struct member_health *health, void *arg)
{
    struct taking *taking = arg;
    struct member_health row = *health;
    struct member member;
    if (!find_member(taking, label, health->member_id, &member) ||
        !addresses_fit(taking, &member, health) || !times_fit(taking, &row)) {
        taking->sum->skipped++;
        return;
    }
    if (taking->result == RESULT_OK) {
        keep(taking, health_put(taking->health, &row, taking->diag));
    }
    taking->sum->verdicts++;
}

static void take_sample(const char *label, const struct history_subject *subject,
                        const struct history_sample *sample, void *arg)
{
    struct taking *taking = arg;
    struct member member;
    struct member_health row;
    bool in_time =
        !is_ahead(sample->at, taking->now) && sample->at + UINT64_C(2) * DAY_S > taking->now;
    if (taking->history == NULL || taking->result != RESULT_OK || !in_time ||
        !find_member(taking, label, subject->member_id, &member)) {
        return;
    }
    bool fits = member.target.len == 0
                    ? has_address(&member, &subject->address)
                    : health_get(taking->health, member.id, subject->vantage, &row) == RESULT_OK &&
                          knows_address(&row, &subject->address);
    if (fits) {
        keep(taking, history_note(taking->history, subject, sample, taking->now, taking->diag));
    }
}

static void take_event(const char *label, const struct history_event *event, void *arg)
{
    struct taking *taking = arg;
    struct history_event row = *event;
    struct member member;
    if (taking->result != RESULT_OK || is_ahead(event->at, taking->now) ||
        taking->events++ >= EVENTS ||
        registry_member(taking->registry, label, &member) != RESULT_OK) {
        return;
    }
    clean(row.text);
    keep(taking, history_log(taking->health, member.label, &row, taking->diag));
}

/* The operator may have taken the key back since the report was judged. */
static bool is_named_still(struct taking *taking, const struct report_head *head)
{
    struct vantage_key key;
    enum result result = registry_vantage(taking->registry, head->vantage, &key);
    keep(taking, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    return result == RESULT_OK && memcmp(key.key, head->key, sizeof(key.key)) == 0;
}

/* The vantage point's row, or a new one where there is room for it. */
static bool begin_row(struct taking *taking, const char *name)
{
    struct vantage *vantage = &taking->vantage;
    enum result result = vantage_get(taking->health, name, vantage);
    keep(taking, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    if (result != RESULT_NOT_FOUND) {
        return result == RESULT_OK;
    }
    *vantage = (struct vantage){ .position = 0 };
    memcpy(vantage->name, name, strlen(name));
    if (store_count(taking->health, TABLE_VANTAGES) >= VANTAGES_MAX) {
        refuse(taking,
               "there are verdicts of %d vantage points already: end one with `ntspool vantage "
               "remove` or `ntspool health forget`",
               VANTAGES_MAX);
        return false;
    }
    return true;
}

static void take_report(struct taking *taking, const struct report *report, bool imported)
{
    static const struct report_visit visit = {
        .self = take_self, .verdict = take_verdict, .sample = take_sample, .event = take_event
    };
    struct vantage *vantage = &taking->vantage;
    if (!is_named_still(taking, &report->head) || !begin_row(taking, report->head.vantage)) {
        return;
    }
    if (report->head.number <= vantage->position) {
        taking->sum->known++;
        return;
    }
    taking->events = 0;
    if (report_each(report, &visit, taking) != RESULT_OK) {
        refuse(taking, "a report of %s can't be read to its end: is it of another version?",
               vantage->name);
    }
    vantage->position = report->head.number;
    vantage->received_at = taking->now;
    vantage->imported = imported;
    vantage->forgotten = false;
    taking->sum->reports++;
    memcpy(taking->sum->vantage, vantage->name, sizeof(taking->sum->vantage));
    keep(taking, vantage_put(taking->health, vantage, taking->diag));
}

/* The registry last: whoever takes back a key or a member, and forgets what was said, writes the
 * registry first and then the verdicts. So what is seen here is not older than that. */
static enum result open_all(struct taking *taking, const struct intake_stores *stores)
{
    enum result result = RESULT_OK;
    if (stores->history != NULL) {
        result = store_write(stores->history, &taking->history, taking->diag);
    }
    if (result == RESULT_OK) {
        result = store_write(stores->health, &taking->health, taking->diag);
    }
    return result == RESULT_OK ? store_read(stores->registry, &taking->registry, taking->diag)
                               : result;
}

/* History first: a sample that comes again is the same sample, a verdict's report is counted. */
static enum result close_all(struct taking *taking, enum result result)
{
    if (taking->history != NULL && result == RESULT_OK) {
        result = store_commit(taking->history, taking->diag);
    } else if (taking->history != NULL) {
        store_abort(taking->history);
    }
    if (taking->health != NULL && result == RESULT_OK) {
        result = store_commit(taking->health, taking->diag);
    } else if (taking->health != NULL) {
        store_abort(taking->health);
    }
    if (taking->registry != NULL) {
        store_abort(taking->registry);
    }
    return result;
}

enum result intake_apply(const struct intake_stores *stores, const struct intake_batch *batch,
                         uint64_t now, struct intake_sum *sum, struct diag *diag)
{
    struct taking taking = { .now = now, .sum = sum, .diag = diag };
    const uint64_t refused = sum->refusal.count;
    enum result result = open_all(&taking, stores);
    size_t at = 0;
    while (result == RESULT_OK && at < batch->len) {
        struct report report;
        size_t len = 0;
        uint64_t number = 0;
        ASSERT(report_peek(batch->octets + at, &len, &number) &&
               report_open(&report, batch->octets + at, len) == RESULT_OK);
        take_report(&taking, &report, batch->imported);
        result = taking.result;
        at += len;
    }
    for (unsigned i = 0; i < batch->refusal_count && result == RESULT_OK; i++) {
        result = intake_note(taking.health, &batch->refusals[i], now, diag);
    }
    if (sum->refusal.count > refused && result == RESULT_OK) {
        struct refusal mine = sum->refusal;
        mine.count -= refused;
        result = intake_note(taking.health, &mine, now, diag);
    }
    return close_all(&taking, result);
}
