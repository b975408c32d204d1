#include "server/answering/cookie.h"

#include <sodium.h>

enum {
    VERSION = 1,
    TIME_AT = COOKIE_CLIENT_LEN + 4,
    HASH_AT = TIME_AT + 4
};

/* RFC 9018 4.4: over the client cookie and all of the server cookie before the hash, then the
 * address. */
static void hash(uint8_t out[crypto_shorthash_BYTES], const uint8_t cookie[COOKIE_LEN],
                 const struct address *source, const uint8_t secret[COOKIE_SECRET_LEN])
{
    _Static_assert(crypto_shorthash_KEYBYTES == COOKIE_SECRET_LEN &&
                       HASH_AT + crypto_shorthash_BYTES == COOKIE_LEN,
                   "SipHash-2-4 with 64 bits");
    uint8_t data[HASH_AT + 16];
    size_t skip = address_is_ipv4(source) ? 12 : 0;
    memcpy(data, cookie, HASH_AT);
    memcpy(data + HASH_AT, source->octets + skip, 16 - skip);
    (void)crypto_shorthash(out, data, HASH_AT + 16 - skip, secret);
}

static bool made_with(const uint8_t cookie[COOKIE_LEN], const struct address *source,
                      const uint8_t secret[COOKIE_SECRET_LEN])
{
    uint8_t want[crypto_shorthash_BYTES];
    hash(want, cookie, source, secret);
    return sodium_memcmp(want, cookie + HASH_AT, sizeof(want)) == 0;
}

void cookie_make(uint8_t out[COOKIE_LEN], const uint8_t client[COOKIE_CLIENT_LEN],
                 const struct address *source, const uint8_t secret[COOKIE_SECRET_LEN],
                 uint64_t now)
{
    memmove(out, client, COOKIE_CLIENT_LEN);
    wire_put_u32(out + COOKIE_CLIENT_LEN, (uint32_t)VERSION << 24);
    wire_put_u32(out + TIME_AT, (uint32_t)now);
    hash(out + HASH_AT, out, source, secret);
}

enum cookie_state cookie_check(const uint8_t cookie[COOKIE_LEN], const struct address *source,
                               const struct cookie_secrets *secrets, uint64_t now)
{
    struct reader r = reader_of(cookie + TIME_AT, 4);
    /* RFC 9018 4.3: times are compared by serial number arithmetic (RFC 1982). */
    int32_t age = (int32_t)((uint32_t)now - read_u32(&r));
    if (cookie[COOKIE_CLIENT_LEN] != VERSION || age > COOKIE_VALID_S || age < -COOKIE_AHEAD_S) {
        return COOKIE_BAD;
    }
    bool fresh = age <= COOKIE_RENEW_S;
    if (made_with(cookie, source, secrets->current)) {
        return fresh ? COOKIE_GOOD : COOKIE_AGING;
    }
    /* RFC 9018 5: another server of the same address may have rolled already; its cookies are as
     * good as ours. */
    if (secrets->has_next && made_with(cookie, source, secrets->next)) {
        return fresh ? COOKIE_GOOD : COOKIE_AGING;
    }
    if (secrets->has_previous && now < secrets->changed_at + COOKIE_VALID_S + COOKIE_AHEAD_S &&
        made_with(cookie, source, secrets->previous)) {
        return COOKIE_AGING;
    }
    return COOKIE_BAD;
}
