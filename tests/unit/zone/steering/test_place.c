#include "tests/unit/distance.h"
#include "tests/unit/unit.h"
#include "zone/steering/place.h"

static struct locations *load_towns(void)
{
    struct locations *locations = NULL;
    struct diag diag = { "" };
    assert_ok(locations_load(&locations, (const char *const[]){ TEST_DATA "/towns.mmdb" }, 1, NULL,
                             &diag));
    return locations;
}

static struct member member_at(const char *address, const char *country)
{
    struct member member;
    member_defaults(&member);
    assert_ok(address_parse(&member.addresses[member.address_count++], address));
    (void)snprintf(member.country, sizeof(member.country), "%s", country);
    return member;
}

static void expect(const struct member *member, const struct locations *locations,
                   enum place_source source, const char *country, struct position position)
{
    struct place place;
    place_of_member(&place, member, locations);
    assert_int_equal(place.source, source);
    assert_string_equal(place.country, country);
    if (source != PLACE_UNKNOWN) {
        assert_true(position_km(place.position, position) < 100);
    }
}

static void the_operators_position_comes_first(void **)
{
    struct locations *locations = load_towns();
    struct member member = member_at("10.10.0.1", "");
    member.placed = true;
    member.position = (struct position){ 1, 2 };
    expect(&member, locations, PLACE_POSITION, "NL", (struct position){ 1, 2 });
    strcpy(member.country, "JP");
    expect(&member, locations, PLACE_POSITION, "JP", (struct position){ 1, 2 });
    expect(&member, NULL, PLACE_POSITION, "JP", (struct position){ 1, 2 });
    locations_free(locations);
}

static void the_file_speaks_by_the_first_address_it_knows(void **)
{
    struct locations *locations = load_towns();
    struct member member = member_at("11.0.0.1", "");
    assert_ok(address_parse(&member.addresses[member.address_count++], "2001:db8:2::1"));
    assert_ok(address_parse(&member.addresses[member.address_count++], "10.12.0.1"));
    expect(&member, locations, PLACE_ADDRESS, "JP", (struct position){ 34.7F, 135.5F });
    locations_free(locations);
}

/* The operator knows better which country it is; a file that errs there errs about the town too. */
static void a_file_that_contradicts_the_country_does_not_count(void **)
{
    struct locations *locations = load_towns();
    struct member member = member_at("10.10.0.1", "NL");
    expect(&member, locations, PLACE_ADDRESS, "NL", (struct position){ 52, 5 });
    member = member_at("10.10.0.1", "JP");
    expect(&member, locations, PLACE_COUNTRY, "JP", (struct position){ 35.65F, 139.74F });
    assert_ok(address_parse(&member.addresses[member.address_count++], "2001:db8:2::1"));
    expect(&member, locations, PLACE_ADDRESS, "JP", (struct position){ 34.7F, 135.5F });
    locations_free(locations);
}

static void the_country_is_the_last_resort(void **)
{
    struct locations *locations = load_towns();
    struct member member = member_at("10.9.0.1", ""); /* Brazil, no position */
    expect(&member, locations, PLACE_COUNTRY, "BR", (struct position){ -8.58F, -50.71F });
    member = member_at("11.0.0.1", "NL");
    expect(&member, NULL, PLACE_COUNTRY, "NL", (struct position){ 52.37F, 4.9F });
    member = member_at("11.0.0.1", "ZZ"); /* not in ISO 3166 */
    expect(&member, locations, PLACE_UNKNOWN, "ZZ", (struct position){ 0, 0 });
    member = member_at("11.0.0.1", "");
    member.address_count = 0; /* its own name, whose addresses the registry does not know */
    expect(&member, locations, PLACE_UNKNOWN, "", (struct position){ 0, 0 });
    locations_free(locations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operators_position_comes_first),
        cmocka_unit_test(the_file_speaks_by_the_first_address_it_knows),
        cmocka_unit_test(a_file_that_contradicts_the_country_does_not_count),
        cmocka_unit_test(the_country_is_the_last_resort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
