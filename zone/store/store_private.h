/* Inside the store: what its files share. No other file includes this, so that none sees LMDB. */
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
    STORE_FREE_DBI = 0     /* LMDB's list of free pages */
};

/* The row of TABLE_META that says what the store is. */
#define STORE_FORMAT_KEY "format"
#define STORE_MAGIC      "ntspool" /* with its NUL */

struct store {
    MDB_env *env;
    enum store_kind kind;
    bool writable;
    MDB_dbi dbi[TABLE_COUNT];
    /* Of what follows, and held while the map moves or another environment takes its place. */
    pthread_mutex_t lock;
    unsigned txns;           /* transaction objects of this process, */
    struct store_txn *first; /* which are listed here */
    bool map_lost;
    uint64_t map_bytes;    /* reserved at open */
    uint64_t origin;       /* what store_version adds to LMDB's number */
    struct stat lock_file; /* as opened; st_ino 0: there is none */
    /* nobody may enter a snapshot: another environment is about to be opened */
    atomic_bool closing;
    char path[PATH_MAX];
};

struct store_txn {
    struct store *store;
    struct store_txn *previous, *next;
    MDB_txn *txn;       /* NULL: the environment was lost (store_reopen) */
    atomic_bool inside; /* it has a snapshot or is about to */
    uint64_t number;    /* of the last commit that it saw */
    bool writing, resting, changed;
    int failed; /* first error of a write: LMDB only reports that the transaction is bad later */
    MDB_cursor *cursors[TABLE_COUNT];
    bool placed[TABLE_COUNT]; /* the cursor belongs to the current snapshot */
};

/* What looking at a store came to. */
struct store_survey {
    enum result result;
    int rc; /* LMDB's or errno */
    uint32_t schema;
};

/* For LMDB's functions, which take what they only read as void *. */
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
/* The schema that a store of this kind has now, and the one in which it got the table. */
uint32_t store_schema(enum store_kind kind);
uint32_t store_table_since(enum store_table table);
/* True for schemas that have all tables, so that who only reads needs nobody to migrate them. */
bool store_is_readable(enum store_kind kind, uint32_t schema);
enum result store_translate(int rc);
/* The line for a person that goes with an error of LMDB or the system. */
enum result store_fail(struct diag *diag, const char *path, int rc, const char *doing);
/* No more address space than a share of what the process may have. */
size_t store_map_bound(uint64_t wanted);
/* Doubles the map until it is at most 70 % full. Nobody in this process may have a transaction. */
int store_grow(struct store *store);

/* store_open.c */
enum result store_open_at(struct store **out, const char *path, enum store_kind kind, bool writable,
                          uint64_t map_bytes, struct diag *diag);
/* Brings the rows of an older schema to that of now. */
enum result store_take_steps(struct store_txn *txn, struct diag *diag);
/* Frees it without its environment. */
void store_free(struct store *store);

/* store_replace.c */
/* Notes which lock file it has. */
void store_note_lock(struct store *store);

/* store_survey.c */
enum result store_path(char out[PATH_MAX], const char *dir, const char *name, struct diag *diag);
int store_env_open(MDB_env **out, const char *path, unsigned flags, uint64_t map);
/* Reads the format row. MISSING for a file without any table: its creation was interrupted. */
struct store_survey store_format(MDB_txn *txn, enum store_kind kind);
/* True if the number of the last commit, which all users of lock.mdb share, is of this data file
 * (design note in store_replace.c). Begins the reader's transaction anew. */
bool store_is_a_pair(MDB_env *env, MDB_txn *txn);
/* Looks at the whole store without putting this process at risk. A child that dies says DAMAGED. */
struct store_survey store_survey(const char *path, enum store_kind kind);
/* The same for a file that takes the place of one this process has open, whose locks it must leave
 * alone. */
struct store_survey store_survey_new(const char *path, enum store_kind kind);
/* The line for a person, and the survey's result. */
enum result store_explain(struct diag *diag, const struct store_survey *survey, const char *path);

#endif
