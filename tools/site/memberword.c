#include "tools/site/memberword.h"

bool memberword_is_decided(const struct memberview *view)
{
    const struct member *member = &view->member;
    bool in = view->consensus.known && stage_is_in(view->consensus.health.stage);
    return member->suspended || member->capacity_mbit == 0 || member->override != OVERRIDE_AUTO ||
           (in && !view->standing.eligible);
}

static bool is_new(const struct memberview *view)
{
    enum stage stage = view->consensus.health.stage;
    return !view->consensus.known || stage == STAGE_REGISTERED || stage == STAGE_CERTIFIED ||
           stage == STAGE_OPERATIONAL;
}

enum memberword memberword_of(const struct memberview *view)
{
    bool decided = memberword_is_decided(view);
    if (view->standing.eligible) {
        return view->consensus.hold == HOLD_FROZEN && !decided ? MEMBERWORD_HELD : MEMBERWORD_IN;
    }
    return is_new(view) && !decided ? MEMBERWORD_NEW : MEMBERWORD_OUT;
}
