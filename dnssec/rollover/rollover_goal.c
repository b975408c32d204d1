/* The goal of the keys, as opposed to what is safe now: which keys are wanted, whether they are in
 * use yet, and how a rollover is turned back. */
#include "dnssec/rollover/rollover.h"
#include "zone/base/u64.h"

const struct key_record *rollover_current(const struct key_set *keys, enum key_role bit)
{
    const struct key_record *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_record *key = &keys->list[i];
        if (key->life.wanted && ((unsigned)key->role & (unsigned)bit) != 0 &&
            (found == NULL || key->created_at > found->created_at)) {
            found = key;
        }
    }
    return found;
}

/* True if the key does all that its role asks for, except that the parent may not have its DS yet.
 */
static bool is_in_use(const struct key_record *key)
{
    const struct key_life *life = &key->life;
    return record_state_is_published(&life->dnskey) &&
           ((key->role & KEY_ZSK) == 0 || record_state_is_published(&life->zone));
}

bool rollover_under_way(const struct key_set *keys, unsigned roles)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_record *key = &keys->list[i];
        if (((unsigned)key->role & roles) != 0 && !key->life.planned &&
            (!key->life.wanted || !is_in_use(key))) {
            return true;
        }
    }
    return false;
}

/* True if the key is still in full use. The parent may have been asked for another DS. */
static bool can_stay(const struct key_record *key)
{
    const struct key_life *life = &key->life;
    return !life->wanted && is_in_use(key) &&
           ((key->role & KEY_KSK) == 0 || (life->ds.introduced_at != 0 && life->ds.hidden_at == 0));
}

bool rollover_goal_is_complete(const struct key_set *keys)
{
    unsigned all = 0;
    for (size_t i = 0; i < keys->count; i++) {
        unsigned roles = 0;
        for (size_t k = 0; k < keys->count; k++) {
            const struct key_record *key = &keys->list[k];
            bool counts = key->life.wanted && key->algorithm == keys->list[i].algorithm;
            roles |= counts ? (unsigned)key->role : 0;
        }
        all |= roles;
        if (keys->list[i].life.wanted && roles != KEY_CSK) {
            return false;
        }
    }
    return all == KEY_CSK;
}

size_t rollover_abort(struct key_set *keys, unsigned roles)
{
    const struct key_set before = *keys;
    bool stays[KEYSTORE_MAX] = { false };
    unsigned roles_that_stay = 0;
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_record *key = &keys->list[i];
        stays[i] = ((unsigned)key->role & roles) != 0 && can_stay(key);
        roles_that_stay |= stays[i] ? (unsigned)key->role : 0;
        count += stays[i];
    }
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *key = &keys->list[i];
        if (((unsigned)key->role & roles_that_stay) != 0) {
            key->life.wanted = stays[i];
        }
    }
    if (!rollover_goal_is_complete(keys)) {
        *keys = before;
        return 0;
    }
    return count;
}

bool rollover_has_offline_ksk(const struct key_set *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_record *key = &keys->list[i];
        if (key->offline && (key->life.wanted || record_state_is_published(&key->life.dnskey))) {
            return true;
        }
    }
    return false;
}

struct key_record *rollover_planned(struct key_set *keys, enum algorithm algorithm)
{
    struct key_record *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *key = &keys->list[i];
        if (key->life.planned && key->role == KEY_ZSK && key->algorithm == algorithm &&
            (found == NULL || key->created_at < found->created_at)) {
            found = key;
        }
    }
    return found;
}

uint64_t rollover_asked_at(const struct key_set *keys)
{
    uint64_t asked_at = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct record_state *ds = &keys->list[i].life.ds;
        if (record_state_is_published(ds) && ds->omnipresent_at == 0) {
            asked_at = u64_max(asked_at, ds->introduced_at);
        }
        if (ds->withdrawn_at != 0 && ds->hidden_at == 0) {
            asked_at = u64_max(asked_at, ds->withdrawn_at);
        }
    }
    return asked_at;
}

bool rollover_awaits_parent(const struct key_set *keys)
{
    return rollover_asked_at(keys) != 0;
}
