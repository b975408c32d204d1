#include "server/metrics/exposition.h"

#include <stdio.h>

#include "zone/base/clock.h"
#include "zone/base/version.h"

static const char *const transports[] = { "udp", "tcp" };
static const char *const families[] = { "ipv4", "ipv6" };

static void counter(struct openmetrics *om, const char *name, const char *help)
{
    openmetrics_family(om, OPENMETRICS_COUNTER, name, help);
}

static void plain_counter(struct openmetrics *om, const char *name, const char *help,
                          uint64_t value)
{
    openmetrics_single(om, OPENMETRICS_COUNTER, name, help, (double)value);
}

static void gauge(struct openmetrics *om, const char *name, const char *help, double value)
{
    openmetrics_single(om, OPENMETRICS_GAUGE, name, help, value);
}

/* One sample a text, of counters in a row. */
static void by_text(struct openmetrics *om, const char *label, const char *const *texts,
                    size_t count, const uint64_t *values)
{
    for (size_t i = 0; i < count; i++) {
        openmetrics_sample(om, (double)values[i], label, texts[i], NULL);
    }
}

static void write_queries(struct openmetrics *om, const uint64_t *sums)
{
    static const char *const kinds[ANSWER_KINDS] = { "other",  "service", "region", "member",
                                                     "static", "apex",    "missing" };
    counter(om, "ntspool_dns_queries_total", "Messages received.");
    for (unsigned i = 0; i < 2 * MESSAGE_TRANSPORTS; i++) {
        openmetrics_sample(om, (double)sums[MESSAGES_RECEIVED + i], "transport", transports[i / 2],
                           "family", families[i % 2], NULL);
    }
    counter(om, "ntspool_dns_questions_total",
            "Questions in the class IN, by type and by the name that they lead to.");
    uint64_t dnssec = 0;
    for (unsigned kind = 0; kind < ANSWER_KINDS; kind++) {
        for (unsigned place = 0; place < MESSAGE_QTYPES; place++) {
            uint64_t with = message_questions(sums, kind, true, place);
            uint64_t without = message_questions(sums, kind, false, place);
            openmetrics_sample(om, (double)(with + without), "qtype", message_qtype_text(place),
                               "kind", kinds[kind], NULL);
            dnssec += with;
        }
    }
    plain_counter(om, "ntspool_dns_do_total", "Questions with the flag DO, for signatures.",
                  dnssec);
    static const char *const subnets[] = { "used", "zero" };
    counter(
        om, "ntspool_dns_ecs_total",
        "Queries with a client subnet: used, or zero, by which a client asks not to be located.");
    by_text(om, "result", subnets, 2, sums + MESSAGES_ECS_USED);
    static const char *const cookies[MESSAGE_COOKIES] = { "good", "old", "bad", "none" };
    counter(om, "ntspool_dns_cookies_total",
            "Queries with a DNS cookie, by the server's part: good, old but good, bad, none yet.");
    by_text(om, "result", cookies, MESSAGE_COOKIES, sums + MESSAGES_COOKIES);
}

static void write_responses(struct openmetrics *om, const uint64_t *sums)
{
    static const struct {
        enum rcode rcode;
        const char *text;
    } rcodes[] = { { RCODE_NOERROR, "NOERROR" },    { RCODE_FORMERR, "FORMERR" },
                   { RCODE_SERVFAIL, "SERVFAIL" },  { RCODE_NXDOMAIN, "NXDOMAIN" },
                   { RCODE_NOTIMP, "NOTIMP" },      { RCODE_REFUSED, "REFUSED" },
                   { RCODE_NOTAUTH, "NOTAUTH" },    { RCODE_BADVERS, "BADVERS" },
                   { RCODE_BADCOOKIE, "BADCOOKIE" } };
    static const char *const drops[MESSAGE_DROPS] = { "malformed", "response", "rate", "send",
                                                      "store" };
    static const double bounds[] = { 128, 256, 512, 1024, 2048, 4096 };
    enum {
        BOUNDS = sizeof(bounds) / sizeof(bounds[0])
    };
    uint64_t sizes[BOUNDS + 1];
    counter(om, "ntspool_dns_answers_total", "Responses made, by RCODE.");
    for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++) {
        openmetrics_sample(om, (double)message_rcode(sums, rcodes[i].rcode), "rcode",
                           rcodes[i].text, NULL);
    }
    counter(om, "ntspool_dns_dropped_total", "Messages without a response, by reason.");
    by_text(om, "reason", drops, MESSAGE_DROPS, sums + MESSAGES_DROPPED);
    plain_counter(om, "ntspool_dns_limited_total",
                  "Responses over the rate of the client's network: dropped, slipped, or followed "
                  "by a pause of the TCP connection.",
                  sums[MESSAGES_LIMITED]);
    plain_counter(om, "ntspool_dns_slipped_total",
                  "Responses over the rate that were sent without records.",
                  sums[MESSAGES_SLIPPED]);
    plain_counter(om, "ntspool_dns_truncated_total", "Responses with the flag TC.",
                  sums[MESSAGES_TRUNCATED]);
    for (unsigned i = 0; i <= BOUNDS; i++) {
        sizes[i] = message_sizes(sums, i > 0 ? (size_t)bounds[i - 1] : 0,
                                 i < BOUNDS ? (size_t)bounds[i] : SIZE_MAX);
    }
    const struct openmetrics_buckets buckets = { bounds, sizes, BOUNDS,
                                                 (double)sums[MESSAGES_OCTETS] };
    openmetrics_family(om, OPENMETRICS_HISTOGRAM, "ntspool_dns_response_bytes",
                       "Size of responses.");
    openmetrics_histogram(om, &buckets, NULL);
}

static void write_work(struct openmetrics *om, const uint64_t *sums)
{
    double bounds[MESSAGE_DURATIONS - 1];
    for (unsigned i = 0; i < MESSAGE_DURATIONS - 1; i++) {
        bounds[i] = (double)message_durations_us[i] / 1e6;
    }
    const struct openmetrics_buckets buckets = { bounds, sums + MESSAGES_DURATIONS,
                                                 MESSAGE_DURATIONS - 1,
                                                 (double)sums[MESSAGES_DURATION_NS] / 1e9 };
    openmetrics_family(om, OPENMETRICS_HISTOGRAM, "ntspool_dns_batch_seconds",
                       "Time from taking a batch of queries to having sent the responses.");
    openmetrics_histogram(om, &buckets, NULL);
    gauge(om, "ntspool_tcp_connections", "TCP connections that are open.",
          (double)sums[MESSAGES_TCP_OPENED] - (double)sums[MESSAGES_TCP_CLOSED]);
    plain_counter(om, "ntspool_tcp_opened_total", "TCP connections accepted.",
                  sums[MESSAGES_TCP_OPENED]);
    static const char *const reasons[MESSAGE_DISPLACED] = { "client", "all", "descriptors" };
    counter(om, "ntspool_tcp_displaced_total",
            "TCP connections closed for a new one: the client's network had too many, all "
            "together were too many, or there was no descriptor.");
    by_text(om, "reason", reasons, MESSAGE_DISPLACED, sums + MESSAGES_TCP_DISPLACED);
}

static void write_workers(struct openmetrics *om, const struct exposition_sources *sources)
{
    counter(om, "ntspool_worker_queries_total", "Messages received by one worker.");
    for (size_t i = 0; i < sources->worker_count; i++) {
        uint64_t sums[MESSAGES_ALL] = { 0 }, received = 0;
        size_t half = sources->worker_count / 2;
        char number[24];
        message_sum(sums, &sources->workers[i]->handler.counters);
        for (unsigned at = 0; at < 2 * MESSAGE_TRANSPORTS; at++) {
            received += sums[MESSAGES_RECEIVED + at];
        }
        (void)snprintf(number, sizeof(number), "%zu", i % half);
        openmetrics_sample(om, (double)received, "transport", transports[i / half], "worker",
                           number, NULL);
    }
}

static void queue_sample(struct openmetrics *om, const struct xdp_queue *queue, uint64_t value)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%u", queue->number);
    openmetrics_sample(om, (double)value, "interface", queue->interface, "queue", number, "mode",
                       xdp_queue_mode(queue), NULL);
}

static uint64_t queue_queries(const struct xdp_queue *queue)
{
    return counter_get(&queue->queries);
}

static uint64_t queue_faulty(const struct xdp_queue *queue)
{
    return counter_get(&queue->faulty);
}

static uint64_t queue_dropped(const struct xdp_queue *queue)
{
    return xsk_dropped(&queue->xsk);
}

static void write_xdp(struct openmetrics *om, const struct exposition_sources *sources)
{
    static const struct {
        const char *name, *help;
        uint64_t (*value)(const struct xdp_queue *queue);
    } rows[] = {
        { "ntspool_xdp_queries_total", "Messages received by XDP.", queue_queries },
        { "ntspool_xdp_faulty_total",
          "Frames received by XDP and dropped: a wrong checksum, or a sender that is none.",
          queue_faulty },
        { "ntspool_xdp_dropped_total",
          "Frames for XDP that the kernel dropped: those before them were not taken in time.",
          queue_dropped },
        { "ntspool_xdp_shed_total",
          "Queries for XDP dropped under overload: their networks sent more than their share.",
          xdp_queue_shed },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        counter(om, rows[i].name, rows[i].help);
        for (size_t number = 0; number < sources->worker_count; number++) {
            const struct xdp_queue *queue = sources->workers[number]->xdp;
            for (; queue != NULL; queue = queue->next) {
                queue_sample(om, queue, rows[i].value(queue));
            }
        }
    }
}

static void write_signatures(struct openmetrics *om, const struct exposition_sources *sources)
{
    static const char *const uses[] = { "ahead", "answer", "denial" };
    const struct refresh_facts *facts = sources->facts;
    uint64_t made[3] = { counter_get(&facts->signatures.made) +
                         counter_get(&facts->deals.signatures.made) };
    uint64_t found[3] = { counter_get(&facts->signatures.found) +
                          counter_get(&facts->deals.signatures.found) };
    uint64_t over_budget = 0;
    for (size_t i = 0; i < sources->worker_count; i++) {
        const struct handler *handler = &sources->workers[i]->handler;
        made[1] += counter_get(&handler->answers.made);
        made[2] += counter_get(&handler->compact.made);
        found[1] += counter_get(&handler->answers.found);
        found[2] += counter_get(&handler->compact.found);
        over_budget += counter_get(&handler->answerer.over_budget);
    }
    counter(
        om, "ntspool_signatures_total",
        "Signatures made: ahead of queries, for an answer, or for a compact denial or _whoami.");
    by_text(om, "use", uses, 3, made);
    counter(om, "ntspool_signature_cache_hits_total",
            "Signatures found in a cache instead of made.");
    by_text(om, "use", uses, 3, found);
    plain_counter(om, "ntspool_denial_over_budget_total",
                  "Compact denials over the denial-budget, answered by the zone's NSEC chain.",
                  over_budget);
}

static void write_memory(struct openmetrics *om, const struct exposition_sources *sources)
{
    const struct answer_cache_memory memory = answer_cache_memory(sources->answers);
    gauge(om, "ntspool_answer_cache_bytes", "Memory that the answer cache has taken.",
          (double)memory.taken);
    gauge(om, "ntspool_answer_cache_limit_bytes",
          "Memory that the answer cache takes at most, for as many members as there are.",
          (double)memory.most);
}

static void write_zone(struct openmetrics *om, const struct exposition_sources *sources)
{
    const struct refresh_facts *facts = sources->facts;
    uint64_t since_ms = counter_get(&facts->waits_since_ms);
    gauge(om, "ntspool_zone_serial", "SOA serial in the answers.",
          (double)counter_get(&facts->serial));
    gauge(om, "ntspool_zone_state_age_seconds",
          "How long a change has waited to be in the answers; 0: none waits.",
          since_ms == 0 ? 0 : (double)clock_monotonic_ns() / 1e9 - (double)since_ms / 1000);
    plain_counter(om, "ntspool_zone_states_total", "Zone states built.",
                  counter_get(&facts->builds));
    gauge(om, "ntspool_zone_state_build_seconds", "How long the last zone state took to build.",
          (double)counter_get(&facts->build_ns) / 1e9);
    plain_counter(om, "ntspool_deals_total", "Deals of all SRV sets.",
                  counter_get(&facts->deal_round));
    gauge(om, "ntspool_deal_seconds", "How long the last deal took; 0: the first, at the start.",
          (double)counter_get(&facts->deals.duration_ns) / 1e9);
    gauge(om, "ntspool_deal_timestamp_seconds", "When the deal in use was made, in Unix seconds.",
          (double)counter_get(&facts->dealt_at));
    gauge(om, "ntspool_deal_members", "Members that the SRV sets hand out.",
          (double)counter_get(&facts->members));
    gauge(om, "ntspool_deal_areas", "Areas that have SRV sets of their own.",
          (double)counter_get(&facts->areas));
    gauge(om, "ntspool_signature_expiry_timestamp_seconds",
          "Until when all signatures that were made ahead are valid, at least, in Unix seconds.",
          (double)counter_get(&facts->signed_until));
    gauge(om, "ntspool_locations_cells", "Cells of the location files; 1: the world.",
          (double)counter_get(&facts->cells));
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_locations_timestamp_seconds",
                       "When the location file was last changed, in Unix seconds.");
    for (size_t i = 0; i < sources->location_count; i++) {
        openmetrics_sample(om, (double)counter_get(&facts->location_times[i]), "file",
                           sources->locations[i], NULL);
    }
}

void exposition_write(struct openmetrics *om, const struct exposition_sources *sources)
{
    uint64_t sums[MESSAGES_ALL] = { 0 };
    for (size_t i = 0; i < sources->worker_count; i++) {
        message_sum(sums, &sources->workers[i]->handler.counters);
    }
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_build_info",
                       "The program that answers the scrape; always 1.");
    openmetrics_sample(om, 1, "program", "ntspoold", "version", version_text(), NULL);
    write_queries(om, sums);
    write_responses(om, sums);
    write_work(om, sums);
    write_workers(om, sources);
    write_xdp(om, sources);
    write_signatures(om, sources);
    write_memory(om, sources);
    write_zone(om, sources);
    poolpart_write(om, sources->pool);
    const struct dnstap_totals taps = dnstap_totals(sources->dnstap);
    plain_counter(om, "ntspool_dnstap_frames_total", "Frames of dnstap written.", taps.frames);
    plain_counter(om, "ntspool_dnstap_dropped_total",
                  "Frames of dnstap dropped because the reader was slow or away.", taps.dropped);
    process_write(om, &sources->process);
}
