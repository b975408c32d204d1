/* A new state/health in a directory of the test's own, with a write transaction. */
#ifndef TESTS_HEALTH_FIXTURE_H
#define TESTS_HEALTH_FIXTURE_H

#include "tests/unit/store_fixture.h"

static struct store *store;
static struct store_txn *txn;
static struct diag diag;

static inline int set_up(void **)
{
    assert_int_equal(make_dir(NULL), 0);
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_open(&store, dir, STORE_HEALTH, true, &diag));
    assert_ok(store_write(store, &txn, &diag));
    return 0;
}

static inline int tear_down(void **)
{
    store_abort(txn);
    store_close(store);
    return remove_dir(NULL);
}

#endif
