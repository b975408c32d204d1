/* The verdict of one vantage point on a member, as in its reports and in the rows of state/health.
 * Everything else uses the verdict of all vantage points together (zone/verdicts/consensus.h). */
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

/* The stages of the life cycle that a probe can know. The registry knows the others, suspended and
 * removed. */
enum stage {
    STAGE_REGISTERED = 0,
    STAGE_CERTIFIED,
    STAGE_OPERATIONAL,
    STAGE_ELIGIBLE,
    STAGE_INELIGIBLE,
    /* still eligible: the score is below the exit, and the fall waits (lifecycle_advance) */
    STAGE_FALLING
};

struct address_health {
    struct address address;
    int32_t score_milli; /* -100000 to 20000 */
    bool working; /* the last probe succeeded, or too few have failed since then to say otherwise */
    uint32_t probes;   /* number of probes since the first */
    uint32_t failures; /* number of failures in a row until now */
    uint64_t first_probe_at, last_probe_at, last_good_at; /* Unix seconds, 0: never */
    enum failure failure; /* of the last probe; NONE if it succeeded */
    /* details of the failure, e.g. "certificate is for time.example.net" */
    char detail[HEALTH_DETAIL_ROOM];
    uint64_t cert_not_after; /* of the certificate seen last; 0: none */
    uint64_t certified_at,
        operational_at; /* when first seen with a valid certificate, with working NTS; 0: never */
    uint16_t warnings;  /* bits of enum warning */
    /* the AEAD algorithm that NTS-KE chose from all that we support; 0: none agreed yet */
    uint16_t aead;
    uint8_t stratum;
    int64_t offset_us; /* server's time minus ours */
    uint32_t rtt_us;
};

enum warning {
    WARNING_CERT_AGE = 1 << 0,      /* less than a third of the lifetime left */
    WARNING_COOKIES_FEW = 1 << 1,   /* fewer than eight cookies */
    WARNING_COOKIES_SIZE = 1 << 2,  /* of unequal lengths, or not a multiple of four octets */
    WARNING_NO_CLOSE = 1 << 3,      /* no close_notify */
    WARNING_PORT = 1 << 4,          /* not 4460, and some clients ignore the SRV port */
    WARNING_COOKIES_SHORT = 1 << 5, /* NTP returns fewer new cookies than requested */
    WARNING_WEB = 1 << 6,           /* HTTP serves names of others */
    WARNING_AEAD = 1 << 7,          /* fails for clients that offer further AEAD algorithms */
    /* a cookie of the day before is refused with NTSN, which is allowed */
    WARNING_COOKIE_REFUSED = 1 << 8,
    /* a cookie of the day before gets neither a valid answer nor NTSN */
    WARNING_COOKIE_IGNORED = 1 << 9,
    WARNING_STRATUM = 1 << 10, /* so high that the score can't reach the entry threshold */
    WARNING_OFFSET = 1 << 11,  /* the same for the time offset */
    WARNING_CHRONYD = 1 << 12, /* chronyd refuses the certificate */
    WARNING_NTPD_RS = 1 << 13  /* ntpd-rs refuses the certificate */
};
enum {
    WARNINGS = 14 /* bits */
};

/* The verdict on the member's addresses of one family. */
struct family_health {
    enum stage stage;
    uint64_t stage_since; /* Unix seconds */
    uint64_t frozen_at;   /* when its removal was last held back (struct breaker_state); 0: never */
    uint16_t weight;      /* ramp factor, 0 to HEALTH_WEIGHT_MAX */
};

struct member_health {
    uint64_t member_id;
    char vantage[VANTAGE_ROOM]; /* the vantage point */
    enum stage stage;           /* of the better family, as is the weight */
    uint64_t stage_since;       /* Unix seconds */
    uint64_t last_eligible_at;  /* 0: never */
    uint16_t weight;
    struct family_health family[ADDRESS_FAMILIES];
    uint64_t last_cert_not_after; /* the latest ever seen, for the quarantine */
    uint8_t address_count;
    struct address_health addresses[MEMBER_ADDRESSES_MAX];
};

enum result health_get(struct store_txn *txn, uint64_t member_id, const char *vantage,
                       struct member_health *out);
enum result health_put(struct store_txn *txn, const struct member_health *health,
                       struct diag *diag);
/* Deletes the verdicts of all vantage points on the member. OK if there are none. */
enum result health_forget(struct store_txn *txn, uint64_t member_id, struct diag *diag);
/* Deletes a vantage point and all it saw. With `may_return`, it counts again from its next report
 * on; otherwise its earlier reports count again too. NOT_FOUND if there is none of this name. */
enum result health_forget_vantage(struct store_txn *txn, const char *vantage, bool may_return,
                                  struct diag *diag);
/* Calls `visit` for each row in order of id, then vantage point. Stops at the first result other
 * than OK and returns it. */
typedef enum result health_visit(const struct member_health *health, void *arg);
enum result health_each(struct store_txn *txn, health_visit *visit, void *arg);

/* True if a member of this stage is handed out. */
bool stage_is_in(enum stage stage);
/* True if the member has an address of the family. */
bool health_has_family(const struct member_health *health, enum address_family family);
/* The verdict on the address; NULL if there is none. */
const struct address_health *health_address(const struct member_health *health,
                                            const struct address *address);
/* The probed address of the family with the highest score; NULL if none was probed. */
const struct address_health *health_best_in_family(const struct member_health *health,
                                                   enum address_family family);
/* The better one of both families; at equal scores that of IPv4. */
const struct address_health *health_best(const struct member_health *health);
/* The family that decides the member's stage: the one with the better stage, then with the greater
 * weight, then one that has addresses. */
enum address_family health_better_family(const struct member_health *health);

/* Migration 1 -> 2 (and to the current layout): the one vantage point, which had no name, becomes
 * VANTAGE_PRESET. */
enum result health_migrate_1(struct store_txn *txn, uint64_t now, struct diag *diag);
/* Migration 2 -> 3: rows of vantage points hold how far their reports were taken in. */
enum result health_migrate_2(struct store_txn *txn, uint64_t now, struct diag *diag);

/* The layout in the store. The vantage point is part of the key. */
void health_encode(struct writer *w, const struct member_health *health);
enum result health_decode(struct member_health *out, const uint8_t *data, size_t len);

const char *stage_text(enum stage stage);
/* The name of one warning bit, and what to do. */
const char *warning_text(enum warning warning);
const char *warning_advice(enum warning warning);

#endif
