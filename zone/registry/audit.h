/* The audit trail: what was changed, when, by whom and from where. It is a table of the registry,
 * so an entry is committed together with the change, or right after a change of another store.
 * Entries hold no secrets. The oldest entry is dropped when there are AUDIT_MAX. */
#ifndef ZONE_AUDIT_H
#define ZONE_AUDIT_H

#include "zone/store/store.h"

enum {
    AUDIT_MAX = 10000,
    AUDIT_WHO_ROOM = 64,
    AUDIT_FROM_ROOM = 64,
    AUDIT_COMMAND_ROOM = 32,
    AUDIT_SUBJECT_ROOM = 256,
    AUDIT_CHANGE_ROOM = 1024
};

struct audit_entry {
    uint64_t at;                      /* Unix seconds */
    char who[AUDIT_WHO_ROOM];         /* the user */
    char from[AUDIT_FROM_ROOM];       /* address of the ssh client, or terminal; may be empty */
    char command[AUDIT_COMMAND_ROOM]; /* "member set" */
    char subject[AUDIT_SUBJECT_ROOM]; /* member, setting, name ...; may be empty */
    char change[AUDIT_CHANGE_ROOM];   /* "country NL -> DE"; may be empty */
};

/* Appends an entry, in a write transaction of the registry. */
enum result audit_add(struct store_txn *txn, const struct audit_entry *entry);

/* Visits all entries, oldest first, until the visitor fails. */
typedef enum result audit_visit(const struct audit_entry *entry, void *arg);
enum result audit_each(struct store_txn *txn, audit_visit *visit, void *arg);

#endif
