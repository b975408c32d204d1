/* Where a report is in the engine, without the fleet's prefix: "v/MACHINE/VANTAGE/NUMBER", the
 * number as 16 hex digits. So reports of a vantage point lie in order of number. */
#ifndef TOOLS_VERDICTSKEY_H
#define TOOLS_VERDICTSKEY_H

#include "zone/registry/machine.h"
#include "zone/registry/vantage_name.h"

enum {
    VERDICTSKEY_ROOM = 2 + MACHINE_ROOM + VANTAGE_ROOM + 18
};

struct verdictskey {
    char machine[MACHINE_ROOM], vantage[VANTAGE_ROOM];
    uint64_t number;
};

/* Returns `out`. */
char *verdictskey_text(const struct verdictskey *key, char out[VERDICTSKEY_ROOM]);
/* All keys of a vantage point: from `from` up to `to`, which is not one of them. */
void verdictskey_range(const char *machine, const char *vantage, char from[VERDICTSKEY_ROOM],
                       char to[VERDICTSKEY_ROOM]);
/* Reads "MACHINE/VANTAGE/NUMBER". False if it is none. */
bool verdictskey_parse(struct verdictskey *out, struct octets key);

#endif
