/* Name servers as text: parsing for the command line, and output. */
#ifndef TOOLS_SERVERTEXT_H
#define TOOLS_SERVERTEXT_H

#include <jansson.h>

#include "zone/overview/delegation.h"

/* Parses NAME[=ADDRESS,...] into lower case. INVALID with the reason in the diag. The registry
 * checks whether the zone can have it. */
enum result servertext_parse(struct name_server *out, const char *text, struct diag *diag);
/* Checks a new name server. INVALID for a name that is an address or no host name, and for an
 * address that no host has. */
enum result servertext_check(const struct name_server *server, const char *text, struct diag *diag);
json_t *servertext_json(const struct name_server *server);

/* The changes that the parent zone needs, as an array of texts. */
json_t *servertext_changes(const struct delegation_changes *changes);

#endif
