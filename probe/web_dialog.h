/* Does a member's web server serve names that are not its own? Members' names lie under one domain,
 * so such a server could be handed the HTTP cookies of others: servers of a pool must check the
 * Host header (W. Ladd, "NTS for the NTP pool"). */
#ifndef PROBE_WEB_DIALOG_H
#define PROBE_WEB_DIALOG_H

#include <uv.h>

#include "probe/nts_ke.h"
#include "zone/base/address.h"

enum {
    WEB_PORT = 80,
    WEB_HEAD_MAX = 4096 /* octets of an answer that are looked at */
};

/* True if the head of an answer to a foreign Host says 200 or sets a cookie. Pure; `detail`
 * (NTS_DETAIL_ROOM) tells which. */
bool web_serves_foreign(const char *head, size_t len, char *detail);

struct web_dialog;
/* `foreign` as above; false also when there is no web server. */
typedef void web_done(bool foreign, const char *detail, void *arg);

/* Asks port 80 of the address once. `done` is called once, later, from the loop. */
struct web_dialog *web_dialog_start(uv_loop_t *loop, const struct address *address, web_done *done,
                                    void *arg);
/* Ends it without a call of `done`. */
void web_dialog_cancel(struct web_dialog *dialog);

#endif
