/* The files that go between a server and the machine with its offline KSK: a request lists the
 * slices of a period (dnssec/signing/slices.h) and the public keys; a bundle is the same with
 * signatures. Text in lines:
 *
 *     ntspool-request 1                      or: ntspool-bundle 1
 *     zone pool.example.
 *     made 2026-11-23T15:00:00Z
 *     ttl 3600
 *     key 1 ksk 13 24109 <public key, base64>
 *     key 2 zsk 13 19291 <public key, base64>
 *     slice <from> <inception> <expiration> dnskey 1,2 ds 1 zsk 2
 *     sign 1 <DNSKEY> <CDS> <CDNSKEY>        signatures of key 1 over these RRsets, base64
 *     sha256 <of all lines before, in hex>
 *
 * There is one form only: writing what was read gives the same octets. The sum finds damage. A
 * forged bundle is found by its signatures, a forged request by comparing the sum on both machines.
 */
#ifndef DNSSEC_BUNDLE_H
#define DNSSEC_BUNDLE_H

#include "dnssec/signing/slices.h"

enum {
    BUNDLE_TEXT_MAX = 1 << 20,
    BUNDLE_SUM_ROOM = 65
};

struct bundle {
    struct dname zone;
    bool is_signed;      /* a bundle, not a request */
    struct key_set keys; /* public keys; the slices' key bits are of this set */
    struct slices slices;
    char sum[BUNDLE_SUM_ROOM];
};
void bundle_done(struct bundle *bundle);

/* Returns the text, ended by NUL, for the caller to free. Sets the sum. */
char *bundle_write(struct bundle *bundle, size_t *len);
/* INVALID with the line and what is wrong. Checks that the slices are in order, have no gaps and
 * have valid times. Does not check signatures. */
enum result bundle_read(struct bundle *out, const char *text, size_t len, struct diag *diag);

#endif
