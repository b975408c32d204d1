/* Consensus: the verdict of all vantage points together on a member. It is the median of their
 * verdicts, never the best. Pure but for consensus_rows and consensus_get.
 *
 * Each vantage point judges by itself, with its own hysteresis. They vote per address family. The
 * verdicts on a family are sorted from out to in (by weight, then by score). The median is the
 * verdict of the pool, the worse one of two. Each address has its own median in the same way. The
 * better family decides for the member.
 *
 * A vantage point does not vote on a family while another one can, if it never reached anything by
 * the family, or has seen too little of the member. A silent vantage point votes only if there is
 * no other. No one votes on a family that the member does not have. */
#ifndef ZONE_CONSENSUS_H
#define ZONE_CONSENSUS_H

#include "zone/registry/settings.h"
#include "zone/verdicts/health.h"

enum {
    /* probes of one address that a vantage point needs before it can judge a member that it has not
     * held eligible yet */
    CONSENSUS_PROBES = 20,
    CONSENSUS_LONG_S = 3600 /* a dissent is reported once it has lasted so long */
};

/* Why a verdict is not carried out. */
enum hold {
    HOLD_NONE,
    HOLD_WAITING, /* the member falls: it is removed if that lasts for an interval */
    HOLD_FROZEN,  /* the member falls together with too many others */
    HOLD_SILENT   /* no vantage point reports: the last verdict stands */
};
enum {
    HOLDS = HOLD_SILENT + 1
};

struct votes {
    unsigned all, in;
};

struct consensus {
    /* a vantage point has a row of the member; otherwise the rest is 0, and there are no addresses
     */
    bool known;
    /* from the median vantage point of the better family; families and addresses have their own
     * medians */
    struct member_health health;
    struct votes votes; /* of the better family */
    struct votes family[ADDRESS_FAMILIES];
    enum hold hold;
};

/* `rows` are the member's rows, at most VANTAGES_MAX, each of another vantage point.
 * last_cert_not_after becomes the latest of all rows. */
void consensus_of(struct consensus *out, const struct member *member,
                  const struct member_health *rows, unsigned count, const struct vantages *vantages,
                  const struct settings *settings);
/* Reads the rows of a member. */
enum result consensus_rows(struct member_health rows[VANTAGES_MAX], unsigned *count,
                           struct store_txn *health, uint64_t member_id,
                           const struct vantages *vantages);

/* True if the vantage point of `row` votes and, in one of the families, has long been on the other
 * side of the threshold than the pool. */
bool consensus_dissents(const struct consensus *consensus, const struct member_health *row,
                        const struct vantages *vantages, uint64_t now);

const char *hold_text(enum hold hold);

#endif
