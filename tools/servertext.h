/* Name servers on the command line and in what is shown. */
#ifndef TOOLS_SERVERTEXT_H
#define TOOLS_SERVERTEXT_H

#include <jansson.h>

#include "zone/registry/registry.h"

/* NAME[=ADDRESS,...] in lower case. INVALID with the reason; whether the zone can have it, the
 * registry says. */
enum result servertext_parse(struct name_server *out, const char *text, struct diag *diag);
/* What no name server is called or reached by: an address as a name, no host name, an address of no
 * host. For names that come new. */
enum result servertext_check(const struct name_server *server, const char *text, struct diag *diag);
/* The addresses with commas between; "-" for none. `room` octets of `out`. Returns `out`. */
char *servertext_addresses(const struct name_server *server, char *out, size_t room);
json_t *servertext_json(const struct name_server *server);

/* What the parent zone has to change to have the name servers of now: texts, none if nothing. */
enum result servertext_changes(struct store_txn *registry, json_t **out, struct diag *diag);

#endif
