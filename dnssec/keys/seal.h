/* The sealing key: without it the private keys in state/keys are unreadable. 32 random octets, in a
 * file of mode 0600 or a systemd credential, read into locked memory.
 *
 * It is looked for, in order, at the path given; at $CREDENTIALS_DIRECTORY/ntspool-seal; at
 * <state>/seal.key, which `init` makes.
 *
 * It can be replaced while programs run. The next key lies beside it (<path>.next) while the store
 * is sealed anew, then takes its place. Where the key in memory fails to open something, an open
 * seal reads both files again. */
#ifndef DNSSEC_SEAL_H
#define DNSSEC_SEAL_H

#include <stdint.h>

#include "zone/base/result.h"

struct seal;

enum {
    SEAL_OVERHEAD = 24 + 16,         /* nonce and tag of XChaCha20-Poly1305 */
    SEAL_PUBLIC_LEN = 32,            /* X25519 */
    SEAL_BOX_OVERHEAD = 32 + 24 + 16 /* the sender's public key, nonce and tag */
};

/* Makes a key file of mode 0600 at `path` (NULL: <state>/seal.key). EXISTS if there is one: it is
 * never overwritten. */
enum result seal_create(const char *state_dir, const char *path, struct diag *diag);
/* MISSING; REFUSED if anybody but the owner may read it. `diag` says what to do. */
enum result seal_open(struct seal **out, const char *state_dir, const char *path,
                      struct diag *diag);
void seal_free(struct seal *seal);

/* `out` has room for len + SEAL_OVERHEAD. `bound` is authenticated with it and not stored. */
enum result seal_wrap(const struct seal *seal, const uint8_t *plain, size_t len,
                      const uint8_t *bound, size_t bound_len, uint8_t *out);
/* `len` is the sealed length; `out` has room for len - SEAL_OVERHEAD. UNSEALABLE. */
enum result seal_unwrap(const struct seal *seal, const uint8_t *sealed, size_t len,
                        const uint8_t *bound, size_t bound_len, uint8_t *out);

/* Makes the next key, or takes over one that an interrupted run left, and opens it. */
enum result seal_next(struct seal **out, const struct seal *seal, struct diag *diag);
/* Puts the key of seal_next in the place of the current one. */
enum result seal_install(const struct seal *next, struct diag *diag);

/* The X25519 public key that follows from the sealing key: this machine's identity. Only this seal
 * opens a box made for it, and only this seal can have made a box that names it as sender. A new
 * sealing key is a new identity. */
void seal_public(const struct seal *seal, uint8_t out[SEAL_PUBLIC_LEN]);
/* `out` has room for len + SEAL_BOX_OVERHEAD. INVALID if `recipient` is not a public key. */
enum result seal_box(const struct seal *seal, const uint8_t recipient[SEAL_PUBLIC_LEN],
                     const uint8_t *plain, size_t len, uint8_t *out);
/* `len` is the boxed length; `out` has room for len - SEAL_BOX_OVERHEAD. Sets `sender` to the
 * identity of the seal that made the box. UNSEALABLE. */
enum result seal_unbox(const struct seal *seal, const uint8_t *boxed, size_t len, uint8_t *out,
                       uint8_t sender[SEAL_PUBLIC_LEN]);

#endif
