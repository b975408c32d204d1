#include "tests/unit/unit.h"
#include "zone/base/address.h"

static void texts_round_trip(void **)
{
    static const char *const texts[][2] = { { "192.0.2.1", "192.0.2.1" },
                                            { "2001:db8::1", "2001:db8::1" },
                                            { "2001:DB8:0::1", "2001:db8::1" },
                                            { "::ffff:192.0.2.1", "192.0.2.1" },
                                            { "::", "::" } };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address address;
        char out[ADDRESS_TEXT_MAX];
        assert_ok(address_parse(&address, texts[i][0]));
        assert_string_equal(address_text(&address, out), texts[i][1]);
    }
}

static void malformed_texts_are_refused(void **)
{
    static const char *const texts[] = { "",          "1.2.3", "1.2.3.4.5",
                                         "256.1.1.1", "host",  "2001:db8::1%eth0",
                                         "1.2.3.4@53" };
    struct address address;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal((int)address_parse(&address, texts[i]), RESULT_INVALID);
    }
}

static void endpoints_take_a_port(void **)
{
    struct endpoint endpoint;
    assert_ok(endpoint_parse(&endpoint, "::1@5300", 53));
    assert_int_equal(endpoint.port, 5300);
    assert_ok(endpoint_parse(&endpoint, "127.0.0.1", 53));
    assert_int_equal(endpoint.port, 53);
    static const char *const bad[] = { "127.0.0.1@",   "127.0.0.1@0", "127.0.0.1@65536",
                                       "127.0.0.1@5x", "@53",         "127.0.0.1@-1" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal((int)endpoint_parse(&endpoint, bad[i], 53), RESULT_INVALID);
    }
}

static void special_addresses_are_known(void **)
{
    static const struct {
        const char *text;
        bool special;
    } rows[] = { { "8.8.8.8", false },
                 { "1.1.1.1", false },
                 { "223.255.255.255", false },
                 { "0.1.2.3", true },
                 { "10.255.0.1", true },
                 { "100.64.0.1", true },
                 { "100.128.0.1", false },
                 { "127.0.0.1", true },
                 { "169.254.9.9", true },
                 { "172.31.255.255", true },
                 { "172.32.0.0", false },
                 { "192.168.1.1", true },
                 { "198.18.0.1", true },
                 { "198.20.0.1", false },
                 { "224.0.0.1", true },
                 { "255.255.255.255", true },
                 { "2001:4860::1", false },
                 { "2a00::1", false },
                 { "2001:db8::1", true },
                 { "2001:2::1", true },
                 { "2002:a00::1", true },
                 { "::1", true },
                 { "::", true },
                 { "fe80::1", true },
                 { "fd00::1", true },
                 { "ff02::1", true },
                 { "4000::1", true },
                 { "64:ff9b::1", true },
                 { "3fff::1", true } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address;
        assert_ok(address_parse(&address, rows[i].text));
        assert_int_equal(address_special(&address) != NULL, rows[i].special);
    }
}

static void sockaddr_round_trips(void **)
{
    static const char *const texts[] = { "192.0.2.7@123", "2001:db8::7@4460" };
    for (size_t i = 0; i < 2; i++) {
        struct endpoint endpoint, back;
        struct sockaddr_storage storage;
        assert_ok(endpoint_parse(&endpoint, texts[i], 0));
        assert_true(endpoint_to_sockaddr(&endpoint, &storage) > 0);
        assert_ok(endpoint_of_sockaddr(&back, (const struct sockaddr *)&storage));
        assert_int_equal(back.port, endpoint.port);
        assert_true(address_equal(&back.address, &endpoint.address));
    }
}

static void networks_are_cut_out(void **)
{
    static const struct {
        const char *address, *network;
        unsigned ipv6_bits;
    } rows[] = { { "192.0.2.77", "192.0.2.0", 48 },
                 { "2001:db8:1:2:3::4", "2001:db8:1::", 48 },
                 { "2001:db8:1:234:3::4", "2001:db8:1:200::", 56 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address;
        char out[ADDRESS_TEXT_MAX];
        assert_ok(address_parse(&address, rows[i].address));
        address = address_network(&address, rows[i].ipv6_bits);
        assert_string_equal(address_text(&address, out), rows[i].network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_round_trip),      cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(endpoints_take_a_port), cmocka_unit_test(special_addresses_are_known),
        cmocka_unit_test(networks_are_cut_out),  cmocka_unit_test(sockaddr_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
