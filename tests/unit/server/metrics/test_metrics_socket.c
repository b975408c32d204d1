#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/metrics/metrics_socket.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/metrics-XXXXXX";
static char path[64], place[80];

static int make_directory(void **)
{
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    (void)snprintf(place, sizeof(place), "unix:%s", path);
    return 0;
}

static int remove_directory(void **)
{
    (void)unlink(path);
    return rmdir(directory);
}

static bool somebody_listens(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool listens = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return listens;
}

static void only_places_of_this_machine_are_taken(void **)
{
    static const char *const good[] = { "unix:/run/x.sock", "127.0.0.1@9153", "::1@9153" };
    static const char *const bad[] = { "",
                                       "unix:",
                                       "unix:x.sock",
                                       "127.0.0.1",
                                       "x@9153",
                                       "192.0.2.1@9153",
                                       "0.0.0.0@9153",
                                       "::@9153",
                                       "10.0.0.1@9153",
                                       "127.0.0.1@0" };
    char long_path[128] = "unix:/";
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_ok(metrics_socket_check(good[i], NULL));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct diag diag = { "" };
        assert_int_equal(metrics_socket_check(bad[i], &diag), RESULT_INVALID);
        assert_true(diag.text[0] != '\0');
    }
    memset(long_path + 6, 'x', 107);
    assert_int_equal(metrics_socket_check(long_path, NULL), RESULT_INVALID);
    long_path[6 + 105] = '\0';
    assert_ok(metrics_socket_check(long_path, NULL));
}

static void a_dead_socket_is_replaced_and_a_living_one_only_by_a_successor(void **)
{
    struct stat facts;
    struct diag diag;
    int first = -1, second = -1;
    assert_ok(metrics_socket_open(&first, place, NULL, false, &diag));
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0660);
    assert_true(somebody_listens());
    assert_int_equal(metrics_socket_open(&second, place, NULL, false, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "another program listens"));
    assert_ok(metrics_socket_open(&second, place, NULL, true, &diag));
    (void)close(first);
    assert_true(somebody_listens());
    (void)close(second);
    assert_false(somebody_listens());
    assert_ok(metrics_socket_open(&first, place, NULL, false, &diag));
    assert_true(somebody_listens());
    (void)close(first);
    assert_int_equal(unlink(path), 0);
}

static void a_file_that_is_no_socket_stays(void **)
{
    struct diag diag;
    int fd = -1;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(metrics_socket_open(&fd, place, NULL, true, &diag), RESULT_REFUSED);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(metrics_socket_open(&fd, "unix:/nowhere/at/all", NULL, false, &diag),
                     RESULT_SYSTEM);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_places_of_this_machine_are_taken),
        cmocka_unit_test(a_dead_socket_is_replaced_and_a_living_one_only_by_a_successor),
        cmocka_unit_test(a_file_that_is_no_socket_stays),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
