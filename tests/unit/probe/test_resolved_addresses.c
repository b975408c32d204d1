#include "probe/resolved_addresses.h"
#include "tests/unit/unit.h"

enum {
    NOW = 7200000,
    KEEP = LIMIT_RESOLVE_KEEP_S * 1000
};

static struct lookup_answer found(const char *ipv4, const char *ipv6)
{
    struct lookup_answer answer = { .state = LOOKUP_NO_ADDRESS, .why = "no address" };
    const char *const texts[] = { ipv4, ipv6 };
    for (unsigned i = 0; i < 2; i++) {
        if (texts[i] != NULL) {
            assert_ok(address_parse(&answer.addresses[answer.count++], texts[i]));
            answer.state = LOOKUP_FOUND;
        }
    }
    return answer;
}

static struct lookup_answer failed(void)
{
    return (struct lookup_answer){ .state = LOOKUP_FAILED, .unknown = { true, true } };
}

static void assert_address(const struct resolved_addresses *resolved, unsigned index,
                           const char *text)
{
    char own[ADDRESS_TEXT_MAX];
    assert_true(index < resolved->count);
    assert_string_equal(address_text(&resolved->addresses[index], own), text);
}

static struct resolved_addresses known_of_both(void)
{
    struct resolved_addresses resolved = { 0 };
    const struct lookup_answer answer = found("192.0.2.1", "2001:db8::1");
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW), FAILURE_NONE);
    assert_int_equal(resolved.count, 2);
    return resolved;
}

static void new_addresses_replace_the_former(void **)
{
    struct resolved_addresses resolved = known_of_both();
    const struct lookup_answer answer = found("192.0.2.9", NULL);
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + 1), FAILURE_NONE);
    assert_int_equal(resolved.count, 1);
    assert_address(&resolved, 0, "192.0.2.9");
}

static void addresses_stay_for_an_hour_while_lookups_fail(void **)
{
    struct resolved_addresses resolved = known_of_both();
    const struct lookup_answer answer = failed();
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + KEEP), FAILURE_NONE);
    assert_int_equal(resolved.count, 2);
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + KEEP + 1), FAILURE_RESOLVE);
    assert_int_equal(resolved.count, 0);
}

static void addresses_of_a_failed_family_stay_while_the_other_changes(void **)
{
    struct resolved_addresses resolved = known_of_both();
    struct lookup_answer answer = found("192.0.2.9", NULL);
    answer.unknown[0] = true;
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + KEEP), FAILURE_NONE);
    assert_int_equal(resolved.count, 2);
    assert_address(&resolved, 0, "192.0.2.9");
    assert_address(&resolved, 1, "2001:db8::1");
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + KEEP + 1), FAILURE_NONE);
    assert_int_equal(resolved.count, 1);
    assert_address(&resolved, 0, "192.0.2.9");
}

/* RFC 8020 2 */
static void missing_name_loses_its_addresses_at_once(void **)
{
    struct resolved_addresses resolved = known_of_both();
    struct lookup_answer answer = { .state = LOOKUP_NO_NAME, .why = "no such name" };
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + 1), FAILURE_RESOLVE_MISSING);
    assert_int_equal(resolved.count, 0);
    resolved = known_of_both();
    answer.unknown[1] = true;
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + 1), FAILURE_RESOLVE_MISSING);
    assert_int_equal(resolved.count, 0);
}

static void name_without_an_address_fails(void **)
{
    struct resolved_addresses resolved = known_of_both();
    const struct lookup_answer answer = found(NULL, NULL);
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW + 1), FAILURE_RESOLVE);
    assert_int_equal(resolved.count, 0);
}

static void addresses_never_exceed_the_limit(void **)
{
    struct resolved_addresses resolved = { .answered_ms = { NOW, NOW } };
    struct lookup_answer answer = { .state = LOOKUP_FOUND, .unknown = { true, false } };
    for (unsigned i = 0; i < LIMIT_ADDRESSES; i++) {
        char text[ADDRESS_TEXT_MAX];
        (void)snprintf(text, sizeof(text), "2001:db8::%u", i);
        assert_ok(address_parse(&resolved.addresses[resolved.count++], text));
        (void)snprintf(text, sizeof(text), "192.0.2.%u", i);
        assert_ok(address_parse(&answer.addresses[answer.count++], text));
    }
    assert_int_equal(resolved_addresses_take(&resolved, &answer, NOW), FAILURE_NONE);
    assert_int_equal(resolved.count, LIMIT_ADDRESSES);
}

static void next_lookup_follows_the_ttl_within_bounds(void **)
{
    struct lookup_answer answer = found("192.0.2.1", "2001:db8::1");
    answer.ttl_s = 300;
    assert_int_equal(resolved_addresses_pause_ms(&answer, 60000), 300000);
    answer.ttl_s = 5;
    assert_int_equal(resolved_addresses_pause_ms(&answer, 60000), 60000);
    answer.ttl_s = UINT32_MAX;
    assert_int_equal(resolved_addresses_pause_ms(&answer, 60000), LIMIT_TTL_S * 1000);
    answer.unknown[1] = true;
    assert_int_equal(resolved_addresses_pause_ms(&answer, 60000), 60000);
    answer = failed();
    answer.ttl_s = 300;
    assert_int_equal(resolved_addresses_pause_ms(&answer, 60000), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_addresses_replace_the_former),
        cmocka_unit_test(addresses_stay_for_an_hour_while_lookups_fail),
        cmocka_unit_test(addresses_of_a_failed_family_stay_while_the_other_changes),
        cmocka_unit_test(missing_name_loses_its_addresses_at_once),
        cmocka_unit_test(name_without_an_address_fails),
        cmocka_unit_test(addresses_never_exceed_the_limit),
        cmocka_unit_test(next_lookup_follows_the_ttl_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
