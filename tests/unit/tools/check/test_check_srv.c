#include "tests/unit/tools/check/made_answers.h"
#include "tools/check/check_srv.h"

#define SERVICE "_ntske._tcp.pool.test."
#define SRV     "an " SERVICE " 150 SRV 0 1 4460 "

static void all_servers_answer(const char *service, const char *type, const char *records)
{
    made_add((struct made){ NULL, service, type, .authority = true, .records = records });
}

/* What the servers say besides: SRV records at the service's name, a SOA record. */
static struct check *view_of(const char *srv)
{
    struct check *check = made_check();
    all_servers_answer(SERVICE, "SRV", srv);
    all_servers_answer("pool.test.", "SOA", "");
    all_servers_answer("pool.test.", "SRV", "");
    return check;
}

static void done(struct check *check)
{
    check_srv_free(check->srv);
    made_done(check);
}

static void a_target_is_known_once_by_name_and_port(void **)
{
    struct check *check = view_of(SRV "a.pool.test.\n" SRV "A.POOL.test.\n"
                                      "an " SERVICE " 150 SRV 0 1 4461 a.pool.test.\n" SRV
                                      "ntp.example.net.\n" SRV ".");
    const struct srv_view *view = check_srv(check);
    assert_int_equal(view->target_count, 3);
    assert_true(view->targets[0].inside && view->targets[1].inside && !view->targets[2].inside);
    assert_int_equal(view->targets[1].port, 4461);
    assert_true(view->answers[0].none);
    assert_int_equal(view->answers[0].ttl, 150);
    assert_ptr_equal(check_srv(check), view); /* asked once */
    done(check);
}

static void of_more_targets_than_an_answer_has_room_for_some_are_taken(void **)
{
    char records[2048] = "";
    for (unsigned i = 0; i < 2 * SRV_TARGETS_MAX; i++) {
        size_t used = strlen(records);
        (void)snprintf(records + used, sizeof(records) - used, SRV "m%u.pool.test.\n", i);
    }
    struct check *check = view_of(records);
    const struct srv_view *view = check_srv(check);
    assert_int_equal(view->answers[0].count, SRV_TARGETS_MAX);
    done(check);
}

static void records_of_other_names_are_not_taken(void **)
{
    struct check *check = view_of("an pool.test. 150 SRV 0 1 4460 a.pool.test.\n"
                                  "ad " SERVICE " 150 SRV 0 1 4460 b.pool.test.");
    const struct srv_view *view = check_srv(check);
    assert_int_equal(view->target_count, 0);
    assert_true(view->answers[0].came);
    done(check);
}

/* From the first question on: each to a silent server takes seconds. */
static void a_silent_server_is_asked_no_more(void **)
{
    struct check *check = made_check();
    made_add((struct made){ "192.0.2.2", .manner = MADE_SILENCE });
    all_servers_answer(SERVICE, "SRV", SRV "a.pool.test.");
    all_servers_answer(NULL, NULL, "");
    check->servers[2] = check->servers[1];
    check->servers[2].endpoint.address = address_of("2001:db8::2");
    check->server_count = 3;
    made_first((struct made){ "2001:db8::2", .manner = MADE_NO_ROUTE });
    const struct srv_view *view = check_srv(check);
    assert_int_equal(view->server_count, 1);
    assert_int_equal(view->silent_count, 1);
    assert_int_equal(view->silent[0].server, 1);
    assert_string_equal(view->silent[0].why.text, "no answer");
    assert_int_equal(view->away_count, 1);
    for (unsigned i = 0; i < view->rounds; i++) {
        assert_int_equal(view->answers[i].server, 0);
    }
    done(check);
}

static void a_server_that_is_silent_about_the_service_is_dropped(void **)
{
    struct check *check = made_check();
    made_add((struct made){ "192.0.2.2", SERVICE, .manner = MADE_SILENCE });
    all_servers_answer(NULL, NULL, "");
    const struct srv_view *view = check_srv(check);
    assert_int_equal(view->server_count, 1);
    assert_int_equal(view->silent_count, 1);
    done(check);
}

static void nobody_to_ask_gives_an_empty_view(void **)
{
    struct check *check = made_check();
    const struct srv_view *view = check_srv(check);
    assert_int_equal(view->server_count, 0);
    assert_int_equal(view->silent_count, 2);
    assert_int_equal(view->target_count, 0);
    unsigned asked = made.asked;
    check_srv_lookup(check, check->srv);
    assert_int_equal(made.asked, asked);
    done(check);
}

/* -- what is looked up of a target -- */

static struct srv_target lookup(const char *a, const char *caa, unsigned scope)
{
    struct check *check = made_check();
    all_servers_answer(SERVICE, "SRV", SRV "a.pool.test.\n" SRV "ntp.example.net.");
    made_add((struct made){ NULL, "a.pool.test.", "A", .authority = true, .records = a,
                            .scope = scope });
    made_add((struct made){ NULL, "a.pool.test.", "AAAA", .authority = true,
                            .records = "an a.pool.test. 60 AAAA 2001:db8::a" });
    made_add((struct made){ NULL, "a.pool.test.", "CAA", .authority = true, .records = caa });
    all_servers_answer("pool.test.", NULL, "");
    const struct srv_view *view = check_srv(check);
    struct srv_target target = view->targets[0];
    assert_true(target.looked_up);
    assert_false(view->targets[1].looked_up); /* the pool's servers do not know it */
    done(check);
    return target;
}

static void addresses_of_the_name_itself_are_taken(void **)
{
    struct srv_target target =
        lookup("an a.pool.test. 60 A 192.0.2.7\nan b.pool.test. 60 A 192.0.2.8", "", 0);
    const struct address first = address_of("192.0.2.7"), second = address_of("2001:db8::a");
    assert_int_equal(target.count, 2);
    assert_true(address_equal(&target.addresses[0], &first));
    assert_true(address_equal(&target.addresses[1], &second));
    assert_false(target.alias || target.scoped || target.caa.there);
    assert_true(lookup("", "", 24).scoped);
    assert_true(lookup("an a.pool.test. 60 CNAME b.pool.test.", "", 0).alias);
}

/* RFC 8659 4.2, RFC 8657 3 and 4. */
static void caa_records_are_understood(void **)
{
    static const struct {
        const char *value;
        bool open, usable, account;
    } rows[] = {
        { "0 issue \"ca.example\"", true, true, false },
        { "0 ISSUE \"ca.example\"", true, true, false },
        { "0 issue \";\"", false, false, false },
        { "0 issue \" ; validationmethods=http-01\"", false, false, false },
        { "0 issue \"\"", false, false, false },
        { "0 issue \"ca.example; validationmethods=http-01,tls-alpn-01\"", true, true, false },
        { "0 issue \"ca.example; validationmethods=tls-alpn-01\"", true, true, false },
        { "0 issue \"ca.example; validationmethods=dns-01\"", true, false, false },
        { "0 issue \"ca.example; accounturi=https://ca.example/1\"", true, true, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char records[256];
        (void)snprintf(records, sizeof(records), "an a.pool.test. 60 CAA %s", rows[i].value);
        struct caa_seen caa = lookup("", records, 0).caa;
        assert_true(caa.there);
        assert_int_equal(caa.open, rows[i].open);
        assert_int_equal(caa.usable, rows[i].usable);
        assert_int_equal(caa.account, rows[i].account);
    }
    /* It says nothing of who may issue for the name. */
    assert_false(lookup("", "an a.pool.test. 60 CAA 0 issuewild \";\"", 0).caa.there);
    assert_true(lookup("",
                       "an a.pool.test. 60 CAA 0 issue \";\"\n"
                       "an a.pool.test. 60 CAA 0 issue \"ca.example\"",
                       0)
                    .caa.open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_known_once_by_name_and_port),
        cmocka_unit_test(of_more_targets_than_an_answer_has_room_for_some_are_taken),
        cmocka_unit_test(records_of_other_names_are_not_taken),
        cmocka_unit_test(a_silent_server_is_asked_no_more),
        cmocka_unit_test(a_server_that_is_silent_about_the_service_is_dropped),
        cmocka_unit_test(nobody_to_ask_gives_an_empty_view),
        cmocka_unit_test(addresses_of_the_name_itself_are_taken),
        cmocka_unit_test(caa_records_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
