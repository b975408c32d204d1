/* The sealing key that keeps private keys in state/keys unreadable without it: 32 random octets, in
 * a file of mode 0600 or a systemd credential, opened into locked memory.
 *
 * Looked for, in order: the path given; $CREDENTIALS_DIRECTORY/ntspool-seal; <state>/seal.key,
 * which `init` makes.
 *
 * It can be replaced while programs run: the next key lies beside it (<path>.next) while the store
 * is sealed anew, then takes its place. What can't be opened with the key that was read is tried
 * with what the files have by then, so an open seal follows the store. */
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

/* Makes a new key file at `path` (NULL: <state>/seal.key), mode 0600. EXISTS if there is one: it is
 * never overwritten. */
enum result seal_create(const char *state_dir, const char *path, struct diag *diag);
/* MISSING, or REFUSED if others than the owner may read it, with what to do. */
enum result seal_open(struct seal **out, const char *state_dir, const char *path,
                      struct diag *diag);
void seal_free(struct seal *seal);

/* `out` has room for len + SEAL_OVERHEAD. `bound` is authenticated with it: the key's public
 * record. */
enum result seal_wrap(const struct seal *seal, const uint8_t *plain, size_t len,
                      const uint8_t *bound, size_t bound_len, uint8_t *out);
/* `len` is the sealed length; `out` has room for len - SEAL_OVERHEAD. UNSEALABLE. */
enum result seal_unwrap(const struct seal *seal, const uint8_t *sealed, size_t len,
                        const uint8_t *bound, size_t bound_len, uint8_t *out);

/* Makes the key that shall follow, or takes over one that an interrupted run left, and opens it. */
enum result seal_next(struct seal **out, const struct seal *seal, struct diag *diag);
/* Gives the key of seal_next its place. */
enum result seal_install(const struct seal *next, struct diag *diag);

/* The public key of this machine's seal, its identity: what is boxed for it, only this seal opens;
 * what it boxes, nobody else can have made. Another sealing key is another identity. */
void seal_public(const struct seal *seal, uint8_t out[SEAL_PUBLIC_LEN]);
/* `out` has room for len + SEAL_BOX_OVERHEAD. INVALID if the recipient is no public key. */
enum result seal_box(const struct seal *seal, const uint8_t recipient[SEAL_PUBLIC_LEN],
                     const uint8_t *plain, size_t len, uint8_t *out);
/* `len` is the boxed length; `out` has room for len - SEAL_BOX_OVERHEAD, `sender` is whose seal
 * made it. UNSEALABLE. */
enum result seal_unbox(const struct seal *seal, const uint8_t *boxed, size_t len, uint8_t *out,
                       uint8_t sender[SEAL_PUBLIC_LEN]);

#endif
