/* The members under watch: kept in step with the feed, and their verdicts with the journal. */
#ifndef PROBE_ROLL_H
#define PROBE_ROLL_H

#include "probe/census.h"
#include "probe/due.h"
#include "probe/reference.h"
#include "probe/scribe.h"
#include "probe/ward.h"
#include "zone/verdicts/feed.h"

struct roll {
    struct settings settings;
    struct vantage vantage; /* what we say of ourselves */
    struct caution caution;
    uint8_t registry[REGISTRY_ID_LEN];
    struct journal *journal;
    struct scribe *scribe;      /* what it has is written along with the verdicts */
    struct reference_word self; /* what the references say */
    unsigned held_ms;           /* patience_held in the last interval */
    struct ward **wards;        /* in order of id */
    size_t ward_count;
};

/* What a new or changed member's ward has to be set up with. `fresh` says that it was not under watch before. */
typedef void roll_changed(struct ward *ward, bool fresh, void *arg);

/* Takes over what an earlier run knew, by its journal, which stays open. `roll->vantage` has the name. */
enum result roll_begin(struct roll *roll, const struct feed *feed, const char *state_dir,
                       struct monitor *monitor, struct diag *diag);
/* False for a feed of another registry, whose members have nothing to do with those under watch. */
bool roll_is_of(const struct roll *roll, const struct feed *feed);
/* Follows the feed: new members come in, those that it lacks go, and the operator's word to this vantage point is taken. */
void roll_follow(struct roll *roll, const struct feed *feed, struct monitor *monitor,
                 roll_changed *changed);
/* Counts how much is down at once, and moves those on whose fall has lasted. Calls `moved` for each whose stage changes. */
typedef void roll_moved(struct ward *ward, enum stage before, void *arg);
void roll_census(struct roll *roll, uint64_t now, roll_moved *moved, void *arg);
/* Names to look up and addresses to probe, the longest waiting first: wards, watches. */
void roll_due(const struct roll *roll, uint64_t now_ms, struct due_list *names,
              struct due_list *watches);
/* The references say that what is seen of the family may be believed. */
bool roll_trusts(const struct roll *roll, enum address_family family);
/* Failures that were doubted before `since_ms` are handed to `enter` if the check of ourselves went well, and dropped if not. */
typedef void roll_enter(struct ward *ward, unsigned index, const struct outcome *outcome);
void roll_believe(struct roll *roll, uint64_t since_ms, roll_enter *enter);
/* Writes what is dirty (or all, if the journal wants that), this vantage point's word on itself, and what the scribe has. */
enum result roll_write(struct roll *roll, struct diag *diag);
/* Something waits for roll_write. */
bool roll_waits(const struct roll *roll);
/* Ends what is in flight, frees all wards and closes the journal. Another roll_begin may follow. */
void roll_done(struct roll *roll);

#endif
