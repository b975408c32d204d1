#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/unit/unit.h"
#include "zone/places/location_table.h"
#include "zone/places/locations.h"

enum {
    TABLE_MAX = 1 << 16,
    SUM_AT = 8 + 2 * LOCATION_HASH_LEN
};

static char directory[64], path[96];
static uint8_t table[TABLE_MAX];
static size_t table_len;
static struct location_hash hash; /* of the files of the table that was kept last */

static struct locations *load(const char *file, const char *where)
{
    struct locations *locations = NULL;
    struct diag diag = { "" };
    char from[512];
    (void)snprintf(from, sizeof(from), "%s/%s", TEST_DATA, file);
    assert_ok(locations_load(&locations, (const char *const[]){ from }, 1, where, &diag));
    return locations;
}

static void keep(const char *file)
{
    struct diag diag = { "" };
    struct locations *locations = load(file, directory);
    assert_ok(locations_keep(locations, directory, &diag));
    hash = locations->hash;
    locations_free(locations);
}

static void slurp(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, table, sizeof(table));
    assert_true(len > 0 && len < TABLE_MAX);
    table_len = (size_t)len;
    assert_int_equal(close(fd), 0);
}

/* With `mend_sum` the table looks as if we had made it so. */
static void put(size_t len, bool mend_sum)
{
    static const uint8_t key[] = "location files and their tables.";
    uint8_t sum[LOCATION_HASH_LEN];
    if (mend_sum) {
        memset(table + SUM_AT, 0, sizeof(sum));
        assert_int_equal(crypto_onetimeauth(sum, table, len, key), 0);
        memcpy(table + SUM_AT, sum, sizeof(sum));
    }
    int fd =
        open(path, O_WRONLY | O_CLOEXEC); /* without O_TRUNC, for which some file systems sync */
    assert_int_equal(write(fd, table, len), len);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_int_equal(close(fd), 0);
}

static bool is_read(const char *file)
{
    struct locations *locations = load(file, directory);
    bool kept = locations->kept;
    locations_free(locations);
    return kept;
}

static int set_up(void **)
{
    (void)snprintf(directory, sizeof(directory), "test_table.XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/locations.table", directory);
    return sodium_init() < 0 ? -1 : 0;
}

static int tear_down(void **)
{
    (void)unlink(path);
    return rmdir(directory);
}

/* All octets of an address of the family. */
static struct address any_address(uint64_t *seed, bool ipv4)
{
    struct address out = { { 0 } };
    for (size_t i = 0; i < sizeof(out.octets); i++) {
        *seed = *seed * 6364136223846793005U + 1442695040888963407U;
        out.octets[i] = (uint8_t)(*seed >> 56);
    }
    if (ipv4) {
        memset(out.octets, 0, 10);
        out.octets[10] = out.octets[11] = 0xff;
        out.octets[12] = 10; /* where the files have their places */
    }
    return out;
}

static void same_everywhere(const struct locations *one, const struct locations *other)
{
    size_t count = 0, others = 0;
    const struct cell *cells = locations_cells(one, &count);
    assert_memory_equal(cells->country, locations_cells(other, &others)->country, 3);
    assert_int_equal(count, others);
    for (size_t i = 0; i < count; i++) {
        const struct cell *a = &cells[i], *b = &locations_cells(other, &others)[i];
        assert_string_equal(a->country, b->country);
        assert_string_equal(a->subdivision, b->subdivision);
        assert_string_equal(a->continent, b->continent);
        assert_true(a->placed == b->placed && a->addresses == b->addresses);
        assert_memory_equal(&a->position, &b->position, sizeof(a->position));
    }
    uint64_t seed = 1;
    for (unsigned i = 0; i < 20000; i++) {
        struct address address = any_address(&seed, i % 2 == 0);
        struct location a = locations_find(one, &address), b = locations_find(other, &address);
        struct position p = { 0 }, q = { 0 };
        assert_true(a.cell == b.cell && a.scope == b.scope);
        assert_true(locations_position(one, &address, &p) ==
                    locations_position(other, &address, &q));
        assert_memory_equal(&p, &q, sizeof(p));
    }
}

static void a_table_gives_what_its_files_give(void **)
{
    static const char *const files[] = { "places.mmdb", "towns.mmdb", "ipv4.mmdb",
                                         "towns-ipv6.mmdb" };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        keep(files[i]);
        struct locations *compiled = load(files[i], NULL), *read = load(files[i], directory);
        assert_false(compiled->kept);
        assert_true(read->kept);
        same_everywhere(compiled, read);
        locations_free(compiled);
        locations_free(read);
    }
}

static void a_table_is_for_its_very_files(void **)
{
    keep("towns.mmdb");
    assert_true(is_read("towns.mmdb"));
    assert_false(is_read("places.mmdb"));
    keep("places.mmdb");
    assert_false(is_read("towns.mmdb"));
    assert_true(is_read("places.mmdb"));
}

static bool reads_by(const struct location_hash *by)
{
    struct locations locations;
    bool good = location_table_read(&locations, directory, by);
    if (good) {
        location_table_done(&locations);
    }
    return good;
}

static void either_hash_is_enough(void **)
{
    keep("places.mmdb");
    struct location_hash by = hash;
    memset(by.octets, 0, sizeof(by.octets));
    assert_true(reads_by(&by));
    by.files[0] ^= 1;
    assert_false(reads_by(&by));
    memcpy(by.octets, hash.octets, sizeof(by.octets));
    assert_true(reads_by(&by));
    memset(&by, 0, sizeof(by));
    assert_false(reads_by(&by));
}

/* It is another file, so its contents tell, and the table is written anew. */
static void a_copy_of_the_files_has_their_table(void **)
{
    char copy[96];
    struct diag diag = { "" };
    struct locations *locations = NULL;
    keep("places.mmdb");
    (void)snprintf(copy, sizeof(copy), "%s/copy", directory);
    int from = open(TEST_DATA "/places.mmdb", O_RDONLY | O_CLOEXEC);
    int to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t len = read(from, table, sizeof(table));
    assert_true(len > 0 && len < TABLE_MAX && write(to, table, (size_t)len) == len);
    assert_int_equal(close(from) + close(to), 0);
    assert_ok(locations_load(&locations, (const char *const[]){ copy }, 1, directory, &diag));
    assert_true(locations->kept && locations->hashed);
    assert_memory_equal(locations->hash.octets, hash.octets, sizeof(hash.octets));
    assert_memory_not_equal(locations->hash.files, hash.files, sizeof(hash.files));
    assert_ok(locations_keep(locations, directory, &diag));
    locations_free(locations);
    assert_true(is_read("places.mmdb"));
    assert_int_equal(unlink(copy), 0);
}

static void a_table_with_one_octet_less_more_or_changed_is_not_read(void **)
{
    struct locations none;
    keep("places.mmdb");
    slurp();
    for (size_t at = 0; at < table_len; at++) {
        table[at] ^= 0x10;
        put(table_len, false);
        assert_false(location_table_read(&none, directory, &hash));
        table[at] ^= 0x10;
    }
    for (size_t len = 0; len < table_len; len += 7) {
        put(len, false);
        assert_false(location_table_read(&none, directory, &hash));
    }
    put(table_len + 1, false);
    assert_false(location_table_read(&none, directory, &hash));
    put(table_len, false);
    assert_true(is_read("places.mmdb"));
}

/* Someone who may write the table makes a fitting sum: it is refused, or lookups stay inside it. */
static void a_forged_table_is_refused_or_harmless(void **)
{
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    unsigned refused = 0, taken = 0;
    keep("places.mmdb");
    slurp();
    for (size_t at = 0; at < table_len; at++) {
        uint64_t seed = at;
        uint8_t flip = flips[at % sizeof(flips)];
        table[at] ^= flip;
        put(table_len, true);
        struct locations locations;
        bool good = location_table_read(&locations, directory, &hash);
        for (unsigned k = 0; k < 64 && good; k++) {
            struct address address = any_address(&seed, k % 2 == 0);
            struct position position;
            struct location location = locations_find(&locations, &address);
            assert_true(location.cell < locations.count && location.scope <= 128);
            (void)locations_position(&locations, &address, &position);
        }
        refused += !good;
        taken += good;
        if (good) {
            location_table_done(&locations);
        }
        table[at] ^= flip;
    }
    assert_true(refused > taken && taken > 0);
}

static void what_is_no_plain_file_is_not_read(void **)
{
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_false(is_read("places.mmdb"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(is_read("places.mmdb"));
}

static void one_process_writes_at_a_time(void **)
{
    char fresh[112];
    struct diag diag = { "" };
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    keep("places.mmdb");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(close(fd), 0);
    keep("places.mmdb");
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(fresh, F_OK), -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", fresh), 0);
    struct locations *locations = load("places.mmdb", directory);
    assert_int_equal(locations_keep(locations, directory, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "locations.table.new: "));
    locations_free(locations);
    assert_int_equal(unlink(fresh), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_table_gives_what_its_files_give),
        CASE(a_table_is_for_its_very_files),
        CASE(either_hash_is_enough),
        CASE(a_copy_of_the_files_has_their_table),
        CASE(a_table_with_one_octet_less_more_or_changed_is_not_read),
        CASE(a_forged_table_is_refused_or_harmless),
        CASE(what_is_no_plain_file_is_not_read),
        CASE(one_process_writes_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
