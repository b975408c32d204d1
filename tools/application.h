/* An application: what the operator of a server asks of a pool, as a text to send. `member apply`
 * writes it, `member admit` reads it. It is made for mails: what stands before the first line and
 * behind the last one is ignored, so a mail can be read as it came.
 *
 *     ntspool-application: 1
 *     pool: pool.example
 *     name: alice
 *     ipv4: 192.0.2.1
 *     end
 *
 * The keys are those of `member import`, but for what only the pool decides. Anybody can have
 * written any octets. */
#ifndef TOOLS_APPLICATION_H
#define TOOLS_APPLICATION_H

#include <stdio.h>

#include "zone/registry/member.h"

enum {
    APPLICATION_MAX = 65536 /* octets, with the mail around it */
};

struct application {
    struct dname pool;
    struct member member;
};

void application_write(FILE *out, const struct application *application);
/* `text` ends with a NUL at `len`. INVALID, with the line in the diag; NEWER. What is read passes
 * member_check. */
enum result application_read(struct application *out, const char *text, size_t len,
                             bool allow_private, struct diag *diag);

#endif
