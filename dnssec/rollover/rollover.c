#include "dnssec/rollover/rollover.h"

#include "zone/base/u64.h"

enum {
    VERSIONS_MAX = 1 + 2 * KEYSTORE_MAX
};

/* Versions of an RRset that caches may hold. A version is the set of its keys, as key bits. */
struct versions {
    size_t count;
    uint32_t set[VERSIONS_MAX];
};

static bool was_published_before(const struct record_state *state, uint64_t at)
{
    return state->introduced_at != 0 && state->introduced_at < at &&
           (state->withdrawn_at == 0 || state->withdrawn_at >= at);
}

typedef const struct record_state *state_of(const struct key_record *key);

static const struct record_state *dnskey_of(const struct key_record *key)
{
    return &key->life.dnskey;
}

static const struct record_state *zone_of(const struct key_record *key)
{
    return &key->life.zone;
}

static void add_version(struct versions *out, uint32_t set)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->set[i] == set) {
            return;
        }
    }
    out->set[out->count++] = set;
}

/* The keys that were published just before `at`; at 0: that are published now. */
static uint32_t keys_at(const struct key_set *keys, state_of *of, uint64_t at)
{
    uint32_t set = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct record_state *state = of(&keys->list[i]);
        if (at == 0 ? record_state_is_published(state) : was_published_before(state, at)) {
            set |= key_bit(i);
        }
    }
    return set;
}

/* The version that is served, and each earlier one that caches may still hold. The first keys are
 * omnipresent at once: there was no version before them. */
static void collect_versions(struct versions *out, const struct key_set *keys, state_of *of,
                             uint64_t now)
{
    out->count = 0;
    add_version(out, keys_at(keys, of, 0));
    for (size_t i = 0; i < keys->count; i++) {
        const struct record_state *state = of(&keys->list[i]);
        if (state->omnipresent_at > now && state->omnipresent_at > state->introduced_at) {
            add_version(out, keys_at(keys, of, state->introduced_at));
        }
        if (state->hidden_at > now) {
            add_version(out, keys_at(keys, of, state->withdrawn_at));
        }
    }
}

static bool has_algorithm(const struct key_set *keys, uint32_t set, enum algorithm algorithm)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (key_bits_have(set, i) && keys->list[i].algorithm == algorithm) {
            return true;
        }
    }
    return false;
}

/* RFC 4035 2.2: each algorithm of a DNSKEY RRset signs each RRset with one of its keys. */
static bool covers(const struct key_set *keys, uint32_t published, uint32_t signing)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (key_bits_have(published, i) &&
            !has_algorithm(keys, published & signing, keys->list[i].algorithm)) {
            return false;
        }
    }
    return true;
}

/* True if each key with a DS, at the parent or in a cache, is in every DNSKEY RRset and so signs
 * it. The parent changes the DS RRset when it likes, so any of these DS may be the only one. */
static bool anchors_hold(const struct key_set *keys, const struct versions *published, uint64_t now)
{
    for (size_t i = 0; i < keys->count; i++) {
        for (size_t v = 0;
             !record_state_is_hidden(&keys->list[i].life.ds, now) && v < published->count; v++) {
            if (!key_bits_have(published->set[v], i)) {
                return false;
            }
        }
    }
    return true;
}

bool rollover_is_safe(const struct key_set *keys, uint64_t now)
{
    struct versions published, signing;
    collect_versions(&published, keys, dnskey_of, now);
    collect_versions(&signing, keys, zone_of, now);
    bool anchored = false;
    for (size_t i = 0; i < keys->count; i++) {
        anchored =
            anchored || ((keys->list[i].role & KEY_KSK) != 0 && key_bits_have(published.set[0], i));
    }
    if (!anchored || signing.set[0] == 0 || !anchors_hold(keys, &published, now)) {
        return false;
    }
    for (size_t p = 0; p < published.count; p++) {
        for (size_t s = 0; s < signing.count; s++) {
            if (!covers(keys, published.set[p], signing.set[s])) {
                return false;
            }
        }
    }
    return true;
}

/* The number of the same key in another set; its count if it is not there. */
static size_t find(const struct key_set *keys, const struct key_record *key)
{
    size_t i = 0;
    while (i < keys->count &&
           (keys->list[i].algorithm != key->algorithm || keys->list[i].tag != key->tag ||
            memcmp(keys->list[i].public_key, key->public_key, sizeof(key->public_key)) != 0)) {
        i++;
    }
    return i;
}

bool rollover_keeps(const struct key_set *before, const struct key_set *keys, uint64_t now)
{
    struct versions signing;
    uint32_t served = 0;
    for (size_t i = 0; i < before->count; i++) {
        const struct record_state *zone = &before->list[i].life.zone;
        size_t same = find(keys, &before->list[i]);
        if (!record_state_is_hidden(zone, now) &&
            (same == keys->count || record_state_is_hidden(&keys->list[same].life.zone, now))) {
            return false;
        }
        served |= record_state_is_published(zone) ? key_bit(same) : 0;
    }
    collect_versions(&signing, keys, zone_of, now);
    size_t count = signing.count;
    add_version(&signing, served);
    return signing.count == count && rollover_is_safe(keys, now);
}

static void introduce(struct record_state *state, uint64_t now, uint64_t omnipresent_at)
{
    *state = (struct record_state){ .introduced_at = now, .omnipresent_at = omnipresent_at };
}

static void withdraw(struct record_state *state, uint64_t now, uint64_t hidden_at)
{
    state->withdrawn_at = now;
    state->hidden_at = hidden_at;
}

/* When the last cache forgets records that are served until `now`. */
static uint64_t forgotten_at(uint64_t now, uint32_t ttl_s, uint64_t until, uint32_t propagation_s)
{
    return u64_max(now + ttl_s, until) + propagation_s;
}

/* An attempted step, which is undone if the outcome is not safe. */
struct attempt {
    struct key_set *keys;
    const struct rollover_timing *timing;
    uint64_t now, dnskey_forgotten_at, zone_forgotten_at;
    struct key_set before;
};

static struct attempt attempt_at(struct key_set *keys, const struct rollover_timing *timing,
                                 uint64_t now)
{
    const struct rollover_memory *m = &timing->memory;
    return (
        struct attempt){ .keys = keys,
                         .timing = timing,
                         .now = now,
                         .dnskey_forgotten_at = forgotten_at(now, m->dnskey_ttl_s, m->dnskey_until,
                                                             timing->propagation_s),
                         .zone_forgotten_at = forgotten_at(now + ROLLOVER_RESIGN_S, m->zone_ttl_s,
                                                           m->zone_until, timing->propagation_s) };
}

static bool keep_if_safe(struct attempt *attempt)
{
    if (rollover_is_safe(attempt->keys, attempt->now)) {
        return true;
    }
    *attempt->keys = attempt->before;
    return false;
}

static bool publish(struct attempt *attempt, struct key_record *key)
{
    if (attempt->timing->offline_ksk || record_state_is_published(&key->life.dnskey) ||
        !record_state_is_hidden(&key->life.dnskey, attempt->now)) {
        return false;
    }
    attempt->before = *attempt->keys;
    introduce(&key->life.dnskey, attempt->now, attempt->dnskey_forgotten_at);
    return keep_if_safe(attempt);
}

/* Signs with this key in place of those keys of its algorithm that are no longer wanted. Does
 * nothing if a wanted one signs: two signatures of an algorithm would only make answers longer. */
static bool sign_with(struct attempt *attempt, struct key_record *key)
{
    struct key_set *keys = attempt->keys;
    if ((key->role & KEY_ZSK) == 0 || record_state_is_published(&key->life.zone) ||
        !record_state_is_hidden(&key->life.zone, attempt->now)) {
        return false;
    }
    attempt->before = *keys;
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *other = &keys->list[i];
        if (other->algorithm != key->algorithm || !record_state_is_published(&other->life.zone)) {
            continue;
        }
        if (other->life.wanted) {
            *keys = attempt->before;
            return false;
        }
        withdraw(&other->life.zone, attempt->now, attempt->zone_forgotten_at);
    }
    introduce(&key->life.zone, attempt->now, attempt->zone_forgotten_at);
    return keep_if_safe(attempt);
}

/* Puts the key into CDS. */
static bool ask_ds(struct attempt *attempt, struct key_record *key)
{
    if ((key->role & KEY_KSK) == 0 || attempt->timing->memory.insecure ||
        attempt->timing->offline_ksk || record_state_is_published(&key->life.ds) ||
        !record_state_is_published(&key->life.dnskey)) {
        return false;
    }
    attempt->before = *attempt->keys;
    introduce(&key->life.ds, attempt->now, 0);
    return keep_if_safe(attempt);
}

/* Takes the key out of CDS once a wanted key is in it, or if the zone is to be insecure. */
static bool withdraw_ds(struct attempt *attempt, struct key_record *key)
{
    const struct key_set *keys = attempt->keys;
    bool replaced = attempt->timing->memory.insecure;
    for (size_t i = 0; i < keys->count; i++) {
        replaced = replaced ||
                   (keys->list[i].life.wanted && record_state_is_published(&keys->list[i].life.ds));
    }
    if (!record_state_is_published(&key->life.ds) || !replaced || attempt->timing->offline_ksk) {
        return false;
    }
    withdraw(&key->life.ds, attempt->now, 0);
    return true;
}

static bool stop_signing(struct attempt *attempt, struct key_record *key)
{
    if (!record_state_is_published(&key->life.zone)) {
        return false;
    }
    attempt->before = *attempt->keys;
    withdraw(&key->life.zone, attempt->now, attempt->zone_forgotten_at);
    return keep_if_safe(attempt);
}

static bool unpublish(struct attempt *attempt, struct key_record *key)
{
    if (!record_state_is_published(&key->life.dnskey) || attempt->timing->offline_ksk) {
        return false;
    }
    attempt->before = *attempt->keys;
    withdraw(&key->life.dnskey, attempt->now, attempt->dnskey_forgotten_at);
    return keep_if_safe(attempt);
}

/* One step of any key. */
static bool take_step(struct attempt *attempt)
{
    struct key_set *keys = attempt->keys;
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *key = &keys->list[i];
        if (((unsigned)key->role & attempt->timing->held) != 0) {
            continue;
        }
        bool done = key->life.wanted
                        ? publish(attempt, key) || sign_with(attempt, key) || ask_ds(attempt, key)
                        : stop_signing(attempt, key) || unpublish(attempt, key);
        if (done || ((!key->life.wanted || attempt->timing->memory.insecure) &&
                     withdraw_ds(attempt, key))) {
            return true;
        }
    }
    return false;
}

uint64_t rollover_last_step_at(const struct key_set *keys)
{
    uint64_t last = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_life *life = &keys->list[i].life;
        const struct record_state *states[] = { &life->dnskey, &life->zone, &life->ds };
        for (size_t s = 0; s < 3; s++) {
            last = u64_max(last, u64_max(states[s]->introduced_at, states[s]->withdrawn_at));
        }
    }
    return last;
}

bool rollover_advance(struct key_set *keys, const struct rollover_timing *timing, uint64_t now)
{
    struct attempt attempt = attempt_at(keys, timing, now);
    bool changed = false;
    if (now <= rollover_last_step_at(keys)) {
        return false;
    }
    while (take_step(&attempt)) {
        changed = true;
    }
    return changed;
}

/* Returns true if that changed anything. */
static bool set_published(struct record_state *state, bool published, uint64_t now,
                          uint64_t omnipresent_at, uint64_t hidden_at)
{
    if (record_state_is_published(state) == published) {
        return false;
    }
    if (published) {
        introduce(state, now, omnipresent_at);
    } else {
        withdraw(state, now, hidden_at);
    }
    return true;
}

/* Updates a ZSK that a slice names, or names no longer. */
static void set_wanted(struct key_record *key, bool named, bool wanted)
{
    if (named) {
        key->life.planned = false;
    }
    if (key->role == KEY_ZSK && !key->life.planned) {
        key->life.wanted = named && wanted;
    }
}

/* Makes each published algorithm sign the zone, whatever caches hold. */
static void sign_by_force(struct attempt *attempt)
{
    struct key_set *keys = attempt->keys;
    uint32_t published = keys_at(keys, dnskey_of, 0);
    if (covers(keys, published, keys_at(keys, zone_of, 0))) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *key = &keys->list[i];
        bool signs = key_bits_have(published, i) && (key->role & KEY_ZSK) != 0 && key->life.wanted;
        (void)set_published(&key->life.zone, signs, attempt->now, attempt->zone_forgotten_at,
                            attempt->zone_forgotten_at);
    }
}

bool rollover_apply(struct key_set *keys, const struct rollover_aim *aim,
                    const struct rollover_timing *timing, bool force, uint64_t now)
{
    struct attempt attempt = attempt_at(keys, timing, now);
    bool changed = false;
    if (now <= rollover_last_step_at(keys)) {
        return false;
    }
    attempt.before = *keys;
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *key = &keys->list[i];
        struct key_life *life = &key->life;
        bool named = key_bits_have(aim->dnskey, i);
        if (named && !force && !record_state_is_published(&life->dnskey) &&
            !record_state_is_hidden(&life->dnskey, now)) {
            *keys = attempt.before;
            return false;
        }
        changed = set_published(&life->dnskey, named, now, attempt.dnskey_forgotten_at,
                                attempt.dnskey_forgotten_at) ||
                  changed;
        changed = set_published(&life->ds, key_bits_have(aim->ds, i), now, 0, 0) || changed;
        set_wanted(key, named, key_bits_have(aim->wanted, i));
    }
    if (!changed) {
        *keys = attempt.before;
        return false;
    }
    if (force) {
        sign_by_force(&attempt);
        return true;
    }
    return keep_if_safe(&attempt);
}

struct rollover_aim rollover_as_is(const struct key_set *keys)
{
    struct rollover_aim aim = { .dnskey = keys_at(keys, dnskey_of, 0) };
    for (size_t i = 0; i < keys->count; i++) {
        aim.ds |= record_state_is_published(&keys->list[i].life.ds) ? key_bit(i) : 0;
    }
    return aim;
}

uint64_t rollover_next_moment(const struct key_set *keys, uint64_t now)
{
    uint64_t next = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_life *life = &keys->list[i].life;
        const struct record_state *states[] = { &life->dnskey, &life->zone, &life->ds };
        for (size_t s = 0; s < 3; s++) {
            next = u64_sooner(next, states[s]->omnipresent_at, now);
            next = u64_sooner(next, states[s]->hidden_at, now);
        }
    }
    return next;
}

bool rollover_is_dead(const struct key_record *key, uint64_t now)
{
    const struct key_life *life = &key->life;
    return !life->wanted && !life->planned && record_state_is_hidden(&life->dnskey, now) &&
           record_state_is_hidden(&life->zone, now) && record_state_is_hidden(&life->ds, now);
}

bool rollover_remember(struct rollover_memory *memory, uint32_t dnskey_ttl_s, uint32_t zone_ttl_s,
                       uint64_t now)
{
    bool changed = false;
    if (memory->dnskey_ttl_s != dnskey_ttl_s) {
        memory->dnskey_until = u64_max(memory->dnskey_until, now + memory->dnskey_ttl_s);
        memory->dnskey_ttl_s = dnskey_ttl_s;
        changed = true;
    }
    if (memory->zone_ttl_s != zone_ttl_s) {
        memory->zone_until = u64_max(memory->zone_until, now + memory->zone_ttl_s);
        memory->zone_ttl_s = zone_ttl_s;
        changed = true;
    }
    return changed;
}

size_t rollover_ds_seen(struct key_set *keys, const struct rollover_timing *timing, uint64_t now)
{
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct record_state *ds = &keys->list[i].life.ds;
        if (record_state_is_published(ds) && ds->omnipresent_at == 0) {
            ds->omnipresent_at = now + timing->parent_s;
            count++;
        }
        if (ds->withdrawn_at != 0 && ds->hidden_at == 0) {
            ds->hidden_at = now + timing->parent_s;
            count++;
        }
    }
    return count;
}
