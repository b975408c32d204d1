/* Asks whether a member's web server serves names that are not its own. Members' names are under
 * one domain, so such a server could receive the HTTP cookies of other members. The pool's servers
 * must check the Host header (draft-ladd-nts-for-the-ntp-pool 7). */
#ifndef PROBE_WEB_DIALOG_H
#define PROBE_WEB_DIALOG_H

#include <uv.h>

#include "probe/nts_ke.h"
#include "zone/base/address.h"

enum {
    WEB_PORT = 80,
    WEB_HEAD_MAX = 4096 /* octets of a response that are read */
};

/* True if the head of a response to a foreign Host has status 200 or sets a cookie. `detail`
 * (NTS_DETAIL_ROOM) says which. Pure. */
bool web_serves_foreign(const char *head, size_t len, char *detail);

struct web_dialog;
/* `foreign` as above; false also if there is no web server. */
typedef void web_done(bool foreign, const char *detail, void *arg);

/* Asks port 80 of the address once. `done` is called once, later, from the loop. */
struct web_dialog *web_dialog_start(uv_loop_t *loop, const struct address *address, web_done *done,
                                    void *arg);
/* Ends it without calling `done`. */
void web_dialog_cancel(struct web_dialog *dialog);

#endif
