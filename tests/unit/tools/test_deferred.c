#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/deferred.h"

/* Runs `act` in a child that prints into a pipe. `act` returns the child's exit status. */
static size_t read_of_child(int (*act)(int pipe_read), char *text, size_t room)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[1]);
        _exit(act(ends[0]));
    }
    (void)close(ends[1]);
    size_t len = 0;
    ssize_t got = 0;
    while ((got = read(ends[0], text + len, room - 1 - len)) > 0) {
        len += (size_t)got;
    }
    (void)close(ends[0]);
    text[len] = '\0';
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return len;
}

static bool is_empty(int pipe_read)
{
    struct pollfd end = { .fd = pipe_read, .events = POLLIN };
    return poll(&end, 1, 0) == 0;
}

static int print_more_than_a_pipe_holds(int pipe_read)
{
    struct deferred output;
    deferred_begin(&output);
    for (int i = 0; i < 100000; i++) {
        (void)printf("%05d\n", i);
    }
    bool deferred = is_empty(pipe_read);
    (void)close(pipe_read);
    return deferred && deferred_end(&output) ? 0 : 1;
}

static void everything_is_written_at_the_end_and_nothing_before(void **)
{
    static char text[700000];
    assert_int_equal(read_of_child(print_more_than_a_pipe_holds, text, sizeof(text)), 600000);
    assert_memory_equal(text + 599994, "99999\n", 6);
}

static int print_after_the_end(int pipe_read)
{
    struct deferred output;
    (void)printf("before ");
    deferred_begin(&output);
    (void)printf("deferred ");
    bool good = deferred_end(&output);
    good = deferred_end(&output) && good; /* a second call does nothing */
    (void)printf("after");
    (void)fflush(stdout);
    (void)close(pipe_read);
    return good ? 0 : 1;
}

static void order_is_kept(void **)
{
    char text[64];
    (void)read_of_child(print_after_the_end, text, sizeof(text));
    assert_string_equal(text, "before deferred after");
}

static int print_to_a_full_disk(int pipe_read)
{
    struct deferred output;
    (void)close(pipe_read);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)dup2(full, STDOUT_FILENO);
    deferred_begin(&output);
    (void)printf("lost");
    return !deferred_end(&output) && errno == ENOSPC ? 0 : 1;
}

static void a_failed_write_is_reported(void **)
{
    char text[64];
    (void)read_of_child(print_to_a_full_disk, text, sizeof(text));
}

static int print_without_output(int pipe_read)
{
    struct deferred output;
    (void)close(pipe_read);
    (void)close(STDOUT_FILENO);
    deferred_begin(&output);
    return output.active || !deferred_end(&output);
}

static void without_standard_output_nothing_is_deferred(void **)
{
    char text[64];
    (void)read_of_child(print_without_output, text, sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_written_at_the_end_and_nothing_before),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(a_failed_write_is_reported),
        cmocka_unit_test(without_standard_output_nothing_is_deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
