#include "tools/fleet/following.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/backoff.h"

enum {
    KEY_ROOM = 256 /* of prefix and name */
};

struct following {
    struct feeder *feeder;
    struct following_reader reader;
    void *arg;
    char from[KEY_ROOM], to[KEY_ROOM]; /* `to` is empty for one key */
    struct etcd_call *reading;
    uint8_t *after; /* the last key of the page before; NULL: none */
    size_t after_len;
    uint64_t page;     /* rows of one */
    unsigned node;     /* that is read */
    uint64_t revision; /* ... as of which; 0: the first page is still to come */
    struct etcd_watch *watch;
    struct etcd_call *proof; /* that the node lives */
    uint64_t proved_at;
    struct backoff backoff;
    struct log_once trouble;
};

struct following *following_new(struct feeder *feeder, const char *what,
                                const struct following_reader *reader, void *arg)
{
    struct following *following = xcalloc(1, sizeof(*following));
    *following = (struct following){
        .feeder = feeder, .reader = *reader, .arg = arg, .page = FOLLOWING_PAGE
    };
    int len = snprintf(following->from, KEY_ROOM, "%s%s", feeder->prefix, what);
    ASSERT(len > 0 && len < KEY_ROOM);
    if (following->from[len - 1] == '/') {
        memcpy(following->to, following->from, (size_t)len);
        following->to[len - 1]++;
    }
    return following;
}

static void stop(struct following *following)
{
    etcd_call_free(following->reading);
    etcd_call_free(following->proof);
    etcd_watch_free(following->watch);
    free(following->after);
    following->reading = NULL;
    following->proof = NULL;
    following->watch = NULL;
    following->after = NULL;
    following->after_len = 0;
    following->page = FOLLOWING_PAGE;
    following->revision = 0;
}

void following_free(struct following *following)
{
    if (following != NULL) {
        stop(following);
        free(following);
    }
}

bool following_is_on(const struct following *following)
{
    return following->watch != NULL;
}

/* The engine that can't be reached is told by the pulse; all else is told here. */
static void give_up(struct following *following, enum result result, const struct diag *why)
{
    const struct feeder *feeder = following->feeder;
    stop(following);
    backoff_fail(&following->backoff, feeder->now_ms);
    log_once(&following->trouble, feeder->log,
             result == RESULT_UNREACHABLE ? LOG_DEBUG : LOG_WARNING, NULL, "%s: %s",
             following->from + strlen(feeder->prefix), why->text);
}

static struct octets without_prefix(const struct following *following, struct octets key)
{
    size_t len = strlen(following->from);
    return key.len < len ? (struct octets){ key.data, 0 }
                         : (struct octets){ key.data + len, key.len - len };
}

static struct octets keys_end(const struct following *following)
{
    return etcdrequest_text(following->to);
}

static void read_page(struct following *following)
{
    struct protobuf request = { .data = NULL };
    bool first = following->revision == 0;
    struct etcdrequest_range range = {
        .keys = { .from = etcdrequest_text(following->from), .to = keys_end(following) },
        .revision = following->revision,
        .limit = following->page,
        .serializable = !first, /* the node that has answered has that revision */
    };
    if (following->after != NULL) {
        range.keys.from = (struct octets){ following->after, following->after_len };
    }
    etcdrequest_range(&request, &range);
    struct etcd_plan plan = { .method = ETCD_RANGE,
                              .request = &request,
                              .node = first ? ETCD_ANY_NODE : (int)following->node,
                              .stale = !first };
    following->reading = etcd_call_start(following->feeder->etcd, &plan);
    protobuf_free(&request);
}

/* The next page begins right behind this key. */
static void go_on_after(struct following *following, struct octets key)
{
    free(following->after);
    following->after = xcalloc(1, key.len + 1);
    memcpy(following->after, key.data, key.len);
    following->after_len = key.len + 1;
}

static enum result take_page(struct following *following, bool *more, struct diag *diag)
{
    struct etcdreply_range range;
    struct etcdreply_row row = { .key = { NULL, 0 } };
    TRY(etcdreply_range(&range, etcd_call_reply(following->reading), diag));
    if (following->revision == 0) {
        following->revision = range.header.revision;
        following->node = etcd_call_node(following->reading);
        if (following->reader.anew != NULL) {
            following->reader.anew(following->arg);
        }
    }
    while (etcdreply_next_row(&range, &row)) {
        TRY(following->reader.row(following->arg, without_prefix(following, row.key), row.value,
                                  diag));
    }
    *more = range.more && row.key.len > 0 && *following->to != '\0';
    if (*more) {
        go_on_after(following, row.key);
    } else if (following->reader.whole != NULL) {
        return following->reader.whole(following->arg, diag);
    }
    return RESULT_OK;
}

static void begin_watch(struct following *following)
{
    struct etcdrequest_watch plan = {
        .keys = { .from = etcdrequest_text(following->from), .to = keys_end(following) },
        .revision = following->revision + 1,
        .progress = true,
    };
    unsigned node = following->node;
    stop(following);
    following->watch = etcd_watch_start(following->feeder->etcd, &plan, (int)node);
    following->proved_at = following->feeder->now_ms;
}

/* The reading has ended. */
static void end_page(struct following *following)
{
    struct diag diag = { "" };
    bool more = false;
    enum result result = etcd_call_result(following->reading, &diag);
    if (result == RESULT_OK) {
        result = take_page(following, &more, &diag);
    } else if (result == RESULT_TOO_LONG && following->page > 1) {
        /* A machine may have put long rows there. One alone is no longer than a message. */
        following->page /= 4;
        result = RESULT_OK;
        more = true;
    }
    if (result != RESULT_OK) {
        give_up(following, result, &diag);
        return;
    }
    etcd_call_free(following->reading);
    following->reading = NULL;
    if (more) {
        read_page(following);
    } else {
        begin_watch(following);
    }
}

static enum result take_events(struct following *following, struct etcdreply_events *events,
                               struct diag *diag)
{
    struct etcdreply_event event;
    while (etcdreply_next_event(events, &event)) {
        struct octets key = without_prefix(following, event.row.key);
        TRY(event.deleted ? following->reader.gone(following->arg, key, diag)
                          : following->reader.row(following->arg, key, event.row.value, diag));
    }
    return RESULT_OK;
}

/* A node that is stopped, and whose kernel still acknowledges, is told by nothing else. */
static enum result prove(struct following *following, struct diag *diag)
{
    uint64_t now = following->feeder->now_ms, silent = etcd_watch_silent_ms(following->watch);
    if (following->proof != NULL) {
        if (etcd_call_has_ended(following->proof)) {
            TRY(etcd_call_result(following->proof, diag));
            etcd_call_free(following->proof);
            following->proof = NULL;
            following->proved_at = now;
        }
        return RESULT_OK;
    }
    if (silent >= FOLLOWING_PROOF_MS && now >= following->proved_at + FOLLOWING_PROOF_MS) {
        struct protobuf request = { .data = NULL };
        struct etcdrequest_range range = { .keys = { .from = etcdrequest_text(following->from) },
                                           .serializable = true,
                                           .count_only = true };
        etcdrequest_range(&request, &range);
        struct etcd_plan plan = { .method = ETCD_RANGE,
                                  .request = &request,
                                  .node = (int)etcd_watch_node(following->watch),
                                  .stale = true };
        following->proof = etcd_call_start(following->feeder->etcd, &plan);
        protobuf_free(&request);
    }
    return RESULT_OK;
}

/* Takes what the watch has. False: there may be more at once. */
static bool drain(struct following *following)
{
    struct diag diag = { "" };
    struct etcdreply_events events;
    enum result result = RESULT_OK;
    for (unsigned i = 0; i < FOLLOWING_MESSAGES && result == RESULT_OK; i++) {
        result = etcd_watch_next(following->watch, &events, &diag);
        if (result == RESULT_OK) {
            backoff_over(&following->backoff);
            log_once_over(&following->trouble, following->feeder->log, "rows come in again");
            result = take_events(following, &events, &diag);
        }
    }
    if (result == RESULT_OK) {
        return false;
    }
    if (result == RESULT_EXHAUSTED) {
        result = prove(following, &diag);
    }
    if (result != RESULT_OK) {
        give_up(following, result, &diag);
    }
    return true;
}

unsigned following_turn(struct following *following)
{
    unsigned wait_ms = backoff_wait(&following->backoff, following->feeder->now_ms);
    if (following->watch != NULL) {
        return drain(following) ? FEEDER_IDLE_MS : 0;
    }
    if (following->reading == NULL && wait_ms > 0) {
        return wait_ms;
    }
    if (following->reading == NULL) {
        read_page(following);
    } else if (etcd_call_has_ended(following->reading)) {
        end_page(following);
    }
    return FEEDER_IDLE_MS;
}
