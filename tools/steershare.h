/* Each member's part of all answers beside its fair part, for `ntspool share` and the site. */
#ifndef TOOLS_STEERSHARE_H
#define TOOLS_STEERSHARE_H

#include "tools/steerview.h"

struct steershare_row {
    const struct steered *member;
    double fair;     /* part of the capacity that is handed out, with the ramp: 0 to 1 */
    double expected; /* part of all answers by steering: 0 to 1 */
    uint64_t hour, day;
    double ratio; /* of the last day's part, or else the expected one, to `fair`; negative: none */
};

/* End with steershare_done, before the view ends. */
struct steershare {
    struct steershare_row *rows; /* one for each member of the view, by falling ratio */
    uint64_t hour, day;          /* of all members */
};

void steershare_of(struct steershare *out, const struct steerview *view);
void steershare_done(struct steershare *share);

#endif
