/* The vantage point's check of itself against configured time servers, the references: is our clock
 * right, and does our network work? Each reference is asked over every address family that it has.
 *
 * A failure that a probe saw counts only if a check that began after it went well for its family.
 * Without references there is no check. */
#ifndef PROBE_REFERENCE_H
#define PROBE_REFERENCE_H

#include <uv.h>

#include "probe/tls_client.h"
#include "zone/verdicts/vantage.h"

enum {
    REFERENCES_MAX = 8,
    REFERENCE_OFF_US = 100000 /* our clock is off if the median of the offsets is larger */
};

struct references;

/* Whether a reference answered over one family: in this check, and in any. */
struct reference_answer {
    bool now, ever;
};

/* The result of a check for one family. Both are false if no reference has an address of it. */
struct reference_family {
    bool heard;  /* a reference answered */
    bool silent; /* none answered, though one did in an earlier check */
};

struct reference_verdict {
    enum vantage_state state;
    struct reference_family family[ADDRESS_FAMILIES];
};

/* A check is over. */
typedef void references_checked(const struct reference_verdict *verdict, void *arg);

/* `hosts` are HOST[@PORT] for plain NTP, nts:HOST[@PORT] for NTS. USAGE for another form, or for
 * too many. */
enum result references_new(struct references **out, const char *const *hosts, unsigned count,
                           struct diag *diag);
/* From now on `checked` is called at the end of each check. */
void references_begin(struct references *references, uv_loop_t *loop, references_checked *checked,
                      void *arg);
/* Starts a check, unless one is under way. NTS references are verified with `trust`, which must
 * live until the check is over. */
void references_check(struct references *references, struct tls_trust *trust);
bool references_are_checking(const struct references *references);
/* Cancels a check that is under way. */
void references_stop(struct references *references);
void references_free(struct references *references);

/* The state that follows from the offsets of the references that answered. Sorts them. Pure. */
enum vantage_state reference_judge(int64_t *offsets_us, unsigned count);
void reference_judge_family(struct reference_family *out, const struct reference_answer *answers,
                            unsigned count);
/* The kernel says that nothing synchronises its clock (adjtimex, read only), or does not answer. */
bool reference_unsynchronised(void);
/* False if a system call filter forbids adjtimex, as ProtectClock= of a systemd unit does. */
bool reference_kernel_answers(void);
/* The state by the kernel, for use without references. A clock that was never synchronised counts
 * as right, since some time daemons don't tell the kernel. A clock that was (`*was_synchronised`,
 * updated) and is no more counts as off until it is again. */
enum vantage_state reference_by_kernel(bool unsynchronised, bool *was_synchronised);

#endif
