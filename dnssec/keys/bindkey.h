/* Key files as BIND and ldns write them, and Knot reads: K<zone>+<algorithm>+<tag>.key with the
 * DNSKEY record, and .private beside it. A private file may also be in PEM, as Knot keeps it. */
#ifndef DNSSEC_BINDKEY_H
#define DNSSEC_BINDKEY_H

#include "dnssec/keys/key.h"

/* How the role follows from the flags of a key. */
enum bindkey_use {
    /* With SEP a KSK, without a ZSK. */
    BINDKEY_BY_FLAGS,
    /* With SEP a CSK, without a ZSK. */
    BINDKEY_SEP_IS_CSK,
    /* A CSK, whatever its flags: it comes into use with SEP. */
    BINDKEY_NEW_CSK,
    /* A CSK that signs elsewhere, known to caches and parent by its flags: REFUSED without SEP. */
    BINDKEY_OLD_CSK
};
/* Reads the pair of which `path` names either file. INVALID or SYSTEM with the file and what is
 * wrong: another zone's key, an algorithm that is not supported, halves that don't belong together,
 * a revoked key. REFUSED if by `now` it is past the time that the file names for its deletion or
 * revocation; other times don't count. */
enum result bindkey_read(struct key **out, const char *path, const struct dname *zone,
                         enum bindkey_use use, uint64_t now, struct diag *diag);
/* Reads the public file alone, of a key-signing key whose private half is elsewhere; INVALID for
 * another key. */
enum result bindkey_read_public(struct key **out, const char *path, const struct dname *zone,
                                struct diag *diag);
/* Writes the pair into a directory, the private file, if there is such a half, with mode 0600.
 * EXISTS if there is one. The private half is not protected but by that. */
enum result bindkey_write(const struct key *key, const char *directory, const struct dname *zone,
                          struct diag *diag);

#endif
