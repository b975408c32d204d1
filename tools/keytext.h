/* DS and DNSKEY records of the DNSSEC keys as text. Needs no seal. */
#ifndef TOOLS_KEYTEXT_H
#define TOOLS_KEYTEXT_H

#include <jansson.h>

#include "dnssec/offline/keytransfer.h"

enum {
    KEYTEXT_ROOM = DNAME_TEXT_MAX + 256,
    KEYTEXT_IDENTITY_ROOM = KEYTRANSFER_IDENTITY_ROOM
};

/* `pool.test. IN DS 12345 13 2 <hex>`, RFC 4034 5.3. Returns `out`. */
char *keytext_ds(const struct key_record *record, const struct dname *apex, char out[KEYTEXT_ROOM]);
/* `pool.test. IN DNSKEY 257 3 13 <base64>`, RFC 4034 2.2. */
char *keytext_dnskey(const struct key_record *record, const struct dname *apex,
                     char out[KEYTEXT_ROOM]);
/* The identity of the seal's machine, the argument of `key export --to`. */
char *keytext_identity(const struct seal *seal, char out[KEYTEXT_IDENTITY_ROOM]);

/* The keys whose DS the parent zone should have, as JSON objects with both records. */
enum result keytext_json(struct store_txn *keys, const struct dname *apex, json_t **out);
/* Prints the DS records of those keys, or their DNSKEY records. Sets `note` if there are none. */
enum result keytext_print(struct store_txn *keys, const struct dname *apex, bool dnskey,
                          const char **note);

#endif
