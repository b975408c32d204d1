#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/overview/runview.h"

static char dir[] = "test_runview.XXXXXX";
static struct runview view;
static struct concerns concerns;

static int set_up(void **)
{
    char path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/probe", dir);
    return mkdir(path, 0755);
}

static int tear_down(void **)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static int clear(void **)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -f %s/probe/*", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/probe/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static struct instance *probe_runs(const char *vantage)
{
    struct instance *instance = NULL;
    char name[64], directory[64];
    (void)snprintf(name, sizeof(name), "%s.verdicts", vantage);
    write_file(name, "");
    (void)snprintf(directory, sizeof(directory), "%s/probe", dir);
    assert_ok(instance_claim(&instance, directory, vantage, 0, NULL));
    return instance;
}

static void look(const char *named)
{
    struct vantage_keys keys = { .count = 1 };
    (void)snprintf(keys.list[0].name, sizeof(keys.list[0].name), "%s", named);
    concerns = (struct concerns){ 0 };
    runview_read(&view, dir);
    runview_warn_of_probes(&view, &keys, &concerns);
}

static void probes_are_read_each_by_its_vantage_point(void **)
{
    struct instance *local = probe_runs("local"), *far = probe_runs("far");
    look("local");
    assert_int_equal(view.probe_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(view.probes[i].facts.running);
        assert_int_equal(view.probes[i].facts.pid, getpid());
    }
    assert_string_not_equal(view.probes[0].vantage, view.probes[1].vantage);
    assert_int_equal(concerns.count, 0);
    instance_free(local);
    instance_free(far);
}

static void a_probe_that_ended_is_told_with_the_time_if_the_pool_counts_on_it(void **)
{
    instance_free(probe_runs("local"));
    look("local");
    assert_int_equal(view.probe_count, 1);
    assert_false(view.probes[0].facts.running);
    assert_int_equal(concerns.count, 1);
    assert_int_equal(concerns.list[0].id, CONCERN_PROBE_DOWN);
    assert_string_equal(concerns.list[0].subject, "local");
    assert_int_equal(concerns.list[0].since, view.probes[0].facts.heartbeat);
    assert_true(concerns.list[0].since > 0);
    look("other");
    assert_int_equal(concerns.count, 0);
}

static void a_probe_that_stands_still_is_told(void **)
{
    struct instance *local = probe_runs("local");
    write_file("local.instance", "version 1\npid 7\nsince 5\nheartbeat 9\nsteady 0\nworkers 0\n");
    look("local");
    assert_int_equal(concerns.count, 1);
    assert_int_equal(concerns.list[0].id, CONCERN_PROBE_HANGS);
    assert_int_equal(concerns.list[0].since, 9);
    instance_free(local);
}

static void a_probe_that_is_run_once_now_and_then_is_not_missed(void **)
{
    write_file("local.verdicts", "");
    look("local");
    assert_int_equal(view.probe_count, 0);
    assert_int_equal(concerns.count, 0);
}

static void what_no_probe_wrote_is_left_out(void **)
{
    static const char *const texts[] = { "x", "\033[2J", "version \033[2J\npid 1\nsince 1\n" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file("local.verdicts", "");
        write_file("local.instance", texts[i]);
        look("local");
        assert_int_equal(view.probe_count, 0);
        assert_int_equal(concerns.count, 0);
    }
}

static void the_server_is_told_with_the_time_since_when_it_is_down(void **)
{
    struct instance *server = NULL;
    concerns = (struct concerns){ 0 };
    runview_read(&view, dir);
    runview_warn_of_server(&view, &concerns);
    assert_int_equal(concerns.list[0].id, CONCERN_SERVER_DOWN);
    assert_int_equal(concerns.list[0].since, 0);
    assert_ok(instance_claim(&server, dir, "ntspoold", 1, NULL));
    concerns = (struct concerns){ 0 };
    runview_read(&view, dir);
    runview_warn_of_server(&view, &concerns);
    assert_int_equal(concerns.count, 0);
    instance_free(server);
    runview_read(&view, dir);
    runview_warn_of_server(&view, &concerns);
    assert_int_equal(concerns.list[0].id, CONCERN_SERVER_DOWN);
    assert_true(concerns.list[0].since > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(probes_are_read_each_by_its_vantage_point, clear),
        cmocka_unit_test_setup(a_probe_that_ended_is_told_with_the_time_if_the_pool_counts_on_it,
                               clear),
        cmocka_unit_test_setup(a_probe_that_stands_still_is_told, clear),
        cmocka_unit_test_setup(a_probe_that_is_run_once_now_and_then_is_not_missed, clear),
        cmocka_unit_test_setup(what_no_probe_wrote_is_left_out, clear),
        cmocka_unit_test_setup(the_server_is_told_with_the_time_since_when_it_is_down, clear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
