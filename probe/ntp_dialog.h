/* One NTP exchange with NTS over UDP (RFC 8915 5).
 *
 * The socket is not connected, so ICMP errors, which anybody can forge, are never seen. A datagram
 * that fails a check may be forged too. So the exchange goes on, and the datagram's class is the
 * result only if no authentic reply comes. */
#ifndef PROBE_NTP_DIALOG_H
#define PROBE_NTP_DIALOG_H

#include <uv.h>

#include "probe/ntp_sample.h"
#include "zone/base/address.h"

struct ntp_request {
    struct endpoint endpoint;
    const struct nts_keys *keys;
    const struct nts_cookie *cookie;
    unsigned placeholders;
};

struct ntp_result {
    enum failure failure; /* of the exchange and the time */
    char detail[NTS_DETAIL_ROOM];
    bool authentic; /* reply and sample are filled */
    struct nts_reply reply;
    struct ntp_sample sample;
};

struct ntp_dialog;
typedef void ntp_done(const struct ntp_result *result, void *arg);

/* `done` is called once, later, from the loop. `request` is needed during the call only. */
struct ntp_dialog *ntp_dialog_start(uv_loop_t *loop, const struct ntp_request *request,
                                    ntp_done *done, void *arg);
/* Ends it without calling `done`. */
void ntp_dialog_cancel(struct ntp_dialog *dialog);

#endif
