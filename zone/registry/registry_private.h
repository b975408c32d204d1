/* Inside the registry: what its files share. */
#ifndef ZONE_REGISTRY_PRIVATE_H
#define ZONE_REGISTRY_PRIVATE_H

#include "zone/registry/registry.h"

/* Rows of TABLE_SETTINGS that are no settings start with a dot. */
#define REGISTRY_APEX    ".apex"    /* wire form */
#define REGISTRY_PRIMARY ".primary" /* wire form */
#define REGISTRY_SERIAL  ".serial"  /* u32 */
#define REGISTRY_NEXT_ID ".next-id" /* u64 */
#define REGISTRY_ID      ".id"      /* REGISTRY_ID_LEN octets */
/* name servers in wire form, each with a count of addresses (u8) and 16 octets of each */
#define REGISTRY_DELEGATION ".delegation"

/* registry.c */
enum result registry_damaged(struct diag *diag, const char *what);
/* The same, or NEWER: a row that reading failed at with `result`. */
enum result registry_unreadable(struct diag *diag, enum result result, const char *what);
/* The result of a write, with a line if it failed. */
enum result registry_written(struct diag *diag, enum result result);
/* The octets of a row of TABLE_SETTINGS, copied to `data`. */
enum result registry_row(struct store_txn *txn, const char *name, uint8_t *data, size_t room,
                         struct reader *out);
enum result registry_put(struct store_txn *txn, enum store_table table, const void *key,
                         size_t key_len, const struct writer *value, struct diag *diag);
enum result registry_put_text(struct store_txn *txn, const char *name, const char *value,
                              struct diag *diag);
/* A row of TABLE_SETTINGS with a name in wire form. */
enum result registry_put_name(struct store_txn *txn, const char *row, const struct dname *name,
                              struct diag *diag);
/* What each change ends with, short of the commit: the serial and the journal. */
enum result registry_finish(struct store_txn *txn, uint64_t now, struct diag *diag);
/* Gives the registry an id. */
enum result registry_put_id(struct store_txn *txn, struct diag *diag);
enum result registry_apex(struct store_txn *txn, struct dname *out, struct diag *diag);

/* registry_servers.c: `set` is for a new zone. REFUSED for what can't be a name server of the
 * apex. */
enum result registry_check_server(const struct name_server *ns, const struct dname *apex,
                                  struct diag *diag);
enum result registry_set_servers(struct store_txn *txn, const struct name_servers *servers,
                                 struct diag *diag);

/* registry_owners.c: no address and no target may belong to a member of another label. `kept` is
 * the target it has already, and may go on to have. */
enum result registry_check_owners(struct store_txn *txn, const struct member *member,
                                  const struct dname *kept, struct diag *diag);
/* Nothing if it has an owner. */
enum result registry_enter_target(struct store_txn *txn, const struct member *member,
                                  struct diag *diag);
/* Two members may have one target from before that was refused: the row is the other's then. */
enum result registry_drop_target(struct store_txn *txn, const struct member *member);
/* Enters the owner of each target, as programs of registry 2 did not. */
enum result registry_index_targets(struct store_txn *txn, struct diag *diag);

/* registry_changes.c: notes that the node at a key is not what it was, and that all of a
 * transaction is noted. */
enum result registry_note(struct store_txn *txn, const struct dname_key *key);
enum result registry_close_journal(struct store_txn *txn);
/* Notes that any name may have changed. */
enum result registry_note_all(struct store_txn *txn);

/* registry_names.c */
enum result registry_put_node(struct store_txn *txn, const struct dname_key *key,
                              const struct node *node, struct diag *diag);
enum result registry_delete_node(struct store_txn *txn, const struct dname_key *key);
/* True in `*out` if a node stands at or under the key. */
enum result registry_occupied(struct store_txn *txn, const struct dname_key *key, bool *out);
/* The key of <first>.<second>.<apex> (`first` may be NULL); both are lower case and free of 00 and
 * 01. */
struct dname_key registry_key_of(const char *second, const char *first);

/* registry_regions.c: a member with a country brings the names of its country and continent, the
 * last one takes them away. */
enum result registry_enter_regions(struct store_txn *txn, const char *country, struct diag *diag);
enum result registry_leave_regions(struct store_txn *txn, const char *country, struct diag *diag);
/* True for the names at and under _ntske._tcp of a region, whether it has members or not. */
bool registry_is_regional(const struct dname_key *key);

#endif
