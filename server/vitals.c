#include "server/vitals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/base/clock.h"

enum {
    GROUPED_ROOM = 32
};

const char *vitals_still(const struct vitals *vitals)
{
    for (size_t i = 0; i < vitals->worker_count; i++) {
        if (thread_still_ms(&vitals->workers[i]->thread) > VITALS_WORKER_MS) {
            return "a worker";
        }
    }
    if (thread_still_ms(refresh_thread(vitals->refresh)) > VITALS_REFRESHER_MS) {
        return "the refresher";
    }
    if (thread_still_ms(collector_thread(vitals->collector)) > VITALS_OTHERS_MS) {
        return "the collector";
    }
    if (vitals->exchange != NULL &&
        thread_still_ms(exchange_thread(vitals->exchange)) > VITALS_OTHERS_MS) {
        return "the exchange";
    }
    if (vitals->keymgr != NULL &&
        thread_still_ms(keymgr_thread(vitals->keymgr)) > VITALS_OTHERS_MS) {
        return "the key manager";
    }
    return NULL;
}

/* The same for threads that no answer depends on. */
static const char *still_bystander(const struct vitals *vitals)
{
    const struct thread *metrics = metrics_thread(vitals->metrics);
    const struct thread *dnstap = dnstap_thread(vitals->dnstap);
    if (metrics != NULL && thread_still_ms(metrics) > VITALS_BYSTANDER_MS) {
        return "the thread of the metrics";
    }
    bool hangs = dnstap != NULL && thread_still_ms(dnstap) > VITALS_BYSTANDER_MS;
    return hangs ? "the dnstap writer" : NULL;
}

static void sum_messages(const struct vitals *vitals, uint64_t sums[MESSAGES_ALL])
{
    for (size_t i = 0; i < vitals->worker_count; i++) {
        message_sum(sums, &vitals->workers[i]->handler.counters);
    }
}

static uint64_t add(const uint64_t *counts, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += counts[i];
    }
    return sum;
}

/* 12300 as 12,300. */
static const char *grouped(uint64_t number, char out[GROUPED_ROOM])
{
    char *at = out + GROUPED_ROOM - 1;
    *at = '\0';
    for (unsigned digits = 0; digits == 0 || number > 0; digits++, number /= 10) {
        if (digits > 0 && digits % 3 == 0) {
            *--at = ',';
        }
        *--at = (char)('0' + number % 10);
    }
    return at;
}

static void send_status(struct vitals *vitals, uint64_t took_ms)
{
    const struct refresh_facts *facts = refresh_facts(vitals->refresh);
    uint64_t sums[MESSAGES_ALL] = { 0 };
    char rate[GROUPED_ROOM];
    sum_messages(vitals, sums);
    uint64_t queries = add(sums + MESSAGES_RECEIVED, MESSAGES_QUESTIONS - MESSAGES_RECEIVED);
    (void)notify_send(vitals->notify,
                      "STATUS=%s hands out %" PRIu64 " of %" PRIu64 " members, %s queries/s",
                      vitals->pool, (uint64_t)atomic_load(&facts->handed_out),
                      (uint64_t)atomic_load(&facts->members),
                      grouped((queries - vitals->queries) * 1000 / took_ms, rate));
    vitals->queries = queries;
}

void vitals_look(struct vitals *vitals)
{
    uint64_t now = clock_steady_ms();
    if (vitals->notify->fd < 0 ||
        (vitals->beat_at != 0 && now - vitals->beat_at < VITALS_BEAT_MS)) {
        return;
    }
    const char *still = vitals_still(vitals), *bystander = still_bystander(vitals);
    vitals->beat_at = now;
    if (still == NULL) {
        (void)notify_send(vitals->notify, "WATCHDOG=1");
    }
    if (still != NULL) {
        log_once(&vitals->still, vitals->log, LOG_ERR, NULL,
                 "%s hangs: the watchdog of the service manager ends it", still);
    } else if (bystander != NULL) {
        log_once(&vitals->still, vitals->log, LOG_ERR, NULL,
                 "%s hangs: answers go on; a reload ends it", bystander);
    } else {
        log_once_over(&vitals->still, vitals->log, "all threads move again");
    }
    if (vitals->status_at == 0 || now - vitals->status_at >= VITALS_STATUS_MS) {
        send_status(vitals, vitals->status_at == 0 ? VITALS_STATUS_MS : now - vitals->status_at);
        vitals->status_at = now;
    }
}

static void log_xdp(const struct vitals *vitals)
{
    uint64_t queries = 0, faulty = 0, dropped = 0, shed = 0;
    bool any = false;
    for (size_t i = 0; i < vitals->worker_count; i++) {
        const struct xdp_queue *queue = vitals->workers[i]->xdp;
        for (; queue != NULL; queue = queue->next) {
            any = true;
            queries += counter_get(&queue->queries);
            faulty += counter_get(&queue->faulty);
            dropped += xsk_dropped(&queue->xsk);
            shed += xdp_queue_shed(queue);
        }
    }
    if (any) {
        log_say(vitals->log, LOG_INFO,
                "xdp queries %" PRIu64 " faulty %" PRIu64 " dropped %" PRIu64 " shed %" PRIu64,
                queries, faulty, dropped, shed);
    }
}

void vitals_log_counts(const struct vitals *vitals)
{
    uint64_t sums[MESSAGES_ALL] = { 0 };
    sum_messages(vitals, sums);
    const uint64_t *received = sums + MESSAGES_RECEIVED;
    log_say(vitals->log, LOG_INFO,
            "queries udp %" PRIu64 " tcp %" PRIu64 " dropped %" PRIu64 " limited %" PRIu64
            "; answers noerror %" PRIu64 " formerr %" PRIu64 " servfail %" PRIu64
            " nxdomain %" PRIu64 " notimp %" PRIu64 " refused %" PRIu64,
            received[0] + received[1], received[2] + received[3],
            add(sums + MESSAGES_DROPPED, MESSAGE_DROPS), sums[MESSAGES_LIMITED],
            message_rcode(sums, RCODE_NOERROR), message_rcode(sums, RCODE_FORMERR),
            message_rcode(sums, RCODE_SERVFAIL), message_rcode(sums, RCODE_NXDOMAIN),
            message_rcode(sums, RCODE_NOTIMP), message_rcode(sums, RCODE_REFUSED));
    log_xdp(vitals);
    if (vitals->dnstap != NULL) {
        const struct dnstap_totals taps = dnstap_totals(vitals->dnstap);
        log_say(vitals->log, LOG_INFO, "dnstap frames %" PRIu64 " dropped %" PRIu64, taps.frames,
                taps.dropped);
    }
}
