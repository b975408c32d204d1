/* The zone's settings, which `ntspool zone set NAME VALUE` changes. The registry keeps them as
 * text; programs read them into one struct.
 *
 * One table in settings.c has the name, default, bounds and meaning of each setting. `ntspool zone
 * show` and `--help` use it, too. */
#ifndef ZONE_SETTINGS_H
#define ZONE_SETTINGS_H

#include "zone/base/address.h"
#include "zone/names/dname.h"
#include "zone/registry/duration.h"

enum {
    SETTINGS_CA_MAX = 4,
    SETTINGS_CA_ROOM = 128,
    SETTING_NAME_ROOM = 64,
    SETTING_VALUE_MAX = 512
};

enum denial {
    DENIAL_NSEC = 1,
    DENIAL_COMPACT = 2
};

/* What is published of a member beyond what the DNS and its state tell. */
enum publish {
    PUBLISH_OPERATOR = 1,
    PUBLISH_CAPACITY = 2
};

struct settings {
    struct dname apex;    /* not a setting: fixed by `init` */
    struct dname mailbox; /* SOA RNAME */
    struct dname primary; /* SOA MNAME: the first name server */
    uint32_t serial;      /* not a setting: every change of the registry raises it */
    uint32_t ttl_s;       /* NS, DNSKEY, static RRsets without a TTL; upper limit for the SOA */
    uint32_t srv_ttl_s;
    uint32_t address_ttl_s;  /* A, AAAA, CAA of members and name servers */
    uint32_t negative_ttl_s; /* SOA MINIMUM, NSEC; upper limit for the SOA */
    uint32_t refresh_s, retry_s, expire_s;
    uint32_t srv_count; /* members in one SRV answer, 1 to 8 */
    uint32_t rrl_rate;  /* answers of one kind per second and client network, 0: no limit */
    /* one of so many answers over the rate is sent with TC; 0: none */
    uint32_t rrl_slip;
    struct dname report_agent; /* RFC 9567; len 0: none */
    /* upper limit of a member's answers, in thousandths of its share of all capacity */
    uint32_t max_overload_milli;
    uint32_t scale_km; /* distance over which a member's weight falls to 1/e */
    bool srv_weights;  /* `srv-weights`: capacity (true) or equal (false) */
    enum denial denial;
    /* signatures per second and worker for what any client can make up: missing names with
     * `compact`, and NODE_WHOAMI; 0: no limit */
    uint32_t denial_budget;
    uint32_t signature_validity_s;
    uint32_t zsk_lifetime_s, ksk_lifetime_s; /* 0: never replaced automatically */
    uint32_t propagation_s;                  /* until all servers of the zone serve a change */
    uint32_t parent_delay_s, parent_ds_ttl_s;
    struct endpoint ds_resolver; /* resolver to ask for the parent's DS; port 0: none */
    uint32_t min_history_s;      /* probe history before the first entry */
    int32_t entry_score_milli;   /* first entry */
    int32_t reentry_score_milli; /* entry of a member that was out */
    int32_t exit_score_milli;
    /* share of a probe's eligible members that fail at once and stop removals; 100: never */
    uint32_t breaker_percent;
    /* how long verdicts of a silent vantage point count (zone/verdicts/vantage.h) */
    uint32_t verdict_fresh_s;
    uint32_t certificate_warning_s; /* time before a certificate's end when `status` warns */
    uint32_t quarantine_s;          /* of a removed label when no certificate was seen */
    /* how long a member may be registered without a certificate; 0: for ever */
    uint32_t registration_expiry_s;
    uint32_t operator_pending; /* members of an operator that were never certified; 0: no limit */
    uint32_t leave_lead_s;     /* time before member.leave_at when it is no longer handed out */
    bool target_consent;       /* a member with a target needs the consent of that name's zone */
    uint32_t publish;          /* of enum publish */
    bool whoami;               /* the name NODE_WHOAMI_LABEL is there */
    uint32_t ca_count;         /* CAA: who may issue for members; RFC 8659 4.2 issuer-domain-name */
    char ca[SETTINGS_CA_MAX][SETTINGS_CA_ROOM];
};

struct setting_info {
    const char *name;
    const char *preset;   /* the value a new zone gets */
    const char *help;     /* one line */
    const char *words[2]; /* of a choice, all that it takes; else NULL */
};

/* All `count` settings in order of name. */
const struct setting_info *settings_list(size_t *count);
/* Sets what a zone has for which no setting was ever written: the defaults, but such settings as
 * would take members out are off, since an upgrade must not do that. */
void settings_before(struct settings *out);
/* Sets all defaults. Apex, mailbox, primary and serial stay empty. */
void settings_defaults(struct settings *out);
/* Checks a text and sets the setting. NOT_FOUND for an unknown name, INVALID with a diag that lists
 * the accepted values. */
enum result settings_set(struct settings *settings, const char *name, const char *value,
                         struct diag *diag);
/* The value of a number, or of a duration in seconds. INVALID for other settings. */
enum result settings_number(const struct settings *settings, const char *name, double *out);
/* Checks the setting against the others. REFUSED with a diag that names those that don't fit. */
enum result settings_check(const struct settings *settings, const char *name, struct diag *diag);
/* The text of a setting as settings_set takes it; `out` has SETTING_VALUE_MAX octets. */
enum result settings_text(const struct settings *settings, const char *name, char *out);

#endif
