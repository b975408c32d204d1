/* state/registry: the pool as its operator wants it.
 *
 * A write transaction is one change (struct registry_change), however many members or records it
 * touches: registry_begin starts it, registry_commit ends it and raises the serial. Functions that
 * only read take the transaction. A change that failed must be given up (store_abort). */
#ifndef ZONE_REGISTRY_H
#define ZONE_REGISTRY_H

#include "zone/registry/member.h"
#include "zone/registry/node.h"
#include "zone/registry/settings.h"
#include "zone/registry/vantage_name.h"
#include "zone/store/store.h"

enum {
    REGISTRY_NS_MAX = 8
};

/* A name server: under the apex and with addresses, or outside the zone and without. */
struct name_server {
    struct dname name;
    uint8_t address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
};

struct name_servers {
    size_t count;
    struct name_server list[REGISTRY_NS_MAX];
};

struct tombstone {
    uint64_t removed_at, quarantined_until;   /* Unix seconds */
    char operator_name[MEMBER_OPERATOR_ROOM]; /* may use the label again before that */
    bool kept; /* `member` is the removed member; false for a tombstone of schema 2 */
    struct member member;
};

enum {
    REGISTRY_CHANGES_MAX = 240,
    REGISTRY_TOMBSTONE_S = 2 * 86400, /* it stays at least so long, for contacts to be told */
    REGISTRY_PURGE_MAX = 1000         /* a change deletes at most so many */
};

/* The names that the last commits changed, for readers that cache answers (registry_changes). */
struct change_log {
    uint64_t last;  /* version of the last commit */
    uint64_t floor; /* changes up to this version are forgotten */
    size_t count;
    struct change_log_entry {
        uint64_t version, hash;
    } list[REGISTRY_CHANGES_MAX]; /* oldest first */
};

/* One write transaction. All fields but `diag` are the registry's own. */
struct registry_change {
    struct store_txn *txn;
    uint64_t now;      /* Unix seconds */
    struct diag *diag; /* gets the reason of a failure; may be NULL */
    struct dname apex; /* read when first needed; length 0 until then */
    struct change_log log;
    uint64_t purged_at; /* `now` if the old tombstones are deleted */
};

/* Starts a change in a write transaction. */
void registry_begin(struct registry_change *out, struct store_txn *txn, uint64_t now,
                    struct diag *diag);
/* Commits: the SOA serial moves on (RFC 1982), at least to `now`. Ends the transaction in any
 * case. */
enum result registry_commit(struct registry_change *change);
/* Commits a change that is not served, such as an entry of the audit trail: the serial stays. */
enum result registry_commit_beside(struct registry_change *change);

/* Fills the registry of a new zone. `settings` has apex, mailbox and the rest. */
enum result registry_init(struct registry_change *change, const struct settings *settings,
                          const struct name_server *ns, size_t ns_count);
/* Values that must not go back when an older registry takes the place of this one. */
struct registry_marks {
    bool there; /* false: there was no zone */
    struct dname apex;
    uint32_t serial;
    uint64_t next_id;
};
enum result registry_marks(struct store_txn *txn, struct registry_marks *out, struct diag *diag);
/* To be called after all rows were replaced, before registry_commit. The serial does not go back,
 * ids of members that were added since the backup are not reused, and readers drop all cached
 * answers. REFUSED if the backup is of another zone. */
enum result registry_restored(struct registry_change *change, const struct registry_marks *before);
/* MISSING if the registry holds no zone. */
enum result registry_settings(struct store_txn *txn, struct settings *out, struct diag *diag);
/* Visits the names of settings of a later version, which this one ignores. */
typedef void registry_setting_visit(const char *name, void *arg);
enum result registry_unknown_settings(struct store_txn *txn, registry_setting_visit *visit,
                                      void *arg);
enum result registry_set(struct registry_change *change, const char *name, const char *value);
/* Sets several settings, and then checks all against each other. */
struct setting_change {
    const char *name, *value;
};
enum result registry_set_all(struct registry_change *change, const struct setting_change *changes,
                             size_t count);
/* The zone's name servers in canonical order of their NS; those in the zone with their addresses.
 */
enum result registry_servers(struct store_txn *txn, struct name_servers *out, struct diag *diag);
/* NULL if there is none of that name. */
const struct name_server *name_servers_find(const struct name_servers *servers,
                                            const struct dname *name);
bool name_server_has(const struct name_server *server, const struct address *address);
/* Adds a name server. One in the zone needs addresses; if `ns` has none, those of static records at
 * its name count. EXISTS, or REFUSED with the reason. */
enum result registry_server_add(struct registry_change *change, const struct name_server *ns);
/* Replaces the addresses of a name server in the zone. */
enum result registry_server_set(struct registry_change *change, const struct name_server *ns);
/* Removes a name server with its addresses, but never the last one. If it was the SOA's primary,
 * another takes its place. */
enum result registry_server_remove(struct registry_change *change, const struct dname *name);
/* The name servers that the parent zone has, as the operator confirmed (registry_delegation_seen).
 */
enum result registry_delegation(struct store_txn *txn, struct name_servers *out, struct diag *diag);
/* Notes that the parent zone has the present name servers. */
enum result registry_delegation_seen(struct registry_change *change);

/* Migrates schema 1 to the present one: adds the names of all regions with members, raises the
 * serial. */
enum result registry_migrate_1(struct store_txn *txn, uint64_t now, struct diag *diag);
/* Migrates schema 2: the registry gets its id, and all targets their owners. */
enum result registry_migrate_2(struct store_txn *txn, uint64_t now, struct diag *diag);

enum {
    REGISTRY_ID_LEN = 16
};
/* The random id of the registry, made by registry_init. A copy has the same id. */
enum result registry_id(struct store_txn *txn, uint8_t out[REGISTRY_ID_LEN], struct diag *diag);

/* A vantage point that the operator has named. Only reports signed with its key count. */
struct vantage_key {
    char name[VANTAGE_ROOM];
    uint8_t key[VANTAGE_KEY_LEN]; /* Ed25519 */
    uint64_t added_at;
    /* when the operator last released its frozen verdicts (zone/verdicts/vantage.h); 0: never */
    uint64_t released_at;
};

struct vantage_keys {
    unsigned count;
    struct vantage_key list[VANTAGES_MAX]; /* in order of name */
};

/* NULL if there is none of that name. */
const struct vantage_key *vantage_keys_find(const struct vantage_keys *keys, const char *name);

/* NOT_FOUND if the operator has not named it. */
enum result registry_vantage(struct store_txn *txn, const char *name, struct vantage_key *out);
/* Adds or replaces one. FULL if there are VANTAGES_MAX others; EXISTS if another has the key. */
enum result registry_put_vantage(struct registry_change *change, const struct vantage_key *key);
enum result registry_remove_vantage(struct registry_change *change, const char *name);
enum result registry_vantages(struct store_txn *txn, struct vantage_keys *out, struct diag *diag);

enum result registry_member(struct store_txn *txn, const char *label, struct member *out);
/* Adds `member` with its name (draft-ladd-nts-for-the-ntp-pool 6); sets its id and times, also in
 * the caller's copy. EXISTS or REFUSED with the reason: the label is in use, reserved or
 * quarantined (the same non-empty operator may return), or an address is in use. */
enum result registry_add(struct registry_change *change, struct member *member, bool allow_private);
/* Replaces the member of that label. Its id and added_at stay. */
enum result registry_update(struct registry_change *change, const struct member *member,
                            bool allow_private);
/* Removes the member and its name, so that its certificate can't be renewed
 * (draft-ladd-nts-for-the-ntp-pool 6), and leaves a tombstone. Also deletes old tombstones. */
enum result registry_remove(struct registry_change *change, const char *label,
                            uint64_t quarantined_until);
typedef enum result member_visit(const struct member *member, void *arg);
enum result registry_each(struct store_txn *txn, member_visit *visit, void *arg);
enum result registry_tombstone(struct store_txn *txn, const char *label, struct tombstone *out);
typedef enum result tombstone_visit(const char *label, const struct tombstone *tombstone,
                                    void *arg);
enum result registry_tombstones(struct store_txn *txn, tombstone_visit *visit, void *arg);
/* True if there are tombstones whose quarantine is over, and that are REGISTRY_TOMBSTONE_S old. */
bool registry_has_old_tombstones(struct store_txn *txn, uint64_t now);
/* Deletes REGISTRY_PURGE_MAX of them. Each tombstone is read, so this is done once in a change. */
enum result registry_purge_tombstones(struct registry_change *change);
/* Restores a removed member with its id, if its label and addresses are free. A time to leave that
 * is over is forgotten. */
enum result registry_restore(struct registry_change *change, const char *label, struct member *out);

/* The node at a key. It points into `buffer` (NODE_ENCODED_MAX octets). NOT_FOUND also for empty
 * non-terminals. */
enum result registry_node(struct store_txn *txn, const struct dname_key *key, uint8_t *buffer,
                          struct node *out);
/* The node's row for node_decode: `*len` octets in `buffer`. */
enum result registry_node_row(struct store_txn *txn, const struct dname_key *key, uint8_t *buffer,
                              size_t *len);
/* The key of the nearest node in the direction of `seek`. NOT_FOUND at the ends. */
enum result registry_near_key(struct store_txn *txn, enum store_seek seek,
                              const struct dname_key *key, struct dname_key *found);
/* The names that changed after the snapshot of version `since`, so that a reader need not drop all
 * cached answers: hashes (dname_key_hash) of the keys of nodes that were added, changed or removed,
 * and of the nodes right before those added or removed, since their NSEC changed. NOT_FOUND if this
 * is unknown: too long ago, or too many names. */
enum result registry_changes(struct store_txn *txn, uint64_t since,
                             uint64_t out[REGISTRY_CHANGES_MAX], size_t *count);
/* Visits all nodes in canonical order. */
typedef enum result node_visit(const struct dname_key *key, const struct node *node, void *arg);
enum result registry_nodes(struct store_txn *txn, node_visit *visit, void *arg);

/* OK if `name` may own static records of the type. REFUSED with the reason for names of members and
 * of the service, and for records that the server makes or does not support (SOA, NS, DNSSEC types,
 * DNAME, wildcards, delegations). */
enum result registry_record_check(struct store_txn *txn, const struct dname *name, uint16_t type,
                                  struct diag *diag);
/* Replaces an RRset of static records at `name`, or removes it if set->count is 0. INVALID if the
 * rdata does not fit the type. REFUSED as above, and if a CNAME would have other data beside it
 * (RFC 1034 3.6.2). NOT_FOUND if there is no such RRset to remove. */
enum result registry_record_set(struct registry_change *change, const struct dname *name,
                                const struct rrset *set);

#endif
