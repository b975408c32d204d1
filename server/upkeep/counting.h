/* Counting: collects what the workers handed out, keeps it in state/traffic, and says what the demand is. Has a thread of its own, so that a
 * slow disk holds up neither answers nor changes. */
#ifndef SERVER_COUNTING_H
#define SERVER_COUNTING_H

#include "server/state/tally.h"

enum {
    COUNTING_WRITE_MS = 60000 /* between two writes; a killed server has lost at most that */
};

struct counting;

struct counting_sources {
    struct store *registry;
    struct store *traffic;         /* NULL: what is counted is forgotten at the end */
    void (*log)(const char *text); /* called from the thread and at the end */
};

/* Reads what was counted before. DAMAGED if it can't be read. */
enum result counting_new(struct counting **out, const struct counting_sources *sources,
                         struct diag *diag);
enum result counting_start(struct counting *counting, struct diag *diag);
/* After the last tally was given back by its worker: counts that too and writes. */
void counting_free(struct counting *counting);

/* A tally of the view for a worker, who gets a reference. Any thread. */
struct tally *counting_tally(struct counting *counting, struct view *view);
/* All that was counted until now: demand by cell of the locations (NULL: the world's), and what the newest deal gave. Any thread. */
struct usage counting_usage(struct counting *counting, const struct locations *locations,
                            uint64_t now);
/* What the thread does when it is time: counts, forgets members that are gone, writes. */
void counting_write(struct counting *counting, uint64_t now);

#endif
