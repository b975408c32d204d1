/* The notices that are due, as read from the stores, and what is noted of those that were told. */
#ifndef TOOLS_NOTICELIST_H
#define TOOLS_NOTICELIST_H

#include "tools/cli.h"
#include "zone/registry/registry.h"
#include "zone/verdicts/notice.h"

/* A member of which its contact should be told something, or a removed one. */
struct noticeitem {
    struct member member;
    struct notice_facts facts;
    struct notice_memory memory;
    unsigned due;       /* bits by enum notice */
    const char *reason; /* why it is in or out: one clause, static text */
    struct member_health health;
};

/* Start from `{ 0 }`, end with noticelist_done. */
struct noticelist {
    struct settings settings;
    uint64_t now;
    bool trusted;             /* verdicts are fresh, and none is held back */
    struct noticeitem *items; /* by contact, then by name */
    size_t count, room;
    uint64_t *known; /* ids of all members, removed ones included; ascending */
    size_t known_count, known_room;
    bool stale; /* there are rows of others */
};

/* Leaves out who was sent a mail lately. Opens the stores and closes them. */
enum result noticelist_read(struct noticelist *out, struct cli *cli);
/* Writes the memory as it is: a mail of which nothing can be noted must not be sent. Opens the
 * store and closes it. */
enum result noticelist_ready(const struct noticeitem *items, size_t count, struct cli *cli);
/* Notes that the contact of these items was told what is due, in the memory and in the logs of the
 * members. Opens the store and closes it. */
enum result noticelist_told(const struct noticelist *list, const struct noticeitem *items,
                            size_t count, struct cli *cli);
/* Deletes what is remembered of members that are gone. */
enum result noticelist_purge(const struct noticelist *list, struct cli *cli);
void noticelist_done(struct noticelist *list);

/* How many of the items from `first` on have its contact. */
size_t noticelist_same_contact(const struct noticelist *list, size_t first);
/* The ids of what is due, separated by commas. Returns `out`. */
enum {
    NOTICELIST_IDS_ROOM = 128
};
char *noticelist_ids(unsigned due, char out[NOTICELIST_IDS_ROOM]);

#endif
