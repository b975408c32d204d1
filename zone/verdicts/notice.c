#include "zone/verdicts/notice.h"

enum {
    LAYOUT = 1,
    KEY_LEN = 8 /* the member's id in network order */
};

static const uint64_t reminders_s[] = { 7 * UINT64_C(86400), 30 * UINT64_C(86400) };

/* True if it holds removals back, and the operator has not released them. */
static bool holds_back(const struct vantage *vantage)
{
    bool held = vantage->frozen_since > vantage->released_at;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        held = held || vantage->family[i].frozen_since > vantage->released_at;
    }
    return held;
}

bool notice_trusts(const struct vantages *vantages)
{
    bool well = false;
    for (unsigned i = 0; i < vantages->count; i++) {
        const struct vantage *each = &vantages->list[i];
        if (!vantages->asked[i]) {
            continue;
        }
        if (holds_back(each)) {
            return false;
        }
        well = well || each->state == VANTAGE_WELL;
    }
    return well && !vantages->silent;
}

static uint64_t before(uint64_t at, uint64_t s)
{
    return at > s ? at - s : 0;
}

/* True if the address was probed lately. While it fails, the pauses between its probes grow to a
 * 24th of the time (probe/schedule.h); they may take twice that. After the probe itself was off,
 * what it saw before is old until it has looked again. */
static bool is_fresh(const struct address_health *seen, uint64_t failing_since,
                     const struct settings *settings, uint64_t now)
{
    bool fails = seen->failure != FAILURE_NONE && failing_since < now;
    uint64_t pause = fails ? (now - failing_since) / 12 : 0;
    return seen->probes > 0 && seen->last_probe_at + settings->verdict_fresh_s + pause >= now;
}

static bool was_probed_lately(const struct member_health *health, const struct settings *settings,
                              uint64_t now)
{
    for (unsigned i = 0; i < health->address_count; i++) {
        if (is_fresh(&health->addresses[i], health->stage_since, settings, now)) {
            return true;
        }
    }
    return false;
}

/* A certificate that was renewed may not have been seen yet. So only those count that the last
 * probe was shown. */
static void look_at_certificates(struct notice_facts *out, const struct member_health *health,
                                 const struct settings *settings, uint64_t now)
{
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *seen = &health->addresses[i];
        uint64_t end = seen->cert_not_after;
        bool ended = seen->failure == FAILURE_CERT_EXPIRED && end <= now;
        bool soon = seen->failure == FAILURE_NONE && end > now &&
                    end - now <= settings->certificate_warning_s &&
                    (seen->warnings & WARNING_CERT_AGE) != 0;
        uint64_t *first = ended ? &out->certificate_ended : &out->certificate_soon;
        if (end != 0 && (ended || soon) && (*first == 0 || end < *first) &&
            is_fresh(seen, end, settings, now)) {
            *first = end;
        }
    }
}

static void look_at_plans(struct notice_facts *out, const struct member *member,
                          const struct settings *settings)
{
    uint64_t lead = settings->leave_lead_s;
    out->leaves_at = member->leave_at;
    out->told_of_leave_from =
        before(member->leave_at, lead > NOTICE_LEAVE_S ? lead : NOTICE_LEAVE_S);
}

static void look_at_registration(struct notice_facts *out, const struct member *member,
                                 const struct settings *settings)
{
    uint64_t time = settings->registration_expiry_s;
    if (time > 0 && !member->suspended && member->override != OVERRIDE_ELIGIBLE) {
        out->expires_at = member->changed_at + time;
        out->told_of_expiry_from =
            before(out->expires_at, time / 2 < NOTICE_EXPIRY_S ? time / 2 : NOTICE_EXPIRY_S);
    }
}

void notice_facts_of(struct notice_facts *out, const struct member *member,
                     const struct consensus *consensus, bool trusted,
                     const struct settings *settings, uint64_t now)
{
    const struct member_health *health = &consensus->health;
    *out = (struct notice_facts){ .since = health->stage_since };
    look_at_plans(out, member, settings);
    if (!trusted) {
        return;
    }
    if (!consensus->known || health->stage == STAGE_REGISTERED) {
        look_at_registration(out, member, settings);
    }
    look_at_certificates(out, health, settings, now);
    bool decided = member->suspended || member->capacity_mbit == 0 ||
                   member->override != OVERRIDE_AUTO || lifecycle_leaves(member, settings, now);
    bool sure = consensus->known && consensus->hold == HOLD_NONE && !decided &&
                was_probed_lately(health, settings, now);
    out->out = sure && health->stage == STAGE_INELIGIBLE;
    out->in = sure && health->stage == STAGE_ELIGIBLE;
}

/* True also if the clock was ahead when `at` was noted. */
static bool is_past(uint64_t at, uint64_t s, uint64_t now)
{
    return at > now || at + s <= now;
}

bool notice_gap_is_over(uint64_t told_at, uint64_t now)
{
    return is_past(told_at, NOTICE_GAP_S, now);
}

static bool reminder_is_due(const struct notice_facts *facts, const struct notice_memory *memory,
                            uint64_t now)
{
    for (size_t i = 0; i < sizeof(reminders_s) / sizeof(reminders_s[0]); i++) {
        uint64_t at = facts->since + reminders_s[i];
        if (at <= now && memory->outage_at < at) {
            return true;
        }
    }
    return false;
}

static unsigned outage_due(const struct notice_facts *facts, const struct notice_memory *memory,
                           uint64_t now)
{
    if (facts->in && memory->out && facts->since + NOTICE_BACK_S <= now) {
        return 1U << NOTICE_BACK;
    }
    if (!facts->out || facts->since + NOTICE_OUT_S > now ||
        !is_past(memory->outage_at, NOTICE_AGAIN_S, now)) {
        return 0;
    }
    if (!memory->out) {
        return 1U << NOTICE_OUT;
    }
    return reminder_is_due(facts, memory, now) ? 1U << NOTICE_STILL_OUT : 0;
}

/* Of certificates only later ends are news: a server may show two of them in turn. */
unsigned notice_due(const struct notice_facts *facts, const struct notice_memory *memory,
                    uint64_t now)
{
    unsigned due = outage_due(facts, memory, now);
    if (facts->certificate_soon > memory->certificate_soon) {
        due |= 1U << NOTICE_CERTIFICATE_SOON;
    }
    if (facts->certificate_ended > memory->certificate_ended) {
        due |= 1U << NOTICE_CERTIFICATE_ENDED;
    }
    if (facts->expires_at > now && facts->told_of_expiry_from <= now &&
        facts->expires_at != memory->expires_at) {
        due |= 1U << NOTICE_EXPIRES;
    }
    if (facts->leaves_at > now && facts->told_of_leave_from <= now &&
        facts->leaves_at != memory->leaves_at) {
        due |= 1U << NOTICE_LEAVES;
    }
    if (facts->removed_at > memory->removed_at && facts->removed_at + NOTICE_REMOVED_S > now) {
        due |= 1U << NOTICE_REMOVED;
    }
    return due;
}

static bool has(unsigned due, enum notice notice)
{
    return (due >> notice & 1) != 0;
}

void notice_told(struct notice_memory *memory, const struct notice_facts *facts, unsigned due,
                 uint64_t now)
{
    memory->told_at = now;
    if (has(due, NOTICE_OUT) || has(due, NOTICE_STILL_OUT) || has(due, NOTICE_BACK)) {
        memory->out = !has(due, NOTICE_BACK);
        memory->outage_at = now;
    }
    if (has(due, NOTICE_CERTIFICATE_SOON)) {
        memory->certificate_soon = facts->certificate_soon;
    }
    if (has(due, NOTICE_CERTIFICATE_ENDED)) {
        memory->certificate_ended = facts->certificate_ended;
    }
    if (has(due, NOTICE_EXPIRES)) {
        memory->expires_at = facts->expires_at;
    }
    if (has(due, NOTICE_LEAVES)) {
        memory->leaves_at = facts->leaves_at;
    }
    if (has(due, NOTICE_REMOVED)) {
        memory->removed_at = facts->removed_at;
    }
}

const char *notice_id(enum notice notice)
{
    static const char *const ids[NOTICES] = {
        [NOTICE_OUT] = "out",
        [NOTICE_STILL_OUT] = "still-out",
        [NOTICE_BACK] = "back",
        [NOTICE_CERTIFICATE_SOON] = "certificate-ends",
        [NOTICE_CERTIFICATE_ENDED] = "certificate-ended",
        [NOTICE_EXPIRES] = "registration-expires",
        [NOTICE_LEAVES] = "leaves",
        [NOTICE_REMOVED] = "removed",
    };
    ASSERT((unsigned)notice < NOTICES);
    return ids[notice];
}

void notice_encode(struct writer *w, const struct notice_memory *memory)
{
    write_u8(w, LAYOUT);
    write_u64(w, memory->contact);
    write_u64(w, memory->told_at);
    write_u8(w, memory->out);
    write_u64(w, memory->outage_at);
    write_u64(w, memory->certificate_soon);
    write_u64(w, memory->certificate_ended);
    write_u64(w, memory->expires_at);
    write_u64(w, memory->leaves_at);
    write_u64(w, memory->removed_at);
}

enum result notice_decode(struct notice_memory *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct notice_memory memory = { .member_id = 0 };
    uint8_t layout = read_u8(&r);
    if (layout != LAYOUT) {
        return layout > LAYOUT ? RESULT_NEWER : RESULT_DAMAGED;
    }
    memory.contact = read_u64(&r);
    memory.told_at = read_u64(&r);
    uint8_t is_out = read_u8(&r);
    memory.out = is_out == 1;
    memory.outage_at = read_u64(&r);
    memory.certificate_soon = read_u64(&r);
    memory.certificate_ended = read_u64(&r);
    memory.expires_at = read_u64(&r);
    memory.leaves_at = read_u64(&r);
    memory.removed_at = read_u64(&r);
    if (!reader_done(&r) || is_out > 1) {
        return RESULT_DAMAGED;
    }
    *out = memory;
    return RESULT_OK;
}

static void key_of(uint64_t member_id, uint8_t out[KEY_LEN])
{
    struct writer w = writer_of(out, KEY_LEN);
    write_u64(&w, member_id);
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    }
    return hash;
}

enum result notice_get(struct store_txn *health, uint64_t member_id, const char *contact,
                       struct notice_memory *out)
{
    uint8_t key[KEY_LEN], data[NOTICE_ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    struct notice_memory memory = { .member_id = 0 };
    key_of(member_id, key);
    enum result result = store_get(health, TABLE_NOTICES, key, sizeof(key), &item);
    if (result == RESULT_OK) {
        result = notice_decode(&memory, data, item.len);
    }
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    if (result == RESULT_NOT_FOUND || memory.contact != hash_of(contact)) {
        memory = (struct notice_memory){ .contact = hash_of(contact) };
    }
    memory.member_id = member_id;
    *out = memory;
    return RESULT_OK;
}

enum result notice_put(struct store_txn *health, const struct notice_memory *memory,
                       struct diag *diag)
{
    uint8_t key[KEY_LEN], data[NOTICE_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    key_of(memory->member_id, key);
    notice_encode(&w, memory);
    ASSERT(!w.failed);
    return vantage_written(diag, store_put(health, TABLE_NOTICES, key, sizeof(key), data, w.at));
}

/* The first row after `key` of a member that is not known. */
static enum result find_stale(struct store_txn *health, struct store_item *key,
                              notice_is_known *is_known, const void *arg)
{
    for (;;) {
        TRY(store_find(health, TABLE_NOTICES, SEEK_AFTER, key, NULL));
        struct reader r = reader_of(key->data, key->len);
        if (!is_known(read_u64(&r), arg) || r.failed) {
            return RESULT_OK;
        }
    }
}

enum result notice_is_stale(struct store_txn *health, notice_is_known *is_known, const void *arg,
                            bool *stale)
{
    uint8_t found[STORE_KEY_MAX];
    struct store_item key = { .data = found, .room = sizeof(found) };
    enum result result = find_stale(health, &key, is_known, arg);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    *stale = result == RESULT_OK;
    return RESULT_OK;
}

enum result notice_purge(struct store_txn *health, notice_is_known *is_known, const void *arg,
                         struct diag *diag)
{
    uint8_t found[STORE_KEY_MAX];
    struct store_item key = { .data = found, .room = sizeof(found) };
    for (;;) {
        enum result result = find_stale(health, &key, is_known, arg);
        if (result == RESULT_NOT_FOUND) {
            return RESULT_OK;
        }
        TRY(vantage_written(diag, result));
        TRY(vantage_written(diag, store_delete(health, TABLE_NOTICES, key.data, key.len)));
    }
}
