#include "tests/unit/unit.h"
#include "zone/registry/settings.h"

enum {
    CHANGES_MAX = 4
};

/* Settings after these changes, "name value ...". `names` gets their names. */
static struct settings changed(const char *line, char names[CHANGES_MAX][32], size_t *count)
{
    struct settings settings;
    struct diag diag = { "" };
    char words[200];
    char *save = NULL;
    settings_defaults(&settings);
    (void)snprintf(words, sizeof(words), "%s", line);
    *count = 0;
    for (char *name = strtok_r(words, " ", &save); name != NULL;
         name = strtok_r(NULL, " ", &save)) {
        (void)snprintf(names[(*count)++], 32, "%s", name);
        assert_ok(settings_set(&settings, name, strtok_r(NULL, " ", &save), &diag));
    }
    return settings;
}

static void presets_go_together(void **)
{
    struct settings settings;
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    settings_defaults(&settings);
    for (size_t i = 0; i < count; i++) {
        assert_ok(settings_check(&settings, list[i].name, NULL));
    }
}

/* Checks each setting of the line; a refusal names the setting. */
static void expect(const char *line, enum result wanted)
{
    char names[CHANGES_MAX][32];
    size_t count = 0;
    const struct settings settings = changed(line, names, &count);
    for (size_t k = 0; k < count; k++) {
        struct diag diag = { "" };
        if (settings_check(&settings, names[k], &diag) != wanted) {
            fail_msg("%s: %s: %s", line, names[k], diag.text);
        }
        assert_true(wanted == RESULT_OK || strstr(diag.text, names[k]) != NULL);
    }
}

static void settings_that_exclude_each_other_are_refused_by_name(void **)
{
    static const char *const lines[] = {
        "entry-score 5 exit-score 12",
        "entry-score 7.999",
        "reentry-score 3 exit-score 3.001",
        "exit-score 11",
        "refresh 10m retry 11m",
        "refresh 30d expire 2w",
        "expire 1h",
        "zsk-lifetime 1h propagation-delay 30d",
        "zsk-lifetime 2h",
        "ttl 1d zsk-lifetime 1d",
        "ksk-lifetime 1d",
        "parent-delay 30d ksk-lifetime 30d",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect(lines[i], RESULT_REFUSED);
    }
}

static void bounds_are_allowed_themselves(void **)
{
    static const char *const lines[] = {
        "entry-score 8",
        "entry-score 12 exit-score 12",
        "refresh 15m",
        "expire 75m",
        "zsk-lifetime 0 propagation-delay 30d",
        "zsk-lifetime 7201s",
        "ksk-lifetime 0 parent-delay 30d",
        "signature-validity 2d ttl 1d",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect(lines[i], RESULT_OK);
    }
}

/* A pool that is older than a rule can be corrected step by step. */
static void rule_is_kept_only_by_changes_of_its_own_settings(void **)
{
    char names[CHANGES_MAX][32];
    size_t count = 0;
    const struct settings settings = changed("entry-score 1", names, &count);
    assert_ok(settings_check(&settings, "srv-count", NULL));
    assert_ok(settings_check(&settings, "nonsense", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_go_together),
        cmocka_unit_test(settings_that_exclude_each_other_are_refused_by_name),
        cmocka_unit_test(bounds_are_allowed_themselves),
        cmocka_unit_test(rule_is_kept_only_by_changes_of_its_own_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
