#include "probe/lookup.h"

#include <stdlib.h>

/* Two things end independently: the resolver's thread, which can't be stopped, and the timer. The struct lives until both
 * have. */
struct lookup {
    uv_getaddrinfo_t request;
    uv_timer_t timer;
    unsigned pending; /* request, timer */
    lookup_done *done;
    void *arg;
};

static void release(struct lookup *lookup)
{
    if (--lookup->pending == 0) {
        free(lookup);
    }
}

static void timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void report(struct lookup *lookup, const struct address *addresses, unsigned count,
                   const char *why)
{
    lookup_done *done = lookup->done;
    if (done != NULL) {
        lookup->done = NULL;
        uv_close((uv_handle_t *)&lookup->timer, timer_closed);
        done(addresses, count, why, lookup->arg);
    }
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct lookup *lookup = request->data;
    struct address addresses[LIMIT_ADDRESSES];
    unsigned count = 0;
    for (const struct addrinfo *each = list; each != NULL && count < LIMIT_ADDRESSES;
         each = each->ai_next) {
        struct endpoint endpoint;
        if (endpoint_of_sockaddr(&endpoint, each->ai_addr) == RESULT_OK) {
            addresses[count++] = endpoint.address;
        }
    }
    uv_freeaddrinfo(list);
    report(lookup, addresses, count, status < 0 ? uv_strerror(status) : "no address");
    release(lookup);
}

static void timed_out(uv_timer_t *timer)
{
    report(timer->data, NULL, 0, "the resolver does not answer");
}

struct lookup *lookup_start(uv_loop_t *loop, const char *name, lookup_done *done, void *arg)
{
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    lookup->done = done;
    lookup->arg = arg;
    lookup->request.data = lookup;
    if (uv_getaddrinfo(loop, &lookup->request, resolved, name, NULL, &hints) < 0) {
        free(lookup);
        return NULL;
    }
    lookup->pending = 2;
    lookup->timer.data = lookup;
    uv_timer_init(loop, &lookup->timer);
    uv_timer_start(&lookup->timer, timed_out, LIMIT_RESOLVE_MS, 0);
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    if (lookup->done != NULL) {
        lookup->done = NULL;
        uv_close((uv_handle_t *)&lookup->timer, timer_closed);
        uv_cancel((uv_req_t *)&lookup->request);
    }
}
