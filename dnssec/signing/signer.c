/* Nearly every call is a cache hit. For that the signer writes the identity of what is signed to
 * its buffer (RFC 4034 3.1.8.1's input without the two times, each part once) and hashes it, once
 * per key. Only a miss writes the canonical RRset and signs it. */
#include "dnssec/signing/signer.h"

#include <stdlib.h>

#include "zone/base/splitmix.h"
#include "zone/registry/node.h"

enum {
    SIGNED_MAX = 65535,
    RENEW_SHARE = NODE_TTL_SHARE, /* renewed when less than 1/RENEW_SHARE of the validity is left */
    JITTER_SHARE = 20,            /* the jitter is at most 1/JITTER_SHARE of the validity */
    TIMES_LEN = RRSIG_TAG - RRSIG_EXPIRATION
};

struct signing_key {
    unsigned uses;
    uint8_t algorithm;
    uint16_t tag;
    /* The public key's first octets: after this key is gone another one may have its tag. */
    uint8_t name[TIMES_LEN];
    struct key_context *context; /* NULL: offline, its signatures come from a bundle */
    size_t index;                /* in the keyring */
    uint64_t former_since; /* it signed the zone until then; 0: it does, or it may not count */
};

struct signer {
    struct keyring *keyring;
    struct sigcache *cache;
    struct budget *budget; /* NULL: no limit */
    bool takes_former;
    uint32_t validity_s;
    uint64_t random;
    uint64_t made;
    struct signature_counts *counts; /* NULL: nobody's */
    size_t key_count;
    struct signing_key keys[KEYRING_MAX];
    /* RRSIG rdata without the signature. The signer's name is always the same. */
    size_t prefix_len;
    uint8_t prefix[RRSIG_PREFIX_MAX];
    uint8_t buffer[SIGNED_MAX];
};

/* One call's input. */
struct task {
    const struct dname *owner;
    const struct rrset *set;
    uint32_t now;
    size_t identity_len; /* in the signer's buffer; 0 if signing has overwritten it */
};

struct signer *signer_new(struct keyring *keyring, struct sigcache *cache, const struct dname *apex,
                          uint32_t validity_s, uint64_t seed)
{
    struct signer *signer = xcalloc(1, sizeof *signer);
    signer->keyring = keyring_ref(keyring);
    signer->cache = cache;
    signer->validity_s = validity_s;
    signer->random = seed;
    signer->key_count = keyring_count(keyring);
    for (size_t i = 0; i < signer->key_count; i++) {
        const struct key *key = keyring_key(keyring, i);
        struct signing_key *signing = &signer->keys[i];
        *signing = (struct signing_key){ .uses = keyring_uses(keyring, i),
                                         .algorithm = (uint8_t)key_algorithm(key),
                                         .tag = key_tag(key),
                                         .index = i,
                                         .former_since = keyring_former_since(keyring, i) };
        size_t public_len = 0;
        memcpy(signing->name, key_public(key, &public_len), sizeof(signing->name));
        CHECK(!key_has_private(key) || key_context_new(&signing->context, key) == RESULT_OK);
    }
    struct dname lower = *apex;
    dname_lower(&lower);
    memcpy(signer->prefix + RRSIG_SIGNER, lower.wire, lower.len);
    signer->prefix_len = RRSIG_SIGNER + (size_t)lower.len;
    return signer;
}

void signer_free(struct signer *signer)
{
    if (signer != NULL) {
        for (size_t i = 0; i < signer->key_count; i++) {
            key_context_free(signer->keys[i].context);
        }
        keyring_unref(signer->keyring);
        free(signer);
    }
}

void signer_reseed(struct signer *signer, uint64_t seed)
{
    signer->random = seed;
}

void signer_limit(struct signer *signer, struct budget *budget)
{
    signer->budget = budget;
}

void signer_count(struct signer *signer, struct signature_counts *counts)
{
    signer->counts = counts;
}

void signer_take_former(struct signer *signer)
{
    signer->takes_former = true;
}

uint64_t signer_made(const struct signer *signer)
{
    return signer->made;
}

/* RFC 4034 6.2: the owner in lower case. Length octets are below 64 and so are not letters. */
static void write_lower(uint8_t *out, const struct dname *name)
{
    for (size_t i = 0; i < name->len; i++) {
        uint8_t octet = name->wire[i];
        out[i] = (uint8_t)(octet + (octet >= 'A' && octet <= 'Z' ? 'a' - 'A' : 0));
    }
}

/* The prefix with the key's name instead of the two times, the owner, the packed rdata. Equal
 * octets mean equal input to the signature but for the times. */
static void write_identity(struct signer *signer, struct task *task)
{
    uint8_t *p = signer->buffer;
    memcpy(p, signer->prefix, signer->prefix_len);
    p += signer->prefix_len;
    write_lower(p, task->owner);
    p += task->owner->len;
    memcpy(p, task->set->rdata, task->set->rdata_len);
    task->identity_len = signer->prefix_len + task->owner->len + task->set->rdata_len;
}

/* RFC 4034 3.1.5: times are serial numbers. After the clock was set back a signature may begin in
 * the future; validators would refuse it. */
static bool is_fresh(const struct signer *signer, struct sigcache_key key,
                     const struct cached_signature *signature, uint32_t now)
{
    uint32_t jitter = (uint32_t)((key.word[1] >> 32) * (signer->validity_s / JITTER_SHARE) >> 32);
    int32_t age = (int32_t)(now - signature->inception);
    int32_t left = (int32_t)(signature->expiration - now);
    return age >= 0 && left > (int32_t)(signer->validity_s / RENEW_SHARE + jitter);
}

static enum result sign(struct signer *signer, const struct signing_key *key, struct task *task,
                        struct cached_signature *out)
{
    uint32_t jitter =
        (uint32_t)(splitmix(&signer->random) % (signer->validity_s / JITTER_SHARE + 1));
    out->inception = task->now - RRSIG_BACKDATE_S;
    out->expiration = task->now + signer->validity_s - jitter;
    wire_put_u32(signer->prefix + RRSIG_EXPIRATION, out->expiration);
    wire_put_u32(signer->prefix + RRSIG_INCEPTION, out->inception);
    task->identity_len = 0;
    struct writer w = writer_of(signer->buffer, sizeof signer->buffer);
    rrsig_write_signed(&w, signer->prefix, signer->prefix_len, task->owner, task->set);
    ASSERT(!w.failed); /* signer_sign has checked the length */
    TRY(key_sign(key->context, signer->buffer, w.at, out->signature));
    signer->made++;
    if (signer->counts != NULL) {
        counter_add(&signer->counts->made, 1);
    }
    return RESULT_OK;
}

/* KSKs sign the DNSKEY RRset, and also CDS and CDNSKEY (RFC 7344 4.1). ZSKs sign those two as well,
 * like any RRset: a new algorithm signs the zone before its DNSKEY is published (RFC 6781
 * 4.1.4). */
static unsigned uses_for(uint16_t type)
{
    if (type == RR_DNSKEY) {
        return USE_SIGN_KEYS;
    }
    return type == RR_CDS || type == RR_CDNSKEY ? USE_SIGN_KEYS | USE_SIGN_ZONE : USE_SIGN_ZONE;
}

/* Makes `key` the one that the prefix names. */
static void name_key(struct signer *signer, const struct signing_key *key)
{
    signer->prefix[RRSIG_ALGORITHM] = key->algorithm;
    wire_put_u16(signer->prefix + RRSIG_TAG, key->tag);
}

/* The hash of what the key that the prefix names is to sign. */
static struct sigcache_key identify(struct signer *signer, const struct signing_key *key,
                                    struct task *task)
{
    memcpy(signer->prefix + RRSIG_EXPIRATION, key->name, TIMES_LEN);
    if (task->identity_len == 0) {
        write_identity(signer, task);
    } else {
        memcpy(signer->buffer, signer->prefix, RRSIG_SIGNER);
    }
    return sigcache_hash(signer->cache, signer->buffer, task->identity_len);
}

static bool find(const struct signer *signer, struct sigcache_key id, const struct task *task,
                 struct cached_signature *out)
{
    if (!sigcache_get(signer->cache, id, out) || !is_fresh(signer, id, out, task->now)) {
        return false;
    }
    if (signer->counts != NULL) {
        counter_add(&signer->counts->found, 1);
    }
    return true;
}

/* True if the RRset with this hash is not to be signed anew yet. */
static bool may_wait(const struct signing_key *former, struct sigcache_key id, uint32_t now)
{
    uint32_t moment = (uint32_t)((id.word[1] >> 32) * SIGNER_FORMER_S >> 32);
    return former->former_since != 0 &&
           (int32_t)(now - (uint32_t)former->former_since) < (int32_t)moment;
}

/* A cached signature by a key that had the place of `key`. The prefix names that key then. */
static bool find_former(struct signer *signer, const struct signing_key *key, struct task *task,
                        struct cached_signature *out)
{
    for (size_t i = 0; signer->takes_former && i < signer->key_count; i++) {
        const struct signing_key *former = &signer->keys[i];
        if (former->former_since == 0 || former->algorithm != key->algorithm) {
            continue;
        }
        name_key(signer, former);
        struct sigcache_key id = identify(signer, former, task);
        if (may_wait(former, id, task->now) && find(signer, id, task, out)) {
            return true;
        }
    }
    name_key(signer, key);
    return false;
}

/* The signature by one key: from the bundle, from the cache or new. */
static enum result signature_by(struct signer *signer, const struct signing_key *key,
                                struct task *task, struct cached_signature *out)
{
    name_key(signer, key);
    if (key->context == NULL) {
        return keyring_presigned(signer->keyring, key->index, task->set->type, task->now, out)
                   ? RESULT_OK
                   : RESULT_NOT_FOUND;
    }
    struct sigcache_key id = identify(signer, key, task);
    bool by_zone_keys = uses_for(task->set->type) == USE_SIGN_ZONE;
    if (find(signer, id, task, out) || (by_zone_keys && find_former(signer, key, task, out))) {
        return RESULT_OK;
    }
    if (signer->budget != NULL && !budget_take(signer->budget)) {
        return RESULT_EXHAUSTED;
    }
    TRY(sign(signer, key, task, out));
    sigcache_put(signer->cache, id, out);
    return RESULT_OK;
}

enum result signer_sign(struct signer *signer, const struct dname *owner, const struct rrset *set,
                        uint64_t now, uint8_t scratch[SIGNER_SCRATCH], struct rrset *out)
{
    size_t signed_len = signer->prefix_len + set->rdata_len + set->count * ((size_t)owner->len + 8);
    if (signed_len > SIGNED_MAX) {
        return RESULT_TOO_LONG;
    }
    struct task task = { .owner = owner, .set = set, .now = (uint32_t)now };
    wire_put_u16(signer->prefix + RRSIG_TYPE, set->type);
    signer->prefix[RRSIG_LABELS] = rrsig_labels(owner);
    wire_put_u32(signer->prefix + RRSIG_TTL, set->ttl);

    unsigned uses = uses_for(set->type);
    struct writer w = writer_of(scratch, SIGNER_SCRATCH);
    uint16_t count = 0;
    for (size_t i = 0; i < signer->key_count; i++) {
        const struct signing_key *key = &signer->keys[i];
        if ((key->uses & uses) == 0) {
            continue;
        }
        struct cached_signature signature;
        TRY(signature_by(signer, key, &task, &signature));
        write_u16(&w, (uint16_t)(signer->prefix_len + KEY_SIGNATURE_LEN));
        uint8_t *rdata = write_room(&w, signer->prefix_len);
        memcpy(rdata, signer->prefix, signer->prefix_len);
        wire_put_u32(rdata + RRSIG_EXPIRATION, signature.expiration);
        wire_put_u32(rdata + RRSIG_INCEPTION, signature.inception);
        write_octets(&w, signature.signature, KEY_SIGNATURE_LEN);
        count++;
    }
    ASSERT(!w.failed && count > 0);
    *out = (struct rrset){
        .type = RR_RRSIG, .count = count, .ttl = set->ttl, .rdata = scratch, .rdata_len = w.at
    };
    return RESULT_OK;
}
