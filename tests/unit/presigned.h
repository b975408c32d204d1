/* A pool's key store, and the machine that has the pool's KSK and signs its requests. */
#ifndef TESTS_UNIT_PRESIGNED_H
#define TESTS_UNIT_PRESIGNED_H

#include "dnssec/offline/offline.h"
#include "tests/unit/keys.h"

enum {
    NOW = 1800000000,
    HOUR = 3600
};
#define DAY UINT64_C(86400)

static inline struct settings presigned_settings(void)
{
    struct settings settings;
    settings_defaults(&settings);
    assert_ok(dname_parse(&settings.apex, "pool.test", NULL));
    return settings;
}

/* A KSK and a ZSK in use since NOW, as after `init`. */
static inline void presigned_init(struct keys_fixture *f, enum algorithm algorithm)
{
    const struct settings settings = presigned_settings();
    const enum key_role roles[] = { KEY_KSK, KEY_ZSK };
    struct store_txn *txn = keys_write(f);
    for (size_t i = 0; i < 2; i++) {
        const struct key_spec recipe = { algorithm, roles[i], key_life_in_use(roles[i], NOW) };
        assert_ok(key_timeline_make_key(txn, f->seal, &recipe, NOW, NULL));
    }
    assert_ok(key_timeline_init(txn, &settings, NOW, NULL));
    assert_ok(store_commit(txn, NULL));
}

/* A request for `days` from `now` on. */
static inline enum result presigned_ask(struct bundle *out, struct keys_fixture *f, uint64_t now,
                                        unsigned days, struct diag *diag)
{
    const struct settings settings = presigned_settings();
    const struct offline_period period = { .now = now, .from = now, .until = now + days * DAY };
    struct store_txn *txn = keys_write(f);
    enum result result = offline_request(out, txn, f->seal, &settings, &period, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    return result;
}

/* Signs the request with the store that has the KSK. */
static inline void presigned_sign(struct bundle *bundle, struct keys_fixture *f)
{
    const struct settings settings = presigned_settings();
    struct store_txn *txn = keys_write(f);
    uint32_t signers = 0;
    assert_ok(offline_sign(bundle, txn, f->seal, &settings.apex, &signers, NULL));
    assert_int_not_equal(signers, 0);
    store_abort(txn);
}

static inline enum result presigned_accept(struct bundle *bundle, struct keys_fixture *f,
                                           uint64_t now, struct diag *diag)
{
    const struct settings settings = presigned_settings();
    struct store_txn *txn = keys_write(f);
    enum result result = offline_accept(bundle, txn, &settings, now, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    return result;
}

static inline enum result presigned_forget(struct keys_fixture *f, uint64_t now, struct diag *diag)
{
    const struct settings settings = presigned_settings();
    struct store_txn *txn = keys_write(f);
    enum result result = offline_forget(txn, &settings, now, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    return result;
}

static inline struct slices presigned_slices(struct keys_fixture *f)
{
    struct store_txn *txn = NULL;
    struct slices slices = { .count = 0 };
    const struct key_timeline timeline = keys_timeline(f);
    assert_ok(store_read(f->store, &txn, NULL));
    assert_ok(slices_read(&slices, txn, &timeline.keys, NULL));
    store_abort(txn);
    return slices;
}

#endif
