/* Creates, opens and copies stores. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/clock.h"
#include "zone/base/user.h"
#include "zone/store/store_private.h"

enum {
    DIR_MODE = 0750,
    DATA_MODE = 0640,
    LOCK_MODE = 0600, /* a user who can write it can roll the store back or block writers */
    LOCK_LEN = 65536, /* header and 1022 readers of 64 octets */
    STALE_TRIES = 25, /* for five seconds */
    STALE_PAUSE_NS = 200000000
};

static enum result write_format(struct store_txn *txn)
{
    uint8_t row[STORE_FORMAT_LEN];
    struct writer w = writer_of(row, sizeof(row));
    write_octets(&w, STORE_MAGIC, sizeof(STORE_MAGIC));
    write_u8(&w, (uint8_t)txn->store->kind);
    write_u32(&w, store_schema(txn->store->kind));
    return store_put(txn, TABLE_META, STORE_FORMAT_KEY, sizeof(STORE_FORMAT_KEY), row, w.at);
}

static enum result refuse_older(const struct store *store, uint32_t schema, struct diag *diag)
{
    return diag_fail(
        diag, RESULT_REFUSED,
        "%s has the older schema %u: start a program that can write it, which renews it",
        store->path, schema);
}

static bool has_migration(enum store_kind kind, uint32_t schema)
{
    return schema > 0 && schema < STORE_SCHEMAS_MAX && store_migrations[kind][schema] != NULL;
}

/* Reads the schema in the transaction: another process may have migrated the store already. */
enum result store_take_steps(struct store_txn *txn, struct diag *diag)
{
    enum store_kind kind = txn->store->kind;
    struct store_survey survey = store_format(txn->txn, kind);
    if (survey.result != RESULT_OK || survey.schema >= store_schema(kind)) {
        return survey.result;
    }
    if (!has_migration(kind, survey.schema)) {
        return diag_fail(diag, RESULT_DAMAGED,
                         "%s has the unknown schema %u: restore it from a backup (ntspool restore)",
                         txn->store->path, survey.schema);
    }
    TRY(store_migrations[kind][survey.schema](txn, clock_now(), diag));
    return write_format(txn);
}

/* Migrates an older store to the present schema, whole or not at all. */
static enum result migrate(struct store *store, uint32_t schema, struct diag *diag)
{
    if (schema == store_schema(store->kind)) {
        return RESULT_OK;
    }
    if (!store->writable) {
        return store_is_readable(store->kind, schema) ? RESULT_OK
                                                      : refuse_older(store, schema, diag);
    }
    struct store_txn *txn;
    TRY(store_write(store, &txn, diag));
    enum result result = store_take_steps(txn, diag);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    return store_commit(txn, diag);
}

void store_free(struct store *store)
{
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

static struct store *store_new(const char *path, enum store_kind kind, bool writable,
                               uint64_t map_bytes)
{
    struct store *store = xcalloc(1, sizeof(*store));
    store->kind = kind;
    store->writable = writable;
    store->map_bytes = map_bytes;
    (void)snprintf(store->path, sizeof(store->path), "%s", path);
    CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
    return store;
}

/* Opens the handles of the tables. Returns LMDB's code. */
static int open_handles(struct store *store, MDB_txn *txn, bool make)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < TABLE_COUNT; i++) {
        enum store_table table = (enum store_table)i;
        if (store_has_table(store->kind, table)) {
            rc = mdb_dbi_open(txn, store_table_name(table), make ? MDB_CREATE : 0, &store->dbi[i]);
        }
    }
    return rc;
}

/* Opens (or makes) the tables. A writer also makes the tables that an older schema lacks. A reader
 * does not touch a store that is too old for it; `migrate` then refuses it. */
static struct store_survey open_tables(struct store *store, uint32_t schema, bool create)
{
    MDB_txn *txn;
    bool make = create || (store->writable && schema < store_schema(store->kind));
    int rc = mdb_txn_begin(store->env, NULL, make ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        return (struct store_survey){ .result = store_translate(rc), .rc = rc };
    }
    /* Read again in the transaction: another process may have been faster. */
    struct store_survey survey = store_format(txn, store->kind);
    if (create && survey.result == RESULT_MISSING) {
        survey.result = RESULT_OK;
    } else if (create && survey.result == RESULT_OK) {
        survey.result = RESULT_EXISTS;
    }
    bool readable = make || store_is_readable(store->kind, survey.schema);
    if (survey.result == RESULT_OK && readable) {
        rc = open_handles(store, txn, make);
    }
    if (create && survey.result == RESULT_OK && rc == 0) {
        struct store_txn wrapped = { .store = store, .txn = txn, .writing = true };
        (void)write_format(&wrapped);
        rc = wrapped.failed;
    }
    if (survey.result != RESULT_OK || rc != 0) {
        mdb_txn_abort(txn);
    } else {
        rc = mdb_txn_commit(txn); /* of a reader, too: otherwise its handles would be closed */
    }
    if (rc != 0) {
        survey = (struct store_survey){ .result = store_translate(rc), .rc = rc };
    }
    return survey;
}

static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return done;
}

/* Sets the modes of directory and file, whatever the umask is. The directory keeps its set-group-id
 * bit. */
static bool set_modes(const char *path)
{
    char data[PATH_MAX];
    struct stat st;
    return store_path(data, path, "data.mdb", NULL) == RESULT_OK && stat(path, &st) == 0 &&
           chmod(path, (st.st_mode & S_ISGID) | DIR_MODE) == 0 && chmod(data, DATA_MODE) == 0 &&
           user_hand_over(data, path);
}

/* Only the owner may use the lock file. Older programs made it with more rights. */
static int tighten(const char *lock)
{
    struct stat st;
    bool wide = stat(lock, &st) == 0 && (st.st_mode & 077) != 0;
    bool may = wide && (geteuid() == 0 || geteuid() == st.st_uid);
    return may && chmod(lock, LOCK_MODE) != 0 && errno != EROFS ? errno : 0;
}

/* Makes the lock file if there is none (a restored store has none) and allocates its disk space:
 * LMDB would leave it sparse, and a write to its map on a full disk is a SIGBUS. Returns 0 or
 * errno. */
static int make_lock(const char *path, bool writable)
{
    char lock[PATH_MAX];
    if (store_path(lock, path, "lock.mdb", NULL) != RESULT_OK) {
        return ENAMETOOLONG;
    }
    int fd = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, LOCK_MODE);
    if (fd < 0 && errno == EEXIST) {
        return tighten(lock);
    }
    if (fd < 0) {
        /* On a read-only file system LMDB reads without a lock file. */
        return errno == EROFS && !writable ? 0 : errno;
    }
    int rc = fchmod(fd, LOCK_MODE) != 0 || !user_hand_over(lock, path)
                 ? errno
                 : posix_fallocate(fd, 0, LOCK_LEN);
    (void)close(fd);
    if (rc != 0) {
        (void)unlink(lock);
    }
    return rc;
}

enum result store_create(const char *state_dir, enum store_kind kind, struct diag *diag)
{
    char path[PATH_MAX];
    TRY(store_path(path, state_dir, store_kind_text(kind), diag));
    if (mkdir(path, DIR_MODE) == 0 ? !user_hand_over(path, state_dir) : errno != EEXIST) {
        return store_fail(diag, path, errno, "make");
    }
    struct store_survey survey = store_survey(path, kind);
    if (survey.result == RESULT_OK) {
        survey.result = RESULT_EXISTS;
    } else if (survey.result == RESULT_MISSING) {
        struct store *store = store_new(path, kind, true, STORE_MAP_WRITER);
        int rc = make_lock(path, true);
        rc = rc == 0 ? store_env_open(&store->env, path, 0, STORE_MAP_WRITER) : rc;
        survey = rc == 0 ? open_tables(store, 0, true)
                         : (struct store_survey){ .result = store_translate(rc), .rc = rc };
        if (survey.result == RESULT_OK &&
            (!set_modes(path) || !sync_dir(path) || !sync_dir(state_dir))) {
            survey = (struct store_survey){ .result = RESULT_SYSTEM, .rc = errno };
        }
        store_close(store);
    }
    if (survey.result == RESULT_EXISTS) {
        return diag_fail(diag, RESULT_EXISTS, "%s holds a store already", path);
    }
    return store_explain(diag, &survey, path);
}

enum result store_open(struct store **out, const char *state_dir, enum store_kind kind,
                       bool writable, struct diag *diag)
{
    return store_open_sized(out, state_dir, kind, writable,
                            writable ? STORE_MAP_WRITER : STORE_MAP_READER, diag);
}

enum result store_open_sized(struct store **out, const char *state_dir, enum store_kind kind,
                             bool writable, uint64_t map_bytes, struct diag *diag)
{
    static const struct timespec pause = { .tv_nsec = STALE_PAUSE_NS };
    char path[PATH_MAX];
    TRY(store_path(path, state_dir, store_kind_text(kind), diag));
    enum result result = store_open_at(out, path, kind, writable, map_bytes, diag);
    for (unsigned tries = 0; result == RESULT_STALE && tries < STALE_TRIES; tries++) {
        (void)nanosleep(&pause, NULL); /* a running server is about to switch to the new file */
        result = store_open_at(out, path, kind, writable, map_bytes, diag);
    }
    return result;
}

static enum result open_surveyed(struct store **out, const char *path, struct store *store,
                                 struct store_survey survey, struct diag *diag)
{
    int dead, rc = make_lock(path, store->writable);
    rc = rc == 0
             ? store_env_open(&store->env, path, store->writable ? 0 : MDB_RDONLY, store->map_bytes)
             : rc;
    rc = rc == 0 ? mdb_reader_check(store->env, &dead) : rc;
    if (rc == 0) {
        store_note_lock(store);
        survey = open_tables(store, survey.schema, false);
    } else {
        survey = (struct store_survey){ .result = store_translate(rc), .rc = rc };
    }
    enum result result = store_explain(diag, &survey, path);
    if (result == RESULT_OK) {
        result = migrate(store, survey.schema, diag);
    }
    if (result != RESULT_OK) {
        store_close(store);
        return result;
    }
    *out = store;
    return RESULT_OK;
}

/* A reader that may write the store migrates it first. */
static enum result renew(const char *path, enum store_kind kind, struct store_survey *survey,
                         struct diag *diag)
{
    struct store *store = store_new(path, kind, true, STORE_MAP_WRITER);
    TRY(open_surveyed(&store, path, store, *survey, diag));
    store_close(store);
    survey->schema = store_schema(kind);
    return RESULT_OK;
}

/* Reads the whole store, unless its voucher holds. */
static struct store_survey survey_or_trust(const char *path, enum store_kind kind)
{
    struct voucher seen;
    if (store_voucher_holds(path, kind)) {
        return (struct store_survey){ .result = RESULT_OK, .schema = store_schema(kind) };
    }
    bool settled = store_voucher_look(path, kind, &seen);
    struct store_survey survey = store_survey(path, kind);
    if (settled && survey.result == RESULT_OK && survey.schema == store_schema(kind)) {
        store_voucher_write(path, kind, &seen);
    }
    return survey;
}

enum result store_open_at(struct store **out, const char *path, enum store_kind kind, bool writable,
                          uint64_t map_bytes, struct diag *diag)
{
    struct store_survey survey = survey_or_trust(path, kind);
    TRY(store_explain(diag, &survey, path));
    if (!writable && !store_is_readable(kind, survey.schema) && access(path, W_OK) == 0) {
        TRY(renew(path, kind, &survey, diag));
    }
    return open_surveyed(out, path, store_new(path, kind, writable, map_bytes), survey, diag);
}

enum result store_open_unread(struct store **out, const char *state_dir, enum store_kind kind,
                              struct diag *diag)
{
    char path[PATH_MAX];
    TRY(store_path(path, state_dir, store_kind_text(kind), diag));
    struct store_survey survey = store_look_at_head(path);
    if (survey.result == RESULT_OK &&
        open_surveyed(out, path, store_new(path, kind, false, STORE_MAP_READER), survey, NULL) ==
            RESULT_OK) {
        return RESULT_OK;
    }
    return store_open(out, state_dir, kind, false, diag); /* finds the reason, or migrates it */
}

enum result store_set_aside(const char *state_dir, enum store_kind kind, struct diag *diag)
{
    char path[PATH_MAX], data[PATH_MAX], lock[PATH_MAX], aside[PATH_MAX + 32];
    TRY(store_path(path, state_dir, store_kind_text(kind), diag));
    TRY(store_path(data, path, "data.mdb", diag));
    TRY(store_path(lock, path, "lock.mdb", diag));
    (void)snprintf(aside, sizeof(aside), "%s.damaged-%llu", data, (unsigned long long)clock_now());
    if (rename(data, aside) != 0) {
        return store_fail(diag, path, errno, "set aside");
    }
    (void)unlink(lock); /* processes that have it open keep it to themselves */
    return diag_fail(diag, RESULT_OK, "%s", aside);
}

enum result store_backup(struct store *store, const char *dir, struct diag *diag)
{
    char path[PATH_MAX], data[PATH_MAX];
    TRY(store_path(path, dir, store_kind_text(store->kind), diag));
    TRY(store_path(data, path, "data.mdb", diag));
    if ((mkdir(dir, DIR_MODE) != 0 && errno != EEXIST) || mkdir(path, DIR_MODE) != 0) {
        int error = errno;
        return error == EEXIST ? diag_fail(diag, RESULT_EXISTS,
                                           "%s exists: name a new directory for the backup", path)
                               : store_fail(diag, path, error, "make");
    }
    int rc = mdb_env_copy2(store->env, path, MDB_CP_COMPACT);
    int fd = rc == 0 ? open(data, O_RDONLY | O_CLOEXEC) : -1;
    if (rc == 0 &&
        (fd < 0 || fsync(fd) != 0 || !set_modes(path) || !sync_dir(path) || !sync_dir(dir))) {
        rc = errno;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (rc != 0) {
        (void)unlink(data);
        (void)rmdir(path);
        return store_fail(diag, path, rc, "write the backup");
    }
    return RESULT_OK;
}
