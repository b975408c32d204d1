/* What a vantage point saw of a member: the verdicts that it reports, and the rows of state/health.
 * Everybody else reads what they come to together (zone/verdicts/consensus.h). */
#ifndef ZONE_HEALTH_H
#define ZONE_HEALTH_H

#include "zone/registry/member.h"
#include "zone/verdicts/failure.h"
#include "zone/verdicts/vantage.h"

enum {
    HEALTH_DETAIL_ROOM = 160,
    HEALTH_ENCODED_MAX = 4096,
    HEALTH_WEIGHT_MAX = 1000,
    HEALTH_SCORE_MIN = -100000, /* thousandths */
    HEALTH_SCORE_MAX = 20000
};

/* Stage of the life cycle that the probe can know; suspended and removed are the registry's. */
enum stage {
    STAGE_REGISTERED = 0,
    STAGE_CERTIFIED,
    STAGE_OPERATIONAL,
    STAGE_ELIGIBLE,
    STAGE_INELIGIBLE,
    STAGE_FALLING /* eligible still: its score says out, and that waits (lifecycle_advance) */
};

struct address_health {
    struct address address;
    int32_t score_milli; /* -100000 to 20000 */
    bool working;      /* the last probe succeeded, or too few have failed since to say otherwise */
    uint32_t probes;   /* since the first */
    uint32_t failures; /* the last ones, in a row */
    uint64_t first_probe_at, last_probe_at, last_good_at; /* Unix seconds, 0: never */
    enum failure failure; /* of the last probe, NONE if it was good */
    /* the case's own words, e.g. "certificate is for time.example.net" */
    char detail[HEALTH_DETAIL_ROOM];
    uint64_t cert_not_after; /* of the certificate seen last, 0: none */
    uint64_t certified_at,
        operational_at; /* first seen with a valid certificate / with NTS confirmed, 0: never */
    uint16_t warnings;  /* bits, enum warning */
    uint16_t aead; /* what NTS-KE chose of all algorithms that we have; 0: nothing agreed on yet */
    uint8_t stratum;
    int64_t offset_us; /* server minus us */
    uint32_t rtt_us;
};

enum warning {
    WARNING_CERT_AGE = 1 << 0,      /* under a third of the lifetime left */
    WARNING_COOKIES_FEW = 1 << 1,   /* under eight cookies */
    WARNING_COOKIES_SIZE = 1 << 2,  /* of unequal or odd length */
    WARNING_NO_CLOSE = 1 << 3,      /* no close_notify */
    WARNING_PORT = 1 << 4,          /* not 4460: some clients ignore the SRV port */
    WARNING_COOKIES_SHORT = 1 << 5, /* NTP gives fewer new cookies than asked for */
    WARNING_WEB = 1 << 6,           /* HTTP serves foreign names */
    WARNING_AEAD = 1 << 7,          /* goes wrong for clients that offer further AEAD algorithms */
    /* a cookie of the day before is refused with NTSN, as it may be */
    WARNING_COOKIE_REFUSED = 1 << 8,
    /* a cookie of the day before is not answered rightly, not even with NTSN */
    WARNING_COOKIE_IGNORED = 1 << 9,
    WARNING_STRATUM = 1 << 10, /* so high that the score can't reach an entry */
    WARNING_OFFSET = 1 << 11,  /* the same of how far the time is off */
    WARNING_CHRONYD = 1 << 12, /* chronyd refuses the certificate */
    WARNING_NTPD_RS = 1 << 13  /* the same of ntpd-rs */
};

/* What the member's addresses of one family come to. */
struct family_health {
    enum stage stage;
    uint64_t stage_since; /* Unix seconds */
    uint64_t frozen_at;   /* when last its removal was held back (struct breaker_state), 0: never */
    uint16_t weight;      /* ramp factor, 0 to HEALTH_WEIGHT_MAX */
};

struct member_health {
    uint64_t member_id;
    char vantage[VANTAGE_ROOM]; /* who says so */
    enum stage stage;           /* that of the better family, as is the weight */
    uint64_t stage_since;       /* Unix seconds */
    uint64_t last_eligible_at;  /* when it last was, 0: never */
    uint16_t weight;
    struct family_health family[ADDRESS_FAMILIES];
    uint64_t last_cert_not_after; /* the latest ever seen: the quarantine's end */
    uint8_t address_count;
    struct address_health addresses[MEMBER_ADDRESSES_MAX];
};

enum result health_get(struct store_txn *txn, uint64_t member_id, const char *vantage,
                       struct member_health *out);
enum result health_put(struct store_txn *txn, const struct member_health *health,
                       struct diag *diag);
/* What all vantage points saw of the member. Fine if that is nothing. */
enum result health_forget(struct store_txn *txn, uint64_t member_id, struct diag *diag);
/* The vantage point and all it saw; with `may_return`, its next report counts again, otherwise also
 * all those before. NOT_FOUND if there is none of that name. */
enum result health_forget_vantage(struct store_txn *txn, const char *vantage, bool may_return,
                                  struct diag *diag);
/* Calls `visit` for each row in order of id, then vantage point, until it returns something else
 * than OK, which is then returned. */
typedef enum result health_visit(const struct member_health *health, void *arg);
enum result health_each(struct store_txn *txn, health_visit *visit, void *arg);

/* True if a member of this stage is handed out. */
bool stage_is_in(enum stage stage);
/* Whether the member has an address of the family. */
bool health_has_family(const struct member_health *health, enum address_family family);
/* What was seen of the address; NULL if nothing. */
const struct address_health *health_address(const struct member_health *health,
                                            const struct address *address);
/* The probed address of the family with the highest score; NULL if none was probed. */
const struct address_health *health_best_in_family(const struct member_health *health,
                                                   enum address_family family);
/* The better one of both families; at equal scores that of IPv4. */
const struct address_health *health_best(const struct member_health *health);
/* The family that the member stands by: its stage is the furthest in, then its weight the greater;
 * of two alike one that has addresses. */
enum address_family health_better_family(const struct member_health *health);

/* From schema 1, with one unnamed vantage point, which gets the name VANTAGE_PRESET. To the schema
 * of now, as the next one. */
enum result health_migrate_1(struct store_txn *txn, uint64_t now, struct diag *diag);
/* From schema 2: rows of vantage points have what the pool took in of their reports. */
enum result health_migrate_2(struct store_txn *txn, uint64_t now, struct diag *diag);

/* The store's layout; the vantage point stands in the key. */
void health_encode(struct writer *w, const struct member_health *health);
enum result health_decode(struct member_health *out, const uint8_t *data, size_t len);

const char *stage_text(enum stage stage);
/* Name of one warning bit, and what to do. */
const char *warning_text(enum warning warning);
const char *warning_advice(enum warning warning);

#endif
