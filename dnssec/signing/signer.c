/* The way of a cache hit, which is nearly every call: the identity of what is signed (all of RFC
 * 4034 3.1.8.1's input but the two times, each part once) is put together in the signer's buffer
 * and hashed, once a key. Only a miss spells out the canonical RRset and signs it. */
#include "dnssec/signing/signer.h"

#include <stdlib.h>

#include "zone/base/splitmix.h"
#include "zone/registry/node.h"

enum {
    SIGNED_MAX = 65535,
    RENEW_SHARE = NODE_TTL_SHARE, /* renewed when less than this part of the validity is left */
    JITTER_SHARE = 20 /* the most by which a time is jittered, as a part of the validity */
};

enum {
    PLACE_OF_TIMES = RRSIG_TAG - RRSIG_EXPIRATION
};

struct signing_key {
    unsigned uses;
    uint8_t algorithm;
    uint16_t tag;
    /* of the public half: another key may have the tag after this one has gone */
    uint8_t name[PLACE_OF_TIMES];
    struct key_context *context; /* NULL: its signatures come from a bundle */
    size_t place;                /* in the keyring */
};

struct signer {
    struct keyring *keyring;
    struct sigcache *cache;
    struct budget *budget; /* NULL: as many as are asked for */
    uint32_t validity_s;
    uint64_t random;
    uint64_t made;
    size_t key_count;
    struct signing_key keys[KEYRING_MAX];
    /* RRSIG rdata up to the signature; the signer's name is filled in for good */
    size_t prefix_len;
    uint8_t prefix[RRSIG_PREFIX_MAX];
    uint8_t buffer[SIGNED_MAX];
};

/* What one call works on. */
struct task {
    const struct dname *owner;
    const struct rrset *set;
    uint32_t now;
    size_t identity_len; /* in the signer's buffer; 0 when it was overwritten to sign */
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
                                         .place = i };
        size_t public_len = 0;
        memcpy(signing->name, key_public(key, &public_len), sizeof(signing->name));
        ASSERT(!key_has_private(key) || key_context_new(&signing->context, key) == RESULT_OK);
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

void signer_limit(struct signer *signer, struct budget *budget)
{
    signer->budget = budget;
}

uint64_t signer_made(const struct signer *signer)
{
    return signer->made;
}

/* RFC 4034 6.2: the owner in lower case. Length octets are under 64, so none of them is taken for a
 * letter. */
static void write_lower(uint8_t *out, const struct dname *name)
{
    for (size_t i = 0; i < name->len; i++) {
        uint8_t octet = name->wire[i];
        out[i] = (uint8_t)(octet + (octet >= 'A' && octet <= 'Z' ? 'a' - 'A' : 0));
    }
}

/* Prefix, with the key's name in the place of the two times, owner and packed rdata: two sets that
 * are signed alike give the same octets, others never do. */
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

/* RFC 4034 3.1.5: times are compared as serial numbers. A signature from the future means that the
 * clock was set back: not used, since clients would refuse it. */
static bool still_good(const struct signer *signer, struct sigcache_key key,
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
    ASSERT(!w.failed); /* signer_sign has counted */
    enum result result = key_sign(key->context, signer->buffer, w.at, out->signature);
    if (result == RESULT_OK) {
        signer->made++;
    }
    return result;
}

/* The signature by one key, from the cache or new. */
static enum result signature_by(struct signer *signer, const struct signing_key *key,
                                struct task *task, struct cached_signature *out)
{
    signer->prefix[RRSIG_ALGORITHM] = key->algorithm;
    wire_put_u16(signer->prefix + RRSIG_TAG, key->tag);
    if (key->context == NULL) {
        return keyring_presigned(signer->keyring, key->place, task->set->type, task->now, out)
                   ? RESULT_OK
                   : RESULT_NOT_FOUND;
    }
    memcpy(signer->prefix + RRSIG_EXPIRATION, key->name, PLACE_OF_TIMES);
    if (task->identity_len == 0) {
        write_identity(signer, task);
    } else {
        memcpy(signer->buffer, signer->prefix, RRSIG_SIGNER);
    }
    struct sigcache_key id = sigcache_hash(signer->cache, signer->buffer, task->identity_len);
    if (sigcache_get(signer->cache, id, out) && still_good(signer, id, out, task->now)) {
        return RESULT_OK;
    }
    if (signer->budget != NULL && !budget_take(signer->budget)) {
        return RESULT_EXHAUSTED;
    }
    enum result result = sign(signer, key, task, out);
    if (result == RESULT_OK) {
        sigcache_put(signer->cache, id, out);
    }
    return result;
}

/* The DNSKEY RRset is signed by the keys that the parent vouches for, and so are CDS and CDNSKEY
 * (RFC 7344 4.1); but these like any RRset also by all that sign the zone: a new algorithm's come
 * before its DNSKEYs (RFC 6781 4.1.4). */
static unsigned uses_for(uint16_t type)
{
    if (type == RR_DNSKEY) {
        return USE_SIGN_KEYS;
    }
    return type == RR_CDS || type == RR_CDNSKEY ? USE_SIGN_KEYS | USE_SIGN_ZONE : USE_SIGN_ZONE;
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
        enum result result = signature_by(signer, key, &task, &signature);
        if (result != RESULT_OK) {
            return result;
        }
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
