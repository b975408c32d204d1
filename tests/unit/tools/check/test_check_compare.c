#include "tests/unit/unit.h"
#include "tools/check/check_compare.h"
#include "tools/check/check_dnssec.h"

/* Two name servers that say the same. */
struct pair {
    struct check *check;
    struct server_facts facts[2];
};

static struct pair pair_of(void)
{
    struct pair pair = { .check = xcalloc(1, sizeof(*pair.check)) };
    pair.check->server_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        pair.check->servers[i].name = name_of(i == 0 ? "ns1.pool.test." : "ns2.pool.test.");
        pair.check->servers[i].endpoint.address = address_of(i == 0 ? "192.0.2.1" : "192.0.2.2");
        pair.check->servers[i].answers = true;
        pair.facts[i] = (struct server_facts){ .complete = true,
                                               .has_cookie = true,
                                               .serial = 7,
                                               .soa_ttl = 60,
                                               .rtt_us = 100,
                                               .denial = DENIAL_SEEN_CHAIN,
                                               .largest = 1232,
                                               .nsid_len = 1,
                                               .nsid = { (uint8_t)i } };
    }
    return pair;
}

/* The only check that failed; CHECK_COUNT: none. */
static enum check_id failed(const struct check *check)
{
    enum check_id id = CHECK_COUNT;
    for (size_t i = 0; i < check->findings.count; i++) {
        const struct finding *finding = &check->findings.list[i];
        if (finding->level > CHECK_INFO) {
            assert_int_equal(id, CHECK_COUNT);
            assert_int_equal(finding->level, check_rows[finding->id].worst);
            assert_string_equal(finding->subject, "ns2.pool.test. 192.0.2.2");
            id = finding->id;
        }
    }
    return id;
}

static enum check_id judge(struct pair *pair)
{
    check_compare(pair->check, pair->facts);
    enum check_id id = failed(pair->check);
    free(pair->check);
    return id;
}

static void servers_that_say_the_same_pass(void **)
{
    struct pair pair = pair_of();
    assert_int_equal(judge(&pair), CHECK_COUNT);
}

static void each_difference_fails_its_own_check(void **)
{
    struct pair pair = pair_of();
    pair.facts[1].keys[CHECK_DIGEST - 1] = 1;
    assert_int_equal(judge(&pair), CHECK_DNSKEY);
    pair = pair_of();
    pair.facts[1].denial = DENIAL_SEEN_COMPACT;
    assert_int_equal(judge(&pair), CHECK_DENIAL_MODE);
    pair = pair_of();
    pair.facts[1].largest = 1233;
    assert_int_equal(judge(&pair), CHECK_SIZE);
    pair = pair_of();
    pair.facts[1].nsid[0] = pair.facts[0].nsid[0];
    assert_int_equal(judge(&pair), CHECK_NSID);
}

static void every_ttl_is_compared(void **)
{
    for (unsigned i = 0; i < 5; i++) {
        struct pair pair = pair_of();
        struct server_facts *facts = &pair.facts[1];
        uint32_t *const ttls[] = { &facts->soa_ttl, &facts->ns_ttl, &facts->dnskey_ttl,
                                   &facts->srv_ttl, &facts->negative_ttl };
        *ttls[i] += 1;
        assert_int_equal(judge(&pair), CHECK_TTL);
    }
}

static void addresses_of_one_name_server_may_share_an_nsid(void **)
{
    struct pair pair = pair_of();
    pair.facts[1].nsid[0] = pair.facts[0].nsid[0];
    pair.check->servers[1].name = pair.check->servers[0].name;
    assert_int_equal(judge(&pair), CHECK_COUNT);
    pair = pair_of();
    pair.facts[0].nsid_len = pair.facts[1].nsid_len = 0; /* none is no conflict */
    assert_int_equal(judge(&pair), CHECK_COUNT);
}

static void a_server_that_did_not_answer_all_is_not_compared(void **)
{
    struct pair pair = pair_of();
    pair.facts[1] = (struct server_facts){ .serial = 7 };
    assert_int_equal(judge(&pair), CHECK_COUNT);
    pair = pair_of();
    pair.facts[0].complete = pair.facts[1].complete = false;
    pair.facts[1].soa_ttl = 1;
    assert_int_equal(judge(&pair), CHECK_COUNT);
}

/* RFC 1982: serial 1 is newer than 2^32 - 1. */
static void the_state_may_know_a_newer_serial(void **)
{
    for (unsigned newer = 0; newer < 2; newer++) {
        struct pair pair = pair_of();
        pair.facts[0].serial = pair.facts[1].serial = UINT32_MAX;
        pair.check->has_state = true;
        pair.check->settings.serial = newer ? 1 : UINT32_MAX - 1;
        check_compare(pair.check, pair.facts);
        assert_int_equal(check_worst(pair.check), newer ? CHECK_ERROR : CHECK_INFO);
        free(pair.check);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_that_say_the_same_pass),
        cmocka_unit_test(each_difference_fails_its_own_check),
        cmocka_unit_test(every_ttl_is_compared),
        cmocka_unit_test(addresses_of_one_name_server_may_share_an_nsid),
        cmocka_unit_test(a_server_that_did_not_answer_all_is_not_compared),
        cmocka_unit_test(the_state_may_know_a_newer_serial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
