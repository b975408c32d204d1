#include <sodium.h>

#include "probe/tls_client.h"
#include "tests/unit/tools/check/made_answers.h"
#include "tools/check/check_srv.h"
#include "zone/registry/node.h"

#define SERVICE "_ntske._tcp.pool.test."
#define A       "an a.pool.test. 60 A 127.0.0.7"

/* The CAA records that the settings give the member. */
static void take_caa(const struct check *check, struct expected_member *member)
{
    uint8_t scratch[NODE_SCRATCH];
    const struct node node = { .kind = NODE_MEMBER };
    struct rrset set;
    assert_true(node_rrset(&node, &check->settings, RR_CAA, 0, scratch, &set));
    check_digest(&set, member->caa);
}

/* One member, whose address is not public: nobody is probed, and the check address says so if there
 * is no other fault. */
static struct check *members_of(const char *a, const char *caa, bool with_state)
{
    static struct expected_member member;
    static struct check_expected expected;
    struct check *check = made_check();
    struct diag diag;
    assert_ok(tls_trust_new(&check->trust, NULL, &diag));
    made_add((struct made){ NULL, SERVICE, "SRV", .authority = true,
                            .records = "an " SERVICE " 60 SRV 0 1 4460 a.pool.test." });
    made_add((struct made){ NULL, "a.pool.test.", "A", .authority = true, .records = a });
    made_add((struct made){ NULL, "a.pool.test.", "CAA", .authority = true, .records = caa });
    made_add((struct made){ NULL, .authority = true });
    if (with_state) {
        member = (struct expected_member){ .target = name_of("a.pool.test."),
                                           .port = 4460,
                                           .in = true,
                                           .reason = "",
                                           .address_count = 1,
                                           .addresses = { address_of("127.0.0.7") } };
        take_caa(check, &member);
        expected = (struct check_expected){ .count = 1, .members = &member, .in = 1 };
        check->has_state = true;
        check->expected = &expected;
    }
    return check;
}

static void done(struct check *check)
{
    tls_trust_free(check->trust);
    check_srv_free(check->srv);
    made_done(check);
}

static void a_name_without_an_address_or_with_an_alias_fails(void **)
{
    static const char *const records[] = { "", "an a.pool.test. 60 CNAME b.pool.test." };
    for (size_t i = 0; i < 2; i++) {
        struct check *check = members_of(records[i], "", false);
        check_members(check);
        assert_int_equal(made_bad(check), CHECK_ADDRESS);
        assert_true(made_says(check, CHECK_ADDRESS, i == 0 ? "no address" : "alias"));
        assert_int_equal(made_level(check, CHECK_TIME), CHECK_LEVELS); /* nobody was asked */
        done(check);
    }
}

static void an_address_that_is_not_public_is_not_probed(void **)
{
    struct check *check = members_of(A, "", false);
    check_members(check);
    assert_int_equal(made_bad(check), CHECK_ADDRESS);
    assert_string_equal(check->summary,
                        "as a client in 198.51.100.0/24 would: 0 of 1 members give time");
    for (enum check_id id = CHECK_CONNECT; id <= CHECK_TIME; id++) {
        assert_int_equal(made_level(check, id), CHECK_LEVELS); /* not called well */
    }
    done(check);
}

static void an_address_that_is_not_registered_is_found(void **)
{
    struct check *check = members_of(A "\nan a.pool.test. 60 A 127.0.0.8", "", true);
    check_members(check);
    assert_true(made_says(check, CHECK_ADDRESS, "has 127.0.0.8, which is not registered"));
    assert_false(made_says(check, CHECK_ADDRESS, "has 127.0.0.7"));
    check->expected->members[0].own_name = true; /* its addresses are not the pool's matter */
    check->findings.count = 0;
    check_members(check);
    assert_false(made_says(check, CHECK_ADDRESS, "not registered"));
    done(check);
}

static void caa_is_judged_with_and_without_a_state(void **)
{
    static const struct {
        const char *caa;
        bool with_state, account;
        const char *says; /* NULL: all is well */
    } rows[] = {
        { "", false, false, NULL },
        { "0 issue \"ca.example\"", false, false, NULL },
        { "0 issue \";\"", false, false, "no CA may issue" },
        { "0 issue \"ca.example; validationmethods=dns-01\"", false, false, "http-01" },
        { "0 issue \"letsencrypt.org; validationmethods=http-01,tls-alpn-01\"\n"
          "an a.pool.test. 60 CAA 0 issuewild \";\"",
          true, false, NULL },
        { "0 issue \"letsencrypt.org; validationmethods=http-01,tls-alpn-01\"", true, false,
          "other CAA records" },
        { "0 issue \"ca.example\"", true, false, "other CAA records" },
        { "0 issue \"letsencrypt.org\"", true, true, "no ACME account" },
        { "", true, false, "no CAA record" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char records[512] = "";
        if (rows[i].caa[0] != '\0') {
            (void)snprintf(records, sizeof(records), "an a.pool.test. 60 CAA %s", rows[i].caa);
        }
        struct check *check = members_of(A, records, rows[i].with_state);
        check->settings.ca_count = 1;
        (void)snprintf(check->settings.ca[0], sizeof(check->settings.ca[0]), "letsencrypt.org");
        if (rows[i].with_state) {
            take_caa(check, &check->expected->members[0]);
            check->expected->members[0].account = rows[i].account;
        }
        check_members(check);
        assert_int_equal(made_level(check, CHECK_CAA),
                         rows[i].says == NULL ? CHECK_OK : CHECK_WARNING);
        assert_true(rows[i].says == NULL || made_says(check, CHECK_CAA, rows[i].says));
        done(check);
    }
}

static void without_an_answer_there_is_no_summary(void **)
{
    struct check *check = members_of(A, "", false);
    made_first((struct made){ NULL, SERVICE, "SRV", .authority = true });
    check_members(check);
    assert_string_equal(check->summary, "");
    done(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_an_address_or_with_an_alias_fails),
        cmocka_unit_test(an_address_that_is_not_public_is_not_probed),
        cmocka_unit_test(an_address_that_is_not_registered_is_found),
        cmocka_unit_test(caa_is_judged_with_and_without_a_state),
        cmocka_unit_test(without_an_answer_there_is_no_summary),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
