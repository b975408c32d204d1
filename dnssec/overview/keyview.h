/* The DNSSEC keys at one moment, and what needs the operator's attention. */
#ifndef DNSSEC_KEYVIEW_H
#define DNSSEC_KEYVIEW_H

#include "dnssec/overview/keyhealth.h"
#include "dnssec/signing/keystate.h"

struct keyview_source {
    struct store_txn *keys;  /* NULL: they can't be read */
    const struct seal *seal; /* NULL: not known to this program */
    const char *unsealable; /* why the seal can't be had; NULL: it can, or this user may not know */
    uint64_t now;
};

struct keyview {
    bool known;
    bool failed; /* the store can't be read */
    size_t count;
    bool follows;   /* the keys come from another machine */
    uint64_t as_of; /* when a server last looked after the keys, or the time of their package */
    /* since when the parent zone is asked for other DS records; 0: it is not */
    uint64_t asked_at;
    size_t keys[KEY_CSK + 1][KEY_REMOVED + 1]; /* by role and state */
    bool offline;                              /* a KSK is kept offline; then also: */
    uint64_t signed_until, bundle_ends, next_change;
    struct fleetkeys fleet; /* of the machine that leads; else all zero */
};

void keyview_read(struct keyview *out, const struct keyview_source *source,
                  struct concerns *concerns);

#endif
