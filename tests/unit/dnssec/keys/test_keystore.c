#include "tests/unit/keys.h"

enum {
    LIFE_LEN = 1 + 3 * 4 * 8
};

struct seen {
    size_t count;
    struct key_record list[8];
};

static enum result note(const struct key_record *record, void *arg)
{
    struct seen *seen = arg;
    assert_true(seen->count < 8);
    seen->list[seen->count++] = *record;
    return RESULT_OK;
}

static enum result read_all(struct keys_fixture *f, struct seen *seen)
{
    struct store_txn *txn = NULL;
    seen->count = 0;
    assert_ok(store_read(f->store, &txn, NULL));
    enum result result = keystore_each(txn, note, seen);
    store_abort(txn);
    return result;
}

static void keys_come_back_as_they_were_put(void **state)
{
    struct keys_fixture *f = *state;
    const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };
    for (size_t a = 0; a < 2; a++) {
        struct key *key = keys_add(f, algorithms[a], a == 0 ? KEY_KSK : KEY_ZSK);
        struct seen seen;
        assert_ok(read_all(f, &seen));
        assert_int_equal(seen.count, a + 1);
        const struct key_record *record = &seen.list[a]; /* in order of algorithm */
        assert_int_equal(record->algorithm, algorithms[a]);
        assert_int_equal(record->role, key_role(key));
        assert_int_equal(record->tag, key_tag(key));
        assert_int_equal(record->created_at, 1000);
        assert_true(record->life.wanted);
        assert_int_equal(record->life.dnskey.introduced_at, 1000);
        assert_int_equal(record->life.zone.introduced_at, a == 0 ? 0 : 1000);
        assert_int_equal(record->life.ds.introduced_at, a == 0 ? 1000 : 0);

        uint8_t dnskey[2][KEY_DNSKEY_MAX], ds[2][KEY_DS_LEN];
        size_t len = key_dnskey(key, dnskey[0]);
        assert_int_equal(key_record_dnskey(record, dnskey[1]), len);
        assert_memory_equal(dnskey[0], dnskey[1], len);
        struct dname owner = name_of("Pool.test.");
        key_ds(key, &owner, ds[0]);
        key_record_ds(record, &owner, ds[1]);
        assert_memory_equal(ds[0], ds[1], KEY_DS_LEN);

        struct key *again = NULL;
        assert_ok(keystore_unseal(&again, record, f->seal, NULL));
        uint8_t secret[2][KEY_PRIVATE_MAX];
        key_private(key, secret[0]);
        key_private(again, secret[1]);
        assert_memory_equal(secret[0], secret[1], KEY_PRIVATE_MAX);
        key_free(again);
        key_free(key);
    }
}

static void the_private_half_is_not_in_the_store(void **state)
{
    struct keys_fixture *f = *state;
    struct key *key = keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_CSK);
    uint8_t secret[KEY_PRIVATE_MAX];
    key_private(key, secret);
    size_t public_len = 0;
    const uint8_t *public_key = key_public(key, &public_len);
    char path[64];
    (void)snprintf(path, sizeof path, "%s/keys/data.mdb", f->dir);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *data = malloc(1 << 20);
    assert_non_null(data);
    size_t len = fread(data, 1, 1 << 20, file);
    (void)fclose(file);
    assert_non_null(memmem(data, len, public_key, public_len)); /* this is the right file */
    assert_null(memmem(data, len, secret, 8));
    free(data);
    key_free(key);
}

static void a_second_key_of_one_tag_is_refused(void **state)
{
    struct keys_fixture *f = *state;
    struct key *key = keys_add(f, ALGORITHM_ED25519, KEY_ZSK);
    struct store_txn *txn = keys_write(f);
    struct diag diag = { "" };
    assert_int_equal(keys_put(txn, key, f->seal, 2000, &diag), RESULT_EXISTS);
    char tag[16];
    (void)snprintf(tag, sizeof tag, "%u", key_tag(key));
    assert_non_null(strstr(diag.text, tag));
    store_abort(txn);
    key_free(key);
}

/* Somebody who can write the store but has no sealing key can't pass one key off as another. */
static void a_changed_public_record_does_not_unseal(void **state)
{
    struct keys_fixture *f = *state;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    struct seen seen;
    assert_ok(read_all(f, &seen));
    struct key *key = NULL;
    struct diag diag = { "" };
    struct key_record bad[5];
    for (size_t i = 0; i < 5; i++) {
        bad[i] = seen.list[0];
    }
    bad[0].role = KEY_KSK;
    bad[1].created_at++;
    bad[2].public_key[5] ^= 1;
    bad[3].sealed[0] ^= 1;
    bad[4].sealed[sizeof bad[4].sealed - 1] ^= 1;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(keystore_unseal(&key, &bad[i], f->seal, &diag), RESULT_UNSEALABLE);
        assert_null(key);
    }
    assert_non_null(strstr(diag.text, "cannot be opened"));
    assert_ok(keystore_unseal(&key, &seen.list[0], f->seal, &diag));
    key_free(key);
}

static void another_sealing_key_opens_nothing(void **state)
{
    struct keys_fixture *f = *state;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    struct seen seen;
    assert_ok(read_all(f, &seen));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/other.key", f->dir);
    struct seal *other = NULL;
    struct key *key = NULL;
    assert_ok(seal_create(f->dir, path, NULL));
    assert_ok(seal_open(&other, f->dir, path, NULL));
    assert_int_equal(keystore_unseal(&key, &seen.list[0], other, NULL), RESULT_UNSEALABLE);
    seal_free(other);
}

/* A stored row. */
struct row {
    uint8_t key[8], value[256];
    size_t key_len, value_len;
};

static enum result copy_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    struct row *row = arg;
    assert_true(key_len <= sizeof row->key && value_len <= sizeof row->value);
    memcpy(row->key, key, key_len);
    memcpy(row->value, value, value_len);
    row->key_len = key_len;
    row->value_len = value_len;
    return RESULT_OK;
}

/* The result of keystore_each when the only row has this value. */
static enum result result_with(struct keys_fixture *f, const struct row *row, const uint8_t *value,
                               size_t len)
{
    struct store_txn *txn = keys_write(f);
    struct seen seen = { .count = 0 };
    assert_ok(store_put(txn, TABLE_KEYS, row->key, row->key_len, value, len));
    enum result result = keystore_each(txn, note, &seen);
    store_abort(txn);
    return result;
}

static void broken_rows_are_told_from_good_ones(void **state)
{
    struct keys_fixture *f = *state;
    key_free(keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_KSK));
    struct row row = { .key_len = 0 };
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    assert_ok(store_each(txn, TABLE_KEYS, copy_row, &row));
    store_abort(txn);
    assert_int_equal(row.key_len, 3);
    assert_int_equal(row.value_len, 12 + 64 + 32 + SEAL_OVERHEAD + LIFE_LEN);

    assert_ok(result_with(f, &row, row.value, row.value_len));
    for (size_t len = 1; len < row.value_len; len++) {
        assert_int_equal(result_with(f, &row, row.value, len), RESULT_DAMAGED);
    }
    uint8_t value[sizeof row.value];
    memcpy(value, row.value, row.value_len);
    assert_int_equal(result_with(f, &row, value, row.value_len + 1), RESULT_DAMAGED);
    value[0] = 4; /* a newer layout */
    assert_int_equal(result_with(f, &row, value, row.value_len), RESULT_NEWER);
    /* Layout, algorithm, role, length and public key are checked by structure or by the tag in the
     * row's key. */
    for (size_t at = 0; at < 12 + 64; at++) {
        if (at >= 3 && at < 11) {
            continue; /* the creation time: any value is valid */
        }
        memcpy(value, row.value, row.value_len);
        value[at] ^= 0x80;
        enum result result = result_with(f, &row, value, row.value_len);
        assert_true(result == (at == 0 ? RESULT_NEWER : RESULT_DAMAGED));
    }
    memcpy(value, row.value, row.value_len);
    value[row.value_len - LIFE_LEN] = 3; /* none of wanted, planned and neither */
    assert_int_equal(result_with(f, &row, value, row.value_len), RESULT_DAMAGED);
    row.key[2] ^= 1;
    assert_int_equal(result_with(f, &row, row.value, row.value_len), RESULT_DAMAGED);
}

static void a_life_is_changed_and_ended(void **state)
{
    struct keys_fixture *f = *state;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    struct seen seen;
    assert_ok(read_all(f, &seen));
    struct key_record *record = &seen.list[0];
    const struct key_life life = { .wanted = false,
                                   .dnskey = { 1, 2, 3, 4 },
                                   .zone = { 5, 6, 7, 8 },
                                   .ds = { 9, 10, 11, UINT64_MAX } };
    record->life = life;
    struct store_txn *txn = keys_write(f);
    assert_ok(keystore_update(txn, record, f->seal, NULL));
    assert_ok(store_commit(txn, NULL));
    assert_ok(read_all(f, &seen));
    assert_int_equal(seen.count, 1);
    assert_false(record->life.wanted);
    assert_memory_equal(&record->life.dnskey, &life.dnskey, sizeof life.dnskey);
    assert_memory_equal(&record->life.zone, &life.zone, sizeof life.zone);
    assert_memory_equal(&record->life.ds, &life.ds, sizeof life.ds);
    struct key *key = NULL;
    assert_ok(keystore_unseal(&key, record, f->seal, NULL));
    key_free(key);
    txn = keys_write(f);
    assert_ok(keystore_delete(txn, record));
    assert_int_equal(keystore_delete(txn, record), RESULT_NOT_FOUND);
    assert_ok(store_commit(txn, NULL));
    assert_ok(read_all(f, &seen));
    assert_int_equal(seen.count, 0);
}

/* A row in the first layout is read, and is sealed anew when its life changes. */
static void the_first_layout_is_read_and_taken_over(void **state)
{
    struct keys_fixture *f = *state;
    struct key *key = keys_make(ALGORITHM_ED25519, KEY_ZSK), *again = NULL;
    uint8_t row[256], secret[2][KEY_PRIVATE_MAX], id[3] = { ALGORITHM_ED25519 };
    size_t public_len = 0;
    struct writer w = writer_of(row, sizeof row);
    write_u8(&w, 1);
    write_u8(&w, ALGORITHM_ED25519);
    write_u8(&w, KEY_ZSK);
    write_u64(&w, 1000);
    write_u64(&w, 2000); /* active_at */
    const uint8_t *public_key = key_public(key, &public_len);
    write_u8(&w, (uint8_t)public_len);
    write_octets(&w, public_key, public_len);
    key_private(key, secret[0]);
    size_t bound_len = w.at;
    assert_ok(seal_wrap(f->seal, secret[0], KEY_PRIVATE_MAX, row, bound_len,
                        write_room(&w, KEY_PRIVATE_MAX + SEAL_OVERHEAD)));
    wire_put_u16(id + 1, key_tag(key));
    struct store_txn *txn = keys_write(f);
    assert_ok(store_put(txn, TABLE_KEYS, id, sizeof id, row, w.at));
    assert_ok(store_commit(txn, NULL));
    for (int round = 0; round < 2; round++) {
        struct seen seen;
        assert_ok(read_all(f, &seen));
        struct key_record *record = &seen.list[0];
        assert_int_equal(record->layout, round + 1);
        assert_true(record->life.wanted);
        assert_int_equal(record->created_at, 1000);
        assert_int_equal(record->life.zone.introduced_at, 2000);
        assert_int_equal(record->life.zone.withdrawn_at, round == 0 ? 0 : 3000);
        assert_ok(keystore_unseal(&again, record, f->seal, NULL));
        key_private(again, secret[1]);
        assert_memory_equal(secret[0], secret[1], KEY_PRIVATE_MAX);
        key_free(again);
        record->life.zone.withdrawn_at = 3000;
        txn = keys_write(f);
        assert_ok(keystore_update(txn, record, f->seal, NULL));
        assert_ok(store_commit(txn, NULL));
    }
    key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_come_back_as_they_were_put, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(the_private_half_is_not_in_the_store, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(a_second_key_of_one_tag_is_refused, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(a_changed_public_record_does_not_unseal, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(another_sealing_key_opens_nothing, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(a_life_is_changed_and_ended, keys_set_up, keys_tear_down),
        cmocka_unit_test_setup_teardown(the_first_layout_is_read_and_taken_over, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(broken_rows_are_told_from_good_ones, keys_set_up,
                                        keys_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
