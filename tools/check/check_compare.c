#include "tools/check/check_compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/check/check_dnssec.h"

enum {
    SIZE_MAX_UDP = 1232, /* RFC 9715 3.1 allows 1400; this passes every link of IPv6 */
    AGAIN_S = 2
};

void facts_of_soa(struct server_facts *facts, const struct dns_record *soa)
{
    struct reader r = reader_of(soa->rdata, soa->len);
    struct dname name;
    dname_read(&r, &name);
    dname_read(&r, &name);
    facts->serial = read_u32(&r);
}

void facts_of_dnskey(struct server_facts *facts, const struct rrset *set)
{
    check_digest(set, facts->keys);
}

void facts_size(struct server_facts *facts, size_t octets)
{
    facts->largest = octets > facts->largest ? octets : facts->largest;
}

/* The first server whose answers are complete; the others are compared with it. */
static const struct server_facts *reference(const struct check *check,
                                            const struct server_facts *facts)
{
    for (unsigned i = 0; i < check->server_count; i++) {
        if (facts[i].complete) {
            return &facts[i];
        }
    }
    return NULL;
}

static bool serials_differ(const struct check *check, const struct server_facts *facts,
                           uint32_t *newest)
{
    bool differ = false, seen = false;
    for (unsigned i = 0; i < check->server_count; i++) {
        if (!check->servers[i].answers) {
            continue;
        }
        differ = differ || (seen && facts[i].serial != *newest);
        /* RFC 1982 */
        if (!seen || (int32_t)(facts[i].serial - *newest) > 0) {
            *newest = facts[i].serial;
        }
        seen = true;
    }
    return differ;
}

static void ask_again(struct check *check, struct server_facts *facts)
{
    struct dns_exchange list[CHECK_SERVERS_MAX];
    (void)sleep(AGAIN_S);
    for (unsigned i = 0; i < check->server_count; i++) {
        list[i] = check_question(&check->servers[i], &check->pool, RR_SOA);
    }
    check_ask(check, list, check->server_count);
    for (unsigned i = 0; i < check->server_count; i++) {
        const struct dnsmessage *message = check_read(check, &list[i], NULL);
        const struct dns_record *soa =
            message != NULL ? dnsmessage_find(message, 0, DNS_ANSWER, RR_SOA) : NULL;
        if (soa != NULL) {
            facts_of_soa(&facts[i], soa);
        }
    }
    dnsclient_free(list, check->server_count);
}

static void compare_serials(struct check *check, struct server_facts *facts)
{
    uint32_t newest = 0;
    char subject[CHECK_SUBJECT_ROOM];
    if (serials_differ(check, facts, &newest)) {
        ask_again(check, facts);
        (void)serials_differ(check, facts, &newest);
    }
    if (check->has_state && (int32_t)(check->settings.serial - newest) > 0) {
        newest = check->settings.serial;
    }
    for (unsigned i = 0; i < check->server_count; i++) {
        if (check->servers[i].answers && facts[i].serial != newest) {
            check_fail(check, CHECK_SERIAL, check_server_text(&check->servers[i], subject),
                       "serial %" PRIu32 ", the newest is %" PRIu32, facts[i].serial, newest);
        }
    }
    check_done(check, CHECK_SERIAL, "%" PRIu32, newest);
}

static void compare_ttls(struct check *check, const char *subject, const struct server_facts *a,
                         const struct server_facts *b)
{
    const struct {
        const char *what;
        uint32_t a, b;
    } rows[] = {
        { "SOA", a->soa_ttl, b->soa_ttl },
        { "NS", a->ns_ttl, b->ns_ttl },
        { "DNSKEY", a->dnskey_ttl, b->dnskey_ttl },
        { "SRV", a->srv_ttl, b->srv_ttl },
        { "a denial", a->negative_ttl, b->negative_ttl },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool known = rows[i].a != TTL_UNKNOWN && rows[i].b != TTL_UNKNOWN;
        if (known && rows[i].a != rows[i].b) {
            check_fail(check, CHECK_TTL, subject,
                       "the TTL of %s is %" PRIu32 ", at the first server %" PRIu32, rows[i].what,
                       rows[i].a, rows[i].b);
        }
    }
}

static const char *denial_text(unsigned denial)
{
    return denial == DENIAL_SEEN_COMPACT ? "compact" : "by the zone's NSEC chain";
}

static void compare_with(struct check *check, unsigned i, const struct server_facts *facts,
                         const struct server_facts *first)
{
    char subject[CHECK_SUBJECT_ROOM];
    (void)check_server_text(&check->servers[i], subject);
    if (memcmp(facts->keys, first->keys, sizeof(facts->keys)) != 0) {
        check_fail(check, CHECK_DNSKEY, subject, "other DNSKEY records than at the first server");
    }
    if (facts->denial != DENIAL_SEEN_NONE && first->denial != DENIAL_SEEN_NONE &&
        facts->denial != first->denial) {
        check_fail(check, CHECK_DENIAL_MODE, subject, "denies %s, the first server %s",
                   denial_text(facts->denial), denial_text(first->denial));
    }
    compare_ttls(check, subject, facts, first);
    if (facts->largest > SIZE_MAX_UDP) {
        check_fail(check, CHECK_SIZE, subject, "an answer has %zu octets", facts->largest);
    }
}

static void compare_nsids(struct check *check, const struct server_facts *facts)
{
    unsigned with = 0;
    for (unsigned i = 0; i < check->server_count; i++) {
        char subject[CHECK_SUBJECT_ROOM];
        with += facts[i].nsid_len > 0 ? 1 : 0;
        for (unsigned k = 0; k < i && facts[i].nsid_len > 0; k++) {
            /* The addresses of one name are of one server. */
            if (facts[k].nsid_len == facts[i].nsid_len &&
                memcmp(facts[k].nsid, facts[i].nsid, facts[i].nsid_len) == 0 &&
                !dname_equal(&check->servers[i].name, &check->servers[k].name)) {
                check_fail(check, CHECK_NSID, check_server_text(&check->servers[i], subject),
                           "the same NSID as another name server");
                break;
            }
        }
    }
    check_done(check, CHECK_NSID, with > 0 ? "of %u addresses, each its own" : "none has one",
               with);
}

static void report_times(struct check *check, const struct server_facts *facts)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (unsigned i = 0; i < check->server_count; i++) {
        if (check->servers[i].answers) {
            least = facts[i].rtt_us < least ? facts[i].rtt_us : least;
            most = facts[i].rtt_us > most ? facts[i].rtt_us : most;
        }
    }
    if (most > 0) {
        check_report(check, CHECK_RTT, CHECK_INFO, NULL, "%.1f to %.1f ms", least / 1e3,
                     most / 1e3);
    }
}

void check_compare(struct check *check, struct server_facts *facts)
{
    const struct server_facts *first = reference(check, facts);
    size_t largest = 0;
    unsigned with_cookie = 0;
    report_times(check, facts);
    if (first == NULL) {
        return;
    }
    compare_serials(check, facts);
    for (unsigned i = 0; i < check->server_count; i++) {
        if (facts[i].complete) {
            compare_with(check, i, &facts[i], first);
            largest = facts[i].largest > largest ? facts[i].largest : largest;
            with_cookie += facts[i].has_cookie ? 1 : 0;
        }
    }
    compare_nsids(check, facts);
    check_done(check, CHECK_COOKIES, "taken again, at %u of %u addresses", with_cookie,
               check->server_count);
    check_done(check, CHECK_DNSKEY, "the same at all servers");
    check_done(check, CHECK_DENIAL_MODE, "%s", denial_text(first->denial));
    check_done(check, CHECK_TTL, "the same at all servers");
    check_done(check, CHECK_SIZE, "at most %zu octets", largest);
}
