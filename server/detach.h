/* `ntspoold --detach`: the server goes on in the background, and the process that was started ends
 * when the server answers.
 *
 * That is what ExecReload= of a systemd unit needs: systemd waits for the process that it has
 * started, and does not take that one for the main process of the service. So the server is a
 * grandchild, which systemd adopts. It may not send messages before it is the main process: the
 * process that was started, which may, names it (NotifyAccess=exec). */
#ifndef SERVER_DETACH_H
#define SERVER_DETACH_H

#include <stdbool.h>

#include "zone/base/log.h"

struct detach {
    int line; /* to the process that was started; -1: the server is that process itself */
};

/* Call it before anything is opened. True in the process that becomes the server. False in the one
 * that was started: the server answers (*exit_code is 0) or has failed and said why (1). */
bool detach_begin(struct detach *out, log_sink *log, int *exit_code);
/* The server is about to answer. On return the service manager knows it as the main process.
 * REFUSED if the process that was started has gone: nobody waits for this server any more. */
enum result detach_announce(const struct detach *detach, struct diag *diag);
/* The server answers: lets the process that was started end. */
void detach_finish(struct detach *detach);

#endif
