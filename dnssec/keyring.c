#include "dnssec/keyring.h"

#include <stdatomic.h>
#include <stdlib.h>

struct keyring {
    atomic_size_t references;
    size_t count;
    struct key *keys[KEYRING_MAX];
    unsigned uses[KEYRING_MAX];
};

/* RFC 4035 2.2: every algorithm of the DNSKEY RRset signs every RRset. */
static enum result check_cover(const struct keyring *keyring, struct diag *diag)
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

static void done(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++) {
        key_free(keyring->keys[i]);
    }
    free(keyring);
}

static struct keyring *keyring_empty(void)
{
    struct keyring *keyring = xcalloc(1, sizeof *keyring);
    atomic_init(&keyring->references, 1);
    return keyring;
}

enum result keyring_new(struct keyring **out, struct key *const *keys, size_t count,
                        struct diag *diag)
{
    if (count > KEYRING_MAX) {
        return diag_fail(diag, RESULT_INVALID, "a zone can have %d keys, not %zu", KEYRING_MAX,
                         count);
    }
    struct keyring *keyring = keyring_empty();
    for (size_t i = 0; i < count; i++) {
        keyring->keys[i] = keys[i];
        keyring->uses[i] = USE_PUBLISHED |
                           ((key_role(keys[i]) & KEY_KSK) != 0 ? USE_SIGN_KEYS | USE_DS : 0) |
                           ((key_role(keys[i]) & KEY_ZSK) != 0 ? USE_SIGN_ZONE : 0);
    }
    keyring->count = count;
    enum result result = check_cover(keyring, diag);
    if (result != RESULT_OK) {
        free(keyring);
        return result;
    }
    *out = keyring;
    return RESULT_OK;
}

static unsigned uses_of(const struct key_record *record)
{
    const struct key_life *life = &record->life;
    bool published = life->dnskey.on_at != 0 && life->dnskey.off_at == 0;
    unsigned uses = 0;
    if (published) {
        uses |= USE_PUBLISHED | ((record->role & KEY_KSK) != 0 ? USE_SIGN_KEYS : 0);
    }
    if (life->zone.on_at != 0 && life->zone.off_at == 0) {
        uses |= USE_SIGN_ZONE;
    }
    if (published && life->ds.on_at != 0 && life->ds.off_at == 0) {
        uses |= USE_DS;
    }
    return uses;
}

struct load {
    const struct seal *seal;
    struct diag why; /* empty unless a key could not be opened */
    struct keyring *keyring;
};

static enum result load_one(const struct key_record *record, void *arg)
{
    struct load *load = arg;
    struct keyring *keyring = load->keyring;
    unsigned uses = uses_of(record);
    if (uses == 0) {
        return RESULT_OK;
    }
    if (keyring->count == KEYRING_MAX) {
        return diag_fail(&load->why, RESULT_INVALID, "the store has more than %d keys",
                         KEYRING_MAX);
    }
    enum result result =
        keystore_unseal(&keyring->keys[keyring->count], record, load->seal, &load->why);
    if (result == RESULT_OK) {
        keyring->uses[keyring->count++] = uses;
    }
    return result;
}

enum result keyring_load(struct keyring **out, struct store_txn *keys, const struct seal *seal,
                         struct diag *diag)
{
    struct load load = { .seal = seal, .keyring = keyring_empty() };
    enum result result = keystore_each(keys, load_one, &load);
    if (result != RESULT_OK) {
        result = diag_fail(diag, result, "the DNSSEC keys cannot be read: %s",
                           load.why.text[0] != '\0' ? load.why.text : result_text(result));
    } else {
        result = check_cover(load.keyring, diag);
    }
    if (result != RESULT_OK) {
        done(load.keyring);
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
        done(keyring);
    }
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

/* RFC 8078 4: the parent is asked to remove the DS. */
static void add_delete(struct rrset_builder *b)
{
    static const uint8_t cds[] = { 0, 0, 0, 0, 0 }, cdnskey[] = { 0, 0, 3, 0, 0 };
    rrset_add(b, b->type == RR_CDS ? cds : cdnskey, sizeof cds);
}

bool keyring_rrset(const struct keyring *keyring, const struct dname *apex, uint16_t type,
                   uint32_t ttl, uint8_t scratch[KEYRING_SCRATCH], struct rrset *out)
{
    if (type != RR_DNSKEY && type != RR_CDNSKEY && type != RR_CDS) {
        return false;
    }
    unsigned use = type == RR_DNSKEY ? USE_PUBLISHED : USE_DS;
    struct rrset_builder b;
    rrset_begin(&b, type, ttl, scratch, KEYRING_SCRATCH);
    for (size_t i = 0; i < keyring->count; i++) {
        const struct key *key = keyring->keys[i];
        uint8_t rdata[KEY_DNSKEY_MAX];
        if ((keyring->uses[i] & use) == 0) {
            continue;
        }
        if (type == RR_CDS) {
            key_ds(key, apex, rdata);
            rrset_add(&b, rdata, KEY_DS_LEN);
        } else {
            rrset_add(&b, rdata, key_dnskey(key, rdata));
        }
    }
    if (b.count == 0) {
        add_delete(&b);
    }
    return rrset_end(&b, out);
}
