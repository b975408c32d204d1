#include <limits.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/check/check_options.h"

static struct check *check;
static enum result result;
static char why[512];

static int run_check(struct cli *cli, int argc, char **argv)
{
    (void)argc, (void)argv;
    check = xcalloc(1, sizeof(*check));
    result = check_options_read(check, cli);
    (void)snprintf(why, sizeof(why), "%s", cli->diag.text);
    return CLI_DONE;
}

/* Reads the options of a command line whose words are separated by spaces. */
static enum result read_options(const char *line)
{
    static const struct option_row options[] = {
        { "only", 0, "G", true, "" },
        { "server", 0, "S", true, "" },
        { "parent", 0, "A", true, "" },
        { "root-hints", 0, "F", false, "" },
        { "resolver", 0, "A", true, "" },
        { "anchor", 0, "F", false, "" },
        { "subnet", 0, "P", true, "" },
        { "members", 0, "N", false, "" },
        { "trust", 0, "F", false, "" },
        { "allow-private", 0, NULL, false, "" },
        { "nagios", 0, NULL, false, "" },
        { "metrics", 0, "F", false, "" },
        { "wait", 0, "S", false, "" },
        { "timeout", 0, "S", false, "" },
        { 0 },
    };
    static const struct cli_command commands[] = { { "check", "", 0, 1, "", NULL, options,
                                                     run_check } };
    static const struct cli_group groups[] = { { 0 } };
    char words[4096];
    char *argv[256] = { (char[]){ "ntspool" }, (char[]){ "check" } };
    int argc = 2;
    char *save = NULL;
    free(check);
    check = NULL;
    (void)snprintf(words, sizeof(words), "%s", line);
    for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        argv[argc++] = w;
    }
    assert_int_equal(cli_main(commands, 1, groups, argc, argv), CLI_DONE);
    assert_non_null(check);
    return result;
}

static void without_options_all_is_checked_from_the_root(void **)
{
    assert_ok(read_options(""));
    const struct check_options *options = &check->options;
    assert_int_equal(options->groups, UINT_MAX);
    assert_true(options->roots.count >= 20);
    assert_int_equal(options->parents.count + options->resolvers.count, 0);
    assert_int_equal(options->subnet_count, 0); /* the presets follow later */
    assert_int_equal(options->members, 0);
    assert_int_equal(options->wait_s, CHECK_WAIT_S);
    assert_int_equal(options->timeout_s, CHECK_TIMEOUT_S);
    assert_false(options->nagios || options->allow_private);
}

static void lists_may_repeat_and_have_commas(void **)
{
    assert_ok(read_options("--resolver 9.9.9.9,2620:fe::fe --resolver 192.0.2.1@5353 "
                           "--parent 192.0.2.9 --only servers --only members"));
    const struct endpoints *resolvers = &check->options.resolvers;
    assert_int_equal(resolvers->count, 3);
    assert_int_equal(resolvers->list[1].port, 53);
    assert_int_equal(resolvers->list[2].port, 5353);
    assert_int_equal(check->options.parents.count, 1);
    assert_int_equal(check->options.groups, 1U << 1 | 1U << 3);
}

static void a_server_has_a_name_and_an_address(void **)
{
    const struct dname name = name_of("ns1.pool.test.");
    assert_ok(read_options("--server ns1.pool.test=2001:db8::1@5301"));
    assert_int_equal(check->server_count, 1);
    assert_true(dname_equal(&check->servers[0].name, &name));
    assert_int_equal(check->servers[0].endpoint.port, 5301);
    assert_true(check->servers[0].delegated);
}

/* Resolvers ask the servers that are delegated, not these. */
static void servers_of_the_user_leave_the_resolvers_out(void **)
{
    static const struct {
        const char *more;
        bool resolvers;
    } rows[] = { { "", false },
                 { "--resolver 192.0.2.1", true },
                 { "--parent 192.0.2.1", true },
                 { "--only resolvers", true } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[128];
        (void)snprintf(line, sizeof(line), "--server ns1.pool.test=192.0.2.1 %s", rows[i].more);
        assert_ok(read_options(line));
        assert_int_equal((check->options.groups & 1U << 4) != 0, rows[i].resolvers);
    }
}

static void a_subnet_has_the_bits_that_resolvers_send(void **)
{
    assert_ok(read_options("--subnet 192.0.2.7 --subnet 2001:db8::7 --subnet 0.0.0.0/0 "
                           "--subnet 2001:db8::/128"));
    static const unsigned bits[] = { 24, 56, 0, 128 };
    assert_int_equal(check->options.subnet_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(check->options.subnets[i].present);
        assert_int_equal(check->options.subnets[i].source_bits, bits[i]);
    }
}

static void members_are_a_number_or_all(void **)
{
    assert_ok(read_options("--members all"));
    assert_int_equal(check->options.members, UINT32_MAX);
    assert_ok(read_options("--members 7"));
    assert_int_equal(check->options.members, 7);
}

static void what_makes_no_sense_is_refused(void **)
{
    static const char *const bad[] = {
        "--only weather",
        "--resolver ns1.example",
        "--resolver 9.9.9.9,,1.1.1.1",
        "--parent 192.0.2.1@0",
        "--parent 192.0.2.1@65536",
        "--subnet 192.0.2.0/33",
        "--subnet 2001:db8::/129",
        "--subnet 192.0.2.0/",
        "--subnet 192.0.2/24",
        "--server 192.0.2.1",
        "--server =192.0.2.1",
        "--server ns1.pool.test=",
        "--server a..b=192.0.2.1",
        "--members -1",
        "--members many",
        "--wait 0",
        "--wait 61",
        "--timeout 0",
        "--timeout 86401",
        "--timeout 5m",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_options(bad[i]), RESULT_USAGE);
        assert_true(strlen(why) > 0);
    }
    assert_int_equal(read_options("--root-hints /nowhere/hints"), RESULT_SYSTEM);
}

/* Reads an option that is given `count` times. */
static enum result many(const char *option, unsigned count)
{
    char line[4096] = "";
    for (unsigned i = 0; i < count; i++) {
        size_t used = strlen(line);
        (void)snprintf(line + used, sizeof(line) - used, "%s ", option);
    }
    return read_options(line);
}

static void there_is_room_for_so_many_and_no_more(void **)
{
    static const struct {
        const char *option;
        unsigned most;
    } rows[] = {
        { "--parent 192.0.2.1", CHECK_ADDRESSES_MAX },
        { "--resolver 192.0.2.1", CHECK_ADDRESSES_MAX },
        { "--server ns1.pool.test=192.0.2.1", CHECK_SERVERS_MAX },
        { "--subnet 192.0.2.0/24", CHECK_SUBNETS_MAX },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ok(many(rows[i].option, rows[i].most));
        assert_int_equal(many(rows[i].option, rows[i].most + 1), RESULT_USAGE);
    }
}

static void hints_are_a_zone_file(void **)
{
    char path[] = "hints.XXXXXX", line[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    (void)fprintf(file, ". 60 IN NS a.root.\na.root. 60 IN A 192.0.2.53\n"
                        "a.root. 60 IN AAAA 2001:db8::53\n");
    assert_int_equal(fclose(file), 0);
    (void)snprintf(line, sizeof(line), "--root-hints %s", path);
    assert_ok(read_options(line));
    assert_int_equal(check->options.roots.count, 2);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, ". 60 IN NS a.root.\n");
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_options(line), RESULT_INVALID); /* no address */
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_all_is_checked_from_the_root),
        cmocka_unit_test(lists_may_repeat_and_have_commas),
        cmocka_unit_test(a_server_has_a_name_and_an_address),
        cmocka_unit_test(servers_of_the_user_leave_the_resolvers_out),
        cmocka_unit_test(a_subnet_has_the_bits_that_resolvers_send),
        cmocka_unit_test(members_are_a_number_or_all),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(there_is_room_for_so_many_and_no_more),
        cmocka_unit_test(hints_are_a_zone_file),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(check);
    return failed;
}
