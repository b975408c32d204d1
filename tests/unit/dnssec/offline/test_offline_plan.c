#include "dnssec/offline/offline_plan.h"
#include "tests/unit/presigned.h"

/* Keys in use since NOW, and `planned` further ones. */
static struct key_timeline pool_with(size_t planned)
{
    const struct settings settings = presigned_settings();
    struct key_timeline timeline = { .remembered = true };
    timeline.memory.dnskey_ttl_s = settings.ttl_s;
    timeline.memory.zone_ttl_s = key_timeline_zone_ttl(&settings, 0);
    timeline.keys.count = 2 + planned;
    for (size_t i = 0; i < timeline.keys.count; i++) {
        enum key_role role = i == 0 ? KEY_KSK : KEY_ZSK;
        const struct key_life later = { .planned = true };
        timeline.keys.list[i] =
            (struct key_record){ .algorithm = ALGORITHM_ED25519,
                                 .role = role,
                                 .tag = (uint16_t)i,
                                 .created_at = NOW + i,
                                 .life = i < 2 ? key_life_in_use(role, NOW) : later };
    }
    return timeline;
}

static enum result plan(struct slices *out, const struct key_timeline *timeline, uint64_t from,
                        uint64_t until, bool roll_zsk, struct diag *diag)
{
    const struct settings settings = presigned_settings();
    const struct slices none = { .count = 0 };
    const struct offline_period period = {
        .now = NOW, .from = from, .until = until, .roll_zsk = roll_zsk
    };
    return offline_plan_make(out, timeline, &settings, &none, &period, diag);
}

static void every_moment_is_signed_with_half_the_validity_to_spare(void **)
{
    const struct settings settings = presigned_settings();
    const struct key_timeline timeline = pool_with(4);
    struct slices slices;
    uint64_t until = NOW + 365 * DAY, spare = settings.signature_validity_s / 2;
    assert_ok(plan(&slices, &timeline, NOW, until, false, NULL));
    assert_int_equal(slices.list[0].from, NOW);
    for (size_t i = 0; i < slices.count; i++) {
        const struct slice *slice = &slices.list[i];
        uint64_t next = i + 1 < slices.count ? slices.list[i + 1].from : until;
        assert_true(slice->from < next && slice->expiration >= next + spare);
        assert_int_equal(slice->inception, slice->from - HOUR);
        assert_int_equal(slice->ttl_s, settings.ttl_s);
        assert_int_equal(slice->aim.ds, 1);
        assert_true((slice->aim.dnskey & 1) != 0);
    }
    slices_done(&slices);
}

static void zsks_come_by_their_age_the_oldest_first(void **)
{
    const struct key_timeline timeline = pool_with(4);
    struct slices slices;
    assert_ok(plan(&slices, &timeline, NOW, NOW + 365 * DAY, false, NULL));
    const uint32_t expected[] = { 0x03, 0x07, 0x05, 0x0d, 0x09, 0x19, 0x11, 0x31, 0x21 };
    size_t at = 0;
    for (size_t i = 0; i < slices.count; i++) {
        at += slices.list[i].aim.dnskey != expected[at];
        assert_int_equal(slices.list[i].aim.dnskey, expected[at]);
    }
    assert_int_equal(at, 8);
    slices_done(&slices);
    const struct key_timeline few = pool_with(3);
    assert_int_equal(plan(&slices, &few, NOW, NOW + 365 * DAY, false, NULL), RESULT_NOT_FOUND);
    assert_ok(plan(&slices, &few, NOW, NOW + 300 * DAY, false, NULL));
    slices_done(&slices);
}

static void a_zsk_goes_at_once_when_it_must(void **)
{
    const struct key_timeline timeline = pool_with(1);
    struct slices slices;
    assert_ok(plan(&slices, &timeline, NOW + 1, NOW + 80 * DAY, true, NULL));
    assert_int_equal(slices.list[0].from, NOW + 1);
    assert_int_equal(slices.list[0].aim.dnskey, 0x07);
    assert_int_equal(slices.list[0].aim.wanted, 0x04);
    assert_int_equal(slices.list[slices.count - 1].aim.dnskey, 0x05);
    slices_done(&slices);
}

static void a_ksk_that_comes_waits_for_the_parent_beside_the_old_one(void **)
{
    struct key_timeline timeline = pool_with(0);
    struct slices slices;
    timeline.keys.list[0].life.wanted = false;
    timeline.keys.list[2] = (struct key_record){
        .algorithm = ALGORITHM_ED25519, .role = KEY_KSK, .offline = true, .life = { .wanted = true }
    };
    timeline.keys.list[0].life.ds.omnipresent_at = NOW;
    timeline.keys.count = 3;
    assert_ok(plan(&slices, &timeline, NOW + 1, NOW + 60 * DAY, false, NULL));
    const struct slice *last = &slices.list[slices.count - 1];
    assert_int_equal(slices.list[0].aim.dnskey, 0x07);
    assert_int_equal(slices.list[0].aim.ds, 0x01);
    assert_int_equal(last->aim.dnskey, 0x07);
    assert_int_equal(last->aim.ds, 0x04);
    slices_done(&slices);
}

static void too_long_a_period_is_refused(void **)
{
    const struct settings settings = presigned_settings();
    struct key_timeline timeline = pool_with(0);
    struct slices slices;
    struct diag diag;
    struct settings forever = settings;
    const struct slices none = { .count = 0 };
    const struct offline_period period = { .now = NOW, .from = NOW, .until = NOW + 3000 * DAY };
    forever.zsk_lifetime_s = 0;
    assert_int_equal(offline_plan_make(&slices, &timeline, &forever, &none, &period, &diag),
                     RESULT_TOO_LONG);
    assert_non_null(strstr(diag.text, "512"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_moment_is_signed_with_half_the_validity_to_spare),
        cmocka_unit_test(zsks_come_by_their_age_the_oldest_first),
        cmocka_unit_test(a_zsk_goes_at_once_when_it_must),
        cmocka_unit_test(a_ksk_that_comes_waits_for_the_parent_beside_the_old_one),
        cmocka_unit_test(too_long_a_period_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
