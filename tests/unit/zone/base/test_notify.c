#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/notify.h"

static struct notify notify;
static int manager; /* the service manager's end */
static char got[2 * NOTIFY_MESSAGE_MAX];

/* `name`: a path, or @ and an abstract name. */
static void listen_on(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (*name == '@') {
        address.sun_path[0] = '\0';
    }
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(manager >= 0);
    socklen_t size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*name == '@' ? 0 : 1));
    assert_int_equal(bind(manager, (struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

/* A path in the working directory, absolute as the protocol wants it. */
static const char *path_here(void)
{
    static char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char dir[1024];
    assert_non_null(getcwd(dir, sizeof(dir)));
    int len = snprintf(path, sizeof(path), "%s/notify.%d", dir, (int)getpid());
    if (len >= (int)sizeof(path)) { /* a long build directory */
        (void)snprintf(path, sizeof(path), "/tmp/notify.%d", (int)getpid());
    }
    return path;
}

static const char *received(int *fd)
{
    char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    struct iovec part = { .iov_base = got, .iov_len = sizeof(got) - 1 };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
    };
    ssize_t len = recvmsg(manager, &message, 0);
    if (len < 0) {
        return NULL;
    }
    got[len] = '\0';
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (fd != NULL) {
        *fd = -1;
        if (head != NULL && head->cmsg_type == SCM_RIGHTS) {
            memcpy(fd, CMSG_DATA(head), sizeof(*fd));
        }
    }
    return got;
}

static int tear_down(void **)
{
    notify_close(&notify);
    if (manager >= 0) {
        (void)close(manager);
    }
    manager = -1;
    (void)unlink(path_here());
    return unsetenv("NOTIFY_SOCKET");
}

static void a_path_and_an_abstract_name_are_reached(void **)
{
    char abstract[64];
    (void)snprintf(abstract, sizeof(abstract), "@ntspool-test-%d", (int)getpid());
    const char *names[] = { path_here(), abstract };
    for (size_t i = 0; i < 2; i++) {
        listen_on(names[i]);
        notify_open(&notify);
        assert_true(notify_send(&notify, "READY=%d", 1));
        assert_string_equal(received(NULL), "READY=1");
        notify_close(&notify);
        assert_false(notify_send(&notify, "READY=1"));
        (void)close(manager);
    }
    manager = -1;
}

static void without_a_manager_nothing_happens(void **)
{
    static const char *const useless[] = { NULL, "", "/", "notify", "/nowhere/notify", "@" };
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        assert_int_equal(useless[i] == NULL ? unsetenv("NOTIFY_SOCKET")
                                            : setenv("NOTIFY_SOCKET", useless[i], 1),
                         0);
        notify_open(&notify);
        assert_int_equal(notify.fd, -1);
        assert_false(notify_send(&notify, "READY=1"));
        assert_false(notify_barrier(&notify));
    }
    char long_path[2 * sizeof(notify.address.sun_path)];
    memset(long_path, '/', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", long_path, 1), 0);
    notify_open(&notify);
    assert_int_equal(notify.fd, -1);
}

static void control_characters_of_a_text_become_spaces(void **)
{
    listen_on(path_here());
    notify_open(&notify);
    assert_true(notify_send(&notify, "STATUS=a\rb\tc"));
    assert_string_equal(received(NULL), "STATUS=a b c");
    assert_true(notify_send(&notify, "STATUS=%01500d", 7));
    assert_int_equal(strlen(received(NULL)), NOTIFY_MESSAGE_MAX - 1);
}

static void a_manager_that_does_not_read_holds_nobody_up(void **)
{
    listen_on(path_here());
    notify_open(&notify);
    unsigned sent = 0;
    while (sent < 100000 && notify_send(&notify, "WATCHDOG=1")) {
        sent++;
    }
    assert_true(sent > 0 && sent < 100000);
}

static void a_manager_that_starts_again_is_found(void **)
{
    listen_on(path_here());
    notify_open(&notify);
    assert_int_equal(close(manager), 0);
    assert_int_equal(unlink(path_here()), 0);
    assert_false(notify_send(&notify, "WATCHDOG=1"));
    listen_on(path_here());
    assert_true(notify_send(&notify, "WATCHDOG=1"));
    assert_string_equal(received(NULL), "WATCHDOG=1");
}

static void descriptors_arrive(void **)
{
    int ends[2], other = -1;
    char c = 0;
    listen_on(path_here());
    notify_open(&notify);
    assert_int_equal(pipe(ends), 0);
    assert_true(notify_send_fds(&notify, &ends[0], 1, "FDSTORE=1\nFDNAME=x"));
    assert_string_equal(received(&other), "FDSTORE=1\nFDNAME=x");
    assert_true(other >= 0);
    assert_int_equal(write(ends[1], "y", 1), 1);
    assert_int_equal(read(other, &c, 1), 1);
    assert_int_equal(c, 'y');
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(other);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_and_an_abstract_name_are_reached),
        TEST(without_a_manager_nothing_happens),
        TEST(control_characters_of_a_text_become_spaces),
        TEST(a_manager_that_does_not_read_holds_nobody_up),
        TEST(a_manager_that_starts_again_is_found),
        TEST(descriptors_arrive),
    };
    manager = -1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
