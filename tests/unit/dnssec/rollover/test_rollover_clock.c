/* A clock that runs ahead for three hours, at each hour of each rollover, and is then corrected. */
#include "tests/unit/life.h"

enum {
    AHEAD_DAYS = 400,
    LONGEST = 2 * 86400
};

/* Moves the keys on for three hours with a clock that is `ahead`. */
static void go_ahead(struct life *l, uint64_t ahead)
{
    for (int hour = 0; hour < 3; hour++) {
        l->now += HOUR;
        l->timing.memory.seen_at = l->now + ahead;
        (void)rollover_advance(&l->keys, &l->timing, l->now + ahead);
    }
    l->timing.memory.zone_until = l->now + ahead + 300; /* a setting changes meanwhile */
}

static bool set_back(struct life *l)
{
    return rollover_set_back(&l->keys, &l->timing.memory, &l->timing, LONGEST, l->now);
}

static void begin(struct life *l, unsigned kind)
{
    static const enum key_role both[] = { KEY_KSK, KEY_ZSK }, csk[] = { KEY_CSK };
    life_begin(l);
    life_add(l, ALGORITHM_ECDSAP256SHA256, KEY_KSK, key_life_in_use(KEY_KSK, START));
    life_add(l, ALGORITHM_ECDSAP256SHA256, KEY_ZSK, key_life_in_use(KEY_ZSK, START));
    life_pass(l, 4, true);
    if (kind == 0) {
        life_roll(l, ALGORITHM_ECDSAP256SHA256, both + 1, 1);
    } else if (kind == 1) {
        life_roll(l, ALGORITHM_ECDSAP256SHA256, both, 1);
    } else if (kind == 2) {
        life_roll(l, ALGORITHM_ECDSAP256SHA256, csk, 1);
    } else {
        life_roll(l, ALGORITHM_ED25519, both, 2);
    }
}

/* No record has a time in the future, and no step taken while the clock was wrong counts as known
 * to all caches. */
static void judge_times(const struct life *l, const struct key_set *wrong)
{
    assert_true(rollover_last_step_at(&l->keys) <= l->now);
    for (size_t i = 0; i < wrong->count; i++) {
        const struct record_state *was = &wrong->list[i].life.dnskey,
                                  *is = &l->keys.list[i].life.dnskey;
        assert_int_equal(record_state_is_published(is), record_state_is_published(was));
        if (was->introduced_at > l->now) {
            assert_true(is->omnipresent_at >= l->now + HOUR &&
                        is->omnipresent_at <= l->now + 2 * HOUR);
        }
        assert_true(is->introduced_at == 0 || is->withdrawn_at == 0 ||
                    is->introduced_at < is->withdrawn_at);
    }
}

static void pass_an_hour(struct life *l)
{
    l->now += HOUR;
    if (rollover_awaits_parent(&l->keys)) {
        (void)rollover_ds_seen(&l->keys, &l->timing, l->now);
    }
    (void)rollover_advance(&l->keys, &l->timing, l->now);
    life_bury(l);
}

static void every_rollover_goes_on_to_its_end(void **)
{
    struct life *l = calloc(1, sizeof *l);
    assert_non_null(l);
    for (unsigned kind = 0; kind < 4; kind++) {
        for (unsigned hours = 0; hours < 60; hours++) {
            begin(l, kind);
            for (unsigned h = 0; h < hours; h++) {
                pass_an_hour(l);
            }
            go_ahead(l, AHEAD_DAYS * DAY);
            const struct key_set wrong = l->keys;
            assert_true(set_back(l));
            assert_false(set_back(l));
            judge_times(l, &wrong);
            assert_true(l->timing.memory.seen_at <= l->now);
            assert_true(l->timing.memory.zone_until <= l->now + LONGEST);
            life_pass(l, 10, true);
            assert_int_equal(l->keys.count, kind == 2 ? 1 : 2);
            assert_true(rollover_is_safe(&l->keys, l->now));
            for (size_t i = 0; i < l->keys.count; i++) {
                assert_true(l->keys.list[i].life.wanted);
            }
        }
    }
    free(l);
}

/* Without rollover_set_back the keys would wait for more than a year. */
static void a_time_in_the_future_bars_every_step(void **)
{
    struct life *l = calloc(1, sizeof *l);
    assert_non_null(l);
    begin(l, 0);
    go_ahead(l, AHEAD_DAYS * DAY);
    life_pass(l, 100, true);
    assert_int_equal(l->keys.count, 3);
    assert_true(set_back(l));
    life_pass(l, 10, true);
    assert_int_equal(l->keys.count, 2);
    free(l);
}

/* Two changes at different wrong times stay distinct and in order, even if other changes happened
 * just before now. */
static void steps_keep_their_order(void **)
{
    struct life *l = calloc(1, sizeof *l);
    assert_non_null(l);
    begin(l, 0);
    struct key_life *lives[] = { &l->keys.list[0].life, &l->keys.list[1].life,
                                 &l->keys.list[2].life };
    lives[0]->dnskey.introduced_at = l->now - 1;
    lives[0]->dnskey.withdrawn_at = l->now;
    lives[1]->dnskey.introduced_at = l->now + DAY;
    lives[2]->dnskey.introduced_at = l->now + 2 * DAY;
    lives[2]->zone.introduced_at = l->now + DAY;
    lives[2]->ds.introduced_at = l->now + 2 * DAY;
    assert_true(set_back(l));
    assert_true(lives[0]->dnskey.introduced_at < lives[0]->dnskey.withdrawn_at);
    assert_true(lives[0]->dnskey.withdrawn_at < lives[1]->dnskey.introduced_at);
    assert_true(lives[1]->dnskey.introduced_at < lives[2]->dnskey.introduced_at);
    assert_int_equal(lives[2]->zone.introduced_at, lives[1]->dnskey.introduced_at);
    assert_int_equal(lives[2]->ds.introduced_at, lives[2]->dnskey.introduced_at);
    assert_true(lives[2]->dnskey.introduced_at <= l->now);
    assert_int_equal(lives[2]->ds.omnipresent_at, 0); /* the DS is not confirmed yet */
    free(l);
}

/* Keys made while the clock was wrong replaced no others, so there is nothing to wait for. */
static void first_keys_stay_first(void **)
{
    struct life *l = calloc(1, sizeof *l);
    assert_non_null(l);
    life_begin(l);
    life_add(l, ALGORITHM_ED25519, KEY_CSK, key_life_in_use(KEY_CSK, START + AHEAD_DAYS * DAY));
    assert_true(set_back(l));
    const struct key_life *life = &l->keys.list[0].life;
    assert_true(life->dnskey.introduced_at <= START &&
                life->dnskey.omnipresent_at == life->dnskey.introduced_at);
    assert_true(rollover_is_safe(&l->keys, START));
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rollover_goes_on_to_its_end),
        cmocka_unit_test(a_time_in_the_future_bars_every_step),
        cmocka_unit_test(steps_keep_their_order),
        cmocka_unit_test(first_keys_stay_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
