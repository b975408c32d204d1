#include "probe/dispatcher.h"

#include <sys/resource.h>

#include <sodium.h>

#include "probe/limits.h"
#include "probe/schedule.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"

static unsigned in_flight_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room = limit.rlim_cur > LIMIT_FILES_SPARE ? limit.rlim_cur - LIMIT_FILES_SPARE : 0;
    rlim_t most = room / LIMIT_FILES_EACH;
    return most > LIMIT_IN_FLIGHT ? LIMIT_IN_FLIGHT : most > 0 ? (unsigned)most : 1;
}

void dispatcher_init(struct dispatcher *dispatcher)
{
    dispatcher->in_flight_max = in_flight_max();
    dispatcher->host_rate = host_rate_new();
}

void dispatcher_done(struct dispatcher *dispatcher)
{
    host_rate_free(dispatcher->host_rate);
    due_free(&dispatcher->names);
    due_free(&dispatcher->addresses);
}

static bool may_start(const struct dispatcher *dispatcher)
{
    return dispatcher->table->context->in_flight < dispatcher->in_flight_max;
}

static uint64_t next_due(const struct dispatcher *dispatcher, unsigned backoff, uint64_t dead_s)
{
    if (dispatcher->once) {
        return UINT64_MAX;
    }
    uint64_t pause_ms = schedule_pause_ms(dispatcher->interval_ms, backoff, dead_s);
    return schedule_next(clock_steady_ms(), pause_ms, randombytes_random());
}

static bool start_lookup(const struct dispatcher *dispatcher, struct probed_member *member)
{
    if (!probed_member_resolve(member)) {
        member->resolve_due_ms = next_due(dispatcher, 1, 0);
        return false;
    }
    return true;
}

static bool start_probe(const struct dispatcher *dispatcher, struct probed_address *probed,
                        uint64_t now_ms)
{
    struct probe_plan *plan = &probed->plan;
    if (!host_rate_take(dispatcher->host_rate, &plan->endpoint.address, now_ms)) {
        return false;
    }
    plan->allow_private = dispatcher->allow_private;
    plan->trust = dispatcher->trust;
    plan->stall = dispatcher->stall;
    plan->ke_life_s = schedule_ke_life_s(randombytes_random());
    plan->ke_gap_s = dispatcher->once ? 0 : schedule_ke_gap_s(dispatcher->interval_ms);
    probed_address_start(probed);
    return true;
}

void dispatcher_start_due(struct dispatcher *dispatcher, uint64_t now_ms)
{
    const struct due_list *names = &dispatcher->names, *addresses = &dispatcher->addresses;
    unsigned started = 0;
    member_table_due(dispatcher->table, now_ms, &dispatcher->names, &dispatcher->addresses);
    for (size_t i = 0; i < names->count && started < LIMIT_STARTS && may_start(dispatcher); i++) {
        started += start_lookup(dispatcher, names->items[i].what);
    }
    for (size_t i = 0; i < addresses->count && started < LIMIT_STARTS && may_start(dispatcher);
         i++) {
        started += start_probe(dispatcher, addresses->items[i].what, now_ms);
    }
}

void dispatcher_member_changed(const struct dispatcher *dispatcher, struct probed_member *member,
                               bool is_new)
{
    bool after_start = is_new && !dispatcher->once;
    member->resolve_due_ms = 0;
    for (unsigned i = 0; i < member->address_count; i++) {
        struct probed_address *probed = &member->probed_addresses[i];
        uint32_t probes = after_start ? member->health.addresses[i].probes : 0;
        probed->due_ms = schedule_first(clock_steady_ms(), dispatcher->interval_ms, probes,
                                        randombytes_random());
        if (!after_start) {
            probed->failing_since_ms = 0;
        }
    }
}

/* For how long the address has failed; 0 while the fault may be ours. */
static uint64_t dead_s(const struct dispatcher *dispatcher, const struct probed_address *probed)
{
    const struct member_table *table = dispatcher->table;
    const struct address_health *row = &probed->member->health.addresses[probed->index];
    bool ours = failure_is_ours(row->failure) || table->breaker_state.members_frozen ||
                table->vantage.state != VANTAGE_WELL;
    return ours ? 0 : probed_address_dead_s(probed, clock_steady_ms());
}

void dispatcher_probed(const struct dispatcher *dispatcher, struct probed_address *probed)
{
    uint64_t next_ms = next_due(dispatcher, probed->backoff, dead_s(dispatcher, probed));
    probed->due_ms = u64_min(next_ms, probed->due_ms);
}

void dispatcher_resolved(const struct dispatcher *dispatcher, struct probed_member *member,
                         const struct lookup_answer *answer, uint64_t now_ms)
{
    uint32_t interval_ms = dispatcher->interval_ms;
    bool refused = member->consent.needed && !member->consent.given;
    uint64_t pause_ms = refused ? consent_watch_pause_ms(&member->consent, interval_ms, now_ms)
                                : resolved_addresses_pause_ms(answer, interval_ms);
    member->resolve_due_ms = dispatcher->once ? UINT64_MAX : now_ms + pause_ms;
}

static bool is_idle(const struct probed_member *member)
{
    if (member->lookup != NULL || (member->has_own_name && member->resolve_due_ms != UINT64_MAX)) {
        return false;
    }
    for (unsigned i = 0; i < member->address_count; i++) {
        const struct probed_address *probed = &member->probed_addresses[i];
        if (probed->run != NULL || probed->unconfirmed != NULL || probed->due_ms != UINT64_MAX) {
            return false;
        }
    }
    return true;
}

bool dispatcher_is_idle(const struct dispatcher *dispatcher)
{
    for (size_t i = 0; i < dispatcher->table->member_count; i++) {
        if (!is_idle(dispatcher->table->members[i])) {
            return false;
        }
    }
    return true;
}
