#include "tests/unit/health_fixture.h"
#include "zone/verdicts/health.h"

/* Each field has a value of its own, so that swapped fields show. */
static struct member_health full_health(uint64_t id)
{
    struct member_health health;
    memset(&health, 0, sizeof(health));
    health.member_id = id;
    memcpy(health.vantage, "here", sizeof("here"));
    health.stage = STAGE_INELIGIBLE;
    health.stage_since = 1700000001;
    health.last_eligible_at = 1700000003;
    health.family[ADDRESS_IPV6] =
        (struct family_health){ STAGE_FALLING, 1700000004, 1700000005, 100 };
    health.family[ADDRESS_IPV4] = (struct family_health){ STAGE_OPERATIONAL, 1700000006, 0, 0 };
    health.weight = 350;
    health.last_cert_not_after = 1700000002;
    health.address_count = MEMBER_ADDRESSES_MAX;
    for (unsigned i = 0; i < health.address_count; i++) {
        struct address_health *each = &health.addresses[i];
        memset(each->address.octets, (int)(0x20 + i), sizeof(each->address.octets));
        each->score_milli = -99000 + (int32_t)i;
        each->working = i % 2 == 0;
        each->probes = 1000 + i;
        each->failures = 2000 + i;
        each->first_probe_at = UINT64_C(0x1000000000) + i;
        each->last_probe_at = UINT64_C(0x2000000000) + i;
        each->last_good_at = UINT64_C(0x3000000000) + i;
        each->failure = (enum failure)(FAILURE_CERT_NAME + i);
        memset(each->detail, 'a' + (int)i, HEALTH_DETAIL_ROOM - 1);
        each->cert_not_after = UINT64_C(0x4000000000) + i;
        each->certified_at = UINT64_C(0x5000000000) + i;
        each->operational_at = UINT64_C(0x6000000000) + i;
        each->warnings = WARNING_NO_CLOSE | WARNING_CERT_AGE;
        each->aead = 15;
        each->stratum = (uint8_t)(1 + i);
        each->offset_us = -7000000000 - (int64_t)i;
        each->rtt_us = 123456 + i;
    }
    return health;
}

static size_t encode(const struct member_health *health, uint8_t data[HEALTH_ENCODED_MAX])
{
    struct writer w = writer_of(data, HEALTH_ENCODED_MAX);
    health_encode(&w, health);
    assert_false(w.failed);
    return w.at;
}

static void largest_health_survives_the_round_trip(void **)
{
    uint8_t data[HEALTH_ENCODED_MAX], again[HEALTH_ENCODED_MAX];
    struct member_health health = full_health(42), decoded;
    size_t len = encode(&health, data);
    assert_ok(health_decode(&decoded, data, len));
    assert_int_equal(encode(&decoded, again), len);
    assert_memory_equal(data, again, len);
    assert_true(decoded.member_id == 42 && decoded.stage == STAGE_INELIGIBLE);
    assert_true(decoded.stage_since == 1700000001 && decoded.last_cert_not_after == 1700000002);
    assert_int_equal(decoded.last_eligible_at, 1700000003);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct family_health *a = &decoded.family[i], *b = &health.family[i];
        assert_true(a->stage == b->stage && a->stage_since == b->stage_since);
        assert_true(a->frozen_at == b->frozen_at && a->weight == b->weight);
    }
    assert_int_equal(decoded.weight, 350);
    for (unsigned i = 0; i < health.address_count; i++) {
        const struct address_health *a = &decoded.addresses[i], *b = &health.addresses[i];
        assert_true(address_equal(&a->address, &b->address));
        assert_true(a->score_milli == b->score_milli && a->working == b->working);
        assert_true(a->failures == b->failures);
        assert_true(a->probes == b->probes && a->first_probe_at == b->first_probe_at);
        assert_true(a->last_probe_at == b->last_probe_at && a->last_good_at == b->last_good_at);
        assert_true(a->failure == b->failure && a->cert_not_after == b->cert_not_after);
        assert_string_equal(a->detail, b->detail);
        assert_true(a->certified_at == b->certified_at && a->operational_at == b->operational_at);
        assert_true(a->warnings == b->warnings && a->aead == b->aead && a->stratum == b->stratum);
        assert_true(a->offset_us == b->offset_us && a->rtt_us == b->rtt_us);
    }
}

static void every_other_length_is_damaged_and_leaves_the_output(void **)
{
    uint8_t data[HEALTH_ENCODED_MAX] = { 0 };
    struct member_health health = full_health(42);
    health.address_count = 2;
    size_t len = encode(&health, data);
    for (size_t cut = 0; cut <= len + 1; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, data, cut);
        struct member_health decoded = { .member_id = 7 };
        enum result wanted = cut == len ? RESULT_OK : RESULT_DAMAGED;
        assert_int_equal(health_decode(&decoded, exact, cut), wanted);
        assert_true(decoded.member_id == (cut == len ? 42 : 7));
        free(exact);
    }
}

static void flipped_bits_stay_in_bounds(void **)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    struct member_health health = full_health(42);
    health.address_count = 2;
    size_t len = encode(&health, data);
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct member_health decoded;
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (health_decode(&decoded, data, len) == RESULT_OK) {
            assert_true(decoded.stage <= STAGE_FALLING);
            assert_true(decoded.weight <= HEALTH_WEIGHT_MAX);
            assert_int_equal(decoded.address_count, 2);
            for (unsigned i = 0; i < 2; i++) {
                assert_true(decoded.addresses[i].score_milli <= HEALTH_SCORE_MAX &&
                            decoded.addresses[i].score_milli >= HEALTH_SCORE_MIN);
                assert_non_null(failure_id(decoded.addresses[i].failure));
            }
        }
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void values_out_of_range_are_damaged(void **)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    struct member_health health = full_health(42), decoded;
    health.weight = HEALTH_WEIGHT_MAX + 1;
    assert_int_equal(health_decode(&decoded, data, encode(&health, data)), RESULT_DAMAGED);
    health = full_health(42);
    health.addresses[7].score_milli = HEALTH_SCORE_MAX + 1;
    assert_int_equal(health_decode(&decoded, data, encode(&health, data)), RESULT_DAMAGED);
    health = full_health(42);
    size_t len = encode(&health, data);
    data[8] = STAGE_FALLING + 1;
    assert_int_equal(health_decode(&decoded, data, len), RESULT_DAMAGED);
}

static void rows_are_put_replaced_and_forgotten(void **)
{
    struct member_health health = full_health(42), found;
    assert_int_equal(health_get(txn, 42, "here", &found), RESULT_NOT_FOUND);
    assert_ok(health_put(txn, &health, &diag));
    health.weight = 1;
    assert_ok(health_put(txn, &health, &diag));
    assert_ok(health_get(txn, 42, "here", &found));
    assert_int_equal(found.weight, 1);
    assert_ok(health_forget(txn, 42, &diag));
    assert_ok(health_forget(txn, 42, &diag));
    assert_int_equal(health_get(txn, 42, "here", &found), RESULT_NOT_FOUND);
}

static void put_of(uint64_t id, const char *vantage)
{
    struct member_health health = full_health(id);
    (void)snprintf(health.vantage, sizeof(health.vantage), "%s", vantage);
    assert_ok(health_put(txn, &health, &diag));
}

static void each_vantage_point_has_its_row(void **)
{
    struct member_health found;
    put_of(42, "here");
    put_of(42, "there");
    put_of(43, "here");
    assert_ok(health_get(txn, 42, "there", &found));
    assert_string_equal(found.vantage, "there");
    assert_int_equal(health_get(txn, 42, "the", &found), RESULT_NOT_FOUND);
    assert_ok(health_forget(txn, 42, &diag));
    assert_int_equal(health_get(txn, 42, "here", &found), RESULT_NOT_FOUND);
    assert_int_equal(health_get(txn, 42, "there", &found), RESULT_NOT_FOUND);
    assert_ok(health_get(txn, 43, "here", &found));
}

static void vantage_point_goes_with_all_it_saw(void **)
{
    struct member_health found;
    const struct vantage there = { .name = "there", .well_at = 5 };
    assert_int_equal(health_forget_vantage(txn, "there", false, &diag), RESULT_NOT_FOUND);
    assert_ok(vantage_put(txn, &there, &diag));
    for (uint64_t id = 1; id < 20; id++) {
        put_of(id, "here");
        put_of(id, "there");
    }
    assert_ok(health_forget_vantage(txn, "there", true, &diag));
    assert_int_equal(store_count(txn, TABLE_HEALTH), 19);
    assert_int_equal(store_count(txn, TABLE_VANTAGES), 1);
    assert_int_equal(health_forget_vantage(txn, "there", true, &diag), RESULT_NOT_FOUND);
    assert_ok(health_forget_vantage(txn, "there", false, &diag));
    assert_int_equal(store_count(txn, TABLE_VANTAGES), 0);
    assert_ok(health_get(txn, 7, "here", &found));
}

/* A row of schema 1, as its writer made it: one address without `failures`, no last_eligible_at,
 * the id for the key. */
static void put_schema_1(uint64_t id, enum stage stage, uint64_t probed_at)
{
    uint8_t key[8], data[HEALTH_ENCODED_MAX];
    struct writer k = writer_of(key, sizeof(key)), w = writer_of(data, sizeof(data));
    const uint8_t address[16] = { 1, 2, 3 };
    write_u64(&k, id);
    write_u64(&w, id);
    write_u8(&w, (uint8_t)stage);
    write_u64(&w, 1700000000);
    write_u16(&w, 350);
    write_u64(&w, 1800000000);
    write_u8(&w, 1);
    write_octets(&w, address, sizeof(address));
    write_u32(&w, 12345);
    write_u8(&w, 1);
    write_u32(&w, 77);
    write_u64(&w, 1600000000);
    write_u64(&w, probed_at);
    write_u64(&w, probed_at);
    write_u16(&w, FAILURE_NONE);
    write_text(&w, "fine");
    write_octets(&w, (const uint8_t[24]){ 0 }, 24);
    write_octets(&w, (const uint8_t[17]){ 0 }, 17);
    assert_false(w.failed);
    assert_ok(store_put(txn, TABLE_HEALTH, key, sizeof(key), data, w.at));
}

static void rows_of_schema_1_get_a_vantage_point(void **)
{
    struct member_health found;
    struct vantage vantage;
    put_schema_1(1, STAGE_ELIGIBLE, 1700000500);
    put_schema_1(2, STAGE_INELIGIBLE, 1700000600);
    put_schema_1(3, STAGE_REGISTERED, 1700000400);
    assert_ok(health_migrate_1(txn, 1700000600, &diag));
    assert_int_equal(store_count(txn, TABLE_HEALTH), 3);
    assert_ok(health_get(txn, 1, VANTAGE_PRESET, &found));
    assert_int_equal(found.stage, STAGE_ELIGIBLE);
    assert_int_equal(found.last_eligible_at, 1700000500);
    assert_int_equal(found.addresses[0].score_milli, 12345);
    assert_int_equal(found.addresses[0].probes, 77);
    assert_int_equal(found.addresses[0].failures, 0);
    assert_string_equal(found.addresses[0].detail, "fine");
    assert_ok(health_get(txn, 2, VANTAGE_PRESET, &found));
    assert_int_equal(found.last_eligible_at, 0);
    assert_ok(vantage_get(txn, VANTAGE_PRESET, &vantage));
    assert_int_equal(vantage.well_at, 1700000600);
}

/* A row of schema 2: one address, one verdict for all families. */
static void verdict_of_schema_2_is_that_of_each_family(void **)
{
    uint8_t key[12], data[HEALTH_ENCODED_MAX];
    struct writer k = writer_of(key, sizeof(key)), w = writer_of(data, sizeof(data));
    const uint8_t address[16] = { 0x20, 1 };
    struct member_health found;
    write_u64(&k, 9);
    write_octets(&k, "here", 4);
    write_u64(&w, 9);
    write_u8(&w, STAGE_FALLING);
    write_u64(&w, 1700000000);
    write_u64(&w, 1700000001);
    write_u64(&w, 1700000002);
    write_u16(&w, 100);
    write_u64(&w, 1800000000);
    write_u8(&w, 1);
    write_octets(&w, address, sizeof(address));
    write_u32(&w, 5000);
    write_u8(&w, 1);
    write_octets(&w, (const uint8_t[34]){ 0 }, 34);
    write_text(&w, "");
    write_octets(&w, (const uint8_t[41]){ 0 }, 41);
    assert_false(w.failed);
    assert_ok(store_put(txn, TABLE_HEALTH, key, sizeof(key), data, w.at));
    assert_ok(health_migrate_2(txn, 1700000600, &diag));
    assert_ok(health_get(txn, 9, "here", &found));
    const struct family_health *ipv6 = &found.family[ADDRESS_IPV6];
    assert_int_equal(found.last_eligible_at, 1700000001);
    assert_true(ipv6->stage == STAGE_FALLING && ipv6->stage_since == 1700000000);
    assert_true(ipv6->frozen_at == 1700000002 && ipv6->weight == 100);
    assert_int_equal(found.family[ADDRESS_IPV4].stage_since, 0);
}

static void damaged_row_of_schema_1_stops_the_migration(void **)
{
    assert_ok(store_put(txn, TABLE_HEALTH, "\0\0\0\0\0\0\0\2", 8, "?", 1));
    assert_int_equal(health_migrate_1(txn, 1700000600, &diag), RESULT_DAMAGED);
}

struct visit {
    uint64_t ids[4];
    unsigned count, stop;
};

static enum result visit(const struct member_health *health, void *arg)
{
    struct visit *seen = arg;
    seen->ids[seen->count++] = health->member_id;
    return seen->count == seen->stop ? RESULT_REFUSED : RESULT_OK;
}

static void rows_are_visited_in_order_of_id(void **)
{
    static const uint64_t ids[] = { 256, 1, UINT64_C(1) << 40 };
    for (unsigned i = 0; i < 3; i++) {
        struct member_health health = full_health(ids[i]);
        assert_ok(health_put(txn, &health, &diag));
    }
    struct visit seen = { .stop = 0 };
    assert_ok(health_each(txn, visit, &seen));
    assert_int_equal(seen.count, 3);
    assert_true(seen.ids[0] == 1 && seen.ids[1] == 256 && seen.ids[2] == UINT64_C(1) << 40);
    seen = (struct visit){ .stop = 2 };
    assert_int_equal(health_each(txn, visit, &seen), RESULT_REFUSED);
    assert_int_equal(seen.count, 2);
}

static void row_under_another_id_is_damaged(void **)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    struct member_health health = full_health(1), found;
    size_t len = encode(&health, data);
    assert_ok(store_put(txn, TABLE_HEALTH, "\0\0\0\0\0\0\0\2here", 12, data, len));
    assert_int_equal(health_get(txn, 2, "here", &found), RESULT_DAMAGED);
    struct visit seen = { .stop = 0 };
    assert_int_equal(health_each(txn, visit, &seen), RESULT_DAMAGED);
}

static void stages_and_warnings_have_names_of_their_own(void **)
{
    for (int a = STAGE_REGISTERED; a <= STAGE_FALLING; a++) {
        for (int b = STAGE_REGISTERED; b < a; b++) {
            assert_string_not_equal(stage_text((enum stage)a), stage_text((enum stage)b));
        }
    }
    for (int a = WARNING_CERT_AGE; a <= WARNING_NTPD_RS; a <<= 1) {
        assert_string_not_equal(warning_advice((enum warning)a), "");
        assert_string_not_equal(warning_text((enum warning)a), "unknown");
        for (int b = WARNING_CERT_AGE; b < a; b <<= 1) {
            assert_string_not_equal(warning_text((enum warning)a), warning_text((enum warning)b));
        }
    }
    assert_string_equal(warning_text((enum warning)(1 << 15)), "unknown");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_health_survives_the_round_trip),
        cmocka_unit_test(every_other_length_is_damaged_and_leaves_the_output),
        cmocka_unit_test(flipped_bits_stay_in_bounds),
        cmocka_unit_test(values_out_of_range_are_damaged),
        CASE(rows_are_put_replaced_and_forgotten),
        CASE(each_vantage_point_has_its_row),
        CASE(vantage_point_goes_with_all_it_saw),
        CASE(rows_of_schema_1_get_a_vantage_point),
        CASE(verdict_of_schema_2_is_that_of_each_family),
        CASE(damaged_row_of_schema_1_stops_the_migration),
        CASE(rows_are_visited_in_order_of_id),
        CASE(row_under_another_id_is_damaged),
        cmocka_unit_test(stages_and_warnings_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
