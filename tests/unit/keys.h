/* A state directory with a key store and a sealing key. */
#ifndef TESTS_UNIT_KEYS_H
#define TESTS_UNIT_KEYS_H

#include "dnssec/keys/keystore.h"
#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/keyring.h"
#include "tests/unit/unit.h"

struct keys_fixture {
    char dir[32];
    struct store *store;
    struct seal *seal;
};

static inline int keys_set_up(void **state)
{
    struct keys_fixture *f = calloc(1, sizeof *f);
    struct diag diag;
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "test_keys.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_ok(store_create(f->dir, STORE_KEYS, &diag));
    assert_ok(store_open(&f->store, f->dir, STORE_KEYS, true, &diag));
    assert_ok(seal_create(f->dir, NULL, &diag));
    assert_ok(seal_open(&f->seal, f->dir, NULL, &diag));
    *state = f;
    return 0;
}

static inline int keys_tear_down(void **state)
{
    struct keys_fixture *f = *state;
    char command[64];
    seal_free(f->seal);
    store_close(f->store);
    (void)snprintf(command, sizeof command, "rm -rf %s", f->dir);
    int status = system(command); /* NOLINT(cert-env33-c): the test's own directory */
    free(f);
    return status;
}

static inline struct store_txn *keys_write(struct keys_fixture *f)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(f->store, &txn, NULL));
    return txn;
}

static inline struct key *keys_make(enum algorithm algorithm, enum key_role role)
{
    struct key *key = NULL;
    assert_ok(key_generate(&key, algorithm, role, NULL));
    return key;
}

/* Stores a key that has been in use since `now`. */
static inline enum result keys_put(struct store_txn *txn, const struct key *key,
                                   const struct seal *seal, uint64_t now, struct diag *diag)
{
    const struct key_life life = key_life_in_use(key_role(key), now);
    return keystore_add(txn, key, seal, &life, now, diag);
}

/* Generates a key, stores and returns it. If its tag is taken, it generates another. */
static inline struct key *keys_add(struct keys_fixture *f, enum algorithm algorithm,
                                   enum key_role role)
{
    struct key *key = keys_make(algorithm, role);
    struct store_txn *txn = keys_write(f);
    enum result result = keys_put(txn, key, f->seal, 1000, NULL);
    while (result == RESULT_EXISTS) {
        key_free(key);
        key = keys_make(algorithm, role);
        result = keys_put(txn, key, f->seal, 1000, NULL);
    }
    assert_ok(result);
    assert_ok(store_commit(txn, NULL));
    return key;
}

/* The keyring of the stored keys. */
static inline enum result keys_ring(struct keyring **out, struct keys_fixture *f, struct diag *diag)
{
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    enum result result = keyring_load(out, txn, f->seal, diag);
    store_abort(txn);
    return result;
}

static inline struct key_timeline keys_timeline(struct keys_fixture *f)
{
    struct key_timeline timeline;
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    store_abort(txn);
    return timeline;
}

#endif
