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
    assert_true(count == 0 || concerns->list[0].since == NOW);
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

static const uint64_t since = NOW - 5000;

/* Expects this as the only warning of the vantage point "far", which `change` made ill. */
static void expect(void (*change)(struct vantage *vantage), enum concern_id id, uint64_t at)
{
    struct vantages vantages = { .count = 2,
                                 .list = { { .name = "near", .well_at = NOW },
                                           { .name = "far", .interval_s = 64, .well_at = NOW } } };
    const struct vantageview view = { .members = 10 };
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    for (unsigned i = 0; i < 2 * ADDRESS_FAMILIES; i++) {
        struct vantage_family *family = &vantages.list[i / 2].family[i % 2];
        *family = (struct vantage_family){ .state = FAMILY_ON, .well_at = NOW, .addresses = 4 };
    }
    change(&vantages.list[1]);
    vantages_judge(&vantages, FRESH_S, NOW);
    vantageview_warn(&view, &vantages, concerns);
    assert_int_equal(concerns->count, 1);
    assert_int_equal(concerns->list[0].id, id);
    assert_int_equal(concerns->list[0].since, at);
    assert_string_equal(concerns->list[0].subject, "far");
    free(concerns);
}

static void set_aside(struct vantage *vantage)
{
    vantage->state = VANTAGE_NETWORK_OFF;
    vantage->state_since = since;
}

static void silence(struct vantage *vantage)
{
    vantage->well_at = since;
}

static void let_clock_run_free(struct vantage *vantage)
{
    vantage->unsynchronised = true;
}

static void freeze(struct vantage *vantage)
{
    vantage->frozen_since = since;
}

static void freeze_family(struct vantage *vantage)
{
    vantage->family[ADDRESS_IPV6].frozen_since = since;
}

static void lose_family(struct vantage *vantage)
{
    vantage->family[ADDRESS_IPV6].state = FAMILY_OFF;
    vantage->family[ADDRESS_IPV6].state_since = since;
}

static void lack_family(struct vantage *vantage)
{
    vantage->family[ADDRESS_IPV6].state = FAMILY_UNSEEN;
    vantage->family[ADDRESS_IPV6].state_since = since;
}

static void what_ails_a_vantage_point_is_told_with_the_time_since_when(void **)
{
    expect(set_aside, CONCERN_VANTAGE_ASIDE, since);
    expect(silence, CONCERN_VANTAGE_SILENT, since);
    expect(let_clock_run_free, CONCERN_VANTAGE_CLOCK, 0);
    expect(freeze, CONCERN_VANTAGE_FROZEN, since);
    expect(freeze_family, CONCERN_VANTAGE_FAMILY_FROZEN, since);
    expect(lose_family, CONCERN_VANTAGE_FAMILY_OFF, since);
    expect(lack_family, CONCERN_VANTAGE_FAMILY_UNSEEN, since);
}

static void dissent_is_told_from_two_percent_on(void **)
{
    struct vantages vantages = { .count = 1, .list = { { .name = "far", .well_at = NOW } } };
    struct vantageview view = { .members = 101, .dissent = { 2 } };
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    vantages_judge(&vantages, FRESH_S, NOW);
    vantageview_warn(&view, &vantages, concerns);
    assert_int_equal(concerns->count, 0);
    view.members = 100;
    vantageview_warn(&view, &vantages, concerns);
    assert_int_equal(concerns->count, 1);
    assert_int_equal(concerns->list[0].id, CONCERN_VANTAGE_DISSENTS);
    free(concerns);
}

static void recent_refusals_are_told(void **)
{
    const struct refusal refusals[] = {
        { .source = "far", .first_at = since, .last_at = NOW - 900, .count = 3, .text = "no" },
        { .source = "old", .first_at = since, .last_at = NOW - 901, .count = 3, .text = "no" },
    };
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    vantageview_warn_of_refusals(refusals, 2, NOW, concerns);
    assert_int_equal(concerns->count, 1);
    assert_int_equal(concerns->list[0].id, CONCERN_REPORTS_REFUSED);
    assert_int_equal(concerns->list[0].since, since);
    assert_string_equal(concerns->list[0].subject, "far");
    free(concerns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_named_vantage_point_without_reports_is_reported),
        cmocka_unit_test(a_vantage_point_that_reached_nothing_is_reported),
        cmocka_unit_test(what_ails_a_vantage_point_is_told_with_the_time_since_when),
        cmocka_unit_test(dissent_is_told_from_two_percent_on),
        cmocka_unit_test(recent_refusals_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
