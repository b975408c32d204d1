/* Private keys in Knot's and OpenSSL's file format: PKCS #8 in PEM, not encrypted. */
#ifndef DNSSEC_PEM_H
#define DNSSEC_PEM_H

#include "dnssec/keys/key.h"

/* True if the text has any private key in PEM. */
bool pem_is_there(const char *text);
/* The private key in key_from_parts' form. False if it is not a key of P-256 or Ed25519. */
bool pem_private(const char *text, uint8_t out[KEY_PRIVATE_MAX]);

#endif
