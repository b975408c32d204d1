#include "tests/unit/registry_fixture.h"
#include "tools/check/check_expected.h"
#include "tools/check/check_subnets.h"
#include "zone/registry/node.h"

static struct check_options *options;
static struct check_expected *expected;
static enum result result;

static int run_check(struct cli *cli, int argc, char **argv)
{
    (void)argc, (void)argv;
    result = check_expected_read(&expected, cli, options);
    return CLI_DONE;
}

/* What the state says, once it is committed and closed; `subnets` are asked about. */
static const struct check_expected *expected_of(unsigned subnets)
{
    static const struct option_row rows[] = { { "locations", 0, "F", true, "" },
                                              { "edge", 0, "NAME", false, "" },
                                              { 0 } };
    static const struct cli_command commands[] = { { "check", "", 0, 0, "", NULL, rows,
                                                     run_check } };
    static const struct cli_group groups[] = { { 0 } };
    static const enum store_kind others[] = { STORE_HEALTH, STORE_HISTORY, STORE_TRAFFIC };
    char *argv[] = { (char[]){ "ntspool" }, (char[]){ "-s" }, dir, (char[]){ "check" }, NULL };
    assert_ok(registry_commit(at(NOW)));
    store_close(store);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_ok(store_create(dir, others[i], &diag));
    }
    options = xcalloc(1, sizeof(*options));
    check_subnets_preset(options);
    options->subnet_count = subnets;
    assert_int_equal(cli_main(commands, 1, groups, 4, argv), CLI_DONE);
    free(options);
    assert_ok(result);
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag)); /* for tear_down */
    begin();
    return expected;
}

static const struct expected_member *member_at(const char *target)
{
    const struct dname name = name_of(target);
    size_t index = check_expected_find(expected, &name);
    return index == SIZE_MAX ? NULL : &expected->members[index];
}

/* A member that the operator hands out. */
static void add(const char *label, const char *address, void (*change_it)(struct member *member))
{
    struct member member = member_of(label, address);
    (void)snprintf(member.operator_name, sizeof(member.operator_name), "%s", label);
    member.override = OVERRIDE_ELIGIBLE;
    if (change_it != NULL) {
        change_it(&member);
    }
    assert_ok(registry_add(at(NOW), &member, true));
}

static void suspend(struct member *member)
{
    member->suspended = true;
}

static void leave_to_probes(struct member *member)
{
    member->override = OVERRIDE_AUTO;
}

static void name_account(struct member *member)
{
    (void)snprintf(member->accounturi, sizeof(member->accounturi), "https://ca.example/1");
    member->port = 4461;
}

static void use_own_name(struct member *member)
{
    member->target = name_of("NTP.example.net.");
}

static void each_member_is_known_by_its_target(void **)
{
    add("carol", "192.0.2.3", NULL);
    add("alice", "198.51.100.1", name_account);
    add("bob", "192.0.2.2", suspend);
    add("dave", NULL, use_own_name);
    add("erin", "192.0.2.5", leave_to_probes);
    const struct check_expected *all = expected_of(3);
    assert_int_equal(all->count, 5);
    assert_null(member_at("alice."));
    const struct expected_member *alice = member_at("alice.pool.test."),
                                 *bob = member_at("BOB.pool.test."),
                                 *dave = member_at("ntp.example.net."),
                                 *erin = member_at("erin.pool.test.");
    assert_true(alice->in && alice->account && !alice->decided && !alice->own_name);
    assert_int_equal(alice->port, 4461);
    const struct address first = address_of("198.51.100.1");
    assert_int_equal(alice->address_count, 1);
    assert_true(address_equal(&alice->addresses[0], &first));
    assert_true(!bob->in && bob->decided && !bob->account);
    assert_true(dave->own_name && dave->address_count == 0);
    assert_true(!erin->in && !erin->decided); /* no probe has seen it */
    assert_true(strlen(erin->reason) > 0);
    assert_int_not_equal(alice->domain, member_at("carol.pool.test.")->domain);
    check_expected_free(expected);
}

/* By the state without location files: all clients are in one cell. */
static void members_that_are_in_are_allowed_for_each_subnet(void **)
{
    add("zoe", "192.0.2.9", NULL);
    add("bob", "192.0.2.2", suspend);
    add("alice", "198.51.100.1", NULL);
    const struct check_expected *all = expected_of(2);
    assert_int_equal(all->in, 2);
    for (unsigned subnet = 0; subnet < 2; subnet++) {
        assert_int_equal(all->per_set[subnet], 2);
        for (size_t i = 0; i < all->count; i++) {
            assert_int_equal(check_expected_allows(all, subnet, i), all->members[i].in);
        }
    }
    check_expected_free(expected);
}

/* The digest is that of the RRset that servers send. */
static void caa_is_that_of_settings_and_account(void **)
{
    uint8_t scratch[NODE_SCRATCH], digest[CHECK_DIGEST];
    struct settings settings;
    struct node node = { .kind = NODE_MEMBER };
    struct rrset set;
    assert_ok(registry_settings(txn, &settings, &diag));
    add("alice", "192.0.2.1", name_account);
    add("bob", "192.0.2.2", NULL);
    (void)expected_of(1);
    assert_true(node_rrset(&node, &settings, RR_CAA, 0, scratch, &set));
    check_digest(&set, digest);
    assert_memory_equal(member_at("bob.pool.test.")->caa, digest, CHECK_DIGEST);
    assert_memory_not_equal(member_at("alice.pool.test.")->caa, digest, CHECK_DIGEST);
    check_expected_free(expected);
}

static void a_pool_without_members_is_read_as_well(void **)
{
    const struct check_expected *all = expected_of(1);
    assert_int_equal(all->count, 0);
    assert_int_equal(all->in, 0);
    assert_null(member_at("alice.pool.test."));
    check_expected_free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_member_is_known_by_its_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_that_are_in_are_allowed_for_each_subnet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(caa_is_that_of_settings_and_account, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pool_without_members_is_read_as_well, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
