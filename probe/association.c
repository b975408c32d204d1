#include "probe/association.h"

#include <stdlib.h>

#include <sodium.h>

#include "zone/base/clock.h"

struct association *association_new(const struct ke_result *result, const struct address *ntp)
{
    struct association *association = xcalloc(1, sizeof(*association));
    association->keys = result->keys;
    association->ntp = (struct endpoint){ *ntp, result->answer.port };
    association->certificate = result->certificate;
    association->established_at = clock_now();
    association->aead = result->answer.aead;
    association->cookie_count = result->answer.cookie_count;
    memcpy(association->cookies, result->answer.cookies, sizeof(association->cookies));
    return association;
}

void association_free(struct association *association)
{
    if (association != NULL) {
        sodium_memzero(association, sizeof(*association));
        free(association);
    }
}

bool association_is_in_force(const struct association *association, uint32_t life_s)
{
    uint64_t now = clock_now();
    return association != NULL && association->cookie_count > 0 &&
           now >= association->established_at && now - association->established_at < life_s &&
           now < association->certificate.not_after;
}

bool association_has_age(const struct association *association, uint32_t age_s)
{
    return clock_now() - association->established_at >= age_s;
}

struct nts_cookie association_take_cookie(struct association *association)
{
    ASSERT(association->cookie_count > 0);
    return association->cookies[--association->cookie_count];
}

void association_add_cookies(struct association *association, const struct nts_reply *reply)
{
    for (unsigned i = 0; i < reply->cookie_count; i++) {
        if (association->cookie_count == NTS_COOKIES) {
            memmove(association->cookies, association->cookies + 1,
                    (NTS_COOKIES - 1) * sizeof(association->cookies[0]));
            association->cookie_count--;
        }
        association->cookies[association->cookie_count++] = reply->cookies[i];
    }
}
