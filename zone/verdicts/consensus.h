/* What all vantage points together say of a member: the median of their verdicts, never the best.
 * Pure but for consensus_get.
 *
 * Each vantage point judges by itself, with its own hysteresis. Votes are per address family. The
 * verdicts on one are put in order from out to in (by weight, then score) and the one in the middle
 * is the pool's, of two the worse; so are the addresses, each by itself. The member stands by the
 * better of its families. A vantage point that never reached anything by the family, or has seen
 * too little of the member to judge it, does not vote while another can; a silent one is asked only
 * when there is no other. Of a family that the member does not have nobody is asked. */
#ifndef ZONE_CONSENSUS_H
#define ZONE_CONSENSUS_H

#include "zone/registry/settings.h"
#include "zone/verdicts/health.h"

enum {
    /* of one address, before a vantage point can judge a member that never was eligible for it */
    CONSENSUS_PROBES = 20,
    CONSENSUS_LONG_S = 3600 /* of dissent */
};

/* What keeps a verdict from being carried out. */
enum hold {
    HOLD_NONE,
    HOLD_WAITING, /* the member falls: it goes out if that lasts for an interval */
    HOLD_FROZEN,  /* the member falls together with too many others */
    HOLD_SILENT   /* no vantage point reports: the last verdict stands */
};

struct votes {
    unsigned all, in;
};

struct consensus {
    bool known; /* somebody has a row of the member; else the rest is 0 */
    /* of the vantage point in the middle of the family that the member stands by; families and
     * addresses by their own medians */
    struct member_health health;
    struct votes votes; /* of that family */
    struct votes family[ADDRESS_FAMILIES];
    enum hold hold;
};

/* `rows` are those of the member, at most VANTAGES_MAX, each by another vantage point.
 * last_cert_not_after is the latest that anybody ever saw. */
void consensus_of(struct consensus *out, const struct member *member,
                  const struct member_health *rows, unsigned count, const struct vantages *vantages,
                  const struct settings *settings);
/* Reads the rows that vantage points have of a member. */
enum result consensus_rows(struct member_health rows[VANTAGES_MAX], unsigned *count,
                           struct store_txn *health, uint64_t member_id,
                           const struct vantages *vantages);
/* Reads the rows, too. */
enum result consensus_get(struct consensus *out, struct store_txn *health,
                          const struct member *member, const struct vantages *vantages,
                          const struct settings *settings);

/* The vantage point of `row`, which is asked, has long seen the member on the other side of the
 * threshold than the pool does, by one of its families. */
bool consensus_dissents(const struct consensus *consensus, const struct member_health *row,
                        const struct vantages *vantages, uint64_t now);

const char *hold_text(enum hold hold);

#endif
