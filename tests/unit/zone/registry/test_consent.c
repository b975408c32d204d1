#include "tests/unit/unit.h"
#include "zone/registry/consent.h"

static struct member with_target(const char *target)
{
    struct member member;
    member_defaults(&member);
    member.target = name_of(target);
    return member;
}

static void only_a_name_outside_the_pool_needs_it(void **)
{
    struct settings settings = default_settings();
    struct member member = with_target("time.example.net.");
    assert_true(settings.target_consent);
    assert_true(consent_is_needed(&member, &settings));
    member.target.len = 0;
    assert_false(consent_is_needed(&member, &settings));
}

static void setting_and_override_beat_it(void **)
{
    struct settings settings = default_settings();
    struct member member = with_target("time.example.net.");
    member.override = OVERRIDE_ELIGIBLE;
    assert_false(consent_is_needed(&member, &settings));
    member.override = OVERRIDE_INELIGIBLE;
    assert_true(consent_is_needed(&member, &settings));
    settings.target_consent = false;
    assert_false(consent_is_needed(&member, &settings));
}

static void the_record_stands_below_the_name(void **)
{
    char text[CONSENT_TEXT_ROOM];
    struct dname name, target = name_of("time.example.net."), apex = name_of("pool.example.");
    assert_ok(consent_name(&name, &target));
    assert_string_equal(dname_text(&name, text), "_ntspool.time.example.net.");
    assert_string_equal(consent_text(&apex, text), "pool=pool.example");
}

static void the_longest_name_leaves_no_room_for_it(void **)
{
    char text[255];
    memset(text, 'a', sizeof text);
    text[63] = text[127] = text[191] = text[253] = '.';
    text[254] = '\0';
    struct dname name, target = name_of(text);
    assert_int_equal(consent_name(&name, &target), RESULT_TOO_LONG);
}

static bool says(const char *text, const char *apex)
{
    struct dname name = name_of(apex);
    return consent_says(text, strlen(text), &name);
}

static void case_and_final_dot_do_not_matter(void **)
{
    assert_true(says("pool=pool.example", "pool.example."));
    assert_true(says("pool=pool.example.", "pool.example."));
    assert_true(says("POOL=Pool.Example", "pool.example."));
}

static void nothing_else_consents(void **)
{
    const char *const texts[] = { "",
                                  ".",
                                  "pool",
                                  "pool=",
                                  "pool=.",
                                  "pool.example",
                                  "pool=pool.examples",
                                  "pool=apool.example",
                                  "pool=pool.example..",
                                  "pool=pool.example pool=b.example",
                                  "pool =pool.example",
                                  " pool=pool.example",
                                  "v=spf1 -all" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(says(texts[i], "pool.example."));
    }
    struct dname apex = name_of("pool.example.");
    assert_false(consent_says("pool=pool.example\0x", 19, &apex));
    assert_false(consent_says("pool=pool\0example", 17, &apex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_name_outside_the_pool_needs_it),
        cmocka_unit_test(setting_and_override_beat_it),
        cmocka_unit_test(the_record_stands_below_the_name),
        cmocka_unit_test(the_longest_name_leaves_no_room_for_it),
        cmocka_unit_test(case_and_final_dot_do_not_matter),
        cmocka_unit_test(nothing_else_consents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
