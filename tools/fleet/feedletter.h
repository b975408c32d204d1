/* Letters of this machine on their way to the engine. */
#ifndef TOOLS_FEEDLETTER_H
#define TOOLS_FEEDLETTER_H

#include "tools/fleet/sending.h"
#include "zone/fleet/letter.h"

/* Goes on with numbers where this machine was before it started. */
enum result feedletter_begin(struct feeder *feeder, struct diag *diag);
/* Signs a letter with the next number and puts it on its way. FULL as at sending_put. */
enum result feedletter_send(struct feeder *feeder, struct sending *sending, enum letter_kind kind,
                            const char *subject, struct octets text);
/* Notes the number of the last letter in the store: to be called now and then, after letters were
 * sent. If the clock is set back meanwhile, the next letters are still newer. */
enum result feedletter_note(struct feeder *feeder, struct diag *diag);

#endif
