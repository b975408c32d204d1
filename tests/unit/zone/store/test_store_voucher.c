#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store_rows.h"
#include "zone/store/store_private.h"

enum {
    GIVE_UP = 2000, /* tries of 10 ms */
    PAGE_LEN = 4096
};

static char *path_in(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static bool holds(void)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/registry", dir);
    return store_voucher_holds(path, STORE_REGISTRY);
}

static void open_and_close(void)
{
    struct store *store;
    struct diag diag;
    assert_ok(store_open(&store, dir, STORE_REGISTRY, false, &diag));
    store_close(store);
}

/* The file must rest for a moment before somebody vouches for it. */
static void get_voucher(void)
{
    static const struct timespec pause = { .tv_nsec = 10000000 };
    for (int i = 0; i < GIVE_UP && !holds(); i++) {
        (void)nanosleep(&pause, NULL);
        open_and_close();
    }
    assert_true(holds());
}

static void make_store(void)
{
    struct store *store = open_new(STORE_REGISTRY);
    fill(store, 500, 200);
    store_close(store);
}

static void commit_one(void)
{
    struct store *store;
    struct diag diag;
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag));
    put(store, "a", "1");
    store_close(store);
}

static void a_store_that_just_changed_gets_no_voucher(void **)
{
    struct store *store;
    struct diag diag;
    make_store();
    for (int i = 0; i < 20; i++) {
        struct timespec before, after;
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        /* a change by others, right before the store is read */
        assert_int_equal(chmod(path_in("registry/data.mdb"), i % 2 == 0 ? 0640 : 0600), 0);
        assert_ok(store_open(&store, dir, STORE_REGISTRY, false, &diag));
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        store_close(store);
        int64_t took_ns =
            (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
        assert_true(!holds() || took_ns > 50000000);
    }
}

static void reading_it_whole_gets_a_voucher_for_the_owner_alone(void **)
{
    struct stat st;
    make_store();
    assert_false(holds());
    get_voucher();
    assert_int_equal(stat(path_in("registry/voucher"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void commits_of_any_process_keep_it(void **)
{
    int status = 1;
    make_store();
    get_voucher();
    commit_one();
    assert_true(holds());
    pid_t child = fork();
    if (child == 0) {
        commit_one();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(holds());
}

static void a_commit_vouches_for_nothing_that_others_changed(void **)
{
    struct store *store;
    struct diag diag;
    make_store();
    get_voucher();
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag));
    assert_int_equal(chmod(path_in("registry/data.mdb"), 0600), 0);
    put(store, "a", "1");
    store_close(store);
    assert_false(holds());
    get_voucher();
}

static void it_is_void_after(const char *what)
{
    get_voucher();
    run(what);
    assert_false(holds());
    open_and_close();
}

static void any_other_change_makes_it_void(void **)
{
    make_store();
    it_is_void_after("touch registry/data.mdb");
    it_is_void_after("touch -r registry/lock.mdb registry/data.mdb");
    it_is_void_after("cp registry/data.mdb x && cat x > registry/data.mdb");
    it_is_void_after("cp -p registry/data.mdb x && mv x registry/data.mdb");
    it_is_void_after("rm registry/lock.mdb");
    it_is_void_after("rm registry/voucher");
    it_is_void_after(": > registry/voucher");
    /* another boot of the machine */
    it_is_void_after("tr 0-9a-f 1-9a-f0 < registry/voucher > x && cat x > registry/voucher");
}

/* Voucher or not: what is damaged is refused, and kills nobody. */
static void what_is_damaged_later_is_refused(void **)
{
    struct store *store = NULL;
    struct diag diag;
    uint8_t page[PAGE_LEN], junk[PAGE_LEN];
    struct stat st;
    make_store();
    memset(junk, 0xa5, sizeof(junk));
    assert_int_equal(stat(path_in("registry/data.mdb"), &st), 0);
    unsigned damaged = 0;
    for (off_t at = 2 * (off_t)PAGE_LEN; at < st.st_size; at += 8 * (off_t)PAGE_LEN) {
        get_voucher();
        int fd = open(path_in("registry/data.mdb"), O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, page, sizeof(page), at), sizeof(page));
        assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
        enum result result = store_open(&store, dir, STORE_REGISTRY, true, &diag);
        damaged += result == RESULT_DAMAGED;
        if (result == RESULT_OK) {
            store_close(store); /* the page was a free one */
        }
        assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
        (void)close(fd);
    }
    assert_true(damaged > 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_store_that_just_changed_gets_no_voucher),
        CASE(reading_it_whole_gets_a_voucher_for_the_owner_alone),
        CASE(commits_of_any_process_keep_it),
        CASE(a_commit_vouches_for_nothing_that_others_changed),
        CASE(any_other_change_makes_it_void),
        CASE(what_is_damaged_later_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
