/* Consent to be listed. A member with a name of its own, outside the pool, needs it: anybody could
 * register any NTS server by its name. Who controls the name says by a TXT record beside it which
 * pools may hand the server out:
 *
 *     _ntspool.time.example.net. TXT "pool=pool.example"
 *
 * A member with a name in the pool needs none: it consents by getting a certificate for it. Pure.
 */
#ifndef ZONE_CONSENT_H
#define ZONE_CONSENT_H

#include "zone/registry/member.h"
#include "zone/registry/settings.h"

#define CONSENT_LABEL "_ntspool"
#define CONSENT_KEY   "pool="

enum {
    CONSENT_TEXT_ROOM = sizeof CONSENT_KEY + DNAME_TEXT_MAX
};

/* False also while an override hands the member out whatever is seen. */
bool consent_is_needed(const struct member *member, const struct settings *settings);
/* Where the record is: the server's name with a label before it. TOO_LONG if there can be none. */
enum result consent_name(struct dname *out, const struct dname *target);
/* What it says to name the pool. */
char *consent_text(const struct dname *apex, char out[CONSENT_TEXT_ROOM]);
/* True if a text says that. The name's case and final dot do not matter. */
bool consent_says(const char *text, size_t len, const struct dname *apex);

#endif
