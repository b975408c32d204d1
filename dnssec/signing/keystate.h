/* What an operator sees of a key: its state by RFC 7583 3.1, and its next step, found by simulating
 * dnssec/rollover/rollover.h. Pure. */
#ifndef DNSSEC_KEYSTATE_H
#define DNSSEC_KEYSTATE_H

#include "dnssec/signing/slices.h"

enum key_state {
    KEY_GENERATED,  /* not published */
    KEY_PRESIGNING, /* of a new algorithm: signs before its DNSKEY is published (RFC 6781 4.1.4) */
    KEY_PUBLISHED,
    KEY_READY,
    KEY_ACTIVE,
    KEY_RETIRED,
    KEY_REMOVED
};
enum key_state keystate_of(const struct key_record *key, uint64_t now);
const char *keystate_text(enum key_state state);

enum key_step {
    STEP_NONE,
    STEP_WAIT_PARENT, /* until the parent has the DS that CDS asks for */
    STEP_PUBLISH,
    STEP_SIGN,
    STEP_ASK_DS,
    STEP_WITHDRAW_DS,
    STEP_STOP_SIGNING,
    STEP_UNPUBLISH,
    STEP_DELETE
};
struct key_next {
    enum key_step step;
    uint64_t at; /* 0 for NONE and WAIT_PARENT */
};
/* The next step of key `i` if no command intervenes. `slices` may be empty. */
struct key_next keystate_next(const struct key_set *keys, size_t i, const struct slices *slices,
                              const struct rollover_timing *timing, uint64_t now);
const char *keystate_step_text(enum key_step step);

#endif
