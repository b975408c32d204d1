/* Shared by the files of the registry only. */
#ifndef ZONE_REGISTRY_PRIVATE_H
#define ZONE_REGISTRY_PRIVATE_H

#include "zone/registry/registry.h"

/* Rows of TABLE_SETTINGS that are not settings start with a dot. */
#define REGISTRY_APEX       ".apex"       /* wire form */
#define REGISTRY_PRIMARY    ".primary"    /* wire form */
#define REGISTRY_SERIAL     ".serial"     /* u32 */
#define REGISTRY_NEXT_ID    ".next-id"    /* u64 */
#define REGISTRY_ID         ".id"         /* REGISTRY_ID_LEN octets */
#define REGISTRY_KEY_LEADER ".key-leader" /* name of a machine */
#define REGISTRY_BEGAN      ".began"      /* u64: the ledger's epoch began after that change */
/* name servers in wire form, each with a count of addresses (u8) and 16 octets of each */
#define REGISTRY_DELEGATION ".delegation"

/* registry.c */
enum result registry_damaged(struct diag *diag, const char *what);
/* A row that could not be read because of `result`: NEWER, or else DAMAGED. */
enum result registry_unreadable(struct diag *diag, enum result result, const char *what);
/* Explains a failed write; returns `result`. */
enum result registry_written(struct diag *diag, enum result result);
/* The octets of a row of TABLE_SETTINGS, copied to `data`. */
enum result registry_row(struct store_txn *txn, const char *name, uint8_t *data, size_t room,
                         struct reader *out);
enum result registry_apex(struct store_txn *txn, struct dname *out, struct diag *diag);
/* The apex of the zone that is being changed. */
enum result registry_zone(struct registry_change *change, const struct dname **out);
enum result registry_put(struct registry_change *change, enum store_table table, const void *key,
                         size_t key_len, const struct writer *value);
/* A row of TABLE_SETTINGS. */
enum result registry_put_row(struct registry_change *change, const char *name,
                             const struct writer *value);
enum result registry_put_text(struct registry_change *change, const char *name, const char *value);
/* A row of TABLE_SETTINGS with a name in wire form. */
enum result registry_put_name(struct registry_change *change, const char *row,
                              const struct dname *name);
/* The value of a setting. */
enum result registry_put_setting(struct registry_change *change, const struct settings *settings,
                                 const char *name);
/* Gives the registry an id. */
enum result registry_put_id(struct registry_change *change);
/* The end of a change that is served, short of the commit: raises the serial, saves the log. */
enum result registry_finish(struct registry_change *change);

/* registry_servers.c. REFUSED if `ns` can't be a name server of the apex. */
enum result registry_check_server(const struct name_server *ns, const struct dname *apex,
                                  struct diag *diag);
/* For a new zone. */
enum result registry_set_servers(struct registry_change *change,
                                 const struct name_servers *servers);

/* registry_tombstones.c. REFUSED if the label is quarantined and the operator is another one. */
enum result registry_check_quarantine(struct registry_change *change, const struct member *member);
enum result registry_put_tombstone(struct registry_change *change, const char *label,
                                   const struct tombstone *tombstone);

/* registry_members.c: a label as the keys of the tables have it, in lower case. False if it can't
 * be a label. */
bool registry_label(char out[LABEL_ROOM], const char *label);
/* The member as it is, without any check: its row and all that follows from it. */
enum result registry_enter_member(struct registry_change *change, const struct member *member);
/* Undoes registry_enter_member but for the row. */
enum result registry_leave_member(struct registry_change *change, const struct member *member);

/* registry_owners.c. EXISTS if an address or the target belongs to another member. The member may
 * go on with its present target, `kept`. */
enum result registry_check_owners(struct registry_change *change, const struct member *member,
                                  const struct dname *kept);
/* Makes the member the owner of its target, unless the target has one. */
enum result registry_enter_target(struct registry_change *change, const struct member *member);
/* Two members may share a target that they got before this was refused: then the row is the other
 * member's and stays. */
enum result registry_drop_target(struct store_txn *txn, const struct member *member);
/* Enters the owners of all targets, which programs of schema 2 did not do. */
enum result registry_index_targets(struct registry_change *change);

/* registry_changes.c. Notes that the node at a key changed. */
void registry_note(struct registry_change *change, const struct dname_key *key);
/* Notes that any name may have changed. */
void registry_note_all(struct registry_change *change);
enum result registry_save_log(struct registry_change *change);

/* registry_names.c */
enum result registry_put_node(struct registry_change *change, const struct dname_key *key,
                              const struct node *node);
/* NOT_FOUND if there is none. */
enum result registry_delete_node(struct registry_change *change, const struct dname_key *key);
/* True in `*out` if a node stands at or under the key. */
enum result registry_occupied(struct store_txn *txn, const struct dname_key *key, bool *out);
/* The key of a node from its row's; false if the octets are none. */
bool registry_key_of_row(struct dname_key *out, const uint8_t *data, size_t len);
/* The key of <label>.<apex>; the label is lower case. */
struct dname_key registry_key_of(const char *label);

/* registry_regions.c. The first member with a country adds the names of its country and continent,
 * the last one removes them. */
enum result registry_enter_regions(struct registry_change *change, const char *country);
enum result registry_leave_regions(struct registry_change *change, const char *country);
/* True for the names at and under _ntske._tcp of a region, whether it has members or not. */
bool registry_is_regional(const struct dname_key *key);

/* registry_whoami.c. True if a NODE_WHOAMI stands at the key. */
bool registry_is_whoami(struct store_txn *txn, const struct dname_key *key);
/* Adds or removes the NODE_WHOAMI, as the setting says. REFUSED if the name has static records. */
enum result registry_put_whoami(struct registry_change *change, bool on);

#endif
