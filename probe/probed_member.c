#include "probe/probed_member.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "probe/limits.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"
#include "zone/registry/consent.h"

struct probed_member *probed_member_new(struct probe_context *context, uint64_t id)
{
    struct probed_member *member = xcalloc(1, sizeof(*member));
    member->context = context;
    member->id = id;
    member->health.member_id = id;
    return member;
}

static void probe_ended(const struct outcome *outcome, void *arg)
{
    struct probed_address *probed = arg;
    struct probe_context *context = probed->member->context;
    probed->run = NULL;
    context->in_flight--;
    context->probed(probed, outcome, context->arg);
}

void probed_address_start(struct probed_address *probed)
{
    struct probe_context *context = probed->member->context;
    context->in_flight++;
    probed->due_ms = UINT64_MAX;
    probed->run =
        probe_run_start(context->loop, &probed->plan, &probed->association, probe_ended, probed);
}

static void lookup_ended(const struct lookup_answer *answer, void *arg)
{
    struct probed_member *member = arg;
    struct probe_context *context = member->context;
    member->lookup = NULL;
    context->in_flight--;
    context->resolved(member, answer, context->arg);
}

bool probed_member_resolve(struct probed_member *member)
{
    struct probe_context *context = member->context;
    member->lookup = lookup_start(context->loop, NULL, member->name, lookup_ended, member);
    if (member->lookup != NULL && consent_watch_asks(&member->consent, clock_steady_ms())) {
        lookup_ask_consent(member->lookup, member->consent_name, &context->settings->apex);
    }
    context->in_flight += member->lookup != NULL;
    return member->lookup != NULL;
}

void probed_address_hold(struct probed_address *probed, const struct outcome *outcome,
                         uint64_t now_ms)
{
    free(probed->unconfirmed);
    probed->unconfirmed = xmalloc(sizeof(*probed->unconfirmed));
    *probed->unconfirmed = *outcome;
    probed->unconfirmed_at_ms = now_ms;
}

void probed_address_back_off(struct probed_address *probed, enum failure failure, uint64_t now_ms)
{
    if (failure == FAILURE_NONE) {
        probed->failing_since_ms = 0;
    } else if (probed->failing_since_ms == 0 && !failure_is_ours(failure)) {
        probed->failing_since_ms = now_ms;
    }
    if (failure == FAILURE_NTP_RATE) {
        probed->backoff = probed->backoff * 2 > LIMIT_BACKOFF ? LIMIT_BACKOFF : probed->backoff * 2;
    } else if (failure == FAILURE_NONE) {
        probed->backoff = 1;
    }
}

bool probed_address_repeat(struct probed_address *probed, uint64_t now_ms)
{
    if (probed->repeats == LIMIT_REPEATS) {
        return false;
    }
    probed->repeats++;
    probed->due_ms = now_ms + LIMIT_RETRY_MS;
    return true;
}

static void stop_probe(struct probed_address *probed)
{
    if (probed->run != NULL) {
        probe_run_cancel(probed->run);
        probed->run = NULL;
        probed->due_ms = 0; /* it starts again at once */
        probed->member->context->in_flight--;
    }
    association_free(probed->association);
    probed->association = NULL;
    daily_forget(&probed->daily);
    free(probed->unconfirmed);
    probed->unconfirmed = NULL;
}

void probed_member_restart(struct probed_member *member)
{
    for (unsigned i = 0; i < member->address_count; i++) {
        stop_probe(&member->probed_addresses[i]);
    }
}

void probed_member_clear_addresses(struct probed_member *member)
{
    probed_member_restart(member);
    member->address_count = 0;
}

static void stop_all(struct probed_member *member)
{
    if (member->lookup != NULL) {
        lookup_cancel(member->lookup);
        member->lookup = NULL;
        member->context->in_flight--;
    }
    probed_member_clear_addresses(member);
}

void probed_member_free(struct probed_member *member)
{
    if (member != NULL) {
        stop_all(member);
        free(member);
    }
}

uint64_t probed_address_dead_s(const struct probed_address *probed, uint64_t now_ms)
{
    return probed->failing_since_ms == 0 ? 0 : (now_ms - probed->failing_since_ms) / 1000;
}

/* Since when an address fails that failed in an earlier run already, as far back as the monotonic
 * clock goes. */
static uint64_t failing_since_ms(const struct probed_member *member,
                                 const struct address_health *row)
{
    uint64_t since = u64_max(u64_max(row->last_good_at, member->changed_at), row->first_probe_at);
    uint64_t now_ms = clock_steady_ms();
    if (row->failures == 0 || failure_is_ours(row->failure) || row->last_probe_at <= since ||
        row->last_probe_at > clock_now()) {
        return 0;
    }
    uint64_t dead_ms = (row->last_probe_at - since) * 1000;
    return dead_ms < now_ms ? now_ms - dead_ms : 1;
}

/* Rows of the history stay for two years. So their number is bounded, whatever addresses a resolver
 * returns for a member's own name. */
static bool is_over_newcomer_limit(struct probed_member *member, const struct address_health *row)
{
    uint64_t day = clock_now() / 86400;
    if (row->probes > 0) {
        return false;
    }
    if (member->newcomer_day != day) {
        member->newcomer_day = day;
        member->newcomers = 0;
    }
    member->newcomers += member->newcomers <= LIMIT_NEWCOMERS;
    return member->newcomers > LIMIT_NEWCOMERS;
}

void probed_member_set_addresses(struct probed_member *member, const struct address *addresses,
                                 unsigned count)
{
    if (member->address_count == count &&
        memcmp(member->addresses, addresses, count * sizeof(addresses[0])) == 0) {
        return;
    }
    probed_member_restart(member);
    member->dirty |= verdict_addresses(&member->health, addresses, count);
    memcpy(member->addresses, addresses, count * sizeof(addresses[0]));
    member->address_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct probed_address *probed = &member->probed_addresses[i];
        const struct address_health *row = &member->health.addresses[i];
        /* a new address has its daily checks at once; those of the others are spread over a day */
        uint64_t daily_at =
            row->probes == 0 ? 0 : clock_steady() + randombytes_uniform(LIMIT_DAILY_S);
        *probed = (struct probed_address){
            .member = member,
            .index = i,
            .backoff = 1,
            .failing_since_ms = failing_since_ms(member, row),
            .no_history = is_over_newcomer_limit(member, row),
            .plan = { .name = member->name,
                      .endpoint = { addresses[i], member->port },
                      .registered = member->addresses,
                      .registered_count = count,
                      .daily = &probed->daily },
            .daily = { .due_at = daily_at,
                       .warnings = row->warnings & DAILY_WARNINGS,
                       .aead = row->aead },
        };
    }
}

static void text_of(char out[NTS_KE_NAME_ROOM], const struct dname *name)
{
    char text[DNAME_TEXT_MAX];
    dname_text(name, text);
    size_t len = strlen(text);
    if (len > 1 && text[len - 1] == '.') {
        text[len - 1] = '\0';
    }
    (void)snprintf(out, NTS_KE_NAME_ROOM, "%.*s", NTS_KE_NAME_ROOM - 1, text);
}

/* True if the member was good after that second, and nothing was said against its consent. */
static bool was_good(const struct member_health *health, uint64_t since)
{
    bool good = false;
    for (unsigned i = 0; i < health->address_count; i++) {
        if (health->addresses[i].failure == FAILURE_CONSENT) {
            return false;
        }
        uint64_t good_at = health->addresses[i].last_good_at;
        good |= good_at > since;
    }
    return good;
}

/* True if consent is needed from now on, or no longer. A new name has to consent anew. In what was
 * changed before this program started, the name may be new. */
static bool update_consent(struct probed_member *member, const struct member *entry, bool renamed)
{
    bool needed = consent_is_needed(entry, member->context->settings);
    bool changed = needed != member->consent.needed;
    if (needed && (changed || renamed)) {
        uint64_t since = member->name[0] == '\0' ? entry->changed_at : 0;
        bool good = !renamed && was_good(&member->health, since);
        consent_watch_begin(&member->consent, good, clock_steady_ms());
    } else if (!needed) {
        consent_watch_end(&member->consent);
    }
    struct dname name;
    if (needed && consent_name(&name, &entry->target) == RESULT_OK) {
        text_of(member->consent_name, &name);
    } else {
        member->consent_name[0] = '\0'; /* none is needed, or there is no room */
    }
    return changed;
}

bool probed_member_update(struct probed_member *member, const struct member *entry)
{
    struct dname target;
    char name[NTS_KE_NAME_ROOM];
    member_target(&target, entry, &member->context->settings->apex);
    text_of(name, &target);
    bool has_own_name = entry->target.len > 0;
    bool moved = strcmp(member->name, name) != 0 || member->port != entry->port ||
                 member->has_own_name != has_own_name;
    bool renamed = member->name[0] != '\0' && strcmp(member->name, name) != 0;
    bool changed =
        update_consent(member, entry, renamed) || moved || member->changed_at != entry->changed_at;
    if (moved) {
        stop_all(member);
        memcpy(member->name, name, sizeof(name));
        member->port = entry->port;
        member->has_own_name = has_own_name;
        member->resolved = (struct resolved_addresses){ 0 };
    }
    memcpy(member->label, entry->label, sizeof(member->label));
    member->changed_at = entry->changed_at;
    if (!has_own_name) {
        probed_member_set_addresses(member, entry->addresses, entry->address_count);
    }
    return changed;
}

bool probed_member_is_urgent(const struct probed_member *member, const struct member_health *before,
                             unsigned index)
{
    const struct member_health *after = &member->health;
    const struct address_health *was = &before->addresses[index], *is = &after->addresses[index];
    return before->stage != after->stage || before->weight != after->weight ||
           was->working != is->working || was->failure != is->failure ||
           was->last_probe_at <= member->changed_at;
}
