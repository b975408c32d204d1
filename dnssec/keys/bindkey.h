/* Key files as BIND and ldns write them and Knot imports them: K<zone>+<algorithm>+<tag>.key with
 * the DNSKEY record, and .private beside it. The private file may also be PEM, Knot's own format.
 */
#ifndef DNSSEC_BINDKEY_H
#define DNSSEC_BINDKEY_H

#include "dnssec/keys/key.h"

/* How a key's role follows from its flags. */
enum bindkey_use {
    /* With SEP a KSK, without a ZSK. */
    BINDKEY_BY_FLAGS,
    /* With SEP a CSK, without a ZSK. */
    BINDKEY_SEP_IS_CSK,
    /* A CSK, whatever its flags: it is published with SEP from now on. */
    BINDKEY_NEW_CSK,
    /* A CSK that is in use on another server. Caches and the parent know it by its flags, so
     * REFUSED without SEP. */
    BINDKEY_OLD_CSK
};
/* Reads a pair; `path` names either file. INVALID or SYSTEM with the file and what is wrong: a key
 * of another zone, an unsupported algorithm, a public and a private key that do not match, a
 * revoked key. REFUSED if the deletion or revocation time in the private file has passed by `now`;
 * other times are ignored. */
enum result bindkey_read(struct key **out, const char *path, const struct dname *zone,
                         enum bindkey_use use, uint64_t now, struct diag *diag);
/* Reads the public file alone, for a KSK that is kept offline. INVALID for any other key. */
enum result bindkey_read_public(struct key **out, const char *path, const struct dname *zone,
                                struct diag *diag);
/* Writes the key's files into a directory, the private one (if the key has a private key) with mode
 * 0600, its only protection. EXISTS if there is one. */
enum result bindkey_write(const struct key *key, const char *directory, const struct dname *zone,
                          struct diag *diag);

#endif
