/* How the feed of this machine does, as ntspool-feedd last noted it (TABLE_FEED of STORE_FLEET):
 * for `status`, warnings and metrics. */
#ifndef ZONE_FEEDSTATE_H
#define ZONE_FEEDSTATE_H

#include "zone/store/store.h"

enum feedstate_trouble {
    FEEDSTATE_FINE,
    FEEDSTATE_AWAY,    /* the engine does not answer, or has no majority */
    FEEDSTATE_REFUSED, /* it refuses this machine */
    FEEDSTATE_FORKED,  /* it has lost changes that this machine has, or has others */
    FEEDSTATE_NEWER,   /* a newer program made a change, which this one does not understand */
    FEEDSTATE_BEHIND,  /* changes are known that are not taken */
    FEEDSTATE_TROUBLES
};

enum {
    FEEDSTATE_WHY_ROOM = 256,
    FEEDSTATE_NOTE_MS = 60000 /* it is noted when it changes, and so often */
};

struct feedstate {
    uint64_t at, started_at; /* Unix seconds; of the note, of ntspool-feedd */
    enum feedstate_trouble trouble;
    uint64_t since;               /* of the trouble */
    char why[FEEDSTATE_WHY_ROOM]; /* in words; "" if it is fine */
    uint32_t epoch, engine_epoch; /* taken; the newest that the engine has told of */
    uint64_t seq, engine_seq;     /* ... 0: none yet */
    uint64_t resyncs;             /* readings of all rows since the start */
};

enum result feedstate_put(struct store_txn *change, const struct feedstate *state);
/* NOT_FOUND: ntspool-feedd has not run yet. */
enum result feedstate_get(struct store_txn *txn, struct feedstate *out);
/* "fine", "away", ... */
const char *feedstate_text(enum feedstate_trouble trouble);

#endif
