/* Invalid location files are refused in bounded time. */
#include <sys/stat.h>

#include "tests/unit/mmdb_made.h"

/* Records beyond 2^24 have their upper four bits in the middle octet. */
static void the_middle_octet_belongs_to_both_sides(void **)
{
    begin(1, 28, 4);
    made.sides[0][0] = 0x5000001;
    made.sides[0][1] = 1;
    struct mmdb db = open_made();
    struct mmdb_walk walk;
    mmdb_walk_begin(&walk, &db, true);
    expect_end(&walk, RESULT_INVALID); /* it leads out of the file, with 0x000001 it would not */
    mmdb_close(&db);
}

static void pointers_in_circles_end(void **)
{
    static const char *const keys[] = { "a" };
    begin(1, 24, 4);
    uint32_t itself = PUT("\x20\x00"), there = PUT("\x20\x04"), back = PUT("\x20\x02");
    uint32_t map = PUT("\xe1\x41"
                       "b\x20\x06"); /* at 6: its value is itself, which is skipped, not entered */
    uint32_t key = PUT("\xe1\x20\x06"); /* its key is a map */
    struct mmdb db = open_made();
    struct mmdb_value value, found;
    assert_int_equal(itself, 0);
    assert_false(mmdb_value(&db, itself, &value));
    assert_false(mmdb_value(&db, there, &value));
    assert_false(mmdb_value(&db, back, &value));
    value = value_at(&db, map);
    assert_true(mmdb_pick(&db, &value, keys, 1, &found));
    assert_int_equal(found.type, 0);
    value = value_at(&db, key);
    assert_false(mmdb_pick(&db, &value, keys, 1, &found));
    mmdb_close(&db);
}

/* Appends an octet that many times. */
static void put_many(uint8_t octet, size_t times)
{
    static uint8_t many[10000];
    memset(many, octet, sizeof(many));
    (void)put(many, times);
}

/* A file can claim more items than any record has: the work for one record is bounded. */
static void huge_counts_are_damage(void **)
{
    static const char *const keys[] = { "a" };
    begin(1, 24, 4);
    uint32_t claimed = PUT("\xff\xff\xff\xff"),
             claimed_inside = PUT("\xe1\x40\x1f\x04\xff\xff\xff");
    uint32_t pairs = PUT("\xfe\x0e\xe4"); /* 4097 pairs of an empty key and 0, all there */
    for (unsigned i = 0; i < 4097; i++) {
        (void)PUT("\x40\xa0");
    }
    uint32_t items = PUT("\xe1\x40\x1e\x04\x12\x6b"); /* {"": [0, 0 ...]}, 5000 of them */
    put_many(0xa0, 5000);
    uint32_t deep = PUT("\xe1\x40"); /* a map whose key is a map whose key ... */
    put_many(0xe1, 5000);
    struct mmdb db = open_made();
    struct mmdb_value found;
    const uint32_t bad[] = { claimed, claimed_inside, pairs, items, deep };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mmdb_value value = value_at(&db, bad[i]);
        assert_int_equal(value.type, MMDB_MAP);
        assert_false(mmdb_pick(&db, &value, keys, 1, &found));
    }
    mmdb_close(&db);
}

static void offsets_outside_the_section_are_damage(void **)
{
    begin(1, 24, 4);
    (void)PUT("\x41"
              "a\x68\1\2\3"); /* the last one is cut short by the metadata */
    struct mmdb db = open_made();
    struct mmdb_value value;
    assert_true(mmdb_value(&db, 0, &value));
    const uint64_t bad[] = { 2, made.data_len, made.data_len + 1, UINT32_MAX, UINT64_MAX };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(mmdb_value(&db, bad[i], &value));
    }
    mmdb_close(&db);
}

/* Walks the tree, which must be refused; returns how many leaves came before. */
static unsigned leaves_until_refused(void)
{
    struct mmdb db = open_made();
    struct mmdb_walk walk;
    struct mmdb_leaf leaf;
    enum result result = RESULT_OK;
    unsigned leaves = 0;
    mmdb_walk_begin(&walk, &db, true);
    for (; result == RESULT_OK; leaves++) {
        result = mmdb_walk_next(&walk, &leaf);
    }
    assert_int_equal(result, RESULT_INVALID);
    mmdb_close(&db);
    return leaves;
}

/* Leaves into the separator, behind the data, and nodes that lead up again. */
static void damaged_trees_end_in_bounds(void **)
{
    for (unsigned kind = 0; kind < 6; kind++) {
        begin(40, 24, 4);
        uint32_t a = PUT("\x41"
                         "a");
        for (uint32_t i = 0; i < 40; i++) {
            made.sides[i][0] = made.sides[i][1] = leaf_to(a);
        }
        const uint32_t wrong[] = {
            made.node_count + 1, made.node_count + SEPARATOR - 1, leaf_to(2), 0xffffff, 0, 0
        };
        made.sides[0][1] = wrong[kind];
        for (uint32_t i = 0; kind == 5 && i < 40; i++) { /* deeper than an address has bits */
            made.sides[i][1] = i + 1;
        }
        assert_true(leaves_until_refused() <= 40 * 4 + 2);
    }
}

/* Subtrees that all nodes share would be walked 2^32 times. */
static void a_tree_of_shared_nodes_is_given_up(void **)
{
    begin(32, 24, 4);
    uint32_t a = PUT("\x41"
                     "a");
    for (uint32_t i = 0; i < 32; i++) {
        made.sides[i][0] = made.sides[i][1] = i < 31 ? i + 1 : leaf_to(a);
    }
    assert_true(leaves_until_refused() < 200);
}

static void metadata_must_make_sense(void **)
{
    static const struct {
        const char *key;
        uint8_t type;
        uint32_t value;
    } wrong[] = {
        { "binary_format_major_version", 6, 1 },
        { "binary_format_major_version", 6, 3 },
        { "node_count", 6, 0 },
        { "node_count", 6, 100000 }, /* the tree would not fit */
        { "node_count", 6, UINT32_MAX },
        { "node_count", 2, 2 }, /* a text of four octets */
        { "record_size", 6, 25 },
        { "record_size", 6, 16 },
        { "record_size", 6, UINT32_MAX },
        { "ip_version", 6, 5 },
        { "ip_version", 6, 0 },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(1, 24, 4);
        finish();
        made.metadata_len = 1;
        static const char *const keys[] = { "binary_format_major_version", "node_count",
                                            "record_size", "ip_version" };
        static const uint32_t right[] = { 2, 1, 24, 4 };
        for (size_t k = 0; k < 4; k++) {
            bool it = strcmp(keys[k], wrong[i].key) == 0;
            add_metadata(keys[k], it ? wrong[i].type : 6, it ? wrong[i].value : right[k]);
        }
        finish();
        expect_refused();
    }
    begin(1, 24, 4);
    made.metadata[0] = 7 << 5 | 3; /* the last key is not there */
    finish();
    expect_refused();
    made.metadata[0] = 2 << 5 | 4; /* no map */
    finish();
    expect_refused();
}

static void a_file_cut_anywhere_is_refused(void **)
{
    begin(2, 28, 6);
    (void)put_map();
    finish();
    for (size_t len = 0; len < made.len; len++) {
        write_file(made.whole, len);
        expect_refused();
    }
}

/* A file is truncated after it was opened, in blocks not read yet: the walk fails, and nothing else
 * happens. */
static void a_file_cut_while_it_is_read_is_damage(void **)
{
    struct mmdb db;
    struct mmdb_walk walk;
    struct mmdb_leaf leaf;
    struct mmdb_value value;
    static uint8_t filler[3 * MMDB_BLOCK];
    begin(2, 24, 4);
    uint32_t at = put_map();
    made.sides[0][0] = 1;
    finish();
    /* The tree is at the file's start, the metadata some blocks behind it: so only that is read
     * when it is opened. */
    size_t head = made.len - made.metadata_len - 14;
    memmove(made.whole + head + sizeof(filler), made.whole + head, made.metadata_len + 14);
    memset(made.whole + head, 0, sizeof(filler));
    for (size_t len = 0; len < 12; len++) {
        write_file(made.whole, made.len + sizeof(filler));
        assert_ok(mmdb_open(&db, path, NULL));
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        mmdb_walk_begin(&walk, &db, true);
        enum result result = RESULT_OK;
        while (result == RESULT_OK) {
            result = mmdb_walk_next(&walk, &leaf);
        }
        assert_int_equal(result, RESULT_INVALID);
        assert_false(mmdb_value(&db, at, &value));
        mmdb_close(&db);
    }
}

static void other_kinds_of_files_are_refused(void **)
{
    struct mmdb db = { .fd = -1 };
    struct diag diag = { "" };
    char fifo[] = "test_mmdb.XXXXXX";
    assert_non_null(mkdtemp(fifo));
    assert_int_equal(mmdb_open(&db, fifo, &diag), RESULT_INVALID); /* a directory */
    assert_int_equal(rmdir(fifo), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(mmdb_open(&db, fifo, &diag),
                     RESULT_INVALID); /* and does not wait for a writer */
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(mmdb_open(&db, fifo, &diag), RESULT_SYSTEM);
    begin(1, 24, 4); /* a sound one that is too large */
    finish();
    off_t room = (off_t)MMDB_FILE_MAX + 1 - (off_t)made.len;
    assert_int_equal(pwrite(fd, made.whole, made.len, room), made.len);
    assert_int_equal(mmdb_open(&db, path, &diag), RESULT_INVALID);
    assert_int_equal(ftruncate(fd, room), 0);
    assert_int_equal(pwrite(fd, made.whole, made.len, room - 1), made.len);
    assert_ok(mmdb_open(&db, path, &diag));
    mmdb_close(&db);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(mmdb_open(&db, path, &diag), RESULT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_middle_octet_belongs_to_both_sides),
        cmocka_unit_test(pointers_in_circles_end),
        cmocka_unit_test(huge_counts_are_damage),
        cmocka_unit_test(offsets_outside_the_section_are_damage),
        cmocka_unit_test(damaged_trees_end_in_bounds),
        cmocka_unit_test(a_tree_of_shared_nodes_is_given_up),
        cmocka_unit_test(metadata_must_make_sense),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_file_cut_while_it_is_read_is_damage),
        cmocka_unit_test(other_kinds_of_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
