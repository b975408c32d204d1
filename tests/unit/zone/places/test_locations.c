#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/distance.h"
#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/places/locations.h"

/* The file that is damaged in many ways; in memory, since a disk would be slow. */
static int fd;
static char path[64];

static int make_file(void **)
{
    fd = memfd_create("test_locations", MFD_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fd < 0 ? -1 : 0;
}

static int remove_file(void **)
{
    return close(fd);
}

static struct locations *load_data(const char *name)
{
    char file[512];
    struct locations *locations = NULL;
    struct diag diag = { "" };
    (void)snprintf(file, sizeof file, "%s/%s", TEST_DATA, name);
    assert_ok(locations_load(&locations, (const char *const[]){ file }, 1, NULL, &diag));
    return locations;
}

static const struct cell *cell_at(const struct locations *locations, const struct address *address)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    uint16_t number = locations_find(locations, address).cell;
    assert_true(number < count);
    return &cells[number];
}

static void expect(const struct locations *locations, const char *text, const char *country,
                   unsigned scope)
{
    struct address address = address_of(text);
    assert_string_equal(cell_at(locations, &address)->country, country);
    assert_int_equal(locations_find(locations, &address).scope, scope);
}

static uint16_t number_of(const struct locations *locations, const char *country,
                          const char *subdivision)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    return cell_number(cells, count, country, subdivision);
}

static const struct cell *cell_named(const struct locations *locations, const char *country,
                                     const char *subdivision)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    const struct cell *cell = &cells[cell_number(cells, count, country, subdivision)];
    assert_string_equal(cell->country, country);
    assert_string_equal(cell->subdivision, subdivision);
    return cell;
}

static void expect_position(const struct cell *cell, double latitude, double longitude)
{
    assert_true(cell->placed);
    const struct position wanted = { (float)latitude, (float)longitude };
    assert_true(position_km(cell->position, wanted) < 10);
}

static void a_city_level_file_has_cells_by_subdivision(void **)
{
    struct locations *locations = load_data("towns.mmdb");
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    assert_int_equal(count,
                     13); /* world, BR, CH, CH-GE, CH-ZH, FJ, JP, LU, NL, SE, US, US-CA, US-NY */
    assert_string_equal(cells[LOCATIONS_WORLD].country, "");
    assert_false(cells[LOCATIONS_WORLD].placed);
    for (size_t i = 2; i < count; i++) {
        int order = strcmp(cells[i - 1].country, cells[i].country);
        assert_true(order < 0 ||
                    (order == 0 && strcmp(cells[i - 1].subdivision, cells[i].subdivision) < 0));
        assert_int_equal(cell_number(cells, count, cells[i].country, cells[i].subdivision), i);
    }
    struct address address = address_of("10.0.77.1");
    assert_string_equal(cell_at(locations, &address)->subdivision, "CA");
    expect(locations, "10.0.77.1", "US", 15); /* with 10.1.0.0/16 */
    assert_int_equal(number_of(locations, "US", "TX"), LOCATIONS_WORLD);
    locations_free(locations);
}

static void the_only_subdivision_of_a_country_is_the_country(void **)
{
    struct locations *locations = load_data("towns.mmdb");
    assert_int_equal(cell_named(locations, "LU", "")->addresses, 65536);
    assert_int_equal(number_of(locations, "LU", "LU"), LOCATIONS_WORLD);
    locations_free(locations);
}

static void a_country_of_subdivisions_only_has_a_cell_all_the_same(void **)
{
    struct locations *locations = load_data("towns.mmdb");
    assert_int_equal(cell_named(locations, "CH", "")->addresses, 0);
    expect_position(cell_named(locations, "CH", ""), 47.38, 8.53); /* tzdata's Zurich */
    assert_int_equal(cell_named(locations, "CH", "ZH")->addresses, 65536);
    locations_free(locations);
}

static void cell_positions_are_the_mean_of_their_addresses(void **)
{
    struct locations *locations = load_data("towns.mmdb");
    expect_position(cell_named(locations, "US", "NY"), 41, -74);
    assert_int_equal(cell_named(locations, "US", "NY")->addresses, 65536); /* IPv4 only counts */
    expect_position(cell_named(locations, "FJ", ""), -18, 180);
    expect_position(cell_named(locations, "NL", ""), 52.5, 5.49); /* two thirds, one third */
    expect_position(cell_named(locations, "BR", ""), -8.58,
                    -50.71); /* of the country, as the file is silent */
    expect_position(cell_named(locations, "JP", ""), 35.05, 136.9);
    assert_int_equal(cell_named(locations, "JP", "")->addresses, 3); /* /48s */
    assert_string_equal(cell_named(locations, "BR", "")->continent, "SA");
    assert_string_equal(cell_named(locations, "JP", "")->continent, "AS"); /* XX in the file */
    locations_free(locations);
}

static void expect_place(const struct locations *locations, const char *text, double latitude,
                         double longitude)
{
    struct position position;
    struct address address = address_of(text);
    assert_true(locations_position(locations, &address, &position));
    assert_true(fabs((double)position.latitude - latitude) <= 0.051);
    assert_true(fabs((double)position.longitude - longitude) <= 0.051);
}

static void positions_are_those_of_the_very_address(void **)
{
    struct locations *locations = load_data("towns.mmdb");
    struct position position;
    const char *silent[] = { "10.9.1.1", "11.0.0.1", "2001:db8:8::", "::1" };
    expect_place(locations, "10.10.0.0", 52, 5);
    expect_place(locations, "10.11.255.255", 52, 5);
    expect_place(locations, "10.12.0.0", 53.5, 6.5);
    expect_place(locations, "10.5.0.1", -18, -179);
    expect_place(locations, "2001:db8:2:ffff::", 34.7, 135.5);
    expect_place(locations, "2001:db8:9::1", 59.3, 18.1);
    for (size_t i = 0; i < 4; i++) {
        struct address address = address_of(silent[i]);
        assert_false(locations_position(locations, &address, &position));
        assert_false(locations_position(NULL, &address, &position));
    }
    locations_free(locations);
}

/* 6to4 and Teredo carry IPv4 addresses; their part of the tree is IPv4's again. */
static void aliases_of_ipv4_are_not_followed(void **)
{
    struct locations *locations = load_data("towns.mmdb");
    expect(locations, "2002:a07:101::", "", 15);
    expect(locations, "2001:0:a07:101::", "", 21);  /* up to 2001:800:: nothing is known */
    expect(locations, "::ffff:10.7.1.1", "CH", 16); /* this is IPv4 itself */
    expect(locations, "::10.7.1.1", "", 3);
    locations_free(locations);
}

static void a_pair_of_files_serves_both_families(void **)
{
    const char *const pair[] = { TEST_DATA "/towns-ipv4.mmdb", TEST_DATA "/towns-ipv6.mmdb" };
    const char *const reverse[] = { pair[1], pair[0] }, *const twice[] = { pair[0], pair[0] };
    struct diag diag = { "" };
    for (size_t i = 0; i < 2; i++) {
        struct locations *locations = NULL;
        assert_ok(locations_load(&locations, i == 0 ? pair : reverse, 2, NULL, &diag));
        expect(locations, "10.2.1.1", "US", 14);
        expect(locations, "2001:db8:2::1", "JP", 47);
        expect_place(locations, "10.12.0.0", 53.5, 6.5);
        expect_place(locations, "2001:db8:2::1", 34.7, 135.5);
        assert_int_equal(cell_named(locations, "US", "")->addresses, 4 * 65536);
        locations_free(locations);
    }
    struct locations *none = NULL;
    assert_int_equal(locations_load(&none, twice, 2, NULL, &diag), RESULT_INVALID);
    assert_non_null(
        strstr(diag.text, "towns-ipv4.mmdb: has no countries the other files don't have"));
    assert_null(none);
}

/* Both files of tests/data/make-mmdb.pl hold the same places. */
static void both_layouts_give_the_country_and_the_scope(void **)
{
    const char *files[] = { "places.mmdb", "flat.mmdb" };
    for (size_t i = 0; i < 2; i++) {
        struct locations *locations = load_data(files[i]);
        expect(locations, "10.1.2.3", "LU", 24);
        expect(locations, "10.1.3.3", "BE", 24); /* 10.1.0.0/16 has a hole in 10.1.2.0/24 */
        expect(locations, "10.1.128.0", "BE", 17);
        expect(locations, "10.128.0.1", "NL", 9);
        expect(locations, "198.51.100.255", "DE", 24);
        expect(locations, "203.0.113.200", "US", 25);
        expect(locations, "127.0.0.77", "JP", 32);
        expect(locations, "2001:db8:1::1", "NL", 48);
        expect(locations, "2001:db8:8000::", "US", 33);
        expect(locations, "2001:db8:2:3:ffff::", "DE", 64);
        expect(locations, "2001:db8::53", "JP", 128);
        expect(locations, "fd12::1", "BR", 8);
        locations_free(locations);
    }
}

static void unknown_addresses_are_in_the_world_with_a_true_scope(void **)
{
    struct locations *locations = load_data("places.mmdb");
    expect(locations, "11.0.0.1", "", 8);
    expect(locations, "127.0.0.78", "", 31); /* .76 and .77 split at 32, .78 and .79 are one */
    expect(locations, "224.0.0.1", "", 3);
    expect(locations, "8000::", "", 2);
    expect(locations, "172.16.5.5", "",
           2); /* a record without a country: 128.0.0.0/2 has none at all */
    expect(locations, "192.168.5.5", "", 9); /* a code that is none; 192.0.2.0/24 has one */
    locations_free(locations);
}

static void set_bit(struct address *address, unsigned bit, bool value)
{
    uint8_t mask = (uint8_t)(0x80 >> bit % 8);
    address->octets[bit / 8] =
        (uint8_t)(value ? address->octets[bit / 8] | mask : address->octets[bit / 8] & ~mask);
}

static bool get_bit(const struct address *address, unsigned bit)
{
    return (address->octets[bit / 8] & 0x80 >> bit % 8) != 0;
}

/* Every address in the scope is in the cell, and one bit less would not do (RFC 7871 7.2.1). */
static void check_scope(const struct locations *locations, const struct address *address,
                        uint64_t *seed)
{
    struct location found = locations_find(locations, address);
    unsigned base = address_is_ipv4(address) ? 96 : 0;
    for (unsigned tries = 0; tries < 8; tries++) {
        struct address other = *address;
        for (unsigned bit = base + found.scope; bit < 128; bit++) {
            set_bit(&other, bit, (splitmix(seed) & 1) != 0);
        }
        if (address_is_ipv4(&other) != (base == 96)) {
            continue; /* ::ffff:0:0/96 is not IPv6 */
        }
        struct location again = locations_find(locations, &other);
        assert_int_equal(again.cell, found.cell);
        assert_int_equal(again.scope, found.scope);
    }
    if (found.scope > 0) {
        struct address sibling = *address;
        unsigned bit = base + found.scope - 1;
        set_bit(&sibling, bit, !get_bit(address, bit));
        struct location beside = locations_find(locations, &sibling);
        assert_true(beside.cell != found.cell || beside.scope > found.scope);
    }
}

/* Near the prefixes of the files, where the tables are finest, and all over. */
static struct address random_address(uint64_t *seed)
{
    static const char *const near[] = { "10.1.2.0",      "127.0.0.77",   "192.0.2.1",
                                        "203.0.113.128", "2001:db8::53", "2001:db8:2:3::",
                                        "10.7.0.0",      "2001:db8:9::" };
    struct address address = address_of(near[splitmix(seed) % 8]);
    unsigned from = (unsigned)(splitmix(seed) % 128);
    if (address_is_ipv4(&address)) {
        from = 96 + from % 32;
    }
    for (unsigned bit = from; bit < 128; bit++) {
        set_bit(&address, bit, (splitmix(seed) & 1) != 0);
    }
    return address;
}

static void scopes_are_the_shortest_true_ones(void **)
{
    const char *files[] = { "places.mmdb", "flat.mmdb", "ipv4.mmdb", "towns.mmdb",
                            "towns-ipv6.mmdb" };
    uint64_t seed = 1;
    for (size_t i = 0; i < 5; i++) {
        struct locations *locations = load_data(files[i]);
        for (unsigned n = 0; n < 20000; n++) {
            struct address address = random_address(&seed);
            check_scope(locations, &address, &seed);
        }
        locations_free(locations);
    }
}

static void a_file_of_ipv4_only_knows_no_ipv6(void **)
{
    struct locations *locations = load_data("ipv4.mmdb");
    expect(locations, "10.1.2.3", "LU", 24); /* written in lower case in the file */
    expect(locations, "127.0.0.77", "JP", 32);
    expect(locations, "2001:db8::53", "", 0);
    locations_free(locations);
}

/* A lookup of several, some known and some not, IPv4 and IPv6, is that of each. */
static void several_lookups_are_each_ones(const struct locations *locations)
{
    uint64_t seed = 3;
    for (unsigned round = 0; round < 2000; round++) {
        struct address list[LOCATIONS_AT_ONCE];
        const struct address *pointers[LOCATIONS_AT_ONCE];
        struct location found[LOCATIONS_AT_ONCE];
        size_t count = round % (LOCATIONS_AT_ONCE + 1);
        for (size_t i = 0; i < count; i++) {
            list[i] = random_address(&seed);
            pointers[i] = &list[i];
        }
        locations_find_many(locations, pointers, count, found);
        for (size_t i = 0; i < count; i++) {
            struct location alone = locations_find(locations, &list[i]);
            assert_true(found[i].cell == alone.cell && found[i].scope == alone.scope);
        }
    }
}

static void several_are_found_at_once(void **)
{
    struct locations *locations = load_data("places.mmdb");
    several_lookups_are_each_ones(locations);
    several_lookups_are_each_ones(NULL);
    locations_free(locations);
}

static void without_a_file_nothing_is_known(void **)
{
    size_t count = 0;
    expect(NULL, "10.1.2.3", "", 0);
    assert_int_equal(number_of(NULL, "NL", ""), LOCATIONS_WORLD);
    assert_string_equal(locations_cells(NULL, &count)->country, "");
    assert_int_equal(count, 1);
    locations_free(NULL);
}

static enum result load(const char *file, struct diag *diag)
{
    struct locations *locations = NULL;
    enum result result = locations_load(&locations, &file, 1, NULL, diag);
    assert_true((result == RESULT_OK) == (locations != NULL));
    locations_free(locations);
    return result;
}

static void other_files_are_refused_with_their_name(void **)
{
    struct diag diag = { "" };
    assert_int_equal(load("/nonexistent.mmdb", &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent.mmdb: "));
    assert_int_equal(load("/tmp", &diag), RESULT_INVALID);
    assert_int_equal(load(path, &diag), RESULT_INVALID); /* empty */
    assert_int_equal(load(TEST_DATA "/make-mmdb.pl", &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "make-mmdb.pl: "));
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

/* Loads the file; if that works, looks up addresses all over it. */
static void survive(void)
{
    struct locations *locations = NULL;
    struct diag diag = { "" };
    uint64_t seed = 2;
    if (locations_load(&locations, (const char *const[]){ path }, 1, NULL, &diag) != RESULT_OK) {
        assert_non_null(strstr(diag.text, path));
        return;
    }
    for (unsigned i = 0; i < 32; i++) {
        struct address address = random_address(&seed);
        check_scope(locations, &address, &seed);
    }
    locations_free(locations);
}

static void damaged_files_are_refused_or_harmless(void **)
{
    const char *files[] = { "places.mmdb", "ipv4.mmdb", "towns.mmdb", "towns-ipv4.mmdb" };
    for (size_t f = 0; f < 4; f++) {
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

static void truncated_files_are_refused(void **)
{
    uint8_t data[8192];
    struct diag diag = { "" };
    size_t len = slurp("ipv4.mmdb", data, sizeof data);
    for (size_t short_len = 0; short_len < len; short_len++) {
        put(data, short_len);
        assert_int_equal(load(path, &diag), RESULT_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_city_level_file_has_cells_by_subdivision),
        cmocka_unit_test(the_only_subdivision_of_a_country_is_the_country),
        cmocka_unit_test(a_country_of_subdivisions_only_has_a_cell_all_the_same),
        cmocka_unit_test(cell_positions_are_the_mean_of_their_addresses),
        cmocka_unit_test(positions_are_those_of_the_very_address),
        cmocka_unit_test(aliases_of_ipv4_are_not_followed),
        cmocka_unit_test(a_pair_of_files_serves_both_families),
        cmocka_unit_test(both_layouts_give_the_country_and_the_scope),
        cmocka_unit_test(unknown_addresses_are_in_the_world_with_a_true_scope),
        cmocka_unit_test(scopes_are_the_shortest_true_ones),
        cmocka_unit_test(a_file_of_ipv4_only_knows_no_ipv6),
        cmocka_unit_test(several_are_found_at_once),
        cmocka_unit_test(several_are_found_at_once),
        cmocka_unit_test(without_a_file_nothing_is_known),
        cmocka_unit_test(other_files_are_refused_with_their_name),
        cmocka_unit_test(damaged_files_are_refused_or_harmless),
        cmocka_unit_test(truncated_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
