#include "dnssec/keyring.h"

#include <stdatomic.h>
#include <stdlib.h>

struct keyring {
    atomic_size_t references;
    size_t count;
    struct key *keys[KEYRING_MAX];
};

/* RFC 4035 2.2: every algorithm of the DNSKEY RRset signs every RRset. */
static enum result check_cover(const struct keyring *keyring, struct diag *diag)
{
    if (keyring->count == 0) {
        return diag_fail(diag, RESULT_INVALID, "the zone has no DNSSEC keys");
    }
    for (size_t i = 0; i < keyring->count; i++) {
        enum algorithm algorithm = key_algorithm(keyring->keys[i]);
        unsigned roles = 0;
        for (size_t k = 0; k < keyring->count; k++) {
            if (key_algorithm(keyring->keys[k]) == algorithm) {
                roles |= (unsigned)key_role(keyring->keys[k]);
            }
        }
        if (roles != KEY_CSK) {
            return diag_fail(diag, RESULT_INVALID, "algorithm %s has no key that signs %s",
                             algorithm_text(algorithm),
                             (roles & KEY_KSK) == 0 ? "the DNSKEY RRset" : "the zone's records");
        }
    }
    return RESULT_OK;
}

static void done(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++) {
        key_free(keyring->keys[i]);
    }
    free(keyring);
}

enum result keyring_new(struct keyring **out, struct key *const *keys, size_t count,
                        struct diag *diag)
{
    if (count > KEYRING_MAX) {
        return diag_fail(diag, RESULT_INVALID, "a zone can have %d keys, not %zu", KEYRING_MAX,
                         count);
    }
    struct keyring *keyring = xcalloc(1, sizeof *keyring);
    atomic_init(&keyring->references, 1);
    for (size_t i = 0; i < count; i++) {
        keyring->keys[i] = keys[i];
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

struct load {
    const struct seal *seal;
    struct diag why; /* empty unless a key could not be opened */
    size_t count;
    struct key *keys[KEYRING_MAX];
};

static enum result load_one(const struct key_record *record, void *arg)
{
    struct load *load = arg;
    if (load->count == KEYRING_MAX) {
        return diag_fail(&load->why, RESULT_INVALID, "the store has more than %d keys",
                         KEYRING_MAX);
    }
    enum result result = keystore_unseal(&load->keys[load->count], record, load->seal, &load->why);
    if (result == RESULT_OK) {
        load->count++;
    }
    return result;
}

enum result keyring_load(struct keyring **out, struct store_txn *keys, const struct seal *seal,
                         struct diag *diag)
{
    struct load load = { .seal = seal };
    enum result result = keystore_each(keys, load_one, &load);
    if (result != RESULT_OK) {
        result = diag_fail(diag, result, "the DNSSEC keys cannot be read: %s",
                           load.why.text[0] != '\0' ? load.why.text : result_text(result));
    } else {
        result = keyring_new(out, load.keys, load.count, diag);
    }
    if (result != RESULT_OK) {
        for (size_t i = 0; i < load.count; i++) {
            key_free(load.keys[i]);
        }
    }
    return result;
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

bool keyring_rrset(const struct keyring *keyring, const struct dname *apex, uint16_t type,
                   uint32_t ttl, uint8_t scratch[KEYRING_SCRATCH], struct rrset *out)
{
    if (type != RR_DNSKEY && type != RR_CDNSKEY && type != RR_CDS) {
        return false;
    }
    struct rrset_builder b;
    rrset_begin(&b, type, ttl, scratch, KEYRING_SCRATCH);
    for (size_t i = 0; i < keyring->count; i++) {
        const struct key *key = keyring->keys[i];
        uint8_t rdata[KEY_DNSKEY_MAX];
        /* RFC 7344 4.1: CDS and CDNSKEY name the keys that the parent shall point to. */
        if (type == RR_DNSKEY || (type == RR_CDNSKEY && (key_role(key) & KEY_KSK) != 0)) {
            rrset_add(&b, rdata, key_dnskey(key, rdata));
        } else if (type == RR_CDS && (key_role(key) & KEY_KSK) != 0) {
            key_ds(key, apex, rdata);
            rrset_add(&b, rdata, KEY_DS_LEN);
        }
    }
    return rrset_end(&b, out);
}
