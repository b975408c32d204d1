#include <getopt.h>
#include <unistd.h>

#include "server/options.h"
#include "tests/unit/unit.h"

static char path[] = "test_options.XXXXXX";

static int make_file(void **)
{
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **)
{
    return unlink(path);
}

static void write_config(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Parses a command line that ends at the first NULL. The program's name and the configuration file
 * come before it. */
static bool read_options(struct options *out, int *exit_code, const char *const more[])
{
    char words[16][64] = { "ntspoold", "--config" };
    char *argv[17] = { words[0], words[1], words[2] };
    int argc = 3;
    (void)snprintf(words[2], sizeof words[2], "%s", path);
    for (size_t i = 0; more[i] != NULL; i++) {
        (void)snprintf(words[argc], sizeof words[argc], "%s", more[i]);
        argv[argc] = words[argc];
        argc++;
    }
    return options_read(out, argv, exit_code);
}

static void location_files_come_from_the_configuration(void **)
{
    struct options options;
    int exit_code = 0;
    write_config("locations: /a.mmdb\n");
    assert_true(read_options(&options, &exit_code, (const char *const[]){ NULL }));
    assert_int_equal(options.location_count, 1);
    assert_string_equal(options.locations[0], "/a.mmdb");
    options_done(&options);
    write_config("locations: [ /a.mmdb, /b.mmdb, /c.mmdb, /d.mmdb ]\n");
    assert_true(read_options(&options, &exit_code, (const char *const[]){ NULL }));
    assert_int_equal(options.location_count, LOCATIONS_FILES_MAX);
    assert_string_equal(options.locations[3], "/d.mmdb");
    options_done(&options);
}

static void every_address_of_the_configuration_is_listened_on(void **)
{
    const struct {
        const char *text;
        size_t count;
    } cases[] = {
        { "listen: 192.0.2.1\n", 1 },
        { "listen: [ 192.0.2.1 ]\n", 1 },
        { "listen: [ 192.0.2.1, 2001:db8::2@5353, 192.0.2.3@53 ]\n", 3 },
    };
    static const uint16_t ports[] = { 53, 5353, 53 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options;
        int exit_code = 0;
        write_config(cases[i].text);
        assert_true(read_options(&options, &exit_code, (const char *const[]){ NULL }));
        assert_int_equal(options.listen_count, cases[i].count);
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_int_equal(options.listen[k].port, ports[k]);
            assert_int_equal(options.listen[k].address.octets[15], k + 1);
        }
        options_done(&options);
    }
}

static void addresses_of_the_command_line_replace_those_of_the_configuration(void **)
{
    struct options options;
    int exit_code = 0;
    const char *const more[] = { "-l", "192.0.2.8", "-l192.0.2.9", NULL };
    write_config("listen: [ 192.0.2.1, 192.0.2.2, 192.0.2.3 ]\n");
    assert_true(read_options(&options, &exit_code, more));
    assert_int_equal(options.listen_count, 2);
    assert_int_equal(options.listen[1].address.octets[15], 9);
    options_done(&options);
}

static void the_command_line_wins_as_a_whole(void **)
{
    struct options options;
    int exit_code = 0;
    const char *const more[] = { "-L", "/x.mmdb", "--locations=/y.mmdb", NULL };
    write_config("locations: [ /a.mmdb, /b.mmdb, /c.mmdb ]\n");
    assert_true(read_options(&options, &exit_code, more));
    assert_int_equal(options.location_count, 2);
    assert_string_equal(options.locations[0], "/x.mmdb");
    assert_string_equal(options.locations[1], "/y.mmdb");
    options_done(&options);
}

static void too_many_location_files_are_refused(void **)
{
    struct options options;
    int exit_code = 0;
    const char *const five[] = { "-La", "-Lb", "-Lc", "-Ld", "-Le", NULL };
    write_config("");
    assert_false(read_options(&options, &exit_code, five));
    assert_int_equal(exit_code, 2);
    write_config("locations: [ a, b, c, d, e ]\n");
    assert_false(read_options(&options, &exit_code, (const char *const[]){ NULL }));
    assert_int_equal(exit_code, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(location_files_come_from_the_configuration),
        cmocka_unit_test(every_address_of_the_configuration_is_listened_on),
        cmocka_unit_test(addresses_of_the_command_line_replace_those_of_the_configuration),
        cmocka_unit_test(the_command_line_wins_as_a_whole),
        cmocka_unit_test(too_many_location_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
