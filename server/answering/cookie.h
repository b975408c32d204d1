/* Interoperable server cookies (RFC 7873, RFC 9018): client cookie, version, three reserved octets,
 * time, and a SipHash-2-4 of these and the client's address. Servers with the same secret accept
 * each other's cookies. */
#ifndef SERVER_COOKIE_H
#define SERVER_COOKIE_H

#include "dnssec/keys/cookie_secrets.h"
#include "zone/base/address.h"

enum {
    COOKIE_CLIENT_LEN = 8,
    COOKIE_LEN = COOKIE_CLIENT_LEN + 16,
    COOKIE_LONGEST = 40,   /* RFC 7873 4 */
    COOKIE_VALID_S = 3600, /* RFC 9018 4.3 */
    COOKIE_AHEAD_S = 300,  /* from a server whose clock is ahead */
    COOKIE_RENEW_S = 1800  /* an older cookie is replaced by a new one */
};

enum cookie_state {
    COOKIE_BAD,   /* not ours, or too old */
    COOKIE_GOOD,  /* goes back as it is */
    COOKIE_AGING, /* good, but replaced by a new one */
};

/* Writes client and server cookie; `now` in Unix seconds. */
void cookie_make(uint8_t out[COOKIE_LEN], const uint8_t client[COOKIE_CLIENT_LEN],
                 const struct address *source, const uint8_t secret[COOKIE_SECRET_LEN],
                 uint64_t now);
enum cookie_state cookie_check(const uint8_t cookie[COOKIE_LEN], const struct address *source,
                               const struct cookie_secrets *secrets, uint64_t now);

#endif
