#include "dnssec/keys/ds.h"

#include <openssl/evp.h>

enum {
    SHA1 = 1,
    SHA256 = 2,
    SHA384 = 4
};

/* RFC 4034 5.1.4: over the owner's name in lower case and the DNSKEY. */
static bool digest_of(const EVP_MD *type, const struct dname *zone, const struct key_record *key,
                      uint8_t out[EVP_MAX_MD_SIZE])
{
    uint8_t data[DNAME_MAX + KEY_DNSKEY_MAX];
    struct dname owner = *zone;
    dname_lower(&owner);
    memcpy(data, owner.wire, owner.len);
    size_t len = owner.len + key_record_dnskey(key, data + owner.len);
    return EVP_Digest(data, len, out, NULL, type, NULL) == 1;
}

enum ds_match ds_match(const struct key_record *key, const struct dname *zone, const uint8_t *rdata,
                       size_t len)
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct reader r = reader_of(rdata, len);
    uint16_t tag = read_u16(&r);
    uint8_t algorithm = read_u8(&r);
    uint8_t digest_type = read_u8(&r);
    if (r.failed || algorithm != (uint8_t)key->algorithm ||
        tag != key_tag_of(dnskey, key_record_dnskey(key, dnskey))) {
        return DS_OTHER;
    }
    const EVP_MD *type = digest_type == SHA1     ? EVP_sha1()
                         : digest_type == SHA256 ? EVP_sha256()
                         : digest_type == SHA384 ? EVP_sha384()
                                                 : NULL;
    if (type == NULL) {
        return DS_UNKNOWN;
    }
    if (reader_left(&r) != (size_t)EVP_MD_get_size(type) || !digest_of(type, zone, key, digest) ||
        memcmp(digest, rdata + r.at, reader_left(&r)) != 0) {
        return DS_OTHER;
    }
    return digest_type == SHA1 ? DS_WEAK : DS_GOOD;
}
