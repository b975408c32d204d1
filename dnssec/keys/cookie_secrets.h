/* The secrets of DNS cookies (RFC 9018), one sealed row in state/keys. Servers of one anycast
 * address must share them; the operator copies them by hand. They are replaced in three steps (RFC
 * 9018 5): stage the next secret on all servers, roll to it on all, and the previous one expires by
 * itself. */
#ifndef DNSSEC_COOKIE_SECRETS_H
#define DNSSEC_COOKIE_SECRETS_H

#include "dnssec/keys/seal.h"
#include "zone/base/wire.h"
#include "zone/store/store.h"

enum {
    COOKIE_SECRET_LEN = 16
};

/* All zero (`present` false): cookies are off. */
struct cookie_secrets {
    bool present, has_next, has_previous;
    uint8_t current[COOKIE_SECRET_LEN];  /* makes cookies; cookies of all three are accepted */
    uint8_t next[COOKIE_SECRET_LEN];     /* staged */
    uint8_t previous[COOKIE_SECRET_LEN]; /* kept until the last cookie made with it is too old */
    uint64_t changed_at;                 /* of `current`; Unix seconds */
};

/* OK and an empty `out` if the store has no secrets. UNSEALABLE, DAMAGED or NEWER with a diag. */
enum result cookie_secrets_get(struct store_txn *txn, const struct seal *seal,
                               struct cookie_secrets *out, struct diag *diag);
enum result cookie_secrets_put(struct store_txn *txn, const struct seal *seal,
                               const struct cookie_secrets *secrets, struct diag *diag);

enum {
    COOKIE_SECRETS_LEN = 1 + 8 + 3 * COOKIE_SECRET_LEN
};
void cookie_secrets_write(struct writer *w, const struct cookie_secrets *secrets);
/* Fails the reader if the octets are not valid. */
struct cookie_secrets cookie_secrets_read(struct reader *r);

/* 32 hexadecimal digits, or "random". INVALID with a diag that says so. */
enum result cookie_secret_parse(uint8_t out[COOKIE_SECRET_LEN], const char *text,
                                struct diag *diag);
/* Makes the staged secret (or a random one if none is staged) the current one. The one in use until
 * now stays accepted. */
void cookie_secrets_roll(struct cookie_secrets *secrets, uint64_t now);

#endif
