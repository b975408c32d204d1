/* Answers about the apex: by blocks of the zone state, else from the store. */
#include "server/answering/respond.h"
#include "tests/answerer_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct answerer answerer;

static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    struct signer *signer = fixture_signer(&pool, pool.cache, 1);
    fixture_answerer_init(&answerer, &pool, signer, signer);
    return 0;
}

static int tear_down(void **)
{
    fixture_answerer_done(&answerer);
    pool_fixture_done(&pool);
    return 0;
}

struct said {
    bool block;
    enum answer_kind kind;
    size_t len;
    uint8_t octets[1232];
};

static struct said ask(uint16_t type, bool dnssec_ok)
{
    static const struct address source = { { 0 } };
    const struct query query = { .id = 7,
                                 .has_question = true,
                                 .qname = name_of("Pool.TEST"),
                                 .qtype = type,
                                 .qclass = RR_CLASS_IN,
                                 .edns = true,
                                 .dnssec_ok = dnssec_ok,
                                 .udp_size = 1232 };
    struct qname_info qname;
    struct said said;
    const struct asking asking = { &query, &source, &qname };
    const struct response response = { .query = &query,
                                       .out = said.octets,
                                       .limit = sizeof(said.octets) };
    fixture_prepare(&answerer, &asking);
    const struct answer *answer = decide_answer(&answerer, &asking);
    said.block = answer->sets[0].block != NULL;
    said.kind = answer->kind;
    said.len =
        respond_answer(&response, answer, answerer.snapshot.signer, answerer.snapshot.now).len;
    return said;
}

static void a_block_answers_as_the_records_do(void **)
{
    const uint16_t types[] = { RR_SOA, RR_NS, RR_DNSKEY };
    for (size_t i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
        answerer.snapshot.now = FIXTURE_NOW;
        struct said block = ask(types[i / 2], i % 2 == 0);
        answerer.snapshot.now = pool.zone->blocks_until;
        struct said records = ask(types[i / 2], i % 2 == 0);
        assert_true(block.block && !records.block);
        assert_int_equal(block.kind, ANSWER_APEX);
        assert_int_equal(records.kind, ANSWER_APEX);
        assert_int_equal(block.len, records.len);
        assert_memory_equal(block.octets, records.octets, block.len);
    }
}

/* The block of the zone state is older than the transaction then. */
static void a_new_name_server_answers_at_once(void **)
{
    struct registry_change change;
    struct diag diag;
    const struct name_server ns = { .name = name_of("ns3.example.net") };
    assert_int_equal(ask(RR_NS, true).octets[7], 2 + 1);
    fixture_begin(pool.stores[0], &change, &diag);
    assert_ok(registry_server_add(&change, &ns));
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(answerer.snapshot.registry));
    decide_begin(&answerer);
    assert_int_equal(ask(RR_NS, true).octets[7], 3 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_block_answers_as_the_records_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_name_server_answers_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
