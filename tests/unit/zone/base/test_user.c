#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/user.h"

static void unknown_user_is_refused(void **)
{
    struct diag diag;
    assert_int_equal(user_become("no-such-user-here", &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "no-such-user-here"));
}

static void a_process_of_that_user_needs_no_right(void **)
{
    struct diag diag;
    /* NOLINT(concurrency-mt-unsafe): there is one thread */
    const struct passwd *own = getpwuid(geteuid());
    assert_non_null(own);
    assert_ok(user_become(own->pw_name, &diag));
}

/* Runs in a child; its exit status is the result. */
static void nobody_has_no_way_back(void **)
{
    if (geteuid() != 0) {
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        struct diag diag;
        bool gone = user_become("nobody", &diag) == RESULT_OK && geteuid() != 0 && getegid() != 0;
        bool stays = setuid(0) != 0 && user_become("root", &diag) == RESULT_REFUSED;
        _exit(gone && stays ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_user_is_refused),
        cmocka_unit_test(a_process_of_that_user_needs_no_right),
        cmocka_unit_test(nobody_has_no_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
