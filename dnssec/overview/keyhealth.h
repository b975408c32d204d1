/* Warnings about the DNSSEC keys. */
#ifndef DNSSEC_KEYHEALTH_H
#define DNSSEC_KEYHEALTH_H

#include "dnssec/offline/alarm.h"
#include "dnssec/offline/fleetkeys.h"
#include "zone/base/concern.h"

/* `fleet`: of the machine that leads; all zero in no fleet. */
void keyhealth_warn(struct concerns *concerns, const struct key_timeline *timeline,
                    const struct slices *slices, const struct fleetkeys *fleet, uint64_t now);

#endif
