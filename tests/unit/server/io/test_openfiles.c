#include <sys/resource.h>

#include "server/io/openfiles.h"
#include "server/io/tcp.h"
#include "tests/unit/unit.h"

enum {
    WORKERS = 2,
    ADDRESSES = 3,
    FIXED = OPENFILES_SPARE + WORKERS * (OPENFILES_WORKER + 2 * ADDRESSES)
};

static struct rlimit first;

static int keep_limit(void **)
{
    return getrlimit(RLIMIT_NOFILE, &first);
}

static int restore_limit(void **)
{
    return setrlimit(RLIMIT_NOFILE, &first);
}

static void allow(rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = { .rlim_cur = soft, .rlim_max = hard };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The tests lower the hard limit, so they run from the highest to the lowest. */
static void the_limit_is_raised_as_far_as_needed(void **)
{
    struct diag diag = { "" };
    struct rlimit now;
    unsigned connections = 0;
    bool fewer = true;
    allow(256, FIXED + WORKERS * TCP_CONNECTIONS_MAX + 100);
    assert_ok(openfiles_connections(WORKERS, ADDRESSES, &connections, &fewer, &diag));
    assert_int_equal(connections, TCP_CONNECTIONS_MAX);
    assert_false(fewer);
    assert_string_equal(diag.text, "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, FIXED + WORKERS * TCP_CONNECTIONS_MAX);
}

static void the_allowance_is_shared_by_the_workers_and_reported(void **)
{
    struct diag diag = { "" };
    unsigned connections = 0;
    bool fewer = false;
    allow(256, 256);
    assert_ok(openfiles_connections(WORKERS, ADDRESSES, &connections, &fewer, &diag));
    assert_int_equal(connections, (256 - FIXED) / WORKERS);
    assert_true(fewer);
    assert_non_null(strstr(diag.text, "256"));
}

static void too_low_a_limit_is_refused(void **)
{
    struct diag diag = { "" };
    unsigned connections = 0;
    bool fewer = false;
    rlim_t least = FIXED + WORKERS * OPENFILES_LEAST;
    allow(least, least);
    assert_ok(openfiles_connections(WORKERS, ADDRESSES, &connections, &fewer, &diag));
    assert_int_equal(connections, OPENFILES_LEAST);
    allow(least - 1, least - 1);
    assert_int_equal(openfiles_connections(WORKERS, ADDRESSES, &connections, &fewer, &diag),
                     RESULT_REFUSED);
    assert_int_equal(connections, OPENFILES_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_raised_as_far_as_needed),
        cmocka_unit_test(the_allowance_is_shared_by_the_workers_and_reported),
        cmocka_unit_test(too_low_a_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, keep_limit, restore_limit);
}
