/* A member of the pool as its operator registered it. What probes found is in
 * zone/verdicts/health.h. */
#ifndef ZONE_MEMBER_H
#define ZONE_MEMBER_H

#include "zone/base/address.h"
#include "zone/names/dname.h"
#include "zone/places/position.h"
#include "zone/registry/contact.h"
#include "zone/registry/label.h"

enum {
    MEMBER_ADDRESSES_MAX = 8,
    MEMBER_OPERATOR_ROOM = 64,
    MEMBER_ACCOUNTURI_ROOM = 256,
    MEMBER_PORT = 4460,           /* NTS-KE, RFC 8915 6 */
    MEMBER_CAPACITY_PRESET = 100, /* Mbit/s */
    MEMBER_CAPACITY_MAX = 1000000,
    MEMBER_ENCODED_MAX = 1280
};

enum override {
    OVERRIDE_AUTO = 0,
    OVERRIDE_ELIGIBLE = 1,
    OVERRIDE_INELIGIBLE = 2
};

struct member {
    /* never reused, so that no verdict of a removed member counts for another one */
    uint64_t id;
    char label[LABEL_ROOM];
    char country[3]; /* ISO 3166 alpha-2 in upper case, or empty */
    /* printable UTF-8 without control characters, or empty */
    char operator_name[MEMBER_OPERATOR_ROOM];
    char accounturi[MEMBER_ACCOUNTURI_ROOM]; /* ACME account for CAA (RFC 8657 3), or empty */
    char contact[CONTACT_ROOM];              /* its operator's mail address, or empty: not public */
    uint32_t capacity_mbit;                  /* 0: monitored, never handed out */
    uint16_t port;
    uint8_t address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX]; /* none if it has a target */
    struct dname target;                            /* its own name; length 0: none */
    bool placed;                                    /* the operator gave a position */
    struct position position;
    enum override override;
    bool suspended;
    bool unlisted;     /* what is published about it has its state and the reason only */
    uint64_t leave_at; /* Unix seconds: when it leaves the pool; 0: not planned */
    uint64_t added_at, changed_at; /* Unix seconds */
};

/* Sets the defaults of a new member. */
void member_defaults(struct member *out);
/* Checks the member by itself: fields in range, addresses or a target but not both, no address
 * twice, no special address unless `allow_private`, target not under the apex. INVALID. */
enum result member_check(const struct member *member, const struct dname *apex, bool allow_private,
                         struct diag *diag);

/* The target of its SRV records: its own name or <label>.<apex>. */
void member_target(struct dname *out, const struct member *member, const struct dname *apex);

/* The layout of its row. */
void member_encode(struct writer *w, const struct member *member);
enum result member_decode(struct member *out, const uint8_t *data, size_t len);

const char *override_text(enum override override);
enum result override_parse(enum override *out, const char *text);

#endif
