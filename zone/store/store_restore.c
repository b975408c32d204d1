/* Replaces the rows of a store by those of a backup, in one transaction: to processes that have the
 * store open this is an ordinary commit. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/store/store_private.h"

/* A backup is read without locks, so no running program may write to it. */
static bool is_in_use(const char *path)
{
    char name[PATH_MAX];
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
    int fd = store_path(name, path, "lock.mdb", NULL) == RESULT_OK
                 ? open(name, O_RDONLY | O_CLOEXEC)
                 : -1;
    bool used = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0) {
        (void)close(fd);
    }
    return used;
}

static bool is_same_file(const char *path, const char *other)
{
    char name[PATH_MAX];
    struct stat a, b;
    return store_path(name, path, "data.mdb", NULL) == RESULT_OK && stat(name, &a) == 0 &&
           store_path(name, other, "data.mdb", NULL) == RESULT_OK && stat(name, &b) == 0 &&
           a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int copy_table(MDB_txn *from, struct store_txn *to, enum store_table table)
{
    MDB_dbi dbi;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = mdb_dbi_open(from, store_table_name(table), 0, &dbi);
    rc = rc == 0 ? mdb_cursor_open(from, dbi, &cursor) : rc;
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        rc = mdb_put(to->txn, to->store->dbi[table], &key, &value, MDB_APPEND);
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int copy_all(MDB_txn *from, struct store_txn *to, uint32_t schema)
{
    enum store_kind kind = to->store->kind;
    int rc = 0;
    for (int i = 0; i < TABLE_COUNT && rc == 0; i++) {
        enum store_table table = (enum store_table)i;
        if (!store_has_table(kind, table)) {
            continue;
        }
        rc = mdb_drop(to->txn, to->store->dbi[table], 0);
        if (rc == 0 && store_table_since(table) <= schema) {
            rc = copy_table(from, to, table);
        }
    }
    return rc;
}

static enum result copy_from(const char *path, struct store_txn *to, uint32_t schema,
                             struct diag *diag)
{
    MDB_env *env = NULL;
    MDB_txn *from = NULL;
    int rc = store_env_open(&env, path, MDB_RDONLY | MDB_NOLOCK, STORE_MAP_READER);
    rc = rc == 0 ? mdb_txn_begin(env, NULL, MDB_RDONLY, &from) : rc;
    rc = rc == 0 ? copy_all(from, to, schema) : rc;
    if (from != NULL) {
        mdb_txn_abort(from);
    }
    if (env != NULL) {
        mdb_env_close(env);
    }
    return rc == 0 ? store_take_steps(to, diag) : store_fail(diag, path, rc, "restore");
}

static enum result check(const char *dir, enum store_kind kind, char path[PATH_MAX],
                         uint32_t *schema, struct diag *diag)
{
    TRY(store_path(path, dir, store_kind_text(kind), diag));
    if (is_in_use(path)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "%s is in use by a running program: make a backup of it first "
                         "(ntspool backup)",
                         path);
    }
    struct store_survey survey = store_survey_new(path, kind);
    *schema = survey.schema;
    return survey.result == RESULT_MISSING
               ? diag_fail(diag, RESULT_MISSING, "there is no %s in the backup %s",
                           store_kind_text(kind), dir)
               : store_explain(diag, &survey, path);
}

enum result store_check_backup(const char *dir, enum store_kind kind, struct diag *diag)
{
    char path[PATH_MAX];
    uint32_t schema = 0;
    return check(dir, kind, path, &schema, diag);
}

enum result store_restore(struct store_txn *txn, const char *dir, struct diag *diag)
{
    char path[PATH_MAX];
    uint32_t schema = 0;
    ASSERT(txn->writing);
    if (store_path(path, dir, store_kind_text(txn->store->kind), NULL) == RESULT_OK &&
        is_same_file(path, txn->store->path)) {
        return diag_fail(diag, RESULT_REFUSED, "%s is this state itself: name a backup", dir);
    }
    TRY(check(dir, txn->store->kind, path, &schema, diag));
    return copy_from(path, txn, schema, diag);
}

bool store_is_in(const char *dir, enum store_kind kind)
{
    char path[PATH_MAX], data[PATH_MAX];
    return store_path(path, dir, store_kind_text(kind), NULL) == RESULT_OK &&
           store_path(data, path, "data.mdb", NULL) == RESULT_OK && access(data, F_OK) == 0;
}
