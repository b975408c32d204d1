#include "server/answering/respond.h"
#include "tests/answerer_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct answerer answerer;
static struct sigcache *cache, *limited_cache;
static struct budget budget;

static int set_up(void **)
{
    pool_fixture_init_located(&pool);
    cache = sigcache_new(1024);
    limited_cache = sigcache_new(1024);
    budget = (struct budget){ 0 };
    fixture_answerer_init(&answerer, &pool, fixture_signer(&pool, cache, 1),
                          fixture_signer(&pool, limited_cache, 2));
    signer_limit(answerer.snapshot.limited_signer, &budget);
    answerer.whoami.server = NULL;
    return 0;
}

static int tear_down(void **)
{
    fixture_answerer_done(&answerer);
    sigcache_free(cache);
    sigcache_free(limited_cache);
    pool_fixture_done(&pool);
    return 0;
}

static struct query query_of(const char *name, uint16_t type, const char *subnet, uint8_t length)
{
    struct query query = { .id = 7,
                           .has_question = true,
                           .qname = name_of(name),
                           .qtype = type,
                           .qclass = RR_CLASS_IN,
                           .edns = true,
                           .dnssec_ok = true,
                           .udp_size = 1232 };
    if (subnet != NULL) {
        query.subnet.present = true;
        query.subnet.source = length;
        assert_ok(address_parse(&query.subnet.address, subnet));
        query.subnet.family = address_is_ipv4(&query.subnet.address) ? 1 : 2;
    }
    return query;
}

static const struct answer *decide(const struct query *query, const char *from)
{
    static struct address source;
    struct qname_info qname;
    assert_ok(address_parse(&source, from));
    const struct asking asking = { query, &source, &qname };
    fixture_prepare(&answerer, &asking);
    return decide_answer(&answerer, &asking);
}

/* The strings of the last RRset of the answer section, with a space between. */
static const char *text_of(const struct answer *answer)
{
    static char text[600];
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_true(answer->answer_count > 0 && answer->answer_count == answer->total);
    const struct rrset *set = &answer->sets[answer->answer_count - 1].set;
    assert_int_equal(set->type, RR_TXT);
    assert_int_equal(set->count, 1);
    assert_int_equal(set->ttl, 0);
    struct reader r = reader_of(set->rdata + 2, set->rdata_len - 2);
    struct writer w = writer_of(text, sizeof(text));
    while (reader_left(&r) > 0) {
        uint8_t len = read_u8(&r);
        write_octets(&w, " ", w.at > 0 ? 1 : 0);
        write_octets(&w, read_octets(&r, len), len);
    }
    write_u8(&w, 0);
    assert_false(r.failed || w.failed);
    return text;
}

static uint64_t signed_alone(void)
{
    return signer_made(answerer.snapshot.limited_signer);
}

static void a_client_is_told_its_address_cell_and_area(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, NULL, 0);
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=24 cell=FR area=FR");
    assert_int_equal(answerer.answer.scope, 0);
    assert_string_equal(text_of(decide(&query, "2001:db8:1::7")),
                        "source=2001:db8:1::7 scope=48 cell=NL area=NL");
    assert_string_equal(text_of(decide(&query, "9.9.9.9")),
                        "source=9.9.9.9 scope=7 cell=world area=world");
}

static void a_subnet_counts_instead_of_the_source_and_the_answer_is_for_it_alone(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, "10.1.2.0", 28);
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 subnet=10.1.2.0/28 scope=24 cell=LU area=LU");
    assert_int_equal(answerer.answer.scope, 28);
    query = query_of("_whoami.pool.test", RR_TXT, "2001:db8:2:3::", 64);
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 subnet=2001:db8:2:3::/64 scope=64 cell=DE area=DE");
    query = query_of("_whoami.pool.test", RR_TXT, "192.0.2.0", 120); /* as IPv4-mapped IPv6 */
    query.subnet.family = 2;
    assert_string_equal(text_of(decide(&query, "10.0.0.1")),
                        "source=10.0.0.1 subnet=192.0.2.0/24 scope=24 cell=FR area=FR");
    assert_int_equal(answerer.answer.scope, 120);
    query = query_of("_whoami.pool.test", RR_TXT, "::", 0); /* the client wants no ECS */
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=24 cell=FR area=FR");
    assert_int_equal(answerer.answer.scope, 0);
}

/* A worker reads each message into the place of an earlier one. */
static void the_subnet_of_an_earlier_query_is_not_told(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, "10.1.2.0", 28);
    (void)decide(&query, "192.0.2.7");
    query.subnet.present = false;
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=24 cell=FR area=FR");
}

static void the_server_gives_its_nsid(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, NULL, 0);
    answerer.whoami.server = "ns1 \"of\" the pool";
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=24 cell=FR area=FR server=ns1 \"of\" the pool");
}

static void without_a_location_file_there_is_the_world(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, NULL, 0);
    assert_int_equal(tear_down(NULL), 0);
    pool_fixture_init(&pool, NULL);
    cache = sigcache_new(16);
    limited_cache = sigcache_new(16);
    fixture_answerer_init(&answerer, &pool, fixture_signer(&pool, cache, 1),
                          fixture_signer(&pool, limited_cache, 2));
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=0 cell=world area=world");
}

static void an_alias_leads_to_it(void **)
{
    struct query query = query_of("who.pool.test", RR_TXT, NULL, 0);
    const struct answer *answer = decide(&query, "192.0.2.7");
    assert_string_equal(text_of(answer), "source=192.0.2.7 scope=24 cell=FR area=FR");
    assert_int_equal(answer->answer_count, 2);
    uint8_t out[DNS_UDP_MAX];
    const struct response response = { .query = &query, .out = out, .limit = sizeof(out) };
    struct written written =
        respond_answer(&response, answer, answerer.snapshot.signer, FIXTURE_NOW);
    assert_true(written.whole);
    assert_int_equal(out[7], 4); /* both with their signatures */
}

static void only_signed_answers_take_from_the_budget(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, NULL, 0);
    query.dnssec_ok = false;
    (void)text_of(decide(&query, "192.0.2.7"));
    assert_int_equal(signed_alone(), 0);
    query.dnssec_ok = true;
    (void)text_of(decide(&query, "192.0.2.7"));
    (void)text_of(decide(&query, "192.0.2.7"));
    assert_int_equal(signed_alone(), 1);
    (void)text_of(decide(&query, "192.0.2.8"));
    assert_int_equal(signed_alone(), 2);
    assert_int_equal(signer_made(answerer.snapshot.signer), 0);
}

/* Over the budget all clients get the same text, whose signature is made once. */
static void over_the_budget_the_answer_says_nothing_of_the_client(void **)
{
    struct query query = query_of("_whoami.pool.test", RR_TXT, NULL, 0);
    budget_update(&budget, 1, 1);
    assert_true(budget_take(&budget));
    for (int i = 0; i < 5; i++) {
        char from[32];
        uint8_t out[DNS_UDP_MAX];
        (void)snprintf(from, sizeof(from), "192.0.2.%d", i);
        const struct answer *answer = decide(&query, from);
        assert_string_equal(text_of(answer), "details=none");
        assert_false(answer->over_budget);
        const struct response response = { .query = &query, .out = out, .limit = sizeof(out) };
        struct written written =
            respond_answer(&response, answer, answerer.snapshot.signer, FIXTURE_NOW);
        assert_true(written.whole);
        assert_int_equal(out[7], 2);
    }
    assert_int_equal(signed_alone(), 0);
    assert_int_equal(signer_made(answerer.snapshot.signer), 1);
    query.dnssec_ok = false;
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=24 cell=FR area=FR");
}

static void any_and_rrsig_have_answers_too(void **)
{
    struct query query = query_of("_WhoAmI.pool.test", RR_ANY, NULL, 0);
    assert_string_equal(text_of(decide(&query, "192.0.2.7")),
                        "source=192.0.2.7 scope=24 cell=FR area=FR");
    uint64_t made = signed_alone();
    query = query_of("_whoami.pool.test", RR_RRSIG, NULL, 0);
    assert_string_equal(text_of(decide(&query, "192.0.2.8")), "details=none");
    assert_true(answerer.answer.signatures_only);
    assert_int_equal(signed_alone(), made);
}

static void other_types_are_denied(void **)
{
    static const enum denial forms[] = { DENIAL_NSEC, DENIAL_COMPACT };
    for (size_t i = 0; i < 2; i++) {
        pool.zone->settings.denial = forms[i];
        struct query query = query_of("_whoami.pool.test", RR_A, "10.1.2.0", 24);
        const struct answer *answer = decide(&query, "192.0.2.7");
        assert_int_equal(answer->rcode, RCODE_NOERROR);
        assert_int_equal(answer->answer_count, 0);
        assert_int_equal(answer->total, 2); /* SOA and NSEC */
        assert_int_equal(answer->scope, 0);
        query = query_of("x._whoami.pool.test", RR_TXT, NULL, 0);
        answer = decide(&query, "192.0.2.7");
        assert_int_equal(answer->answer_count, 0);
        assert_int_equal(answer->rcode, i == 0 ? RCODE_NXDOMAIN : RCODE_NOERROR);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_told_its_address_cell_and_area),
        TEST(a_subnet_counts_instead_of_the_source_and_the_answer_is_for_it_alone),
        TEST(the_subnet_of_an_earlier_query_is_not_told),
        TEST(the_server_gives_its_nsid),
        TEST(without_a_location_file_there_is_the_world),
        TEST(an_alias_leads_to_it),
        TEST(only_signed_answers_take_from_the_budget),
        TEST(over_the_budget_the_answer_says_nothing_of_the_client),
        TEST(any_and_rrsig_have_answers_too),
        TEST(other_types_are_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
