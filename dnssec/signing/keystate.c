#include "dnssec/signing/keystate.h"

enum {
    MOMENTS_MAX = 64 + 4 * SLICES_MAX /* most moments that keystate_next simulates */
};

static bool is_omnipresent(const struct record_state *state, uint64_t now)
{
    return record_state_is_published(state) && state->omnipresent_at != 0 &&
           state->omnipresent_at <= now;
}

enum key_state keystate_of(const struct key_record *key, uint64_t now)
{
    const struct key_life *life = &key->life;
    bool signs = record_state_is_published(&life->zone);
    /* The parent is known to have its DS. */
    bool trusted = record_state_is_published(&life->ds) && life->ds.omnipresent_at != 0;
    if (!record_state_is_published(&life->dnskey)) {
        return life->dnskey.withdrawn_at != 0 ? KEY_REMOVED
               : signs                        ? KEY_PRESIGNING
                                              : KEY_GENERATED;
    }
    if (signs || trusted) {
        return KEY_ACTIVE;
    }
    if (!life->wanted) {
        return KEY_RETIRED;
    }
    return is_omnipresent(&life->dnskey, now) ? KEY_READY : KEY_PUBLISHED;
}

const char *keystate_text(enum key_state state)
{
    static const char *const texts[] = {
        [KEY_GENERATED] = "generated", [KEY_PRESIGNING] = "presigning",
        [KEY_PUBLISHED] = "published", [KEY_READY] = "ready",
        [KEY_ACTIVE] = "active",       [KEY_RETIRED] = "retired",
        [KEY_REMOVED] = "removed",
    };
    return texts[state];
}

static enum key_step step_between(const struct key_life *old, const struct key_life *new)
{
    const struct {
        const struct record_state *old, *new;
        enum key_step publish, withdraw;
    } rows[] = {
        { &old->dnskey, &new->dnskey, STEP_PUBLISH, STEP_UNPUBLISH },
        { &old->ds, &new->ds, STEP_ASK_DS, STEP_WITHDRAW_DS },
        { &old->zone, &new->zone, STEP_SIGN, STEP_STOP_SIGNING },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (record_state_is_published(rows[i].old) != record_state_is_published(rows[i].new)) {
            return record_state_is_published(rows[i].new) ? rows[i].publish : rows[i].withdraw;
        }
    }
    return STEP_NONE;
}

struct key_next keystate_next(const struct key_set *keys, size_t i, const struct slices *slices,
                              const struct rollover_timing *timing, uint64_t now)
{
    struct key_set future = *keys;
    const struct key_life *old = &keys->list[i].life, *new = &future.list[i].life;
    uint64_t last = rollover_last_step_at(keys);
    uint64_t at = last >= now ? last + 1 : now;
    for (unsigned n = 0; at != UINT64_MAX && n < MOMENTS_MAX; n++) {
        bool entered =
            timing->offline_ksk && slices_advance(slices, &future, timing, at) != SLICES_UNCHANGED;
        bool moved = rollover_advance(&future, timing, at);
        enum key_step step = step_between(old, new);
        if (step != STEP_NONE) {
            return (struct key_next){ step, at };
        }
        if (rollover_is_dead(&future.list[i], at)) {
            return (struct key_next){ STEP_DELETE, at };
        }
        at = timing->offline_ksk && (entered || moved)
                 ? at + 1
                 : slices_next_moment(slices, &future, at, UINT64_MAX);
    }
    bool comes = old->wanted && (keys->list[i].role & KEY_KSK) != 0 && old->ds.omnipresent_at == 0;
    /* Also of a wanted key, if the zone is to be insecure. */
    bool leaves = new->ds.withdrawn_at != 0 && new->ds.hidden_at == 0;
    return (struct key_next){ rollover_awaits_parent(&future) &&
                                      (comes || leaves || (!old->wanted && !old->planned))
                                  ? STEP_WAIT_PARENT
                                  : STEP_NONE,
                              0 };
}

const char *keystate_step_text(enum key_step step)
{
    static const char *const texts[] = {
        [STEP_NONE] = "",
        [STEP_WAIT_PARENT] = "waits for the parent's DS",
        [STEP_PUBLISH] = "publish",
        [STEP_SIGN] = "sign",
        [STEP_ASK_DS] = "ask for its DS",
        [STEP_WITHDRAW_DS] = "have its DS removed",
        [STEP_STOP_SIGNING] = "stop signing",
        [STEP_UNPUBLISH] = "unpublish",
        [STEP_DELETE] = "delete",
    };
    return texts[step];
}
