/* The group "servers": every address of every name server. */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "tools/check/check_compare.h"
#include "tools/check/check_dnssec.h"

/* What each server is asked, after it has answered the first question. */
enum question {
    ASK_TCP,
    ASK_DNSKEY,
    ASK_NS,
    ASK_SRV, /* over TCP: so it is whole */
    ASK_VERSION,
    ASK_OPTION,
    ASK_SMALL,
    ASK_MISSING, /* over TCP */
    ASK_MISSING_SERVICE,
    ASK_NODATA,
    ASK_FOREIGN,
    ASK_AXFR,
    ASK_COOKIE, /* COMPARE_COOKIES times */
    ASK_COUNT = ASK_COOKIE + COMPARE_COOKIES
};
enum {
    TYPE_PRIVATE = 65280, /* RFC 6895 3.1: nobody has records of it */
    OPTION_PRIVATE = 65001,
    SIZE_SMALL = 512
};

/* The names that are asked for. */
struct asked {
    struct dname missing, missing_service, foreign;
};

static void make_names(const struct check *check, struct asked *out)
{
    char label[] = "zz0000000000000000";
    (void)snprintf(label, sizeof(label), "zz%08x%08x", randombytes_random(), randombytes_random());
    CHECK(dname_parse(&out->foreign, "ntspool-check.invalid.", NULL) == RESULT_OK);
    if (dname_prepend(&out->missing, label, strlen(label), &check->pool) != RESULT_OK) {
        out->missing = check->pool;
    }
    struct dname service = out->missing;
    (void)dname_prepend(&service, "_tcp", 4, &out->missing);
    out->missing_service = service;
    (void)dname_prepend(&out->missing_service, "_ntske", 6, &service);
}

/* All servers with EDNS, then all without. */
static void ask_first(struct check *check, struct dns_exchange list[2 * CHECK_SERVERS_MAX])
{
    for (unsigned i = 0; i < check->server_count; i++) {
        struct dns_cookie *cookie = &check->servers[i].cookie;
        cookie->len = CHECK_CLIENT_COOKIE_LEN;
        randombytes_buf(cookie->octets, cookie->len);
        list[i] = check_question(&check->servers[i], &check->pool, RR_SOA);
        list[i].query.nsid = true;
        list[check->server_count + i] = check_question(&check->servers[i], &check->pool, RR_SOA);
        list[check->server_count + i].query.plain = true;
    }
    check_ask(check, list, 2 * (size_t)check->server_count);
}

/* The questions to a server that answers. */
static void set_questions(const struct check *check, const struct check_server *server,
                          const struct asked *asked, struct dns_exchange list[ASK_COUNT])
{
    for (unsigned i = 0; i < ASK_COUNT; i++) {
        list[i] = check_question(server, &check->pool, RR_SOA);
    }
    list[ASK_TCP].tcp = true;
    list[ASK_DNSKEY].query.type = RR_DNSKEY;
    list[ASK_NS].query.type = RR_NS;
    list[ASK_SRV].query.name = check->service;
    list[ASK_SRV].query.type = RR_SRV;
    list[ASK_SRV].tcp = true;
    list[ASK_VERSION].query.version = 1;
    list[ASK_OPTION].query.unknown_option = OPTION_PRIVATE;
    list[ASK_SMALL].query.size = SIZE_SMALL;
    list[ASK_SMALL].query.name = list[ASK_MISSING].query.name = asked->missing;
    list[ASK_SMALL].query.type = list[ASK_MISSING].query.type = RR_A;
    list[ASK_SMALL].keep_truncated = list[ASK_MISSING].tcp = true;
    list[ASK_MISSING_SERVICE].query.name = asked->missing_service;
    list[ASK_MISSING_SERVICE].query.type = RR_SRV;
    list[ASK_NODATA].query.type = TYPE_PRIVATE;
    list[ASK_FOREIGN].query.name = asked->foreign;
    list[ASK_FOREIGN].query.flags = DNSMESSAGE_RD;
    list[ASK_AXFR].query.type = RR_AXFR;
    list[ASK_AXFR].tcp = true;
}

/* A server under judgement. */
struct trial {
    struct check *check;
    const struct check_server *server;
    const struct dns_exchange *plain, *list;
    struct server_facts *facts;
    char subject[CHECK_SUBJECT_ROOM];
};

/* The answer. If there is none, the check gets the reason. */
static const struct dnsmessage *answer_of(const struct trial *trial,
                                          const struct dns_exchange *exchange, enum check_id id)
{
    struct diag why = { "" };
    const struct dnsmessage *message = check_read(trial->check, exchange, &why);
    bool known = id != CHECK_TCP && exchange->by_tcp && trial->list[ASK_TCP].error != 0;
    if (message == NULL && !known) { /* else the check tcp says so */
        check_fail(trial->check, id, trial->subject, "%s", why.text);
    }
    return message;
}

static const struct dnsmessage *answer(const struct trial *trial, enum question question,
                                       enum check_id id)
{
    return answer_of(trial, &trial->list[question], id);
}

static bool has_soa(const struct check *check, const struct dnsmessage *message)
{
    const struct dns_record *soa = dnsmessage_find(message, 0, DNS_ANSWER, RR_SOA);
    return (message->flags & DNSMESSAGE_AA) != 0 && message->rcode == DNS_NOERROR && soa != NULL &&
           dname_equal(&soa->owner, &check->pool);
}

/* True if EDNS is what hinders a server: it answers a query without. */
static bool answers_plain(struct check *check, const struct dns_exchange *plain)
{
    const struct dnsmessage *message = check_read(check, plain, NULL);
    return message != NULL && !plain->by_tcp && has_soa(check, message);
}

static void judge_first(struct check *check, struct check_server *server,
                        const struct dns_exchange *exchange, const struct dns_exchange *plain,
                        struct server_facts *facts)
{
    char subject[CHECK_SUBJECT_ROOM], rcode[16];
    struct diag why = { "" };
    (void)check_server_text(server, subject);
    if (exchange->no_route) {
        check_report(check, CHECK_UDP, CHECK_INFO, subject, "not judged: %s",
                     check_no_route(&exchange->server.address));
        return;
    }
    const struct dnsmessage *message = check_read(check, exchange, &why);
    if ((message == NULL || message->rcode == DNS_FORMERR || message->rcode == DNS_NOTIMP) &&
        answers_plain(check, plain)) {
        check_fail(check, CHECK_EDNS, subject, "it answers queries without EDNS only");
        return;
    }
    message = check_read(check, exchange, &why);
    if (message == NULL || exchange->by_tcp) {
        check_fail(check, CHECK_UDP, subject, "%s", message == NULL ? why.text : "truncated");
        return;
    }
    const struct dns_record *soa = dnsmessage_find(message, 0, DNS_ANSWER, RR_SOA);
    bool with_authority = (message->flags & DNSMESSAGE_AA) != 0;
    server->answers = has_soa(check, message);
    if (!server->answers) {
        check_fail(check, CHECK_AA, subject, "%s%s", dns_rcode_text(message->rcode, rcode),
                   with_authority ? ", with authority, but no SOA record" : ", without authority");
        return;
    }
    facts->rtt_us = exchange->rtt_us;
    facts_of_soa(facts, soa);
    if (message->edns.cookie.len > CHECK_CLIENT_COOKIE_LEN &&
        memcmp(message->edns.cookie.octets, server->cookie.octets, CHECK_CLIENT_COOKIE_LEN) == 0) {
        server->cookie = message->edns.cookie;
        facts->has_cookie = true;
    }
    facts->nsid_len = message->edns.has_nsid ? message->edns.nsid_len : 0;
    memcpy(facts->nsid, message->edns.nsid, facts->nsid_len);
    facts->has_edns = message->edns.present;
    if (!facts->has_edns) {
        check_fail(check, CHECK_EDNS, subject, "the answer to a query with EDNS has none");
    }
    if ((message->flags & DNSMESSAGE_RA) != 0) {
        check_fail(check, CHECK_RECURSION, subject, "the answer has RA set");
    }
}

static void judge_transport(const struct trial *trial)
{
    struct check *check = trial->check;
    char rcode[16];
    const struct dnsmessage *message = answer(trial, ASK_TCP, CHECK_TCP);
    if (message != NULL && message->rcode != DNS_NOERROR) {
        check_fail(check, CHECK_TCP, trial->subject, "%s", dns_rcode_text(message->rcode, rcode));
    }
    message = answer_of(trial, trial->plain, CHECK_EDNS);
    if (message != NULL && (message->edns.present || message->rcode != DNS_NOERROR)) {
        check_fail(check, CHECK_EDNS, trial->subject, "a query without EDNS: %s%s",
                   dns_rcode_text(message->rcode, rcode), message->edns.present ? ", OPT" : "");
    }
    if (!trial->facts->has_edns) {
        return; /* the check edns has said so */
    }
    message = answer(trial, ASK_VERSION, CHECK_BADVERS);
    if (message != NULL && (message->rcode != DNS_BADVERS || message->edns.version != 0)) {
        check_fail(check, CHECK_BADVERS, trial->subject, "%s, EDNS version %u",
                   dns_rcode_text(message->rcode, rcode), message->edns.version);
    }
    message = answer(trial, ASK_OPTION, CHECK_OPTION);
    if (message != NULL &&
        (message->rcode != DNS_NOERROR || message->edns.unknown_option == OPTION_PRIVATE)) {
        check_fail(check, CHECK_OPTION, trial->subject, "%s%s",
                   dns_rcode_text(message->rcode, rcode),
                   message->edns.unknown_option == OPTION_PRIVATE ? ", the option echoed" : "");
    }
}

static void judge_openness(const struct trial *trial)
{
    struct check *check = trial->check;
    char rcode[16];
    const struct dnsmessage *message = answer(trial, ASK_FOREIGN, CHECK_FOREIGN);
    if (message != NULL && (message->rcode != DNS_REFUSED || message->count > 0)) {
        check_fail(check, CHECK_FOREIGN, trial->subject, "%s, %u records",
                   dns_rcode_text(message->rcode, rcode), message->count);
    }
    if (message != NULL && (message->flags & DNSMESSAGE_RA) != 0) {
        check_fail(check, CHECK_RECURSION, trial->subject, "the answer has RA set");
    }
    /* A server that closes the connection refuses as well. */
    message = check_read(check, &trial->list[ASK_AXFR], NULL);
    if (message != NULL && dnsmessage_find(message, 0, DNS_ANSWER, RR_SOA) != NULL) {
        check_fail(check, CHECK_AXFR, trial->subject, "a transfer begins, with %u records",
                   message->count);
    }
}

/* The same name, in 512 octets and over TCP. */
static void judge_truncation(const struct trial *trial)
{
    struct check *check = trial->check;
    const struct dns_exchange *small = &trial->list[ASK_SMALL];
    const struct dnsmessage *message = answer(trial, ASK_SMALL, CHECK_TRUNCATION);
    if (message == NULL) {
        return;
    }
    bool truncated = (message->flags & DNSMESSAGE_TC) != 0;
    unsigned count = message->count, rcode = message->rcode;
    message = answer(trial, ASK_MISSING, CHECK_TRUNCATION);
    if (message == NULL) {
        return;
    }
    facts_size(trial->facts, trial->list[ASK_MISSING].len);
    if (small->len > SIZE_SMALL) {
        check_fail(check, CHECK_TRUNCATION, trial->subject, "%zu octets, where 512 were asked for",
                   small->len);
    } else if (rcode != message->rcode || (!truncated && count != message->count)) {
        check_fail(check, CHECK_TRUNCATION, trial->subject, "%u records over UDP%s, %u over TCP",
                   count, truncated ? " with TC" : "", message->count);
    }
}

static void judge_set(const struct trial *trial, enum question question, const struct dname *owner,
                      uint16_t type, uint32_t *ttl)
{
    const struct dnsmessage *message = answer(trial, question, CHECK_SIGNATURES);
    if (message == NULL) {
        return;
    }
    facts_size(trial->facts, trial->list[question].len);
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section == DNS_ANSWER && record->type == type &&
            dname_equal(&record->owner, owner)) {
            *ttl = record->ttl;
        }
    }
    check_signatures(trial->check, trial->subject, message);
}

static void judge_denial(const struct trial *trial, enum question question)
{
    struct check *check = trial->check;
    const struct dns_query *query = &trial->list[question].query;
    enum denial_seen seen = DENIAL_SEEN_NONE;
    const struct dnsmessage *message = answer(trial, question, CHECK_DENIAL);
    if (message == NULL) {
        return;
    }
    const char *fault = check_denial_fault(message, &check->pool, &query->name, query->type, &seen);
    if (fault != NULL) {
        char name[DNAME_TEXT_MAX];
        check_fail(check, CHECK_DENIAL, trial->subject, "%.100s: %s",
                   dname_text(&query->name, name), fault);
        return;
    }
    const struct dns_record *soa = dnsmessage_find(message, 0, DNS_AUTHORITY, RR_SOA);
    trial->facts->negative_ttl = soa->ttl;
    if (seen != DENIAL_SEEN_NONE) {
        trial->facts->denial = seen;
    }
    facts_size(trial->facts, trial->list[question].len);
    check_signatures(check, trial->subject, message);
}

/* RFC 9018 4.1: version, reserved, time, hash. With one secret, the same time gives the same
 * hash. */
static void judge_cookies(const struct trial *trial)
{
    enum {
        HASH_AT = CHECK_CLIENT_COOKIE_LEN + 8
    };
    struct check *check = trial->check;
    const struct dns_cookie *own = &trial->server->cookie;
    for (unsigned i = 0; i < COMPARE_COOKIES && trial->facts->has_cookie; i++) {
        const struct dnsmessage *message = check_read(check, &trial->list[ASK_COOKIE + i], NULL);
        if (message == NULL) {
            continue; /* the check udp says so */
        }
        const struct dns_cookie *cookie = &message->edns.cookie;
        bool same_time = cookie->len == own->len && own->len > HASH_AT &&
                         memcmp(cookie->octets, own->octets, HASH_AT) == 0;
        if (message->rcode == DNS_BADCOOKIE) {
            check_fail(check, CHECK_COOKIES, trial->subject, "BADCOOKIE for its own cookie");
        } else if (same_time && memcmp(cookie->octets, own->octets, own->len) != 0) {
            check_fail(check, CHECK_COOKIES, trial->subject, "cookies made with several secrets");
        }
    }
}

/* A server that rejects its own cookie is asked again without one, as clients do in the end (RFC
 * 7873 5.3), so that only the check cookies fails. */
static void ask_without_cookie(struct check *check, struct check_server *server,
                               struct dns_exchange list[ASK_COUNT])
{
    struct dns_exchange *again[ASK_COOKIE];
    unsigned count = 0;
    for (unsigned i = 0; i < ASK_COOKIE; i++) {
        const struct dnsmessage *message = check_read(check, &list[i], NULL);
        if (message != NULL && message->rcode == DNS_BADCOOKIE) {
            again[count++] = &list[i];
        }
    }
    for (unsigned i = 0; i < count; i++) {
        dnsclient_free(again[i], 1);
        again[i]->query.cookie.len = server->cookie.len = 0;
        check_ask(check, again[i], 1);
    }
}

static void judge_server(const struct trial *trial)
{
    struct check *check = trial->check;
    struct server_facts *facts = trial->facts;
    judge_transport(trial);
    judge_openness(trial);
    judge_cookies(trial);
    check->dnskey.set.count = 0;
    const struct dnsmessage *message = answer(trial, ASK_DNSKEY, CHECK_SIGNATURES);
    if (message == NULL) {
        return;
    }
    if (!dnsmessage_rrset(message, DNS_ANSWER, &check->pool, RR_DNSKEY, &check->dnskey)) {
        check_fail(check, CHECK_SIGNATURES, trial->subject, "there is no DNSKEY record");
        return;
    }
    facts_of_dnskey(facts, &check->dnskey.set);
    judge_set(trial, ASK_DNSKEY, &check->pool, RR_DNSKEY, &facts->dnskey_ttl);
    judge_set(trial, ASK_TCP, &check->pool, RR_SOA, &facts->soa_ttl);
    judge_set(trial, ASK_NS, &check->pool, RR_NS, &facts->ns_ttl);
    judge_set(trial, ASK_SRV, &check->service, RR_SRV, &facts->srv_ttl);
    judge_truncation(trial);
    judge_denial(trial, ASK_MISSING);
    judge_denial(trial, ASK_MISSING_SERVICE);
    judge_denial(trial, ASK_NODATA);
    facts->complete = true;
}

static void done(struct check *check, unsigned answering)
{
    static const struct {
        enum check_id id;
        const char *well;
    } judged[] = {
        { CHECK_AA, "all answer with authority" },
        { CHECK_TCP, "all answer" },
        { CHECK_RECURSION, "not offered" },
        { CHECK_FOREIGN, "names of other zones are refused" },
        { CHECK_AXFR, "refused" },
        { CHECK_EDNS, "queries with EDNS and without are answered in kind" },
        { CHECK_TRUNCATION, "in 512 octets as it should be, whole over TCP" },
        { CHECK_BADVERS, "another version is answered with BADVERS" },
        { CHECK_OPTION, "ignored" },
        { CHECK_SIGNATURES, "all answers are signed, and the signatures hold" },
        { CHECK_VALIDITY, "valid now, and for a while" },
        { CHECK_DENIAL, "missing names and types are denied with proof" },
    };
    char which[CHECK_SUBJECT_ROOM] = "";
    if (answering < check->server_count) {
        (void)snprintf(which, sizeof(which), " (%u of %u addresses)", answering,
                       check->server_count);
    }
    check_done(check, CHECK_UDP, "%u address%s answer%s", check->server_count,
               check->server_count > 1 ? "es" : "", check->server_count > 1 ? "" : "s");
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]) && answering > 0; i++) {
        check_done(check, judged[i].id, "%s%s", judged[i].well, which);
    }
}

void check_servers(struct check *check)
{
    struct dns_exchange first[2 * CHECK_SERVERS_MAX];
    const struct dns_exchange *plain = first + check->server_count;
    struct dns_exchange *list = xcalloc((size_t)CHECK_SERVERS_MAX * ASK_COUNT, sizeof(*list));
    struct server_facts facts[CHECK_SERVERS_MAX] = { 0 };
    struct asked asked;
    unsigned answering = 0, tried = 0;
    if (check->server_count == 0) {
        free(list);
        return; /* check_delegation has said why */
    }
    make_names(check, &asked);
    ask_first(check, first);
    for (unsigned i = 0; i < check->server_count; i++) {
        facts[i].soa_ttl = facts[i].ns_ttl = facts[i].dnskey_ttl = facts[i].srv_ttl =
            facts[i].negative_ttl = TTL_UNKNOWN;
        judge_first(check, &check->servers[i], &first[i], &plain[i], &facts[i]);
        tried += first[i].no_route ? 0 : 1;
        if (check->servers[i].answers) {
            set_questions(check, &check->servers[i], &asked, &list[(size_t)answering * ASK_COUNT]);
            answering++;
        }
    }
    if (tried == 0) {
        check_fail(check, CHECK_UDP, NULL, "this machine has no way to any name server");
    }
    check_ask(check, list, (size_t)answering * ASK_COUNT);
    unsigned at = 0;
    for (unsigned i = 0; i < check->server_count; i++) {
        if (check->servers[i].answers) {
            struct trial trial = { .check = check,
                                   .server = &check->servers[i],
                                   .plain = &plain[i],
                                   .list = &list[(size_t)at++ * ASK_COUNT],
                                   .facts = &facts[i] };
            (void)check_server_text(trial.server, trial.subject);
            ask_without_cookie(check, &check->servers[i], &list[(size_t)(at - 1) * ASK_COUNT]);
            judge_server(&trial);
        }
    }
    dnsclient_free(first, 2 * (size_t)check->server_count);
    dnsclient_free(list, (size_t)answering * ASK_COUNT);
    free(list);
    done(check, answering);
    check_compare(check, facts);
}
