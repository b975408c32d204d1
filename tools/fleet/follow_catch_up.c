#include "tools/fleet/follow.h"
#include "zone/base/clock.h"

enum {
    TURN_MS = 50
};

static void say_nothing(int, const struct log_fields *, const char *)
{
}

enum result follow_catch_up(struct etcd *etcd, const struct membership *membership,
                            struct store *registry, unsigned wait_ms, struct diag *diag)
{
    struct follow *follow = follow_new(etcd, membership, registry, say_nothing);
    const struct follow_facts *facts = follow_facts(follow);
    uint64_t now = clock_steady_ms(), until = now + wait_ms;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && !facts->level && facts->trouble == RESULT_OK && now < until) {
        unsigned next_ms = follow_turn(follow, now);
        result = etcd_turn(etcd, NULL, 0, next_ms < TURN_MS ? next_ms : TURN_MS, diag);
        now = clock_steady_ms();
    }
    if (result == RESULT_OK && facts->trouble != RESULT_OK) {
        result = diag_fail(diag, facts->trouble, "%s", facts->why.text);
    } else if (result == RESULT_OK && !facts->level) {
        result =
            diag_fail(diag, RESULT_UNREACHABLE, "the engine's newer changes have not come in time");
    }
    follow_free(follow);
    return result;
}
