#include "dnssec/signing/keyring.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/key_rrset.h"
#include "dnssec/signing/slices.h"

struct keyring {
    atomic_size_t references;
    size_t count;
    struct key *keys[KEYRING_MAX];
    unsigned uses[KEYRING_MAX];
    uint64_t former_since[KEYRING_MAX];
    struct key_set all;       /* also those not in use */
    uint32_t presigned_ttl_s; /* of the RRsets that a bundle signs; 0: no key is offline */
    size_t presigned_count;
    struct presigned *presigned;
};

/* A bundle's signature over an RRset that is served. */
struct presigned {
    uint16_t type;
    size_t key; /* index in the keyring */
    struct cached_signature signature;
};

/* RFC 4035 2.2: every algorithm of the DNSKEY RRset signs every RRset. */
static enum result check_coverage(const struct keyring *keyring, struct diag *diag)
{
    unsigned all = 0;
    for (size_t i = 0; i < keyring->count; i++) {
        enum algorithm algorithm = key_algorithm(keyring->keys[i]);
        unsigned uses = 0;
        for (size_t k = 0; k < keyring->count; k++) {
            bool counts = key_algorithm(keyring->keys[k]) == algorithm &&
                          (keyring->uses[k] & USE_PUBLISHED) != 0;
            uses |= counts ? keyring->uses[k] : 0;
        }
        all |= uses;
        if ((keyring->uses[i] & USE_PUBLISHED) != 0 &&
            (~uses & (USE_SIGN_KEYS | USE_SIGN_ZONE)) != 0) {
            return diag_fail(diag, RESULT_INVALID, "algorithm %s has no key that signs %s",
                             algorithm_text(algorithm),
                             (uses & USE_SIGN_KEYS) == 0 ? "the DNSKEY RRset"
                                                         : "the zone's records");
        }
    }
    return all != 0 ? RESULT_OK : diag_fail(diag, RESULT_INVALID, "the zone has no DNSSEC keys");
}

static void keyring_free(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++) {
        key_free(keyring->keys[i]);
    }
    free(keyring->presigned);
    free(keyring);
}

static struct keyring *keyring_new(void)
{
    struct keyring *keyring = xcalloc(1, sizeof *keyring);
    atomic_init(&keyring->references, 1);
    return keyring;
}

static unsigned uses_of(const struct key_record *record)
{
    const struct key_life *life = &record->life;
    bool published = record_state_is_published(&life->dnskey);
    unsigned uses = record_state_is_published(&life->zone) ? USE_SIGN_ZONE : 0;
    if (published) {
        uses |= USE_PUBLISHED | ((record->role & KEY_KSK) != 0 ? USE_SIGN_KEYS : 0) |
                (record_state_is_published(&life->ds) ? USE_DS : 0);
    }
    return uses;
}

struct load {
    const struct seal *seal;
    const struct key_set *all;
    size_t index[KEYRING_MAX]; /* in `all`, of each key of the keyring */
    bool safe;                 /* all steps were */
    struct diag why;
    struct keyring *keyring;
};

static enum result load_key(struct load *load, size_t i)
{
    struct keyring *keyring = load->keyring;
    unsigned uses = uses_of(&load->all->list[i]);
    if (uses == 0) {
        return RESULT_OK;
    }
    if (keyring->count == KEYRING_MAX) {
        return diag_fail(&load->why, RESULT_INVALID, "the store has more than %d keys in use",
                         KEYRING_MAX);
    }
    TRY(keystore_unseal(&keyring->keys[keyring->count], &load->all->list[i], load->seal,
                        &load->why));
    const struct record_state *zone = &load->all->list[i].life.zone;
    load->index[keyring->count] = i;
    keyring->former_since[keyring->count] = load->safe ? zone->withdrawn_at : 0;
    keyring->uses[keyring->count++] = uses;
    return RESULT_OK;
}

static void add_presigned(struct load *load, const struct slice *slice)
{
    struct keyring *keyring = load->keyring;
    for (size_t k = 0; k < keyring->count; k++) {
        for (size_t type = 0; type < SLICE_TYPES; type++) {
            const uint8_t *signature = slice_signature(slice, load->index[k], type);
            if (signature == NULL || key_has_private(keyring->keys[k])) {
                continue;
            }
            struct presigned *presigned = &keyring->presigned[keyring->presigned_count++];
            *presigned = (struct presigned){
                .type = slice_types[type],
                .key = k,
                .signature = { (uint32_t)slice->inception, (uint32_t)slice->expiration, { 0 } }
            };
            memcpy(presigned->signature.signature, signature, KEY_SIGNATURE_LEN);
        }
    }
}

/* Loads the bundle's signatures over the records served now, with the TTL that is served. */
static enum result load_presigned(struct load *load, struct store_txn *txn, uint32_t ttl_s)
{
    const struct rollover_aim served = rollover_as_is(load->all);
    struct slices slices = { .count = 0 };
    TRY(slices_read(&slices, txn, load->all, &load->why));
    struct keyring *keyring = load->keyring;
    keyring->presigned_ttl_s = ttl_s;
    keyring->presigned =
        xcalloc((slices.count + 1) * SLICE_SIGNERS_MAX * SLICE_TYPES, sizeof keyring->presigned[0]);
    for (size_t i = 0; i < slices.count; i++) {
        const struct slice *slice = &slices.list[i];
        if (slice_is_served(slice, &served) && slice->ttl_s == ttl_s) {
            add_presigned(load, slice);
        }
    }
    slices_done(&slices);
    return RESULT_OK;
}

enum result keyring_load(struct keyring **out, struct store_txn *keys, const struct seal *seal,
                         struct diag *diag)
{
    struct key_timeline timeline;
    struct load load = { .seal = seal, .all = &timeline.keys, .keyring = keyring_new() };
    enum result result = key_timeline_read(&timeline, keys, diag);
    load.keyring->all = timeline.keys;
    load.safe = rollover_is_safe(&timeline.keys, rollover_last_step_at(&timeline.keys));
    for (size_t i = 0; i < timeline.keys.count && result == RESULT_OK; i++) {
        result = load_key(&load, i);
    }
    if (result == RESULT_OK && rollover_has_offline_ksk(&timeline.keys)) {
        result = load_presigned(&load, keys, timeline.memory.dnskey_ttl_s);
    }
    if (result != RESULT_OK && load.why.text[0] != '\0') {
        result = diag_fail(diag, result, "the DNSSEC keys cannot be read: %s", load.why.text);
    } else if (result == RESULT_OK) {
        result = check_coverage(load.keyring, diag);
    }
    if (result != RESULT_OK) {
        keyring_free(load.keyring);
        return result;
    }
    *out = load.keyring;
    return RESULT_OK;
}

struct keyring *keyring_ref(struct keyring *keyring)
{
    (void)atomic_fetch_add_explicit(&keyring->references, 1, memory_order_relaxed);
    return keyring;
}

void keyring_unref(struct keyring *keyring)
{
    if (keyring != NULL &&
        atomic_fetch_sub_explicit(&keyring->references, 1, memory_order_acq_rel) == 1) {
        keyring_free(keyring);
    }
}

bool keyring_keeps(const struct keyring *keyring, const struct keyring *before, uint64_t now)
{
    return keyring == before || rollover_keeps(&before->all, &keyring->all, now);
}

/* The number of the first key from `i` on that signs the zone; the count if there is none. */
static size_t next_signer(const struct keyring *keyring, size_t i)
{
    while (i < keyring->count && (keyring->uses[i] & USE_SIGN_ZONE) == 0) {
        i++;
    }
    return i;
}

static bool same_key(const struct key *a, const struct key *b)
{
    uint8_t dnskey[2][KEY_DNSKEY_MAX];
    size_t len = key_dnskey(a, dnskey[0]);
    return len == key_dnskey(b, dnskey[1]) && memcmp(dnskey[0], dnskey[1], len) == 0;
}

bool keyring_signs_alike(const struct keyring *a, const struct keyring *b)
{
    size_t i = next_signer(a, 0), k = next_signer(b, 0);
    while (i < a->count && k < b->count && same_key(a->keys[i], b->keys[k])) {
        i = next_signer(a, i + 1);
        k = next_signer(b, k + 1);
    }
    return i == a->count && k == b->count;
}

size_t keyring_count(const struct keyring *keyring)
{
    return keyring->count;
}

const struct key *keyring_key(const struct keyring *keyring, size_t i)
{
    ASSERT(i < keyring->count);
    return keyring->keys[i];
}

unsigned keyring_uses(const struct keyring *keyring, size_t i)
{
    ASSERT(i < keyring->count);
    return keyring->uses[i];
}

uint64_t keyring_former_since(const struct keyring *keyring, size_t i)
{
    ASSERT(i < keyring->count);
    return keyring->former_since[i];
}

bool keyring_rrset(const struct keyring *keyring, const struct dname *apex, uint16_t type,
                   uint32_t ttl, uint8_t scratch[KEYRING_SCRATCH], struct rrset *out)
{
    if (type != RR_DNSKEY && type != RR_CDNSKEY && type != RR_CDS) {
        return false;
    }
    unsigned use = type == RR_DNSKEY ? USE_PUBLISHED : USE_DS;
    struct rrset_builder b;
    rrset_begin(&b, type, keyring->presigned_ttl_s != 0 ? keyring->presigned_ttl_s : ttl, scratch,
                KEYRING_SCRATCH);
    for (size_t i = 0; i < keyring->count; i++) {
        uint8_t dnskey[KEY_DNSKEY_MAX];
        if ((keyring->uses[i] & use) != 0) {
            key_rrset_add(&b, apex, dnskey, key_dnskey(keyring->keys[i], dnskey));
        }
    }
    return key_rrset_end(&b, out);
}

bool keyring_presigned(const struct keyring *keyring, size_t i, uint16_t type, uint64_t now,
                       struct cached_signature *out)
{
    const struct cached_signature *best = NULL;
    for (size_t k = 0; k < keyring->presigned_count; k++) {
        const struct presigned *presigned = &keyring->presigned[k];
        const struct cached_signature *signature = &presigned->signature;
        /* RFC 4034 3.1.5: times are compared as serial numbers. */
        bool valid = (int32_t)((uint32_t)now - signature->inception) >= 0 &&
                     (int32_t)(signature->expiration - (uint32_t)now) > 0;
        if (presigned->type == type && presigned->key == i && valid &&
            (best == NULL || (int32_t)(signature->expiration - best->expiration) > 0)) {
            best = signature;
        }
    }
    if (best != NULL) {
        *out = *best;
    }
    return best != NULL;
}
