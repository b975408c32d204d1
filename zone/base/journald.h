/* Lines for systemd's journal by its native protocol: a datagram each, with fields beside the text.
 * `journalctl NTSPOOL_MEMBER=ntp1` finds the lines about a member. */
#ifndef ZONE_JOURNALD_H
#define ZONE_JOURNALD_H

#include <stddef.h>

enum {
    JOURNALD_VALUE_MAX = 256, /* of a field of ours; longer ones are cut */
    JOURNALD_BESIDE = 2048    /* room for all beside the text */
};

/* What a line is about. Each may be NULL. */
struct log_fields {
    const char *vantage, *member, *address;
    const char *failure; /* identifier of a failure class */
    const char *warning; /* id of what `status` warns of */
};

/* Returns a connected socket that does not block, or -1. */
int journald_connect(void);
/* Writes a datagram. `text` has no control characters; what is not printable in a field is escaped.
 * `room` is JOURNALD_BESIDE octets more than the text is long. Returns the length. */
size_t journald_form(char *out, size_t room, const char *program, int priority,
                     const struct log_fields *fields, const char *text);

#endif
