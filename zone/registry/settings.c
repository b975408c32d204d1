#include "zone/registry/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/base/suggest.h"
#include "zone/base/wire.h"

/* How the text of a setting is read and written. */
enum kind {
    KIND_DURATION,
    KIND_NUMBER,
    KIND_SCORE,
    KIND_MAILBOX,
    KIND_AGENT,
    KIND_RESOLVER,
    KIND_CAS,
    KIND_FACTOR,
    KIND_PUBLISH,
    KIND_DENIAL,
    KIND_WEIGHTS,
    KIND_SWITCH
};

/* The words of a choice: for false and true, or for enum denial. */
static const char *const choices[KIND_SWITCH + 1][2] = { [KIND_DENIAL] = { "nsec", "compact" },
                                                         [KIND_WEIGHTS] = { "equal", "capacity" },
                                                         [KIND_SWITCH] = { "off", "on" } };

struct row {
    struct setting_info info;
    enum kind kind;
    size_t offset;     /* in struct settings */
    uint32_t min, max; /* seconds, a number, or thousandths of a factor */
};

#define SETTING(name, preset, kind, field, min, max, help)                                         \
    {                                                                                              \
        { name, preset, help, { NULL } }, KIND_##kind, offsetof(struct settings, field), min, max  \
    }

#define HOUR 3600u
#define DAY  (24u * HOUR)

/* In order of name. */
static const struct row rows[] = {
    SETTING("address-ttl", "5m", DURATION, address_ttl_s, 1, DAY,
            "TTL of A, AAAA and CAA of members and name servers"),
    SETTING("breaker-percent", "20", NUMBER, breaker_percent, 1, 100,
            "share of members down at once from which none is taken out; 100: never"),
    SETTING("ca", "letsencrypt.org", CAS, ca, 0, 0,
            "CAs that may issue for members' names (CAA), comma between"),
    SETTING("certificate-warning", "14d", DURATION, certificate_warning_s, 0, 365 * DAY,
            "how long before a certificate's end status warns"),
    SETTING("denial", "nsec", DENIAL, denial, 0, 0,
            "denial of existence: nsec (the zone's chain) or compact"),
    SETTING("denial-budget", "2000", NUMBER, denial_budget, 0, 1000000,
            "signatures a second and worker for made-up names and _whoami; 0: no limit"),
    SETTING("ds-resolver", "none", RESOLVER, ds_resolver, 0, 0,
            "trusted validating resolver (ADDRESS[@PORT]) to ask for the parent's DS, or none"),
    SETTING("entry-score", "10", SCORE, entry_score_milli, 0, 0,
            "score at which a new member is handed out"),
    SETTING("exit-score", "8", SCORE, exit_score_milli, 0, 0,
            "score below which a member is no longer handed out"),
    SETTING("expire", "2w", DURATION, expire_s, HOUR, 365 * DAY, "SOA EXPIRE"),
    SETTING("ksk-lifetime", "0s", DURATION, ksk_lifetime_s, 0, 7300 * DAY,
            "age at which a KSK or CSK is replaced; 0: never by itself"),
    SETTING("leave-lead", "14d", DURATION, leave_lead_s, 0, 365 * DAY,
            "how long before it leaves a member is no longer handed out"),
    SETTING("mailbox", "", MAILBOX, mailbox, 0, 0, "SOA RNAME: who to write to"),
    SETTING("max-overload", "2", FACTOR, max_overload_milli, 1050, 100000,
            "most answers for a member, as a multiple of its part of all capacity"),
    SETTING("min-history", "2h", DURATION, min_history_s, 0, 365 * DAY,
            "how long a new member is probed before it is handed out"),
    SETTING("negative-ttl", "5m", DURATION, negative_ttl_s, 1, DAY,
            "SOA MINIMUM, TTL of NSEC and at most of the SOA (RFC 2308, RFC 9077)"),
    SETTING("operator-pending", "5", NUMBER, operator_pending, 0, 1000000,
            "members of one operator that may wait for a first certificate; 0: no limit"),
    SETTING("parent-delay", "1h", DURATION, parent_delay_s, 60, 30 * DAY,
            "until all servers of the parent zone serve a new DS"),
    SETTING("parent-ds-ttl", "1d", DURATION, parent_ds_ttl_s, 60, 30 * DAY,
            "TTL of the DS in the parent zone"),
    SETTING("propagation-delay", "1h", DURATION, propagation_s, 60, 30 * DAY,
            "until all servers of the zone serve a change of keys"),
    SETTING("publish", "none", PUBLISH, publish, 0, 0,
            "what else is published of members: operator, capacity, both with a comma, or none"),
    SETTING("quarantine", "100d", DURATION, quarantine_s, 0, 3650 * DAY,
            "how long a removed name is barred when no certificate was seen"),
    SETTING("reentry-score", "12", SCORE, reentry_score_milli, 0, 0,
            "score at which a member that fell out is handed out again"),
    SETTING("refresh", "1h", DURATION, refresh_s, 60, 30 * DAY, "SOA REFRESH"),
    SETTING("registration-expiry", "30d", DURATION, registration_expiry_s, 0, 3650 * DAY,
            "how long a member may be without a first certificate; 0: for ever"),
    SETTING("report-agent", "none", AGENT, report_agent, 0, 0,
            "agent domain for DNS error reports (RFC 9567), or none"),
    SETTING("retry", "15m", DURATION, retry_s, 60, 30 * DAY, "SOA RETRY"),
    SETTING("rrl-rate", "500", NUMBER, rrl_rate, 0, 100000,
            "answers a second to one client network (/24, /56), UDP and TCP; 0: no limit"),
    SETTING("rrl-slip", "2", NUMBER, rrl_slip, 0, 100,
            "of the answers over rrl-rate, every how many-th says to use TCP"),
    SETTING("scale-km", "1000", NUMBER, scale_km, 100, 20000,
            "distance over which a member's share falls to 1/e"),
    SETTING("signature-validity", "7d", DURATION, signature_validity_s, 2 * DAY, 30 * DAY,
            "how long signatures are valid"),
    SETTING("srv-count", "4", NUMBER, srv_count, 1, 8, "members in one SRV answer, 1 to 8"),
    SETTING("srv-ttl", "150s", DURATION, srv_ttl_s, 1, DAY, "TTL of SRV"),
    SETTING("srv-weights", "equal", WEIGHTS, srv_weights, 0, 0, "SRV weights: equal or capacity"),
    SETTING("target-consent", "on", SWITCH, target_consent, 0, 0,
            "whether a member's own name must consent to the pool in the DNS: on or off"),
    SETTING("ttl", "1h", DURATION, ttl_s, 1, DAY,
            "TTL of NS, DNSKEY and static records without their own, at most of the SOA"),
    SETTING("verdict-fresh", "10m", DURATION, verdict_fresh_s, 5, DAY,
            "how long the word of a vantage point that falls silent counts"),
    SETTING("whoami", "off", SWITCH, whoami, 0, 0,
            "the name _whoami, whose TXT tells a client how it is mapped: on or off"),
    SETTING("zsk-lifetime", "90d", DURATION, zsk_lifetime_s, 0, 7300 * DAY,
            "age at which a ZSK is replaced; 0: never by itself"),
};
enum {
    ROWS = sizeof(rows) / sizeof(rows[0])
};

const struct setting_info *settings_list(size_t *count)
{
    static struct setting_info list[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        list[i] = rows[i].info;
        memcpy(list[i].words, choices[rows[i].kind], sizeof(list[i].words));
    }
    *count = ROWS;
    return list;
}

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].info.name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum result set_uint(struct settings *settings, const struct row *row, const char *value,
                            struct diag *diag)
{
    uint32_t number = 0;
    bool plain = row->kind == KIND_NUMBER;
    bool ok = duration_parse(&number, value) == RESULT_OK &&
              (!plain || strspn(value, "0123456789") == strlen(value));
    bool inside = ok && number >= row->min && number <= row->max;
    if (!inside && plain) {
        return diag_fail(diag, RESULT_INVALID, "%s takes a number from %u to %u, not \"%.80s\"",
                         row->info.name, row->min, row->max, value);
    }
    if (!inside) {
        char low[16], high[16];
        return diag_fail(diag, RESULT_INVALID,
                         "%s takes a duration (90s, 5m, 2h, 7d) from %s to %s, not \"%.80s\"",
                         row->info.name, duration_text(row->min, low),
                         duration_text(row->max, high), value);
    }
    memcpy((char *)settings + row->offset, &number, sizeof(number));
    return RESULT_OK;
}

/* A score from -100 to 20 with at most three decimals. */
static enum result set_score(struct settings *settings, const struct row *row, const char *value,
                             struct diag *diag)
{
    char *end = NULL;
    double score = strtod(value, &end);
    bool shape = *value != '\0' && strspn(value, "-0123456789.") == strlen(value) && *end == '\0';
    if (!shape || !(score >= -100 && score <= 20)) {
        return diag_fail(diag, RESULT_INVALID, "%s takes a score from -100 to 20, not \"%.80s\"",
                         row->info.name, value);
    }
    int32_t milli = (int32_t)(score * 1000 + (score < 0 ? -0.5 : 0.5));
    memcpy((char *)settings + row->offset, &milli, sizeof(milli));
    return RESULT_OK;
}

/* A number with at most three decimals. */
static enum result set_factor(struct settings *settings, const struct row *row, const char *value,
                              struct diag *diag)
{
    char *end = NULL;
    double factor = strtod(value, &end);
    bool shape = *value != '\0' && strspn(value, "0123456789.") == strlen(value) && *end == '\0';
    if (!shape || !(factor >= row->min / 1000.0 && factor <= row->max / 1000.0)) {
        return diag_fail(diag, RESULT_INVALID, "%s takes a number from %g to %g, not \"%.80s\"",
                         row->info.name, row->min / 1000.0, row->max / 1000.0, value);
    }
    uint32_t milli = (uint32_t)(factor * 1000 + 0.5);
    memcpy((char *)settings + row->offset, &milli, sizeof(milli));
    return RESULT_OK;
}

/* A name as the SOA has it (hostmaster.example.org), or a mail address, whose local part becomes
 * the first label with its dots kept. */
static enum result set_mailbox(struct settings *settings, const char *value, struct diag *diag)
{
    struct dname domain, mailbox;
    const char *at = strchr(value, '@');
    enum result result = RESULT_INVALID;
    if (strpbrk(value, " \t") != NULL || (at != NULL && strchr(at + 1, '@') != NULL)) {
        result = RESULT_INVALID;
    } else if (at == NULL) {
        result = dname_parse(&mailbox, value, NULL);
    } else if (dname_parse(&domain, at + 1, NULL) == RESULT_OK) {
        result = dname_prepend(&mailbox, value, (size_t)(at - value), &domain);
    }
    if (result != RESULT_OK) {
        return diag_fail(
            diag, RESULT_INVALID,
            "mailbox takes a name (hostmaster.example.org) or a mail address, not \"%.80s\"",
            value);
    }
    dname_lower(&mailbox);
    settings->mailbox = mailbox;
    return RESULT_OK;
}

/* RFC 9567: the agent must not report on itself, so it is outside the zone; names of reports need
 * room in front of it. */
static enum result set_agent(struct settings *settings, const char *value, struct diag *diag)
{
    struct dname agent = { .len = 0 };
    bool none = strcmp(value, "none") == 0;
    if (!none && (dname_parse(&agent, value, NULL) != RESULT_OK || agent.len == 1 ||
                  agent.len > DNAME_MAX / 2)) {
        return diag_fail(diag, RESULT_INVALID,
                         "report-agent takes a domain name of at most %d octets, or none; not "
                         "\"%.80s\"",
                         DNAME_MAX / 2, value);
    }
    if (!none && settings->apex.len > 0 && dname_under(&agent, &settings->apex)) {
        return diag_fail(diag, RESULT_INVALID, "report-agent must be a name outside the pool");
    }
    dname_lower(&agent);
    settings->report_agent = agent;
    return RESULT_OK;
}

static enum result set_resolver(struct settings *settings, const char *value, struct diag *diag)
{
    struct endpoint resolver = { .port = 0 };
    if (strcmp(value, "none") != 0 &&
        (endpoint_parse(&resolver, value, 53) != RESULT_OK || resolver.port == 0)) {
        return diag_fail(diag, RESULT_INVALID,
                         "ds-resolver takes ADDRESS, ADDRESS@PORT or none, not \"%.80s\"", value);
    }
    settings->ds_resolver = resolver;
    return RESULT_OK;
}

/* Issuer domain names (RFC 8659 4.2), comma between; "none" for no CA at all. */
static enum result set_cas(struct settings *settings, const char *value, struct diag *diag)
{
    char ca[SETTINGS_CA_MAX][SETTINGS_CA_ROOM] = { { 0 } };
    uint32_t count = 0;
    const char *at = value;
    bool none = strcmp(value, "none") == 0;
    while (!none) {
        size_t len = strcspn(at, ",");
        bool name =
            strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") >= len;
        if (len == 0 || len >= SETTINGS_CA_ROOM || !name || count == SETTINGS_CA_MAX) {
            return diag_fail(
                diag, RESULT_INVALID,
                "ca takes 1 to %d CAs' domain names with commas between, or none; not \"%.80s\"",
                SETTINGS_CA_MAX, value);
        }
        memcpy(ca[count++], at, len);
        if (at[len] == '\0') {
            break;
        }
        at += len + 1;
    }
    settings->ca_count = count;
    memcpy(settings->ca, ca, sizeof(ca));
    return RESULT_OK;
}

static const char *const publish_words[] = { "operator", "capacity" }; /* by bit */

/* Words, comma between, in any order; "none" for none. */
static enum result set_publish(struct settings *settings, const char *value, struct diag *diag)
{
    uint32_t bits = 0;
    const char *at = value;
    bool none = strcmp(value, "none") == 0;
    while (!none) {
        size_t len = strcspn(at, ","), bit = 0;
        while (bit < 2 &&
               (strlen(publish_words[bit]) != len || memcmp(at, publish_words[bit], len) != 0)) {
            bit++;
        }
        if (bit == 2) {
            return diag_fail(diag, RESULT_INVALID,
                             "publish takes operator, capacity, both with a comma between, or "
                             "none; not \"%.80s\"",
                             value);
        }
        bits |= 1u << bit;
        if (at[len] == '\0') {
            break;
        }
        at += len + 1;
    }
    settings->publish = bits;
    return RESULT_OK;
}

static enum result set_choice(struct settings *settings, const struct row *row, const char *value,
                              struct diag *diag)
{
    const char *const *words = choices[row->kind];
    bool second = strcmp(value, words[1]) == 0;
    if (!second && strcmp(value, words[0]) != 0) {
        return diag_fail(diag, RESULT_INVALID, "%s takes %s or %s, not \"%.80s\"", row->info.name,
                         words[0], words[1], value);
    }
    if (row->kind == KIND_DENIAL) {
        settings->denial = second ? DENIAL_COMPACT : DENIAL_NSEC;
    } else {
        memcpy((char *)settings + row->offset, &second, sizeof(second));
    }
    return RESULT_OK;
}

/* Which word of the choice is set. */
static const char *choice_text(const struct settings *settings, const struct row *row)
{
    bool second = settings->denial == DENIAL_COMPACT;
    if (row->kind != KIND_DENIAL) {
        memcpy(&second, (const char *)settings + row->offset, sizeof(second));
    }
    return choices[row->kind][second];
}

static enum result refuse_unknown(const char *name, struct diag *diag)
{
    struct suggest near = suggest_begin(name);
    char hint[SUGGEST_ROOM];
    for (size_t i = 0; i < ROWS; i++) {
        suggest_candidate(&near, rows[i].info.name);
    }
    return diag_fail(diag, RESULT_NOT_FOUND,
                     "there is no setting \"%.80s\"%s: `ntspool zone show` lists them", name,
                     suggest_text(&near, hint));
}

enum result settings_set(struct settings *settings, const char *name, const char *value,
                         struct diag *diag)
{
    const struct row *row = find_row(name);
    if (row == NULL) {
        return refuse_unknown(name, diag);
    }
    switch (row->kind) {
    case KIND_DURATION:
    case KIND_NUMBER:
        return set_uint(settings, row, value, diag);
    case KIND_SCORE:
        return set_score(settings, row, value, diag);
    case KIND_FACTOR:
        return set_factor(settings, row, value, diag);
    case KIND_MAILBOX:
        return set_mailbox(settings, value, diag);
    case KIND_AGENT:
        return set_agent(settings, value, diag);
    case KIND_RESOLVER:
        return set_resolver(settings, value, diag);
    case KIND_CAS:
        return set_cas(settings, value, diag);
    case KIND_PUBLISH:
        return set_publish(settings, value, diag);
    case KIND_DENIAL:
    case KIND_WEIGHTS:
    case KIND_SWITCH:
        return set_choice(settings, row, value, diag);
    }
    return RESULT_INVALID;
}

void settings_defaults(struct settings *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].kind != KIND_MAILBOX) {
            ASSERT(settings_set(out, rows[i].info.name, rows[i].info.preset, NULL) == RESULT_OK);
        }
    }
}

void settings_before(struct settings *out)
{
    settings_defaults(out);
    out->registration_expiry_s = 0;
    out->target_consent = false;
}

static void cas_text(const struct settings *settings, char *out)
{
    size_t used = 0;
    for (uint32_t i = 0; i < settings->ca_count; i++) {
        used += (size_t)snprintf(out + used, SETTING_VALUE_MAX - used, "%s%s", i > 0 ? "," : "",
                                 settings->ca[i]);
    }
    if (settings->ca_count == 0) {
        (void)snprintf(out, SETTING_VALUE_MAX, "none");
    }
}

/* The value of a kind that is a number; false for all others. */
static bool number_of(const struct settings *settings, const struct row *row, double *out)
{
    uint32_t number = 0;
    memcpy(&number, (const char *)settings + row->offset, sizeof(number));
    bool milli = row->kind == KIND_SCORE || row->kind == KIND_FACTOR;
    *out = row->kind == KIND_SCORE ? (int32_t)number / 1000.0 : number / (milli ? 1000.0 : 1.0);
    return milli || row->kind == KIND_DURATION || row->kind == KIND_NUMBER;
}

enum result settings_number(const struct settings *settings, const char *name, double *out)
{
    const struct row *row = find_row(name);
    return row == NULL                     ? RESULT_NOT_FOUND
           : number_of(settings, row, out) ? RESULT_OK
                                           : RESULT_INVALID;
}

static enum result name_text(const struct dname *name, char *out)
{
    char text[DNAME_TEXT_MAX] = "none";
    if (name->len > 0 && strlen(dname_text(name, text)) >= SETTING_VALUE_MAX) {
        return RESULT_TOO_LONG;
    }
    (void)snprintf(out, SETTING_VALUE_MAX, "%.*s", SETTING_VALUE_MAX - 1, text);
    return RESULT_OK;
}

enum result settings_text(const struct settings *settings, const char *name, char *out)
{
    const struct row *row = find_row(name);
    double number = 0;
    char text[ADDRESS_TEXT_MAX];
    if (row == NULL) {
        return RESULT_NOT_FOUND;
    }
    (void)number_of(settings, row, &number);
    switch (row->kind) {
    case KIND_DURATION:
        (void)duration_text((uint32_t)number, out);
        break;
    case KIND_NUMBER:
    case KIND_SCORE:
    case KIND_FACTOR:
        (void)snprintf(out, SETTING_VALUE_MAX, "%.10g", number);
        break;
    case KIND_MAILBOX:
        return name_text(&settings->mailbox, out);
    case KIND_AGENT:
        return name_text(&settings->report_agent, out);
    case KIND_RESOLVER:
        (void)snprintf(out, SETTING_VALUE_MAX, "%s@%u",
                       address_text(&settings->ds_resolver.address, text),
                       settings->ds_resolver.port);
        if (settings->ds_resolver.port == 0) {
            (void)snprintf(out, SETTING_VALUE_MAX, "none");
        }
        break;
    case KIND_CAS:
        cas_text(settings, out);
        break;
    case KIND_PUBLISH:
        (void)snprintf(out, SETTING_VALUE_MAX, "%s%s%s",
                       (settings->publish & PUBLISH_OPERATOR) != 0 ? "operator" : "",
                       settings->publish == (PUBLISH_OPERATOR | PUBLISH_CAPACITY) ? "," : "",
                       (settings->publish & PUBLISH_CAPACITY) != 0 ? "capacity" : "");
        if (settings->publish == 0) {
            (void)snprintf(out, SETTING_VALUE_MAX, "none");
        }
        break;
    case KIND_DENIAL:
    case KIND_WEIGHTS:
    case KIND_SWITCH:
        (void)snprintf(out, SETTING_VALUE_MAX, "%s", choice_text(settings, row));
        break;
    }
    return RESULT_OK;
}
