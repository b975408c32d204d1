/* Name servers as text: parsing for the command line, and output. */
#ifndef TOOLS_SERVERTEXT_H
#define TOOLS_SERVERTEXT_H

#include <jansson.h>

#include "zone/registry/registry.h"

/* Parses NAME[=ADDRESS,...] into lower case. INVALID with the reason in the diag. The registry
 * checks whether the zone can have it. */
enum result servertext_parse(struct name_server *out, const char *text, struct diag *diag);
/* Checks a new name server. INVALID for a name that is an address or no host name, and for an
 * address that no host has. */
enum result servertext_check(const struct name_server *server, const char *text, struct diag *diag);
/* The addresses, separated by commas; "-" for none. Truncates to `room` octets. Returns `out`. */
char *servertext_addresses(const struct name_server *server, char *out, size_t room);
json_t *servertext_json(const struct name_server *server);

/* The changes that the parent zone needs for the current name servers, as an array of texts. */
enum result servertext_changes(struct store_txn *registry, json_t **out, struct diag *diag);

#endif
