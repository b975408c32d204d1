#include "dnssec/offline/keytransfer.h"
#include "tests/unit/keys.h"

enum {
    NOW = 1800000000
};

static struct keys_fixture *other_machine(void **state)
{
    assert_int_equal(keys_set_up(state), 0);
    return *state;
}

static uint64_t version_of(struct keys_fixture *f)
{
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    uint64_t version = store_version(txn);
    store_abort(txn);
    return version;
}

static enum result unpack(struct keys_fixture *into, const struct store_item *item,
                          struct diag *diag)
{
    const struct dname zone = name_of("pool.test.");
    const struct package_import import = { .data = item->data, .len = item->len };
    struct store_txn *txn = keys_write(into);
    enum result result = keytransfer_unpack(txn, into->seal, &zone, &import, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    return result;
}

static struct cookie_secrets cookies_of(struct keys_fixture *f)
{
    struct cookie_secrets secrets;
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    assert_ok(cookie_secrets_get(txn, f->seal, &secrets, NULL));
    store_abort(txn);
    return secrets;
}

static struct store_item pack_numbered(struct keys_fixture *from, const struct seal *to,
                                       uint64_t number, const struct cookie_secrets *cookies)
{
    static uint8_t data[2][KEYTRANSFER_MAX];
    uint8_t recipient[SEAL_PUBLIC_LEN];
    struct settings settings;
    const struct package_options options = { .recipient = recipient,
                                             .zsk_only = true,
                                             .now = NOW + number,
                                             .number = number,
                                             .cookies = cookies };
    struct store_item out = { .data = data[number % 2], .room = KEYTRANSFER_MAX };
    struct store_txn *txn = NULL;
    settings_defaults(&settings);
    settings.apex = name_of("pool.test.");
    seal_public(to, recipient);
    assert_ok(store_read(from->store, &txn, NULL));
    assert_ok(keytransfer_pack(txn, from->seal, &settings, &options, &out, NULL));
    store_abort(txn);
    return out;
}

/* Letters may come late or twice. */
static void numbered_packages_are_taken_once_and_in_order(void **state)
{
    struct keys_fixture *f = *state;
    void *other_state = NULL;
    struct diag diag = { "" };
    struct package_taken taken;
    const struct cookie_secrets cookies = {
        .present = true, .has_next = true, .current = { 1 }, .next = { 2 }, .changed_at = 7
    };
    struct keys_fixture *other = other_machine(&other_state);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    const struct store_item first = pack_numbered(f, other->seal, 1, NULL);
    const struct store_item second = pack_numbered(f, other->seal, 2, &cookies);
    assert_ok(unpack(other, &second, &diag));
    uint64_t version = version_of(other);
    assert_ok(unpack(other, &second, &diag));
    assert_int_equal(unpack(other, &first, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "older"));
    assert_int_equal(version_of(other), version);
    struct store_txn *txn = keys_write(other);
    assert_ok(keytransfer_taken(txn, &taken));
    store_abort(txn);
    assert_int_equal(taken.number, 2);
    assert_int_equal(taken.made_at, NOW + 2);
    const struct cookie_secrets got = cookies_of(other);
    assert_memory_equal(got.current, cookies.current, COOKIE_SECRET_LEN);
    assert_memory_equal(got.next, cookies.next, COOKIE_SECRET_LEN);
    assert_true(got.has_next && !got.has_previous && got.changed_at == 7);
    const struct store_item third = pack_numbered(f, other->seal, 3, NULL);
    assert_ok(unpack(other, &third, &diag));
    assert_true(cookies_of(other).present);
    assert_int_equal(keys_tear_down(&other_state), 0);
}

/* The content is what the leader boxed, but its program may have a fault. */
static void slices_that_are_damaged_change_nothing(void **state)
{
    struct keys_fixture *f = *state;
    void *other_state = NULL;
    struct diag diag = { "" };
    struct keys_fixture *other = other_machine(&other_state);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    const struct store_item item = pack_numbered(f, other->seal, 1, NULL);
    uint8_t plain[KEYTRANSFER_PLAIN_MAX], recipient[SEAL_PUBLIC_LEN], sender[SEAL_PUBLIC_LEN];
    assert_ok(seal_unbox(other->seal, item.data, item.len, plain, sender));
    seal_public(other->seal, recipient);
    size_t len = item.len - SEAL_BOX_OVERHEAD;
    uint64_t version = version_of(other);
    for (size_t cut = 0; cut < len; cut++) {
        struct store_item shorter = { .data = item.data, .len = cut + SEAL_BOX_OVERHEAD };
        assert_ok(seal_box(f->seal, recipient, plain, cut, item.data));
        assert_int_equal(unpack(other, &shorter, &diag), RESULT_INVALID);
    }
    plain[len - 1] ^= 1; /* of the last signature */
    assert_ok(seal_box(f->seal, recipient, plain, len, item.data));
    assert_int_equal(unpack(other, &item, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "signature"));
    assert_int_equal(version_of(other), version);
    assert_int_equal(keys_tear_down(&other_state), 0);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, keys_set_up, keys_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(numbered_packages_are_taken_once_and_in_order),
        IN_STORE(slices_that_are_damaged_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
