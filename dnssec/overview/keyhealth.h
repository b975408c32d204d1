/* Warnings about the DNSSEC keys. */
#ifndef DNSSEC_KEYHEALTH_H
#define DNSSEC_KEYHEALTH_H

#include "dnssec/offline/alarm.h"
#include "zone/base/concern.h"

void keyhealth_warn(struct concerns *concerns, const struct key_timeline *timeline,
                    const struct slices *slices, uint64_t now);

#endif
