#include "probe/lookup.h"

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "probe/stall.h"
#include "zone/names/rrset.h"
#include "zone/registry/consent.h"

/* A socket of c-ares that the loop polls. */
struct polled {
    uv_poll_t poll;
    struct lookup *lookup;
    ares_socket_t fd;
    struct polled *next;
};

/* The result for one family. */
struct found {
    struct lookup *lookup;
    int status;
    int ttl_s;
    unsigned count;
    struct address addresses[LIMIT_ADDRESSES]; /* the lowest, in order */
};

struct lookup {
    uv_loop_t *loop;
    ares_channel channel;
    struct polled *sockets;
    uv_timer_t timer;
    uint64_t end_ms, ticked_ms;
    unsigned open;    /* handles */
    unsigned pending; /* queries */
    bool over;
    struct found found[2]; /* IPv6, IPv4 */
    const struct dname *apex;
    enum lookup_consent consent;
    const char *consent_why;
    lookup_done *done;
    void *arg;
};

/* -- answers -- */

/* Keeps the lowest addresses, so that the selection does not depend on the resolver's order. */
static void insert(struct found *found, const struct address *address)
{
    unsigned at = found->count;
    for (unsigned i = 0; i < found->count; i++) {
        if (address_equal(&found->addresses[i], address)) {
            return;
        }
    }
    if (at == LIMIT_ADDRESSES) {
        at--;
        if (memcmp(address, &found->addresses[at], sizeof(*address)) > 0) {
            return;
        }
    } else {
        found->count++;
    }
    for (; at > 0 && memcmp(address, &found->addresses[at - 1], sizeof(*address)) < 0; at--) {
        found->addresses[at] = found->addresses[at - 1];
    }
    found->addresses[at] = *address;
}

static void family_ended(void *arg, int status, int, struct ares_addrinfo *result)
{
    struct found *found = arg;
    /* c-ares reports a query that we end as cancelled; it took too long */
    found->status = found->lookup->over ? ARES_ETIMEOUT : status;
    found->lookup->pending--;
    if (result == NULL) {
        return;
    }
    found->ttl_s = INT32_MAX;
    for (const struct ares_addrinfo_cname *each = result->cnames; each != NULL; each = each->next) {
        found->ttl_s = each->ttl < found->ttl_s ? each->ttl : found->ttl_s;
    }
    for (const struct ares_addrinfo_node *each = result->nodes; each != NULL;
         each = each->ai_next) {
        struct endpoint endpoint;
        if (endpoint_of_sockaddr(&endpoint, each->ai_addr) == RESULT_OK) {
            found->ttl_s = each->ai_ttl < found->ttl_s ? each->ai_ttl : found->ttl_s;
            insert(found, &endpoint.address);
        }
    }
    ares_freeaddrinfo(result);
}

static bool is_missing(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_EBADNAME;
}

static bool is_unknown(int status)
{
    return status != ARES_SUCCESS && status != ARES_ENODATA && !is_missing(status);
}

/* A record is one text, in one string or several. What has no room is too long to consent. */
static bool any_consents(const struct ares_txt_ext *texts, const struct dname *apex)
{
    char text[CONSENT_TEXT_ROOM];
    size_t len = 0;
    for (const struct ares_txt_ext *each = texts; each != NULL; each = each->next) {
        len = each->record_start != 0 ? 0 : len;
        size_t fits = each->length < sizeof text - len ? each->length : sizeof text - len;
        memcpy(text + len, each->txt, fits);
        len += fits;
        bool whole = each->next == NULL || each->next->record_start != 0;
        if (whole && consent_says(text, len, apex)) {
            return true;
        }
    }
    return false;
}

static void set_consent(struct lookup *lookup, int status, bool consents)
{
    if (is_unknown(status)) {
        lookup->consent = LOOKUP_CONSENT_FAILED;
        lookup->consent_why = ares_strerror(status);
    } else if (status != ARES_SUCCESS) {
        lookup->consent = LOOKUP_NO_CONSENT;
        lookup->consent_why = is_missing(status) ? "no such name" : "no TXT record";
    } else {
        lookup->consent = consents ? LOOKUP_CONSENTS : LOOKUP_CONSENTS_TO_OTHERS;
        lookup->consent_why = "no TXT record names this pool";
    }
}

static void texts_came(void *arg, int status, int, unsigned char *response, int len)
{
    struct lookup *lookup = arg;
    struct ares_txt_ext *texts = NULL;
    if (status == ARES_SUCCESS) {
        int parsed = ares_parse_txt_reply_ext(response, len, &texts);
        bool none = parsed == ARES_ENODATA || (parsed == ARES_SUCCESS && texts == NULL);
        status = none ? ARES_ENODATA : parsed == ARES_SUCCESS ? ARES_SUCCESS : ARES_EBADRESP;
    }
    set_consent(lookup, lookup->over ? ARES_ETIMEOUT : status, any_consents(texts, lookup->apex));
    ares_free_data(texts);
    lookup->pending--;
}

static void add_addresses(struct lookup_answer *answer, const struct found *found, unsigned count)
{
    uint32_t ttl_s = found->ttl_s > 0 ? (uint32_t)found->ttl_s : 0;
    if (count > 0) {
        answer->ttl_s = answer->count == 0 || ttl_s < answer->ttl_s ? ttl_s : answer->ttl_s;
    }
    for (unsigned i = 0; i < count; i++) {
        answer->addresses[answer->count++] = found->addresses[i];
    }
}

static struct lookup_answer answer_of(const struct found found[2])
{
    struct lookup_answer answer = { .why = "no address" };
    bool missing = false;
    for (unsigned i = 0; i < 2; i++) {
        answer.unknown[i] = is_unknown(found[i].status);
        /* RFC 8020 2: NXDOMAIN holds for all types */
        missing |= is_missing(found[i].status);
    }
    unsigned half = LIMIT_ADDRESSES / 2;
    unsigned six = found[0].count < half ? found[0].count : half;
    unsigned four = found[1].count;
    four = four < LIMIT_ADDRESSES - six ? four : LIMIT_ADDRESSES - six;
    six = found[0].count < LIMIT_ADDRESSES - four ? found[0].count : LIMIT_ADDRESSES - four;
    /* IPv4 addresses are stored mapped, so this is the order of octets, but for IPv6 addresses that
     * are not routed */
    add_addresses(&answer, &found[1], four);
    add_addresses(&answer, &found[0], six);
    if (answer.count > 0) {
        answer.state = LOOKUP_FOUND;
    } else if (missing) {
        answer.state = LOOKUP_NO_NAME;
        answer.why = "no such name";
    } else if (answer.unknown[0] || answer.unknown[1]) {
        answer.state = LOOKUP_FAILED;
        answer.why = ares_strerror(found[answer.unknown[0] ? 0 : 1].status);
    } else {
        answer.state = LOOKUP_NO_ADDRESS;
    }
    return answer;
}

/* -- the loop -- */

static void release(struct lookup *lookup)
{
    if (--lookup->open > 0) {
        return;
    }
    if (lookup->done != NULL) {
        struct lookup_answer answer = answer_of(lookup->found);
        answer.consent = lookup->consent;
        answer.consent_why = lookup->consent_why;
        lookup->done(&answer, lookup->arg);
    }
    free(lookup);
}

static void socket_closed(uv_handle_t *handle)
{
    struct polled *polled = handle->data;
    struct lookup *lookup = polled->lookup;
    free(polled);
    release(lookup);
}

static void timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* Not to be called from inside c-ares, since it frees the channel. */
static void finish(struct lookup *lookup)
{
    if (!lookup->over) {
        lookup->over = true;
        ares_destroy(lookup->channel); /* calls socket_changed for each socket */
        uv_close((uv_handle_t *)&lookup->timer, timer_closed);
    }
}

static void process(struct lookup *lookup, ares_socket_t readable, ares_socket_t writable)
{
    ares_process_fd(lookup->channel, readable, writable);
    if (lookup->pending == 0) {
        finish(lookup);
    }
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    const struct polled *polled = poll->data;
    bool broken = status < 0; /* c-ares finds out itself when it uses the socket */
    process(polled->lookup, broken || (events & UV_READABLE) != 0 ? polled->fd : ARES_SOCKET_BAD,
            broken || (events & UV_WRITABLE) != 0 ? polled->fd : ARES_SOCKET_BAD);
}

static void time_passed(uv_timer_t *timer)
{
    struct lookup *lookup = timer->data;
    uint64_t pause_ms = uv_now(lookup->loop) - lookup->ticked_ms;
    lookup->ticked_ms += pause_ms;
    if (pause_ms >= STALL_SHORT_MS) {
        /* the process stalled: answers that came meanwhile are read first */
        lookup->end_ms += pause_ms;
        return;
    }
    process(lookup, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (uv_now(lookup->loop) >= lookup->end_ms) {
        finish(lookup);
    }
}

static struct polled *poll_socket(struct lookup *lookup, ares_socket_t fd)
{
    struct polled *polled = xcalloc(1, sizeof(*polled));
    polled->poll.data = polled;
    polled->lookup = lookup;
    polled->fd = fd;
    if (uv_poll_init(lookup->loop, &polled->poll, fd) < 0) {
        free(polled); /* the lookup will time out */
        return NULL;
    }
    lookup->open++;
    polled->next = lookup->sockets;
    lookup->sockets = polled;
    return polled;
}

static void socket_changed(void *data, ares_socket_t fd, int readable, int writable)
{
    struct lookup *lookup = data;
    struct polled **link = &lookup->sockets;
    while (*link != NULL && (*link)->fd != fd) {
        link = &(*link)->next;
    }
    struct polled *polled = *link;
    if (readable == 0 && writable == 0) {
        if (polled != NULL) {
            *link = polled->next;
            uv_close((uv_handle_t *)&polled->poll, socket_closed);
        }
        return;
    }
    if (polled == NULL) {
        polled = poll_socket(lookup, fd);
    }
    if (polled != NULL) {
        int events = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
        (void)uv_poll_start(&polled->poll, events, socket_ready);
    }
}

/* -- queries -- */

static bool ask_only(ares_channel channel, const struct endpoint *resolver)
{
    char address[ADDRESS_TEXT_MAX];
    char text[ADDRESS_TEXT_MAX + 16];
    (void)address_text(&resolver->address, address);
    bool bare = address_is_ipv4(&resolver->address);
    (void)snprintf(text, sizeof(text), "%s%s%s:%u", bare ? "" : "[", address, bare ? "" : "]",
                   resolver->port);
    return ares_set_servers_ports_csv(channel, text) == ARES_SUCCESS;
}

/* RFC 6761 6.3: names under localhost are never queried. c-ares knows that too, but some of its
 * versions leak memory with each such name. */
static bool is_local(const char *name)
{
    static const char local[] = "localhost";
    size_t len = strlen(name);
    len -= len > 0 && name[len - 1] == '.' ? 1 : 0;
    size_t tail = sizeof(local) - 1;
    return len >= tail && strncasecmp(name + len - tail, local, tail) == 0 &&
           (len == tail || name[len - tail - 1] == '.');
}

static void set_local(struct found found[2])
{
    static const char *const addresses[] = { "::1", "127.0.0.1" };
    for (unsigned i = 0; i < 2; i++) {
        found[i] = (struct found){ .status = ARES_SUCCESS, .count = 1 };
        CHECK(address_parse(&found[i].addresses[0], addresses[i]) == RESULT_OK);
    }
}

/* Names are fully qualified: the system's search list is never applied. */
static bool open_channel(struct lookup *lookup, const struct endpoint *resolver)
{
    struct ares_options options = { .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
                                    .timeout = LIMIT_RESOLVE_TRY_MS,
                                    .tries = LIMIT_TRIES,
                                    .ednspsz = LIMIT_RESOLVE_OCTETS,
                                    .sock_state_cb = socket_changed,
                                    .sock_state_cb_data = lookup };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB;
    if (ares_init_options(&lookup->channel, &options, mask) != ARES_SUCCESS) {
        return false;
    }
    if (resolver != NULL && !ask_only(lookup->channel, resolver)) {
        ares_destroy(lookup->channel);
        return false;
    }
    return true;
}

struct lookup *lookup_start(uv_loop_t *loop, const struct endpoint *resolver, const char *name,
                            lookup_done *done, void *arg)
{
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    lookup->loop = loop;
    if (!open_channel(lookup, resolver)) {
        free(lookup);
        return NULL;
    }
    lookup->done = done;
    lookup->arg = arg;
    lookup->open = 1;
    lookup->timer.data = lookup;
    uv_timer_init(loop, &lookup->timer);
    lookup->ticked_ms = uv_now(loop);
    lookup->end_ms = lookup->ticked_ms + LIMIT_RESOLVE_MS;
    bool local = is_local(name);
    lookup->pending = local ? 0 : 2;
    if (local) {
        set_local(lookup->found);
    }
    for (unsigned i = 0; i < 2 && !local; i++) {
        const struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
                                                   .ai_family = i == 0 ? AF_INET6 : AF_INET,
                                                   .ai_socktype = SOCK_DGRAM };
        lookup->found[i] = (struct found){ .lookup = lookup, .status = ARES_ETIMEOUT };
        ares_getaddrinfo(lookup->channel, name, NULL, &hints, family_ended, &lookup->found[i]);
    }
    if (lookup->pending == 0) {
        finish(lookup);
    } else {
        uv_timer_start(&lookup->timer, time_passed, LIMIT_RESOLVE_TICK_MS, LIMIT_RESOLVE_TICK_MS);
    }
    return lookup;
}

void lookup_ask_consent(struct lookup *lookup, const char *name, const struct dname *apex)
{
    /* there is no such name, or the server's needed no query, so it has no zone */
    if (lookup->over || name[0] == '\0') {
        set_consent(lookup, ARES_ENOTFOUND, false);
        return;
    }
    lookup->apex = apex;
    lookup->pending++;
    ares_query(lookup->channel, name, RR_CLASS_IN, RR_TXT, texts_came, lookup);
}

void lookup_cancel(struct lookup *lookup)
{
    lookup->done = NULL;
    finish(lookup);
}
