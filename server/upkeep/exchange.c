#include "server/upkeep/exchange.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "zone/base/clock.h"
#include "zone/base/concern.h"
#include "zone/base/thread.h"
#include "zone/overview/poolhistory.h"
#include "zone/registry/registry.h"
#include "zone/verdicts/feed.h"

enum {
    NICE = 10,  /* answers come first */
    FOLDS = 500 /* rows of the history in one transaction */
};

/* Actions that may fail for a while. */
enum subject {
    SUBJECT_INTAKE,
    SUBJECT_FEED,
    SUBJECT_TIDY,
    SUBJECT_COUNT,
    SUBJECTS
};

static const struct {
    int priority; /* of a failure */
    const char *over;
} subjects[SUBJECTS] = {
    [SUBJECT_INTAKE] = { LOG_ERR, "reports are taken in again" },
    [SUBJECT_FEED] = { LOG_ERR, "the list of members for the probes is written again" },
    [SUBJECT_TIDY] = { LOG_WARNING, "history and verdicts are tidied again" },
    [SUBJECT_COUNT] = { LOG_WARNING, "the members are counted again" },
};

struct exchange {
    struct exchange_sources sources;
    struct intake *intake;
    uint64_t version; /* of the registry in the feed; 0: none */
    uint64_t feed_due_ms, feed_check_ms, tidy_due_ms, count_due_ms;
    bool members_changed; /* since the last tidying */
    struct history_fold fold;
    struct log_once told[SUBJECTS], refused;
    struct thread thread;
};

static void tell(struct exchange *exchange, enum subject subject, enum result result,
                 const struct diag *diag)
{
    struct log_once *told = &exchange->told[subject];
    if (result == RESULT_OK) {
        log_once_over(told, exchange->sources.log, subjects[subject].over);
    } else {
        log_once(told, exchange->sources.log, subjects[subject].priority, NULL, "%s", diag->text);
    }
}

/* `status` shows refusals as well, as long as they last. */
static void tell_sum(struct exchange *exchange, const struct intake_sum *sum)
{
    const struct log_fields about = { .vantage = sum->vantage };
    const struct log_fields refused = { .vantage = sum->refusal.source,
                                        .warning = concern_id_text(CONCERN_REPORTS_REFUSED) };
    if (sum->refusal.count > 0) {
        log_once(&exchange->refused, exchange->sources.log, LOG_WARNING, &refused,
                 "a report of the vantage point %s is refused: %s", sum->refusal.source,
                 sum->refusal.text);
    }
    if (sum->reports > 0) {
        log_say_about(exchange->sources.log, LOG_DEBUG, &about,
                      "took in %zu reports with %zu verdicts, the last one of %s; skipped %zu "
                      "verdicts",
                      sum->reports, sum->verdicts, sum->vantage, sum->skipped);
    }
}

static void take_in(struct exchange *exchange)
{
    struct diag diag = { "" };
    struct intake_sum sum = { .reports = 0 };
    bool more = false;
    if (exchange->sources.stores.health == NULL) {
        return;
    }
    enum result result =
        intake_look(exchange->intake, &exchange->sources.stores, clock_now(), &more, &sum, &diag);
    tell(exchange, SUBJECT_INTAKE, result, &diag);
    tell_sum(exchange, &sum);
}

static void write_feed(struct exchange *exchange)
{
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    uint64_t began_ms = clock_steady_ms();
    if (began_ms < exchange->feed_due_ms) {
        return;
    }
    enum result result = store_read(exchange->sources.stores.registry, &txn, &diag);
    bool changed = result == RESULT_OK && store_version(txn) != exchange->version;
    /* Now and then also without a change: the file may have been removed. */
    if (result == RESULT_OK && (changed || began_ms >= exchange->feed_check_ms)) {
        result = feed_publish(exchange->sources.state_dir, txn, &diag);
        exchange->version = result == RESULT_OK ? store_version(txn) : exchange->version;
        exchange->members_changed = exchange->members_changed || changed;
        if (result == RESULT_OK && changed) {
            log_say(exchange->sources.log, LOG_DEBUG, "wrote the list of members for the probes");
        }
        uint64_t ended_ms = clock_steady_ms();
        uint64_t rest_ms = (ended_ms - began_ms) * EXCHANGE_FEED_REST;
        exchange->feed_check_ms = ended_ms + EXCHANGE_TIDY_MS;
        exchange->feed_due_ms =
            ended_ms + (rest_ms > EXCHANGE_FEED_MS ? rest_ms : EXCHANGE_FEED_MS);
    }
    if (txn != NULL) {
        store_abort(txn);
    }
    tell(exchange, SUBJECT_FEED, result, &diag);
}

static enum result read_vantages(struct exchange *exchange, struct vantages *out, struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_read(exchange->sources.stores.health, &txn, diag));
    enum result result = vantages_read(out, txn, 0, clock_now());
    store_abort(txn);
    return result == RESULT_OK ? result
                               : diag_fail(diag, result, "the vantage points can't be read: %s",
                                           result_text(result));
}

static enum result fold(struct exchange *exchange, bool *more, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct vantages vantages;
    *more = false;
    if (exchange->sources.stores.history == NULL || exchange->sources.stores.health == NULL) {
        return RESULT_OK;
    }
    TRY(read_vantages(exchange, &vantages, diag));
    exchange->fold.vantages = &vantages;
    TRY(store_write(exchange->sources.stores.history, &txn, diag));
    enum result result = history_fold(txn, &exchange->fold, clock_now(), FOLDS, more, diag);
    exchange->fold.vantages = NULL;
    if (result == RESULT_OK) {
        return store_commit(txn, diag);
    }
    store_abort(txn);
    exchange->fold = (struct history_fold){ 0 }; /* begins again */
    return result;
}

static void tidy(struct exchange *exchange)
{
    struct diag diag = { "" };
    bool more = false;
    uint64_t now_ms = clock_steady_ms();
    if (now_ms < exchange->tidy_due_ms) {
        return;
    }
    enum result result = fold(exchange, &more, &diag);
    if (result == RESULT_OK && exchange->members_changed &&
        exchange->sources.stores.health != NULL) {
        result = intake_purge(&exchange->sources.stores, &diag);
        exchange->members_changed = result != RESULT_OK;
    }
    exchange->tidy_due_ms = now_ms + (more ? 0 : EXCHANGE_TIDY_MS);
    tell(exchange, SUBJECT_TIDY, result, &diag);
}

static enum result count_members(struct exchange *exchange, struct poolhistory_counts *out,
                                 struct diag *diag)
{
    struct store_txn *registry = NULL, *health = NULL;
    uint64_t now = clock_now();
    enum result result = store_read(exchange->sources.stores.registry, &registry, diag);
    if (result == RESULT_OK) {
        result = store_read(exchange->sources.stores.health, &health, diag);
    }
    struct memberview_source source = { .health = health };
    if (result == RESULT_OK) {
        result = registry_settings(registry, &source.settings, diag);
    }
    if (result == RESULT_OK) {
        result = memberview_begin(&source, now);
        result = result == RESULT_OK ? poolhistory_count(out, registry, &source, now) : result;
        if (result != RESULT_OK) {
            (void)diag_fail(diag, result, "the members can't be counted: %s", result_text(result));
        }
    }
    if (health != NULL) {
        store_abort(health);
    }
    if (registry != NULL) {
        store_abort(registry);
    }
    return result;
}

static enum result note_counts(struct exchange *exchange, const struct poolhistory_counts *counts,
                               struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_write(exchange->sources.stores.history, &txn, diag));
    enum result result = poolhistory_note(txn, counts);
    if (result == RESULT_OK) {
        return store_commit(txn, diag);
    }
    store_abort(txn);
    return diag_fail(diag, result, "the count of the members can't be written: %s",
                     result_text(result));
}

static void count(struct exchange *exchange)
{
    struct diag diag = { "" };
    const struct intake_stores *stores = &exchange->sources.stores;
    uint64_t now_ms = clock_steady_ms();
    if (now_ms < exchange->count_due_ms || stores->health == NULL || stores->history == NULL) {
        return;
    }
    struct poolhistory_counts *counts = xcalloc(1, sizeof(*counts));
    enum result result = count_members(exchange, counts, &diag);
    if (result == RESULT_OK) {
        result = note_counts(exchange, counts, &diag);
    }
    free(counts);
    exchange->count_due_ms =
        now_ms + (result == RESULT_OK ? POOLHISTORY_S * UINT64_C(1000) : EXCHANGE_TIDY_MS);
    tell(exchange, SUBJECT_COUNT, result, &diag);
}

/* However much vantage points report, the thread rests most of the time. */
static unsigned pause_ms(uint64_t took_ms)
{
    uint64_t rest_ms = took_ms * EXCHANGE_REST;
    rest_ms = rest_ms < EXCHANGE_POLL_MS ? EXCHANGE_POLL_MS : rest_ms;
    return rest_ms > EXCHANGE_REST_MS ? EXCHANGE_REST_MS : (unsigned)rest_ms;
}

static void *run(void *arg)
{
    struct exchange *exchange = arg;
    uint64_t took_ms = 0;
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread; a refusal is no error */
    do {
        uint64_t began_ms = clock_steady_ms();
        take_in(exchange);
        took_ms = clock_steady_ms() - began_ms;
        write_feed(exchange);
        tidy(exchange);
        count(exchange);
    } while (thread_pause(&exchange->thread, pause_ms(took_ms)));
    return NULL;
}

struct exchange *exchange_new(const struct exchange_sources *sources)
{
    struct exchange *exchange = xcalloc(1, sizeof(*exchange));
    exchange->sources = *sources;
    exchange->intake = intake_new(sources->state_dir);
    thread_init(&exchange->thread);
    return exchange;
}

enum result exchange_start(struct exchange *exchange, struct diag *diag)
{
    return thread_start(&exchange->thread, run, exchange, diag);
}

const struct thread *exchange_thread(const struct exchange *exchange)
{
    return &exchange->thread;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    thread_end(&exchange->thread);
    intake_free(exchange->intake);
    thread_done(&exchange->thread);
    free(exchange);
}
