/* The audit trail: what operators changed, when, who and from where. It is a table of the registry,
 * so an entry is committed with the change that it tells of, or by itself right after a change of
 * another store. It never holds a secret. The oldest entry goes when there are AUDIT_MAX. */
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
    char who[AUDIT_WHO_ROOM];         /* user of the machine */
    char from[AUDIT_FROM_ROOM];       /* address of the ssh client, or terminal; may be empty */
    char command[AUDIT_COMMAND_ROOM]; /* "member set" */
    char subject[AUDIT_SUBJECT_ROOM]; /* member, setting, name ...; may be empty */
    char change[AUDIT_CHANGE_ROOM];   /* "country NL -> DE"; may be empty */
};

/* Appends one to the registry of the write transaction. */
enum result audit_add(struct store_txn *txn, const struct audit_entry *entry);

/* All entries, oldest first. The visitor ends it with a result other than OK. */
typedef enum result audit_visit(const struct audit_entry *entry, void *arg);
enum result audit_each(struct store_txn *txn, audit_visit *visit, void *arg);

#endif
