/* The members that are probed. Keeps them in step with the feed, and their verdicts with the
 * journal. */
#ifndef PROBE_MEMBER_TABLE_H
#define PROBE_MEMBER_TABLE_H

#include "probe/breaker.h"
#include "probe/due.h"
#include "probe/probed_member.h"
#include "probe/reference.h"
#include "probe/report_queue.h"
#include "zone/verdicts/feed.h"

struct member_table {
    struct probe_context *context; /* of all its members; for the owner to set */
    struct settings settings;
    struct vantage vantage; /* our report on ourselves */
    struct breaker_state breaker_state;
    uint8_t registry[REGISTRY_ID_LEN];
    struct journal *journal;
    struct reference_verdict self;  /* of the last check against the references */
    unsigned stalled_ms;            /* stall_length in the last interval */
    struct probed_member **members; /* in order of id */
    size_t member_count;
};

/* Takes over the verdicts of earlier runs from the journal, which stays open. table->vantage has
 * the name of the vantage point. */
enum result member_table_begin(struct member_table *table, const struct feed *feed,
                               const char *state_dir, struct diag *diag);
/* False for a feed of another registry, whose members have nothing to do with those here. */
bool member_table_is_of(const struct member_table *table, const struct feed *feed);

/* A member is new or has changed. `is_new` says that it was not in the table before. */
typedef void member_table_changed(struct probed_member *member, bool is_new, void *arg);
/* Adds the feed's new members, removes those that it lacks, and takes over the operator's release
 * of this vantage point. */
void member_table_update(struct member_table *table, const struct feed *feed,
                         member_table_changed *changed, void *arg);

/* A member's stage was `before` until now. */
typedef void member_table_moved(struct probed_member *member, enum stage before, void *arg);
/* Counts how much is down at once, and moves the members on whose fall has lasted long enough. */
void member_table_run_breaker(struct member_table *table, uint64_t now, member_table_moved *moved,
                              void *arg);
/* Members whose names are to be looked up, and addresses to be probed: struct probed_member and
 * struct probed_address, the longest waiting first. */
void member_table_due(const struct member_table *table, uint64_t now_ms, struct due_list *names,
                      struct due_list *addresses);

/* A failure counts. */
typedef void member_table_confirmed(struct probed_member *member, unsigned index,
                                    const struct outcome *outcome, void *arg);
/* A check of ourselves that began at `since_ms` is over, with table->self. Failures held before it
 * began are confirmed if it went well for their family, else dropped. */
void member_table_confirm(struct member_table *table, uint64_t since_ms,
                          member_table_confirmed *confirmed, void *arg);
/* Writes what is new, or all verdicts if the journal wants that: first, in a report of its own,
 * what can change an answer (this vantage point's own state, verdicts with a new outline, events),
 * then the other verdicts, then samples. Whoever carries reports far may leave the later ones out.
 */
enum result member_table_write(struct member_table *table, struct report_queue *queue,
                               struct diag *diag);
/* A member's health waits for member_table_write. */
bool member_table_is_dirty(const struct member_table *table);
/* Cancels what is in flight, frees the members and closes the journal. member_table_begin may
 * follow. */
void member_table_done(struct member_table *table);

#endif
