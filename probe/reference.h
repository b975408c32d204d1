/* The vantage point's check of itself: what do the configured references say of our clock, and are
 * they there at all? Each is asked by all families that it has. Then a failure that we saw is only
 * believed when a check that began after it went well for its family. Without references there is
 * no check. */
#ifndef PROBE_REFERENCE_H
#define PROBE_REFERENCE_H

#include <uv.h>

#include "probe/tls_client.h"
#include "zone/verdicts/vantage.h"

enum {
    REFERENCES_MAX = 8,
    REFERENCE_OFF_US = 100000 /* the median of the references may be so far away */
};

struct references;

/* Of a reference by one family: whether it answered in this check, and whether it ever did. */
struct reference_answer {
    bool now, ever;
};

/* What a check says of a family: both are false where there is nobody to ask by it. */
struct reference_family {
    bool heard;  /* one answered */
    bool silent; /* none answers of those that once did */
};

struct reference_verdict {
    enum vantage_state state;
    struct reference_family family[ADDRESS_FAMILIES];
};

/* One check is over. */
typedef void references_judged(const struct reference_verdict *word, void *arg);

/* `hosts` are HOST[@PORT] for plain NTP, nts:HOST[@PORT] for NTS; USAGE for another form, or for
 * too many. */
enum result references_new(struct references **out, const char *const *hosts, unsigned count,
                           struct diag *diag);
/* From now on checks tell `judged` what came out. */
void references_begin(struct references *references, uv_loop_t *loop, references_judged *judged,
                      void *arg);
/* Starts a check; nothing if one is under way. NTS references are believed by `trust`, which must
 * live till it is over. */
void references_check(struct references *references, struct tls_trust *trust);
bool references_are_checking(const struct references *references);
/* Ends what is in flight; the next check begins anew. */
void references_stop(struct references *references);
void references_free(struct references *references);

/* From the offsets that the references showed, of which there may be none. Pure; orders the
 * list. */
enum vantage_state reference_judge(int64_t *offsets_us, unsigned count);
void reference_judge_family(struct reference_family *out, const struct reference_answer *answers,
                            unsigned count);
/* The kernel says that nothing keeps its clock in time (adjtimex, read only), or does not say. */
bool reference_unsynchronised(void);
/* False where a filter of system calls forbids the question (ProtectClock= of a unit, by
 * clock_adjtime). */
bool reference_kernel_answers(void);
/* Without references the kernel is all that knows of our clock. Where it never said that something
 * keeps it, that is no reason to stop: maybe nobody tells the kernel. Where something did (`*kept`,
 * updated) and does no more, the clock is off until it does again. */
enum vantage_state reference_by_kernel(bool unsynchronised, bool *kept);

#endif
