#include "tools/fleet/feedtraffic.h"

#include <stdlib.h>

#include "tools/fleet/feedletter.h"
#include "tools/fleet/membership.h"
#include "zone/base/clock.h"
#include "zone/fleet/letters.h"
#include "zone/steering/tally.h"

enum {
    HOUR_S = 3600,
    KEYS = 1 + TALLY_SLICES
};

_Static_assert((int)TALLY_ANSWERS_MAX <= (int)LETTERS_ANSWERS_MAX &&
                   (int)TALLY_DEMAND_MAX <= (int)LETTERS_TEXT_MAX,
               "others take each text as one letter");

struct feedtraffic {
    struct feeder *feeder;
    struct sending *sending;
    uint64_t due_ms;
    uint64_t hours[TALLY_SLICES]; /* in which each slice was sent last; 0: not yet */
    struct log_once trouble;
    uint8_t text[TALLY_ANSWERS_MAX];
};

static void *begin(struct feeder *feeder)
{
    if (feeder->traffic == NULL || feeder->membership->role == MACHINE_VANTAGE) {
        return NULL;
    }
    struct feedtraffic *channel = xcalloc(1, sizeof(*channel));
    channel->feeder = feeder;
    channel->sending = sending_new(feeder, KEYS);
    return channel;
}

static void end(void *arg)
{
    struct feedtraffic *channel = arg;
    sending_free(channel->sending);
    free(channel);
}

static void send_text(struct feedtraffic *channel, enum letter_kind kind, const char *subject,
                      size_t len)
{
    enum result result = feedletter_send(channel->feeder, channel->sending, kind, subject,
                                         (struct octets){ channel->text, len });
    /* there is room for all keys; if not for all octets, the next letter says it anew */
    (void)result;
}

static enum result send_demand(struct feedtraffic *channel, struct store_txn *txn, uint64_t now,
                               struct diag *diag)
{
    struct traffic traffic;
    TRY(traffic_load_cells(&traffic, txn, diag));
    send_text(channel, LETTER_DEMAND, "", tally_write_demand(channel->text, &traffic, now));
    traffic_done(&traffic);
    return RESULT_OK;
}

static enum result send_slice(struct feedtraffic *channel, struct store_txn *txn, unsigned slice,
                              uint64_t now, struct diag *diag)
{
    struct traffic traffic;
    char name[TALLY_SLICE_ROOM];
    TRY(traffic_load_slice(&traffic, txn, TALLY_SLICES, slice, diag));
    send_text(channel, LETTER_ANSWERS, tally_slice_name(slice, name),
              tally_write_answers(channel->text, &traffic, slice, now));
    traffic_done(&traffic);
    channel->hours[slice] = now / HOUR_S;
    return RESULT_OK;
}

/* The demand, and slices up to that of this minute that were not sent in this hour. */
static enum result tell(struct feedtraffic *channel, struct store_txn *txn, uint64_t now,
                        struct diag *diag)
{
    unsigned minute = (unsigned)(now % HOUR_S) / (HOUR_S / TALLY_SLICES), sent = 0;
    TRY(send_demand(channel, txn, now, diag));
    for (unsigned slice = 0; slice <= minute && sent < FEEDTRAFFIC_SLICES; slice++) {
        if (channel->hours[slice] != now / HOUR_S) {
            TRY(send_slice(channel, txn, slice, now, diag));
            sent++;
        }
    }
    return RESULT_OK;
}

static void look(struct feedtraffic *channel)
{
    struct store_txn *txn = NULL;
    struct diag diag = { "" };
    log_sink *log = channel->feeder->log;
    enum result result = store_read(channel->feeder->traffic, &txn, &diag);
    if (result == RESULT_OK) {
        result = tell(channel, txn, clock_now(), &diag);
        store_abort(txn);
    }
    if (result == RESULT_OK) {
        log_once_over(&channel->trouble, log, "the others are told again what was counted here");
    } else {
        log_once(&channel->trouble, log, LOG_WARNING, NULL, "%s", diag.text);
    }
}

static unsigned turn(void *arg)
{
    struct feedtraffic *channel = arg;
    uint64_t now_ms = channel->feeder->now_ms;
    if (now_ms >= channel->due_ms) {
        look(channel);
        channel->due_ms = now_ms + FEEDTRAFFIC_MS;
    }
    return sending_turn(channel->sending);
}

const struct feeder_channel feedtraffic_channel = { "traffic", begin, turn, end };
