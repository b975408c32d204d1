#include "tests/unit/unit.h"
#include "tools/check/check_subnets.h"

static struct check_options *preset_of(void)
{
    struct check_options *options = xcalloc(1, sizeof(*options));
    check_subnets_preset(options);
    return options;
}

/* A resolver sends no bits beyond its prefix (RFC 7871 6), and no more than /24 or /56 (11.1). */
static void the_presets_are_subnets_as_resolvers_send_them(void **)
{
    struct check_options *options = preset_of();
    assert_true(options->subnet_count >= 12);
    for (unsigned i = 0; i < options->subnet_count; i++) {
        const struct dns_subnet *subnet = &options->subnets[i];
        bool ipv4 = address_is_ipv4(&subnet->address);
        unsigned bits = subnet->source_bits + (ipv4 ? 96U : 0);
        assert_true(subnet->present);
        assert_int_equal(subnet->source_bits, ipv4 ? 24 : 56);
        for (unsigned bit = bits; bit < 128; bit++) {
            assert_int_equal(subnet->address.octets[bit / 8] & 0x80U >> bit % 8, 0);
        }
        for (unsigned k = 0; k < i; k++) {
            assert_false(address_equal(&subnet->address, &options->subnets[k].address));
        }
    }
    free(options);
}

static void each_place_has_both_families(void **)
{
    struct check_options *options = preset_of();
    char place[CHECK_SUBJECT_ROOM], other[CHECK_SUBJECT_ROOM];
    for (unsigned i = 0; i < options->subnet_count; i++) {
        unsigned same = 0;
        (void)check_subnet_place(&options->subnets[i], place);
        assert_int_equal(strlen(place), 2); /* a country */
        for (unsigned k = 0; k < options->subnet_count; k++) {
            (void)check_subnet_place(&options->subnets[k], other);
            same += strcmp(place, other) == 0 && address_is_ipv4(&options->subnets[i].address) !=
                                                     address_is_ipv4(&options->subnets[k].address);
        }
        assert_int_equal(same, 1);
    }
    free(options);
}

static void a_subnet_of_the_user_is_its_own_place(void **)
{
    const struct dns_subnet subnet = { .present = true,
                                       .address = address_of("2001:db8::"),
                                       .source_bits = 32 };
    char text[CHECK_SUBJECT_ROOM];
    assert_string_equal(check_subnet_text(&subnet, text), "2001:db8::/32");
    assert_string_equal(check_subnet_place(&subnet, text), "2001:db8::/32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_presets_are_subnets_as_resolvers_send_them),
        cmocka_unit_test(each_place_has_both_families),
        cmocka_unit_test(a_subnet_of_the_user_is_its_own_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
