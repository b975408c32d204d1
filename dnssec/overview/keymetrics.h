/* The metrics of the DNSSEC keys, as ntspoold and `ntspool metrics` give them. */
#ifndef DNSSEC_KEYMETRICS_H
#define DNSSEC_KEYMETRICS_H

#include "dnssec/overview/keyview.h"
#include "zone/base/openmetrics.h"

void keymetrics_write(struct openmetrics *om, const struct keyview *view);

#endif
