/* Shared by the files of the store only, so that no other file sees LMDB. */
#ifndef ZONE_STORE_PRIVATE_H
#define ZONE_STORE_PRIVATE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include <lmdb.h>

#include "zone/store/store.h"

enum {
    STORE_FORMAT_LEN = 13, /* magic[8], kind u8, schema u32 */
    STORE_FREE_DBI = 0     /* LMDB's table of free pages */
};

/* The row of TABLE_META that identifies the store. */
#define STORE_FORMAT_KEY "format"
#define STORE_MAGIC      "ntspool" /* with its NUL */

struct store {
    MDB_env *env;
    enum store_kind kind;
    bool writable;
    MDB_dbi dbi[TABLE_COUNT];
    /* Guards the fields below. Held while the map moves or the environment is replaced. */
    pthread_mutex_t lock;
    unsigned txns;           /* transaction objects of this process */
    struct store_txn *first; /* list of them */
    bool map_lost;           /* the map could not be moved; no transaction may begin */
    uint64_t map_bytes;      /* reserved at open */
    uint64_t origin;         /* added to LMDB's number by store_version */
    struct stat lock_file;   /* when opened; st_ino 0: none */
    /* no thread may begin a snapshot: the environment is about to be replaced */
    atomic_bool closing;
    char path[PATH_MAX];
};

struct store_txn {
    struct store *store;
    struct store_txn *previous, *next;
    MDB_txn *txn;       /* NULL: the environment could not be reopened (store_reopen) */
    atomic_bool inside; /* has a snapshot or is about to begin one */
    uint64_t number;    /* of the last commit that it saw */
    bool writing, resting, changed;
    store_note *note; /* NULL: nobody wants to know of writes */
    void *note_arg;
    int failed; /* first error of a write: later LMDB says only that the transaction is bad */
    MDB_cursor *cursors[TABLE_COUNT];
    bool placed[TABLE_COUNT]; /* the cursor belongs to the present snapshot */
};

/* The result of a check of a store. */
struct store_survey {
    enum result result;
    int rc; /* LMDB's or errno */
    uint32_t schema;
};

/* What a store's files look like at one moment (store_voucher.c). */
struct voucher {
    char line[158];
    struct timespec changed; /* when data.mdb changed last */
};

/* LMDB's functions take data that they only read as void *. */
static inline MDB_val store_val(const void *data, size_t len)
{
    union {
        const void *in;
        void *out;
    } pointer = { .in = data };
    return (MDB_val){ len, pointer.out };
}

/* store.c */
bool store_has_table(enum store_kind kind, enum store_table table);
const char *store_table_name(enum store_table table);
/* The schema that added a table. */
uint32_t store_table_since(enum store_table table);
/* True if a reader can use this schema without a migration: it has all tables. */
bool store_is_readable(enum store_kind kind, uint32_t schema);
enum result store_translate(int rc);
/* Explains an error of LMDB or the system. */
enum result store_fail(struct diag *diag, const char *path, int rc, const char *doing);
/* At most a sixteenth of the address space that the process may have. */
size_t store_map_bound(uint64_t wanted);
/* Doubles the map until it is at most 70 % full. This process must have no transaction. */
int store_grow(struct store *store);

/* store_open.c */
enum result store_open_at(struct store **out, const char *path, enum store_kind kind, bool writable,
                          uint64_t map_bytes, struct diag *diag);
/* Migrates the rows of an older schema to the present one. */
enum result store_take_steps(struct store_txn *txn, struct diag *diag);
/* Frees the struct, but not its environment. */
void store_free(struct store *store);

/* store_replace.c */
/* Notes which lock file the store has. */
void store_note_lock(struct store *store);

/* store_survey.c */
enum result store_path(char out[PATH_MAX], const char *dir, const char *name, struct diag *diag);
int store_env_open(MDB_env **out, const char *path, unsigned flags, uint64_t map);
/* Reads the format row. MISSING for a file without tables: its creation was interrupted. */
struct store_survey store_format(MDB_txn *txn, enum store_kind kind);
/* True if lock.mdb, in which all processes share the number of the last commit, belongs to this
 * data file (design note in store_replace.c). Renews the read transaction. */
bool store_is_a_pair(MDB_env *env, MDB_txn *txn);
/* Checks the whole store in a child process. DAMAGED if the child dies. */
struct store_survey store_survey(const char *path, enum store_kind kind);
/* The same for a file that replaced the one this process has open: the check must not touch its
 * locks. */
struct store_survey store_survey_new(const char *path, enum store_kind kind);
/* Judges the file by its first octets, without LMDB, so that a foreign file is not touched. */
struct store_survey store_look_at_head(const char *path);
/* Explains the survey's findings; returns its result. */
enum result store_explain(struct diag *diag, const struct store_survey *survey, const char *path);

/* store_voucher.c */
/* True if the store was read whole since the machine's last boot, and only commits have changed it
 * since. Its schema is the present one. */
bool store_voucher_holds(const char *path, enum store_kind kind);
/* To vouch for a store: look, read it whole, then write what was seen, which does nothing if it
 * looks different now. False if it can't be vouched for. */
bool store_voucher_look(const char *path, enum store_kind kind, struct voucher *out);
void store_voucher_write(const char *path, enum store_kind kind, const struct voucher *seen);
/* Around a commit: `keep` returns what `renew` takes. `committed`: the commit went well. */
int store_voucher_keep(const char *path, enum store_kind kind);
void store_voucher_renew(int kept, const char *path, enum store_kind kind, bool committed);

#endif
