/* Steering for `explain` and `share`: the server's code on the same stores and location files. */
#ifndef TOOLS_STEERVIEW_H
#define TOOLS_STEERVIEW_H

#include "tools/session.h"
#include "zone/fleet/fleettraffic.h"
#include "zone/overview/memberview.h"
#include "zone/steering/steering.h"
#include "zone/steering/traffic.h"

enum {
    STEERVIEW_OUT = -1
};

/* A registered member. */
struct steered {
    char label[LABEL_ROOM];
    uint64_t id;
    uint32_t capacity_mbit;
    const char *state, *reason; /* from struct standing */
    long index;                 /* of the candidate; STEERVIEW_OUT: it is not handed out */
};

/* Start from `{ 0 }`, end with steerview_done. */
struct steerview {
    struct session session;
    struct memberview_source source; /* including the settings */
    struct locations *locations;     /* NULL: no file was named */
    const struct cell *cells;
    size_t cell_count;
    /* What was counted: by this machine, unless another one is asked about, and by the others. */
    bool own;
    struct traffic traffic;
    struct fleettraffic fleet;
    struct fleettraffic_answers others;
    double measured; /* queries, of all cells */
    double *demand;  /* of each cell */
    struct candidates candidates;
    struct steering steering;
    double weight;           /* of all candidates */
    struct steered *members; /* sorted by label */
    size_t count, room;
    uint64_t now;
};

/* Takes the location files of --locations, else those of the configuration file; and in a fleet,
 * what all machines counted, or the one of --edge. After a failure, too, steerview_done frees the
 * view. */
enum result steerview_begin(struct steerview *view, struct cli *cli);
void steerview_done(struct steerview *view);
/* The answers with a member in the last hour, and day. Other machines tell those of full hours. */
uint64_t steerview_hour(const struct steerview *view, uint64_t member_id);
uint64_t steerview_day(const struct steerview *view, uint64_t member_id);
/* The candidate's weight: capacity times ramp. */
static inline uint32_t steerview_weight(const struct steerview *view, long index)
{
    return index == STEERVIEW_OUT ? 0 : view->candidates.list[index].weight;
}

#endif
