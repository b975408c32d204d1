#include <errno.h>

#include "tests/unit/unit.h"
#include "tools/check/check.h"

static struct check *check_of(void)
{
    return xcalloc(1, sizeof(struct check));
}

static void every_check_is_of_a_group_and_has_an_id_of_its_own(void **)
{
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        unsigned groups = 0;
        for (unsigned k = 0; k < check_group_count; k++) {
            size_t len = strlen(check_groups[k].name);
            groups += strncmp(check_rows[i].id, check_groups[k].name, len) == 0 &&
                      check_rows[i].id[len] == '/';
        }
        assert_int_equal(groups, 1);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(check_rows[i].id, check_rows[k].id);
        }
    }
}

static void a_check_counts_once_by_its_worst_finding(void **)
{
    struct check *check = check_of();
    unsigned tally[CHECK_LEVELS];
    assert_int_equal(check_worst(check), CHECK_OK);
    check_fail(check, CHECK_UDP, "ns1", "no answer");
    check_report(check, CHECK_UDP, CHECK_WARNING, "ns2", "late");
    check_done(check, CHECK_UDP, "not said: it failed");
    check_done(check, CHECK_TCP, "%d answer", 2);
    check_report(check, CHECK_RTT, CHECK_INFO, NULL, "1 ms");
    check_fail(check, CHECK_SIZE, "ns1", "large");
    check_tally(&check->findings, tally);
    assert_int_equal(tally[CHECK_OK], 1);
    assert_int_equal(tally[CHECK_INFO], 1);
    assert_int_equal(tally[CHECK_WARNING], 1);
    assert_int_equal(tally[CHECK_ERROR], 1);
    assert_int_equal(check_worst(check), CHECK_ERROR);
    free(check);
}

static void findings_are_bounded(void **)
{
    struct check *check = check_of();
    for (unsigned i = 0; i < 2 * CHECK_ALIKE_MAX; i++) {
        check_fail(check, CHECK_UDP, "ns1", "alike");
    }
    assert_int_equal(check->findings.count, CHECK_ALIKE_MAX);
    check_fail(check, CHECK_UDP, "ns2", "another subject");
    assert_int_equal(check->findings.count, CHECK_ALIKE_MAX + 1);
    assert_int_equal(check->findings.lost, 0);
    for (unsigned i = 0; i < CHECK_FINDINGS_MAX; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof(subject), "%u", i);
        check_fail(check, CHECK_TCP, subject, "%0*d", 2 * CHECK_TEXT_ROOM, 0); /* is cut */
    }
    assert_int_equal(check->findings.count, CHECK_FINDINGS_MAX);
    assert_int_equal(check->findings.lost, CHECK_ALIKE_MAX + 1);
    free(check);
}

/* What is not known to be good is not called good. */
static void lost_findings_are_a_warning(void **)
{
    struct check *check = check_of();
    check->findings.lost = 1;
    assert_int_equal(check_worst(check), CHECK_WARNING);
    free(check);
}

static void a_failed_exchange_says_why(void **)
{
    static const struct {
        int error;
        bool stray;
        const char *why;
    } rows[] = {
        { ETIMEDOUT, false, "no answer" },
        { ETIMEDOUT, true, "only messages that do not answer the question came" },
        { EPROTO, true, "the connection was closed" },
        { ECONNREFUSED, false, "Connection refused" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct dns_exchange exchange = { .error = rows[i].error, .stray = rows[i].stray };
        struct diag why;
        assert_int_equal(check_read_into(NULL, &exchange, &why), RESULT_SYSTEM);
        assert_non_null(strstr(why.text, rows[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_is_of_a_group_and_has_an_id_of_its_own),
        cmocka_unit_test(a_check_counts_once_by_its_worst_finding),
        cmocka_unit_test(findings_are_bounded),
        cmocka_unit_test(lost_findings_are_a_warning),
        cmocka_unit_test(a_failed_exchange_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
