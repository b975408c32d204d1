#include "tests/unit/unit.h"
#include "zone/base/concern.h"

static struct concerns concerns;

static int begin(void **)
{
    concerns = (struct concerns){ 0 };
    return 0;
}

static void ids_are_words_and_unique_and_have_advice(void **)
{
    for (unsigned i = 0; i < CONCERN_IDS; i++) {
        const char *id = concern_id_text((enum concern_id)i);
        assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz-"), strlen(id));
        assert_true(strlen(concern_advice((enum concern_id)i)) > 10);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(id, concern_id_text((enum concern_id)k));
        }
    }
}

static void a_warning_keeps_its_subject_time_and_text(void **)
{
    concern_add(&concerns, CONCERN_VANTAGE_SILENT, "delft", 77, "silent for %d s", 5);
    concern_add(&concerns, CONCERN_SERVER_DOWN, NULL, 0, "down");
    assert_int_equal(concerns.count, 2);
    assert_int_equal(concerns.urgent, 1);
    assert_int_equal(concerns.list[0].id, CONCERN_VANTAGE_SILENT);
    assert_int_equal(concerns.list[0].since, 77);
    assert_string_equal(concerns.list[0].subject, "delft");
    assert_string_equal(concerns.list[0].text, "silent for 5 s");
    assert_string_equal(concerns.list[1].subject, "");
}

static void texts_are_cut_to_their_room(void **)
{
    char octets[2 * CONCERN_TEXT_ROOM];
    memset(octets, 'x', sizeof octets);
    octets[sizeof octets - 1] = 0;
    concern_add(&concerns, CONCERN_MAP_FULL, octets, 0, "%s", octets);
    assert_int_equal(strlen(concerns.list[0].subject), CONCERN_SUBJECT_ROOM - 1);
    assert_int_equal(strlen(concerns.list[0].text), CONCERN_TEXT_ROOM - 1);
}

static void a_full_list_counts_what_it_leaves_out(void **)
{
    for (unsigned i = 0; i < CONCERNS_MAX + 3; i++) {
        concern_add(&concerns, i < CONCERNS_MAX ? CONCERN_MAP_FULL : CONCERN_KEYS_UNSAFE, NULL, 0,
                    "%u", i);
    }
    assert_int_equal(concerns.count, CONCERNS_MAX);
    assert_int_equal(concerns.left_out, 3);
    assert_int_equal(concerns.urgent, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_words_and_unique_and_have_advice),
        cmocka_unit_test_setup(a_warning_keeps_its_subject_time_and_text, begin),
        cmocka_unit_test_setup(texts_are_cut_to_their_room, begin),
        cmocka_unit_test_setup(a_full_list_counts_what_it_leaves_out, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
