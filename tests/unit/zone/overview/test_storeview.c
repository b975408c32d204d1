#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/overview/storeview.h"

enum {
    COMMITS = 1000, /* from then on, a reader is old */
    PAGE_LEN = 4096
};

static char dir[] = "/dev/shm/test_storeview.XXXXXX"; /* a thousand commits are fast there */
static struct store *store;
static struct concerns concerns;
static struct storeview views[STORE_KINDS];

static int set_up(void **)
{
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_HISTORY, NULL));
    assert_ok(store_open(&store, dir, STORE_HISTORY, true, NULL));
    return 0;
}

static int tear_down(void **)
{
    char command[128];
    store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static void look(void)
{
    struct storeview_source sources[STORE_KINDS] = { { .store = NULL } };
    assert_ok(store_read(store, &sources[STORE_HISTORY].txn, NULL));
    sources[STORE_HISTORY].store = store;
    concerns = (struct concerns){ 0 };
    storeview_read(views, dir, sources, &concerns);
    store_abort(sources[STORE_HISTORY].txn);
}

static void expect(enum concern_id id, const char *subject)
{
    assert_int_equal(concerns.count, 1);
    assert_int_equal(concerns.list[0].id, id);
    assert_string_equal(concerns.list[0].subject, subject);
}

/* Puts so many values in one transaction. Each takes a page. */
static void put(unsigned first, unsigned count)
{
    static const uint8_t data[PAGE_LEN - 1024] = { 0 };
    struct store_txn *txn = NULL;
    assert_ok(store_write(store, &txn, NULL));
    for (unsigned i = first; i < first + count; i++) {
        assert_ok(store_put(txn, TABLE_SAMPLES, &i, sizeof(i), data, sizeof(data)));
    }
    assert_ok(store_commit(txn, NULL));
}

/* A process that has begun to read and does not go on. */
static pid_t start_reader(void)
{
    int ready[2];
    char octet;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *own = NULL;
        struct store_txn *txn = NULL;
        bool reads = store_open(&own, dir, STORE_HISTORY, false, NULL) == RESULT_OK &&
                     store_read(own, &txn, NULL) == RESULT_OK;
        (void)!write(ready[1], "", reads);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &octet, 1), 1);
    (void)close(ready[0]);
    return child;
}

static void a_reader_that_stays_at_an_old_state_is_told(void **)
{
    store_close(store); /* a process has a store open once, and the child inherits nothing */
    pid_t reader = start_reader();
    assert_ok(store_open(&store, dir, STORE_HISTORY, true, NULL));
    for (unsigned i = 0; i < COMMITS - 1; i++) {
        put(1, 1);
    }
    look();
    assert_int_equal(concerns.count, 0);
    put(1, 1);
    look();
    expect(CONCERN_STORE_READER, "history");
    assert_int_equal(views[STORE_HISTORY].usage.oldest_pid, reader);
    assert_int_equal(kill(reader, SIGKILL), 0);
    assert_int_equal(waitpid(reader, NULL, 0), reader);
}

static void a_store_that_is_nearly_full_is_told(void **)
{
    unsigned number = 2;
    store_close(store);
    assert_ok(store_open_sized(&store, dir, STORE_HISTORY, true, 1 << 20, NULL));
    for (look(); concerns.count == 0; look()) {
        unsigned quarter = (unsigned)(views[STORE_HISTORY].usage.map_bytes / 4 / PAGE_LEN);
        assert_true(views[STORE_HISTORY].used_percent < 70 && number < 100000);
        put(number, quarter); /* the map grows before it is written, not within */
        number += quarter;
    }
    expect(CONCERN_MAP_FULL, "history");
    assert_true(views[STORE_HISTORY].used_percent >= 70);
}

static void a_store_that_everybody_can_write_is_told(void **)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/history", dir);
    assert_int_equal(chmod(path, 0777), 0);
    look();
    assert_int_equal(concerns.list[concerns.count - 1].id, CONCERN_STORE_EXPOSED);
    assert_string_equal(concerns.list[concerns.count - 1].subject, "history");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_stays_at_an_old_state_is_told),
        cmocka_unit_test(a_store_that_is_nearly_full_is_told),
        cmocka_unit_test(a_store_that_everybody_can_write_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
