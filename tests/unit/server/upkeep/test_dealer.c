#include <time.h>

#include "server/upkeep/dealer.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct dealer_facts facts;

static struct pool_fixture pool;
static struct sigcache *cache;

static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    cache = sigcache_new(1024);
    return 0;
}

static int tear_down(void **)
{
    sigcache_free(cache);
    pool_fixture_done(&pool);
    return 0;
}

static void start(struct dealer *dealer)
{
    struct diag diag = { "" };
    struct demand demand = { .by_cell = NULL };
    assert_ok(dealer_start(dealer, pool.zone, &demand, FIXTURE_NOW + 1, &diag));
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The next deal, once the dealer is free; NULL after a minute. */
static struct deal *wait_for(struct dealer *dealer, const struct zone_state *zone)
{
    struct deal *deal = NULL;
    struct diag diag = { "" };
    for (double end = seconds(CLOCK_MONOTONIC) + 60;
         deal == NULL && seconds(CLOCK_MONOTONIC) < end;) {
        const struct timespec pause = { .tv_nsec = 1000000 };
        if (dealer_is_free(dealer)) {
            start(dealer);
        }
        assert_ok(dealer_take(dealer, zone, &deal, &diag));
        (void)nanosleep(&pause, NULL);
    }
    return deal;
}

static void a_new_deal_follows_that_of_the_zone_state(void **)
{
    struct dealer *dealer = dealer_new(cache, &facts);
    struct deal *none = NULL;
    struct diag diag = { "" };
    assert_ok(dealer_take(dealer, pool.zone, &none, &diag));
    assert_null(none);
    start(dealer);
    assert_false(dealer_is_free(dealer));
    struct deal *deal = wait_for(dealer, pool.zone);
    assert_non_null(deal);
    assert_int_equal(deal->round, pool.zone->deal->round + 1);
    assert_int_equal(deal->dealt_at, FIXTURE_NOW + 1);
    assert_int_equal(deal->candidates.eligible, pool.zone->deal->candidates.eligible);
    assert_ok(dealer_take(dealer, pool.zone, &none, &diag));
    assert_null(none);
    deal_unref(deal);
    dealer_free(dealer);
}

static void an_overtaken_deal_is_dropped(void **)
{
    struct dealer *dealer = dealer_new(cache, &facts);
    struct deal later = *pool.zone->deal;
    struct zone_state zone = { .deal = &later };
    later.round++; /* as if settings or half of the pool had changed: a new deal exists already */
    start(dealer);
    struct deal *deal = NULL;
    struct diag diag = { "" };
    for (int i = 0; i < 200; i++) {
        const struct timespec pause = { .tv_nsec = 1000000 };
        assert_ok(dealer_take(dealer, &zone, &deal, &diag));
        assert_null(deal);
        (void)nanosleep(&pause, NULL);
    }
    deal = wait_for(dealer, pool.zone);
    assert_non_null(deal);
    deal_unref(deal);
    dealer_free(dealer);
}

static void all_deals_take_a_hundredth_of_a_core(void **)
{
    struct dealer *dealer = dealer_new(cache, &facts);
    double began = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    deal_unref(wait_for(dealer, pool.zone));
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu; /* the dealer used nearly all of it */
    deal_unref(wait_for(dealer, pool.zone));
    assert_true(seconds(CLOCK_MONOTONIC) - began > cpu * DEALER_REST / 2);
    dealer_free(dealer);
}

static void a_busy_dealer_can_go(void **)
{
    struct dealer *dealer = dealer_new(cache, &facts);
    start(dealer);
    dealer_free(dealer);
    dealer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_deal_follows_that_of_the_zone_state),
        cmocka_unit_test(an_overtaken_deal_is_dropped),
        cmocka_unit_test(all_deals_take_a_hundredth_of_a_core),
        cmocka_unit_test(a_busy_dealer_can_go),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
