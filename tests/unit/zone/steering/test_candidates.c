#include "tests/unit/unit.h"
#include "zone/places/region.h"
#include "zone/steering/candidates.h"

enum {
    NOW = 1700000000
};

static char dir[64];
static struct store *stores[2];
static struct store_txn *registry, *health;
static struct registry_change change; /* of the registry */
static struct settings settings;
static struct diag diag;

static int set_up(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_roster.XXXXXX");
    assert_non_null(mkdtemp(dir));
    static const enum store_kind kinds[] = { STORE_REGISTRY, STORE_HEALTH };
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(store_create(dir, kinds[i], &diag));
        assert_ok(store_open(&stores[i], dir, kinds[i], true, &diag));
    }
    assert_ok(store_write(stores[0], &registry, &diag));
    registry_begin(&change, registry, NOW, &diag);
    assert_ok(store_write(stores[1], &health, &diag));
    settings_defaults(&settings);
    settings.apex = name_of("pool.test");
    struct name_server ns = { .name = name_of("ns1.pool.test"), .address_count = 1 };
    assert_ok(address_parse(&ns.addresses[0], "127.0.0.1"));
    const struct vantage vantage = { .name = VANTAGE_PRESET, .well_at = NOW };
    assert_ok(vantage_put(health, &vantage, &diag));
    assert_ok(registry_init(&change, &settings, &ns, 1));
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    store_abort(registry);
    store_abort(health);
    store_close(stores[0]);
    store_close(stores[1]);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

/* A member whose override decides, so that the life cycle's rules stay out of this test. */
static uint64_t add(const char *label, const char *country, enum override override)
{
    static unsigned next;
    char address[32];
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", label);
    (void)snprintf(member.country, sizeof(member.country), "%s", country);
    (void)snprintf(address, sizeof(address), "10.%u.%u.%u", next >> 16 & 255, next >> 8 & 255,
                   next & 255);
    next++;
    member.override = override;
    member.address_count = 2;
    assert_ok(address_parse(&member.addresses[0], address));
    (void)snprintf(address, sizeof(address), "fd00::%x", next);
    assert_ok(address_parse(&member.addresses[1], address));
    assert_ok(registry_add(&change, &member, true));
    return member.id;
}

static enum result build(struct candidates *candidates)
{
    const struct candidates_sources sources = {
        .registry = registry, .health = health, .settings = &settings, .now = NOW
    };
    return candidates_build(candidates, &sources, &diag);
}

static void expect_target(const struct candidates *candidates, size_t i, const char *wanted)
{
    struct dname name = name_of(wanted);
    const uint8_t *target = candidates->names + candidates->list[i].target;
    assert_int_equal(target[0], name.len);
    assert_memory_equal(target + 1, name.wire, name.len);
}

static void eligible_members_have_indices(void **)
{
    struct candidates candidates;
    uint64_t zoe = add("zoe", "NL", OVERRIDE_ELIGIBLE), bob = add("bob", "NL", OVERRIDE_ELIGIBLE);
    uint64_t amy = add("amy", "", OVERRIDE_ELIGIBLE), dan = add("dan", "DE", OVERRIDE_ELIGIBLE);
    (void)add("out", "AT", OVERRIDE_INELIGIBLE);
    (void)add("new", "AT", OVERRIDE_AUTO);
    assert_ok(build(&candidates));
    assert_int_equal(candidates.members, 6);
    assert_int_equal(candidates.count, 4);
    assert_int_equal(candidates.eligible, 4);
    const uint64_t order[] = { amy, bob, dan, zoe };
    for (unsigned i = 0; i < 4; i++) {
        assert_true(candidates.list[i].member_id == order[i]);
        assert_true(candidates.list[i].weight >= 1);
        assert_true(candidates.inputs[i].capacity == candidates.list[i].weight);
        assert_int_equal(candidates.list[i].port, MEMBER_PORT);
        assert_true(candidates.inputs[i].ipv4 && candidates.inputs[i].ipv6);
    }
    expect_target(&candidates, 0, "amy.pool.test");
    expect_target(&candidates, 3, "zoe.pool.test");
    assert_int_equal(candidates.left_out_count, 0);
    candidates_done(&candidates);
    candidates_done(&candidates);
}

static void indices_are_kept_and_reused_one_build_late(void **)
{
    struct candidates first, second, third;
    struct candidates_sources sources = {
        .registry = registry, .health = health, .settings = &settings, .now = NOW
    };
    uint64_t bob = add("bob", "NL", OVERRIDE_ELIGIBLE), dan = add("dan", "", OVERRIDE_ELIGIBLE);
    assert_ok(candidates_build(&first, &sources, &diag));
    assert_ok(registry_remove(&change, "bob", NOW));
    uint64_t amy = add("amy", "NL", OVERRIDE_ELIGIBLE);
    sources.before = &first;
    assert_ok(candidates_build(&second, &sources, &diag));
    assert_true(first.list[0].member_id == bob && first.list[1].member_id == dan);
    assert_int_equal(second.count, 3);
    assert_int_equal(second.eligible, 2);
    assert_true(second.list[0].member_id == 0 && second.inputs[0].capacity <= 0);
    /* so that one like it replaces it */
    assert_true(second.inputs[0].ipv4 && second.inputs[0].ipv6);
    assert_true(second.list[1].member_id == dan && second.list[2].member_id == amy);
    uint64_t eve = add("eve", "NL", OVERRIDE_ELIGIBLE);
    sources.before = &second;
    assert_ok(candidates_build(&third, &sources, &diag));
    assert_int_equal(third.count, 3);
    assert_true(third.list[0].member_id == eve && third.list[2].member_id == amy);
    candidates_done(&first);
    candidates_done(&second);
    candidates_done(&third);
}

static void inputs_have_region_location_and_failure_domain(void **)
{
    struct candidates candidates;
    (void)add("amy", "NL", OVERRIDE_ELIGIBLE);
    (void)add("bob", "", OVERRIDE_ELIGIBLE); /* the test's addresses are one /24 and one /48 */
    struct member own;
    member_defaults(&own);
    (void)snprintf(own.label, sizeof(own.label), "own");
    own.target = name_of("ntp.example.net");
    own.override = OVERRIDE_ELIGIBLE;
    assert_ok(registry_add(&change, &own, true));
    assert_ok(build(&candidates));
    const struct allocation_member *inputs = candidates.inputs;
    char label[REGION_LABEL_ROOM];
    assert_string_equal(region_label(inputs[0].regions[0], label), "nl");
    assert_string_equal(region_label(inputs[0].regions[1], label), "europe");
    assert_int_equal(inputs[1].regions[0], REGION_NONE);
    assert_int_equal(inputs[1].regions[1], REGION_NONE);
    const struct point middle = point_at(52.4, 4.9);
    assert_true(inputs[0].point.placed && point_km(&inputs[0].point, &middle) < 50);
    assert_false(inputs[1].point.placed);
    assert_int_equal(inputs[0].group, inputs[1].group);
    assert_true(inputs[2].group != inputs[0].group);
    assert_true(inputs[2].ipv4 && !inputs[2].ipv6); /* as far as is known */
    candidates_done(&candidates);
}

static void own_name_is_the_target_in_lower_case(void **)
{
    struct candidates candidates;
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "own");
    member.target = name_of("NTP1.Example.Net");
    member.override = OVERRIDE_ELIGIBLE;
    member.port = 4461;
    assert_ok(registry_add(&change, &member, true));
    assert_ok(build(&candidates));
    assert_int_equal(candidates.count, 1);
    assert_int_equal(candidates.list[0].port, 4461);
    expect_target(&candidates, 0, "ntp1.example.net");
    candidates_done(&candidates);
}

static void an_empty_pool_has_no_candidates(void **)
{
    struct candidates candidates;
    assert_ok(build(&candidates));
    assert_int_equal(candidates.count, 0);
    assert_int_equal(candidates.members, 0);
    assert_int_equal(candidates_left_out(&candidates, 1), 0);
    candidates_done(&candidates);
}

/* Puts a health row in which address `broken` fails and the other works. */
static void put_health(uint64_t id, const char *label, unsigned broken)
{
    struct member member;
    struct member_health row;
    memset(&row, 0, sizeof(row));
    assert_ok(registry_member(registry, label, &member));
    row.member_id = id;
    memcpy(row.vantage, VANTAGE_PRESET, sizeof(VANTAGE_PRESET));
    row.address_count = member.address_count;
    for (unsigned i = 0; i < member.address_count; i++) {
        row.addresses[i].address = member.addresses[i];
        row.addresses[i].working = i != broken;
        row.addresses[i].probes = 10;
    }
    assert_ok(health_put(health, &row, &diag));
}

static void broken_address_is_found_by_member(void **)
{
    struct candidates candidates;
    uint64_t zoe = add("zoe", "NL", OVERRIDE_AUTO), amy = add("amy", "NL", OVERRIDE_AUTO);
    uint64_t bob = add("bob", "NL", OVERRIDE_AUTO);
    put_health(zoe, "zoe", 0);
    put_health(amy, "amy", 1);
    put_health(bob, "bob", 2);
    assert_ok(build(&candidates));
    assert_int_equal(candidates.left_out_count, 2);
    assert_int_equal(candidates_left_out(&candidates, zoe), 1);
    assert_int_equal(candidates_left_out(&candidates, amy), 2);
    assert_int_equal(candidates_left_out(&candidates, bob), 0);
    assert_int_equal(candidates_left_out(&candidates, 4711), 0);
    candidates_done(&candidates);
}

/* Its score took it out at that time. */
static void put_fallen(uint64_t id, const char *label, uint64_t last_eligible_at)
{
    struct member_health row;
    put_health(id, label, 0);
    assert_ok(health_get(health, id, VANTAGE_PRESET, &row));
    row.stage = STAGE_INELIGIBLE;
    row.last_eligible_at = last_eligible_at;
    assert_ok(health_put(health, &row, &diag));
}

static void last_good_members_answer_where_nobody_is_eligible(void **)
{
    struct candidates candidates;
    uint64_t zoe = add("zoe", "NL", OVERRIDE_AUTO), amy = add("amy", "NL", OVERRIDE_AUTO);
    uint64_t bob = add("bob", "NL", OVERRIDE_AUTO), dan = add("dan", "NL", OVERRIDE_INELIGIBLE);
    put_fallen(zoe, "zoe", NOW - 60);
    put_fallen(amy, "amy", NOW - 120);
    put_fallen(bob, "bob", NOW - 86400);
    put_fallen(dan, "dan", NOW);
    assert_ok(build(&candidates));
    assert_true(candidates.last_good);
    assert_int_equal(candidates.count, 2);
    assert_true(candidates.list[0].member_id == amy && candidates.list[1].member_id == zoe);
    assert_int_equal(candidates.list[0].weight, MEMBER_CAPACITY_PRESET);
    candidates_done(&candidates);
    uint64_t eve = add("eve", "NL", OVERRIDE_ELIGIBLE);
    assert_ok(build(&candidates));
    assert_false(candidates.last_good);
    assert_int_equal(candidates.count, 1);
    assert_true(candidates.list[0].member_id == eve);
    candidates_done(&candidates);
}

static void many_members_fit(void **)
{
    struct candidates candidates;
    for (unsigned i = 0; i < 1000; i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), "m%u", i);
        uint64_t id = add(label, i % 2 == 0 ? "NL" : "DE", OVERRIDE_ELIGIBLE);
        put_health(id, label, i % 2);
    }
    assert_ok(build(&candidates));
    assert_int_equal(candidates.count, 1000);
    assert_int_equal(candidates.left_out_count, 1000);
    for (size_t i = 0; i < candidates.count; i++) { /* a family each that their names don't show */
        assert_true(candidates.list[i].member_id != 0);
        assert_true(candidates.inputs[i].ipv4 != candidates.inputs[i].ipv6);
    }
    candidates_done(&candidates);
}

static void unreadable_rows_are_damage_and_leave_the_output(void **)
{
    struct candidates candidates = { .members = 77 };
    (void)add("amy", "NL", OVERRIDE_ELIGIBLE);
    uint64_t id = add("bob", "NL", OVERRIDE_ELIGIBLE);
    uint8_t key[8 + sizeof(VANTAGE_PRESET)] = "........" VANTAGE_PRESET;
    memset(key, 0, 8);
    wire_put_u32(key + 4, (uint32_t)id);
    const size_t key_len = sizeof(key) - 1;
    assert_ok(store_put(health, TABLE_HEALTH, key, key_len, "?", 1));
    assert_int_equal(build(&candidates), RESULT_DAMAGED);
    assert_non_null(strstr(diag.text, "bob"));
    assert_ok(store_delete(health, TABLE_HEALTH, key, key_len));
    assert_ok(store_put(registry, TABLE_MEMBERS, "bob", 3, "\0?", 2));
    assert_int_equal(build(&candidates), RESULT_DAMAGED);
    assert_non_null(strstr(diag.text, "registry"));
    assert_int_equal(candidates.members, 77);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(eligible_members_have_indices),
        CASE(indices_are_kept_and_reused_one_build_late),
        CASE(inputs_have_region_location_and_failure_domain),
        CASE(own_name_is_the_target_in_lower_case),
        CASE(an_empty_pool_has_no_candidates),
        CASE(broken_address_is_found_by_member),
        CASE(last_good_members_answer_where_nobody_is_eligible),
        CASE(many_members_fit),
        CASE(unreadable_rows_are_damage_and_leave_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
