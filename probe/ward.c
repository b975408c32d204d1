#include "probe/ward.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "probe/monitor.h"
#include "zone/base/clock.h"

struct ward *ward_new(struct monitor *monitor, uint64_t id)
{
    struct ward *ward = xcalloc(1, sizeof(*ward));
    ward->monitor = monitor;
    ward->id = id;
    ward->health.member_id = id;
    return ward;
}

void watch_doubt(struct watch *watch, const struct outcome *outcome, uint64_t now_ms)
{
    free(watch->doubted);
    watch->doubted = xmalloc(sizeof(*watch->doubted));
    *watch->doubted = *outcome;
    watch->doubted_at = now_ms;
}

void watch_heed(struct watch *watch, enum failure failure, uint64_t now_ms)
{
    if (failure == FAILURE_NONE) {
        watch->failing_since_ms = 0;
    } else if (watch->failing_since_ms == 0 && !failure_is_ours(failure)) {
        watch->failing_since_ms = now_ms;
    }
    if (failure == FAILURE_NTP_RATE) {
        watch->backoff = watch->backoff * 2 > LIMIT_BACKOFF ? LIMIT_BACKOFF : watch->backoff * 2;
    } else if (failure == FAILURE_NONE) {
        watch->backoff = 1;
    }
}

bool watch_repeats(struct watch *watch, uint64_t now_ms)
{
    if (watch->repeats == LIMIT_REPEATS) {
        return false;
    }
    watch->repeats++;
    watch->due_ms = now_ms + LIMIT_RETRY_MS;
    return true;
}

static void stop_watch(struct watch *watch)
{
    if (watch->attempt != NULL) {
        attempt_cancel(watch->attempt);
        watch->attempt = NULL;
        watch->due_ms = 0; /* what was cut short begins anew */
        monitor_landed(watch->ward->monitor);
    }
    association_free(watch->association);
    watch->association = NULL;
    rare_forget(&watch->rare);
    free(watch->doubted);
    watch->doubted = NULL;
}

void ward_leave(struct ward *ward)
{
    for (unsigned i = 0; i < ward->watch_count; i++) {
        stop_watch(&ward->watches[i]);
    }
    ward->watch_count = 0;
}

static void stop_all(struct ward *ward)
{
    if (ward->lookup != NULL) {
        lookup_cancel(ward->lookup);
        ward->lookup = NULL;
        monitor_landed(ward->monitor);
    }
    ward_leave(ward);
}

void ward_free(struct ward *ward)
{
    if (ward != NULL) {
        stop_all(ward);
        free(ward);
    }
}

void ward_restart(struct ward *ward)
{
    for (unsigned i = 0; i < ward->watch_count; i++) {
        stop_watch(&ward->watches[i]);
    }
}

uint64_t watch_dead_s(const struct watch *watch, uint64_t now_ms)
{
    return watch->failing_since_ms == 0 ? 0 : (now_ms - watch->failing_since_ms) / 1000;
}

/* What earlier runs saw of an address that fails, as far back as the clock goes. */
static uint64_t failing_since_ms(const struct ward *ward, const struct address_health *row)
{
    uint64_t since = row->last_good_at > ward->changed_at ? row->last_good_at : ward->changed_at;
    since = row->first_probe_at > since ? row->first_probe_at : since;
    uint64_t now_ms = clock_steady_ms();
    if (row->failures == 0 || failure_is_ours(row->failure) || row->last_probe_at <= since ||
        row->last_probe_at > clock_now()) {
        return 0;
    }
    uint64_t dead_ms = (row->last_probe_at - since) * 1000;
    return dead_ms < now_ms ? now_ms - dead_ms : 1;
}

static bool same_addresses(const struct ward *ward, const struct address *addresses, unsigned count)
{
    return ward->watch_count == count &&
           memcmp(ward->addresses, addresses, count * sizeof(addresses[0])) == 0;
}

/* Due at once for a new address; those of earlier runs are spread over a day, and what they found stands. */
static struct rare_checks rare_of(const struct address_health *row)
{
    return (struct rare_checks){
        .due_at = row->probes == 0 ? 0 : clock_steady() + randombytes_uniform(LIMIT_RARE_S),
        .warnings = row->warnings & RARE_WARNINGS,
        .aead = row->aead,
    };
}

/* Rows of the history stay for two years, so their number is bounded whatever a name service says. */
static bool one_too_many(struct ward *ward, const struct address_health *row)
{
    uint64_t day = clock_now() / 86400;
    if (row->probes > 0) {
        return false;
    }
    if (ward->newcomer_day != day) {
        ward->newcomer_day = day;
        ward->newcomers = 0;
    }
    ward->newcomers += ward->newcomers <= LIMIT_NEWCOMERS;
    return ward->newcomers > LIMIT_NEWCOMERS;
}

void ward_watch(struct ward *ward, const struct address *addresses, unsigned count)
{
    if (same_addresses(ward, addresses, count)) {
        return;
    }
    for (unsigned i = 0; i < ward->watch_count; i++) {
        stop_watch(&ward->watches[i]);
    }
    ward->dirty |= verdict_addresses(&ward->health, addresses, count);
    memcpy(ward->addresses, addresses, count * sizeof(addresses[0]));
    ward->watch_count = count;
    for (unsigned i = 0; i < count; i++) {
        ward->watches[i] = (struct watch){
            .ward = ward,
            .index = i,
            .backoff = 1,
            .failing_since_ms = failing_since_ms(ward, &ward->health.addresses[i]),
            .unnoted = one_too_many(ward, &ward->health.addresses[i]),
            .plan = {.name = ward->name,
                     .endpoint = { addresses[i], ward->port },
                     .registered = ward->addresses,
                     .registered_count = count,
                     .rare = &ward->watches[i].rare},
            .rare = rare_of(&ward->health.addresses[i]),
        };
    }
}

static void name_of(char *out, const struct member *member, const struct dname *apex)
{
    struct dname name;
    char text[DNAME_TEXT_MAX];
    member_target(&name, member, apex);
    dname_text(&name, text);
    size_t len = strlen(text);
    if (len > 1 && text[len - 1] == '.') {
        text[len - 1] = '\0';
    }
    (void)snprintf(out, NTS_KE_NAME_ROOM, "%.*s", NTS_KE_NAME_ROOM - 1, text);
}

bool ward_follow(struct ward *ward, const struct member *member, const struct dname *apex)
{
    char name[NTS_KE_NAME_ROOM];
    name_of(name, member, apex);
    bool brings_name = member->target.len > 0;
    bool elsewhere = strcmp(ward->name, name) != 0 || ward->port != member->port ||
                     ward->brings_name != brings_name;
    bool changed = elsewhere || ward->changed_at != member->changed_at;
    if (elsewhere) {
        stop_all(ward);
        memcpy(ward->name, name, sizeof(name));
        ward->port = member->port;
        ward->brings_name = brings_name;
        ward->target = (struct target){ 0 };
    }
    memcpy(ward->label, member->label, sizeof(ward->label));
    ward->changed_at = member->changed_at;
    if (!brings_name) {
        ward_watch(ward, member->addresses, member->address_count);
    }
    return changed;
}

bool ward_has_news(const struct ward *ward, const struct member_health *before, unsigned index)
{
    const struct member_health *after = &ward->health;
    const struct address_health *was = &before->addresses[index], *is = &after->addresses[index];
    return before->stage != after->stage || before->weight != after->weight ||
           was->working != is->working || was->failure != is->failure ||
           was->last_probe_at <= ward->changed_at;
}
