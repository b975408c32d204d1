/* The row `rollover` of TABLE_META: u8 layout, u8 flags (1: insecure, 2: follows), u32
 * dnskey_ttl_s, u32 zone_ttl_s, u64 dnskey_until, u64 zone_until, u64 seen_at. */
#include "dnssec/rollover/key_timeline.h"

enum {
    LAYOUT = 1,
    FLAG_INSECURE = 1,
    FLAG_FOLLOWS = 2,
    ROW_LEN = 1 + KEY_TIMELINE_MEMORY_LEN,
    KEY_TRIES = 8,
    TTL_MAX = 86400 /* the setting's bound: assumed for a store without memory */
};

static const char row_key[] = "rollover";

void key_timeline_memory_write(struct writer *w, const struct rollover_memory *m)
{
    write_u8(w, (uint8_t)((m->insecure ? FLAG_INSECURE : 0) | (m->follows ? FLAG_FOLLOWS : 0)));
    write_u32(w, m->dnskey_ttl_s);
    write_u32(w, m->zone_ttl_s);
    write_u64(w, m->dnskey_until);
    write_u64(w, m->zone_until);
    write_u64(w, m->seen_at);
}

struct rollover_memory key_timeline_memory_read(struct reader *r)
{
    struct rollover_memory m;
    uint8_t flags = read_u8(r);
    r->failed = r->failed || (flags & ~(FLAG_INSECURE | FLAG_FOLLOWS)) != 0;
    m.insecure = (flags & FLAG_INSECURE) != 0;
    m.follows = (flags & FLAG_FOLLOWS) != 0;
    m.dnskey_ttl_s = read_u32(r);
    m.zone_ttl_s = read_u32(r);
    m.dnskey_until = read_u64(r);
    m.zone_until = read_u64(r);
    m.seen_at = read_u64(r);
    return m;
}

static enum result read_memory(struct key_timeline *out, struct store_txn *keys)
{
    uint8_t row[ROW_LEN];
    struct store_item value = { .data = row, .room = sizeof row };
    enum result result = store_get(keys, TABLE_META, row_key, sizeof row_key - 1, &value);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    struct reader r = reader_of(row, value.len);
    uint8_t layout = read_u8(&r);
    out->memory = key_timeline_memory_read(&r);
    out->remembered = true;
    if (layout > LAYOUT) {
        return RESULT_NEWER;
    }
    return reader_done(&r) && layout == LAYOUT ? RESULT_OK : RESULT_DAMAGED;
}

static enum result write_memory(const struct rollover_memory *m, struct store_txn *keys)
{
    uint8_t row[ROW_LEN];
    struct writer w = writer_of(row, sizeof row);
    write_u8(&w, LAYOUT);
    key_timeline_memory_write(&w, m);
    ASSERT(!w.failed);
    return store_put(keys, TABLE_META, row_key, sizeof row_key - 1, row, sizeof row);
}

static bool same_memory(const struct rollover_memory *a, const struct rollover_memory *b)
{
    return a->insecure == b->insecure && a->follows == b->follows &&
           a->dnskey_ttl_s == b->dnskey_ttl_s && a->zone_ttl_s == b->zone_ttl_s &&
           a->dnskey_until == b->dnskey_until && a->zone_until == b->zone_until &&
           a->seen_at == b->seen_at;
}

static enum result collect(const struct key_record *record, void *arg)
{
    struct key_set *keys = arg;
    if (keys->count == KEYSTORE_MAX) {
        return RESULT_INVALID;
    }
    keys->list[keys->count++] = *record;
    return RESULT_OK;
}

enum result key_timeline_read(struct key_timeline *out, struct store_txn *keys, struct diag *diag)
{
    *out = (struct key_timeline){ .remembered = false };
    enum result result = keystore_each(keys, collect, &out->keys);
    if (result == RESULT_OK) {
        result = read_memory(out, keys);
    }
    return result == RESULT_OK
               ? result
               : diag_fail(diag, result, "the DNSSEC keys cannot be read: %s", result_text(result));
}

static bool same_state(const struct record_state *a, const struct record_state *b)
{
    return a->introduced_at == b->introduced_at && a->omnipresent_at == b->omnipresent_at &&
           a->withdrawn_at == b->withdrawn_at && a->hidden_at == b->hidden_at;
}

bool key_life_equal(const struct key_life *a, const struct key_life *b)
{
    return a->wanted == b->wanted && a->planned == b->planned &&
           same_state(&a->dnskey, &b->dnskey) && same_state(&a->zone, &b->zone) &&
           same_state(&a->ds, &b->ds);
}

static enum result check_seal(const struct key_record *record, const struct seal *seal,
                              struct diag *diag)
{
    struct key *key = NULL;
    TRY(keystore_unseal(&key, record, seal, diag));
    key_free(key);
    return RESULT_OK;
}

enum result key_timeline_open_all(const struct key_timeline *timeline, const struct seal *seal,
                                  struct diag *diag)
{
    for (size_t i = 0; i < timeline->keys.count; i++) {
        TRY(check_seal(&timeline->keys.list[i], seal, diag));
    }
    return RESULT_OK;
}

enum result key_timeline_write(const struct key_timeline *timeline,
                               const struct key_timeline *before, struct store_txn *keys,
                               const struct seal *seal, uint64_t now, struct diag *diag)
{
    ASSERT(timeline->keys.count == before->keys.count);
    for (size_t i = 0; i < timeline->keys.count; i++) {
        const struct key_record *record = &timeline->keys.list[i];
        if (rollover_is_dead(record, now)) {
            TRY(keystore_delete(keys, record));
        } else if (!key_life_equal(&record->life, &before->keys.list[i].life)) {
            TRY(keystore_update(keys, record, seal, diag));
        }
    }
    bool changed = !before->remembered || !same_memory(&timeline->memory, &before->memory);
    return changed ? write_memory(&timeline->memory, keys) : RESULT_OK;
}

uint32_t key_timeline_zone_ttl(const struct settings *settings, uint32_t longest_s)
{
    const uint32_t ttls[] = { settings->ttl_s, settings->srv_ttl_s, settings->address_ttl_s,
                              settings->negative_ttl_s };
    for (size_t i = 0; i < sizeof ttls / sizeof ttls[0]; i++) {
        longest_s = ttls[i] > longest_s ? ttls[i] : longest_s;
    }
    /* RFC 4035 5.3.3: a validator caches an RRset no longer than its signature is valid. */
    return longest_s < settings->signature_validity_s ? longest_s : settings->signature_validity_s;
}

static enum result init_memory(struct rollover_memory memory, struct store_txn *keys,
                               struct diag *diag)
{
    enum result result = write_memory(&memory, keys);
    return result == RESULT_OK ? result
                               : diag_fail(diag, result, "the state of the keys can't be stored");
}

enum result key_timeline_init(struct store_txn *keys, const struct settings *settings, uint64_t now,
                              struct diag *diag)
{
    return init_memory((struct rollover_memory){ .dnskey_ttl_s = settings->ttl_s,
                                                 .zone_ttl_s = key_timeline_zone_ttl(settings, 0),
                                                 .seen_at = now },
                       keys, diag);
}

enum result key_timeline_init_follower(struct store_txn *keys, struct diag *diag)
{
    return init_memory((struct rollover_memory){ .follows = true }, keys, diag);
}

struct rollover_timing key_timeline_timing(const struct key_timeline *timeline,
                                           const struct settings *settings)
{
    struct rollover_timing timing = { .memory = timeline->memory,
                                      .propagation_s = settings->propagation_s,
                                      .parent_s =
                                          settings->parent_delay_s + settings->parent_ds_ttl_s,
                                      .offline_ksk = rollover_has_offline_ksk(&timeline->keys) };
    if (!timeline->remembered) { /* an older ntspool may have served any TTL */
        timing.memory.dnskey_ttl_s = TTL_MAX;
        timing.memory.zone_ttl_s = settings->signature_validity_s;
    }
    return timing;
}

enum result key_timeline_make_key(struct store_txn *keys, const struct seal *seal,
                                  const struct key_spec *spec, uint64_t now, struct diag *diag)
{
    /* Two keys of a zone must not share their tag (RFC 4034 appendix B). One pair in 65,536 does:
     * try again. */
    enum result result = RESULT_EXISTS;
    for (int tries = 0; tries < KEY_TRIES && result == RESULT_EXISTS; tries++) {
        struct key *key = NULL;
        result = key_generate(&key, spec->algorithm, spec->role, diag);
        if (result == RESULT_OK) {
            result = keystore_add(keys, key, seal, &spec->life, now, diag);
            key_free(key);
        }
    }
    return result;
}

/* The roles of the new keys, ending with 0. */
static const enum key_role *roles_of(enum roll_kind kind, bool single)
{
    static const enum key_role zsk[] = { KEY_ZSK, 0 }, ksk[] = { KEY_KSK, 0 },
                               csk[] = { KEY_CSK, 0 }, both[] = { KEY_KSK, KEY_ZSK, 0 };
    switch (kind) {
    case ROLL_ZSK:
        return zsk;
    case ROLL_KSK:
        return ksk;
    case ROLL_CSK:
        return csk;
    case ROLL_SPLIT:
        return both;
    case ROLL_ALGORITHM:
        return single ? csk : both;
    }
    return both;
}

static enum result check_start(const struct key_timeline *timeline,
                               const struct roll_options *options, bool single, struct diag *diag)
{
    if (rollover_has_offline_ksk(&timeline->keys)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the KSK is offline (its private key is kept elsewhere), so bundles say "
                         "when keys are rolled: `ntspool key request --roll-zsk` for a new ZSK; a "
                         "new KSK is made where the KSK is and comes by `key import --public`; for "
                         "all else bring the KSK back first, by `key online`");
    }
    const struct key_record *zsk = rollover_current(&timeline->keys, KEY_ZSK);
    if (single && (options->kind == ROLL_ZSK || options->kind == ROLL_KSK)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the zone has one key for both roles: roll csk, or split for two keys");
    }
    if (!single && options->kind == ROLL_SPLIT) {
        return diag_fail(diag, RESULT_REFUSED, "the zone has a KSK and a ZSK already");
    }
    if (options->kind == ROLL_ALGORITHM && zsk != NULL && options->algorithm == zsk->algorithm) {
        return diag_fail(diag, RESULT_REFUSED, "the zone's algorithm is %s already",
                         algorithm_text(options->algorithm));
    }
    return RESULT_OK;
}

/* True if `key abort` would change a key with these role bits. */
static bool can_turn_back(const struct key_set *keys, unsigned roles)
{
    struct key_set turned = *keys;
    bool changes = false;
    (void)rollover_abort(&turned, KEY_CSK);
    for (size_t i = 0; i < keys->count; i++) {
        changes = changes || (((unsigned)keys->list[i].role & roles) != 0 &&
                              keys->list[i].life.wanted != turned.list[i].life.wanted);
    }
    return changes;
}

enum result key_timeline_retire(struct key_timeline *timeline, unsigned roles, size_t more,
                                bool emergency, struct diag *diag)
{
    if (timeline->memory.follows) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the keys come from another machine: roll them there, or take over by "
                         "`ntspool key lead`");
    }
    if (rollover_under_way(&timeline->keys, roles) && !emergency) {
        return diag_fail(diag, RESULT_REFUSED,
                         can_turn_back(&timeline->keys, roles)
                             ? "a rollover is under way (`ntspool key list`): wait for its end, or "
                               "take it back by `ntspool key abort`"
                             : "a rollover is under way: wait until its old keys are deleted "
                               "(`ntspool key list` says when); only --emergency does not wait");
    }
    size_t used = more;
    for (size_t i = 0; i < timeline->keys.count; i++) {
        used += !timeline->keys.list[i].life.planned;
    }
    if (used > KEYSTORE_USED_MAX || timeline->keys.count + more > KEYSTORE_MAX) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the zone has %zu keys and can have %d: wait until old ones are gone",
                         used - more, KEYSTORE_USED_MAX);
    }
    for (size_t i = 0; i < timeline->keys.count; i++) {
        struct key_record *key = &timeline->keys.list[i];
        key->life.wanted = key->life.wanted && ((unsigned)key->role & roles) == 0;
    }
    return RESULT_OK;
}

/* Takes the ZSK that an offline KSK's bundle has planned, if there is one, else makes a key. */
static enum result add_key(struct key_timeline *timeline, struct store_txn *keys,
                           const struct seal *seal, const struct key_spec *spec, uint64_t now,
                           struct diag *diag)
{
    struct key_record *planned =
        spec->role == KEY_ZSK ? rollover_planned(&timeline->keys, spec->algorithm) : NULL;
    if (planned == NULL) {
        return key_timeline_make_key(keys, seal, spec, now, diag);
    }
    planned->life = spec->life;
    return keystore_update(keys, planned, seal, diag);
}

enum result key_timeline_start(struct key_timeline *timeline, struct store_txn *keys,
                               const struct seal *seal, const struct roll_options *options,
                               uint64_t now, struct diag *diag)
{
    const struct key_timeline before = *timeline;
    const struct key_record *ksk = rollover_current(&timeline->keys, KEY_KSK);
    const struct key_record *zsk = rollover_current(&timeline->keys, KEY_ZSK);
    if (ksk == NULL || zsk == NULL) {
        return diag_fail(diag, RESULT_REFUSED, "there are no keys that could be rolled");
    }
    const enum key_role *roles = roles_of(options->kind, ksk == zsk);
    const struct key_record *like = (roles[0] & KEY_ZSK) != 0 ? zsk : ksk;
    enum algorithm algorithm =
        options->kind == ROLL_ALGORITHM ? options->algorithm : like->algorithm;
    unsigned mask = (unsigned)roles[0] | (unsigned)roles[1];
    TRY(check_start(timeline, options, ksk == zsk, diag));
    TRY(key_timeline_retire(timeline, mask, roles[1] != 0 ? 2 : 1, options->emergency, diag));
    TRY(check_seal(zsk, seal, diag)); /* new keys must be sealed like the present ones */
    TRY(key_timeline_write(timeline, &before, keys, seal, now, diag));
    for (; *roles != 0; roles++) {
        const struct key_spec spec = { algorithm, *roles, { .wanted = true } };
        TRY(add_key(timeline, keys, seal, &spec, now, diag));
    }
    return key_timeline_read(timeline, keys, diag);
}

uint64_t key_timeline_due_at(const struct key_timeline *timeline, const struct settings *settings,
                             enum key_role bit)
{
    const struct key_record *key = rollover_current(&timeline->keys, bit);
    if (key == NULL) {
        return 0;
    }
    /* A CSK counts as a KSK: replacing it needs the parent. */
    bool zone_only = key->role == KEY_ZSK;
    uint32_t lifetime_s = zone_only ? settings->zsk_lifetime_s : settings->ksk_lifetime_s;
    uint64_t since = zone_only ? key->life.zone.introduced_at : key->life.dnskey.introduced_at;
    if (lifetime_s == 0 || since == 0) {
        return 0;
    }
    /* RFC 7583 3.2.1: begin early enough that the new key can sign at the end of the lifetime. */
    uint32_t lead_s = timeline->memory.dnskey_ttl_s + settings->propagation_s;
    return since + (lifetime_s > lead_s ? lifetime_s - lead_s : 0);
}
