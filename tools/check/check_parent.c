/* The group "parent": the delegation, as every server of the parent zone has it. */
#include "tools/check/check_parent.h"

#include <stdio.h>
#include <stdlib.h>

#include "dnssec/keys/ds.h"
#include "dnssec/signing/rrsig_verify.h"
#include "tools/output.h"
#include "zone/names/rdata.h"

enum {
    SHOWN_ROOM = 160,
    DAY_S = 86400,
    DS_FIXED = 4 /* octets before the digest */
};

/* What the first name server that answers says of the pool. */
struct apex {
    struct dns_rrset ns, dnskey, cds;
    struct dns_rrset seen;  /* of the server of the parent that is being judged */
    struct dnsmessage keys; /* the answer with the DNSKEY records */
    bool has_ns, has_dnskey, has_cds;
    /* A and AAAA of its name servers inside the pool. */
    unsigned address_count;
    struct dns_exchange addresses[2 * CHECK_ADDRESSES_MAX];
};

static bool take(struct check *check, struct dns_exchange *exchange, struct dns_rrset *out)
{
    const struct dnsmessage *message = check_read(check, exchange, NULL);
    return message != NULL && (message->flags & DNSMESSAGE_AA) != 0 &&
           dnsmessage_rrset(message, DNS_ANSWER, &check->pool, exchange->query.type, out);
}

/* The addresses of the name servers inside the pool, from a server that has the zone. */
static void ask_addresses(struct check *check, const struct check_server *server, struct apex *out)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(&out->ns.set, &at, &rdata, &len);) {
        struct reader r = reader_of(rdata, len);
        struct dname host;
        dname_read(&r, &host);
        if (dname_under(&host, &check->pool) && out->address_count < 2 * CHECK_ADDRESSES_MAX) {
            out->addresses[out->address_count++] = check_question(server, &host, RR_A);
            out->addresses[out->address_count++] = check_question(server, &host, RR_AAAA);
        }
    }
    check_ask(check, out->addresses, out->address_count);
}

/* NS, DNSKEY, CDS and addresses from the first server that has the zone. */
static void ask_apex(struct check *check, struct apex *out)
{
    static const uint16_t types[] = { RR_NS, RR_DNSKEY, RR_CDS };
    for (unsigned i = 0; i < check->server_count && !out->has_ns; i++) {
        struct dns_exchange list[3];
        for (unsigned k = 0; k < 3; k++) {
            list[k] = check_question(&check->servers[i], &check->pool, types[k]);
        }
        check_ask(check, list, 3);
        out->has_ns = take(check, &list[0], &out->ns);
        out->has_dnskey = take(check, &list[1], &out->dnskey) &&
                          check_read_into(&out->keys, &list[1], NULL) == RESULT_OK;
        out->has_cds = take(check, &list[2], &out->cds);
        dnsclient_free(list, 3);
        if (out->has_ns) {
            ask_addresses(check, &check->servers[i], out);
        }
    }
}

/* "ns1.pool.example. ns2.pool.example.": the names of an NS set. */
static char *names_text(const struct rrset *set, char out[SHOWN_ROOM])
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    out[0] = '\0';
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        char name[DNAME_TEXT_MAX];
        struct reader r = reader_of(rdata, len);
        struct dname host;
        dname_read(&r, &host);
        size_t used = strlen(out);
        (void)snprintf(out + used, SHOWN_ROOM - used, "%s%s", used > 0 ? " " : "",
                       dname_text(&host, name));
    }
    return out;
}

static bool same(const struct rrset *a, const struct rrset *b)
{
    return a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

/* A server of the parent under judgement. */
struct view {
    struct check *check;
    struct apex *apex;
    char subject[CHECK_SUBJECT_ROOM];
    bool referred; /* it knew the delegation */
    bool glued;    /* its addresses of the name servers could be judged */
    unsigned ds;   /* DS records */
};

static bool names_host(const struct rrset *ns, const struct dname *host)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(ns, &at, &rdata, &len);) {
        struct reader r = reader_of(rdata, len);
        struct dname own;
        dname_read(&r, &own);
        if (dname_equal(&own, host)) {
            return true;
        }
    }
    return false;
}

/* The addresses in the message and those that the pool itself has. Hosts that only one of both
 * names are the matter of the check ns-set. */
static void judge_glue(const struct view *view, const struct dnsmessage *message)
{
    struct check *check = view->check;
    struct dns_rrset *own = xmalloc(sizeof(*own)), *glue = xmalloc(sizeof(*glue));
    for (unsigned i = 0; i < view->apex->address_count; i++) {
        const struct dns_exchange *exchange = &view->apex->addresses[i];
        const struct dname *host = &exchange->query.name;
        uint16_t type = exchange->query.type;
        const char *what = type == RR_A ? "IPv4" : "IPv6";
        char name[DNAME_TEXT_MAX];
        (void)dname_text(host, name);
        /* Its room is another than that of `message`. */
        const struct dnsmessage *answer = check_read(check, exchange, NULL);
        if (answer == NULL || (answer->flags & DNSMESSAGE_AA) == 0 ||
            !names_host(&view->apex->seen.set, host)) {
            continue;
        }
        bool has_own = dnsmessage_rrset(answer, DNS_ANSWER, host, type, own);
        bool has_glue = dnsmessage_rrset(message, DNS_ADDITIONAL, host, type, glue);
        if (has_own && !has_glue) {
            check_fail(check, CHECK_GLUE, view->subject, "no %s address of %.120s", what, name);
        } else if (has_glue && (!has_own || !same(&own->set, &glue->set))) {
            check_fail(check, CHECK_GLUE, view->subject,
                       "other %s addresses of %.110s than the pool", what, name);
        }
    }
    free(own);
    free(glue);
}

/* The NS records, as a referral or with authority (a server that has both zones). */
static void judge_ns(struct view *view, const struct dns_exchange *exchange)
{
    struct check *check = view->check;
    struct apex *apex = view->apex;
    struct diag why = { "" };
    char text[SHOWN_ROOM], rcode[16];
    struct dnsmessage *message = xmalloc(sizeof(*message));
    if (check_read_into(message, exchange, &why) != RESULT_OK) {
        /* Others of the parent may be well: clients ask them. */
        check_report(check, CHECK_NS_SET, CHECK_WARNING, view->subject, "%s", why.text);
        free(message);
        return;
    }
    bool child = (message->flags & DNSMESSAGE_AA) != 0;
    view->referred = dnsmessage_rrset(message, child ? DNS_ANSWER : DNS_AUTHORITY, &check->pool,
                                      RR_NS, &apex->seen);
    if (!view->referred) {
        check_fail(check, CHECK_NS_SET, view->subject, "%s, no NS records of the pool",
                   dns_rcode_text(message->rcode, rcode));
    } else {
        if (apex->has_ns && !same(&apex->seen.set, &apex->ns.set)) {
            check_fail(check, CHECK_NS_SET, view->subject, "has %s",
                       names_text(&apex->seen.set, text));
        }
        if (!child && apex->has_ns) {
            view->glued = true;
            judge_glue(view, message);
        }
    }
    free(message);
}

/* The DNSKEY record of a DS record, as a key_record for ds_match. False: it is no key that ntspool
 * knows. */
static bool key_of(struct key_record *out, const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    uint16_t flags = read_u16(&r);
    (void)read_u8(&r);
    *out = (struct key_record){ .algorithm = read_u8(&r), .role = KEY_KSK };
    size_t left = reader_left(&r);
    if (left != key_public_len(out->algorithm) || left == 0 || flags != 257) {
        return false;
    }
    out->public_len = (uint8_t)left;
    read_into(&r, out->public_key, left);
    return true;
}

/* True if the key signs the DNSKEY set. */
static bool signs(const struct check *check, const struct apex *apex, const uint8_t *rdata,
                  uint16_t len)
{
    uint8_t packed[2 + KEY_DNSKEY_MAX];
    if (len > KEY_DNSKEY_MAX) {
        return false;
    }
    wire_put_u16(packed, len);
    memcpy(packed + 2, rdata, len);
    const struct rrset alone = {
        .type = RR_DNSKEY, .count = 1, .rdata = packed, .rdata_len = 2u + len
    };
    for (unsigned i = 0; i < apex->keys.count; i++) {
        const struct dns_record *record = &apex->keys.records[i];
        if (record->type == RR_RRSIG && record->section == DNS_ANSWER &&
            rrsig_verify(&check->pool, &apex->dnskey.set, record->rdata, record->len, &check->pool,
                         &alone) == RRSIG_GOOD) {
            return true;
        }
    }
    return false;
}

static void judge_one_ds(const struct view *view, const uint8_t *ds, uint16_t ds_len)
{
    struct check *check = view->check;
    struct reader r = reader_of(ds, ds_len);
    unsigned tag = read_u16(&r);
    enum ds_match match = DS_OTHER;
    bool signing = false;
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(&view->apex->dnskey.set, &at, &rdata, &len);) {
        struct key_record key;
        enum ds_match its =
            key_of(&key, rdata, len) ? ds_match(&key, &check->pool, ds, ds_len) : DS_OTHER;
        if (its != DS_OTHER) {
            match = its;
            signing = signs(check, view->apex, rdata, len);
        }
    }
    if (match == DS_OTHER) {
        check_fail(check, CHECK_DS_MATCH, view->subject,
                   "the DS record %u is of no key of the pool", tag);
    } else if (!signing) {
        check_fail(check, CHECK_DS_MATCH, view->subject,
                   "the key of the DS record %u does not sign the DNSKEY records", tag);
    } else if (match == DS_WEAK) {
        check_report(check, CHECK_DS_MATCH, CHECK_WARNING, view->subject,
                     "the DS record %u is made with SHA-1", tag);
    } else if (match == DS_UNKNOWN) {
        check_report(check, CHECK_DS_MATCH, CHECK_INFO, view->subject,
                     "the DS record %u has an unknown digest type", tag);
    }
}

/* RFC 8078 4: one CDS record of algorithm 0 asks for the removal of the DS records. */
static bool asks_for_removal(const struct apex *apex)
{
    return apex->has_cds && apex->cds.set.count == 1 && apex->cds.set.rdata_len > DS_FIXED &&
           apex->cds.set.rdata[DS_FIXED] == 0;
}

static void judge_missing_ds(const struct view *view)
{
    if (asks_for_removal(view->apex)) {
        check_report(view->check, CHECK_DS_MATCH, CHECK_INFO, view->subject,
                     "no DS record, as the pool asks for");
    } else {
        check_report(view->check, CHECK_DS_MATCH, CHECK_WARNING, view->subject,
                     "no DS record: the answers are not secure");
    }
}

static void judge_ds(struct view *view, const struct dns_exchange *exchange)
{
    struct check *check = view->check;
    struct apex *apex = view->apex;
    const struct dnsmessage *message = check_read(check, exchange, NULL);
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    if (message == NULL || !apex->has_dnskey) {
        return; /* the other checks say why */
    }
    if (!dnsmessage_rrset(message, DNS_ANSWER, &check->pool, RR_DS, &apex->seen)) {
        judge_missing_ds(view);
        return;
    }
    const struct rrset *set = &apex->seen.set;
    view->ds = set->count;
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        judge_one_ds(view, rdata, len);
    }
    if (apex->has_cds && !same(set, &apex->cds.set)) {
        uint64_t patience_s = check->settings.parent_delay_s + (uint64_t)DAY_S;
        bool late = check->ds_asked_at != 0 && check->now > check->ds_asked_at + patience_s;
        char since[64] = "";
        if (check->ds_asked_at != 0 && check->now > check->ds_asked_at) {
            (void)snprintf(since, sizeof(since), ", for %u h",
                           (unsigned)((check->now - check->ds_asked_at) / 3600));
        }
        check_report(check, CHECK_DS_STATE, late ? CHECK_WARNING : CHECK_INFO, view->subject,
                     "other DS records than CDS asks for: a rollover waits for the parent%s",
                     since);
    }
    if (!check->has_state) {
        check_report(check, CHECK_DS_TTL, CHECK_INFO, view->subject, "%u s", set->ttl);
    } else if (set->ttl > check->settings.parent_ds_ttl_s) {
        check_fail(check, CHECK_DS_TTL, view->subject, "%u s, and parent-ds-ttl is %u s", set->ttl,
                   check->settings.parent_ds_ttl_s);
    }
}

/* A delegated name server, by its first address and those that follow. An address to which this
 * machine has no route may answer others. */
static void judge_name_server(struct check *check, const struct dns_exchange *list, unsigned first)
{
    const struct check_server *servers = check->servers;
    const struct address *away = NULL;
    bool good = false, bad = false;
    char name[DNAME_TEXT_MAX];
    for (unsigned i = first; i < check->server_count; i++) {
        if (!dname_equal(&servers[i].name, &servers[first].name)) {
            continue;
        }
        const struct dnsmessage *message = check_read(check, &list[i], NULL);
        bool answers = message != NULL && message->rcode == DNS_NOERROR &&
                       (message->flags & DNSMESSAGE_AA) != 0;
        away = list[i].no_route ? &servers[i].endpoint.address : away;
        good = good || answers;
        bad = bad || (!answers && !list[i].no_route);
    }
    (void)dname_text(&servers[first].name, name);
    if (!good && away == NULL) {
        check_fail(check, CHECK_LAME, NULL, "%.120s does not answer for the pool", name);
    } else if (!good && bad) {
        check_report(check, CHECK_LAME, CHECK_WARNING, NULL,
                     "%.120s does not answer for the pool at the addresses that can be asked (%s)",
                     name, check_no_route(away));
    } else if (!good) {
        check_report(check, CHECK_LAME, CHECK_INFO, NULL, "%.120s is not judged: %s", name,
                     check_no_route(away));
    }
}

/* Each delegated name needs an address that answers. */
static void judge_lame(struct check *check)
{
    struct dns_exchange list[CHECK_SERVERS_MAX];
    for (unsigned i = 0; i < check->server_count; i++) {
        list[i] = check_question(&check->servers[i], &check->pool, RR_SOA);
    }
    check_ask(check, list, check->server_count);
    for (unsigned i = 0; i < check->server_count; i++) {
        bool first = check->servers[i].delegated;
        for (unsigned k = 0; k < i && first; k++) {
            first = !dname_equal(&check->servers[k].name, &check->servers[i].name);
        }
        if (first) {
            judge_name_server(check, list, i);
        }
    }
    dnsclient_free(list, check->server_count);
    check_done(check, CHECK_LAME, "all delegated name servers answer for the pool");
}

/* How many servers of the parent had what could be judged. */
struct judged {
    unsigned referring, glued, with_ds;
};

static void done(struct check *check, const struct apex *apex, const struct judged *judged)
{
    check_done(check, CHECK_DELEGATION, "%u servers of the parent", check->parents.count);
    if (judged->referring > 0 && apex->has_ns) {
        check_done(check, CHECK_NS_SET, "the same at %u servers of the parent", judged->referring);
    } else if (judged->referring > 0) {
        check_report(check, CHECK_NS_SET, CHECK_INFO, NULL,
                     "not compared: no name server of the pool says its own");
    }
    if (judged->glued > 0) {
        check_done(check, CHECK_GLUE, "as the pool has them, at %u servers of the parent",
                   judged->glued);
    }
    if (judged->with_ds > 0) {
        check_done(check, CHECK_DS_MATCH, "all of signing keys, at %u servers", judged->with_ds);
        check_done(check, CHECK_DS_STATE, "as CDS asks for, or CDS asks for nothing");
        if (check->has_state) {
            check_done(check, CHECK_DS_TTL, "not over parent-ds-ttl");
        }
    }
}

void check_parent(struct check *check)
{
    struct dns_exchange list[2 * CHECK_ADDRESSES_MAX] = { 0 };
    struct judged judged = { 0 };
    if (check->server_count == 0 || check->parents.count == 0) {
        return; /* check_delegation has said why */
    }
    struct apex *apex = xcalloc(1, sizeof(*apex));
    ask_apex(check, apex);
    for (unsigned i = 0; i < 2 * check->parents.count; i++) {
        list[i].server = check->parents.list[i / 2];
        list[i].query = (struct dns_query){ .name = check->pool,
                                            .type = i % 2 == 0 ? RR_NS : RR_DS,
                                            .dnssec = i % 2 == 1 };
    }
    check_ask(check, list, (size_t)2 * check->parents.count);
    for (unsigned i = 0; i < check->parents.count; i++) {
        struct view view = { .check = check, .apex = apex };
        char address[ADDRESS_TEXT_MAX];
        (void)snprintf(view.subject, sizeof(view.subject), "parent %s",
                       address_text(&check->parents.list[i].address, address));
        if (list[2 * (size_t)i].no_route) {
            check_report(check, CHECK_NS_SET, CHECK_INFO, view.subject, "not judged: %s",
                         check_no_route(&check->parents.list[i].address));
            continue;
        }
        judge_ns(&view, &list[2 * (size_t)i]);
        judge_ds(&view, &list[2 * (size_t)i + 1]);
        judged.referring += view.referred ? 1 : 0;
        judged.glued += view.glued ? 1 : 0;
        judged.with_ds += view.ds > 0 ? 1 : 0;
    }
    dnsclient_free(list, (size_t)2 * check->parents.count);
    dnsclient_free(apex->addresses, apex->address_count);
    done(check, apex, &judged);
    free(apex);
    check_dsync(check);
    judge_lame(check);
}
