#include "dnssec/signing/rrsig_verify.h"

#include <stdlib.h>

#include "dnssec/keys/key.h"
#include "dnssec/signing/rrsig.h"

enum {
    DNSKEY_PUBLIC = 4, /* where the public key begins in DNSKEY rdata */
    FLAG_ZONE = 0x0100,
    FLAG_REVOKE = 0x0080, /* RFC 5011 2.1 */
    PROTOCOL = 3,
    RECORD_HEAD = 10 /* type, class, TTL, length */
};

bool rrsig_view(struct rrsig_view *out, const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    out->type = read_u16(&r);
    out->algorithm = read_u8(&r);
    out->labels = read_u8(&r);
    out->ttl = read_u32(&r);
    out->expiration = read_u32(&r);
    out->inception = read_u32(&r);
    out->tag = read_u16(&r);
    dname_read(&r, &out->signer);
    out->prefix_len = r.at;
    return !r.failed && reader_left(&r) > 0;
}

/* The name that was signed: of a record made from a wildcard, the wildcard (RFC 4035 5.3.2). */
static bool signed_owner(struct dname *out, const struct dname *owner, uint8_t labels)
{
    unsigned own = rrsig_labels(owner);
    *out = *owner;
    if (labels == own) {
        return true;
    }
    if (labels > own) {
        return false;
    }
    const struct dname parent = dname_parent(owner, dname_labels(owner) - labels);
    return dname_prepend(out, "*", 1, &parent) == RESULT_OK;
}

static bool verifies(const struct rrsig_view *view, const uint8_t *dnskey, size_t dnskey_len,
                     const uint8_t *data, size_t data_len, const uint8_t *signature)
{
    struct key *key = NULL;
    const struct key_parts parts = { .algorithm = view->algorithm,
                                     .role = KEY_CSK,
                                     .public_key = dnskey + DNSKEY_PUBLIC,
                                     .public_len = dnskey_len - DNSKEY_PUBLIC };
    if (key_from_parts(&key, &parts, NULL) != RESULT_OK) {
        return false;
    }
    bool good = key_verify(key, data, data_len, signature);
    key_free(key);
    return good;
}

enum rrsig_verdict rrsig_verify(const struct dname *owner, const struct rrset *set,
                                const uint8_t *rrsig, size_t len, const struct dname *zone,
                                const struct rrset *dnskey)
{
    struct rrsig_view view;
    struct dname name;
    if (!rrsig_view(&view, rrsig, len) || view.type != set->type ||
        !dname_equal(&view.signer, zone) || !dname_under(owner, zone) ||
        !signed_owner(&name, owner, view.labels)) {
        return RRSIG_BOGUS;
    }
    if (key_public_len(view.algorithm) == 0) {
        return RRSIG_UNSUPPORTED;
    }
    if (len - view.prefix_len != KEY_SIGNATURE_LEN) {
        return RRSIG_BOGUS;
    }
    uint8_t prefix[RRSIG_PREFIX_MAX];
    struct rrset original = *set;
    original.ttl = view.ttl;
    dname_lower(&view.signer);
    memcpy(prefix, rrsig, RRSIG_SIGNER);
    memcpy(prefix + RRSIG_SIGNER, view.signer.wire, view.signer.len);
    size_t room = view.prefix_len + set->rdata_len + set->count * (size_t)(name.len + RECORD_HEAD);
    struct writer w = writer_of(xmalloc(room), room);
    rrsig_write_signed(&w, prefix, view.prefix_len, &name, &original);
    enum rrsig_verdict verdict = RRSIG_NO_KEY;
    const uint8_t *rdata = NULL;
    uint16_t rdata_len = 0;
    for (size_t at = 0; verdict != RRSIG_GOOD && rrset_next(dnskey, &at, &rdata, &rdata_len);) {
        struct reader r = reader_of(rdata, rdata_len);
        uint16_t flags = read_u16(&r);
        bool usable = read_u8(&r) == PROTOCOL && read_u8(&r) == view.algorithm &&
                      (flags & (FLAG_ZONE | FLAG_REVOKE)) == FLAG_ZONE && !r.failed;
        if (usable && key_tag_of(rdata, rdata_len) == view.tag) {
            verdict = !w.failed && verifies(&view, rdata, rdata_len, w.data, w.at,
                                            rrsig + view.prefix_len)
                          ? RRSIG_GOOD
                          : RRSIG_BOGUS;
        }
    }
    free(w.data);
    return verdict;
}

bool nsec_has_type(const uint8_t *rdata, size_t len, uint16_t type)
{
    struct reader r = reader_of(rdata, len);
    struct dname next;
    dname_read(&r, &next);
    while (reader_left(&r) > 0) {
        unsigned window = read_u8(&r);
        size_t octets = read_u8(&r);
        const uint8_t *bits = read_octets(&r, octets);
        size_t at = (type & 0xffU) / 8;
        if (bits != NULL && window == (unsigned)type >> 8 && at < octets &&
            (bits[at] & 0x80U >> (type & 7U)) != 0) {
            return true;
        }
    }
    return false;
}
