#include "tools/fleet/feedstatus.h"

#include <stdio.h>

#include "zone/base/clock.h"

enum feedstate_trouble feedstatus_of(const struct follow_facts *facts, uint64_t now_ms)
{
    switch (facts->trouble) {
    case RESULT_OK:
    case RESULT_UNREACHABLE:
        break;
    case RESULT_DAMAGED:
        return FEEDSTATE_FORKED;
    case RESULT_NEWER:
        return FEEDSTATE_NEWER;
    case RESULT_REFUSED:
        return FEEDSTATE_REFUSED;
    default: /* not the engine's doing: a full disk */
        return FEEDSTATE_BEHIND;
    }
    if (facts->cut_off) {
        return FEEDSTATE_AWAY;
    }
    return facts->behind_since_ms > 0 && now_ms >= facts->behind_since_ms + FEEDSTATUS_BEHIND_MS
               ? FEEDSTATE_BEHIND
               : FEEDSTATE_FINE;
}

static void put_why(struct feedstate *state, const struct follow_facts *facts)
{
    static const char *const preset[FEEDSTATE_TROUBLES] = {
        [FEEDSTATE_FINE] = "",
        [FEEDSTATE_AWAY] = "no node of the engine answers",
        [FEEDSTATE_REFUSED] = "the engine refuses this machine",
        [FEEDSTATE_FORKED] = "the engine has other changes than this machine",
        [FEEDSTATE_NEWER] = "a newer ntspool has made a change that this one does not understand",
        [FEEDSTATE_BEHIND] = "changes are not taken yet",
    };
    bool has_words = state->trouble != FEEDSTATE_FINE && facts->why.text[0] != '\0';
    (void)snprintf(state->why, sizeof(state->why), "%.*s", FEEDSTATE_WHY_ROOM - 1,
                   has_words ? facts->why.text : preset[state->trouble]);
}

static struct feedstate state_of(const struct feedstatus *status, const struct follow_facts *facts)
{
    struct feedstate state = {
        .at = clock_now(),
        .started_at = status->feeder->started_at,
        .trouble = feedstatus_of(facts, status->feeder->now_ms),
        .engine_epoch = facts->engine_epoch,
        .engine_seq = facts->engine_seq,
        .resyncs = facts->resyncs,
    };
    if (facts->placed) {
        state.epoch = facts->position.head.epoch;
        state.seq = facts->position.head.seq;
    }
    bool lasts = state.trouble == status->noted.trouble && status->noted_ms > 0;
    state.since = state.trouble == FEEDSTATE_FINE ? 0 : lasts ? status->noted.since : state.at;
    put_why(&state, facts);
    return state;
}

static bool is_due(const struct feedstatus *status, const struct feedstate *state)
{
    const struct feedstate *noted = &status->noted;
    uint64_t age_ms = status->feeder->now_ms - status->noted_ms;
    bool moved = noted->seq != state->seq || noted->epoch != state->epoch ||
                 noted->engine_seq != state->engine_seq || noted->resyncs != state->resyncs ||
                 strcmp(noted->why, state->why) != 0;
    return status->noted_ms == 0 || noted->trouble != state->trouble ||
           age_ms >= FEEDSTATE_NOTE_MS || (moved && age_ms >= FEEDSTATUS_MOVED_MS);
}

static enum result note(struct feeder *feeder, const struct feedstate *state, struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_write(feeder->fleet, &txn, diag));
    enum result result = feedstate_put(txn, state);
    if (result != RESULT_OK) {
        store_abort(txn);
        return diag_fail(diag, result, "%s", result_text(result));
    }
    return store_commit(txn, diag);
}

static void tell(struct feedstatus *status, const struct feedstate *state)
{
    if (state->trouble == FEEDSTATE_FINE) {
        log_once_over(&status->told, status->feeder->log, "follows the fleet again");
        return;
    }
    bool waits = state->trouble == FEEDSTATE_AWAY || state->trouble == FEEDSTATE_BEHIND;
    log_once(&status->told, status->feeder->log, waits ? LOG_WARNING : LOG_ERR, NULL,
             "does not follow the fleet: %s; this machine goes on with what it has", state->why);
}

void feedstatus_turn(struct feedstatus *status, const struct follow_facts *facts)
{
    struct feeder *feeder = status->feeder;
    struct feedstate state = state_of(status, facts);
    struct diag diag = { "" };
    tell(status, &state);
    if (!is_due(status, &state)) {
        return;
    }
    if (note(feeder, &state, &diag) != RESULT_OK) {
        log_once(&status->trouble, feeder->log, LOG_ERR, NULL,
                 "the state of the feed can't be noted: %s", diag.text);
    } else {
        log_once_over(&status->trouble, feeder->log, "the state of the feed is noted again");
    }
    status->noted = state;
    status->noted_ms = feeder->now_ms;
}
