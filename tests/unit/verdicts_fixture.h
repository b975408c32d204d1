/* A registry and a state/health for each test, both with a write transaction, and one vantage point
 * that is well. */
#ifndef TESTS_UNIT_VERDICTS_FIXTURE_H
#define TESTS_UNIT_VERDICTS_FIXTURE_H

#include "tests/unit/registry_fixture.h"
#include "zone/verdicts/vantage.h"

static struct store *health;
static struct store_txn *verdicts;

static inline int set_up_verdicts(void **state)
{
    static const struct vantage local = { .name = "local",
                                          .interval_s = 64,
                                          .well_at = NOW,
                                          .family = { { .state = FAMILY_ON, .well_at = NOW },
                                                      { .state = FAMILY_ON, .well_at = NOW } } };
    (void)set_up(state);
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_open(&health, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_write(health, &verdicts, &diag));
    assert_ok(vantage_put(verdicts, &local, &diag));
    return 0;
}

static inline int tear_down_verdicts(void **state)
{
    store_abort(verdicts);
    store_close(health);
    return tear_down(state);
}

#endif
