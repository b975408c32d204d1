/* Each kind of rollover, checked to the second. */
#include "dnssec/signing/keystate.h"
#include "tests/unit/life.h"

static struct life *settled(enum key_role first)
{
    struct life *w = calloc(1, sizeof *w);
    assert_non_null(w);
    life_begin(w);
    life_add(w, ALGORITHM_ECDSAP256SHA256, first, key_life_in_use(first, START));
    if (first == KEY_KSK) {
        life_add(w, ALGORITHM_ECDSAP256SHA256, KEY_ZSK, key_life_in_use(KEY_ZSK, START));
    }
    life_pass(w, 3, true);
    return w;
}

static const struct key_record *with_tag(const struct life *w, uint16_t tag)
{
    for (size_t i = 0; i < w->keys.count; i++) {
        if (w->keys.list[i].tag == tag) {
            return &w->keys.list[i];
        }
    }
    return NULL;
}

static enum key_state state_of(const struct life *w, uint16_t tag)
{
    const struct key_record *key = with_tag(w, tag);
    assert_non_null(key);
    return keystate_of(key, w->now);
}

static struct key_next next_of(const struct life *w, uint16_t tag)
{
    const struct slices none = { .count = 0 };
    return keystate_next(&w->keys, (size_t)(with_tag(w, tag) - w->keys.list), &none, &w->timing,
                         w->now);
}

static void advance(struct life *w, uint64_t seconds)
{
    w->now += seconds;
    (void)rollover_advance(&w->keys, &w->timing, w->now);
    life_bury(w);
}

/* RFC 7583 3.2.1 */
static void a_zsk_is_published_before_it_signs(void **)
{
    const enum key_role zsk[] = { KEY_ZSK };
    struct life *w = settled(KEY_KSK);
    life_roll(w, ALGORITHM_ECDSAP256SHA256, zsk, 1);
    assert_int_equal(state_of(w, 2), KEY_GENERATED);
    assert_int_equal(next_of(w, 2).step, STEP_PUBLISH);
    advance(w, 1);
    uint64_t published_at = w->now;
    assert_int_equal(state_of(w, 2), KEY_PUBLISHED);
    assert_int_equal(state_of(w, 1), KEY_ACTIVE);
    struct key_next next = next_of(w, 2);
    assert_int_equal(next.step, STEP_SIGN);
    assert_int_equal(next.at, published_at + 2 * HOUR); /* DNSKEY's TTL and propagation */
    assert_int_equal(next_of(w, 1).at, next.at);
    assert_int_equal(next_of(w, 1).step, STEP_STOP_SIGNING);
    advance(w, 2 * HOUR - 1);
    assert_int_equal(state_of(w, 2), KEY_PUBLISHED);
    advance(w, 1);
    assert_int_equal(state_of(w, 2), KEY_ACTIVE);
    assert_int_equal(state_of(w, 1), KEY_RETIRED);
    next = next_of(w, 1);
    assert_int_equal(next.step, STEP_UNPUBLISH);
    assert_int_equal(next.at, w->now + ROLLOVER_RESIGN_S + 300 + HOUR); /* the zone's TTL */
    advance(w, ROLLOVER_RESIGN_S + 300 + HOUR);
    assert_int_equal(state_of(w, 1), KEY_REMOVED);
    next = next_of(w, 1);
    assert_int_equal(next.step, STEP_DELETE);
    advance(w, next.at - w->now);
    assert_null(with_tag(w, 1));
    free(w);
}

/* RFC 7583 3.3.1, with the confirmation of the DS in between. */
static void a_ksk_waits_for_the_parent(void **)
{
    const enum key_role ksk[] = { KEY_KSK };
    struct life *w = settled(KEY_KSK);
    assert_int_equal(state_of(w, 0), KEY_ACTIVE);
    life_roll(w, ALGORITHM_ECDSAP256SHA256, ksk, 1);
    advance(w, 1);
    assert_int_equal(state_of(w, 2), KEY_PUBLISHED);
    assert_int_equal(next_of(w, 2).step, STEP_ASK_DS);
    assert_false(rollover_awaits_parent(&w->keys));
    advance(w, 2 * HOUR);
    assert_int_equal(state_of(w, 2), KEY_READY);
    assert_true(rollover_awaits_parent(&w->keys));
    assert_int_equal(rollover_asked_at(&w->keys), w->now);
    assert_int_equal(next_of(w, 2).step, STEP_WAIT_PARENT);
    assert_int_equal(next_of(w, 0).step, STEP_WAIT_PARENT);
    life_pass(w, 400, false);
    assert_true(record_state_is_published(&with_tag(w, 0)->life.dnskey) &&
                record_state_is_published(&with_tag(w, 2)->life.dnskey));
    assert_int_equal(rollover_ds_seen(&w->keys, &w->timing, w->now), 2);
    assert_int_equal(next_of(w, 0).step, STEP_UNPUBLISH);
    assert_int_equal(next_of(w, 0).at, w->now + DAY + HOUR);
    life_pass(w, 4, false);
    assert_null(with_tag(w, 0));
    assert_int_equal(state_of(w, 2), KEY_ACTIVE);
    free(w);
}

/* RFC 6781 4.1.4: signatures first, then keys, then the DS; in the reverse order on the way out. */
static void a_new_algorithm_signs_before_its_keys_are_published(void **)
{
    const enum key_role both[] = { KEY_KSK, KEY_ZSK };
    struct life *w = settled(KEY_KSK);
    life_roll(w, ALGORITHM_ED25519, both, 2);
    advance(w, 1);
    assert_int_equal(state_of(w, 3), KEY_PRESIGNING);
    assert_int_equal(state_of(w, 2), KEY_GENERATED);
    assert_true(record_state_is_published(&with_tag(w, 1)->life.zone));
    advance(w, ROLLOVER_RESIGN_S + 300 + HOUR - 1);
    assert_int_equal(state_of(w, 3), KEY_PRESIGNING);
    advance(w, 1);
    assert_true(record_state_is_published(&with_tag(w, 2)->life.dnskey) &&
                record_state_is_published(&with_tag(w, 3)->life.dnskey));
    assert_false(record_state_is_published(&with_tag(w, 2)->life.ds));
    advance(w, 2 * HOUR);
    assert_true(record_state_is_published(&with_tag(w, 2)->life.ds) &&
                !record_state_is_published(&with_tag(w, 0)->life.ds));
    life_pass(w, 10, false);
    assert_int_equal(w->keys.count, 4);
    (void)rollover_ds_seen(&w->keys, &w->timing, w->now);
    advance(w, DAY + HOUR);
    /* The old DNSKEYs go together. Their signatures stay until no cache holds the DNSKEYs. */
    assert_false(record_state_is_published(&with_tag(w, 0)->life.dnskey) ||
                 record_state_is_published(&with_tag(w, 1)->life.dnskey));
    assert_true(record_state_is_published(&with_tag(w, 1)->life.zone));
    advance(w, 2 * HOUR);
    assert_false(with_tag(w, 1) != NULL && record_state_is_published(&with_tag(w, 1)->life.zone));
    life_pass(w, 1, false);
    assert_int_equal(w->keys.count, 2);
    free(w);
}

static void one_key_takes_over_from_two_and_back(void **)
{
    const enum key_role both[] = { KEY_KSK, KEY_ZSK }, csk[] = { KEY_CSK };
    struct life *w = settled(KEY_KSK);
    life_roll(w, ALGORITHM_ECDSAP256SHA256, csk, 1);
    life_pass(w, 5, true);
    assert_int_equal(w->keys.count, 1);
    assert_int_equal(state_of(w, 2), KEY_ACTIVE);
    assert_false(rollover_under_way(&w->keys, KEY_CSK));
    life_roll(w, ALGORITHM_ECDSAP256SHA256, both, 2);
    assert_true(rollover_under_way(&w->keys, KEY_ZSK));
    life_pass(w, 5, true);
    assert_int_equal(w->keys.count, 2);
    assert_null(with_tag(w, 2));
    free(w);
}

static void a_longer_ttl_served_before_is_waited_for(void **)
{
    const enum key_role zsk[] = { KEY_ZSK };
    struct life *w = settled(KEY_KSK);
    assert_true(rollover_remember(&w->timing.memory, DAY, DAY, w->now));
    assert_false(rollover_remember(&w->timing.memory, DAY, DAY, w->now));
    life_pass(w, 2, true);
    assert_true(rollover_remember(&w->timing.memory, 60, 60, w->now));
    uint64_t lowered_at = w->now;
    life_roll(w, ALGORITHM_ECDSAP256SHA256, zsk, 1);
    advance(w, 10);
    assert_int_equal(next_of(w, 2).at, lowered_at + DAY + HOUR);
    life_pass(w, 1, true);
    advance(w, HOUR);
    assert_int_equal(state_of(w, 2), KEY_ACTIVE);
    free(w);
}

static void an_aborted_rollover_leaves_the_old_key(void **)
{
    const enum key_role zsk[] = { KEY_ZSK }, ksk[] = { KEY_KSK };
    struct life *w = settled(KEY_KSK);
    assert_int_equal(rollover_abort(&w->keys, KEY_CSK), 0);
    life_roll(w, ALGORITHM_ECDSAP256SHA256, zsk, 1);
    advance(w, HOUR);
    assert_int_equal(rollover_abort(&w->keys, KEY_KSK), 0);
    assert_int_equal(rollover_abort(&w->keys, KEY_ZSK), 1);
    advance(w,
            /* a key published in this very second may be in caches, but can't be told from one
             * never published */
            0);
    assert_true(record_state_is_published(&with_tag(w, 2)->life.dnskey));
    life_pass(w, 2, true);
    assert_int_equal(w->keys.count, 2);
    assert_int_equal(state_of(w, 1), KEY_ACTIVE);
    /* Too late once the new key signs. */
    life_roll(w, ALGORITHM_ECDSAP256SHA256, zsk, 1);
    advance(w, 1);
    advance(w, 2 * HOUR);
    assert_int_equal(rollover_abort(&w->keys, KEY_ZSK), 0);
    life_pass(w, 2, true);
    /* A KSK also comes back after its successor's DS was requested. The parent is then asked
     * again. */
    life_roll(w, ALGORITHM_ECDSAP256SHA256, ksk, 1);
    advance(w, 1);
    advance(w, 2 * HOUR);
    assert_true(record_state_is_published(&with_tag(w, 4)->life.ds));
    assert_int_equal(rollover_abort(&w->keys, KEY_KSK), 1);
    advance(w, 1);
    assert_true(record_state_is_published(&with_tag(w, 0)->life.ds) &&
                !record_state_is_published(&with_tag(w, 4)->life.ds));
    life_pass(w, 3, false);
    /* the parent may have published its DS */
    assert_true(record_state_is_published(&with_tag(w, 4)->life.dnskey));
    life_pass(w, 3, true);
    assert_null(with_tag(w, 4));
    free(w);
}

static void no_step_is_taken_when_the_clock_went_back(void **)
{
    const enum key_role zsk[] = { KEY_ZSK };
    struct life *w = settled(KEY_KSK);
    life_roll(w, ALGORITHM_ECDSAP256SHA256, zsk, 1);
    advance(w, 1);
    w->now -= 30 * DAY;
    for (int day = 0; day < 29; day++) {
        advance(w, DAY);
        assert_int_equal(state_of(w, 2), KEY_PUBLISHED);
    }
    life_pass(w, 4, false);
    assert_int_equal(state_of(w, 2), KEY_ACTIVE);
    free(w);
}

static void going_insecure_takes_the_ds_away_and_keeps_the_keys(void **)
{
    struct life *w = settled(KEY_CSK);
    w->timing.memory.insecure = true;
    advance(w, 1);
    assert_false(record_state_is_published(&with_tag(w, 0)->life.ds));
    assert_true(rollover_awaits_parent(&w->keys));
    const struct slices none = { .count = 0 };
    assert_int_equal(keystate_next(&w->keys, 0, &none, &w->timing, w->now).step, STEP_WAIT_PARENT);
    life_pass(w, 30, true);
    assert_int_equal(keystate_next(&w->keys, 0, &none, &w->timing, w->now).step, STEP_NONE);
    assert_int_equal(w->keys.count, 1);
    assert_true(record_state_is_published(&with_tag(w, 0)->life.dnskey) &&
                record_state_is_published(&with_tag(w, 0)->life.zone));
    w->timing.memory.insecure = false;
    advance(w, 1);
    assert_true(record_state_is_published(&with_tag(w, 0)->life.ds));
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zsk_is_published_before_it_signs),
        cmocka_unit_test(a_ksk_waits_for_the_parent),
        cmocka_unit_test(a_new_algorithm_signs_before_its_keys_are_published),
        cmocka_unit_test(one_key_takes_over_from_two_and_back),
        cmocka_unit_test(a_longer_ttl_served_before_is_waited_for),
        cmocka_unit_test(an_aborted_rollover_leaves_the_old_key),
        cmocka_unit_test(no_step_is_taken_when_the_clock_went_back),
        cmocka_unit_test(going_insecure_takes_the_ds_away_and_keeps_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
