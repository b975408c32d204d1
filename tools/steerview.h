/* Steering as the server does it, by the same code from the same stores and location files: for
 * `explain` and `share`. */
#ifndef TOOLS_STEERVIEW_H
#define TOOLS_STEERVIEW_H

#include "tools/memberview.h"
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
    const char *state, *reason; /* of struct standing */
    long index;                 /* in the roster; STEERVIEW_OUT: it is not handed out */
};

/* Start from `{ 0 }`, end with steerview_done. */
struct steerview {
    struct session session;
    struct memberview_source source; /* settings too */
    struct locations *locations;     /* NULL: no file was named */
    const struct cell *cells;
    size_t cell_count;
    struct traffic traffic;
    double *demand; /* by cell */
    struct candidates candidates;
    struct steering steering;
    double weight;           /* of all seats */
    struct steered *members; /* in order of label */
    size_t count, room;
    uint64_t now;
};

/* The location files are those of --locations, else the configuration file's. */
enum result steerview_begin(struct steerview *view, struct cli *cli);
void steerview_done(struct steerview *view);
/* What a seat weighs: capacity times ramp. */
static inline uint32_t steerview_weight(const struct steerview *view, long index)
{
    return index == STEERVIEW_OUT ? 0 : view->candidates.list[index].weight;
}

#endif
