/* Facts about a store for its operator: how full it is, who holds old snapshots, who may write it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "zone/store/store_private.h"

struct oldest {
    uint64_t commit;
    long pid;
};

/* A line of LMDB's table of readers is "pid thread commit". The commit is "-" for a reader without
 * a snapshot. */
static int take_reader(const char *line, void *arg)
{
    struct oldest *oldest = arg;
    char *rest = NULL;
    long pid = strtol(line, &rest, 10);
    rest += strspn(rest, " ");
    rest += strcspn(rest, " "); /* the thread */
    rest += strspn(rest, " ");
    if (*rest >= '0' && *rest <= '9') {
        uint64_t commit = strtoull(rest, NULL, 10);
        *oldest = commit < oldest->commit ? (struct oldest){ commit, pid } : *oldest;
    }
    return 0;
}

void store_usage(struct store *store, struct store_usage *out)
{
    MDB_envinfo info;
    MDB_stat stat;
    CHECK(mdb_env_info(store->env, &info) == 0 && mdb_env_stat(store->env, &stat) == 0);
    struct oldest oldest = { .commit = info.me_last_txnid };
    (void)mdb_reader_list(store->env, take_reader, &oldest);
    *out = (struct store_usage){
        .used_bytes = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize,
        .map_bytes = info.me_mapsize,
        .readers = info.me_numreaders,
        .readers_max = info.me_maxreaders,
        .oldest_behind = info.me_last_txnid - oldest.commit,
        .oldest_pid = oldest.pid,
    };
}

/* Finds the first of the files `names` (with a leading slash) in `directory` that every user may
 * write. */
static bool is_exposed(const char *state_dir, const char *directory, const char *const names[],
                       size_t count, char out[STORE_EXPOSED_ROOM])
{
    struct stat what;
    char path[PATH_MAX];
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(path, sizeof(path), "%s/%s%s", state_dir, directory, names[i]);
        if (len > 0 && (size_t)len < sizeof(path) && stat(path, &what) == 0 &&
            (what.st_mode & S_IWOTH) != 0) {
            (void)snprintf(out, STORE_EXPOSED_ROOM, "%.*s", STORE_EXPOSED_ROOM - 1, path);
            return true;
        }
    }
    return false;
}

bool store_exchange_exposed(const char *state_dir, char out[STORE_EXPOSED_ROOM])
{
    static const char *const of_feed[] = { "", "/members" }, *const of_probe[] = { "" };
    return is_exposed(state_dir, "feed", of_feed, 2, out) ||
           is_exposed(state_dir, "probe", of_probe, 1, out);
}

bool store_exposed(const char *state_dir, enum store_kind kind, char out[STORE_EXPOSED_ROOM])
{
    static const char *const names[] = { "", "/data.mdb", "/lock.mdb" };
    struct stat what;
    /* A user who may rename files in the state directory may put another store there. With the
     * sticky bit only the owner may. */
    if (stat(state_dir, &what) == 0 && (what.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH) {
        (void)snprintf(out, STORE_EXPOSED_ROOM, "%.*s", STORE_EXPOSED_ROOM - 1, state_dir);
        return true;
    }
    return is_exposed(state_dir, store_kind_text(kind), names, sizeof(names) / sizeof(names[0]),
                      out);
}
