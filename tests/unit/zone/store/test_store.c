#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store_rows.h"

static void expect(struct store_txn *txn, const char *key, const char *value)
{
    uint8_t data[64];
    struct store_item item = { .data = data, .room = sizeof(data) };
    enum result result = store_get(txn, TABLE_SETTINGS, key, strlen(key), &item);
    if (value == NULL) {
        assert_int_equal(result, RESULT_NOT_FOUND);
        return;
    }
    assert_ok(result);
    assert_int_equal(item.len, strlen(value));
    assert_memory_equal(data, value, item.len);
}

static void what_is_committed_is_read_back(void **)
{
    struct store *store = open_new(STORE_REGISTRY);
    put(store, "a", "1");
    struct store_txn *txn;
    assert_ok(store_write(store, &txn, NULL));
    assert_ok(store_put(txn, TABLE_SETTINGS, "a", 1, "2", 1));
    store_abort(txn);
    store_close(store);
    assert_ok(store_open(&store, dir, STORE_REGISTRY, false, NULL));
    assert_ok(store_read(store, &txn, NULL));
    expect(txn, "a", "1");
    expect(txn, "b", NULL);
    assert_int_equal(store_count(txn, TABLE_SETTINGS), 1);
    store_abort(txn);
    store_close(store);
}

static void reader_keeps_its_snapshot_until_renewed(void **)
{
    struct store *store = open_new(STORE_REGISTRY);
    put(store, "a", "1");
    struct store_txn *txn;
    assert_ok(store_read(store, &txn, NULL));
    uint64_t version = store_version(txn);
    put(store, "a", "2");
    expect(txn, "a", "1");
    assert_int_equal(store_version(txn), version);
    store_rest(txn);
    store_rest(txn);
    assert_ok(store_renew(txn));
    expect(txn, "a", "2");
    assert_true(store_version(txn) > version);
    assert_ok(store_renew(txn));
    expect(txn, "a", "2");
    store_abort(txn);
    store_close(store);
}

static void find(struct store_txn *txn, enum store_seek seek, const char *key, const char *wanted)
{
    uint8_t data[STORE_KEY_MAX];
    struct store_item found = { .len = strlen(key), .data = data, .room = sizeof(data) };
    memcpy(data, key, found.len);
    enum result result = store_find(txn, TABLE_SETTINGS, seek, &found, NULL);
    if (wanted == NULL) {
        assert_int_equal(result, RESULT_NOT_FOUND);
        return;
    }
    assert_ok(result);
    assert_int_equal(found.len, strlen(wanted));
    assert_memory_equal(data, wanted, found.len);
}

static void neighbours_are_found_on_every_side(void **)
{
    struct store *store = open_new(STORE_REGISTRY);
    struct store_txn *txn;
    assert_ok(store_read(store, &txn, NULL));
    for (int seek = SEEK_BEFORE; seek <= SEEK_LAST; seek++) {
        find(txn, (enum store_seek)seek, "b", NULL);
    }
    put(store, "b", "1");
    put(store, "d", "2");
    assert_ok(store_renew(txn));
    static const struct {
        const char *key, *before, *at_or_after, *after, *at_or_before;
    } cases[] = {
        { "", NULL, "b", "b", NULL }, { "a", NULL, "b", "b", NULL }, { "b", NULL, "b", "d", "b" },
        { "c", "b", "d", "d", "b" },  { "d", "b", "d", NULL, "d" },  { "e", "d", NULL, NULL, "d" },
        { "bb", "b", "d", "d", "b" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        find(txn, SEEK_BEFORE, cases[i].key, cases[i].before);
        find(txn, SEEK_AT_OR_AFTER, cases[i].key, cases[i].at_or_after);
        find(txn, SEEK_AFTER, cases[i].key, cases[i].after);
        find(txn, SEEK_AT_OR_BEFORE, cases[i].key, cases[i].at_or_before);
        find(txn, SEEK_FIRST, cases[i].key, "b");
        find(txn, SEEK_LAST, cases[i].key, "d");
    }
    store_abort(txn);
    store_close(store);
}

static void output_too_small_is_an_error_that_touches_nothing(void **)
{
    struct store *store = open_new(STORE_REGISTRY);
    put(store, "key", "0123456789");
    struct store_txn *txn;
    assert_ok(store_read(store, &txn, NULL));
    uint8_t data[4] = "xyz";
    struct store_item small = { .len = 77, .data = data, .room = sizeof(data) };
    assert_int_equal(store_get(txn, TABLE_SETTINGS, "key", 3, &small), RESULT_DAMAGED);
    uint8_t key[8] = "a";
    struct store_item found = { .len = 1, .data = key, .room = sizeof(key) };
    assert_int_equal(store_find(txn, TABLE_SETTINGS, SEEK_AFTER, &found, &small), RESULT_DAMAGED);
    assert_int_equal(small.len, 77);
    assert_int_equal(found.len, 1);
    assert_int_equal(key[0], 'a');
    assert_string_equal((char *)data, "xyz");
    store_abort(txn);
    store_close(store);
}

static void keys_out_of_bounds_are_refused(void **)
{
    static const char key[STORE_KEY_MAX + 1];
    struct store *store = open_new(STORE_REGISTRY);
    struct store_txn *txn;
    assert_ok(store_write(store, &txn, NULL));
    assert_int_equal(store_put(txn, TABLE_NAMES, key, 0, "", 0), RESULT_INVALID);
    assert_int_equal(store_put(txn, TABLE_NAMES, key, sizeof(key), "", 0), RESULT_INVALID);
    assert_ok(store_put(txn, TABLE_NAMES, key, STORE_KEY_MAX, "", 0));
    assert_int_equal(store_get(txn, TABLE_NAMES, key, 0, NULL), RESULT_NOT_FOUND);
    assert_ok(store_get(txn, TABLE_NAMES, key, STORE_KEY_MAX, NULL));
    assert_int_equal(store_delete(txn, TABLE_NAMES, key, sizeof(key)), RESULT_NOT_FOUND);
    assert_ok(store_delete(txn, TABLE_NAMES, key, STORE_KEY_MAX));
    assert_int_equal(store_delete(txn, TABLE_NAMES, key, STORE_KEY_MAX), RESULT_NOT_FOUND);
    assert_ok(store_commit(txn, NULL));
    store_close(store);
}

static enum result count_until(const uint8_t *key, size_t key_len, const uint8_t *value,
                               size_t value_len, void *arg)
{
    unsigned *left = arg;
    assert_int_equal(key_len, 4);
    assert_int_equal(value_len, 100);
    assert_int_equal(value[0], key[3]);
    return --*left == 0 ? RESULT_REFUSED : RESULT_OK;
}

static void visit_ends_with_the_visitors_result(void **)
{
    struct store *store = open_new(STORE_REGISTRY);
    fill(store, 300, 100);
    struct store_txn *txn;
    assert_ok(store_read(store, &txn, NULL));
    unsigned left = 1000;
    assert_ok(store_each(txn, TABLE_MEMBERS, count_until, &left));
    assert_int_equal(left, 700);
    left = 10;
    assert_int_equal(store_each(txn, TABLE_MEMBERS, count_until, &left), RESULT_REFUSED);
    assert_int_equal(store_count(txn, TABLE_MEMBERS), 300);
    store_abort(txn);
    store_close(store);
}

static void map_grows_before_it_is_full(void **)
{
    struct store *store;
    struct store_usage usage;
    assert_ok(store_create(dir, STORE_REGISTRY, NULL));
    assert_ok(store_open_sized(&store, dir, STORE_REGISTRY, true, 1 << 20, NULL));
    for (unsigned i = 1; i <= 10; i++) {
        fill(store, i * 600, 400);
    }
    store_usage(store, &usage);
    assert_true(usage.used_bytes > 2 << 20);
    assert_true(usage.map_bytes >= usage.used_bytes);
    store_close(store);
}

static void transaction_over_the_map_fails_whole(void **)
{
    struct store *store;
    struct store_txn *txn;
    struct diag diag;
    assert_ok(store_create(dir, STORE_REGISTRY, NULL));
    assert_ok(store_open_sized(&store, dir, STORE_REGISTRY, true, 1 << 20, NULL));
    put(store, "a", "1");
    assert_ok(store_write(store, &txn, NULL));
    static const uint8_t value[50000];
    enum result result = RESULT_OK;
    for (uint8_t i = 0; result == RESULT_OK && i < 100; i++) {
        result = store_put(txn, TABLE_MEMBERS, &i, 1, value, sizeof(value));
    }
    assert_int_equal(result, RESULT_FULL);
    assert_int_equal(store_put(txn, TABLE_SETTINGS, "a", 1, "2", 1), RESULT_FULL);
    assert_int_equal(store_commit(txn, &diag), RESULT_FULL);
    assert_non_null(strstr(diag.text, "larger than the store's map"));
    assert_ok(store_read(store, &txn, NULL));
    expect(txn, "a", "1");
    assert_int_equal(store_count(txn, TABLE_MEMBERS), 0);
    store_abort(txn);
    store_close(store);
}

static void oldest_snapshot_is_told(void **)
{
    struct store_usage usage;
    struct store_txn *old, *newer;
    struct store *store = open_new(STORE_REGISTRY);
    store_usage(store, &usage);
    assert_int_equal(usage.oldest_behind, 0);
    assert_int_equal(usage.oldest_pid, 0);
    put(store, "a", "1");
    assert_ok(store_read(store, &old, NULL));
    put(store, "a", "2");
    assert_ok(store_read(store, &newer, NULL));
    put(store, "a", "3");
    store_usage(store, &usage);
    assert_int_equal(usage.oldest_behind, 2);
    assert_int_equal(usage.oldest_pid, getpid());
    store_rest(old);
    store_usage(store, &usage);
    assert_int_equal(usage.oldest_behind, 1);
    store_abort(old);
    store_abort(newer);
    store_close(store);
}

static int grow_child(const char *where)
{
    (void)snprintf(dir, sizeof(dir), "%s", where);
    struct store *store;
    if (store_open(&store, dir, STORE_REGISTRY, true, NULL) != RESULT_OK) {
        return 1;
    }
    fill(store, 6000, 400);
    put(store, "a", "grown");
    store_close(store);
    return 0;
}

static void reader_follows_another_process_that_grew_the_store(void **)
{
    struct store *store;
    struct store_txn *txn, *second;
    store_close(open_new(STORE_REGISTRY));
    assert_ok(store_open_sized(&store, dir, STORE_REGISTRY, false, 1 << 20, NULL));
    assert_ok(store_read(store, &txn, NULL));
    expect(txn, "a", NULL);
    pid_t child = fork();
    if (child == 0) {
        /* LMDB: a child must not use the parent's environment, so a new process opens a second
         * one. */
        execl("/proc/self/exe", "test_store", "grow", dir, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect(txn, "a", NULL);
    assert_int_equal(store_read(store, &second, NULL), RESULT_FULL);
    assert_ok(store_renew(txn));
    expect(txn, "a", "grown");
    assert_ok(store_read(store, &second, NULL));
    expect(second, "a", "grown");
    store_abort(second);
    store_abort(txn);
    store_close(store);
}

static void readers_that_died_are_cleared(void **)
{
    struct store *store = open_new(STORE_REGISTRY);
    store_close(store);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct store_txn *txn;
            bool ok = store_open(&store, dir, STORE_REGISTRY, false, NULL) == RESULT_OK &&
                      store_read(store, &txn, NULL) == RESULT_OK;
            _exit(ok ? 0 : 1); /* without giving the slot back */
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, NULL));
    struct store_usage before, after;
    store_usage(store, &before);
    assert_true(before.readers_max > 1000);
    for (unsigned i = 0; i < 40; i++) {
        fill(store, 100, 400);
    }
    store_usage(store, &before);
    for (unsigned i = 0; i < 40; i++) {
        fill(store, 100, 400);
    }
    store_usage(store, &after);
    /* No reader holds old snapshots, so their pages are reused. */
    assert_int_equal(before.used_bytes, after.used_bytes);
    store_close(store);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "grow") == 0) {
        return grow_child(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        CASE(what_is_committed_is_read_back),
        CASE(reader_keeps_its_snapshot_until_renewed),
        CASE(neighbours_are_found_on_every_side),
        CASE(output_too_small_is_an_error_that_touches_nothing),
        CASE(keys_out_of_bounds_are_refused),
        CASE(visit_ends_with_the_visitors_result),
        CASE(map_grows_before_it_is_full),
        CASE(transaction_over_the_map_fails_whole),
        CASE(oldest_snapshot_is_told),
        CASE(reader_follows_another_process_that_grew_the_store),
        CASE(readers_that_died_are_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
