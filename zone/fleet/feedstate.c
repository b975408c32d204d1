#include "zone/fleet/feedstate.h"

enum {
    LAYOUT = 1,
    ROW_MAX = 1 + 8 + 8 + 1 + 8 + 2 + FEEDSTATE_WHY_ROOM - 1 + 4 + 4 + 8 + 8 + 8
};

static const char topic[] = "ledger";

const char *feedstate_text(enum feedstate_trouble trouble)
{
    static const char *const texts[FEEDSTATE_TROUBLES] = {
        [FEEDSTATE_FINE] = "fine",     [FEEDSTATE_AWAY] = "away",   [FEEDSTATE_REFUSED] = "refused",
        [FEEDSTATE_FORKED] = "forked", [FEEDSTATE_NEWER] = "newer", [FEEDSTATE_BEHIND] = "behind",
    };
    return texts[trouble];
}

enum result feedstate_put(struct store_txn *change, const struct feedstate *state)
{
    uint8_t row[ROW_MAX];
    struct writer w = writer_of(row, sizeof(row));
    write_u8(&w, LAYOUT);
    write_u64(&w, state->at);
    write_u64(&w, state->started_at);
    write_u8(&w, (uint8_t)state->trouble);
    write_u64(&w, state->since);
    write_text(&w, state->why);
    write_u32(&w, state->epoch);
    write_u32(&w, state->engine_epoch);
    write_u64(&w, state->seq);
    write_u64(&w, state->engine_seq);
    write_u64(&w, state->resyncs);
    ASSERT(!w.failed);
    return store_put(change, TABLE_FEED, topic, sizeof(topic) - 1, row, w.at);
}

enum result feedstate_get(struct store_txn *txn, struct feedstate *out)
{
    uint8_t row[ROW_MAX];
    struct store_item value = { .data = row, .room = sizeof(row) };
    struct feedstate state = { .at = 0 };
    TRY(store_get(txn, TABLE_FEED, topic, sizeof(topic) - 1, &value));
    struct reader r = reader_of(row, value.len);
    uint8_t layout = read_u8(&r);
    if (!r.failed && layout > LAYOUT) {
        return RESULT_NEWER;
    }
    state.at = read_u64(&r);
    state.started_at = read_u64(&r);
    uint8_t trouble = read_u8(&r);
    state.since = read_u64(&r);
    read_text(&r, state.why, sizeof(state.why));
    state.epoch = read_u32(&r);
    state.engine_epoch = read_u32(&r);
    state.seq = read_u64(&r);
    state.engine_seq = read_u64(&r);
    state.resyncs = read_u64(&r);
    if (!reader_done(&r) || trouble >= FEEDSTATE_TROUBLES) {
        return RESULT_DAMAGED;
    }
    state.trouble = (enum feedstate_trouble)trouble;
    *out = state;
    return RESULT_OK;
}
