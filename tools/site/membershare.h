/* A member's part of all answers, beside its fair part and what steering expects. */
#ifndef TOOLS_MEMBERSHARE_H
#define TOOLS_MEMBERSHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/steering/traffic.h"

enum {
    MEMBERSHARE_COUNTRIES = 10
};

struct membershare_country {
    char code[3];
    double part; /* of the member's answers: 0 to 1 */
};

struct membershare {
    uint64_t hour, day;          /* answers with the member */
    uint64_t all_hour, all_day;  /* places in all answers */
    uint64_t days[TRAFFIC_DAYS]; /* answers with the member, today until now first */
    bool handed_out;             /* otherwise the following say nothing */
    double fair;                 /* its part of the capacity that is handed out: 0 to 1 */
    bool steered;                /* `expected` and `countries` are known */
    double expected;             /* its part of all answers by steering: 0 to 1 */
    struct membershare_country countries[MEMBERSHARE_COUNTRIES]; /* the largest first */
    size_t country_count;
};

#endif
