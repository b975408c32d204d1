/* A store whose files are replaced while programs have them open.
 *
 * data.mdb: a process that has it open keeps the old file when another is renamed over it, and LMDB
 * does not notice. lock.mdb: all processes share in it the number of the last commit, whatever data
 * file that commit went to. With a number of the wrong parity a reader takes the older of the two
 * meta pages of the new file, and that one is empty in a fresh copy.
 *
 * So a process that opens a store compares that number with the meta pages (store_survey.c), and a
 * process that keeps a store open looks at the files' inodes from time to time (store_replaced). A
 * process must not open an environment twice, since closing one would drop the locks of the other:
 * store_reopen waits until no thread has a snapshot, closes, and opens again.
 *
 * `cp` and `rsync --inplace` overwrite the file itself. Then the inode stays, but the number and
 * the meta pages do not fit together any more. */
#include <time.h>

#include "zone/base/u64.h"
#include "zone/store/store_private.h"

enum {
    ENTER_TRIES = 500 /* of 0.1 ms: the longest time that other threads wait */
};

static bool stat_in(const struct store *store, const char *name, struct stat *out)
{
    char path[PATH_MAX];
    return store_path(path, store->path, name, NULL) == RESULT_OK && stat(path, out) == 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

void store_note_lock(struct store *store)
{
    if (!stat_in(store, "lock.mdb", &store->lock_file)) {
        store->lock_file = (struct stat){ .st_ino = 0 };
    }
}

static bool is_written_over(const struct store *store)
{
    MDB_txn *txn;
    if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0) {
        return false;
    }
    bool over = !store_is_a_pair(store->env, txn);
    mdb_txn_abort(txn);
    return over;
}

/* True if the files in the directory are not those that are open. A missing data.mdb does not
 * count: it may come back. */
static bool has_others(const struct store *store)
{
    struct stat mine, there;
    int fd = -1;
    if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &mine) != 0 ||
        !stat_in(store, "data.mdb", &there)) {
        return false;
    }
    bool locked = store->lock_file.st_ino != 0;
    return !is_same(&mine, &there) ||
           (locked && (!stat_in(store, "lock.mdb", &there) || !is_same(&store->lock_file, &there)));
}

bool store_replaced(const struct store *store)
{
    return store->env == NULL || has_others(store) || is_written_over(store);
}

static bool somebody_is_inside(const struct store *store)
{
    for (const struct store_txn *txn = store->first; txn != NULL; txn = txn->next) {
        if (atomic_load(&txn->inside)) {
            return true;
        }
    }
    return false;
}

/* True with the lock held and no thread inside a snapshot. None enters before let_in. */
static bool keep_out(struct store *store)
{
    static const struct timespec moment = { .tv_nsec = 100000 };
    atomic_store(&store->closing, true);
    for (int i = 0; i < ENTER_TRIES; i++) {
        (void)pthread_mutex_lock(&store->lock);
        if (!somebody_is_inside(store)) {
            return true;
        }
        (void)pthread_mutex_unlock(&store->lock);
        (void)nanosleep(&moment, NULL);
    }
    atomic_store(&store->closing, false);
    return false;
}

static void let_in(struct store *store)
{
    (void)pthread_mutex_unlock(&store->lock);
    atomic_store(&store->closing, false);
}

/* The last commit that this process has seen or that is in the file now. */
static uint64_t last_number(MDB_env *env)
{
    MDB_envinfo info;
    MDB_txn *txn;
    CHECK(mdb_env_info(env, &info) == 0);
    uint64_t last = info.me_last_txnid;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0) {
        last = u64_max(last, mdb_txn_id(txn));
        mdb_txn_abort(txn);
    }
    return last;
}

static void close_all(struct store *store)
{
    for (struct store_txn *txn = store->first; txn != NULL; txn = txn->next) {
        for (int i = 0; i < TABLE_COUNT; i++) {
            if (txn->cursors[i] != NULL) {
                mdb_cursor_close(txn->cursors[i]);
                txn->cursors[i] = NULL;
            }
        }
        if (txn->txn != NULL) {
            mdb_txn_abort(txn->txn);
            txn->txn = NULL;
        }
    }
    if (store->env != NULL) {
        store->origin += last_number(store->env);
        mdb_env_close(store->env);
        store->env = NULL;
    }
}

/* Moves all read transactions, which rest now, to the new environment. */
static enum result open_all(struct store *store, struct diag *diag)
{
    struct store *fresh = NULL;
    enum result result = RESULT_OK;
    TRY(store_open_at(&fresh, store->path, store->kind, store->writable, store->map_bytes, diag));
    store->env = fresh->env;
    store->map_lost = false;
    store->lock_file = fresh->lock_file;
    memcpy(store->dbi, fresh->dbi, sizeof(store->dbi));
    store_free(fresh);
    for (struct store_txn *txn = store->first; txn != NULL; txn = txn->next) {
        txn->number = 0;
        int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn->txn);
        if (rc != 0) {
            txn->txn = NULL;
            result = store_fail(diag, store->path, rc, "read");
            continue;
        }
        mdb_txn_reset(txn->txn);
    }
    if (result != RESULT_OK) {
        close_all(store);
    }
    return result;
}

enum result store_reopen(struct store *store, bool *taken, struct diag *diag)
{
    *taken = false;
    if (!store_replaced(store)) {
        return RESULT_OK;
    }
    if (store->env != NULL) {
        struct store_survey survey = store_survey_new(store->path, store->kind);
        if (survey.result != RESULT_OK) {
            struct diag why;
            enum result result = store_explain(&why, &survey, store->path);
            return diag_fail(diag, result, "%s was %s: %.400s", store->path,
                             has_others(store) ? "replaced, and the old file stays in use"
                                               : "written over, and what is there now is no good",
                             why.text);
        }
    }
    if (!keep_out(store)) {
        return RESULT_OK;
    }
    close_all(store);
    enum result result = open_all(store, diag);
    let_in(store);
    *taken = result == RESULT_OK;
    return result;
}
