#include <sodium.h>

#include "dnssec/keys/cookie_secrets.h"
#include "tests/unit/keys.h"

static const char hex[] = "000102030405060708090A0b0c0d0e0f";

static void nothing_stored_is_no_error(void **state)
{
    struct keys_fixture *f = *state;
    struct cookie_secrets secrets = { .present = true };
    struct store_txn *txn = keys_write(f);
    assert_ok(cookie_secrets_get(txn, f->seal, &secrets, NULL));
    assert_false(secrets.present);
    store_abort(txn);
}

static void what_is_put_comes_back_and_is_sealed(void **state)
{
    struct keys_fixture *f = *state;
    struct cookie_secrets secrets = { .present = true, .changed_at = 77 }, back;
    assert_ok(cookie_secret_parse(secrets.current, hex, NULL));
    struct store_txn *txn = keys_write(f);
    for (int step = 0; step < 4; step++) {
        secrets.has_next = (step & 1) != 0;
        secrets.has_previous = (step & 2) != 0;
        memset(secrets.next, secrets.has_next ? 7 : 0, COOKIE_SECRET_LEN);
        memset(secrets.previous, secrets.has_previous ? 9 : 0, COOKIE_SECRET_LEN);
        assert_ok(cookie_secrets_put(txn, f->seal, &secrets, NULL));
        assert_ok(cookie_secrets_get(txn, f->seal, &back, NULL));
        assert_true(back.present && back.has_next == secrets.has_next &&
                    back.has_previous == secrets.has_previous && back.changed_at == 77);
        assert_memory_equal(back.current, secrets.current, COOKIE_SECRET_LEN);
        assert_memory_equal(back.next, secrets.next, COOKIE_SECRET_LEN);
        assert_memory_equal(back.previous, secrets.previous, COOKIE_SECRET_LEN);
    }
    uint8_t row[256];
    struct store_item item = { .data = row, .room = sizeof row };
    assert_ok(store_get(txn, TABLE_META, "cookie-secrets", 14, &item));
    for (size_t at = 0; at + COOKIE_SECRET_LEN <= item.len; at++) {
        assert_memory_not_equal(row + at, secrets.current, COOKIE_SECRET_LEN);
    }
    store_abort(txn);
}

static void every_damaged_octet_is_noticed(void **state)
{
    struct keys_fixture *f = *state;
    struct cookie_secrets secrets = { .present = true }, back = { .changed_at = 5 };
    struct diag diag;
    uint8_t row[256];
    struct store_item item = { .data = row, .room = sizeof row };
    struct store_txn *txn = keys_write(f);
    assert_ok(cookie_secrets_put(txn, f->seal, &secrets, NULL));
    assert_ok(store_get(txn, TABLE_META, "cookie-secrets", 14, &item));
    for (size_t len = 0; len < item.len; len++) {
        assert_ok(store_put(txn, TABLE_META, "cookie-secrets", 14, row, len));
        assert_int_not_equal(cookie_secrets_get(txn, f->seal, &back, &diag), RESULT_OK);
        row[len] ^= 4;
        assert_ok(store_put(txn, TABLE_META, "cookie-secrets", 14, row, item.len));
        assert_int_not_equal(cookie_secrets_get(txn, f->seal, &back, &diag), RESULT_OK);
        row[len] ^= 4;
    }
    row[0] = 2;
    assert_ok(store_put(txn, TABLE_META, "cookie-secrets", 14, row, item.len));
    assert_int_equal(cookie_secrets_get(txn, f->seal, &back, &diag), RESULT_NEWER);
    assert_int_equal(back.changed_at, 5);
    store_abort(txn);
}

static void only_32_digits_or_random_are_a_secret(void **)
{
    static const char *const bad[] = { "",
                                       "00",
                                       "000102030405060708090a0b0c0d0e0f00",
                                       "Random",
                                       "000102030405060708090a0b0c0d0e0",
                                       "zz0102030405060708090a0b0c0d0e0f",
                                       "00:102030405060708090a0b0c0d0e0f" };
    uint8_t secret[COOKIE_SECRET_LEN] = { 0 }, another[COOKIE_SECRET_LEN];
    struct diag diag;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cookie_secret_parse(secret, bad[i], &diag), RESULT_INVALID);
        assert_null(strstr(diag.text, "0102030405"));
    }
    assert_ok(cookie_secret_parse(secret, hex, NULL));
    for (unsigned i = 0; i < COOKIE_SECRET_LEN; i++) {
        assert_int_equal(secret[i], i);
    }
    assert_ok(cookie_secret_parse(secret, "random", NULL));
    assert_ok(cookie_secret_parse(another, "random", NULL));
    assert_memory_not_equal(secret, another, COOKIE_SECRET_LEN);
}

static void roll_takes_the_staged_one_or_a_random_one(void **)
{
    struct cookie_secrets secrets = { .present = true, .has_next = true };
    memset(secrets.current, 1, COOKIE_SECRET_LEN);
    memset(secrets.next, 2, COOKIE_SECRET_LEN);
    cookie_secrets_roll(&secrets, 99);
    assert_true(secrets.has_previous && !secrets.has_next && secrets.changed_at == 99);
    assert_int_equal(secrets.current[0], 2);
    assert_int_equal(secrets.previous[0], 1);
    uint8_t before[COOKIE_SECRET_LEN];
    memcpy(before, secrets.current, sizeof before);
    cookie_secrets_roll(&secrets, 100);
    assert_memory_equal(secrets.previous, before, sizeof before);
    assert_memory_not_equal(secrets.current, before, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_stored_is_no_error, keys_set_up, keys_tear_down),
        cmocka_unit_test_setup_teardown(what_is_put_comes_back_and_is_sealed, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(every_damaged_octet_is_noticed, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test(only_32_digits_or_random_are_a_secret),
        cmocka_unit_test(roll_takes_the_staged_one_or_a_random_one),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
