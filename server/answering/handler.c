#include "server/answering/handler.h"

#include <time.h>

#include <sodium.h>

#include "server/answering/respond.h"
#include "zone/base/clock.h"

enum {
    STALE_WAIT_MS = 2000 /* many looks of the refresher, also on a busy machine */
};

void handler_parts_fill(struct handler_parts *parts, size_t members, size_t handlers)
{
    parts->answers = answer_cache_new(members, handlers);
    parts->cache = sigcache_new(HANDLER_SIGNATURES + HANDLER_SIGNATURES_MEMBER * members);
    parts->denials = sigcache_new(HANDLER_DENIALS);
    parts->rrl = rrl_new();
}

void handler_parts_free(struct handler_parts *parts)
{
    answer_cache_free(parts->answers);
    sigcache_free(parts->denials);
    sigcache_free(parts->cache);
    rrl_free(parts->rrl);
}

static struct signer *make_signer(const struct zone_state *zone, struct sigcache *cache)
{
    uint64_t seed = 0;
    randombytes_buf(&seed, sizeof(seed));
    return signer_new(zone->keyring, cache, &zone->settings.apex,
                      zone->settings.signature_validity_s, seed);
}

/* Makes the signers for the keys of the zone state. */
static void renew_signers(struct handler *handler, const struct zone_state *zone)
{
    struct snapshot *snapshot = &handler->answerer.snapshot;
    signer_free(snapshot->signer);
    signer_free(snapshot->limited_signer);
    snapshot->signer = make_signer(zone, handler->cache);
    snapshot->limited_signer = make_signer(zone, handler->denials);
    signer_take_former(snapshot->signer);
    signer_take_former(snapshot->limited_signer);
    signer_limit(snapshot->limited_signer, &handler->budget);
    signer_count(snapshot->signer, &handler->answers);
    signer_count(snapshot->limited_signer, &handler->compact);
}

enum result handler_init(struct handler *handler, const struct handler_parts *parts,
                         struct counters *counters, struct diag *diag)
{
    struct snapshot *snapshot = &handler->answerer.snapshot;
    struct zone_state *zone = counters->zone;
    memset(handler, 0, sizeof(*handler));
    handler->cache = parts->cache;
    handler->denials = parts->denials;
    handler->rrl = parts->rrl;
    handler->identity = parts->identity;
    handler->answerer.whoami.server = parts->identity->nsid;
    snapshot->zone = zone;
    snapshot->counters = counters;
    answer_cache_join(&handler->reader, parts->answers);
    snapshot->cache = &handler->reader;
    TRY(store_read(parts->registry, &snapshot->registry, diag));
    store_rest(snapshot->registry);
    renew_signers(handler, zone);
    return RESULT_OK;
}

void handler_done(struct handler *handler)
{
    struct snapshot *snapshot = &handler->answerer.snapshot;
    if (snapshot->registry != NULL) {
        store_abort(snapshot->registry);
    }
    signer_free(snapshot->signer);
    signer_free(snapshot->limited_signer);
    answer_cache_leave(&handler->reader);
    counters_unref(atomic_exchange(&handler->next, NULL));
    counters_unref(snapshot->counters);
}

/* Takes the published zone state, if there is one. */
static void adopt(struct handler *handler)
{
    struct snapshot *snapshot = &handler->answerer.snapshot;
    if (atomic_load_explicit(&handler->next, memory_order_relaxed) == NULL) {
        return;
    }
    struct counters *counters = atomic_exchange(&handler->next, NULL);
    struct zone_state *zone = counters->zone, *old = snapshot->zone;
    bool same_keys = zone->keyring == old->keyring &&
                     zone->settings.signature_validity_s == old->settings.signature_validity_s;
    if (!same_keys) {
        renew_signers(handler, zone);
    }
    counters_unref(snapshot->counters);
    snapshot->zone = zone;
    snapshot->counters = counters;
    answer_cache_grow(snapshot->cache, zone->deal->candidates.members);
}

void handler_publish(struct handler *handler, struct counters *counters)
{
    counters_unref(atomic_exchange(&handler->next, counters));
}

/* While another data file lies in the place of ours, the refresher is about to take it up: queries
 * wait for that. */
static enum result renew(struct store_txn *registry)
{
    static const struct timespec moment = { .tv_nsec = 1000000 };
    enum result result = store_renew(registry);
    for (unsigned i = 0; i < STALE_WAIT_MS && result == RESULT_STALE; i++) {
        (void)nanosleep(&moment, NULL);
        result = store_renew(registry);
    }
    return result;
}

bool handler_begin(struct handler *handler)
{
    struct snapshot *snapshot = &handler->answerer.snapshot;
    adopt(handler);
    snapshot->now = clock_now();
    handler->began_ns = clock_monotonic_ns();
    handler->now_us = handler->began_ns / 1000;
    budget_update(&handler->budget, snapshot->zone->settings.denial_budget, handler->now_us);
    if (renew(snapshot->registry) != RESULT_OK) {
        return false;
    }
    decide_begin(&handler->answerer);
    return true;
}

void handler_end(struct handler *handler)
{
    decide_end(&handler->answerer);
    store_rest(handler->answerer.snapshot.registry);
    message_count_batch(&handler->counters, clock_monotonic_ns() - handler->began_ns);
}

/* The kind of response, as rrl.h counts it. Names are spread over groups by a hash of their
 * letters, whatever the case; nothing but the spread depends on it. */
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

/* Counts the response against the rate. Over UDP a good cookie is exempt: the rate is there for
 * victims of forged sources. Over TCP, where sources can't be forged and count apart, the rate is
 * there for the other clients: the response is sent, then the connection rests. */
static bool is_within_rate(struct handler *handler, const struct request *request, bool proven,
                           const struct answer *answer)
{
    uint32_t rate = handler->answerer.snapshot.zone->settings.rrl_rate;
    if (rate == 0 || (proven && !request->tcp)) {
        return true;
    }
    unsigned kind = rate_kind(&request->query, answer) + (request->tcp ? RRL_TCP : 0U);
    if (rrl_take(handler->rrl, &request->source, kind, rate, handler->now_us)) {
        return true;
    }
    message_count(&handler->counters, MESSAGES_LIMITED);
    return false;
}

/* To a client that is over its rate over UDP. One with a cookie option gets a cookie to prove its
 * address with. Of the others, every `rrl-slip`th is told to come back over TCP, since real clients
 * may be among them. */
static struct written respond_over_rate(struct handler *handler, const struct response *response)
{
    const struct zone_state *zone = handler->answerer.snapshot.zone;
    uint32_t slip = zone->settings.rrl_slip;
    if (slip == 0 || handler->over_rate++ % slip != 0) {
        message_count(&handler->counters, MESSAGES_DROPPED + MESSAGE_RATE);
        return (struct written){ .len = 0 };
    }
    message_count(&handler->counters, MESSAGES_SLIPPED);
    if ((response->query->options & QUERY_COOKIE) != 0 && zone->cookies.present) {
        return respond_reject(response, RCODE_BADCOOKIE); /* RFC 7873 5.2.3 */
    }
    return respond_truncated(response);
}

/* `answer` is NULL for a query that is rejected with `rcode`. */
static struct written respond(struct handler *handler, const struct response *response,
                              const struct answer *answer, enum rcode rcode)
{
    const struct snapshot *snapshot = &handler->answerer.snapshot;
    const struct query *query = response->query;
    if (answer != NULL) {
        return respond_answer(response, answer, snapshot->signer, snapshot->now);
    }
    const char *text = rcode == RCODE_REFUSED && query->qclass == RR_CLASS_CH
                           ? edns_identity_text(query, handler->identity)
                           : NULL;
    return text != NULL ? respond_chaos(response, text) : respond_reject(response, rcode);
}

static struct asking asking_of(struct request *request)
{
    return (struct asking){ &request->query, &request->source, &request->qname };
}

/* True if it asks for a name in the zone, or for the service. */
static bool read_one(const struct snapshot *snapshot, struct request *request)
{
    struct query *query = &request->query;
    request->rcode = RCODE_NOERROR;
    request->verdict = query_parse(query, &request->rcode, request->data, request->len);
    if (request->verdict == QUERY_ANSWER && query->qclass == RR_CLASS_CH) {
        request->verdict = QUERY_REJECT;
        request->rcode = RCODE_REFUSED;
    }
    if (request->verdict != QUERY_ANSWER) {
        return false;
    }
    asking_look(snapshot, query, &request->qname);
    return request->qname.in_zone;
}

void handler_read(struct handler *handler, struct request *requests, size_t count)
{
    const struct snapshot *snapshot = &handler->answerer.snapshot;
    struct asking services[HANDLER_GROUP];
    struct qname_info *names[HANDLER_GROUP];
    size_t found = 0, named = 0;
    ASSERT(count <= HANDLER_GROUP);
    for (size_t i = 0; i < count; i++) {
        if (!read_one(snapshot, &requests[i])) {
            continue;
        }
        if (requests[i].qname.service) {
            services[found++] = asking_of(&requests[i]);
        } else {
            names[named++] = &requests[i].qname;
        }
    }
    for (size_t i = 0; i < named; i++) {
        asking_look_up(snapshot, names[i]);
    }
    asking_locate_services(snapshot, services, found);
}

static void count_subnet(struct message_counters *counters, const struct query *query)
{
    if (query->subnet.present) {
        message_count(counters,
                      query_subnet(query) != NULL ? MESSAGES_ECS_USED : MESSAGES_ECS_ZERO);
    }
}

size_t handler_answer(struct handler *handler, struct request *request, uint8_t *out, size_t room)
{
    const struct query *query = &request->query;
    const struct snapshot *snapshot = &handler->answerer.snapshot;
    struct response response = { .query = query,
                                 .limit = request->tcp ? room : respond_udp_limit(query) };
    uint8_t options[EDNS_REPLY_MAX];
    const struct answer *answer = NULL;
    bool proven = false;
    response.out = out;
    if (request->verdict == QUERY_DROP) {
        bool response_itself = request->len >= DNS_HEADER_LEN;
        message_count(&handler->counters,
                      MESSAGES_DROPPED + (response_itself ? MESSAGE_RESPONSE : MESSAGE_MALFORMED));
        return 0;
    }
    count_subnet(&handler->counters, query);
    if (edns_due(query, snapshot->zone)) {
        const struct edns_asked asked = { snapshot->zone,    handler->identity, &request->source,
                                          snapshot->now,     request->tcp,      handler->closing,
                                          &handler->counters };
        proven = edns_reply(&response, &asked, options);
    }
    if (request->verdict == QUERY_ANSWER) {
        const struct asking asking = asking_of(request);
        answer = decide_answer(&handler->answerer, &asking);
        message_count_question(&handler->counters, answer->kind, query);
    } else if (request->rcode == RCODE_NOERROR && !snapshot->zone->cookies.present) {
        request->rcode = RCODE_FORMERR; /* asks for nothing but a cookie, and there are none */
    }
    bool within = is_within_rate(handler, request, proven, answer);
    request->over_rate = request->tcp && !within;
    struct written written = within || request->tcp
                                 ? respond(handler, &response, answer, request->rcode)
                                 : respond_over_rate(handler, &response);
    if (written.len > 0) {
        message_count_response(&handler->counters, written.rcode, written.len);
        if (!written.whole && (out[2] & DNS_FLAG_TC >> 8) != 0) {
            message_count(&handler->counters, MESSAGES_TRUNCATED);
        } else if (written.whole && answer != NULL && answer->due.turn != NULL) {
            counters_sent(&answer->due);
        }
    }
    return written.len;
}
