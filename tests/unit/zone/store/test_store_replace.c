#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store_fixture.h"

static struct store *open_store(void)
{
    struct store *store = NULL;
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, NULL));
    return store;
}

static void put(struct store *store, const char *value)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(store, &txn, NULL));
    assert_ok(store_put(txn, TABLE_SETTINGS, "a", 1, value, strlen(value)));
    assert_ok(store_commit(txn, NULL));
}

static bool holds(struct store_txn *txn, const char *value)
{
    char text[16] = "";
    struct store_item item = { .data = (uint8_t *)text, .room = sizeof(text) - 1 };
    return store_get(txn, TABLE_SETTINGS, "a", 1, &item) == RESULT_OK && strcmp(text, value) == 0;
}

/* Leaves "old" in copy.mdb and "new" in the store. The parity of `commits` changes the number of
 * commits of copy.mdb. */
static struct store *make_both(unsigned commits)
{
    assert_ok(store_create(dir, STORE_REGISTRY, NULL));
    struct store *store = open_store();
    for (unsigned i = 0; i < commits; i++) {
        put(store, "older");
    }
    put(store, "old");
    run("cp registry/data.mdb copy.mdb");
    put(store, "new");
    return store;
}

static void reopened(struct store *store)
{
    bool taken = false;
    struct diag diag = { "" };
    assert_ok(store_reopen(store, &taken, &diag));
    assert_true(taken);
    assert_false(store_replaced(store));
}

static void transactions_go_on_in_the_new_file_with_a_greater_version(void **)
{
    for (unsigned commits = 0; commits < 3; commits++) {
        bool taken = true;
        struct store_txn *first = NULL, *second = NULL;
        struct store *store = make_both(commits);
        assert_ok(store_read(store, &first, NULL));
        assert_ok(store_read(store, &second, NULL));
        assert_true(holds(first, "new") && holds(second, "new"));
        uint64_t version = store_version(first);
        store_rest(first);
        store_rest(second);
        assert_ok(store_reopen(store, &taken, NULL));
        assert_false(taken);
        run("mv copy.mdb registry/data.mdb");
        assert_true(store_replaced(store));
        reopened(store);
        assert_ok(store_renew(first));
        assert_ok(store_renew(second));
        assert_true(holds(first, "old") && holds(second, "old"));
        assert_true(store_version(first) > version);
        put(store, "newer");
        assert_ok(store_renew(first));
        assert_true(holds(first, "newer"));
        store_abort(first);
        store_abort(second);
        store_close(store);
        run("rm -rf registry");
    }
}

static void file_that_is_written_over_is_taken_up(void **)
{
    for (unsigned commits = 0; commits < 4; commits++) {
        for (unsigned later = 1; later < 8; later++) {
            struct store_txn *txn = NULL;
            struct store *store = make_both(commits);
            for (unsigned i = 1; i < later; i++) {
                put(store, "new");
            }
            assert_ok(store_read(store, &txn, NULL));
            uint64_t version = store_version(txn);
            store_rest(txn);
            assert_false(store_replaced(store));
            run("cat copy.mdb > registry/data.mdb");
            assert_true(store_replaced(store));
            reopened(store);
            assert_ok(store_renew(txn));
            assert_true(holds(txn, "old"));
            assert_true(store_version(txn) > version);
            put(store, "newer");
            assert_ok(store_renew(txn));
            assert_true(holds(txn, "newer"));
            store_abort(txn);
            store_close(store);
            run("rm -rf registry");
        }
    }
}

static void a_reader_keeps_its_snapshot(void **)
{
    bool taken = true;
    struct store_txn *txn = NULL;
    struct store *store = make_both(0);
    assert_ok(store_read(store, &txn, NULL));
    run("mv copy.mdb registry/data.mdb");
    assert_ok(store_reopen(store, &taken, NULL));
    assert_false(taken);
    assert_true(holds(txn, "new"));
    store_rest(txn);
    reopened(store);
    store_abort(txn);
    store_close(store);
}

static void file_that_is_no_good_is_told_and_left(void **)
{
    bool taken = true;
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    struct store *store = make_both(0);
    assert_ok(store_read(store, &txn, NULL));
    store_rest(txn);
    run("head -c 30000 /dev/urandom > bad && mv bad registry/data.mdb");
    assert_int_equal(store_reopen(store, &taken, &diag), RESULT_FOREIGN);
    assert_false(taken);
    assert_non_null(strstr(diag.text, "the old file stays in use"));
    assert_ok(store_renew(txn));
    assert_true(holds(txn, "new"));
    store_abort(txn);
    store_close(store);
}

static void lock_file_that_is_gone_is_noticed(void **)
{
    struct store_txn *txn = NULL;
    struct store *store = make_both(0);
    assert_ok(store_read(store, &txn, NULL));
    store_rest(txn);
    run("rm registry/lock.mdb");
    assert_true(store_replaced(store));
    reopened(store);
    assert_ok(store_renew(txn));
    assert_true(holds(txn, "new"));
    store_abort(txn);
    store_close(store);
}

struct readers {
    struct store *store;
    atomic_bool end;
    atomic_uint rounds, faults;
};

static void *read_on(void *arg)
{
    struct readers *readers = arg;
    struct store_txn *txn = NULL;
    uint64_t last = 0;
    if (store_read(readers->store, &txn, NULL) != RESULT_OK) {
        atomic_fetch_add(&readers->faults, 1);
        return NULL;
    }
    while (!atomic_load(&readers->end)) {
        bool good =
            store_renew(txn) == RESULT_OK && holds(txn, "old") && store_version(txn) >= last;
        last = store_version(txn);
        store_rest(txn);
        atomic_fetch_add(&readers->faults, good ? 0 : 1);
        atomic_fetch_add(&readers->rounds, 1);
    }
    store_abort(txn);
    return NULL;
}

/* Each reader finds a row at every moment, and the version never goes back. */
static void threads_that_never_pause_are_let_through(void **)
{
    pthread_t threads[3];
    struct readers readers = { .store = make_both(0) };
    put(readers.store, "old");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
    }
    for (unsigned i = 0; i < 10; i++) {
        bool taken = false;
        unsigned rounds = atomic_load(&readers.rounds);
        run("cp copy.mdb next.mdb && mv next.mdb registry/data.mdb");
        while (!taken) { /* succeeds at a moment when no reader is inside */
            assert_ok(store_reopen(readers.store, &taken, NULL));
        }
        while (atomic_load(&readers.rounds) < rounds + 3) {
            (void)usleep(100);
        }
    }
    atomic_store(&readers.end, true);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&readers.faults), 0);
    store_close(readers.store);
}

/* Another process has the old file open. Sharing its lock file would corrupt both files. */
static void opening_a_replaced_file_is_refused_while_the_old_one_is_open(void **)
{
    int ends[2];
    struct diag diag = { "" };
    store_close(make_both(0));
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        bool good = store_open(&store, dir, STORE_REGISTRY, true, NULL) == RESULT_OK;
        (void)!write(ends[1], "", 1);
        (void)close(ends[1]);
        (void)pause(); /* until it is killed */
        _exit(good ? 0 : 1);
    }
    char octet;
    assert_int_equal(read(ends[0], &octet, 1), 1);
    run("mv copy.mdb registry/data.mdb");
    struct store *store = NULL;
    assert_int_equal(store_open(&store, dir, STORE_REGISTRY, false, &diag), RESULT_STALE);
    assert_non_null(strstr(diag.text, "running programs have open"));
    assert_int_equal(store_create(dir, STORE_REGISTRY, &diag), RESULT_STALE);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(ends[0]);
    (void)close(ends[1]);
    struct store_txn *txn = NULL;
    store = open_store();
    assert_ok(store_read(store, &txn, NULL));
    assert_true(holds(txn, "old"));
    store_abort(txn);
    store_close(store);
}

/* Compact copies all have the same number of commits, so a writer of the new file can't tell that
 * others have the old one open. */
static void a_commit_to_the_new_file_shows_no_reader_of_the_old_one_an_empty_store(void **)
{
    struct store_txn *txn = NULL, *late = NULL;
    assert_ok(store_create(dir, STORE_REGISTRY, NULL));
    struct store *store = open_store();
    put(store, "old");
    run("mkdir copy1 copy2");
    char copy[80];
    for (int i = 1; i <= 2; i++) {
        (void)snprintf(copy, sizeof(copy), "%s/copy%d", dir, i);
        assert_ok(store_backup(store, copy, NULL));
    }
    store_close(store);
    run("rm registry/*.mdb && cp $(find copy1 -name data.mdb) registry/data.mdb");
    store = open_store();
    assert_ok(store_read(store, &txn, NULL));
    assert_true(holds(txn, "old"));
    store_rest(txn);
    run("mv $(find copy2 -name data.mdb) registry/data.mdb");
    pid_t child = fork();
    if (child == 0) {
        put(open_store(), "newer");
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_renew(txn), RESULT_STALE);
    assert_int_equal(store_read(store, &late, NULL), RESULT_STALE);
    reopened(store);
    assert_ok(store_renew(txn));
    assert_true(holds(txn, "newer"));
    store_abort(txn);
    store_close(store);
}

/* One process takes all reader slots and dies. The next process must free the slots. */
static void dead_readers_lock_nobody_out(void **)
{
    assert_ok(store_create(dir, STORE_REGISTRY, NULL));
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        struct store_txn *txn = NULL;
        if (store_open(&store, dir, STORE_REGISTRY, true, NULL) != RESULT_OK) {
            _exit(1);
        }
        while (store_read(store, &txn, NULL) == RESULT_OK) {
        }
        (void)kill(getpid(), SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct store *store = open_store();
    put(store, "well");
    store_close(store);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(transactions_go_on_in_the_new_file_with_a_greater_version),
        CASE(file_that_is_written_over_is_taken_up),
        CASE(a_reader_keeps_its_snapshot),
        CASE(file_that_is_no_good_is_told_and_left),
        CASE(lock_file_that_is_gone_is_noticed),
        CASE(threads_that_never_pause_are_let_through),
        CASE(opening_a_replaced_file_is_refused_while_the_old_one_is_open),
        CASE(a_commit_to_the_new_file_shows_no_reader_of_the_old_one_an_empty_store),
        CASE(dead_readers_lock_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
