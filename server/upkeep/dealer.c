#include "server/upkeep/dealer.h"

#include <stdlib.h>
#include <sys/resource.h>

#include <sodium.h>

#include "zone/base/clock.h"
#include "zone/base/thread.h"

enum {
    NICE = 19
};

struct dealer {
    struct sigcache *cache;
    struct dealer_facts *facts;
    struct thread thread;
    atomic_bool finished, give_up;
    /* The input of the thread. */
    struct zone_state *zone;
    struct demand demand;
    uint64_t now;
    /* The result of the thread. */
    enum result result;
    struct deal *deal;
    uint64_t rest_until_ns; /* of the monotonic clock */
};

struct dealer *dealer_new(struct sigcache *cache, struct dealer_facts *facts)
{
    struct dealer *dealer = xcalloc(1, sizeof(*dealer));
    dealer->cache = cache;
    dealer->facts = facts;
    thread_init(&dealer->thread);
    return dealer;
}

static void *run(void *arg)
{
    struct dealer *dealer = arg;
    const struct zone_state *zone = dealer->zone;
    uint64_t seed = 0;
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread; a refusal is no error */
    randombytes_buf(&seed, sizeof(seed));
    struct signer *signer = signer_new(zone->keyring, dealer->cache, &zone->settings.apex,
                                       zone->settings.signature_validity_s, seed);
    signer_count(signer, &dealer->facts->signatures);
    uint64_t began_ns = clock_monotonic_ns();
    const struct deal_parts parts = { .settings = &zone->settings,
                                      .keyring = zone->keyring,
                                      .places = zone->places,
                                      .demand = &dealer->demand,
                                      .service = &zone->service,
                                      .signer = signer,
                                      .now = dealer->now,
                                      .give_up = &dealer->give_up };
    dealer->result = signer == NULL ? RESULT_CRYPTO : deal_again(&dealer->deal, &parts, zone->deal);
    signer_free(signer);
    uint64_t ended_ns = clock_monotonic_ns();
    counter_set(&dealer->facts->duration_ns, ended_ns - began_ns);
    dealer->rest_until_ns = ended_ns + DEALER_REST * clock_cpu_ns();
    atomic_store(&dealer->finished, true);
    return NULL;
}

bool dealer_is_free(const struct dealer *dealer)
{
    return !dealer->thread.running && clock_monotonic_ns() >= dealer->rest_until_ns;
}

enum result dealer_start(struct dealer *dealer, struct zone_state *zone, struct demand *demand,
                         uint64_t now, struct diag *diag)
{
    ASSERT(!dealer->thread.running);
    atomic_store(&dealer->finished, false);
    dealer->zone = zone_state_ref(zone);
    dealer->demand = *demand;
    *demand = (struct demand){ .by_cell = NULL };
    dealer->now = now;
    dealer->deal = NULL;
    enum result result = thread_start(&dealer->thread, run, dealer, diag);
    if (result != RESULT_OK) {
        zone_state_unref(zone);
        demand_done(&dealer->demand);
    }
    return result;
}

static void join(struct dealer *dealer)
{
    thread_end(&dealer->thread);
    zone_state_unref(dealer->zone);
    demand_done(&dealer->demand);
}

enum result dealer_take(struct dealer *dealer, const struct zone_state *zone, struct deal **out,
                        struct diag *diag)
{
    *out = NULL;
    if (!dealer->thread.running || !atomic_load(&dealer->finished)) {
        return RESULT_OK;
    }
    join(dealer);
    if (dealer->result != RESULT_OK) {
        return diag_fail(diag, dealer->result, "the SRV sets can't be dealt anew: %s",
                         result_text(dealer->result));
    }
    if (dealer->deal->round == zone->deal->round + 1) {
        *out = dealer->deal;
    } else {
        deal_unref(dealer->deal);
    }
    return RESULT_OK;
}

void dealer_free(struct dealer *dealer)
{
    if (dealer == NULL) {
        return;
    }
    if (dealer->thread.running) {
        atomic_store(&dealer->give_up, true);
        join(dealer);
        if (dealer->result == RESULT_OK) {
            deal_unref(dealer->deal);
        }
    }
    thread_done(&dealer->thread);
    free(dealer);
}
