#include "tests/unit/tools/check/made_answers.h"
#include "tools/check/check_delegation.h"

#define ROOT        "192.0.2.100"
#define TEST_SERVER "192.0.2.53"
#define RESOLVER    "192.0.2.200"
#define TO_TEST     "au test. 60 NS ns.test.\nad ns.test. 60 A " TEST_SERVER
#define TO_POOL                                                                                    \
    "au pool.test. 60 NS ns1.pool.test.\nau pool.test. 60 NS ns2.pool.test.\n"                     \
    "ad ns1.pool.test. 60 A 192.0.2.1\nad ns1.pool.test. 60 AAAA 2001:db8::1\n"                    \
    "ad ns2.pool.test. 60 A 192.0.2.2"

/* A pool of which only a root server is known. */
static struct check *undelegated(void)
{
    struct check *check = made_check();
    check->server_count = 0;
    check->options.roots.count = 1;
    check->options.roots.list[0].address = address_of(ROOT);
    check->options.resolvers.count = 1; /* else the system's are asked */
    check->options.resolvers.list[0].address = address_of(RESOLVER);
    return check;
}

static void serves(const char *server, const char *records)
{
    made_add((struct made){ server, "pool.test.", "NS", .records = records });
}

static void the_walk_goes_from_the_root_to_the_pool(void **)
{
    struct check *check = undelegated();
    serves(ROOT, TO_TEST);
    serves(TEST_SERVER, TO_POOL);
    made_add((struct made){ NULL, "pool.test.", "NS", .authority = true,
                            .records = "an pool.test. 60 NS ns1.pool.test.\n"
                                       "an pool.test. 60 NS ns3.pool.test.\n"
                                       "ad ns3.pool.test. 60 A 192.0.2.3" });
    check_delegation(check);
    assert_int_equal(made_bad(check), CHECK_COUNT);
    const struct address parent = address_of(TEST_SERVER), own = address_of("192.0.2.3");
    assert_int_equal(check->parents.count, 1);
    assert_true(address_equal(&check->parents.list[0].address, &parent));
    const struct dname zone = name_of("test.");
    assert_true(dname_equal(&check->parent_zone, &zone));
    /* Three addresses of the delegation, and one that only the pool names. */
    assert_int_equal(check->server_count, 4);
    assert_true(check->servers[0].delegated && check->servers[2].delegated);
    assert_true(address_equal(&check->servers[3].endpoint.address, &own));
    assert_false(check->servers[3].delegated);
    made_done(check);
}

/* The walk must end whatever the servers say, and believe nothing that leads it upwards or aside.
 */
static void referrals_that_lead_nowhere_end_the_walk(void **)
{
    static const char *const referrals[] = {
        "",
        "au . 60 NS a.root.\nad a.root. 60 A " ROOT,
        "au test. 60 NS ns.test.\nad ns.test. 60 A " TEST_SERVER, /* to itself */
        "au other.test. 60 NS ns.test.\nad ns.test. 60 A " TEST_SERVER,
        "au deeper.pool.test. 60 NS ns.test.\nad ns.test. 60 A " TEST_SERVER,
    };
    for (size_t i = 0; i < sizeof(referrals) / sizeof(referrals[0]); i++) {
        struct check *check = undelegated();
        serves(ROOT, TO_TEST);
        serves(TEST_SERVER, referrals[i]);
        check_delegation(check);
        assert_int_equal(made_bad(check), CHECK_DELEGATION);
        assert_true(made_says(check, CHECK_DELEGATION, "none of the 1 servers of test."));
        assert_int_equal(check->server_count, 0);
        assert_true(made.asked < 10);
        made_done(check);
    }
}

/* Each server refers to another one, for a zone that is one label deeper. */
static void the_walk_has_a_greatest_depth(void **)
{
    enum {
        LABELS = 40
    };
    static char servers[LABELS][ADDRESS_TEXT_MAX], records[LABELS][DNAME_TEXT_MAX + 64];
    struct check *check = undelegated();
    char text[DNAME_TEXT_MAX];
    check->pool = name_of("test.");
    for (unsigned i = 0; i < LABELS; i++) {
        const struct dname above = check->pool;
        assert_ok(dname_prepend(&check->pool, "x", 1, &above));
    }
    (void)dname_text(&check->pool, text);
    for (unsigned i = 0; i < LABELS; i++) {
        (void)snprintf(servers[i], sizeof(servers[i]), "203.0.113.%u", i);
        (void)snprintf(records[i], sizeof(records[i]),
                       "au %s 60 NS n.test.\nad n.test. 60 A 203.0.113.%u",
                       text + 2 * (size_t)(LABELS - 1 - i), i + 1);
        made_add((struct made){ servers[i], NULL, "NS", .records = records[i] });
    }
    check->options.roots.list[0].address = address_of(servers[0]);
    check_delegation(check);
    assert_int_equal(check->server_count, 0);
    assert_int_equal(made_bad(check), CHECK_DELEGATION);
    assert_in_range(made.asked, 10, 20);
    made_done(check);
}

static void a_name_server_without_an_address_is_found(void **)
{
    static const struct {
        const char *referral;
        enum check_id id; /* CHECK_COUNT: all is well */
    } rows[] = {
        { "au pool.test. 60 NS ns1.pool.test.", CHECK_GLUE }, /* inside: the parent must know it */
        { "au pool.test. 60 NS ns.nowhere.example.", CHECK_LAME },
        { "au pool.test. 60 NS ns.known.example.", CHECK_COUNT },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = undelegated();
        serves(ROOT, TO_TEST);
        serves(TEST_SERVER, rows[i].referral);
        made_add((struct made){ RESOLVER, "ns.known.example.", "A",
                                .records = "an ns.known.example. 60 A 192.0.2.9" });
        check_delegation(check);
        assert_int_equal(made_bad(check), rows[i].id);
        assert_int_equal(check->server_count, rows[i].id == CHECK_COUNT ? 1 : 0);
        made_done(check);
    }
}

static void more_name_servers_than_there_is_room_for_are_left_out(void **)
{
    struct check *check = undelegated();
    char records[8000] = "";
    for (unsigned i = 0; i < 2 * CHECK_SERVERS_MAX; i++) {
        size_t used = strlen(records);
        (void)snprintf(records + used, sizeof(records) - used,
                       "au pool.test. 60 NS n%u.pool.test.\nad n%u.pool.test. 60 A 192.0.2.%u\n", i,
                       i, i + 1);
    }
    serves(ROOT, TO_TEST);
    serves(TEST_SERVER, records);
    check_delegation(check);
    assert_int_equal(check->server_count, CHECK_SERVERS_MAX);
    made_done(check);
}

static void named_servers_are_not_looked_for(void **)
{
    struct check *check = made_check(); /* as by --server */
    check->options.roots.count = 1;
    check_delegation(check);
    assert_int_equal(made.asked, 0);
    assert_int_equal(check->server_count, 2);
    assert_int_equal(check->parents.count, 0);
    made_done(check);
}

static void without_a_route_to_the_root_the_machine_is_named(void **)
{
    struct check *check = undelegated();
    made_add((struct made){ .manner = MADE_NO_ROUTE });
    check_delegation(check);
    assert_int_equal(made_bad(check), CHECK_DELEGATION);
    assert_true(made_says(check, CHECK_DELEGATION, "this machine has no way"));
    made_done(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_goes_from_the_root_to_the_pool),
        cmocka_unit_test(referrals_that_lead_nowhere_end_the_walk),
        cmocka_unit_test(the_walk_has_a_greatest_depth),
        cmocka_unit_test(a_name_server_without_an_address_is_found),
        cmocka_unit_test(more_name_servers_than_there_is_room_for_are_left_out),
        cmocka_unit_test(named_servers_are_not_looked_for),
        cmocka_unit_test(without_a_route_to_the_root_the_machine_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
