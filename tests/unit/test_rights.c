#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/rights.h"
#include "tests/unit/unit.h"

static char dir[64];

static char *path_in(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(path_in(name), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static int make_state(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "rights.XXXXXX");
    assert_non_null(mkdtemp(dir));
    static const char *const stores[] = { "registry", "health", "history", "keys", "cas" };
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        assert_int_equal(mkdir(path_in(stores[i]), 0700), 0);
    }
    make_file("seal.key");
    make_file("keys/data.mdb");
    make_file("registry/data.mdb");
    make_file("cas/trust.pem");
    make_file("trust.pem");
    return 0;
}

static int remove_state(void **state)
{
    (void)state;
    static const char *const all[] = { "registry/data.mdb",
                                       "health/lock.mdb",
                                       "keys/data.mdb",
                                       "cas/trust.pem",
                                       "trust.pem",
                                       "seal.key",
                                       "registry",
                                       "health",
                                       "history",
                                       "keys",
                                       "cas",
                                       "" };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        (void)remove(path_in(all[i]));
    }
    return 0;
}

static int error_of_opening(const char *name, int flags)
{
    int fd = open(path_in(name), flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    return 0;
}

/* Of a child that has confined itself: bit i is that expectation i does not hold; 0xff: the kernel can't confine. */
static int child(const char *trust, int (*look)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char trust_path[128];
        (void)snprintf(trust_path, sizeof(trust_path), "%s/%s", dir, trust);
        struct diag diag;
        enum result result = rights_confine(dir, trust_path, &diag);
        _exit(result == RESULT_MISSING ? 0xff : result == RESULT_OK ? look() : 0x7f);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check(const char *trust, int (*look)(void))
{
    int missed = child(trust, look);
    if (missed == 0xff) {
        skip();
    }
    assert_int_equal(missed, 0);
}

static int look_for_keys(void)
{
    return (error_of_opening("seal.key", O_RDONLY) != EACCES) |
           (error_of_opening("keys/data.mdb", O_RDONLY) != EACCES) << 1 |
           (error_of_opening("new", O_WRONLY | O_CREAT) != EACCES) << 2;
}

static void keys_are_out_of_reach(void **state)
{
    (void)state;
    check("cas/trust.pem", look_for_keys);
}

static void keys_are_out_of_reach_when_the_trust_is_beside_them(void **state)
{
    (void)state;
    check("trust.pem", look_for_keys);
}

static int look_for_stores(void)
{
    return (error_of_opening("registry/data.mdb", O_RDWR) != 0) |
           (error_of_opening("health/lock.mdb", O_RDWR | O_CREAT) != 0) << 1 |
           (error_of_opening("cas/trust.pem", O_RDONLY) != 0) << 2 |
           (error_of_opening("cas/trust.pem", O_WRONLY) != EACCES) << 3 |
           (access("/etc/passwd", R_OK) != 0) << 4;
}

static void probes_own_stores_stay_open(void **state)
{
    (void)state;
    check("cas/trust.pem", look_for_stores);
}

static int look_for_programs(void)
{
    (void)execl("/bin/false", "false", (char *)NULL); /* which would end with 1 */
    return errno == EACCES ? 0 : 1;
}

static void nothing_is_executed(void **state)
{
    (void)state;
    check("cas/trust.pem", look_for_programs);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_state, remove_state)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_are_out_of_reach),
        CASE(keys_are_out_of_reach_when_the_trust_is_beside_them),
        CASE(probes_own_stores_stay_open),
        CASE(nothing_is_executed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
