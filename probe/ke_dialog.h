/* One NTS key establishment over the network: TCP, TLS, records (RFC 8915 4). */
#ifndef PROBE_KE_DIALOG_H
#define PROBE_KE_DIALOG_H

#include <uv.h>

#include "probe/stall.h"
#include "probe/tls_client.h"
#include "probe/trace.h"
#include "zone/base/address.h"

struct ke_request {
    struct endpoint endpoint;
    const char *name; /* for SNI and the certificate */
    struct tls_trust *trust;
    bool allow_private;
    enum nts_ke_offer offer;
    const struct stall *stall; /* NULL: every failure is the server's */
};

struct ke_result {
    enum failure failure;
    char detail[NTS_DETAIL_ROOM];
    const char *step; /* that failed, by its name in the trace */
    struct tls_certificate certificate;
    bool certified; /* the certificate is valid in every respect */
    bool no_close;  /* the server closed the connection without close_notify */
    struct nts_ke_answer answer;
    struct nts_keys keys;
};

struct ke_dialog;
typedef void ke_done(const struct ke_result *result, void *arg);

/* `done` is called once, later, from the loop. Until then steps are added to `trace`, unless it is
 * NULL. `request` is needed during the call only. */
struct ke_dialog *ke_dialog_start(uv_loop_t *loop, const struct ke_request *request,
                                  struct trace *trace, ke_done *done, void *arg);
/* Ends it without calling `done`. */
void ke_dialog_cancel(struct ke_dialog *dialog);

#endif
