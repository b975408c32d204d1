/* The state of a member in one word, for pages and badges. */
#ifndef TOOLS_MEMBERWORD_H
#define TOOLS_MEMBERWORD_H

#include "zone/overview/memberview.h"

enum memberword {
    MEMBERWORD_IN,
    MEMBERWORD_HELD, /* it would be out, but removals are frozen */
    MEMBERWORD_NEW,  /* it was never in */
    MEMBERWORD_OUT
};

enum memberword memberword_of(const struct memberview *view);
/* True if the operator's word decides, not the verdict of the probes. */
bool memberword_is_decided(const struct memberview *view);

#endif
