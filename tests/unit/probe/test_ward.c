#include "probe/ward.h"
#include "tests/unit/unit.h"

static struct address nth(unsigned number)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "2a0f:44::%x", number + 1);
    assert_ok(address_parse(&address, text));
    return address;
}

static void what_stays_keeps_its_verdict_when_others_come_and_go(void **state)
{
    (void)state;
    struct ward *ward = ward_new(NULL, 7);
    const struct address first[] = { nth(0), nth(1) }, second[] = { nth(2), nth(1) };
    ward_watch(ward, first, 2);
    ward->health.addresses[1].probes = 5;
    ward_watch(ward, second, 2);
    assert_true(ward->dirty);
    assert_int_equal(ward->watch_count, 2);
    assert_int_equal(ward->health.addresses[0].probes, 0);
    assert_int_equal(ward->health.addresses[1].probes, 5);
    assert_int_equal(ward->watches[0].rare.due_at, 0);
    assert_int_not_equal(ward->watches[1].rare.due_at, 0);
    ward_free(ward);
}

/* A name service may tell other addresses each minute, for years. */
static void a_day_brings_a_bounded_number_of_addresses_into_the_history(void **state)
{
    (void)state;
    struct ward *ward = ward_new(NULL, 7);
    struct address pair[2] = { nth(0) };
    unsigned noted = 0;
    for (unsigned i = 1; i <= 4U * LIMIT_NEWCOMERS; i++) {
        pair[1] = nth(i);
        ward_watch(ward, pair, 2);
        ward->health.addresses[0].probes = 1; /* only the other one is new */
        noted += !ward->watches[1].unnoted;
        assert_false(ward->watches[0].unnoted);
    }
    assert_int_equal(noted, LIMIT_NEWCOMERS - 1);
    ward->newcomer_day--; /* it was yesterday */
    pair[1] = nth(0xfff0);
    ward_watch(ward, pair, 2);
    assert_false(ward->watches[1].unnoted);
    ward_free(ward);
}

static void news_is_what_changes_answers_or_what_somebody_waits_for(void **state)
{
    (void)state;
    struct ward *ward = ward_new(NULL, 7);
    const struct address address = nth(0);
    ward_watch(ward, &address, 1);
    struct address_health *row = &ward->health.addresses[0];
    *row = (struct address_health){ .address = address, .last_probe_at = 100, .working = true };
    ward->changed_at = 50;
    struct member_health before = ward->health;
    row->score_milli++;
    row->last_probe_at++;
    assert_false(ward_has_news(ward, &before, 0));
    row->working = false;
    assert_true(ward_has_news(ward, &before, 0));
    row->working = true;
    ward->health.weight++;
    assert_true(ward_has_news(ward, &before, 0));
    ward->health.weight--;
    ward->changed_at = 100;
    assert_true(ward_has_news(ward, &before, 0));
    ward_free(ward);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_keeps_its_verdict_when_others_come_and_go),
        cmocka_unit_test(a_day_brings_a_bounded_number_of_addresses_into_the_history),
        cmocka_unit_test(news_is_what_changes_answers_or_what_somebody_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
