/* A trial: a server is probed once, by a command that has stores to open or files to write. The
 * server may be hostile, so the trial runs in a process of its own, which is confined and hands
 * back a few words. */
#ifndef TOOLS_TRIAL_H
#define TOOLS_TRIAL_H

#include <jansson.h>

#include "tools/cli.h"
#include "zone/registry/member.h"
#include "zone/verdicts/health.h"

struct trial_plan {
    const struct member *member; /* a target is looked up */
    const struct dname *apex;    /* of the pool */
    bool consent;                /* a target must consent to the pool */
};

struct trial_row {
    struct address address;
    enum failure failure;
    char detail[HEALTH_DETAIL_ROOM];
};

struct trial_result {
    unsigned count;
    /* one without an address, if the name did not resolve, or did not consent */
    struct trial_row rows[MEMBER_ADDRESSES_MAX];
};

/* Waits until all addresses are probed, one after the other. Open no store meanwhile. --no-probe:
 * the trial is empty. REFUSED if it shows a fault, with the advice in the diag. A member with a
 * name in the pool can have no certificate for it before it is registered, so that is no fault. */
enum result trial_run(struct trial_result *out, const struct trial_plan *plan, struct cli *cli);
/* A line for each address. */
void trial_print(FILE *out, const struct trial_result *trial);
json_t *trial_json(const struct trial_result *trial);
/* Enters the sandbox of a process that probes in the foreground. */
enum result trial_confine(struct diag *diag);

#endif
