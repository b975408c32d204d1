#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "zone/geo.h"

/* The file that is damaged in many ways, in memory since a disk would be slow. */
static int fd;
static char path[64];

static int make_file(void **state)
{
    (void)state;
    fd = memfd_create("test_geo", MFD_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fd < 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    return close(fd);
}

static struct geo *open_data(const char *name)
{
    char file[512];
    struct geo *geo = NULL;
    struct diag diag = { "" };
    (void)snprintf(file, sizeof file, "%s/%s", TEST_DATA, name);
    assert_int_equal(geo_open(&geo, file, &diag), RESULT_OK);
    return geo;
}

static void expect(const struct geo *geo, const char *text, const char *country, unsigned prefix)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), RESULT_OK);
    struct geo_place place = geo_find(geo, &address);
    assert_string_equal(place.country, country);
    assert_int_equal(place.prefix, prefix);
}

/* Both files of tests/data/make-mmdb.pl hold the same places. */
static void both_layouts_give_the_country_and_the_longest_prefix(void **state)
{
    (void)state;
    const char *files[] = { "places.mmdb", "flat.mmdb" };
    for (size_t i = 0; i < 2; i++) {
        struct geo *geo = open_data(files[i]);
        expect(geo, "10.1.2.3", "LU", 24);
        expect(geo, "10.1.3.3", "BE", 24); /* the most of 10.1.0.0/16 that is without 10.1.2.0/24 */
        expect(geo, "10.1.128.0", "BE", 17);
        expect(geo, "10.128.0.1", "NL", 9);
        expect(geo, "198.51.100.255", "DE", 24);
        expect(geo, "203.0.113.200", "US", 25);
        expect(geo, "127.0.0.77", "JP", 32);
        expect(geo, "2001:db8:1::1", "NL", 48);
        expect(geo, "2001:db8:8000::", "US", 33);
        expect(geo, "2001:db8:2:3:ffff::", "DE", 64);
        expect(geo, "2001:db8::53", "JP", 128);
        expect(geo, "fd12::1", "BR", 8);
        geo_close(geo);
    }
}

static void unknown_addresses_have_no_country_but_a_true_prefix(void **state)
{
    (void)state;
    struct geo *geo = open_data("places.mmdb");
    expect(geo, "11.0.0.1", "", 8);
    expect(geo, "127.0.0.78", "", 31); /* .76 and .77 split at 32, .78 and .79 are one */
    expect(geo, "224.0.0.1", "", 3);
    expect(geo, "8000::", "", 2);
    expect(geo, "172.16.5.5", "", 12);  /* a record without a country */
    expect(geo, "192.168.5.5", "", 16); /* a code that is none */
    geo_close(geo);
}

/* Whatever prefix is returned, every address in it must be in the same country: the ECS scope (RFC 7871) rests on that. */
static void the_prefix_holds_no_other_country(void **state)
{
    (void)state;
    const char *files[] = { "places.mmdb", "flat.mmdb", "ipv4.mmdb" };
    for (size_t i = 0; i < 3; i++) {
        struct geo *geo = open_data(files[i]);
        uint32_t last_end = 0;
        struct geo_place last = { .country = "" };
        for (uint64_t at = 0x7f000000; at < 0x7f000400; at++) {
            uint8_t octets[4];
            wire_put_u32(octets, (uint32_t)at);
            struct address address = address_from_ipv4(octets);
            struct geo_place place = geo_find(geo, &address);
            assert_true(place.prefix >= 1 && place.prefix <= 32);
            uint32_t mask = (uint32_t)(UINT64_MAX << (32 - place.prefix % 33));
            if (at <= last_end) {
                assert_string_equal(place.country, last.country);
                assert_int_equal(place.prefix, last.prefix);
            } else {
                assert_int_equal((uint32_t)at & ~mask, at == 0x7f000000 ? at & ~mask : 0);
            }
            last_end = ((uint32_t)at & mask) | ~mask;
            last = place;
        }
        geo_close(geo);
    }
}

static void a_file_of_ipv4_only_knows_no_ipv6(void **state)
{
    (void)state;
    struct geo *geo = open_data("ipv4.mmdb");
    expect(geo, "10.1.2.3", "LU", 24); /* written in lower case in the file */
    expect(geo, "127.0.0.77", "JP", 32);
    expect(geo, "2001:db8::53", "", 0);
    geo_close(geo);
}

static void no_file_knows_nothing(void **state)
{
    (void)state;
    expect(NULL, "10.1.2.3", "", 0);
    geo_close(NULL);
}

static void what_is_no_location_file_is_refused_with_its_name(void **state)
{
    (void)state;
    struct geo *geo = NULL;
    struct diag diag = { "" };
    assert_int_equal(geo_open(&geo, "/nonexistent.mmdb", &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent.mmdb: "));
    assert_int_equal(geo_open(&geo, "/tmp", &diag), RESULT_INVALID);
    assert_int_equal(geo_open(&geo, path, &diag), RESULT_INVALID); /* empty */
    assert_int_equal(geo_open(&geo, TEST_DATA "/make-mmdb.pl", &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "make-mmdb.pl: "));
    assert_null(geo);
}

static size_t slurp(const char *name, uint8_t *out, size_t room)
{
    char file[512];
    (void)snprintf(file, sizeof file, "%s/%s", TEST_DATA, name);
    FILE *in = fopen(file, "rb");
    assert_non_null(in);
    size_t len = fread(out, 1, room, in);
    assert_true(len > 0 && len < room);
    (void)fclose(in);
    return len;
}

static void put(const uint8_t *data, size_t len)
{
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_int_equal(pwrite(fd, data, len, 0), len);
}

/* Opens what stands in the file; if that works, looks up all over it. */
static void survive(void)
{
    struct geo *geo = NULL;
    struct diag diag = { "" };
    if (geo_open(&geo, path, &diag) != RESULT_OK) {
        assert_non_null(strstr(diag.text, path));
        return;
    }
    for (unsigned i = 0; i < 256; i++) {
        struct address address = {
            {0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)i}
        };
        struct geo_place place = geo_find(geo, &address);
        assert_true(place.prefix <= 128 && (place.country[0] == '\0' || place.country[1] != '\0'));
        const uint8_t octets[4] = { (uint8_t)i, (uint8_t)(i / 2), 2, 3 };
        address = address_from_ipv4(octets);
        place = geo_find(geo, &address);
        assert_true(place.prefix <= 32);
    }
    geo_close(geo);
}

static void damaged_files_are_refused_or_harmless(void **state)
{
    (void)state;
    const char *files[] = { "places.mmdb", "ipv4.mmdb" };
    for (size_t f = 0; f < 2; f++) {
        uint8_t data[8192];
        size_t len = slurp(files[f], data, sizeof data);
        for (size_t at = 0; at < len; at++) {
            const uint8_t flips[] = { 0x01, 0xff };
            for (size_t i = 0; i < sizeof flips; i++) {
                data[at] ^= flips[i];
                put(data, len);
                survive();
                data[at] ^= flips[i];
            }
        }
    }
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    uint8_t data[8192];
    size_t len = slurp("ipv4.mmdb", data, sizeof data);
    struct geo *geo = NULL;
    struct diag diag = { "" };
    for (size_t short_len = 0; short_len < len; short_len++) {
        put(data, short_len);
        survive();
    }
    put(data, len - 1);
    assert_int_equal(geo_open(&geo, path, &diag), RESULT_INVALID);
}

/* An operator who copies a new file over the old one shortens it for a moment. */
static void a_file_overwritten_in_place_does_not_hurt_an_open_geo(void **state)
{
    (void)state;
    uint8_t data[8192];
    size_t len = slurp("places.mmdb", data, sizeof data);
    put(data, len);
    struct geo *geo = NULL;
    struct diag diag = { "" };
    assert_int_equal(geo_open(&geo, path, &diag), RESULT_OK);
    assert_int_equal(ftruncate(fd, 0), 0);
    expect(geo, "10.1.2.3", "LU", 24);
    expect(geo, "2001:db8::53", "JP", 128);
    geo_close(geo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_layouts_give_the_country_and_the_longest_prefix),
        cmocka_unit_test(unknown_addresses_have_no_country_but_a_true_prefix),
        cmocka_unit_test(the_prefix_holds_no_other_country),
        cmocka_unit_test(a_file_of_ipv4_only_knows_no_ipv6),
        cmocka_unit_test(no_file_knows_nothing),
        cmocka_unit_test(what_is_no_location_file_is_refused_with_its_name),
        cmocka_unit_test(damaged_files_are_refused_or_harmless),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(a_file_overwritten_in_place_does_not_hurt_an_open_geo),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
