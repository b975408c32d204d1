/* The feed: what probes need to know of a pool, in one file, <state>/feed/members. The pool's
 * programs write it, each time whole and by rename; probes read it with read(2), here or on another
 * machine that it was copied to.
 *
 * It holds the pool's name, the registry's id, the settings, the vantage points and the members,
 * each in its store's layout. A digest (BLAKE2b) of all of it stands at the end, so that a copy
 * that is cut or mixed is seen. */
#ifndef ZONE_FEED_H
#define ZONE_FEED_H

#include "zone/registry/registry.h"

#define FEED_DIR  "feed" /* in the state directory */
#define FEED_FILE "members"

enum {
    FEED_MAX = 1 << 30 /* octets, of which a million members take less than half */
};

struct feed {
    uint8_t registry[REGISTRY_ID_LEN];
    uint64_t version; /* store_version of what it was made from */
    struct settings settings;
    struct vantage_keys vantages;
    size_t member_count;
    /* In order of label. What is the operator's own matter is left out. */
    struct member *members;
};

/* Writes the file from a read transaction, unless what is there says the same. The directory is
 * made where it is missing. */
enum result feed_publish(const char *state_dir, struct store_txn *registry, struct diag *diag);
/* MISSING, DAMAGED, NEWER, TOO_LONG or SYSTEM with what to do. */
enum result feed_read(struct feed **out, const char *state_dir, struct diag *diag);
void feed_free(struct feed *feed);

/* Tells whether another file is there, or none any more, by its number, size and time. All 0:
 * none. */
struct feed_mark {
    uint64_t device, inode, size, modified_ns;
};
/* Like no file, so that the next one is another. */
static const struct feed_mark feed_mark_none = { .size = UINT64_MAX };
bool feed_changed(struct feed_mark *mark, const char *state_dir);

#endif
