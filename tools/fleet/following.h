/* Rows of the engine, followed: all of them are read, then each change is told as it comes. After a
 * loss of the connection, silence, or history that is compacted, all of them are read anew: so the
 * reader sees the latest of each row, but perhaps not each value that it had in between.
 *
 * For rows of which only the latest counts. The ledger, where each change counts, is followed by
 * tools/fleet/follow.h. */
#ifndef TOOLS_FOLLOWING_H
#define TOOLS_FOLLOWING_H

#include "tools/fleet/feeder.h"

enum {
    FOLLOWING_PAGE = 256,      /* rows of a reading at once; fewer if they are long */
    FOLLOWING_MESSAGES = 64,   /* of a watch in one turn */
    FOLLOWING_PROOF_MS = 10000 /* after so much silence the node has to prove that it lives */
};

/* Keys are without the prefix; values live during the call. A failure is logged, and all is read
 * anew some seconds later. Between two calls of following_turn there is at most a page of rows, or
 * FOLLOWING_MESSAGES: a reader may keep a transaction open for as long. */
struct following_reader {
    enum result (*row)(void *arg, struct octets key, struct octets value, struct diag *diag);
    enum result (*gone)(void *arg, struct octets key, struct diag *diag);
    /* A reading of all rows begins: those that are not told until `whole` are gone, without `gone`.
     * NULL: nobody needs to know. */
    void (*anew)(void *arg);
    enum result (*whole)(void *arg, struct diag *diag); /* may be NULL */
};

struct following;

/* `what` is without the fleet's prefix. If it ends with a slash, all keys that begin with it are
 * followed; else the one of that name, which is told with an empty key. */
struct following *following_new(struct feeder *feeder, const char *what,
                                const struct following_reader *reader, void *arg);
void following_free(struct following *following);
/* As the turn of a channel. */
unsigned following_turn(struct following *following);
/* True if all rows were read and changes come in. */
bool following_is_on(const struct following *following);

#endif
