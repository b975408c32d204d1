#include <stdbool.h> /* before ldns, which else makes one of its own */

#include <ldns/ldns.h>

#include "server/answering/edns.h"
#include "server/answering/respond.h"
#include "tests/answerer_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct answerer answerer;
static struct sigcache *cache, *denials;
static struct budget budget;

/* A limited signer that has not signed anything yet. */
static struct signer *new_limited_signer(void)
{
    sigcache_free(denials);
    denials = sigcache_new(1024);
    struct signer *signer = fixture_signer(&pool, denials, 2);
    signer_limit(signer, &budget);
    return signer;
}

static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    pool.zone->settings.denial = DENIAL_COMPACT;
    cache = sigcache_new(1024);
    fixture_answerer_init(&answerer, &pool, fixture_signer(&pool, cache, 1), new_limited_signer());
    return 0;
}

static int tear_down(void **)
{
    fixture_answerer_done(&answerer);
    sigcache_free(cache);
    sigcache_free(denials);
    pool_fixture_done(&pool);
    return 0;
}

/* Answers like a worker: wire form in, wire form out. */
static ldns_pkt *ask_name(const struct dname *name, uint16_t type, uint16_t edns_flags)
{
    static const struct address source = { { 0 } };
    static const struct identity identity = { NULL, NULL };
    uint8_t wire[512], options[EDNS_REPLY_MAX], out[DNS_UDP_MAX];
    struct writer w = writer_of(wire, sizeof(wire));
    write_octets(&w, "\0\7\0\0\0\1\0\0\0\0\0\1", 12);
    dname_write(&w, name);
    write_u16(&w, type);
    write_u16(&w, RR_CLASS_IN);
    write_u8(&w, 0);
    write_u16(&w, RR_OPT);
    write_u16(&w, DNS_UDP_MAX);
    write_u16(&w, 0);
    write_u16(&w, edns_flags);
    write_u16(&w, 0);
    struct query query;
    struct qname_info qname;
    enum rcode rcode = RCODE_NOERROR;
    assert_int_equal(query_parse(&query, &rcode, wire, w.at), QUERY_ANSWER);
    static struct message_counters counters;
    const struct edns_asked asked = { pool.zone, &identity, &source,  FIXTURE_NOW,
                                      false,     false,     &counters };
    struct response response = { .query = &query, .out = out, .limit = respond_udp_limit(&query) };
    if (edns_due(&query, pool.zone)) {
        (void)edns_reply(&response, &asked, options);
    }
    const struct asking asking = { &query, &source, &qname };
    fixture_prepare(&answerer, &asking);
    const struct answer *answer = decide_answer(&answerer, &asking);
    size_t len = respond_answer(&response, answer, answerer.snapshot.signer, FIXTURE_NOW).len;
    ldns_pkt *reply = NULL;
    assert_int_equal(ldns_wire2pkt(&reply, out, len), LDNS_STATUS_OK);
    assert_false(ldns_pkt_tc(reply));
    return reply;
}

static ldns_pkt *ask(const char *text, uint16_t type, uint16_t edns_flags)
{
    const struct dname name = name_of(text);
    return ask_name(&name, type, edns_flags);
}

/* The pool's DNSKEYs, for ldns. */
static ldns_rr_list *keys(void)
{
    ldns_pkt *reply = ask("pool.test", RR_DNSKEY, EDNS_DO);
    ldns_rr_list *list = ldns_rr_list_clone(ldns_pkt_answer(reply));
    ldns_pkt_free(reply);
    return list;
}

/* Every RRset of the section has RRSIGs, and ldns verifies them. */
static void assert_signed(const ldns_rr_list *section, const ldns_rr_list *dnskeys)
{
    ldns_rr_list *rest = ldns_rr_list_clone(section), *set = NULL;
    ldns_rr_list *signatures = ldns_rr_list_new();
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        if (ldns_rr_get_type(ldns_rr_list_rr(section, i)) == LDNS_RR_TYPE_RRSIG) {
            (void)ldns_rr_list_push_rr(signatures, ldns_rr_list_rr(section, i));
        }
    }
    while ((set = ldns_rr_list_pop_rrset(rest)) != NULL) {
        ldns_rr_type type = ldns_rr_get_type(ldns_rr_list_rr(set, 0));
        unsigned good = 0;
        for (size_t i = 0; i < ldns_rr_list_rr_count(signatures); i++) {
            ldns_rr_list *one = ldns_rr_list_new(), *used = ldns_rr_list_new();
            ldns_rr *signature = ldns_rr_list_rr(signatures, i);
            (void)ldns_rr_list_push_rr(one, signature);
            bool covers = ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(signature)) == type;
            good +=
                covers && ldns_verify_time(set, one, dnskeys, FIXTURE_NOW, used) == LDNS_STATUS_OK;
            ldns_rr_list_free(one);
            ldns_rr_list_free(used);
        }
        assert_true(type == LDNS_RR_TYPE_RRSIG || good > 0);
        ldns_rr_list_deep_free(set);
    }
    ldns_rr_list_free(signatures);
    ldns_rr_list_free(rest);
}

static const char *rcode_text(const ldns_pkt *reply)
{
    switch (ldns_pkt_get_rcode(reply)) {
    case LDNS_RCODE_NXDOMAIN:
        return "NXDOMAIN";
    case LDNS_RCODE_FORMERR:
        return "FORMERR";
    default:
        return "NOERROR";
    }
}

/* " SOA"; an NSEC in full: " alice.pool.test. NSEC \000.alice.pool.test. A RRSIG NSEC". */
static void tell(FILE *out, const ldns_rr *rr)
{
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_NSEC) {
        char *type = ldns_rr_type2str(ldns_rr_get_type(rr));
        (void)fprintf(out, " %s", type);
        free(type);
        return;
    }
    char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *next = ldns_rdf2str(ldns_rr_rdf(rr, 0));
    char *types = ldns_rdf2str(ldns_rr_rdf(rr, 1));
    types[strlen(types) - 1] = '\0'; /* a space */
    (void)fprintf(out, " %s NSEC %s %s", owner, next, types);
    free(owner);
    free(next);
    free(types);
}

/* Compares RCODE and sections, without the RRSIGs. */
static void assert_reply(ldns_pkt *reply, const char *expected)
{
    char text[2048] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    assert_non_null(out);
    (void)fputs(rcode_text(reply), out);
    const ldns_rr_list *sections[] = { ldns_pkt_answer(reply), ldns_pkt_authority(reply) };
    for (size_t s = 0; s < 2; s++) {
        (void)fputs(s == 1 && ldns_rr_list_rr_count(sections[1]) > 0 ? " /" : "", out);
        for (size_t i = 0; i < ldns_rr_list_rr_count(sections[s]); i++) {
            const ldns_rr *rr = ldns_rr_list_rr(sections[s], i);
            if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_RRSIG) {
                tell(out, rr);
            }
        }
    }
    (void)fclose(out);
    assert_string_equal(text, expected);
    ldns_pkt_free(reply);
}

static void assert_answer(const char *name, uint16_t type, uint16_t edns_flags,
                          const char *expected)
{
    ldns_rr_list *dnskeys = keys();
    ldns_pkt *reply = ask(name, type, edns_flags);
    if ((edns_flags & EDNS_DO) != 0 && type != RR_RRSIG) {
        assert_signed(ldns_pkt_answer(reply), dnskeys);
        assert_signed(ldns_pkt_authority(reply), dnskeys);
    }
    assert_reply(reply, expected);
    ldns_rr_list_deep_free(dnskeys);
}

#define NO_NAME(name) "NOERROR / SOA " name " NSEC \\000." name " RRSIG NSEC TYPE128"

/* RFC 9824 3.1 */
static void a_missing_name_has_an_nsec_of_its_own_with_nxname(void **)
{
    for (int again = 0; again < 2; again++) {
        assert_answer("nope.pool.test", RR_A, EDNS_DO, NO_NAME("nope.pool.test."));
        assert_answer("nope.pool.test", RR_DS, EDNS_DO, NO_NAME("nope.pool.test."));
        assert_answer("nope.pool.test", RR_ANY, EDNS_DO, NO_NAME("nope.pool.test."));
        assert_answer("x.alice.pool.test", RR_A, EDNS_DO, NO_NAME("x.alice.pool.test."));
        assert_answer("carol.pool.test", RR_A, EDNS_DO, NO_NAME("carol.pool.test."));
        assert_answer("*.pool.test", RR_A, EDNS_DO, NO_NAME("*.pool.test."));
        assert_answer("\\000.pool.test", RR_A, EDNS_DO, NO_NAME("\\000.pool.test."));
        assert_answer("\\255.pool.test", RR_A, EDNS_DO, NO_NAME("\\255.pool.test."));
        assert_answer("x.er.pool.test", RR_A, EDNS_DO, NO_NAME("x.er.pool.test."));
    }
}

/* The response repeats the name as it was asked for; the signature covers the lower case. */
static void letter_case_changes_no_signature(void **)
{
    assert_answer("nope.pool.test", RR_A, EDNS_DO, NO_NAME("nope.pool.test."));
    uint64_t made = signer_made(answerer.snapshot.limited_signer);
    assert_answer("NoPe.PoOl.tEsT", RR_A, EDNS_DO,
                  "NOERROR / SOA NoPe.PoOl.tEsT. NSEC \\000.nope.pool.test. RRSIG NSEC TYPE128");
    assert_int_equal(signer_made(answerer.snapshot.limited_signer), made);
}

/* RFC 9824 3.2 */
static void a_missing_type_is_denied_without_the_next_name(void **)
{
    for (int again = 0; again < 2; again++) {
        assert_answer(
            "alice.pool.test", RR_TXT, EDNS_DO,
            "NOERROR / SOA alice.pool.test. NSEC \\000.alice.pool.test. A AAAA RRSIG NSEC CAA");
        assert_answer("txt.pool.test", RR_A, EDNS_DO,
                      "NOERROR / SOA txt.pool.test. NSEC \\000.txt.pool.test. TXT RRSIG NSEC");
        assert_answer("pool.test", RR_A, EDNS_DO,
                      "NOERROR / SOA pool.test. NSEC \\000.pool.test. NS SOA RRSIG NSEC DNSKEY CDS "
                      "CDNSKEY CAA");
        assert_answer("alice.pool.test", RR_NSEC, EDNS_DO,
                      "NOERROR alice.pool.test. NSEC \\000.alice.pool.test. A AAAA RRSIG NSEC CAA");
        assert_answer("er.pool.test", RR_A, EDNS_DO,
                      "NOERROR / SOA er.pool.test. NSEC \\000.er.pool.test. RRSIG NSEC");
        assert_answer("er.pool.test", RR_ANY, EDNS_DO,
                      "NOERROR / SOA er.pool.test. NSEC \\000.er.pool.test. RRSIG NSEC");
    }
}

/* The bitmap lists NSEC and RRSIG, so queries for them get an answer. */
static void what_the_bitmap_says_can_be_asked_for(void **)
{
    assert_answer("nope.pool.test", RR_NSEC, EDNS_DO,
                  "NOERROR nope.pool.test. NSEC \\000.nope.pool.test. RRSIG NSEC TYPE128");
    assert_answer("er.pool.test", RR_NSEC, EDNS_DO,
                  "NOERROR er.pool.test. NSEC \\000.er.pool.test. RRSIG NSEC");
    static const char *const names[] = { "nope.pool.test", "er.pool.test" };
    for (size_t i = 0; i < 2; i++) {
        ldns_pkt *reply = ask(names[i], RR_RRSIG, EDNS_DO);
        assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_answer(reply)), 1);
        const ldns_rr *signature = ldns_rr_list_rr(ldns_pkt_answer(reply), 0);
        assert_int_equal(ldns_rr_get_type(signature), LDNS_RR_TYPE_RRSIG);
        assert_int_equal(ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(signature)), LDNS_RR_TYPE_NSEC);
        assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_authority(reply)), 0);
        ldns_pkt_free(reply);
    }
}

/* RFC 9824 5 */
static void without_dnssec_the_rcode_says_it(void **)
{
    assert_answer("nope.pool.test", RR_A, 0, "NXDOMAIN / SOA");
    assert_answer("nope.pool.test", RR_A, EDNS_CO, "NXDOMAIN / SOA");
    assert_answer("nope.pool.test", RR_NSEC, 0, "NXDOMAIN / SOA");
    assert_answer("er.pool.test", RR_A, 0, "NOERROR / SOA");
    assert_answer("alice.pool.test", RR_TXT, 0, "NOERROR / SOA");
}

/* RFC 9824 5.1 */
static void co_brings_the_rcode_back(void **)
{
    static const struct {
        const char *name;
        uint16_t type;
        uint16_t flags;
        ldns_pkt_rcode rcode;
    } rows[] = {
        { "nope.pool.test", RR_A, EDNS_DO | EDNS_CO, LDNS_RCODE_NXDOMAIN },
        { "nope.pool.test", RR_A, EDNS_DO, LDNS_RCODE_NOERROR },
        { "nope.pool.test", RR_A, EDNS_DO | EDNS_CO | 0x3f, LDNS_RCODE_NXDOMAIN },
        { "er.pool.test", RR_A, EDNS_DO | EDNS_CO, LDNS_RCODE_NOERROR },
        { "alice.pool.test", RR_TXT, EDNS_DO | EDNS_CO, LDNS_RCODE_NOERROR },
        { "alice.pool.test", RR_A, EDNS_DO | EDNS_CO, LDNS_RCODE_NOERROR },
        { "nope.pool.test", RR_NSEC, EDNS_DO | EDNS_CO, LDNS_RCODE_NOERROR },
        { "astray.pool.test", RR_A, EDNS_DO | EDNS_CO, LDNS_RCODE_NXDOMAIN },
        { "astray.pool.test", RR_A, EDNS_DO, LDNS_RCODE_NOERROR },
        { "alice.pool.test", RR_NXNAME, EDNS_DO | EDNS_CO, LDNS_RCODE_FORMERR } /* 3.5 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ldns_pkt *reply = ask(rows[i].name, rows[i].type, rows[i].flags);
        assert_int_equal(ldns_pkt_get_rcode(reply), rows[i].rcode);
        assert_int_equal(ldns_pkt_edns_do(reply), (rows[i].flags & EDNS_DO) != 0);
        assert_int_equal(ldns_pkt_edns_z(reply) & ~EDNS_DO, rows[i].flags & EDNS_CO);
        ldns_pkt_free(reply);
    }
    pool.zone->settings.denial = DENIAL_NSEC;
    ldns_pkt *reply = ask("nope.pool.test", RR_A, EDNS_DO | EDNS_CO);
    assert_int_equal(ldns_pkt_get_rcode(reply), LDNS_RCODE_NXDOMAIN);
    assert_int_equal(ldns_pkt_edns_z(reply), EDNS_DO);
    ldns_pkt_free(reply);
    pool.zone->settings.denial = DENIAL_COMPACT;
}

static void an_alias_is_followed_by_the_denial_of_its_target(void **)
{
    assert_answer(
        "astray.pool.test", RR_A, EDNS_DO,
        "NOERROR CNAME / SOA nothing.pool.test. NSEC \\000.nothing.pool.test. RRSIG NSEC TYPE128");
    assert_answer(
        "www.pool.test", RR_TXT, EDNS_DO,
        "NOERROR CNAME / SOA deep.er.pool.test. NSEC \\000.deep.er.pool.test. A RRSIG NSEC");
}

/* RFC 9077 3 */
static void its_ttl_is_that_of_the_chain(void **)
{
    ldns_pkt *reply = ask("nope.pool.test", RR_A, EDNS_DO);
    const ldns_rr_list *authority = ldns_pkt_authority(reply);
    for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
        assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(authority, i)),
                         pool.zone->settings.negative_ttl_s);
    }
    ldns_pkt_free(reply);
}

/* Names up to both limits of length; each denial fits in a datagram. */
static void the_longest_names_are_denied_in_a_datagram(void **)
{
    static const char octets[] = { 'x', '\xff', '\0', '*' };
    ldns_rr_list *dnskeys = keys();
    for (size_t o = 0; o < sizeof(octets); o++) {
        char label[63];
        memset(label, octets[o], sizeof(label));
        for (size_t len = 74; len <= DNAME_MAX; len++) {
            struct dname name = name_of("pool.test"), parent;
            while (name.len < len) {
                size_t left = len - name.len;
                parent = name;
                assert_ok(dname_prepend(&name, label, left > 64 ? (left == 65 ? 62 : 63) : left - 1,
                                        &parent));
            }
            ldns_pkt *reply = ask_name(&name, RR_A, EDNS_DO);
            assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_authority(reply)), 4);
            assert_signed(ldns_pkt_authority(reply), dnskeys);
            ldns_pkt_free(reply);
        }
    }
    ldns_rr_list_deep_free(dnskeys);
}

/* Denials beyond the budget come from the zone's NSEC chain, whose signatures exist. Names denied
 * before the budget ran out are answered as before. */
static void names_beyond_the_budget_are_denied_by_the_chain(void **)
{
    signer_free(answerer.snapshot.limited_signer);
    answerer.snapshot.limited_signer = new_limited_signer();
    decide_begin(&answerer);
    assert_answer("first.pool.test", RR_A, EDNS_DO, NO_NAME("first.pool.test."));
    budget_update(&budget, 1, 1000000);
    assert_true(budget_take(&budget));
    fixture_forget_answers(&answerer);
    assert_answer(
        "second.pool.test", RR_A, EDNS_DO,
        "NXDOMAIN / SOA ns1.pool.test. NSEC time.pool.test. A RRSIG NSEC "
        "pool.test. NSEC _ntske._tcp.pool.test. NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY CAA");
    assert_answer(
        "astray.pool.test", RR_A, EDNS_DO,
        "NXDOMAIN CNAME / SOA _ntske._tcp.nl.pool.test. NSEC ns1.pool.test. SRV RRSIG NSEC "
        "pool.test. NSEC _ntske._tcp.pool.test. NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY CAA");
    assert_answer("first.pool.test", RR_A, EDNS_DO, NO_NAME("first.pool.test."));
    assert_int_equal(answerer.snapshot.counters->over_budget, 2);
    /* Denials at existing names never use the budget. */
    assert_answer("er.pool.test", RR_A, EDNS_DO,
                  "NOERROR / SOA er.pool.test. NSEC \\000.er.pool.test. RRSIG NSEC");
    assert_answer(
        "alice.pool.test", RR_TXT, EDNS_DO,
        "NOERROR / SOA alice.pool.test. NSEC \\000.alice.pool.test. A AAAA RRSIG NSEC CAA");
    uint64_t made = signer_made(answerer.snapshot.limited_signer);
    budget_update(&budget, 1, 2000000);
    assert_answer("second.pool.test", RR_A, EDNS_DO, NO_NAME("second.pool.test."));
    assert_int_equal(signer_made(answerer.snapshot.limited_signer), made + 1);
    budget = (struct budget){ 0 };
}

/* Both forms are cached side by side, so the setting may change at any time. */
static void the_setting_changes_without_a_trace(void **)
{
    static const char compact[] =
        "NOERROR / SOA alice.pool.test. NSEC \\000.alice.pool.test. A AAAA RRSIG NSEC CAA";
    static const char chain[] =
        "NOERROR / SOA alice.pool.test. NSEC astray.pool.test. A AAAA RRSIG NSEC CAA";
    for (int round = 0; round < 4; round++) {
        pool.zone->settings.denial = round % 2 == 0 ? DENIAL_NSEC : DENIAL_COMPACT;
        assert_answer("alice.pool.test", RR_TXT, EDNS_DO, round % 2 == 0 ? chain : compact);
        assert_answer("alice.pool.test", RR_TXT, EDNS_DO, round % 2 == 0 ? chain : compact);
    }
}

/* One snapshot either denies the name or serves it, never both. */
static void a_removed_member_is_denied_with_the_commit(void **)
{
    struct registry_change change;
    struct diag diag;
    assert_answer("bob.pool.test", RR_TXT, EDNS_DO,
                  "NOERROR / SOA bob.pool.test. NSEC \\000.bob.pool.test. A RRSIG NSEC CAA");
    fixture_begin(pool.stores[0], &change, &diag);
    assert_ok(registry_remove(&change, "bob", FIXTURE_NOW + 100));
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(answerer.snapshot.registry)); /* the zone state is still the old one */
    decide_begin(&answerer);
    assert_answer("bob.pool.test", RR_TXT, EDNS_DO, NO_NAME("bob.pool.test."));
    assert_answer("bob.pool.test", RR_A, EDNS_DO, NO_NAME("bob.pool.test."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_name_has_an_nsec_of_its_own_with_nxname),
        cmocka_unit_test(letter_case_changes_no_signature),
        cmocka_unit_test(a_missing_type_is_denied_without_the_next_name),
        cmocka_unit_test(what_the_bitmap_says_can_be_asked_for),
        cmocka_unit_test(without_dnssec_the_rcode_says_it),
        cmocka_unit_test(co_brings_the_rcode_back),
        cmocka_unit_test(an_alias_is_followed_by_the_denial_of_its_target),
        cmocka_unit_test(its_ttl_is_that_of_the_chain),
        cmocka_unit_test(the_longest_names_are_denied_in_a_datagram),
        cmocka_unit_test(names_beyond_the_budget_are_denied_by_the_chain),
        cmocka_unit_test(the_setting_changes_without_a_trace),
        /* last: it changes the pool */
        cmocka_unit_test(a_removed_member_is_denied_with_the_commit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
