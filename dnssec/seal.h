/* The sealing key that keeps private keys in state/keys unreadable without it: 32 random octets, in a file of mode 0600 or a
 * systemd credential, opened into locked memory.
 *
 * Looked for, in order: the path given; $CREDENTIALS_DIRECTORY/ntspool-seal; <state>/seal.key, which `init` makes. */
#ifndef DNSSEC_SEAL_H
#define DNSSEC_SEAL_H

#include <stdint.h>

#include "zone/result.h"

struct seal;

enum {
    SEAL_OVERHEAD = 24 + 16
}; /* nonce and tag of XChaCha20-Poly1305 */

/* Makes a new key file at `path` (NULL: <state>/seal.key), mode 0600. EXISTS if there is one: it is never overwritten. */
enum result seal_create(const char *state_dir, const char *path, struct diag *diag);
/* MISSING, or REFUSED if others than the owner may read it, with what to do. */
enum result seal_open(struct seal **out, const char *state_dir, const char *path,
                      struct diag *diag);
void seal_free(struct seal *seal);

/* `out` has room for len + SEAL_OVERHEAD. `bound` is authenticated with it: the key's public record. */
enum result seal_wrap(const struct seal *seal, const uint8_t *plain, size_t len,
                      const uint8_t *bound, size_t bound_len, uint8_t *out);
/* `len` is the sealed length; `out` has room for len - SEAL_OVERHEAD. UNSEALABLE. */
enum result seal_unwrap(const struct seal *seal, const uint8_t *sealed, size_t len,
                        const uint8_t *bound, size_t bound_len, uint8_t *out);

#endif
