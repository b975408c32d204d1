#include "tests/unit/verdicts_fixture.h"
#include "zone/overview/poolhistory.h"

enum {
    HOUR = 3600,
    DAY = 86400,
    MIDNIGHT = NOW - NOW % DAY
};

static struct store *history;
static struct store_txn *kept;
static struct poolhistory_counts counts;

static int set_up_all(void **state)
{
    (void)set_up_verdicts(state);
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    assert_ok(store_open(&history, dir, STORE_HISTORY, true, &diag));
    assert_ok(store_write(history, &kept, &diag));
    counts = (struct poolhistory_counts){ .day.count = 0 };
    return 0;
}

static int tear_down_all(void **state)
{
    store_abort(kept);
    store_close(history);
    return tear_down_verdicts(state);
}

static void count(void)
{
    struct memberview_source source = { .health = verdicts };
    assert_ok(registry_settings(txn, &source.settings, &diag));
    assert_ok(memberview_begin(&source, NOW));
    assert_ok(poolhistory_count(&counts, txn, &source, NOW));
}

static void register_in(struct member *member, const char *country)
{
    memcpy(member->country, country, strlen(country) + 1);
    assert_ok(registry_add(at(NOW), member, true));
}

/* What the probe saw of a member: the first address works, the others do not. */
static void seen(const struct member *member, enum stage stage, unsigned addresses)
{
    static const char *const found[] = { "9.9.9.100", "2620:fe::100", "9.9.9.101" };
    struct member_health row = { .member_id = member->id,
                                 .vantage = "local",
                                 .stage = stage,
                                 .weight = HEALTH_WEIGHT_MAX,
                                 .address_count = (uint8_t)addresses };
    for (unsigned i = 0; i < addresses; i++) {
        struct address_health *each = &row.addresses[i];
        if (i < member->address_count) {
            each->address = member->addresses[i];
        } else {
            assert_ok(address_parse(&each->address, found[i]));
        }
        each->working = i == 0;
        each->score_milli = i == 0 ? HEALTH_SCORE_MAX : HEALTH_SCORE_MIN;
        each->probes = 100;
        row.family[address_family(&each->address)] =
            (struct family_health){ .stage = stage, .weight = HEALTH_WEIGHT_MAX };
    }
    assert_ok(health_put(verdicts, &row, &diag));
}

static uint32_t in_state(const char *state)
{
    return counts.hour.states[census_state_number(state)];
}

static void assert_family(enum address_family family, unsigned known, unsigned working,
                          unsigned eligible)
{
    assert_int_equal(counts.hour.family[family].known, known);
    assert_int_equal(counts.hour.family[family].working, working);
    assert_int_equal(counts.hour.family[family].eligible, eligible);
}

static void members_are_counted_by_state_family_and_country(void **)
{
    struct member both = member_of("both", "9.9.9.1"), six = member_of("six", "2620:fe::2"),
                  out = member_of("out", "9.9.9.3"), late = member_of("late", "9.9.9.4");
    assert_ok(address_parse(&both.addresses[both.address_count++], "2620:fe::1"));
    register_in(&both, "NL");
    register_in(&six, "DE");
    out.suspended = true;
    register_in(&out, "NL");
    register_in(&late, "");
    seen(&both, STAGE_ELIGIBLE, 2);
    seen(&six, STAGE_ELIGIBLE, 1);
    seen(&out, STAGE_ELIGIBLE, 1);
    count();
    assert_int_equal(counts.hour.at, NOW);
    assert_int_equal(in_state("eligible"), 2);
    assert_int_equal(in_state("suspended"), 1);
    assert_int_equal(in_state("registered"), 1);
    assert_int_equal(counts.hour.eligible, 2);
    assert_int_equal(counts.hour.eligible_mbit, UINT64_C(2) * both.capacity_mbit);
    assert_family(ADDRESS_IPV4, 3, 2, 1);
    assert_family(ADDRESS_IPV6, 2, 1, 1);
    assert_int_equal(counts.day.count, 3);
    const struct poolhistory_country *none = &counts.day.countries[0], *de = none + 1,
                                     *nl = none + 2;
    assert_string_equal(none->country, "");
    assert_int_equal(none->members, 1);
    assert_int_equal(none->eligible, 0);
    assert_string_equal(de->country, "DE");
    assert_int_equal(de->eligible_in[ADDRESS_IPV4], 0);
    assert_int_equal(de->eligible_in[ADDRESS_IPV6], 1);
    assert_string_equal(nl->country, "NL");
    assert_int_equal(nl->members, 2);
    assert_int_equal(nl->eligible, 1);
    assert_int_equal(nl->eligible_in[ADDRESS_IPV4], 1);
    assert_int_equal(nl->eligible_in[ADDRESS_IPV6], 0); /* its second address does not work */
}

static void addresses_of_a_member_s_own_name_are_those_found(void **)
{
    struct member own = member_of("own", NULL);
    own.target = name_of("ntp.example.net");
    register_in(&own, "NL");
    count();
    assert_family(ADDRESS_IPV4, 0, 0, 0);
    seen(&own, STAGE_ELIGIBLE, 3);
    count();
    assert_family(ADDRESS_IPV4, 2, 1, 1);
    assert_family(ADDRESS_IPV6, 1, 0, 0);
    assert_int_equal(counts.day.countries[0].eligible_in[ADDRESS_IPV6], 0);
}

/* Writes a count of so many eligible members at that time. */
static void note(uint64_t when, uint32_t eligible)
{
    counts.hour.at = counts.day.at = when;
    counts.hour.eligible = eligible;
    counts.hour.states[CENSUS_STATES - 1] = 7;
    counts.hour.family[ADDRESS_IPV6].eligible = 9;
    counts.day.count = 1;
    counts.day.countries[0] =
        (struct poolhistory_country){ .country = "NL", .members = 8, .eligible = eligible };
    assert_ok(poolhistory_note(kept, &counts));
}

struct found {
    unsigned count;
    uint64_t first_at;
    struct poolhistory_hour hour;
    struct poolhistory_day day;
};

static void take_hour(const struct poolhistory_hour *hour, void *arg)
{
    struct found *found = arg;
    found->first_at = found->count++ == 0 ? hour->at : found->first_at;
    assert_true(hour->at > found->hour.at);
    found->hour = *hour;
}

static void take_day(const struct poolhistory_day *day, void *arg)
{
    struct found *found = arg;
    found->first_at = found->count++ == 0 ? day->at : found->first_at;
    found->day = *day;
}

static struct found hours(uint64_t since, uint64_t now)
{
    struct found found = { .count = 0 };
    assert_ok(poolhistory_hours(kept, since, now, take_hour, &found));
    return found;
}

static struct found days(uint64_t since, uint64_t now)
{
    struct found found = { .count = 0 };
    assert_ok(poolhistory_days(kept, since, now, take_day, &found));
    return found;
}

static void of_an_hour_and_of_a_day_the_last_count_stays(void **)
{
    note(MIDNIGHT, 1);
    note(MIDNIGHT + 600, 2);
    note(MIDNIGHT + HOUR, 3);
    note(MIDNIGHT + DAY, 4);
    struct found all = hours(0, MIDNIGHT + DAY);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.first_at, MIDNIGHT + 600);
    assert_memory_equal(&all.hour, &counts.hour, sizeof(all.hour));
    assert_int_equal(hours(MIDNIGHT + HOUR, MIDNIGHT + HOUR).hour.eligible, 3);
    assert_int_equal(hours(MIDNIGHT + HOUR, MIDNIGHT + HOUR).count, 1);
    struct found both = days(0, MIDNIGHT + DAY);
    assert_int_equal(both.count, 2);
    assert_int_equal(both.first_at, MIDNIGHT + HOUR);
    assert_int_equal(both.day.count, 1);
    assert_string_equal(both.day.countries[0].country, "NL");
    assert_int_equal(both.day.countries[0].eligible, 4);
    assert_int_equal(days(MIDNIGHT + DAY, MIDNIGHT + DAY).count, 1);
}

static void later_hours_go_when_the_clock_is_set_back(void **)
{
    for (unsigned i = 0; i < 5; i++) {
        note(MIDNIGHT + (uint64_t)i * HOUR, i);
    }
    note(MIDNIGHT + HOUR + 1, 9);
    struct found all = hours(0, MIDNIGHT + DAY);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.hour.eligible, 9);
}

static void two_years_are_kept_and_no_more(void **)
{
    const uint64_t end = MIDNIGHT + UINT64_C(1000) * DAY;
    for (uint64_t when = MIDNIGHT; when < end; when += DAY / 2) {
        note(when, 1);
    }
    assert_int_equal(store_count(kept, TABLE_POOL), 2 * POOLHISTORY_DAYS);
    assert_int_equal(hours(0, end - 1).count, 2 * POOLHISTORY_DAYS);
    assert_int_equal(days(0, end - 1).count, POOLHISTORY_DAYS);
    assert_int_equal(days(0, end - 1).first_at, end - POOLHISTORY_DAYS * (uint64_t)DAY + DAY / 2);
    assert_int_equal(hours(0, end + UINT64_C(1000) * DAY).count, 0);
    assert_int_equal(days(0, end + UINT64_C(1000) * DAY).count, 0);
}

/* A good row, cut at each place, and with each of its octets another. */
static void spoil(uint8_t kind)
{
    uint8_t key[STORE_KEY_MAX] = { kind }, value[256];
    struct store_item place = { .data = key, .len = 1, .room = sizeof(key) };
    struct store_item row = { .data = value, .room = sizeof(value) };
    struct found found = { .count = 0 };
    assert_ok(store_find(kept, TABLE_POOL, SEEK_AFTER, &place, &row));
    for (size_t len = 0; len < row.len; len++) {
        assert_ok(store_put(kept, TABLE_POOL, key, place.len, value, len));
        enum result result = kind == 1 ? poolhistory_hours(kept, 0, MIDNIGHT, take_hour, &found)
                                       : poolhistory_days(kept, 0, MIDNIGHT, take_day, &found);
        assert_int_equal(result, RESULT_DAMAGED);
    }
    for (size_t i = 0; i < row.len; i++) {
        value[i] ^= 0x55;
        found = (struct found){ .count = 0 };
        assert_ok(store_put(kept, TABLE_POOL, key, place.len, value, row.len));
        (void)poolhistory_hours(kept, 0, MIDNIGHT, take_hour, &found);
        (void)poolhistory_days(kept, 0, MIDNIGHT, take_day, &found);
        value[i] ^= 0x55;
    }
    assert_ok(store_put(kept, TABLE_POOL, key, place.len, "x", 1));
    note(MIDNIGHT, 2);
    assert_int_equal(hours(0, MIDNIGHT).hour.eligible, 2);
    assert_int_equal(days(0, MIDNIGHT).count, 1);
}

static void a_row_that_is_spoilt_is_refused_or_harmless_and_written_anew(void **)
{
    note(MIDNIGHT, 1);
    spoil(1);
    spoil(2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_all, tear_down_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_are_counted_by_state_family_and_country),
        TEST(addresses_of_a_member_s_own_name_are_those_found),
        TEST(of_an_hour_and_of_a_day_the_last_count_stays),
        TEST(later_hours_go_when_the_clock_is_set_back),
        TEST(two_years_are_kept_and_no_more),
        TEST(a_row_that_is_spoilt_is_refused_or_harmless_and_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
