/* The keys and cookies of a key establishment, kept as a good client keeps them (RFC 8915 5.7). */
#ifndef PROBE_ASSOCIATION_H
#define PROBE_ASSOCIATION_H

#include "probe/ke_dialog.h"

/* On its owner's heap; freed by association_free. */
struct association {
    struct nts_keys keys;
    struct endpoint ntp;
    struct tls_certificate certificate;
    uint64_t established_at; /* Unix seconds */
    uint16_t aead;
    uint16_t warnings; /* bits, enum warning; for the owner to set */
    unsigned cookie_count;
    struct nts_cookie cookies[NTS_COOKIES]; /* the newest last */
};

/* From a successful key establishment, for NTP at this address. */
struct association *association_new(const struct ke_result *result, const struct address *ntp);
/* Wipes the keys; NULL is fine. */
void association_free(struct association *association);
/* True if it was made less than `life_s` ago, has a cookie left, and its certificate has not
 * expired. False for NULL. */
bool association_is_in_force(const struct association *association, uint32_t life_s);
/* True if it was made at least `age_s` ago. */
bool association_has_age(const struct association *association, uint32_t age_s);
/* Takes the newest cookie out, since a cookie is used once. There must be one. */
struct nts_cookie association_take_cookie(struct association *association);
/* Adds a reply's new cookies. Of more than NTS_COOKIES, the oldest are dropped. */
void association_add_cookies(struct association *association, const struct nts_reply *reply);

#endif
