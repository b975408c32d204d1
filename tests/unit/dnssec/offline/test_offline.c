#include "dnssec/offline/keytransfer.h"
#include "dnssec/offline/offline.h"
#include "dnssec/offline/presign.h"
#include "dnssec/signing/keyring.h"
#include "tests/unit/presigned.h"

/* A signed bundle for an existing pool. */
static struct bundle made(struct keys_fixture *f, uint64_t now, unsigned days)
{
    struct bundle bundle;
    assert_ok(presigned_ask(&bundle, f, now, days, NULL));
    presigned_sign(&bundle, f);
    return bundle;
}

static void refused(struct bundle *bundle, struct keys_fixture *f, uint64_t now, const char *why)
{
    struct diag diag = { "" };
    struct slices before = presigned_slices(f);
    assert_int_not_equal(presigned_accept(bundle, f, now, &diag), RESULT_OK);
    if (strstr(diag.text, why) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", why, diag.text);
    }
    struct slices after = presigned_slices(f);
    assert_int_equal(after.made_at, before.made_at);
    assert_int_equal(after.count, before.count);
    slices_done(&after);
    slices_done(&before);
}

/* One step of the key manager. Returns the result of slices_advance. */
static enum slices_step look(struct keys_fixture *f, uint64_t now)
{
    const struct settings settings = presigned_settings();
    struct slices slices = presigned_slices(f);
    struct key_timeline timeline, before;
    struct store_txn *txn = keys_write(f);
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    before = timeline;
    const struct rollover_timing timing = key_timeline_timing(&timeline, &settings);
    enum slices_step step = timing.offline_ksk
                                ? slices_advance(&slices, &timeline.keys, &timing, now)
                                : SLICES_UNCHANGED;
    (void)rollover_advance(&timeline.keys, &timing, now);
    assert_ok(key_timeline_write(&timeline, &before, txn, f->seal, now, NULL));
    assert_ok(store_commit(txn, NULL));
    slices_done(&slices);
    return step;
}

static struct keyring *ring(struct keys_fixture *f)
{
    struct store_txn *txn = NULL;
    struct keyring *keyring = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    assert_ok(keyring_load(&keyring, txn, f->seal, NULL));
    store_abort(txn);
    return keyring;
}

/* True if everything served has a signature of each offline key that is valid for at least
 * `left_s`. */
static bool is_signed(struct keys_fixture *f, uint64_t now, uint64_t left_s)
{
    struct keyring *keyring = ring(f);
    bool good = true;
    for (size_t i = 0; i < keyring_count(keyring); i++) {
        for (size_t type = 0; type < SLICE_TYPES; type++) {
            struct cached_signature signature;
            if (!key_has_private(keyring_key(keyring, i))) {
                good = good && keyring_presigned(keyring, i, slice_types[type], now, &signature) &&
                       signature.expiration > now + left_s && signature.inception <= now;
            }
        }
    }
    keyring_unref(keyring);
    return good;
}

static size_t offline_keys(const struct key_timeline *timeline)
{
    size_t count = 0;
    for (size_t i = 0; i < timeline->keys.count; i++) {
        count += timeline->keys.list[i].offline;
    }
    return count;
}

static void a_year_without_the_ksk_is_signed_at_every_hour(void **state)
{
    struct keys_fixture *f = *state;
    presigned_init(f, ALGORITHM_ECDSAP256SHA256);
    struct bundle bundle = made(f, NOW, 365);
    assert_ok(presigned_accept(&bundle, f, NOW + HOUR, NULL));
    assert_ok(presigned_forget(f, NOW + HOUR, NULL));
    const struct key_timeline first = keys_timeline(f);
    assert_int_equal(offline_keys(&first), 1);
    size_t entered = 0;
    uint64_t now = NOW + 2 * HOUR;
    for (; now < NOW + 365 * DAY; now += UINT64_C(7) * HOUR) {
        enum slices_step step = look(f, now);
        entered += step == SLICES_ENTERED;
        assert_int_not_equal(step, SLICES_FORCED);
        assert_true(is_signed(f, now, SLICES_MARGIN_S));
    }
    assert_int_equal(entered, 8); /* four ZSKs are introduced, four removed */
    const struct key_timeline last = keys_timeline(f);
    assert_int_equal(offline_keys(&last), 1);
    assert_int_equal(rollover_current(&last.keys, KEY_KSK)->tag,
                     rollover_current(&first.keys, KEY_KSK)->tag);
    assert_int_not_equal(rollover_current(&last.keys, KEY_ZSK)->tag,
                         rollover_current(&first.keys, KEY_ZSK)->tag);
    /* No signatures are left after its end. */
    assert_false(is_signed(f, NOW + 380 * DAY, 0));
    bundle_done(&bundle);
}

static void a_machine_that_was_away_goes_on_with_the_current_slice(void **state)
{
    struct keys_fixture *f = *state;
    presigned_init(f, ALGORITHM_ED25519);
    struct bundle bundle = made(f, NOW, 365);
    assert_ok(presigned_accept(&bundle, f, NOW, NULL));
    assert_ok(presigned_forget(f, NOW, NULL));
    uint64_t now = NOW + 200 * DAY;
    assert_false(is_signed(f, now, 0));
    assert_int_equal(look(f, now), SLICES_FORCED);
    assert_true(is_signed(f, now, SLICES_MARGIN_S));
    assert_int_equal(look(f, now + HOUR), SLICES_UNCHANGED);
    keyring_unref(ring(f)); /* the published keys sign the zone */
    bundle_done(&bundle);
}

static void the_wrong_bundle_is_refused(void **state)
{
    struct keys_fixture *f = *state;
    struct bundle request;
    presigned_init(f, ALGORITHM_ED25519);
    struct bundle bundle = made(f, NOW, 100);
    struct slice *slice = &bundle.slices.list[2];
    uint8_t *octet = &slice->signatures[0][1][7];
    *octet ^= 1;
    refused(&bundle, f, NOW, "signature of the KSK");
    *octet ^= 1;
    uint32_t signed_by = slice->signed_by;
    slice->signed_by = 0;
    assert_ok(presigned_accept(&bundle, f, NOW, NULL)); /* the KSK is here and signs by itself */
    struct diag diag;
    assert_int_equal(presigned_forget(f, NOW, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "not signed by the KSK"));
    slice->signed_by = signed_by;
    assert_ok(presigned_accept(&bundle, f, NOW, NULL));
    assert_ok(presigned_forget(f, NOW, NULL));
    slice->signed_by = 0;
    refused(&bundle, f, NOW, "has not signed it");
    slice->signed_by = signed_by;

    assert_ok(dname_parse(&bundle.zone, "other.test", NULL));
    refused(&bundle, f, NOW, "is of the zone other.test");
    bundle.zone = presigned_settings().apex;
    bundle.slices.made_at -= 1;
    refused(&bundle, f, NOW, "older");
    bundle.slices.made_at += 1;
    bundle.is_signed = false;
    refused(&bundle, f, NOW, "not signed yet");
    bundle.is_signed = true;
    refused(&bundle, f, NOW + 150 * DAY, "have ended");
    for (size_t i = 0; i < bundle.keys.count; i++) {
        bundle.keys.list[i].public_key[3] ^= 1;
        refused(&bundle, f, NOW, "is not a key of this pool");
        bundle.keys.list[i].public_key[3] ^= 1;
    }
    assert_ok(presigned_accept(&bundle, f, NOW, NULL));
    assert_ok(presigned_ask(&request, f, NOW + DAY, 30, NULL));
    refused(&request, f, NOW + DAY, "not signed yet");
    bundle_done(&request);
    bundle_done(&bundle);
}

/* A slice lacks a key that resolvers trust; another drops the ZSK at once. The signatures are
 * correct. */
static void a_bundle_that_would_break_the_zone_is_refused(void **state)
{
    struct keys_fixture *f = *state;
    presigned_init(f, ALGORITHM_ED25519);
    struct bundle bundle;
    assert_ok(presigned_ask(&bundle, f, NOW, 100, NULL));
    const struct slices *slices = &bundle.slices;
    uint32_t first = slices->list[0].aim.dnskey, last = slices->list[slices->count - 1].aim.dnskey;
    for (size_t i = 1; i < slices->count; i++) {
        if (slices->list[i].aim.dnskey != first) {
            slices->list[i].aim.dnskey = last;
        }
    }
    presigned_sign(&bundle, f);
    refused(&bundle, f, NOW, "can't follow");
    bundle_done(&bundle);

    assert_ok(presigned_ask(&bundle, f, NOW, 20, NULL));
    for (size_t i = 0; i < bundle.slices.count; i++) {
        bundle.slices.list[i].aim.ds = 0;
        for (size_t k = 0; k < bundle.keys.count; k++) {
            if (bundle.keys.list[k].role == KEY_KSK) {
                bundle.slices.list[i].aim.dnskey &= ~(UINT32_C(1) << k);
            }
        }
    }
    bundle.is_signed = true;
    refused(&bundle, f, NOW, "can't follow");
    bundle_done(&bundle);
}

/* A bundle for 30 days from a later time on, requested while the key is here. */
static struct bundle made_for(struct keys_fixture *f, uint64_t from)
{
    const struct settings settings = presigned_settings();
    const struct offline_period period = { .now = NOW + DAY,
                                           .from = from,
                                           .until = from + 30 * DAY };
    struct bundle bundle;
    uint32_t signers = 0;
    struct store_txn *txn = keys_write(f);
    assert_ok(offline_request(&bundle, txn, f->seal, &settings, &period, NULL));
    assert_ok(offline_sign(&bundle, txn, f->seal, &settings.apex, &signers, NULL));
    store_abort(txn);
    return bundle;
}

/* The result of such a request while the key is away. */
static enum result request_for(struct keys_fixture *f, uint64_t from)
{
    const struct settings settings = presigned_settings();
    const struct offline_period period = { .now = NOW + DAY,
                                           .from = from,
                                           .until = from + 30 * DAY };
    struct bundle bundle = { .is_signed = false };
    struct store_txn *txn = keys_write(f);
    enum result result = offline_request(&bundle, txn, f->seal, &settings, &period, NULL);
    store_abort(txn);
    bundle_done(&bundle);
    return result;
}

static void bundles_follow_each_other_without_a_gap(void **state)
{
    struct keys_fixture *f = *state;
    presigned_init(f, ALGORITHM_ED25519);
    struct bundle first = made(f, NOW, 30);
    uint64_t end = slices_end(&first.slices);
    struct bundle next = made_for(f, NOW + 25 * DAY);
    struct bundle late = made_for(f, end - SLICES_MARGIN_S + 1);
    assert_ok(presigned_accept(&first, f, NOW, NULL));
    assert_ok(presigned_forget(f, NOW, NULL));
    refused(&late, f, NOW + DAY, "there is a gap");
    assert_int_equal(request_for(f, end - SLICES_MARGIN_S + 1), RESULT_REFUSED);
    assert_ok(request_for(f, end - SLICES_MARGIN_S));
    assert_ok(presigned_accept(&next, f, NOW + DAY, NULL));
    struct slices slices = presigned_slices(f);
    assert_int_equal(slices.list[0].from, NOW); /* earlier slices stay */
    assert_int_equal(slices_end(&slices), slices_end(&next.slices));
    slices_done(&slices);
    bundle_done(&first);
    bundle_done(&next);
    bundle_done(&late);
}

static void the_key_leaves_and_comes_back(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag;
    presigned_init(f, ALGORITHM_ECDSAP256SHA256);
    const struct key_timeline before = keys_timeline(f);
    const struct key_record *ksk = rollover_current(&before.keys, KEY_KSK);
    struct key *whole = NULL, *half = NULL;
    assert_ok(keystore_unseal(&whole, ksk, f->seal, NULL));
    assert_int_equal(presigned_forget(f, NOW, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "no bundle"));
    struct bundle bundle = made(f, NOW, 200);
    assert_ok(presigned_accept(&bundle, f, NOW, NULL));
    assert_ok(presigned_forget(f, NOW, NULL));
    assert_int_equal(presigned_forget(f, NOW, &diag), RESULT_REFUSED);

    struct key_timeline away = keys_timeline(f);
    assert_ok(keystore_unseal(&half, rollover_current(&away.keys, KEY_KSK), f->seal, NULL));
    assert_false(key_has_private(half));
    assert_int_equal(key_tag(half), key_tag(whole));
    const struct roll_options options = { ROLL_ZSK, ALGORITHM_ECDSAP256SHA256, true };
    struct store_txn *txn = keys_write(f);
    assert_int_equal(key_timeline_start(&away, txn, f->seal, &options, NOW, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "elsewhere"));

    assert_int_equal(offline_restore(txn, f->seal, half, &diag), RESULT_INVALID);
    struct key *other = keys_make(ALGORITHM_ECDSAP256SHA256, KEY_KSK);
    assert_int_equal(offline_restore(txn, f->seal, other, &diag), RESULT_REFUSED);
    assert_ok(offline_restore(txn, f->seal, whole, NULL));
    assert_ok(store_commit(txn, NULL));
    const struct key_timeline back = keys_timeline(f);
    assert_int_equal(back.keys.count, 2);
    assert_false(rollover_has_offline_ksk(&back.keys));
    struct slices slices = presigned_slices(f);
    assert_int_equal(slices.count, 0);
    assert_true(is_signed(f, NOW + 300 * DAY, 0));
    key_free(other);
    key_free(half);
    key_free(whole);
    bundle_done(&bundle);
}

/* Imports the public key alone, in place of the present KSK. */
static void import_public(struct keys_fixture *f, const struct key *key)
{
    struct key_import import = { .count = 1 };
    size_t len = 0;
    const struct key_parts parts = { .algorithm = key_algorithm(key),
                                     .role = KEY_KSK,
                                     .public_key = key_public(key, &len),
                                     .public_len = key_public_len(key_algorithm(key)) };
    struct store_txn *txn = keys_write(f);
    assert_ok(key_from_parts(&import.list[0], &parts, NULL));
    assert_ok(keytransfer_import(txn, f->seal, &import, NOW, NULL));
    assert_ok(store_commit(txn, NULL));
    key_free(import.list[0]);
}

/* Signs with a key of another machine. */
static void sign_by(struct bundle *bundle, const struct key *key)
{
    size_t i = 0;
    while (i < bundle->keys.count && bundle->keys.list[i].tag != key_tag(key)) {
        i++;
    }
    for (size_t s = 0; i < bundle->keys.count && s < bundle->slices.count; s++) {
        if ((bundle->slices.list[s].aim.dnskey >> i & 1) != 0) {
            assert_ok(presign_slice(&bundle->slices.list[s], &bundle->keys, i, key, &bundle->zone));
        }
    }
    bundle->is_signed = true;
}

/* Requests a bundle, signs it with both keys in the order of its key list, and accepts it. */
static void renew_by(struct keys_fixture *f, const struct key *const theirs[2], uint64_t now)
{
    struct bundle bundle;
    assert_ok(presigned_ask(&bundle, f, now, 100, NULL));
    for (size_t i = 0; i < bundle.keys.count; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (bundle.keys.list[i].tag == key_tag(theirs[k])) {
                sign_by(&bundle, theirs[k]);
            }
        }
    }
    assert_ok(presigned_accept(&bundle, f, now, NULL));
    bundle_done(&bundle);
}

static void parent_has_it(struct keys_fixture *f, uint64_t now)
{
    const struct settings settings = presigned_settings();
    struct key_timeline timeline = keys_timeline(f), before = timeline;
    const struct rollover_timing timing = key_timeline_timing(&timeline, &settings);
    struct store_txn *txn = keys_write(f);
    assert_int_equal(rollover_ds_seen(&timeline.keys, &timing, now), 2);
    assert_ok(key_timeline_write(&timeline, &before, txn, f->seal, now, NULL));
    assert_ok(store_commit(txn, NULL));
}

static void days_pass(struct keys_fixture *f, uint64_t *now, unsigned days)
{
    for (uint64_t end = *now + days * DAY; *now < end; *now += HOUR) {
        assert_int_not_equal(look(f, *now), SLICES_FORCED);
        assert_true(is_signed(f, *now, SLICES_MARGIN_S));
    }
}

/* A KSK that was never on this machine takes over: a first bundle introduces it, the parent
 * publishes its DS, and a second bundle drops the old KSK. */
static void an_offline_ksk_follows_an_offline_ksk(void **state)
{
    struct keys_fixture *f = *state;
    presigned_init(f, ALGORITHM_ED25519);
    struct bundle bundle = made(f, NOW, 100);
    struct key *next = keys_make(ALGORITHM_ED25519, KEY_KSK), *old = NULL;
    struct key_timeline timeline = keys_timeline(f);
    assert_ok(keystore_unseal(&old, rollover_current(&timeline.keys, KEY_KSK), f->seal, NULL));
    assert_ok(presigned_accept(&bundle, f, NOW, NULL));
    bundle_done(&bundle);
    assert_ok(presigned_forget(f, NOW, NULL));
    import_public(f, next);
    const struct key *theirs[] = { old, next };
    uint64_t now = NOW + DAY;
    renew_by(f, theirs, now);
    days_pass(f, &now, 20);
    timeline = keys_timeline(f);
    assert_int_equal(offline_keys(&timeline), 2);
    parent_has_it(f, now);
    now += 2 * DAY;
    renew_by(f, theirs, now);
    days_pass(f, &now, 20);
    timeline = keys_timeline(f);
    assert_int_equal(offline_keys(&timeline), 1);
    assert_int_equal(rollover_current(&timeline.keys, KEY_KSK)->tag, key_tag(next));
    key_free(next);
    key_free(old);
}

static void a_single_key_cannot_be_elsewhere(void **state)
{
    struct keys_fixture *f = *state;
    struct bundle bundle;
    struct diag diag;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    assert_int_equal(presigned_ask(&bundle, f, NOW, 10, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "split"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, keys_set_up, keys_tear_down)
        TEST(a_year_without_the_ksk_is_signed_at_every_hour),
        TEST(a_machine_that_was_away_goes_on_with_the_current_slice),
        TEST(the_wrong_bundle_is_refused),
        TEST(a_bundle_that_would_break_the_zone_is_refused),
        TEST(bundles_follow_each_other_without_a_gap),
        TEST(the_key_leaves_and_comes_back),
        TEST(an_offline_ksk_follows_an_offline_ksk),
        TEST(a_single_key_cannot_be_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
