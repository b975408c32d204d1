/* Checks a store before this process maps it (design note in store.c). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zone/store/store_private.h"

enum {
    READERS_MAX = 1022,
    LOCK_MODE = 0600, /* of a lock file; store_create sets the mode of the others */
    SURVEY_TIMEOUT_S = 120
};

enum result store_path(char out[PATH_MAX], const char *dir, const char *name, struct diag *diag)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= PATH_MAX) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", dir);
    }
    return RESULT_OK;
}

/* How to get a store back that a daemon makes anew (server/upkeep/stores.c). NULL for others. */
static const char *way_to_make_anew(const char *path)
{
    static const char *const ways[STORE_KINDS] = {
        [STORE_HEALTH] = "start ntspoold, which makes it anew, or restore a backup",
        [STORE_TRAFFIC] = "start ntspoold, which makes it anew, or restore a backup",
        [STORE_HISTORY] = "start ntspoold, which makes it anew, or restore a backup",
        [STORE_FLEET] = "start ntspool-feedd, which makes it anew",
    };
    const char *name = strrchr(path, '/');
    for (enum store_kind kind = 0; name != NULL && kind < STORE_KINDS; kind++) {
        if (strcmp(name + 1, store_kind_text(kind)) == 0) {
            return ways[kind];
        }
    }
    return NULL;
}

enum result store_explain(struct diag *diag, const struct store_survey *survey, const char *path)
{
    const char *made = way_to_make_anew(path);
    const char *way = made != NULL ? made : "restore it from a backup";
    switch (survey->result) {
    case RESULT_OK:
        return RESULT_OK;
    case RESULT_MISSING:
        return diag_fail(diag, RESULT_MISSING, "no store at %s: %s (ntspool restore)", path,
                         made != NULL ? made : "make it with ntspool init, or restore a backup");
    case RESULT_FOREIGN:
        return diag_fail(diag, RESULT_FOREIGN,
                         "%s is not this store of ntspool's, or its head is destroyed: check "
                         "--state, or %s (ntspool restore)",
                         path, way);
    case RESULT_NEWER:
        return diag_fail(diag, RESULT_NEWER,
                         "%s has schema %u, newer than this ntspool knows: upgrade ntspool, and "
                         "restart its daemons",
                         path, survey->schema);
    case RESULT_STALE:
        return diag_fail(diag, RESULT_STALE,
                         "%s/data.mdb was put in the place of one that running programs have open: "
                         "ntspoold takes it up in seconds, end all others",
                         path);
    case RESULT_DAMAGED:
        return diag_fail(diag, RESULT_DAMAGED, "%s is damaged (%s): %s (ntspool restore)", path,
                         survey->rc != 0 ? mdb_strerror(survey->rc) : "reading it fails", way);
    default:
        return store_fail(diag, path, survey->rc, "open");
    }
}

int store_env_open(MDB_env **out, const char *path, unsigned flags, uint64_t map)
{
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_maxreaders(env, READERS_MAX);
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(env, TABLE_COUNT);
    }
    if (rc == 0) {
        rc = mdb_env_set_mapsize(env, store_map_bound(map));
    }
    if (rc == 0) {
        rc = mdb_env_open(env, path, flags | MDB_NOTLS, LOCK_MODE);
    }
    if (rc != 0) {
        mdb_env_close(env);
        return rc;
    }
    *out = env;
    return 0;
}

struct store_survey store_look_at_head(const char *path)
{
    char data[PATH_MAX];
    if (store_path(data, path, "data.mdb", NULL) != RESULT_OK) {
        return (struct store_survey){ .result = RESULT_SYSTEM, .rc = ENAMETOOLONG };
    }
    int fd = open(data, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* O_NONBLOCK: it may be a pipe */
    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        return (struct store_survey){ .result = missing ? RESULT_MISSING : RESULT_SYSTEM,
                                      .rc = errno };
    }
    uint32_t head[6]; /* page header of 16 octets, LMDB's magic and version in host order */
    struct stat st;
    bool plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t got = plain ? pread(fd, head, sizeof(head), 0) : 0;
    struct store_survey survey = { .result = RESULT_OK };
    if (got < 0) {
        survey = (struct store_survey){ .result = RESULT_SYSTEM, .rc = errno };
    } else if (plain && st.st_size == 0) {
        survey.result = RESULT_MISSING;
    } else if ((size_t)got < sizeof(head) || head[4] != 0xbeefc0de || head[5] != 1) {
        survey.result = RESULT_FOREIGN;
    }
    (void)close(fd);
    return survey;
}

/* Judges the store by its format row. */
static struct store_survey judge_format(const void *data, size_t len, enum store_kind kind)
{
    struct reader r = reader_of(data, len);
    const uint8_t *found = read_octets(&r, sizeof(STORE_MAGIC));
    uint8_t found_kind = read_u8(&r);
    struct store_survey survey = { .result = RESULT_OK, .schema = read_u32(&r) };
    if (!reader_done(&r) || memcmp(found, STORE_MAGIC, sizeof(STORE_MAGIC)) != 0 ||
        found_kind != kind) {
        survey.result = RESULT_FOREIGN;
    } else if (survey.schema > store_schema(kind)) {
        survey.result = RESULT_NEWER;
    }
    return survey;
}

enum result store_check(struct store_txn *txn, struct diag *diag)
{
    uint8_t row[STORE_FORMAT_LEN];
    const struct store *store = txn->store;
    struct store_item item = { .data = row, .room = sizeof(row) };
    enum result result =
        store_get(txn, TABLE_META, STORE_FORMAT_KEY, sizeof(STORE_FORMAT_KEY), &item);
    const struct store_survey survey = result == RESULT_OK
                                           ? judge_format(row, item.len, store->kind)
                                           : (struct store_survey){ .result = RESULT_FOREIGN };
    return store_explain(diag, &survey, store->path);
}

struct store_survey store_format(MDB_txn *txn, enum store_kind kind)
{
    MDB_dbi dbi;
    MDB_stat stat;
    MDB_val value;
    MDB_val key = store_val(STORE_FORMAT_KEY, sizeof(STORE_FORMAT_KEY));
    int rc = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (rc == 0) {
        rc = mdb_stat(txn, dbi, &stat);
    }
    if (rc == 0 && stat.ms_entries == 0) {
        return (struct store_survey){ .result = RESULT_MISSING };
    }
    if (rc == 0) {
        rc = mdb_dbi_open(txn, store_table_name(TABLE_META), 0, &dbi);
    }
    if (rc == 0) {
        rc = mdb_get(txn, dbi, &key, &value);
    }
    if (rc != 0) {
        bool foreign = rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE;
        return (struct store_survey){ .result = foreign ? RESULT_FOREIGN : store_translate(rc),
                                      .rc = rc };
    }
    return judge_format(value.mv_data, value.mv_size, kind);
}

/* Touches every octet that a later reader or writer may touch, and checks the number of rows and
 * the order of keys, which LMDB guarantees. */
static int walk(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat stat;
    MDB_cursor *cursor;
    int rc = mdb_stat(txn, dbi, &stat);
    if (rc == 0) {
        rc = mdb_cursor_open(txn, dbi, &cursor);
    }
    if (rc != 0) {
        return rc;
    }
    MDB_val key, value, last = { 0, NULL };
    size_t rows = 0;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        const volatile uint8_t *octets = value.mv_data;
        for (size_t i = 0; i < value.mv_size; i++) {
            (void)octets[i];
        }
        if (dbi != STORE_FREE_DBI && last.mv_data != NULL && mdb_cmp(txn, dbi, &last, &key) >= 0) {
            break;
        }
        last = key;
        rows++;
    }
    mdb_cursor_close(cursor);
    if (rc == MDB_NOTFOUND) {
        return rows == stat.ms_entries ? 0 : MDB_CORRUPTED;
    }
    return rc == 0 ? MDB_CORRUPTED : rc;
}

/* A commit writes its meta page before the shared number, so the file may be one ahead. */
bool store_is_a_pair(MDB_env *env, MDB_txn *txn)
{
    MDB_envinfo info;
    uint64_t before = mdb_txn_id(txn);
    if (mdb_env_info(env, &info) != 0) {
        return false;
    }
    mdb_txn_reset(txn);
    return mdb_txn_renew(txn) == 0 && info.me_last_txnid >= before &&
           info.me_last_txnid <= mdb_txn_id(txn) + 1;
}

/* The child's work. Its exit closes all that it opened. */
static struct store_survey survey_all(const char *path, enum store_kind kind, bool alone)
{
    char lock[PATH_MAX];
    /* Without a lock file no process has the store open. The survey makes none, since the store may
     * turn out to be damaged. */
    bool unlocked =
        alone || (store_path(lock, path, "lock.mdb", NULL) == RESULT_OK && access(lock, F_OK) != 0);
    MDB_env *env;
    MDB_txn *txn;
    int dead;
    int rc = store_env_open(&env, path, MDB_RDONLY | (unlocked ? MDB_NOLOCK : 0), STORE_MAP_READER);
    if (rc == 0) {
        rc = unlocked ? 0
                      /* dead readers may fill all slots */
                      : mdb_reader_check(env, &dead);
    }
    if (rc == 0) {
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    }
    if (rc != 0) {
        return (struct store_survey){ .result = store_translate(rc), .rc = rc };
    }
    struct store_survey survey = { .result = RESULT_STALE };
    if (store_is_a_pair(env, txn)) {
        survey = store_format(txn, kind);
    }
    for (int table = 0; survey.result == RESULT_OK && rc == 0 && table < TABLE_COUNT; table++) {
        MDB_dbi dbi;
        if (store_has_table(kind, (enum store_table)table) &&
            store_table_since((enum store_table)table) <= survey.schema) {
            rc = mdb_dbi_open(txn, store_table_name((enum store_table)table), 0, &dbi);
            rc = rc == 0 ? walk(txn, dbi) : rc;
        }
    }
    if (survey.result == RESULT_OK && rc == 0) {
        rc = walk(txn, STORE_FREE_DBI);
    }
    if (rc != 0) {
        survey = (struct store_survey){ .result = RESULT_DAMAGED, .rc = rc };
    }
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return survey;
}

/* The signals by which a damaged file kills the child. SIGALRM: it loops. */
static const int deadly[] = { SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGALRM };

static bool is_deadly(int number)
{
    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        if (deadly[i] == number) {
            return true;
        }
    }
    return false;
}

static _Noreturn void survey_child(int fd, const char *path, enum store_kind kind, bool alone)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        (void)signal(deadly[i], SIG_DFL);
    }
    struct rlimit no_core = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &no_core);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDERR_FILENO); /* LMDB's assertions */
    }
    (void)alarm(SURVEY_TIMEOUT_S);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct store_survey survey = survey_all(path, kind, alone);
    _exit(write(fd, &survey, sizeof(survey)) == (ssize_t)sizeof(survey) ? 0 : 1);
}

/* A child that dies says DAMAGED. */
static struct store_survey survey(const char *path, enum store_kind kind, bool alone)
{
    struct store_survey found = store_look_at_head(path);
    if (found.result != RESULT_OK) {
        return found;
    }
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return (struct store_survey){ .result = RESULT_SYSTEM, .rc = errno };
    }
    pid_t child = fork();
    if (child == 0) {
        survey_child(fds[1], path, kind, alone);
    }
    int error = errno, status = 0;
    (void)close(fds[1]);
    ssize_t got = -1;
    while (child > 0 && (got = read(fds[0], &found, sizeof(found))) < 0 && errno == EINTR) {
    }
    (void)close(fds[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0) {
        return (struct store_survey){ .result = RESULT_SYSTEM, .rc = error };
    }
    if (got == (ssize_t)sizeof(found)) {
        return found;
    }
    /* Another signal ended the child (and will end us, too): that says nothing about the store. */
    bool stopped = WIFSIGNALED(status) && !is_deadly(WTERMSIG(status));
    return stopped ? (struct store_survey){ .result = RESULT_SYSTEM, .rc = EINTR }
                   : (struct store_survey){ .result = RESULT_DAMAGED };
}

struct store_survey store_survey(const char *path, enum store_kind kind)
{
    return survey(path, kind, false);
}

struct store_survey store_survey_new(const char *path, enum store_kind kind)
{
    return survey(path, kind, true);
}

enum result store_inspect(const char *state_dir, enum store_kind kind, bool *as_is,
                          struct diag *diag)
{
    char path[PATH_MAX], lock[PATH_MAX];
    TRY(store_path(path, state_dir, store_kind_text(kind), diag));
    TRY(store_path(lock, path, "lock.mdb", diag));
    struct store_survey found = store_survey(path, kind);
    TRY(store_explain(diag, &found, path));
    *as_is = store_is_readable(kind, found.schema) && access(lock, F_OK) == 0;
    return RESULT_OK;
}
