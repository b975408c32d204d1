#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/instance.h"

#define NAME "ntspoold"

static char directory[] = "test_instance.XXXXXX";

static const char *path_of(const char *suffix)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/" NAME ".%s", directory, suffix);
    return path;
}

static int make_directory(void **)
{
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **)
{
    (void)unlink(path_of("lock"));
    (void)unlink(path_of("instance"));
    return rmdir(directory);
}

static struct instance *claimed(unsigned workers)
{
    struct instance *instance = NULL;
    struct diag diag = { "" };
    assert_ok(instance_claim(&instance, directory, NAME, workers, &diag));
    assert_false(instance_waits(instance));
    return instance;
}

static void a_second_one_is_refused_until_the_first_has_ended(void **)
{
    struct diag diag = { "" };
    struct instance *first = claimed(3), *second = NULL;
    assert_int_equal(instance_claim(&second, directory, NAME, 1, &diag), RESULT_REFUSED);
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %d,", (int)getpid());
    assert_non_null(strstr(diag.text, pid));
    assert_non_null(strstr(diag.text, NTSPOOL_VERSION));
    assert_null(second);
    instance_free(first);
    instance_free(claimed(1));
}

static void files_that_are_made_ahead_are_those_of_the_next_daemon(void **)
{
    struct instance_facts facts;
    struct diag diag = { "" };
    (void)unlink(path_of("lock"));
    (void)unlink(path_of("instance"));
    assert_ok(instance_make(directory, NAME, &diag));
    int lock = open(path_of("lock"), O_RDONLY), text = open(path_of("instance"), O_RDONLY);
    assert_true(lock >= 0 && text >= 0);
    assert_int_equal(instance_read(&facts, directory, NAME, NULL), RESULT_NOT_FOUND);
    assert_false(facts.running);
    struct instance *instance = claimed(2);
    struct stat made, opened;
    assert_int_equal(stat(path_of("instance"), &made), 0);
    assert_int_equal(fstat(text, &opened), 0);
    assert_true(made.st_ino == opened.st_ino && opened.st_size > 0);
    assert_ok(instance_make(directory, NAME, &diag)); /* changes nothing */
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_true(facts.running);
    instance_free(instance);
    (void)close(lock);
    (void)close(text);
}

static void the_running_server_can_be_read(void **)
{
    struct instance_facts facts;
    (void)unlink(path_of("instance"));
    assert_int_equal(instance_read(&facts, directory, NAME, NULL), RESULT_NOT_FOUND);
    assert_false(facts.running);
    assert_int_equal(facts.heartbeat, 0);
    struct instance *instance = claimed(3);
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_true(facts.running);
    assert_int_equal(facts.pid, getpid());
    assert_int_equal(facts.sockets, 3);
    assert_int_equal(facts.locations_at, 0);
    assert_string_equal(facts.version, NTSPOOL_VERSION);
    assert_true(facts.since > 0 && facts.heartbeat >= facts.since);
    assert_true(facts.silent_s < 60);
    instance_note_locations(instance, 1999999999);
    instance_beat(instance);
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_int_equal(facts.locations_at, 1999999999);
    instance_free(instance);
    assert_int_equal(instance_read(&facts, directory, NAME, NULL), RESULT_NOT_FOUND);
    assert_true(!facts.running && facts.heartbeat > 0); /* when it ended */
}

/* On a full disk it gets no block for its first heartbeat. */
static void one_that_can_not_write_runs_all_the_same(void **)
{
    struct instance_facts facts;
    struct instance *instance = claimed(1);
    assert_int_equal(truncate(path_of("instance"), 0), 0);
    assert_int_equal(instance_read(&facts, directory, NAME, NULL), RESULT_NOT_FOUND);
    assert_true(facts.running && facts.pid == 0);
    instance_free(instance);
    assert_int_equal(instance_read(&facts, directory, NAME, NULL), RESULT_NOT_FOUND);
    assert_false(facts.running);
}

static void one_that_was_killed_runs_no_more(void **)
{
    struct instance_facts facts;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct instance *instance = NULL;
        (void)!write(ready[1], "",
                     instance_claim(&instance, directory, NAME, 1, NULL) == RESULT_OK);
        (void)pause();
        _exit(0);
    }
    char octet;
    assert_int_equal(read(ready[0], &octet, 1), 1);
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_true(facts.running && facts.pid == (uint64_t)child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_false(facts.running);
    instance_free(claimed(1));
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void a_successor_takes_over_when_it_is_ready(void **)
{
    struct diag diag = { "" };
    struct instance_facts facts;
    struct instance *old = claimed(1), *next = NULL, *third = NULL;
    assert_ok(instance_succeed(&next, directory, NAME, 2, &diag));
    assert_true(instance_waits(next));
    assert_int_equal(instance_succeed(&third, directory, NAME, 1, &diag), RESULT_REFUSED);
    assert_int_equal(instance_claim(&third, directory, NAME, 1, &diag), RESULT_REFUSED);
    assert_false(instance_is_succeeded(old));
    assert_false(instance_inherit(next));
    instance_ready(next);
    assert_true(instance_is_succeeded(old));
    assert_false(instance_is_succeeded(next));
    assert_false(instance_inherit(next));
    instance_beat(next);
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_int_equal(facts.sockets, 1);
    instance_free(old);
    /* Nobody slips in between the two. */
    assert_int_equal(instance_succeed(&third, directory, NAME, 1, &diag), RESULT_REFUSED);
    assert_int_equal(instance_claim(&third, directory, NAME, 1, &diag), RESULT_REFUSED);
    assert_true(instance_inherit(next));
    assert_false(instance_waits(next) || instance_is_succeeded(next));
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_int_equal(facts.sockets, 2);
    assert_ok(instance_succeed(&third, directory, NAME, 1, &diag));
    assert_true(instance_waits(third));
    instance_free(third);
    assert_false(instance_is_succeeded(next));
    instance_free(next);
}

static void a_successor_of_nobody_just_runs(void **)
{
    struct instance *instance = NULL;
    assert_ok(instance_succeed(&instance, directory, NAME, 1, NULL));
    assert_false(instance_waits(instance));
    instance_free(instance);
}

static void the_lock_is_its_owners_and_the_facts_are_everybodys(void **)
{
    struct stat status;
    mode_t before = umask(077);
    (void)unlink(path_of("lock"));
    (void)unlink(path_of("instance"));
    struct instance *instance = claimed(1);
    (void)umask(before);
    assert_int_equal(stat(path_of("lock"), &status), 0);
    assert_int_equal(status.st_mode & 07777U, 0600);
    assert_int_equal(stat(path_of("instance"), &status), 0);
    assert_int_equal(status.st_mode & 07777U, 0644);
    instance_free(instance);
}

static void other_files_under_its_names_are_left_alone(void **)
{
    struct instance *instance = NULL;
    struct diag diag = { "" };
    for (unsigned kind = 0; kind < 3; kind++) {
        (void)unlink(path_of("lock"));
        char other[128];
        (void)snprintf(other, sizeof(other), "%s/other", directory);
        int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
        assert_true(fd >= 0 && close(fd) == 0);
        assert_int_equal(kind == 0   ? symlink("other", path_of("lock"))
                         : kind == 1 ? link(other, path_of("lock"))
                                     : mkfifo(path_of("lock"), 0600),
                         0);
        assert_int_equal(instance_claim(&instance, directory, NAME, 1, &diag), RESULT_SYSTEM);
        struct stat status;
        assert_int_equal(stat(other, &status), 0);
        assert_int_equal(status.st_mode & 07777U, 0640);
        assert_int_equal(unlink(other), 0);
    }
    (void)unlink(path_of("lock"));
    assert_int_equal(instance_claim(&instance, "there/is/none", NAME, 1, &diag), RESULT_SYSTEM);
}

static void an_earlier_version_says_nothing_of_locations(void **)
{
    struct instance_facts facts;
    FILE *file = fopen(path_of("instance"), "we");
    assert_non_null(file);
    (void)fputs("version 0.1.0\npid 7\nsince 1\nheartbeat 2\nsteady 3\nworkers 4\n", file);
    (void)fclose(file);
    assert_ok(instance_read(&facts, directory, NAME, NULL));
    assert_true(facts.pid == 7 && facts.sockets == 4 && facts.locations_at == 0);
}

static void text_of_another_in_the_lock_file_is_not_believed(void **)
{
#define REST "since 1\nheartbeat 1\nsteady 1\nworkers 1\n"
    static const char *const texts[] = {
        "x",
        "version 1\npid 2\n",
        "version 0.1.0\npid x\n" REST,
        "version 0.1.0\npid 99999999999\n" REST,
        "version 0.1.0\npid 1\nsince 1\nheartbeat 1\nsteady 1\nworkers 99999\n",
        "version \033[2J\npid 1\n" REST,
        "version two words\npid 1\n" REST,
        "version 0123456789012345678901234567890123456789012345678901234567890123\npid 1\n" REST,
    };
#undef REST
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct instance_facts facts;
        FILE *file = fopen(path_of("instance"), "we");
        assert_non_null(file);
        (void)fputs(texts[i], file);
        (void)fclose(file);
        assert_int_equal(instance_read(&facts, directory, NAME, NULL), RESULT_SYSTEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_is_refused_until_the_first_has_ended),
        cmocka_unit_test(files_that_are_made_ahead_are_those_of_the_next_daemon),
        cmocka_unit_test(the_running_server_can_be_read),
        cmocka_unit_test(one_that_can_not_write_runs_all_the_same),
        cmocka_unit_test(one_that_was_killed_runs_no_more),
        cmocka_unit_test(a_successor_takes_over_when_it_is_ready),
        cmocka_unit_test(a_successor_of_nobody_just_runs),
        cmocka_unit_test(the_lock_is_its_owners_and_the_facts_are_everybodys),
        cmocka_unit_test(other_files_under_its_names_are_left_alone),
        cmocka_unit_test(an_earlier_version_says_nothing_of_locations),
        cmocka_unit_test(text_of_another_in_the_lock_file_is_not_believed),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
