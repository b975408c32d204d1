/* Stores with rows in them. */
#ifndef TESTS_STORE_ROWS_H
#define TESTS_STORE_ROWS_H

#include "tests/unit/store_fixture.h"
#include "zone/base/wire.h"

static inline struct store *open_new(enum store_kind kind)
{
    struct diag diag;
    struct store *store;
    assert_ok(store_create(dir, kind, &diag));
    assert_ok(store_open(&store, dir, kind, true, &diag));
    return store;
}

static inline void put(struct store *store, const char *key, const char *value)
{
    struct store_txn *txn;
    assert_ok(store_write(store, &txn, NULL));
    assert_ok(store_put(txn, TABLE_SETTINGS, key, strlen(key), value, strlen(value)));
    assert_ok(store_commit(txn, NULL));
}

static inline void fill(struct store *store, unsigned rows, size_t len)
{
    struct store_txn *txn;
    uint8_t *value = calloc(1, len);
    assert_ok(store_write(store, &txn, NULL));
    for (uint32_t i = 0; i < rows; i++) {
        uint8_t key[4];
        wire_put_u32(key, i);
        memset(value, (int)(i & 0xff), len);
        assert_ok(store_put(txn, TABLE_MEMBERS, key, sizeof(key), value, len));
    }
    assert_ok(store_commit(txn, NULL));
    free(value);
}

#endif
