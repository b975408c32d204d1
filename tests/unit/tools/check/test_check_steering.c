#include "tests/unit/tools/check/made_answers.h"
#include "tools/check/check_srv.h"

#define SERVICE           "_ntske._tcp.pool.test."
#define SRV               "an " SERVICE " 150 SRV 0 1 4460 "
#define A(label, address) "an " label ".pool.test. 60 A " address

enum {
    MEMBERS = 4 /* a, b, c, d */
};

/* The members that are handed out have these addresses: a and b share a network. */
static const char *const addresses[MEMBERS] = { A("a", "203.0.113.1"), A("b", "203.0.113.2"),
                                                A("c", "198.51.100.3"), A("d", "192.0.2.4") };

/* Answers by server and address family of the client subnet would hide faults: both servers say the
 * same, unless a row was added before. */
static struct check *steering_of(const char *srv)
{
    static const char *const names[MEMBERS] = { "a.pool.test.", "b.pool.test.", "c.pool.test.",
                                                "d.pool.test." };
    struct check *check = made_check();
    made_add((struct made){ NULL, SERVICE, "SRV", .authority = true, .records = srv });
    for (unsigned i = 0; i < MEMBERS; i++) {
        made_add((struct made){ NULL, names[i], "A", .authority = true, .records = addresses[i] });
    }
    made_add((struct made){ NULL, .authority = true });
    return check;
}

static void done(struct check *check)
{
    check_srv_free(check->srv);
    made_done(check);
}

static void good_answers_pass(void **)
{
    struct check *check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
    check_steering(check);
    assert_int_equal(made_bad(check), CHECK_COUNT);
    static const enum check_id made_checks[] = {
        CHECK_SERVICE, CHECK_PLACE, CHECK_TARGETS,    CHECK_DIVERSITY,   CHECK_ROTATION,
        CHECK_ECS,     CHECK_SCOPE, CHECK_SAME_SCOPE, CHECK_ECS_ADDRESS, CHECK_ECS_ZERO
    };
    for (size_t i = 0; i < sizeof(made_checks) / sizeof(made_checks[0]); i++) {
        assert_int_equal(made_level(check, made_checks[i]), CHECK_OK);
    }
    assert_int_equal(made_level(check, CHECK_ALLOWED), CHECK_LEVELS); /* no state */
    done(check);
}

/* The second server differs. */
static void each_fault_of_an_answer_has_its_check(void **)
{
    static const struct {
        struct made row;
        enum check_id id;
        enum check_level level;
    } rows[] = {
        { { .records = "" }, CHECK_SERVICE, CHECK_ERROR },
        { { .records = SRV "." }, CHECK_SERVICE, CHECK_ERROR },
        { { .records = SRV "a.pool.test.\n" SRV "c.pool.test.", .no_ecs = true },
          CHECK_ECS,
          CHECK_WARNING },
        { { .records = SRV "a.pool.test.\n" SRV "c.pool.test.", .manner = MADE_SILENCE },
          CHECK_SERVICE,
          CHECK_ERROR },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
        struct made row = rows[i].row;
        row.server = "192.0.2.2";
        row.name = SERVICE;
        row.authority = true;
        made_first(row);
        check_steering(check);
        assert_int_equal(made_bad(check), rows[i].id);
        assert_int_equal(made_level(check, rows[i].id), rows[i].level);
        done(check);
    }
}

/* RFC 7871 7.3.1: a cache would keep one answer for clients that the other server tells apart. */
static void servers_that_say_different_scopes_are_found(void **)
{
    struct check *check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
    made_first((struct made){ "192.0.2.2", SERVICE, "SRV", .authority = true,
                              .records = SRV "a.pool.test.\n" SRV "c.pool.test.", .scope = 20 });
    check_steering(check);
    assert_int_equal(made_level(check, CHECK_SAME_SCOPE), CHECK_ERROR);
    assert_int_equal(made_level(check, CHECK_ECS_ZERO), CHECK_ERROR); /* 20, of no bits */
    assert_int_equal(made_level(check, CHECK_SCOPE), CHECK_OK);
    done(check);
}

static void a_scope_may_be_longer_than_the_subnet_but_not_than_an_address(void **)
{
    for (unsigned scope = 32; scope <= 33; scope++) {
        struct check *check = steering_of("");
        made_first((struct made){ NULL, SERVICE, "SRV", .authority = true,
                                  .records = SRV "a.pool.test.\n" SRV "c.pool.test.",
                                  .scope = scope });
        check_steering(check);
        assert_int_equal(made_level(check, CHECK_SCOPE), scope == 32 ? CHECK_OK : CHECK_ERROR);
        done(check);
    }
}

static void without_client_subnets_no_scope_is_called_right(void **)
{
    struct check *check = steering_of("");
    made_first((struct made){ NULL, SERVICE, "SRV", .authority = true, .no_ecs = true,
                              .records = SRV "a.pool.test.\n" SRV "c.pool.test." });
    check_steering(check);
    assert_int_equal(made_bad(check), CHECK_ECS);
    assert_int_equal(made_level(check, CHECK_SCOPE), CHECK_LEVELS);
    assert_int_equal(made_level(check, CHECK_SAME_SCOPE), CHECK_LEVELS);
    done(check);
}

static void one_target_is_few_without_a_state(void **)
{
    struct check *check = steering_of(SRV "a.pool.test.");
    check_steering(check);
    assert_int_equal(made_bad(check), CHECK_TARGETS);
    done(check);
}

/* a and b share 203.0.113.0/24. That is a fault only if there is another one. */
static void members_of_one_network_are_found_if_there_are_others(void **)
{
    struct check *check = steering_of(SRV "a.pool.test.\n" SRV "b.pool.test.");
    check_steering(check);
    assert_int_equal(made_level(check, CHECK_DIVERSITY), CHECK_OK);
    done(check);
    check = steering_of(SRV "a.pool.test.\n" SRV "b.pool.test.");
    made_first((struct made){ "192.0.2.2", SERVICE, "SRV", .authority = true,
                              .records = SRV "b.pool.test.\n" SRV "c.pool.test." });
    check_steering(check);
    assert_int_equal(made_level(check, CHECK_DIVERSITY), CHECK_WARNING);
    assert_true(made_says(check, CHECK_DIVERSITY, "a.pool.test. and b.pool.test."));
    done(check);
}

/* Of three members, one may be missing in the answers by chance. */
static void the_same_members_are_a_fault_if_there_are_as_many_others(void **)
{
    static const struct {
        const char *others;
        enum check_level level;
    } rows[] = { { SRV "b.pool.test.\n" SRV "c.pool.test.", CHECK_OK },
                 { SRV "b.pool.test.\n" SRV "d.pool.test.", CHECK_WARNING } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
        made_first((struct made){ "192.0.2.2", SERVICE, "SRV", .authority = true,
                                  .records = rows[i].others });
        check_steering(check);
        assert_int_equal(made_level(check, CHECK_ROTATION), rows[i].level);
        done(check);
    }
}

static void srv_at_the_apex_and_scoped_addresses_are_found(void **)
{
    struct check *check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
    made_first((struct made){ NULL, "pool.test.", "SRV", .authority = true,
                              .records = "an pool.test. 60 SRV 0 1 4460 a.pool.test." });
    check_steering(check);
    assert_int_equal(made_bad(check), CHECK_PLACE);
    done(check);
    check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
    made_first((struct made){ NULL, "c.pool.test.", "A", .authority = true, .records = addresses[2],
                              .scope = 24 });
    check_steering(check);
    assert_int_equal(made_bad(check), CHECK_ECS_ADDRESS);
    done(check);
}

static void without_a_way_to_any_server_nothing_is_called_well(void **)
{
    struct check *check = steering_of("");
    made_first((struct made){ .manner = MADE_NO_ROUTE });
    check_steering(check);
    assert_int_equal(made_bad(check), CHECK_SERVICE);
    assert_true(made_says(check, CHECK_SERVICE, "no way"));
    assert_int_equal(check->findings.count, 1);
    done(check);
}

/* -- with a state -- */

/* a and c are handed out, to everybody; b is out; c is for other clients if `elsewhere`. */
static struct check_expected *expected_of(unsigned per_set, bool elsewhere)
{
    static const char *const names[] = { "a.pool.test.", "b.pool.test.", "c.pool.test." };
    struct check_expected *expected = xcalloc(1, sizeof(*expected));
    expected->count = 3;
    expected->subnet_count = 1;
    expected->members = xcalloc(3, sizeof(*expected->members));
    expected->allowed = xcalloc(3, sizeof(*expected->allowed));
    expected->per_set[0] = (uint8_t)per_set;
    for (unsigned i = 0; i < 3; i++) {
        expected->members[i] = (struct expected_member){
            .target = name_of(names[i]), .port = 4460, .in = i != 1, .reason = "fails", .domain = i
        };
        expected->allowed[i] = i == 0 || (i == 2 && !elsewhere);
        expected->in += expected->members[i].in;
    }
    return expected;
}

static void answers_are_held_against_the_state(void **)
{
    static const struct {
        const char *srv, *says;
        bool elsewhere;
        enum check_id id; /* CHECK_COUNT: all is well */
    } rows[] = {
        { SRV "a.pool.test.\n" SRV "c.pool.test.", "", false, CHECK_COUNT },
        { SRV "a.pool.test.\n" SRV "c.pool.test.", "not for this client", true, CHECK_ALLOWED },
        { SRV "a.pool.test.\n" SRV "b.pool.test.", "fails", false, CHECK_ALLOWED },
        { SRV "a.pool.test.\n" SRV "d.pool.test.", "is no member", false, CHECK_ALLOWED },
        { SRV "a.pool.test.\nan " SERVICE " 150 SRV 0 1 123 c.pool.test.", "port 123, not 4460",
          false, CHECK_ALLOWED },
        { SRV "a.pool.test.", "1 target, not 2", false, CHECK_TARGETS },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = steering_of(rows[i].srv);
        check->has_state = true;
        check->expected = expected_of(2, rows[i].elsewhere);
        check_steering(check);
        assert_int_equal(made_level(check, CHECK_ALLOWED) > CHECK_INFO,
                         rows[i].id == CHECK_ALLOWED);
        assert_int_equal(made_level(check, CHECK_TARGETS) > CHECK_INFO,
                         rows[i].id == CHECK_TARGETS);
        if (rows[i].id != CHECK_COUNT) {
            assert_true(made_says(check, rows[i].id, rows[i].says));
        }
        check_expected_free(check->expected);
        done(check);
    }
}

/* By the operators, where the state knows them; a and c are in different networks. */
static void members_of_one_failure_domain_are_found(void **)
{
    struct check *check = steering_of(SRV "a.pool.test.\n" SRV "c.pool.test.");
    check->has_state = true;
    check->expected = expected_of(2, false);
    check->expected->members[2].domain = check->expected->members[0].domain;
    made_first((struct made){ "192.0.2.2", SERVICE, "SRV", .authority = true,
                              .records = SRV "a.pool.test.\n" SRV "d.pool.test." });
    check_steering(check);
    assert_int_equal(made_level(check, CHECK_DIVERSITY), CHECK_WARNING);
    check_expected_free(check->expected);
    done(check);
}

static void members_are_found_by_target(void **)
{
    struct check_expected *expected = expected_of(2, true);
    const struct dname known = name_of("C.pool.test."), other = name_of("x.pool.test.");
    size_t index = check_expected_find(expected, &known);
    assert_int_equal(index, 2);
    assert_false(check_expected_allows(expected, 0, index));
    assert_true(check_expected_allows(expected, 0, 0));
    assert_int_equal(check_expected_find(expected, &other), SIZE_MAX);
    check_expected_free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answers_pass),
        cmocka_unit_test(each_fault_of_an_answer_has_its_check),
        cmocka_unit_test(servers_that_say_different_scopes_are_found),
        cmocka_unit_test(a_scope_may_be_longer_than_the_subnet_but_not_than_an_address),
        cmocka_unit_test(without_client_subnets_no_scope_is_called_right),
        cmocka_unit_test(one_target_is_few_without_a_state),
        cmocka_unit_test(members_of_one_network_are_found_if_there_are_others),
        cmocka_unit_test(the_same_members_are_a_fault_if_there_are_as_many_others),
        cmocka_unit_test(srv_at_the_apex_and_scoped_addresses_are_found),
        cmocka_unit_test(without_a_way_to_any_server_nothing_is_called_well),
        cmocka_unit_test(answers_are_held_against_the_state),
        cmocka_unit_test(members_of_one_failure_domain_are_found),
        cmocka_unit_test(members_are_found_by_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
