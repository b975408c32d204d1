#include "dnssec/signing/keyring.h"
#include "tests/unit/keys.h"

static void every_key_of_the_store_is_opened(void **state)
{
    struct keys_fixture *f = *state;
    struct key *ksk = keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_KSK);
    struct key *zsk = keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_ZSK);
    struct key *csk = keys_add(f, ALGORITHM_ED25519, KEY_CSK);
    struct keyring *keyring = NULL;
    assert_ok(keys_ring(&keyring, f, NULL));
    assert_int_equal(keyring_count(keyring), 3);
    const struct key *want[] = { ksk, zsk, csk };
    for (size_t w = 0; w < 3; w++) {
        size_t found = 0;
        for (size_t i = 0; i < 3; i++) {
            const struct key *key = keyring_key(keyring, i);
            found += key_algorithm(key) == key_algorithm(want[w]) &&
                             key_tag(key) == key_tag(want[w]) && key_role(key) == key_role(want[w])
                         ? 1U
                         : 0U;
        }
        assert_int_equal(found, 1);
    }
    /* A keyring lives as long as its last reference, independent of store and seal. */
    struct keyring *other = keyring_ref(keyring);
    keyring_unref(keyring);
    assert_int_equal(keyring_count(other), 3);
    keyring_unref(other);
    keyring_unref(NULL);
    key_free(ksk);
    key_free(zsk);
    key_free(csk);
}

/* RFC 4035 2.2 */
static void each_algorithm_needs_both_roles(void **state)
{
    const struct {
        size_t count;
        enum algorithm algorithms[3];
        enum key_role roles[3];
        bool good;
        const char *what;
    } cases[] = {
        { 0, { 0 }, { 0 }, false, "no DNSSEC keys" },
        { 1, { 13 }, { KEY_CSK }, true, "" },
        { 1, { 13 }, { KEY_KSK }, false, "the zone's records" },
        { 1, { 15 }, { KEY_ZSK }, false, "the DNSKEY RRset" },
        { 2, { 13, 13 }, { KEY_KSK, KEY_ZSK }, true, "" },
        { 2, { 13, 15 }, { KEY_KSK, KEY_ZSK }, false, "" },
        { 3, { 13, 13, 15 }, { KEY_KSK, KEY_ZSK, KEY_CSK }, true, "" },
        { 3, { 13, 13, 15 }, { KEY_KSK, KEY_ZSK, KEY_KSK }, false, "ed25519" },
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct keyring *keyring = NULL;
        struct diag diag = { "" };
        assert_int_equal(keys_set_up(state), 0);
        for (size_t i = 0; i < cases[c].count; i++) {
            key_free(keys_add(*state, cases[c].algorithms[i], cases[c].roles[i]));
        }
        enum result result = keys_ring(&keyring, *state, &diag);
        assert_int_equal(result, cases[c].good ? RESULT_OK : RESULT_INVALID);
        assert_non_null(strstr(diag.text, cases[c].what));
        assert_int_equal(keyring == NULL, !cases[c].good);
        keyring_unref(keyring);
        assert_int_equal(keys_tear_down(state), 0);
    }
}

static void more_keys_than_fit_are_refused(void **state)
{
    struct keys_fixture *f = *state;
    struct keyring *keyring = NULL;
    struct diag diag = { "" };
    for (size_t i = 0; i <= KEYRING_MAX; i++) {
        key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    }
    assert_int_equal(keys_ring(&keyring, f, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "more than 8 keys"));
    assert_null(keyring);
}

static void a_key_that_does_not_open_is_named(void **state)
{
    struct keys_fixture *f = *state;
    struct key *key = keys_add(f, ALGORITHM_ED25519, KEY_CSK);
    struct seal *other = NULL;
    struct store_txn *txn = NULL;
    struct keyring *keyring = NULL;
    struct diag diag = { "" };
    char path[64], tag[32];
    (void)snprintf(path, sizeof path, "%s/other.key", f->dir);
    (void)snprintf(tag, sizeof tag, "tag %u", key_tag(key));
    assert_ok(seal_create(f->dir, path, NULL));
    assert_ok(seal_open(&other, f->dir, path, NULL));
    assert_ok(store_read(f->store, &txn, NULL));
    assert_int_equal(keyring_load(&keyring, txn, other, &diag), RESULT_UNSEALABLE);
    assert_non_null(strstr(diag.text, tag));
    store_abort(txn);
    seal_free(other);
    key_free(key);
}

static bool has(const struct rrset *set, const uint8_t *rdata, size_t len)
{
    const uint8_t *at_rdata = NULL;
    uint16_t at_len = 0;
    for (size_t at = 0; rrset_next(set, &at, &at_rdata, &at_len);) {
        if (at_len == len && memcmp(at_rdata, rdata, len) == 0) {
            return true;
        }
    }
    return false;
}

/* RFC 7344 4.1: CDS and CDNSKEY hold exactly the keys that the parent should have a DS for. */
static void apex_sets_hold_the_keys_of_their_role(void **state)
{
    struct keys_fixture *f = *state;
    struct key *keys[] = { keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_ZSK),
                           keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_KSK),
                           keys_add(f, ALGORITHM_ED25519, KEY_CSK) };
    struct keyring *keyring = NULL;
    assert_ok(keys_ring(&keyring, f, NULL));
    struct dname apex = name_of("pool.test.");
    uint8_t scratch[KEYRING_SCRATCH];
    struct rrset set;
    const struct {
        uint16_t type, count;
    } sets[] = { { RR_DNSKEY, 3 }, { RR_CDNSKEY, 2 }, { RR_CDS, 2 } };
    for (size_t s = 0; s < 3; s++) {
        assert_true(keyring_rrset(keyring, &apex, sets[s].type, 3600, scratch, &set));
        assert_int_equal(set.type, sets[s].type);
        assert_int_equal(set.ttl, 3600);
        assert_int_equal(set.count, sets[s].count);
        assert_true(rrset_check(&set));
        for (size_t k = 0; k < 3; k++) {
            uint8_t rdata[KEY_DNSKEY_MAX];
            size_t len = KEY_DS_LEN;
            if (sets[s].type == RR_CDS) {
                key_ds(keys[k], &apex, rdata);
            } else {
                len = key_dnskey(keys[k], rdata);
            }
            bool wanted = sets[s].type == RR_DNSKEY || (key_role(keys[k]) & KEY_KSK) != 0;
            assert_int_equal(has(&set, rdata, len), wanted);
        }
    }
    assert_false(keyring_rrset(keyring, &apex, RR_A, 3600, scratch, &set));
    keyring_unref(keyring);
    for (size_t k = 0; k < 3; k++) {
        key_free(keys[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_key_of_the_store_is_opened, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test(each_algorithm_needs_both_roles),
        cmocka_unit_test_setup_teardown(more_keys_than_fit_are_refused, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_does_not_open_is_named, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(apex_sets_hold_the_keys_of_their_role, keys_set_up,
                                        keys_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
