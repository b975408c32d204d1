/* Notices: what the operator of a member should be told now. They follow from the facts about the
 * member and from what its contact was told before. Pure, but for the rows of state/health with
 * that memory.
 *
 * A notice of the verdict must be true when it is read. So none is due while no vantage point
 * reports, while removals are held back, or while nobody is eligible; and a member must have been
 * probed lately, and been out for NOTICE_OUT_S, or back for NOTICE_BACK_S.
 *
 * Bounds. A member that comes and goes is told of once a day. A contact gets one mail an hour
 * (NOTICE_GAP_S, for the caller to keep). A member has one row, which goes with it. It does not
 * have the address. */
#ifndef ZONE_NOTICE_H
#define ZONE_NOTICE_H

#include "zone/registry/registry.h"
#include "zone/verdicts/lifecycle.h"

enum {
    NOTICE_OUT_S = 2 * 3600,
    NOTICE_BACK_S = 3600,
    NOTICE_AGAIN_S = 86400,      /* from one notice of being out or back to the next one */
    NOTICE_GAP_S = 3600,         /* from one mail to the next one to the same contact */
    NOTICE_EXPIRY_S = 7 * 86400, /* before a registration expires; half its time if shorter */
    NOTICE_LEAVE_S = 86400,      /* least time before a member leaves */
    NOTICE_REMOVED_S = REGISTRY_TOMBSTONE_S, /* beyond it, nobody is told of a removal any more */
    NOTICE_ENCODED_MAX = 80
};

enum notice {
    NOTICE_OUT,
    NOTICE_STILL_OUT, /* after 7 and 30 days */
    NOTICE_BACK,
    NOTICE_CERTIFICATE_SOON,
    NOTICE_CERTIFICATE_ENDED,
    NOTICE_EXPIRES, /* the registration, since there never was a certificate */
    NOTICE_LEAVES,  /* as planned */
    NOTICE_REMOVED
};
enum {
    NOTICES = NOTICE_REMOVED + 1
};

/* What is true of a member, or of a removed one. Times are Unix seconds; 0: there is none. */
struct notice_facts {
    bool out, in;   /* by the verdict, with nothing against it; neither if that is not sure */
    uint64_t since; /* it is out or in */
    /* The first of its certificates to end, of those that it serves now. */
    uint64_t certificate_soon, certificate_ended;
    uint64_t expires_at, told_of_expiry_from;
    uint64_t leaves_at, told_of_leave_from;
    uint64_t removed_at;
};

/* What the contact was told of the member. */
struct notice_memory {
    uint64_t member_id;
    uint64_t contact;   /* hash of the address: who was told */
    uint64_t told_at;   /* the last mail that spoke of it; 0: never */
    bool out;           /* it is out, as far as the contact knows */
    uint64_t outage_at; /* the last notice of being out or back */
    /* The last end of each kind that it was told of. */
    uint64_t certificate_soon, certificate_ended, expires_at, leaves_at, removed_at;
};

/* True if verdicts are fresh and carried out. */
bool notice_trusts(const struct vantages *vantages);
/* `trusted`: notice_trusts, and somebody is eligible. */
void notice_facts_of(struct notice_facts *out, const struct member *member,
                     const struct consensus *consensus, bool trusted,
                     const struct settings *settings, uint64_t now);
/* Bits by enum notice. */
unsigned notice_due(const struct notice_facts *facts, const struct notice_memory *memory,
                    uint64_t now);
/* Notes that the contact was told what is due. */
void notice_told(struct notice_memory *memory, const struct notice_facts *facts, unsigned due,
                 uint64_t now);
/* True if the contact may be sent a mail again. */
bool notice_gap_is_over(uint64_t told_at, uint64_t now);

/* "out", "still-out", "back" ... */
const char *notice_id(enum notice notice);

/* Gives an empty memory if the contact was told nothing: another contact of the member was, or
 * nobody. */
enum result notice_get(struct store_txn *health, uint64_t member_id, const char *contact,
                       struct notice_memory *out);
enum result notice_put(struct store_txn *health, const struct notice_memory *memory,
                       struct diag *diag);
/* Deletes the rows of members that `is_known` does not know. */
typedef bool notice_is_known(uint64_t member_id, const void *arg);
enum result notice_purge(struct store_txn *health, notice_is_known *is_known, const void *arg,
                         struct diag *diag);
/* True if notice_purge would delete any. */
enum result notice_is_stale(struct store_txn *health, notice_is_known *is_known, const void *arg,
                            bool *stale);

void notice_encode(struct writer *w, const struct notice_memory *memory);
enum result notice_decode(struct notice_memory *out, const uint8_t *data, size_t len);

#endif
