#include "server/io/worker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "server/answering/respond.h"
#include "server/io/tcp.h"
#include "server/io/udp.h"
#include "zone/base/clock.h"

static struct signer *make_signer(const struct zone_state *zone, struct sigcache *cache)
{
    uint64_t seed = 0;
    randombytes_buf(&seed, sizeof(seed));
    return signer_new(zone->keyring, cache, &zone->settings.apex,
                      zone->settings.signature_validity_s, seed);
}

/* Makes the worker's signers for its view's keys; the old ones go. */
static void renew_signers(struct worker *worker, const struct zone_state *zone)
{
    struct answerer *answerer = &worker->answerer;
    signer_free(answerer->snapshot.signer);
    signer_free(answerer->snapshot.limited_signer);
    answerer->snapshot.signer = make_signer(zone, worker->cache);
    answerer->snapshot.limited_signer = make_signer(zone, worker->denials);
    signer_limit(answerer->snapshot.limited_signer, &worker->budget);
}

/* Takes the incoming view, if there is one. */
static void adopt(struct worker *worker)
{
    if (atomic_load_explicit(&worker->next, memory_order_relaxed) == NULL) {
        return;
    }
    struct counters *counters = atomic_exchange(&worker->next, NULL);
    struct zone_state *zone = counters->zone, *old = worker->answerer.snapshot.zone;
    bool same_keys = zone->keyring == old->keyring &&
                     zone->settings.signature_validity_s == old->settings.signature_validity_s;
    if (!same_keys) {
        renew_signers(worker, zone);
    }
    counters_unref(worker->answerer.snapshot.counters);
    worker->answerer.snapshot.zone = zone;
    worker->answerer.snapshot.counters = counters;
    size_t members = zone->deal->candidates.members;
    if (!answer_cache_fits(worker->answerer.snapshot.cache, members)) {
        answer_cache_free(worker->answerer.snapshot.cache);
        worker->answerer.snapshot.cache = answer_cache_new(members);
    }
}

void worker_publish(struct worker *worker, struct counters *counters)
{
    counters_unref(atomic_exchange(&worker->next, counters));
}

bool worker_begin(struct worker *worker)
{
    adopt(worker);
    worker->answerer.snapshot.now = clock_now();
    struct timespec monotonic;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &monotonic);
    worker->now_us = (uint64_t)monotonic.tv_sec * 1000000 + (uint64_t)monotonic.tv_nsec / 1000;
    budget_follow(&worker->budget, worker->answerer.snapshot.zone->settings.denial_budget,
                  worker->now_us);
    if (store_renew(worker->answerer.snapshot.registry) != RESULT_OK) {
        return false;
    }
    decide_begin(&worker->answerer);
    return true;
}

void worker_end(struct worker *worker)
{
    store_rest(worker->answerer.snapshot.registry);
}

static void count(atomic_uint_fast64_t *counter)
{
    /* One writer: no locked instruction is needed, only that readers see whole numbers. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* The kind of response that is counted together, see rrl.h. The names are spread over groups by
 * their letters, case apart; not more than the spread depends on it. */
static unsigned rate_kind(const struct query *query, const struct answer *answer)
{
    if (answer == NULL || (answer->rcode != RCODE_NOERROR && answer->rcode != RCODE_NXDOMAIN)) {
        return RRL_ERROR;
    }
    if (answer->rcode == RCODE_NXDOMAIN || answer->answer_count == 0) {
        return RRL_NEGATIVE;
    }
    /* Eight octets at a time, the last eight again where the length is no multiple. */
    uint64_t sum = 0, word = 0;
    const struct dname *name = &query->qname;
    for (size_t at = 0; at + 8 <= name->len; at = at + 16 <= name->len ? at + 8 : name->len - 8u) {
        memcpy(&word, name->wire + at, sizeof(word));
        sum = (sum ^ (word | UINT64_C(0x2020202020202020))) * UINT64_C(0x9e3779b97f4a7c15);
        if (at + 8 == name->len) {
            break;
        }
    }
    _Static_assert(RRL_NAME_GROUPS == 16, "four bits");
    return RRL_POSITIVE + (unsigned)(sum >> 60);
}

/* Counts the answer. A good cookie is a free pass over UDP, where the rate is there for who did not
 * ask. Over TCP, counted apart since nobody can forge that, it is there for the other clients: the
 * answer is sent, and the connection rests. */
static bool is_within_rate(struct worker *worker, const struct incoming *incoming, bool proven,
                           const struct query *query, const struct answer *answer)
{
    uint32_t rate = worker->answerer.snapshot.zone->settings.rrl_rate;
    if (rate == 0 || (proven && !incoming->tcp)) {
        return true;
    }
    unsigned kind = rate_kind(query, answer) + (incoming->tcp ? RRL_TCP : 0U);
    if (rrl_take(worker->rrl, &incoming->source, kind, rate, worker->now_us)) {
        return true;
    }
    count(&worker->counters.limited);
    return false;
}

/* The answer to a client that is over its rate over UDP. Who has a cookie option proves its address
 * at once; of others, every `rrl-slip`th is told to come back over TCP, since real clients are
 * among them. */
static size_t over_rate(struct worker *worker, const struct query *query, uint8_t *out,
                        size_t limit)
{
    const struct zone_state *zone = worker->answerer.snapshot.zone;
    uint32_t slip = zone->settings.rrl_slip;
    if (slip == 0 || worker->over_rate++ % slip != 0) {
        count(&worker->counters.dropped);
        return 0;
    }
    if ((query->options & QUERY_COOKIE) != 0 && zone->cookies.present) {
        return respond_reject(query, RCODE_BADCOOKIE, out, limit); /* RFC 7873 5.2.3 */
    }
    return respond_truncated(query, out, limit);
}

/* Writes the response to what query_parse found; `answer` is NULL for a query that is rejected with
 * `rcode`. */
static size_t respond(struct worker *worker, const struct query *query, const struct answer *answer,
                      enum rcode rcode, uint8_t *out, size_t limit)
{
    if (answer != NULL) {
        return respond_answer(query, answer, worker->answerer.snapshot.signer,
                              worker->answerer.snapshot.now, out, limit);
    }
    const char *text = rcode == RCODE_REFUSED && query->qclass == RR_CLASS_CH
                           ? edns_identity_text(query, worker->identity)
                           : NULL;
    return text != NULL ? respond_chaos(query, text, out, limit)
                        : respond_reject(query, rcode, out, limit);
}

void worker_read(struct worker *worker, const struct incoming *incoming, struct handling *out)
{
    struct query *query = &out->query;
    count(incoming->tcp ? &worker->counters.tcp : &worker->counters.udp);
    out->rcode = RCODE_NOERROR;
    out->verdict = query_parse(query, &out->rcode, incoming->data, incoming->len);
    if (out->verdict == QUERY_ANSWER && query->qclass == RR_CLASS_CH) {
        out->verdict = QUERY_REJECT;
        out->rcode = RCODE_REFUSED;
    }
    if (out->verdict == QUERY_ANSWER) {
        decide_prepare(&worker->answerer, query, &out->target);
    }
}

size_t worker_answer(struct worker *worker, const struct incoming *incoming,
                     struct handling *handling, uint8_t *out, size_t room)
{
    struct query *query = &handling->query;
    enum rcode rcode = handling->rcode;
    uint8_t options[EDNS_REPLY_MAX];
    const struct zone_state *zone = worker->answerer.snapshot.zone;
    const struct answer *answer = NULL;
    bool proven = false;
    if (handling->verdict == QUERY_DROP) {
        count(&worker->counters.dropped);
        return 0;
    }
    if (edns_due(query, zone)) {
        const struct edns_asked asked = {
            zone,          worker->identity, &incoming->source, worker->answerer.snapshot.now,
            incoming->tcp, worker->draining
        };
        proven = edns_reply(query, &asked, options);
    }
    if (handling->verdict == QUERY_ANSWER) {
        answer = decide_answer(&worker->answerer, query, &handling->target, &incoming->source);
    } else if (rcode == RCODE_NOERROR && !zone->cookies.present) {
        rcode = RCODE_FORMERR; /* it asked for a cookie only, and there are none */
    }
    size_t limit = incoming->tcp ? room : respond_udp_limit(query);
    bool within = is_within_rate(worker, incoming, proven, query, answer);
    handling->over_rate = incoming->tcp && !within;
    size_t out_len = within || incoming->tcp ? respond(worker, query, answer, rcode, out, limit)
                                             : over_rate(worker, query, out, limit);
    if (out_len > 0) {
        count(&worker->counters.rcode[respond_rcode(out)]);
        if (answer != NULL && answer->due.turn != NULL && respond_is_whole(out)) {
            counters_sent(&answer->due);
        }
    }
    return out_len;
}

static void on_stop(uv_async_t *stop)
{
    struct worker *worker = stop->data;
    for (size_t i = 0; i < worker->udp_count; i++) {
        udp_close(&worker->udp[i]);
    }
    tcp_close(worker->tcp);
    uv_close((uv_handle_t *)stop, NULL);
    uv_close((uv_handle_t *)&worker->drain, NULL);
}

static void on_drain(uv_async_t *drain)
{
    struct worker *worker = drain->data;
    worker->draining = true;
    for (size_t i = 0; i < worker->udp_count; i++) {
        udp_retire(&worker->udp[i]);
    }
    tcp_drain(worker->tcp);
}

static enum result open_sockets(struct worker *worker, const struct worker_parts *parts,
                                struct diag *diag)
{
    enum result result = RESULT_OK;
    for (size_t i = 0; i < parts->listen_count && result == RESULT_OK; i++) {
        if (parts->udp) {
            result = udp_open(&worker->udp[i], worker, &parts->listen[i], diag);
            worker->udp_count += result == RESULT_OK;
        }
        if (parts->tcp && result == RESULT_OK) {
            result = tcp_listen(worker->tcp, &parts->listen[i], diag);
        }
    }
    return result;
}

enum result worker_new(struct worker **out, const struct worker_parts *parts,
                       struct counters *counters, struct diag *diag)
{
    struct zone_state *zone = counters->zone;
    struct worker *worker = xcalloc(1, sizeof(*worker));
    worker->cache = parts->cache;
    worker->denials = sigcache_new(WORKER_DENIALS);
    worker->rrl = parts->rrl;
    worker->identity = parts->identity;
    worker->answerer.snapshot.zone = zone;
    worker->answerer.snapshot.counters = counters;
    worker->answerer.snapshot.cache = answer_cache_new(zone->deal->candidates.members);
    worker->udp_in = xmalloc(UDP_BATCH * sizeof(*worker->udp_in));
    worker->udp_out = xmalloc(UDP_BATCH * sizeof(*worker->udp_out));
    worker->udp = xcalloc(parts->listen_count, sizeof(*worker->udp));
    ASSERT(uv_loop_init(&worker->loop) == 0);
    ASSERT(uv_async_init(&worker->loop, &worker->stop, on_stop) == 0);
    ASSERT(uv_async_init(&worker->loop, &worker->drain, on_drain) == 0);
    worker->stop.data = worker->drain.data = worker;
    worker->tcp = tcp_new(worker, parts->tcp_connections);
    enum result result = store_read(parts->registry, &worker->answerer.snapshot.registry, diag);
    if (result == RESULT_OK) {
        store_rest(worker->answerer.snapshot.registry);
        renew_signers(worker, zone);
    }
    if (result == RESULT_OK) {
        result = open_sockets(worker, parts, diag);
    }
    if (result != RESULT_OK) {
        worker_free(worker);
        return result;
    }
    *out = worker;
    return RESULT_OK;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    return NULL;
}

enum result worker_start(struct worker *worker, struct diag *diag)
{
    int error = pthread_create(&worker->thread, NULL, run, worker);
    if (error != 0) {
        worker->thread = 0;
        return diag_fail(diag, RESULT_SYSTEM, "can't start a thread: %s", strerror(error));
    }
    return RESULT_OK;
}

void worker_drain(struct worker *worker)
{
    (void)uv_async_send(&worker->drain);
}

void worker_hang_up(const struct worker *worker, int instead)
{
    int fd = -1;
    for (size_t i = 0; (fd = tcp_listener(worker->tcp, i)) >= 0; i++) {
        (void)dup3(instead, fd, O_CLOEXEC);
    }
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    if (worker->thread != 0) {
        (void)uv_async_send(&worker->stop);
        (void)pthread_join(worker->thread, NULL);
    } else {
        on_stop(&worker->stop);
        (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    }
    ASSERT(uv_loop_close(&worker->loop) == 0);
    tcp_free(worker->tcp);
    if (worker->answerer.snapshot.registry != NULL) {
        store_abort(worker->answerer.snapshot.registry);
    }
    signer_free(worker->answerer.snapshot.signer);
    signer_free(worker->answerer.snapshot.limited_signer);
    sigcache_free(worker->denials);
    answer_cache_free(worker->answerer.snapshot.cache);
    counters_unref(atomic_exchange(&worker->next, NULL));
    counters_unref(worker->answerer.snapshot.counters);
    free(worker->udp);
    free(worker->udp_in);
    free(worker->udp_out);
    free(worker);
}
