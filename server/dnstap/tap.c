#include "server/dnstap/tap.h"

#include "zone/base/clock.h"

void tap_init(struct tap *tap, unsigned sample, const struct frame_origin *origin,
              const atomic_bool *connected)
{
    memset(tap, 0, sizeof(*tap));
    frame_queue_init(&tap->queue, TAP_QUEUE);
    tap->sample = sample;
    tap->batches = sample - 1;
    tap->origin = origin;
    tap->connected = connected;
}

void tap_done(struct tap *tap)
{
    frame_queue_done(&tap->queue);
}

bool tap_is_due(struct tap *tap)
{
    tap->batches++;
    if (tap->batches < tap->sample) {
        return false;
    }
    tap->batches = 0;
    tap->asked = clock_exact();
    return true;
}

void tap_answered(struct tap *tap)
{
    tap->answered = clock_exact();
}

static void put(struct tap *tap, const struct frame_message *message)
{
    uint8_t *room = NULL;
    if (atomic_load_explicit(tap->connected, memory_order_relaxed)) {
        room = frame_queue_reserve(&tap->queue, frame_room(tap->origin, message->len));
    }
    if (room == NULL) {
        (void)atomic_fetch_add_explicit(&tap->dropped, 1, memory_order_relaxed);
        return;
    }
    frame_queue_commit(&tap->queue, frame_write(room, tap->origin, message));
}

void tap_note(struct tap *tap, const struct tap_exchange *exchange)
{
    struct frame_message message = { .client = exchange->client,
                                     .server = exchange->server,
                                     .tcp = exchange->tcp,
                                     .asked = &tap->asked,
                                     .data = exchange->query.data,
                                     .len = exchange->query.len };
    put(tap, &message);
    if (exchange->response.len > 0) {
        message.answered = &tap->answered;
        message.data = exchange->response.data;
        message.len = exchange->response.len;
        put(tap, &message);
    }
}
