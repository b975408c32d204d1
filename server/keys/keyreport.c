#include "server/keys/keyreport.h"

#include "dnssec/signing/keystate.h"

static const char *role_text(enum key_role role)
{
    return role == KEY_KSK ? "KSK" : role == KEY_ZSK ? "ZSK" : "CSK";
}

void keyreport(log_sink *log, const struct key_timeline *before, const struct key_timeline *after,
               uint64_t now)
{
    for (size_t i = 0; i < after->keys.count; i++) {
        const struct key_record *key = &after->keys.list[i];
        enum key_state old = keystate_of(&before->keys.list[i], now), new = keystate_of(key, now);
        if (rollover_is_dead(key, now)) {
            log_say(log, LOG_NOTICE, "%s %u (%s) is deleted", role_text(key->role), key->tag,
                    algorithm_text(key->algorithm));
        } else if (old != new) {
            log_say(log, LOG_NOTICE, "%s %u (%s) is now %s", role_text(key->role), key->tag,
                    algorithm_text(key->algorithm), keystate_text(new));
        }
    }
    if (rollover_asked_at(&after->keys) != rollover_asked_at(&before->keys) &&
        rollover_awaits_parent(&after->keys)) {
        log_say(log, LOG_NOTICE, "the parent zone needs other DS records: `ntspool key ds`");
    }
}
