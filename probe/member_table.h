/* The members under watch: kept in step with the feed, and their verdicts with the journal. */
#ifndef PROBE_MEMBER_TABLE_H
#define PROBE_MEMBER_TABLE_H

#include "probe/breaker.h"
#include "probe/due.h"
#include "probe/probed_member.h"
#include "probe/reference.h"
#include "probe/report_queue.h"
#include "zone/verdicts/feed.h"

struct member_table {
    struct settings settings;
    struct vantage vantage; /* what we say of ourselves */
    struct breaker_state breaker_state;
    uint8_t registry[REGISTRY_ID_LEN];
    struct journal *journal;
    struct report_queue *report_queue; /* what it has is written along with the verdicts */
    struct reference_word self;        /* what the references say */
    unsigned held_ms;                  /* stall_length in the last interval */
    struct probed_member **members;    /* in order of id */
    size_t member_count;
};

/* What a new or changed member's ward has to be set up with. `fresh` says that it was not under
 * watch before. */
typedef void member_table_changed(struct probed_member *member, bool fresh, void *arg);

/* Takes over what an earlier run knew, by its journal, which stays open. `roll->vantage` has the
 * name. */
enum result member_table_begin(struct member_table *table, const struct feed *feed,
                               const char *state_dir, struct prober *prober, struct diag *diag);
/* False for a feed of another registry, whose members have nothing to do with those under watch. */
bool member_table_is_of(const struct member_table *table, const struct feed *feed);
/* Follows the feed: new members come in, those that it lacks go, and the operator's word to this
 * vantage point is taken. */
void member_table_update(struct member_table *table, const struct feed *feed, struct prober *prober,
                         member_table_changed *changed);
/* Counts how much is down at once, and moves those on whose fall has lasted. Calls `moved` for each
 * whose stage changes. */
typedef void member_table_moved(struct probed_member *member, enum stage before, void *arg);
void member_table_run_breaker(struct member_table *table, uint64_t now, member_table_moved *moved,
                              void *arg);
/* Names to look up and addresses to probe, the longest waiting first: wards, watches. */
void member_table_due(const struct member_table *table, uint64_t now_ms, struct due_list *names,
                      struct due_list *probed_addresses);
/* The references say that what is seen of the family may be believed. */
bool member_table_trusts(const struct member_table *table, enum address_family family);
/* Failures that were doubted before `since_ms` are handed to `enter` if the check of ourselves went
 * well, and dropped if not. */
typedef void member_table_enter(struct probed_member *member, unsigned index,
                                const struct outcome *outcome);
void member_table_believe(struct member_table *table, uint64_t since_ms, member_table_enter *enter);
/* Writes what is dirty (or all, if the journal wants that), this vantage point's word on itself,
 * and what the scribe has. */
enum result member_table_write(struct member_table *table, struct diag *diag);
/* Something waits for member_table_write. */
bool member_table_waits(const struct member_table *table);
/* Ends what is in flight, frees all wards and closes the journal. Another member_table_begin may
 * follow. */
void member_table_done(struct member_table *table);

#endif
