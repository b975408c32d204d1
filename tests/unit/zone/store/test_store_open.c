#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store_rows.h"

static const off_t page_len = 4096;

static char *path_in(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static enum result open_result(enum store_kind kind, bool writable, struct diag *diag)
{
    struct store *store = NULL;
    enum result result = store_open(&store, dir, kind, writable, diag);
    if (result == RESULT_OK) {
        store_close(store);
    } else {
        assert_null(store);
        assert_non_null(strstr(diag->text, dir));
    }
    return result;
}

static void write_format_in(enum store_kind where, uint8_t kind, uint32_t schema)
{
    struct store *store;
    struct store_txn *txn;
    uint8_t row[13] = "ntspool";
    row[8] = kind;
    wire_put_u32(row + 9, schema);
    assert_ok(store_open(&store, dir, where, true, NULL));
    assert_ok(store_write(store, &txn, NULL));
    assert_ok(store_put(txn, TABLE_META, "format", sizeof("format"), row, sizeof(row)));
    assert_ok(store_commit(txn, NULL));
    store_close(store);
}

static void write_format(uint8_t kind, uint32_t schema)
{
    write_format_in(STORE_REGISTRY, kind, schema);
}

static void rights_are_set_whatever_the_umask(void **)
{
    struct stat st;
    mode_t old = umask(0077);
    store_close(open_new(STORE_HEALTH));
    (void)umask(old);
    assert_int_equal(stat(path_in("health"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(stat(path_in("health/data.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(stat(path_in("health/lock.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void creation_refuses_what_is_there(void **)
{
    struct diag diag;
    store_close(open_new(STORE_REGISTRY));
    assert_int_equal(store_create(dir, STORE_REGISTRY, &diag), RESULT_EXISTS);
    assert_non_null(strstr(diag.text, dir));
    run("echo precious > keys");
    assert_int_not_equal(store_create(dir, STORE_KEYS, &diag), RESULT_OK);
    run("test \"$(cat keys)\" = precious");
}

static void interrupted_creation_is_missing_and_can_be_completed(void **)
{
    struct diag diag;
    run("mkdir registry");
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_MISSING);
    run(": > registry/data.mdb");
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_MISSING);
    assert_ok(store_create(dir, STORE_REGISTRY, &diag));
    assert_ok(open_result(STORE_REGISTRY, true, &diag));
}

/* Killed at any moment, creation leaves a state that a second creation completes. */
static void killed_creation_can_be_completed(void **)
{
    unsigned completed = 0;
    for (unsigned delay_us = 0; delay_us < 6000; delay_us += 150) {
        struct diag diag;
        pid_t child = fork();
        if (child == 0) {
            _exit(store_create(dir, STORE_TRAFFIC, NULL) == RESULT_OK ? 0 : 1);
        }
        const struct timespec delay = { .tv_nsec = (long)delay_us * 1000 };
        (void)nanosleep(&delay, NULL);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        enum result result = open_result(STORE_TRAFFIC, false, &diag);
        if (result == RESULT_MISSING) {
            assert_ok(store_create(dir, STORE_TRAFFIC, &diag));
            completed++;
        } else {
            assert_ok(result);
        }
        assert_ok(open_result(STORE_TRAFFIC, true, &diag));
        run("rm -rf traffic");
    }
    assert_true(completed > 0);
}

static void rights_that_the_operator_changed_stay(void **)
{
    struct stat st;
    struct diag diag;
    store_close(open_new(STORE_HEALTH));
    assert_int_equal(chmod(path_in("health"), 0770), 0);
    assert_int_equal(unlink(path_in("health/lock.mdb")), 0);
    mode_t old = umask(0077);
    assert_ok(open_result(STORE_HEALTH, true, &diag));
    (void)umask(old);
    assert_int_equal(stat(path_in("health"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0770);
    assert_int_equal(stat(path_in("health/lock.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void missing_store_is_missing_and_stays_so(void **)
{
    struct diag diag;
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_MISSING);
    assert_non_null(strstr(diag.text, "ntspool init"));
    assert_int_equal(access(path_in("registry"), F_OK), -1);
    run("mkdir registry");
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_MISSING);
    assert_int_equal(rmdir(path_in("registry")), 0);
}

static void foreign_store_is_refused_and_left_alone(void **)
{
    struct diag diag;
    run("mkdir registry");
    run("head -c 100000 /dev/zero | tr '\\0' x > registry/data.mdb");
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_FOREIGN);
    assert_int_equal(store_create(dir, STORE_REGISTRY, &diag), RESULT_FOREIGN);
    assert_int_equal(access(path_in("registry/lock.mdb"), F_OK), -1);
}

static void store_of_another_kind_is_foreign(void **)
{
    struct diag diag;
    store_close(open_new(STORE_HEALTH));
    run("mv health registry");
    assert_int_equal(open_result(STORE_REGISTRY, false, &diag), RESULT_FOREIGN);
}

static void newer_schema_is_refused(void **)
{
    struct diag diag;
    store_close(open_new(STORE_REGISTRY));
    write_format(STORE_REGISTRY, 1000);
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_NEWER);
    assert_int_equal(open_result(STORE_REGISTRY, false, &diag), RESULT_NEWER);
    assert_non_null(strstr(diag.text, "upgrade"));
}

static void schema_without_a_way_up_is_damage(void **)
{
    struct diag diag;
    store_close(open_new(STORE_REGISTRY));
    write_format(STORE_REGISTRY, 0);
    assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_DAMAGED);
}

/* A store of schema 1: it has no table of vantage points. */
static void older_store_is_renewed_before_it_is_read(void **)
{
    struct diag diag;
    struct store *store;
    struct store_txn *txn;
    store_close(open_new(STORE_HEALTH));
    write_format_in(STORE_HEALTH, STORE_HEALTH, 1);
    assert_ok(store_open(&store, dir, STORE_HEALTH, false, &diag));
    assert_ok(store_read(store, &txn, &diag));
    assert_int_equal(store_count(txn, TABLE_VANTAGES), 0);
    store_abort(txn);
    store_close(store);
    assert_ok(open_result(STORE_HEALTH, false, &diag));
}

static void a_store_opened_unread_is_the_same_store(void **)
{
    struct diag diag;
    struct store *store = open_new(STORE_HEALTH);
    struct store_txn *txn;
    assert_ok(store_write(store, &txn, &diag));
    assert_ok(store_put(txn, TABLE_VANTAGES, "x", 1, "y", 1));
    assert_ok(store_commit(txn, &diag));
    store_close(store);
    assert_ok(store_open_unread(&store, dir, STORE_HEALTH, &diag));
    assert_ok(store_read(store, &txn, &diag));
    assert_int_equal(store_count(txn, TABLE_VANTAGES), 1);
    store_abort(txn);
    store_close(store);
}

/* What can't be opened, or only after a migration, gets the whole look. */
static void a_store_opened_unread_is_refused_with_the_same_reason(void **)
{
    struct diag diag;
    struct store *store = NULL;
    assert_int_equal(store_open_unread(&store, dir, STORE_HEALTH, &diag), RESULT_MISSING);
    store_close(open_new(STORE_HEALTH));
    write_format_in(STORE_HEALTH, STORE_HEALTH, 1);
    assert_ok(store_open_unread(&store, dir, STORE_HEALTH, &diag));
    store_close(store);
    write_format_in(STORE_HEALTH, STORE_HEALTH, 1000);
    assert_int_equal(store_open_unread(&store, dir, STORE_HEALTH, &diag), RESULT_NEWER);
    assert_non_null(strstr(diag.text, "upgrade"));
    run("head -c 100000 /dev/zero | tr '\\0' x > health/data.mdb");
    assert_int_equal(store_open_unread(&store, dir, STORE_HEALTH, &diag), RESULT_FOREIGN);
}

static void store_cut_anywhere_is_damaged_and_kills_nobody(void **)
{
    struct diag diag;
    struct store *store = open_new(STORE_REGISTRY);
    fill(store, 2000, 200);
    store_close(store);
    struct stat st;
    assert_int_equal(stat(path_in("registry/data.mdb"), &st), 0);
    for (off_t len = st.st_size - 4096; len > 8192; len -= 20 * page_len) {
        assert_int_equal(truncate(path_in("registry/data.mdb"), len), 0);
        assert_int_equal(open_result(STORE_REGISTRY, true, &diag), RESULT_DAMAGED);
        assert_non_null(strstr(diag.text, "backup"));
    }
    assert_int_equal(truncate(path_in("registry/data.mdb"), 100), 0);
    enum result result = open_result(STORE_REGISTRY, true, &diag);
    assert_true(result == RESULT_DAMAGED || result == RESULT_FOREIGN);
}

/* An overwritten page must be detected at open, or leave every row readable. */
static void overwritten_pages_kill_nobody(void **)
{
    struct diag diag;
    struct store *store = open_new(STORE_REGISTRY);
    fill(store, 500, 200);
    store_close(store);
    struct stat st;
    assert_int_equal(stat(path_in("registry/data.mdb"), &st), 0);
    unsigned damaged = 0;
    for (off_t at = 2 * page_len; at < st.st_size; at += 4096) {
        uint8_t page[4096], junk[4096];
        int fd = open(path_in("registry/data.mdb"), O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, page, sizeof(page), at), sizeof(page));
        memset(junk, (int)(0xa5 + at / 4096), sizeof(junk));
        assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
        enum result result = open_result(STORE_REGISTRY, false, &diag);
        assert_true(result == RESULT_OK || result == RESULT_DAMAGED || result == RESULT_FOREIGN);
        damaged += result != RESULT_OK;
        assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
        (void)close(fd);
    }
    assert_true(damaged > st.st_size / 4096 / 2);
    assert_ok(open_result(STORE_REGISTRY, true, &diag));
}

/* Flips one bit at a time, spread over the structures that LMDB trusts: page headers and their
 * offset tables. */
static void flipped_bits_kill_nobody(void **)
{
    struct diag diag;
    struct store *store = open_new(STORE_REGISTRY);
    fill(store, 200, 100);
    store_close(store);
    struct stat st;
    assert_int_equal(stat(path_in("registry/data.mdb"), &st), 0);
    int fd = open(path_in("registry/data.mdb"), O_RDWR | O_CLOEXEC);
    for (off_t page = 0; page < st.st_size; page += 4096) {
        for (unsigned bit = 0; bit < 64 * 8; bit += 13) {
            uint8_t octet;
            off_t at = page + bit / 8;
            assert_int_equal(pread(fd, &octet, 1, at), 1);
            uint8_t flipped = octet ^ (uint8_t)(1U << bit % 8);
            assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
            enum result result = open_result(STORE_REGISTRY, false, &diag);
            assert_true(result == RESULT_OK || result == RESULT_DAMAGED ||
                        result == RESULT_FOREIGN || result == RESULT_MISSING ||
                        result == RESULT_NEWER || result == RESULT_SYSTEM);
            assert_int_equal(pwrite(fd, &octet, 1, at), 1);
        }
    }
    (void)close(fd);
    assert_ok(open_result(STORE_REGISTRY, true, &diag));
}

static void backup_is_a_store_of_its_own(void **)
{
    struct diag diag;
    struct store *store = open_new(STORE_REGISTRY);
    put(store, "a", "1");
    char copy[128];
    (void)snprintf(copy, sizeof(copy), "%s/backup", dir);
    assert_ok(store_backup(store, copy, &diag));
    assert_int_equal(store_backup(store, copy, &diag), RESULT_EXISTS);
    put(store, "a", "2");
    store_close(store);
    struct store_txn *txn;
    assert_ok(store_open(&store, copy, STORE_REGISTRY, true, &diag));
    assert_ok(store_read(store, &txn, NULL));
    uint8_t data[4];
    struct store_item item = { .data = data, .room = sizeof(data) };
    assert_ok(store_get(txn, TABLE_SETTINGS, "a", 1, &item));
    assert_int_equal(item.len, 1);
    assert_int_equal(data[0], '1');
    store_abort(txn);
    store_close(store);
}

static void copy_in_the_stores_place_is_seen_until_it_is_opened(void **)
{
    struct diag diag;
    struct store *store = open_new(STORE_REGISTRY);
    char copy[128], data[160], place[160];
    (void)snprintf(copy, sizeof(copy), "%s/copy", dir);
    (void)snprintf(data, sizeof(data), "%s/copy/registry/data.mdb", dir);
    (void)snprintf(place, sizeof(place), "%s/registry/data.mdb", dir);
    assert_ok(store_backup(store, copy, &diag));
    put(store, "a", "1");
    assert_false(store_replaced(store));
    assert_int_equal(rename(data, place), 0);
    assert_true(store_replaced(store));
    store_close(store);
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag));
    assert_false(store_replaced(store));
    assert_int_equal(unlink(place), 0);
    assert_false(store_replaced(store)); /* the store does not exist yet */
    store_close(store);
}

static void unwritable_directory_is_the_systems_refusal(void **)
{
    struct diag diag;
    assert_int_equal(store_create("/proc/self/nowhere", STORE_KEYS, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/proc/self/nowhere/keys"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rights_are_set_whatever_the_umask),
        CASE(creation_refuses_what_is_there),
        CASE(interrupted_creation_is_missing_and_can_be_completed),
        CASE(killed_creation_can_be_completed),
        CASE(rights_that_the_operator_changed_stay),
        CASE(missing_store_is_missing_and_stays_so),
        CASE(foreign_store_is_refused_and_left_alone),
        CASE(store_of_another_kind_is_foreign),
        CASE(newer_schema_is_refused),
        CASE(schema_without_a_way_up_is_damage),
        CASE(older_store_is_renewed_before_it_is_read),
        CASE(a_store_opened_unread_is_the_same_store),
        CASE(a_store_opened_unread_is_refused_with_the_same_reason),
        CASE(store_cut_anywhere_is_damaged_and_kills_nobody),
        CASE(overwritten_pages_kill_nobody),
        CASE(flipped_bits_kill_nobody),
        CASE(backup_is_a_store_of_its_own),
        CASE(copy_in_the_stores_place_is_seen_until_it_is_opened),
        CASE(unwritable_directory_is_the_systems_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
