/* Applies accepted reports to the stores. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/verdicts/intake_private.h"

enum {
    EVENTS = 256, /* of one report: no probe sends more at once (REPORT_QUEUE_EVENTS) */
    DAY_S = 86400,
    YEAR_S = 366 * DAY_S
};

/* A batch being applied. */
struct applying {
    struct store_txn *registry, *health, *history; /* history may be NULL */
    uint64_t now;
    struct vantage vantage; /* its row after this report */
    struct intake_sum *sum;
    unsigned events;    /* of the current report */
    enum result result; /* the first failure of a store */
    struct diag *diag;
};

static void record_result(struct applying *applying, enum result result)
{
    applying->result = applying->result == RESULT_OK ? result : applying->result;
}

static void refuse(struct applying *applying, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void refuse(struct applying *applying, const char *format, ...)
{
    struct refusal *refusal = &applying->sum->refusal;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(refusal->text, sizeof(refusal->text), format, args);
    va_end(args);
    memcpy(refusal->source, applying->vantage.name, sizeof(refusal->source));
    refusal->count++;
}

/* Texts come from servers, through a probe; both may be hostile. */
static void replace_control_characters(char *text)
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

static void apply_self(const struct vantage *vantage, void *arg)
{
    struct applying *applying = arg;
    struct vantage next = *vantage;
    vantage_copy_pool_fields(&next, &applying->vantage);
    applying->vantage = next;
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

/* Reads the member of a label. False if there is none with this number. */
static bool find_member(struct applying *applying, const char *label, uint64_t id,
                        struct member *out)
{
    enum result result = registry_member(applying->registry, label, out);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        record_result(applying, result);
    }
    return result == RESULT_OK && out->id == id;
}

/* Counts new addresses of members' own names. They come from a resolver, so any may be right, but
 * not any number of them. */
static bool may_be_new(struct applying *applying, unsigned new_addresses)
{
    struct vantage *vantage = &applying->vantage;
    uint32_t day = (uint32_t)(applying->now / DAY_S);
    if (vantage->new_address_day != day) {
        vantage->new_address_day = day;
        vantage->new_addresses = 0;
    }
    if (vantage->new_addresses + new_addresses > INTAKE_NEW_ADDRESSES) {
        return false;
    }
    vantage->new_addresses += new_addresses;
    return true;
}

static bool addresses_fit(struct applying *applying, const struct member *member,
                          const struct member_health *health)
{
    struct member_health before = { .address_count = 0 };
    unsigned new_addresses = 0;
    bool has_own_name = member->target.len > 0;
    if (has_own_name) {
        enum result result = health_get(applying->health, member->id, health->vantage, &before);
        record_result(applying, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    }
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address *address = &health->addresses[i].address;
        if (has_own_name) {
            new_addresses += health_address(&before, address) == NULL;
        } else if (!has_address(member, address)) {
            return false;
        }
    }
    if (!may_be_new(applying, new_addresses)) {
        refuse(applying, "%s: too many new addresses of members' own names in a day",
               applying->vantage.name);
        return false;
    }
    return true;
}

static bool times_fit(struct applying *applying, struct member_health *health)
{
    uint64_t now = applying->now;
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
        replace_control_characters(each->detail);
    }
    if (health->last_cert_not_after > latest) {
        health->last_cert_not_after = latest;
    }
    if (ahead) {
        refuse(applying, "a verdict is from the future: is the clock of %s right?",
               applying->vantage.name);
    }
    return !ahead;
}

static void apply_verdict(const char *label, const struct member_health *health, void *arg)
{
    struct applying *applying = arg;
    struct member_health row = *health;
    struct member member;
    if (!find_member(applying, label, health->member_id, &member) ||
        !addresses_fit(applying, &member, health) || !times_fit(applying, &row)) {
        applying->sum->skipped++;
        return;
    }
    if (applying->result == RESULT_OK) {
        record_result(applying, health_put(applying->health, &row, applying->diag));
    }
    applying->sum->verdicts++;
}

static void apply_sample(const char *label, const struct history_subject *subject,
                         const struct history_sample *sample, void *arg)
{
    struct applying *applying = arg;
    struct member member;
    struct member_health row;
    bool in_time =
        !is_ahead(sample->at, applying->now) && sample->at + UINT64_C(2) * DAY_S > applying->now;
    if (applying->history == NULL || applying->result != RESULT_OK || !in_time ||
        !find_member(applying, label, subject->member_id, &member)) {
        return;
    }
    bool fits = member.target.len == 0 ? has_address(&member, &subject->address)
                                       : health_get(applying->health, member.id, subject->vantage,
                                                    &row) == RESULT_OK &&
                                             health_address(&row, &subject->address) != NULL;
    if (fits) {
        struct history_subject seen = *subject;
        seen.far = applying->vantage.imported;
        record_result(applying, history_note(applying->history, &seen, sample, applying->now,
                                             applying->diag));
    }
}

static void apply_event(const char *label, const struct history_event *event, void *arg)
{
    struct applying *applying = arg;
    struct history_event row = *event;
    struct member member;
    if (applying->result != RESULT_OK || is_ahead(event->at, applying->now) ||
        applying->events++ >= EVENTS ||
        registry_member(applying->registry, label, &member) != RESULT_OK) {
        return;
    }
    replace_control_characters(row.text);
    record_result(applying, history_log(applying->health, member.label, &row, applying->diag));
}

/* The operator may have removed the key since the report was judged. */
static bool is_named_still(struct applying *applying, const struct report_head *head)
{
    struct vantage_key key;
    enum result result = registry_vantage(applying->registry, head->vantage, &key);
    record_result(applying, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    return result == RESULT_OK && memcmp(key.key, head->key, sizeof(key.key)) == 0;
}

/* Reads the vantage point's row, or begins a new one if there is room. */
static bool begin_row(struct applying *applying, const char *name)
{
    struct vantage *vantage = &applying->vantage;
    enum result result = vantage_get(applying->health, name, vantage);
    record_result(applying, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    if (result != RESULT_NOT_FOUND) {
        return result == RESULT_OK;
    }
    *vantage = (struct vantage){ .position = 0 };
    memcpy(vantage->name, name, strlen(name));
    if (store_count(applying->health, TABLE_VANTAGES) >= VANTAGES_MAX) {
        refuse(applying,
               "there are verdicts of %d vantage points already: end one with `ntspool vantage "
               "remove` or `ntspool health forget`",
               VANTAGES_MAX);
        return false;
    }
    return true;
}

static void apply_report(struct applying *applying, const struct report *report, bool imported)
{
    static const struct report_visit visit = {
        .self = apply_self, .verdict = apply_verdict, .sample = apply_sample, .event = apply_event
    };
    struct vantage *vantage = &applying->vantage;
    if (!is_named_still(applying, &report->head) || !begin_row(applying, report->head.vantage)) {
        return;
    }
    if (report->head.number <= vantage->position) {
        applying->sum->known++;
        return;
    }
    applying->events = 0;
    vantage->imported = imported;
    if (report_each(report, &visit, applying) != RESULT_OK) {
        refuse(applying, "a report of %s can't be read to its end: is it of another version?",
               vantage->name);
    }
    vantage->position = report->head.number;
    vantage->received_at = applying->now;
    vantage->forgotten = false;
    applying->sum->reports++;
    memcpy(applying->sum->vantage, vantage->name, sizeof(applying->sum->vantage));
    record_result(applying, vantage_put(applying->health, vantage, applying->diag));
}

/* The registry is opened last: when the operator removes a key or a member, the registry is written
 * first and then the verdicts. So what is read here is not older than the verdicts. */
static enum result open_all(struct applying *applying, const struct intake_stores *stores)
{
    if (stores->history != NULL) {
        TRY(store_write(stores->history, &applying->history, applying->diag));
    }
    TRY(store_write(stores->health, &applying->health, applying->diag));
    return store_read(stores->registry, &applying->registry, applying->diag);
}

/* The history is committed first: applying a sample twice does no harm, while reports with verdicts
 * are counted by number. */
static enum result close_all(struct applying *applying, enum result result)
{
    if (applying->history != NULL && result == RESULT_OK) {
        result = store_commit(applying->history, applying->diag);
    } else if (applying->history != NULL) {
        store_abort(applying->history);
    }
    if (applying->health != NULL && result == RESULT_OK) {
        result = store_commit(applying->health, applying->diag);
    } else if (applying->health != NULL) {
        store_abort(applying->health);
    }
    if (applying->registry != NULL) {
        store_abort(applying->registry);
    }
    return result;
}

enum result intake_apply(const struct intake_stores *stores, const struct intake_batch *batch,
                         uint64_t now, struct intake_sum *sum, struct diag *diag)
{
    struct applying applying = { .now = now, .sum = sum, .diag = diag };
    const uint64_t refused = sum->refusal.count;
    enum result result = open_all(&applying, stores);
    size_t at = 0;
    while (result == RESULT_OK && at < batch->len) {
        struct report report;
        size_t len = 0;
        uint64_t number = 0;
        CHECK(report_peek(batch->octets + at, &len, &number));
        CHECK(report_open(&report, batch->octets + at, len) == RESULT_OK);
        apply_report(&applying, &report, batch->imported);
        result = applying.result;
        at += len;
    }
    for (unsigned i = 0; i < batch->refusal_count && result == RESULT_OK; i++) {
        result = intake_note(applying.health, &batch->refusals[i], now, diag);
    }
    if (sum->refusal.count > refused && result == RESULT_OK) {
        struct refusal mine = sum->refusal;
        mine.count -= refused;
        result = intake_note(applying.health, &mine, now, diag);
    }
    return close_all(&applying, result);
}
