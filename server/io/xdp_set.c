#include "server/io/xdp_set.h"

#include <stdio.h>
#include <stdlib.h>

static void say_sockets(log_sink *log, const char *what, const struct diag *diag)
{
    log_say(log, LOG_WARNING, "sockets answer the queries of %s, not XDP: %s", what, diag->text);
}

/* One queue, or all. Returns how many are open, and says what could not be opened. */
static unsigned open_queues(const struct xdp_program *program,
                            const struct xdp_interface *interface, const struct xdp_place *place,
                            const struct crew *crew, log_sink *log)
{
    size_t workers = crew->count / 2;
    unsigned first = place->queue < 0 ? 0 : (unsigned)place->queue;
    unsigned end = place->queue >= 0 ? first + 1 : interface->queues > 0 ? interface->queues : 1;
    unsigned opened = 0;
    const char *mode = "";
    for (unsigned number = first; number < end; number++) {
        struct worker *worker = crew->workers[number % workers];
        struct xdp_queue *queue = NULL;
        struct diag diag;
        enum result result =
            xdp_queue_open(&queue, worker->udp_shared, interface->index, number, program, &diag);
        if (result == RESULT_OK) {
            memcpy(queue->interface, place->interface, sizeof(queue->interface));
            queue->next = worker->xdp;
            worker->xdp = queue;
            opened++;
            mode = xdp_queue_mode(queue);
        } else {
            char what[IF_NAMESIZE + 32];
            (void)snprintf(what, sizeof(what), "%s, queue %u", place->interface, number);
            say_sockets(log, what, &diag);
        }
    }
    if (opened > 0) {
        log_say(log, LOG_NOTICE, "answers the queries of %s by XDP: %u queue%s from %u on, %s",
                place->interface, opened, opened == 1 ? "" : "s", first, mode);
    }
    return opened;
}

static enum result load(struct xdp_program *program, const struct xdp_interface *interface,
                        const char *name, const struct xdp_wish *wish, struct diag *diag)
{
    struct xdp_target *targets = xcalloc(XDP_TARGETS_MAX, sizeof(*targets));
    size_t count = xdp_interface_targets(targets, name, wish->listen, wish->listen_count);
    if (count == 0) {
        free(targets);
        return diag_fail(diag, RESULT_MISSING, "the machine has no address that it listens on");
    }
    enum result result = xdp_program_load(program, interface->mac, targets, count, diag);
    free(targets);
    return result == RESULT_OK ? xdp_program_attach(program, interface->index, diag) : result;
}

/* The places that name one interface share its program. */
static bool is_first(const struct xdp_wish *wish, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (strcmp(wish->places[i].interface, wish->places[place].interface) == 0) {
            return false;
        }
    }
    return true;
}

static void open_interface(struct xdp_set *set, const struct xdp_wish *wish, size_t first,
                           const struct crew *crew)
{
    const char *name = wish->places[first].interface;
    struct xdp_program *program = &set->programs[set->count];
    struct xdp_interface interface;
    struct diag diag;
    bool loaded = false;
    unsigned opened = 0;
    *program = xdp_program_none();
    for (size_t i = first; i < wish->count; i++) {
        const struct xdp_place *place = &wish->places[i];
        if (strcmp(place->interface, name) != 0) {
            continue;
        }
        enum result result = xdp_interface_look(&interface, place, &diag);
        if (result == RESULT_OK && !loaded) {
            result = load(program, &interface, name, wish, &diag);
            loaded = result == RESULT_OK;
        }
        if (result != RESULT_OK) {
            say_sockets(wish->log, name, &diag);
        } else {
            opened += open_queues(program, &interface, place, crew, wish->log);
        }
    }
    if (opened > 0) {
        set->count++;
    } else {
        xdp_program_close(program);
    }
}

void xdp_set_open(struct xdp_set *set, const struct xdp_wish *wish, const struct crew *crew)
{
    set->count = 0;
    for (size_t i = 0; i < wish->count; i++) {
        if (is_first(wish, i)) {
            open_interface(set, wish, i, crew);
        }
    }
}

void xdp_set_close(struct xdp_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        xdp_program_close(&set->programs[i]);
    }
    set->count = 0;
}
