#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/registry/config.h"

static char path[] = "test_config.XXXXXX";

static int make_file(void **)
{
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **)
{
    return unlink(path);
}

static enum result load(struct config **out, const void *text, size_t len, struct diag *diag)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return config_load(out, path, diag);
}

static void every_key_is_read(void **)
{
    const char text[] = "# a pool\n"
                        "---\n"
                        "state: /var/lib/pool\n"
                        "seal-key: /etc/seal\n"
                        "listen: [ 192.0.2.53@53, \"2001:db8::53@53\" ]\n"
                        "workers: 2\n"
                        "locations: /l.mmdb\n"
                        "interval: 60s\n"
                        "trust: /ca.pem\n"
                        "id: here\n"
                        "user: someone\n"
                        "reference: [ 192.0.2.1, 'nts:time.example.net' ]\n"
                        "allow-private: yes\n";
    struct config *config = NULL;
    struct diag diag = { "" };
    assert_ok(load(&config, text, sizeof text - 1, &diag));
    assert_string_equal(config->state, "/var/lib/pool");
    assert_string_equal(config->seal_key, "/etc/seal");
    assert_int_equal(config->listen_count, 2);
    assert_string_equal(config->listen[0], "192.0.2.53@53");
    assert_string_equal(config->listen[1], "2001:db8::53@53");
    assert_int_equal(*config->workers, 2);
    assert_int_equal(config->locations_count, 1);
    assert_string_equal(config->locations[0], "/l.mmdb");
    assert_string_equal(config->interval, "60s");
    assert_string_equal(config->id, "here");
    assert_int_equal(config->reference_count, 2);
    assert_string_equal(config->reference[1], "nts:time.example.net");
    assert_string_equal(config->trust, "/ca.pem");
    assert_true(*config->allow_private);
    assert_string_equal(config->user, "someone");
    config_free(config);
}

static void what_is_not_given_is_null(void **)
{
    const char *texts[] = { "", "\n", "# nothing\n\n", "---\n", "--- # nothing\n" };
    struct config *config = NULL;
    struct diag diag = { "" };
    for (size_t i = 0; i <= sizeof texts / sizeof texts[0]; i++) {
        enum result result = i == 0 ? config_load(&config, NULL, &diag)
                                    : load(&config, texts[i - 1], strlen(texts[i - 1]), &diag);
        assert_ok(result);
        assert_null(config->state);
        assert_null(config->workers);
        assert_null(config->allow_private);
        assert_int_equal(config->listen_count, 0);
        config_free(config);
    }
    config_free(NULL);
}

/* Each key that allows several values also accepts a single one. */
static void a_list_may_be_one_value(void **)
{
    static const char *const names[] = { "listen", "locations", "reference" };
    static const struct {
        const char *text;
        unsigned count;
    } cases[] = {
        { "%s: a\nstate: /x\n", 1 },
        { "state: /x\n%s: \"a\"\n", 1 },
        { "%s: [ a ]\nstate: /x\n", 1 },
        { "%s: []\nstate: /x\n", 0 },
        { "%s:\n  - a\n  - b\nstate: /x\n", 2 },
        { "state: /x\n%s: [ a, b, c, d]", 4 },
    };
    for (size_t i = 0; i < 3 * sizeof cases / sizeof cases[0]; i++) {
        struct config *config = NULL;
        struct diag diag = { "" };
        char text[100] = "";
        const char *mark = strstr(cases[i / 3].text, "%s");
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - cases[i / 3].text),
                       cases[i / 3].text, names[i % 3], mark + 2);
        assert_ok(load(&config, text, strlen(text), &diag));
        assert_string_equal(config->state, "/x");
        char **const lists[] = { config->listen, config->locations, config->reference };
        const unsigned counts[] = { config->listen_count, config->locations_count,
                                    config->reference_count };
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(counts[k], k == i % 3 ? cases[i / 3].count : 0);
        }
        for (unsigned k = 0; k < cases[i / 3].count; k++) {
            const char letter[] = { (char)('a' + k), '\0' };
            assert_string_equal(lists[i % 3][k], letter);
        }
        config_free(config);
    }
}

static void a_fault_is_told_with_its_line(void **)
{
    const struct {
        const char *text, *line, *what;
    } cases[] = {
        { "state: /x\n\nworker: 2\n", "3", "'worker' (do you mean 'workers'?)" },
        { "state: /x\nState: /x\n", "2", "'State' (do you mean 'state'?)" },
        { "wholly-other: 2\n", "1", "unknown key 'wholly-other'" },
        { "state: a\nstate: b\n", "2", "state is given twice" },
        { "state: /x\nworkers: two\n", "2", "\"two\"" },
        { "workers: -1\n", "1", "workers takes a number" },
        { "workers: 99999999999\n", "1", "99999999999" },
        { "workers:\n", "1", "workers has no value" },
        { "listen:\nstate: a\n", "1", "listen has no value" },
        { "state: \"\"\n", "1", "state has no value" },
        { "state: \"a\\0b\"\n", "1", "state is no text" },
        { "state: [ a ]\n", "1", "state takes one value" },
        { "state: { a: b }\n", "1", "state takes no keys" },
        { "listen:\n  - a\n  - b: c\n", "3", "listen takes no keys" },
        { "\nallow-private: maybe\n", "2", "maybe" },
        { "state: &x y\nlocations: *x\n", "2", "alias" },
        { "state: a\n---\nstate: b\n", "2", "one document" },
        { "locations: \"\"\n", "1", "locations has no value" },
        { "state: a\nlocations: [ a,\n \"\" ]", "3", "locations has no value" },
        { "locations: { a: b }\n", "1", "locations takes no keys" },
        { "locations: [ a, [ b ] ]\n", "1", "can't hold another" },
        { "locations: [ a, b, c, d, e ]\n", "1", "more than 4 values" },
        { "locations: a\nworkers: two\n", "2", "workers " },
        { "locations: a\nlocations: b\n", "2", "given twice" },
        { "locations:\n  - a\nlocations: b\n", "3", "given twice" },
        { "[ a ]: b\n", "1", "a key is a name" },
        { "- a\n", "1", "keys with values" },
        { "state: a\n...\nstate: b\n", "3", "document" },
        { "listen: [a\n", "2", "is no YAML" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *config = NULL;
        struct diag diag = { "" };
        assert_int_equal(load(&config, cases[i].text, strlen(cases[i].text), &diag),
                         RESULT_INVALID);
        assert_null(config);
        char place[64];
        (void)snprintf(place, sizeof place, "%s:%s: ", path, cases[i].line);
        assert_memory_equal(diag.text, place, strlen(place));
        assert_non_null(strstr(diag.text, cases[i].what));
        assert_null(strchr(diag.text, '\n'));
    }
}

static void what_is_no_configuration_is_refused(void **)
{
    struct config *config = NULL;
    struct diag diag = { "" };
    const char *texts[] = { "foo\n", "- a\n", "state: [a\n", "{", "state: a\n\tb: c\n", "a\001" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        diag.text[0] = '\0';
        assert_int_equal(load(&config, texts[i], strlen(texts[i]), &diag), RESULT_INVALID);
        assert_non_null(strstr(diag.text, path));
    }
    assert_int_equal(load(&config, "state: a\0b", 10, &diag), RESULT_INVALID);
    assert_int_equal(config_load(&config, "/nonexistent.yaml", &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent.yaml"));
    assert_int_equal(config_load(&config, "/tmp", &diag), RESULT_SYSTEM);
    char *large = malloc(70000);
    assert_non_null(large);
    memset(large, '#', 70000);
    assert_int_equal(load(&config, large, 70000, &diag), RESULT_TOO_LONG);
    free(large);
    assert_null(config);
}

/* A truncated file or a flipped bit gives an error at worst. */
static void broken_files_do_no_harm(void **)
{
    char text[] =
        "state: /x\nlocations: /a\nlisten: [ 192.0.2.53@53, \"2001:db8::53@53\" ]\nworkers: 2\n"
        "allow-private: no\ninterval: 60s\n";
    struct diag diag;
    for (size_t len = 0; len < sizeof text; len++) {
        struct config *config = NULL;
        if (load(&config, text, len, &diag) == RESULT_OK) {
            config_free(config);
        }
    }
    for (size_t bit = 0; bit < (sizeof text - 1) * 8; bit++) {
        struct config *config = NULL;
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        if (load(&config, text, sizeof text - 1, &diag) == RESULT_OK) {
            config_free(config);
        }
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(what_is_not_given_is_null),
        cmocka_unit_test(a_list_may_be_one_value),
        cmocka_unit_test(a_fault_is_told_with_its_line),
        cmocka_unit_test(what_is_no_configuration_is_refused),
        cmocka_unit_test(broken_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
