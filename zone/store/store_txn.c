/* Transactions of a store, and the growth of its map (design note in store.c). */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "zone/store/store_private.h"

enum {
    FULL_PERCENT = 70
};

int store_grow(struct store *store)
{
    struct store_usage usage;
    store_usage(store, &usage);
    uint64_t size = usage.map_bytes;
    while (usage.used_bytes > size / 100 * FULL_PERCENT) {
        size *= 2;
    }
    if (store_map_bound(size) <= usage.map_bytes) {
        return 0;
    }
    int rc = mdb_env_set_mapsize(store->env, store_map_bound(size));
    store->map_lost = rc != 0;
    return rc;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    ASSERT(store->txns == 0);
    if (store->env != NULL) {
        mdb_env_close(store->env);
    }
    store_free(store);
}

static void list_txn(struct store *store, struct store_txn *txn)
{
    txn->next = store->first;
    if (txn->next != NULL) {
        txn->next->previous = txn;
    }
    store->first = txn;
    store->txns++; /* from now on the map does not move */
}

static void unlist_txn(struct store *store, struct store_txn *txn)
{
    if (txn->next != NULL) {
        txn->next->previous = txn->previous;
    }
    *(txn->previous != NULL ? &txn->previous->next : &store->first) = txn->next;
    store->txns--;
}

/* Grows the map to the size that another process gave it. Only possible while this process has no
 * transactions besides `mine`. */
static bool adopt_growth(struct store *store, unsigned mine)
{
    (void)pthread_mutex_lock(&store->lock);
    bool alone = store->txns == mine && !store->map_lost;
    if (alone) {
        store->map_lost = mdb_env_set_mapsize(store->env, 0) != 0;
    }
    bool done = alone && !store->map_lost;
    (void)pthread_mutex_unlock(&store->lock);
    return done;
}

/* The lock file tells readers the number of the last commit, also of one that went to another data
 * file under the same name (store_replace.c). By a number that our file does not have yet, LMDB
 * takes the older of its heads, which in a fresh copy is an empty one. A commit puts its head into
 * the file before it tells the number. */
static bool is_in_our_file(struct store_txn *txn)
{
    MDB_envinfo info;
    uint64_t number = mdb_txn_id(txn->txn);
    if (number != txn->number &&
        (mdb_env_info(txn->store->env, &info) != 0 || info.me_last_txnid < number)) {
        return false;
    }
    txn->number = number;
    return true;
}

static enum result begin(struct store *store, bool writing, struct store_txn **out,
                         struct diag *diag)
{
    unsigned flags = writing ? 0 : MDB_RDONLY;
    struct store_txn *txn = xcalloc(1, sizeof(*txn));
    txn->store = store;
    txn->writing = writing;
    atomic_store(&txn->inside, true);
    (void)pthread_mutex_lock(&store->lock);
    int rc = store->env == NULL ? ESTALE : 0;
    if (rc == 0 && writing && store->txns == 0) {
        rc = store_grow(store);
    }
    if (store->map_lost) {
        rc = ENOMEM;
    }
    list_txn(store, txn);
    (void)pthread_mutex_unlock(&store->lock);
    if (rc == 0) {
        rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
    }
    if (rc == MDB_MAP_RESIZED && adopt_growth(store, 1)) {
        rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
    }
    if (rc == 0 && !writing && !is_in_our_file(txn)) {
        mdb_txn_abort(txn->txn);
        rc = ESTALE;
    }
    if (rc != 0) {
        txn->txn = NULL;
        store_abort(txn);
        return store_fail(diag, store->path, rc, writing ? "write" : "read");
    }
    *out = txn;
    return RESULT_OK;
}

enum result store_read(struct store *store, struct store_txn **out, struct diag *diag)
{
    return begin(store, false, out, diag);
}

enum result store_write(struct store *store, struct store_txn **out, struct diag *diag)
{
    ASSERT(store->writable);
    return begin(store, true, out, diag);
}

void store_rest(struct store_txn *txn)
{
    ASSERT(!txn->writing);
    if (!txn->resting) {
        mdb_txn_reset(txn->txn);
        txn->resting = true;
        atomic_store(&txn->inside, false);
    }
}

/* A thread that enters sets `inside`, then reads `closing`. The thread that closes sets `closing`,
 * then reads `inside`. One of the two stores comes first, so at least one thread sees the other. */
static void enter(struct store_txn *txn)
{
    static const struct timespec moment = { .tv_nsec = 100000 };
    atomic_store(&txn->inside, true);
    while (atomic_load(&txn->store->closing)) {
        atomic_store(&txn->inside, false);
        (void)nanosleep(&moment, NULL);
        atomic_store(&txn->inside, true);
    }
}

enum result store_renew(struct store_txn *txn)
{
    store_rest(txn);
    enter(txn);
    memset(txn->placed, 0, sizeof(txn->placed));
    int rc = txn->txn == NULL ? ESTALE : mdb_txn_renew(txn->txn);
    if (rc == MDB_MAP_RESIZED && adopt_growth(txn->store, 1)) {
        rc = mdb_txn_renew(txn->txn);
    }
    if (rc == 0 && !is_in_our_file(txn)) {
        mdb_txn_reset(txn->txn);
        rc = ESTALE;
    }
    txn->resting = rc != 0;
    atomic_store(&txn->inside, rc == 0);
    return store_translate(rc);
}

uint64_t store_version(const struct store_txn *txn)
{
    return txn->store->origin + mdb_txn_id(txn->txn);
}

uint64_t store_origin(const struct store_txn *txn)
{
    return txn->store->origin;
}

static int end(struct store_txn *txn, bool commit)
{
    struct store *store = txn->store;
    int rc = txn->failed;
    for (int i = 0; i < TABLE_COUNT; i++) {
        if (txn->cursors[i] != NULL) {
            mdb_cursor_close(txn->cursors[i]);
        }
    }
    if (commit && rc == 0) {
        int kept = store_voucher_keep(store->path, store->kind);
        rc = mdb_txn_commit(txn->txn);
        store_voucher_renew(kept, store->path, store->kind, rc == 0);
    } else if (txn->txn != NULL) {
        mdb_txn_abort(txn->txn);
    }
    (void)pthread_mutex_lock(&store->lock);
    unlist_txn(store, txn);
    (void)pthread_mutex_unlock(&store->lock);
    free(txn);
    return rc;
}

enum result store_commit(struct store_txn *txn, struct diag *diag)
{
    struct store *store = txn->store;
    int rc = end(txn, txn->writing);
    return rc == 0 ? RESULT_OK : store_fail(diag, store->path, rc, "write");
}

void store_abort(struct store_txn *txn)
{
    (void)end(txn, false);
}
