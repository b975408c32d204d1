/* The input of one probe of one address. */
#ifndef PROBE_PROBE_PLAN_H
#define PROBE_PROBE_PLAN_H

#include <stdbool.h>

#include "zone/base/address.h"

struct daily_checks;
struct stall;
struct tls_trust;

struct probe_plan {
    const char *name; /* for the certificate, no final dot */
    struct endpoint endpoint;
    /* the member's addresses; NTS-KE may name these as the NTP server (RFC 8915 4.1.7) */
    const struct address *registered;
    unsigned registered_count;
    bool allow_private; /* also lets NTS-KE name any address */
    bool allow_foreign; /* lets NTS-KE name any public address */
    struct tls_trust *trust;
    struct daily_checks *daily; /* NULL: none are made */
    const struct stall *stall;  /* NULL: every failure is the server's */
    uint32_t ke_life_s;         /* lifetime of a key establishment; 0: LIMIT_KE_LIFE_S */
    uint32_t ke_gap_s;          /* between a key establishment and the one of the daily checks */
};

#endif
