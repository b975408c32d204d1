#include "tests/unit/unit.h"
#include "zone/overview/vantageview.h"

enum {
    NOW = 2000000000,
    FRESH_S = 600
};

static void a_named_vantage_point_without_reports_is_reported(void **)
{
    const struct memberview_source source = { .settings = { .verdict_fresh_s = FRESH_S },
                                              .vantages = { .count = 1,
                                                            .list = { { .name = "near" } } } };
    const struct vantage_keys named = { .count = 3,
                                        .list = { { .name = "far", .added_at = NOW - FRESH_S - 1 },
                                                  { .name = "near", .added_at = NOW - 90000 },
                                                  { .name = "new", .added_at = NOW - FRESH_S } } };
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    vantageview_warn_of_named(&named, &source, NOW, concerns);
    assert_int_equal(concerns->count, 1);
    const struct concern *concern = &concerns->list[0];
    assert_int_equal(concern->id, CONCERN_VANTAGE_ABSENT);
    assert_int_equal(concern->since, NOW - FRESH_S - 1);
    assert_string_equal(concern->subject, "far");
    assert_non_null(strstr(concern->text, "vantage point far is named since 2033-05-18"));
    assert_non_null(strstr(concern->text, "`ntspool vantage remove far`"));
    free(concerns);
}

static size_t warnings_of(uint64_t well_at, enum family_state four, unsigned addresses)
{
    struct vantages vantages = {
        .count = 1,
        .list = { { .name = "far", .interval_s = 64, .well_at = well_at } },
    };
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        vantages.list[0].family[i].state_since = NOW - 128;
    }
    vantages.list[0].family[ADDRESS_IPV4].state = four;
    vantages.list[0].family[ADDRESS_IPV4].addresses = addresses;
    vantages_judge(&vantages, FRESH_S, NOW);
    const struct vantageview view = { .members = addresses };
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    vantageview_warn(&view, &vantages, concerns);
    size_t count = concerns->count;
    assert_true(count == 0 || concerns->list[0].id == CONCERN_VANTAGE_BLIND);
    free(concerns);
    return count;
}

static void a_vantage_point_that_reached_nothing_is_reported(void **)
{
    assert_int_equal(warnings_of(NOW, FAMILY_UNSEEN, 3), 1);
    assert_int_equal(warnings_of(NOW - 1, FAMILY_UNSEEN, 3), 0);
    assert_int_equal(warnings_of(NOW, FAMILY_UNSEEN, 2), 0);
    assert_int_equal(warnings_of(NOW, FAMILY_ON, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_named_vantage_point_without_reports_is_reported),
        cmocka_unit_test(a_vantage_point_that_reached_nothing_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
