#include "tests/unit/distance.h"
#include "tests/unit/unit.h"
#include "zone/places/country.h"

static void codes_are_in_order_and_found(void **)
{
    size_t count = 0;
    const struct country *all = country_all(&count);
    assert_int_equal(count, 250); /* ISO 3166's 249, and XK */
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(all[i - 1].code, all[i].code) < 0);
        assert_ptr_equal(country_find(all[i].code), &all[i]);
        assert_non_null(strstr("AF AN AS EU NA OC SA", all[i].continent));
        assert_int_equal(strlen(all[i].continent), 2);
        assert_true(all[i].position.latitude >= -90 && all[i].position.latitude <= 90);
        assert_true(all[i].position.longitude >= -180 && all[i].position.longitude <= 180);
    }
    assert_null(country_find("ZZ"));
    assert_null(country_find(""));
    assert_null(country_find("N"));
    assert_null(country_find("NLD"));
    assert_null(country_find("nl"));
}

static void country_positions_are_right(void **)
{
    const struct {
        const char *code, *continent;
        struct position near;
        double km;
    } known[] = {
        { "NL", "EU", { 52.2F, 5.3F }, 100 },
        { "JP", "AS", { 36, 138 }, 300 },
        { "BR", "SA", { -10, -52 }, 800 },
        { "US", "NA", { 40, -98 }, 1500 },
        { "NZ", "OC", { -41, 175 }, 800 },
        { "KI", "OC", { 1, -173 }, 1500 }, /* on both sides of the 180th meridian */
        { "ZA", "AF", { -29, 25 }, 600 },
        { "AQ", "AN", { -80, 0 }, 2500 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct country *country = country_find(known[i].code);
        assert_non_null(country);
        assert_string_equal(country->continent, known[i].continent);
        assert_true(position_km(country->position, known[i].near) < known[i].km);
    }
}

static void codes_of_iso_3166_are_taken_and_others_explained(void **)
{
    static const struct {
        const char *text, *reason;
    } bad[] = {
        { "UK", "is GB" },          { "uk", "is GB" },         { "EL", "is GR" },
        { "EU", "European Union" }, { "ZZ", "no country" },    { "XX", "no country" },
        { "NLD", "two letters" },   { "N", "two letters" },    { "", "two letters" },
        { "N1", "two letters" },    { "Neth", "two letters" },
    };
    char code[3] = "--";
    struct diag diag;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(country_parse(code, bad[i].text, &diag), RESULT_INVALID);
        assert_non_null(strstr(diag.text, bad[i].reason));
        assert_string_equal(code, "--");
    }
    size_t count = 0;
    const struct country *all = country_all(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ok(country_parse(code, all[i].code, &diag));
    }
    assert_ok(country_parse(code, "nL", &diag));
    assert_string_equal(code, "NL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_iso_3166_are_taken_and_others_explained),
        cmocka_unit_test(codes_are_in_order_and_found),
        cmocka_unit_test(country_positions_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
