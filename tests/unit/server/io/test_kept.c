#include <fcntl.h>
#include <unistd.h>

#include "server/io/kept.h"
#include "server/io/listen.h"
#include "tests/unit/unit.h"

static struct kept kept;
static struct endpoint here;
static int made[2]; /* a UDP socket and a TCP listener on `here` */

static int set_up(void **)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    struct diag diag = { "" };
    here.port = 0;
    assert_ok(address_parse(&here.address, "127.0.0.1"));
    assert_ok(listen_socket(&made[0], &here, SOCK_DGRAM, &diag));
    assert_int_equal(getsockname(made[0], (struct sockaddr *)&address, &len), 0);
    assert_ok(endpoint_of_sockaddr(&here, (struct sockaddr *)&address));
    assert_ok(listen_socket(&made[1], &here, SOCK_STREAM, &diag));
    assert_int_equal(listen(made[1], 1), 0);
    return 0;
}

static int tear_down(void **)
{
    kept_close(&kept);
    (void)close(made[0]);
    (void)close(made[1]);
    return 0;
}

/* Passes descriptors as a service manager does, from 3 on. What is open there comes back
 * afterwards. */
static void pass(const int *fds, int count, const char *pid, const char *number, const char *names)
{
    char text[16];
    int saved[8];
    for (int i = 0; i < count; i++) {
        saved[i] = fcntl(3 + i, F_DUPFD_CLOEXEC, 100);
    }
    int copies[8];
    for (int i = 0; i < count; i++) {
        copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 200);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(dup2(copies[i], 3 + i), 3 + i);
        (void)close(copies[i]);
    }
    (void)snprintf(text, sizeof(text), "%d", (int)getpid());
    assert_int_equal(setenv("LISTEN_PID", pid != NULL ? pid : text, 1), 0);
    assert_int_equal(setenv("LISTEN_FDS", number, 1), 0);
    assert_int_equal(setenv("LISTEN_FDNAMES", names, 1), 0);
    kept_open(&kept);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    for (size_t i = 0; i < kept.count; i++) {
        int moved = fcntl(kept.sockets[i].fd, F_DUPFD_CLOEXEC, 200);
        (void)close(kept.sockets[i].fd);
        kept.sockets[i].fd = moved;
    }
    for (int i = 0; i < count; i++) {
        if (saved[i] >= 0) {
            assert_int_equal(dup2(saved[i], 3 + i), 3 + i);
            (void)close(saved[i]);
        }
    }
}

static void sockets_come_back_to_their_workers(void **)
{
    const int fds[] = { made[0], made[1], made[0] };
    pass(fds, 3, NULL, "3", "worker-1:worker-0:worker-2");
    assert_int_equal(kept.count, 3);
    assert_int_equal(kept.workers, 3);
    assert_int_equal(kept_count(&kept, &here, SOCK_DGRAM), 2);
    assert_int_equal(kept_take(&kept, &here, SOCK_DGRAM, 0), -1);
    assert_int_equal(kept_take(&kept, &here, SOCK_STREAM, 1), -1);
    int udp = kept_take(&kept, &here, SOCK_DGRAM, 1), tcp = kept_take(&kept, &here, SOCK_STREAM, 0);
    assert_true(udp >= 0 && tcp >= 0);
    assert_int_equal(kept_take(&kept, &here, SOCK_DGRAM, 1), -1);
    int left = kept_take_left(&kept, &here, SOCK_DGRAM);
    assert_true(left >= 0);
    assert_int_equal(kept_take_left(&kept, &here, SOCK_DGRAM), -1);
    assert_int_equal(kept_count(&kept, &here, SOCK_DGRAM), 0);
    (void)close(udp);
    (void)close(tcp);
    (void)close(left);
}

static void another_address_or_port_is_another_socket(void **)
{
    struct endpoint other = here;
    pass(made, 2, NULL, "2", "worker-0:worker-0");
    other.port++;
    assert_int_equal(kept_take(&kept, &other, SOCK_DGRAM, 0), -1);
    assert_ok(address_parse(&other.address, "127.0.0.2"));
    other.port = here.port;
    assert_int_equal(kept_take_left(&kept, &other, SOCK_DGRAM), -1);
}

static void what_is_meant_for_another_process_is_left_alone(void **)
{
    static const char *const pids[] = { "1", "", "x", "99999999999999999999" };
    for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
        pass(made, 0, pids[i], "2", "worker-0:worker-0");
        assert_int_equal(kept.count, 0);
    }
    static const char *const numbers[] = { "", "-1", "32769", "2x", "99999999999999999999" };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        pass(made, 0, NULL, numbers[i], "worker-0:worker-0");
        assert_int_equal(kept.count, 0);
    }
}

static void names_that_are_not_ours_count_for_nothing(void **)
{
    static const char *const names[] = {
        "",           "worker",     "worker-", "worker--1", "worker-1 ",
        "worker-0x1", "worker-256", "orker-1", "stored",    "worker-1111111111111111111111111111111"
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pass(made, 1, NULL, "1", names[i]);
        assert_int_equal(kept.count, 0);
        assert_int_equal(kept.workers, 0);
        kept_close(&kept);
    }
}

static void a_socket_that_does_not_receive_is_closed(void **)
{
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(&here, &address);
    int ends[2];
    struct diag diag = { "" };
    int silent = -1, plain = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_ok(listen_socket(&silent, &here, SOCK_STREAM, &diag)); /* and does not listen */
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(connect(made[0], (struct sockaddr *)&address, len), 0);
    const int fds[] = { made[0], silent, plain, ends[0] };
    pass(fds, 4, NULL, "4", "worker-0:worker-0:worker-3:worker-0");
    assert_int_equal(kept.count, 0);
    assert_int_equal(kept.workers, 4); /* the service manager has the name */
    (void)close(silent);
    (void)close(plain);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sockets_come_back_to_their_workers),
        TEST(another_address_or_port_is_another_socket),
        TEST(what_is_meant_for_another_process_is_left_alone),
        TEST(names_that_are_not_ours_count_for_nothing),
        TEST(a_socket_that_does_not_receive_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
