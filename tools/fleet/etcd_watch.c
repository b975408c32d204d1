#include <stdlib.h>

#include "tools/fleet/etcd_private.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"

struct etcd_watch {
    struct etcd *etcd;
    struct etcd_watch *next;
    unsigned node;
    struct protobuf request; /* framed */
    struct etcd_transfer transfer;
    uint64_t open_by; /* 0: it has begun */
    bool ended;
    enum result result;
    struct diag diag;
};

/* The request ends our half of the stream. The node's half goes on for as long as the watch. */
struct etcd_watch *etcd_watch_start(struct etcd *etcd, const struct etcdrequest_watch *plan,
                                    int node)
{
    ASSERT(node == ETCD_ANY_NODE || (unsigned)node < etcd->node_count);
    struct etcd_watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct etcd_watch){
        .etcd = etcd,
        .next = etcd->watches,
        .node = node == ETCD_ANY_NODE ? etcd->current : (unsigned)node,
        .open_by = clock_steady_ms() + etcd->connect_ms + ETCD_WAIT_MS,
    };
    struct protobuf message = { .data = NULL };
    etcdrequest_watch(&message, plan);
    grpc_frame(&watch->request, &message);
    protobuf_free(&message);
    struct etcd_transfer_plan transfer = {
        .node = watch->node,
        .path = "Watch/Watch",
        .request = &watch->request,
        .needs_leader = true,
        .is_watch = true,
        .connect_ms = etcd->connect_ms,
    };
    etcd_transfer_begin(&watch->transfer, etcd, &transfer);
    etcd->watches = watch;
    return watch;
}

/* The next call starts with another node. */
static void leave_node(const struct etcd_watch *watch)
{
    struct etcd *etcd = watch->etcd;
    etcd->nodes[watch->node].suspect = true;
    if (etcd->current == watch->node) {
        etcd->current = (watch->node + 1) % etcd->node_count;
    }
}

static enum result end(struct etcd_watch *watch, enum result result, const struct diag *why,
                       struct diag *diag)
{
    watch->ended = true;
    watch->result = result;
    watch->diag = *why;
    etcd_transfer_end(&watch->transfer);
    if (result != RESULT_NOT_FOUND && result != RESULT_REFUSED) {
        leave_node(watch);
    }
    return diag_fail(diag, result, "%s", why->text);
}

static enum result end_saying(struct etcd_watch *watch, enum result result, const char *what,
                              struct diag *diag)
{
    struct diag why = { "" };
    (void)diag_fail(&why, result, "%s: %s", watch->etcd->nodes[watch->node].text, what);
    return end(watch, result, &why, diag);
}

/* Without a message to take. */
static enum result when_empty(struct etcd_watch *watch, struct diag *diag)
{
    struct diag why = { "" };
    if (watch->transfer.finished) {
        enum result result = etcd_transfer_result(&watch->transfer, false, &why);
        return result == RESULT_OK
                   ? end_saying(watch, RESULT_UNREACHABLE, "the node has ended the watch", diag)
                   : end(watch, result, &why, diag);
    }
    if (watch->open_by > 0 && clock_steady_ms() >= watch->open_by) {
        return end_saying(watch, RESULT_UNREACHABLE, "the watch did not begin in time", diag);
    }
    return RESULT_EXHAUSTED;
}

static enum result take(struct etcd_watch *watch, struct octets message,
                        struct etcdreply_events *out, struct diag *diag)
{
    struct etcdreply_events events;
    struct diag why = { "" };
    enum result result = etcdreply_events(&events, message, &why);
    if (result == RESULT_OK && events.cancelled) {
        result = etcdreply_cancelled(&events, &why);
    }
    if (result != RESULT_OK) {
        return end_saying(watch, result, why.text, diag);
    }
    watch->open_by = 0;
    *out = events;
    return RESULT_OK;
}

enum result etcd_watch_next(struct etcd_watch *watch, struct etcdreply_events *out,
                            struct diag *diag)
{
    if (watch->ended) {
        return diag_fail(diag, watch->result, "%s", watch->diag.text);
    }
    struct octets message;
    struct diag why = { "" };
    enum result result = grpc_take(&watch->transfer.inbox, &message, &why);
    while (result == RESULT_EXHAUSTED && watch->transfer.paused) {
        etcd_transfer_resume(&watch->transfer);
        result = grpc_take(&watch->transfer.inbox, &message, &why);
    }
    switch (result) {
    case RESULT_OK:
        return take(watch, message, out, diag);
    case RESULT_EXHAUSTED:
        return when_empty(watch, diag);
    default:
        return end_saying(watch, result, why.text, diag);
    }
}

void etcd_watch_wait_all(const struct etcd *etcd, unsigned *wait_ms)
{
    uint64_t now = clock_steady_ms();
    for (const struct etcd_watch *watch = etcd->watches; watch != NULL; watch = watch->next) {
        if (!watch->ended && watch->open_by > 0) {
            *wait_ms = (unsigned)u64_min(*wait_ms, watch->open_by - u64_min(now, watch->open_by));
        }
        if (watch->transfer.finished || watch->transfer.paused) { /* to be told of */
            *wait_ms = 0;
        }
    }
}

unsigned etcd_watch_node(const struct etcd_watch *watch)
{
    return watch->node;
}

uint64_t etcd_watch_silent_ms(const struct etcd_watch *watch)
{
    uint64_t now = clock_steady_ms(), heard_at = watch->transfer.heard_at;
    return watch->ended || now < heard_at ? 0 : now - heard_at;
}

void etcd_watch_free(struct etcd_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    struct etcd_watch **link = &watch->etcd->watches;
    while (*link != watch) {
        link = &(*link)->next;
    }
    *link = watch->next;
    etcd_transfer_end(&watch->transfer);
    protobuf_free(&watch->request);
    free(watch);
}
