/* A member as texts, one a field: the columns of the table that import reads and export writes, and
 * what the audit trail says of a change. */
#ifndef TOOLS_MEMBERTEXT_H
#define TOOLS_MEMBERTEXT_H

#include "zone/registry/member.h"

/* In the order in which export writes them. */
enum column {
    COLUMN_NAME,
    COLUMN_COUNTRY,
    COLUMN_IPV4,
    COLUMN_IPV6,
    COLUMN_CAPACITY,
    COLUMN_OPERATOR,
    COLUMN_PORT,
    COLUMN_TARGET,
    COLUMN_ACCOUNTURI,
    COLUMN_OVERRIDE,
    COLUMN_SUSPENDED,
    COLUMN_POSITION,
    COLUMN_COUNT
};

enum {
    MEMBERTEXT_ROOM = 1024, /* a name in presentation form, at worst */
    MEMBERTEXT_CHANGE_ROOM = 1024
};

/* "capacity_mbit" */
const char *column_name(enum column column);
/* The field's text, empty where there is none. Returns `out`. */
char *membertext(const struct member *member, enum column column, char out[MEMBERTEXT_ROOM]);
/* "country NL -> DE, port 4460 -> 4461"; without `before` or `after`, what the other has: "country
 * NL, ...". Returns `out`. */
char *membertext_change(const struct member *before, const struct member *after,
                        char out[MEMBERTEXT_CHANGE_ROOM]);

#endif
