/* The feed: all that probes need to know of a pool, in one file, <state>/feed/members. The pool's
 * programs write it whole and rename it; probes read it with read(2), on this machine or on another
 * one that it was copied to.
 *
 * It holds the pool's name, the registry's id, the settings, the vantage points and the members,
 * each in the layout of its store. A digest (BLAKE2b) of everything is at the end, so that a
 * truncated or mixed copy is detected. */
#ifndef ZONE_FEED_H
#define ZONE_FEED_H

#include "zone/registry/registry.h"

#define FEED_DIR  "feed" /* in the state directory */
#define FEED_FILE "members"

enum {
    FEED_MAX = 1 << 30 /* octets; a million members take less than half */
};

struct feed {
    uint8_t registry[REGISTRY_ID_LEN];
    uint64_t version; /* store_version of the registry it was made from */
    struct settings settings;
    struct vantage_keys vantages;
    size_t member_count;
    /* In order of label. The operator's private data is left out. */
    struct member *members;
};

/* Makes its directory, for who may not do so later. feed_publish does it too. */
enum result feed_make_dir(const char *state_dir, struct diag *diag);
/* Writes the file from a read transaction, unless its content is the same. Creates the directory if
 * missing. */
enum result feed_publish(const char *state_dir, struct store_txn *registry, struct diag *diag);
/* MISSING, DAMAGED, NEWER, TOO_LONG or SYSTEM, with what to do. */
enum result feed_read(struct feed **out, const char *state_dir, struct diag *diag);
void feed_free(struct feed *feed);

/* Identifies a file, to tell when it was replaced or removed. All 0: no file. */
struct feed_mark {
    uint64_t device, inode, size, modified_ns;
};
/* Equal to no file, so that the next one counts as changed. */
static const struct feed_mark feed_mark_none = { .size = UINT64_MAX };
bool feed_changed(struct feed_mark *mark, const char *state_dir);

#endif
