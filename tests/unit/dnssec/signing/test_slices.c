#include "dnssec/signing/slices.h"
#include "tests/unit/presigned.h"

/* A pool's slices, stored and read back. */
static struct slices stored(struct keys_fixture *f)
{
    struct bundle bundle;
    presigned_init(f, ALGORITHM_ED25519);
    assert_ok(presigned_ask(&bundle, f, NOW, 100, NULL));
    presigned_sign(&bundle, f);
    assert_ok(presigned_accept(&bundle, f, NOW, NULL));
    bundle_done(&bundle);
    return presigned_slices(f);
}

static void what_is_written_is_read_again(void **state)
{
    struct keys_fixture *f = *state;
    struct slices slices = stored(f);
    const struct key_timeline timeline = keys_timeline(f);
    struct store_txn *txn = keys_write(f);
    assert_ok(slices_write(&slices, txn, &timeline.keys, NULL));
    assert_ok(store_commit(txn, NULL));
    struct slices again = presigned_slices(f);
    assert_int_equal(again.count, slices.count);
    assert_int_equal(again.made_at, NOW);
    assert_int_equal(again.begin_at, NOW);
    for (size_t i = 0; i < slices.count; i++) {
        const struct slice *a = &slices.list[i], *b = &again.list[i];
        assert_true(a->from == b->from && a->inception == b->inception &&
                    a->expiration == b->expiration && a->ttl_s == b->ttl_s &&
                    a->aim.dnskey == b->aim.dnskey && a->aim.ds == b->aim.ds &&
                    a->aim.wanted == b->aim.wanted && a->signed_by == b->signed_by);
        assert_memory_equal(a->signatures[0], b->signatures[0], sizeof a->signatures[0]);
    }
    slices_done(&slices);
    slices_done(&again);
}

/* The result of reading after the first slice's row was replaced. */
static enum result read_with(struct keys_fixture *f, const void *key, size_t key_len,
                             const uint8_t *row, size_t len)
{
    const struct key_timeline timeline = keys_timeline(f);
    struct slices slices = { .count = 0 };
    struct store_txn *txn = keys_write(f);
    assert_ok(store_put(txn, TABLE_META, key, key_len, row, len));
    enum result result = slices_read(&slices, txn, &timeline.keys, NULL);
    slices_done(&slices);
    store_abort(txn);
    return result;
}

static void broken_rows_are_told_from_good_ones(void **state)
{
    struct keys_fixture *f = *state;
    struct slices slices = stored(f);
    uint8_t id[14] = "slice:", row[2048], head[17];
    struct writer w = writer_of(id + 6, 8);
    struct store_item value = { .data = row, .room = sizeof row - 1 };
    struct store_txn *txn = NULL;
    write_u64(&w, NOW);
    assert_ok(store_read(f->store, &txn, NULL));
    assert_ok(store_get(txn, TABLE_META, id, sizeof id, &value));
    struct store_item head_value = { .data = head, .room = sizeof head };
    assert_ok(store_get(txn, TABLE_META, "slices", 6, &head_value));
    store_abort(txn);
    assert_ok(read_with(f, id, sizeof id, row, value.len));
    for (size_t len = 1; len < value.len; len++) {
        assert_int_equal(read_with(f, id, sizeof id, row, len), RESULT_DAMAGED);
    }
    assert_int_equal(read_with(f, id, sizeof id, row, value.len + 1), RESULT_DAMAGED);
    assert_int_equal(read_with(f, id, sizeof id - 1, row, value.len), RESULT_DAMAGED);
    head[0]++;
    assert_int_equal(read_with(f, "slices", 6, head, sizeof head), RESULT_NEWER);
    head[0] = 0;
    assert_int_equal(read_with(f, "slices", 6, head, sizeof head), RESULT_DAMAGED);
    assert_int_equal(read_with(f, "slices", 6, head, 3), RESULT_DAMAGED);
    slices_done(&slices);
}

static void a_slice_whose_key_is_gone_is_left_out(void **state)
{
    struct keys_fixture *f = *state;
    struct slices slices = stored(f), fewer;
    const struct key_timeline timeline = keys_timeline(f);
    uint32_t last = slices.list[slices.count - 1].aim.dnskey;
    struct store_txn *txn = keys_write(f);
    for (size_t i = 0; i < timeline.keys.count; i++) {
        if ((last >> i & 1) != 0 && timeline.keys.list[i].life.planned) {
            assert_ok(keystore_delete(txn, &timeline.keys.list[i]));
        }
    }
    assert_ok(store_commit(txn, NULL));
    fewer = presigned_slices(f);
    assert_true(fewer.count > 0 && fewer.count < slices.count);
    assert_int_equal(fewer.list[fewer.count - 1].from, slices.list[fewer.count - 1].from);
    slices_done(&slices);
    slices_done(&fewer);
}

/* A server that is late by the overlap of signatures still enters each slice in order, and is
 * forced into none. */
static void a_late_server_catches_up_safely(void **state)
{
    struct keys_fixture *f = *state;
    struct slices slices = stored(f);
    const struct settings settings = presigned_settings();
    struct key_timeline timeline = keys_timeline(f);
    struct rollover_timing timing = key_timeline_timing(&timeline, &settings);
    timing.offline_ksk = true;
    uint64_t change = slices_next_change(&slices, &timeline.keys, NOW);
    uint64_t late = change + 2 * DAY;
    assert_true(change > NOW + 80 * DAY);
    size_t entered = 0;
    for (uint64_t now = late; now < late + DAY; now += HOUR) {
        enum slices_step step = slices_advance(&slices, &timeline.keys, &timing, now);
        (void)rollover_advance(&timeline.keys, &timing, now);
        assert_int_not_equal(step, SLICES_FORCED);
        entered += step == SLICES_ENTERED;
        assert_true(rollover_is_safe(&timeline.keys, now));
        assert_true(slices_signed_until(&slices, &timeline.keys, now) > now + SLICES_MARGIN_S);
    }
    assert_int_equal(entered, 2);
    assert_int_equal(slices_ttl(&slices, &timeline.keys, late + DAY), settings.ttl_s);
    slices_done(&slices);
}

static void nothing_is_entered_before_its_time(void **state)
{
    struct keys_fixture *f = *state;
    struct slices slices = stored(f);
    const struct settings settings = presigned_settings();
    struct key_timeline timeline = keys_timeline(f);
    struct rollover_timing timing = key_timeline_timing(&timeline, &settings);
    timing.offline_ksk = true;
    uint64_t change = slices_next_change(&slices, &timeline.keys, NOW);
    assert_int_equal(slices_advance(&slices, &timeline.keys, &timing, change - 1),
                     SLICES_UNCHANGED);
    assert_int_equal(slices_advance(&slices, &timeline.keys, &timing, change), SLICES_ENTERED);
    assert_int_equal(slices_due(&slices, NOW - 1), -1);
    assert_int_equal(slices_advance(&slices, &timeline.keys, &timing, NOW - 1), SLICES_UNCHANGED);
    slices_done(&slices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, keys_set_up, keys_tear_down)
        TEST(what_is_written_is_read_again),         TEST(broken_rows_are_told_from_good_ones),
        TEST(a_slice_whose_key_is_gone_is_left_out), TEST(a_late_server_catches_up_safely),
        TEST(nothing_is_entered_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
