/* Private keys as Knot and OpenSSL keep them: PKCS #8 in PEM, not encrypted. */
#ifndef DNSSEC_PEM_H
#define DNSSEC_PEM_H

#include "dnssec/keys/key.h"

/* True if the text has one, whatever it is. */
bool pem_is_there(const char *text);
/* The private half, as key_from_parts takes it; false if it is no key of P-256 or Ed25519. That it
 * belongs to a public half is seen there. */
bool pem_private(const char *text, uint8_t out[KEY_PRIVATE_MAX]);

#endif
