/* A member's fields as texts: the columns of the table that `member import` reads and `member
 * export` writes, the lines of an application, and the text of a change in the audit trail. */
#ifndef TOOLS_MEMBERTEXT_H
#define TOOLS_MEMBERTEXT_H

#include "zone/registry/member.h"

/* In the order of the exported table. */
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
    COLUMN_CONTACT,
    COLUMN_LEAVE,
    COLUMN_UNLISTED,
    COLUMN_COUNT
};

enum {
    MEMBERTEXT_ROOM = 1024, /* holds a domain name in presentation form */
    MEMBERTEXT_CHANGE_ROOM = 1024
};

/* "capacity_mbit" */
const char *column_name(enum column column);
/* The field's text, empty if the field is. Returns `out`. */
char *membertext(const struct member *member, enum column column, char out[MEMBERTEXT_ROOM]);
/* Sets the field by such a text. An empty one leaves what is there, but a member needs a name.
 * INVALID: the diag says what the field takes. */
enum result membertext_set(struct member *member, enum column column, const char *text,
                           struct diag *diag);
/* "country NL -> DE, port 4460 -> 4461", without the contact's address. If `before` or `after` is
 * NULL, lists the fields of the other: "country NL, ...". Returns `out`. */
char *membertext_change(const struct member *before, const struct member *after,
                        char out[MEMBERTEXT_CHANGE_ROOM]);

#endif
