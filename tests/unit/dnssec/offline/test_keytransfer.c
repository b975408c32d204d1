#include "dnssec/offline/keytransfer.h"
#include "dnssec/signing/keyring.h"
#include "tests/unit/keys.h"

enum {
    NOW = 1800000000
};

static struct dname zone(void)
{
    return name_of("pool.test.");
}

static enum result add(struct keys_fixture *f, struct key_import import, struct diag *diag)
{
    struct store_txn *txn = keys_write(f);
    enum result result = keytransfer_import(txn, f->seal, &import, NOW, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    for (size_t i = 0; i < import.count; i++) {
        key_free(import.list[i]);
    }
    return result;
}

static void a_rollover_to_given_keys_begins(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag = { "" };
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    const enum algorithm p256 = ALGORITHM_ECDSAP256SHA256;
    struct key_import import = {
        { keys_make(p256, KEY_KSK), keys_make(p256, KEY_ZSK) }, 2, false, false
    };
    assert_ok(add(f, import, &diag));
    const struct key_timeline timeline = keys_timeline(f);
    assert_int_equal(timeline.keys.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct key_record *key = &timeline.keys.list[i];
        assert_int_equal(key->life.wanted, key->role != KEY_CSK);
        assert_int_equal(key->life.dnskey.introduced_at != 0, key->role == KEY_CSK);
    }
    struct key_import more = { { keys_make(p256, KEY_ZSK) }, 1, false, false };
    assert_int_equal(add(f, more, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "under way"));
}

static void keys_in_use_replace_all_others_at_once(void **state)
{
    struct keys_fixture *f = *state;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    struct key_import import = { { keys_make(ALGORITHM_ECDSAP256SHA256, KEY_CSK) }, 1, true, true };
    uint16_t tag = key_tag(import.list[0]);
    assert_ok(add(f, import, NULL));
    const struct key_timeline timeline = keys_timeline(f);
    assert_int_equal(timeline.keys.count, 1);
    assert_int_equal(timeline.keys.list[0].tag, tag);
    assert_int_equal(timeline.keys.list[0].life.zone.introduced_at, NOW);
    assert_true(rollover_is_safe(&timeline.keys, NOW));
}

/* RFC 7583 3.2.1: the first rollover waits for records that the former server has sent. Only that
 * server knows their TTLs. */
static void records_of_the_former_server_are_waited_for(void **state)
{
    struct keys_fixture *f = *state;
    struct settings settings;
    settings_defaults(&settings);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    struct store_txn *txn = keys_write(f);
    assert_ok(key_timeline_init(txn, &settings, NOW, NULL));
    assert_ok(store_commit(txn, NULL));
    struct key_import import = { { keys_make(ALGORITHM_ED25519, KEY_KSK),
                                   keys_make(ALGORITHM_ED25519, KEY_ZSK) },
                                 2,
                                 true,
                                 true };
    assert_ok(add(f, import, NULL));
    struct key_timeline timeline = keys_timeline(f);
    timeline.keys.list[timeline.keys.count] =
        timeline.keys.list[timeline.keys.list[0].role == KEY_ZSK ? 0 : 1];
    struct key_record *next = &timeline.keys.list[timeline.keys.count++];
    next->life = (struct key_life){ .wanted = true };
    for (size_t i = 0; i + 1 < timeline.keys.count; i++) {
        timeline.keys.list[i].life.wanted = timeline.keys.list[i].role == KEY_KSK;
    }
    const struct rollover_timing timing = key_timeline_timing(&timeline, &settings);
    const uint64_t clear = NOW + KEYTRANSFER_FORMER_TTL_S + settings.propagation_s;
    assert_true(rollover_advance(&timeline.keys, &timing, NOW + 1));
    assert_true(record_state_is_published(&next->life.dnskey));
    (void)rollover_advance(&timeline.keys, &timing, clear - 1);
    assert_false(record_state_is_published(&next->life.zone));
    assert_true(rollover_advance(&timeline.keys, &timing, clear));
    assert_true(record_state_is_published(&next->life.zone));
}

static void keys_that_make_no_zone_are_refused(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag = { "" };
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    for (int in_use = 0; in_use < 2; in_use++) {
        struct key_import lone = {
            { keys_make(ALGORITHM_ECDSAP256SHA256, KEY_ZSK) }, 1, in_use == 1, true
        };
        assert_int_equal(add(f, lone, &diag), RESULT_INVALID);
        assert_non_null(strstr(diag.text, "no KSK or no ZSK"));
        assert_int_equal(keys_timeline(f).keys.count, 2);
    }
}

static struct store_item pack_as(struct keys_fixture *from, const struct seal *to, bool zsk_only)
{
    static uint8_t data[KEYTRANSFER_MAX + 1];
    uint8_t recipient[SEAL_PUBLIC_LEN];
    struct settings settings;
    const struct package_options options = { .recipient = recipient,
                                             .zsk_only = zsk_only,
                                             .now = NOW };
    struct store_item out = { .data = data, .room = KEYTRANSFER_MAX };
    struct store_txn *txn = NULL;
    settings_defaults(&settings);
    settings.apex = zone();
    seal_public(to, recipient);
    assert_ok(store_read(from->store, &txn, NULL));
    assert_ok(keytransfer_pack(txn, from->seal, &settings, &options, &out, NULL));
    store_abort(txn);
    return out;
}

static struct store_item pack(struct keys_fixture *from, const struct seal *to)
{
    return pack_as(from, to, false);
}

static enum result take(struct keys_fixture *into, const char *name,
                        const struct package_import *import, struct diag *diag)
{
    const struct dname of = name_of(name);
    struct store_txn *txn = keys_write(into);
    enum result result = keytransfer_unpack(txn, into->seal, &of, import, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    return result;
}

static enum result unpack(struct keys_fixture *into, const char *name,
                          const struct store_item *item, struct diag *diag)
{
    const struct package_import import = { .data = item->data, .len = item->len };
    return take(into, name, &import, diag);
}

static uint64_t version_of(struct keys_fixture *f)
{
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->store, &txn, NULL));
    uint64_t version = store_version(txn);
    store_abort(txn);
    return version;
}

static void see(struct keys_fixture *f, uint64_t seen_at)
{
    const struct key_timeline none = { .remembered = false };
    struct key_timeline timeline = keys_timeline(f);
    struct store_txn *txn = keys_write(f);
    timeline.keys.count = 0;
    timeline.memory.seen_at = seen_at;
    assert_ok(key_timeline_write(&timeline, &none, txn, f->seal, seen_at, NULL));
    assert_ok(store_commit(txn, NULL));
}

/* A machine of the same zone, as after `init`. */
static struct keys_fixture *other_machine(void **state)
{
    assert_int_equal(keys_set_up(state), 0);
    key_free(keys_add(*state, ALGORITHM_ED25519, KEY_CSK));
    see(*state, 1000);
    return *state;
}

/* Every machine that follows has the same keys in the same states, and starts no rollover. */
static void a_package_makes_the_receiver_follow(void **state)
{
    struct keys_fixture *f = *state;
    void *other_state = NULL;
    struct diag diag = { "" };
    struct keys_fixture *other = other_machine(&other_state);
    key_free(keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_ZSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    struct store_item item = pack(f, other->seal);
    assert_ok(unpack(other, "pool.test.", &item, &diag));
    const struct key_timeline here = keys_timeline(f), there = keys_timeline(other);
    assert_int_equal(there.keys.count, 3);
    assert_true(there.memory.follows);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(there.keys.list[i].tag, here.keys.list[i].tag);
        assert_int_equal(there.keys.list[i].created_at, here.keys.list[i].created_at);
        assert_true(key_life_equal(&there.keys.list[i].life, &here.keys.list[i].life));
    }
    /* An unchanged package is not written, so the server need not read it again. */
    uint64_t version = version_of(other);
    assert_ok(unpack(other, "pool.test.", &item, &diag));
    assert_int_equal(version_of(other), version);
    const struct roll_options options = { .kind = ROLL_ZSK };
    struct key_timeline timeline = keys_timeline(other);
    struct store_txn *txn = keys_write(other);
    assert_int_equal(key_timeline_start(&timeline, txn, other->seal, &options, NOW, &diag),
                     RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "key lead"));
    store_abort(txn);
    assert_int_equal(keys_tear_down(&other_state), 0);
}

/* Otherwise a key replaced since then would come back, and caches could not validate its
 * signatures. */
static void an_older_package_is_refused(void **state)
{
    struct keys_fixture *f = *state;
    void *other_state = NULL;
    struct diag diag = { "" };
    static uint8_t kept[KEYTRANSFER_MAX];
    struct keys_fixture *other = other_machine(&other_state);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    see(f, NOW);
    struct store_item old = pack(f, other->seal);
    memcpy(kept, old.data, old.len);
    see(f, NOW + 1);
    struct store_item item = pack(f, other->seal);
    assert_ok(unpack(other, "pool.test.", &item, &diag));
    uint64_t version = version_of(other);
    old.data = kept;
    assert_int_equal(unpack(other, "pool.test.", &old, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "older"));
    assert_int_equal(version_of(other), version);
    const struct package_import import = { .data = kept, .len = old.len, .replace = true };
    assert_ok(take(other, "pool.test.", &import, &diag));
    assert_int_equal(keys_tear_down(&other_state), 0);
}

static void a_package_for_others_or_damaged_changes_nothing(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag = { "" };
    void *other_state = NULL;
    struct keys_fixture *other = other_machine(&other_state);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    struct store_item item = pack(f, other->seal);
    uint64_t version = version_of(f);
    assert_int_equal(unpack(f, "pool.test.", &item, &diag), RESULT_UNSEALABLE);
    item = pack(other, f->seal);
    assert_int_equal(unpack(f, "other.test.", &item, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "another zone"));
    size_t whole = item.len;
    for (item.len = 0; item.len < whole; item.len += 7) {
        assert_int_equal(unpack(f, "pool.test.", &item, &diag), RESULT_UNSEALABLE);
    }
    item.len = whole;
    for (size_t at = 0; at < whole; at += 5) {
        item.data[at] ^= 1;
        assert_int_equal(unpack(f, "pool.test.", &item, &diag), RESULT_UNSEALABLE);
        item.data[at] ^= 1;
    }
    /* A valid box with truncated content. */
    uint8_t plain[KEYTRANSFER_PLAIN_MAX], recipient[SEAL_PUBLIC_LEN], sender[SEAL_PUBLIC_LEN];
    assert_ok(seal_unbox(f->seal, item.data, item.len, plain, sender));
    seal_public(f->seal, recipient);
    size_t plain_len = whole - SEAL_BOX_OVERHEAD;
    for (size_t len = 0; len < plain_len; len++) {
        assert_ok(seal_box(other->seal, recipient, plain, len, item.data));
        item.len = len + SEAL_BOX_OVERHEAD;
        assert_int_equal(unpack(f, "pool.test.", &item, &diag), RESULT_INVALID);
    }
    assert_int_equal(version_of(f), version);
    assert_int_equal(keys_tear_down(&other_state), 0);
}

/* Guards against the transfer in the wrong direction: the leader would lose its keys, including the
 * private key for the parent's DS. */
static void a_machine_that_leads_keeps_its_keys(void **state)
{
    struct keys_fixture *f = *state;
    void *other_state = NULL;
    struct diag diag = { "" };
    struct keys_fixture *other = other_machine(&other_state);
    struct store_item item = pack(other, f->seal);
    struct package_import import = { .data = item.data, .len = item.len };
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    uint64_t version = version_of(f);
    /* Three states of the leader: without a memory, as from an older ntspool; served for an hour;
     * with a DS. */
    assert_int_equal(take(f, "pool.test.", &import, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "--replace"));
    assert_int_equal(version_of(f), version);
    see(f, 1000 + 3600);
    assert_int_equal(take(f, "pool.test.", &import, &diag), RESULT_REFUSED);
    see(f, 1000);
    struct key_timeline timeline = keys_timeline(f);
    const struct key_timeline before = timeline;
    struct store_txn *txn = keys_write(f);
    timeline.keys.list[0].life.ds.omnipresent_at = 1001;
    assert_ok(key_timeline_write(&timeline, &before, txn, f->seal, NOW, NULL));
    assert_ok(store_commit(txn, NULL));
    assert_int_equal(take(f, "pool.test.", &import, &diag), RESULT_REFUSED);
    assert_int_equal(keys_timeline(f).keys.list[0].tag, timeline.keys.list[0].tag);
    struct key_import keys = { { keys_make(ALGORITHM_ED25519, KEY_CSK) }, 1, true, false };
    assert_int_equal(add(f, keys, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "--replace"));
    import.replace = true;
    assert_ok(take(f, "pool.test.", &import, &diag));
    assert_true(keys_timeline(f).memory.follows);
    assert_int_equal(keys_tear_down(&other_state), 0);
}

/* A sender of packages controls the zone, so only one is accepted. */
static void one_sender_is_followed(void **state)
{
    struct keys_fixture *f = *state;
    void *states[2] = { NULL, NULL };
    struct diag diag = { "" };
    static uint8_t kept[2][KEYTRANSFER_MAX];
    uint8_t identity[SEAL_PUBLIC_LEN], leader[SEAL_PUBLIC_LEN];
    struct package_import imports[2];
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    see(f, 1000);
    for (size_t i = 0; i < 2; i++) {
        struct store_item item = pack(other_machine(&states[i]), f->seal);
        memcpy(kept[i], item.data, item.len);
        imports[i] = (struct package_import){ .data = kept[i], .len = item.len };
    }
    struct keys_fixture *second = states[1];
    seal_public(second->seal, identity);
    imports[0].from = identity;
    assert_int_equal(take(f, "pool.test.", &imports[0], &diag), RESULT_REFUSED);
    imports[0].from = NULL;
    assert_ok(take(f, "pool.test.", &imports[0], &diag));
    assert_int_equal(take(f, "pool.test.", &imports[1], &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "--from"));
    imports[1].from = identity;
    assert_ok(take(f, "pool.test.", &imports[1], &diag));
    struct store_txn *txn = keys_write(f);
    assert_ok(keytransfer_leader(txn, leader));
    assert_memory_equal(leader, identity, sizeof leader);
    assert_ok(keytransfer_lead(txn, f->seal, NOW, &diag));
    assert_int_equal(keytransfer_leader(txn, leader), RESULT_NOT_FOUND);
    assert_int_equal(keytransfer_lead(txn, f->seal, NOW, &diag), RESULT_REFUSED);
    assert_ok(store_commit(txn, NULL));
    const struct store_item own = pack(f, f->seal);
    assert_int_equal(unpack(f, "pool.test.", &own, &diag), RESULT_REFUSED);
    assert_int_equal(keys_tear_down(&states[0]), 0);
    assert_int_equal(keys_tear_down(&states[1]), 0);
}

/* The follower can sign the zone, and can serve DNSKEY until the signatures in the package
 * expire. */
static void a_package_can_lack_the_ksk(void **state)
{
    struct keys_fixture *f = *state;
    void *other_state = NULL;
    struct diag diag = { "" };
    struct keys_fixture *other = other_machine(&other_state);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    for (unsigned again = 0; again < 2; again++) {
        const struct store_item item = pack_as(f, other->seal, true);
        assert_ok(unpack(other, "pool.test.", &item, &diag));
    }
    const struct key_timeline timeline = keys_timeline(other);
    struct slices slices = { .count = 0 };
    struct store_txn *txn = NULL;
    assert_int_equal(timeline.keys.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(timeline.keys.list[i].offline, timeline.keys.list[i].role == KEY_KSK);
    }
    assert_ok(store_read(other->store, &txn, NULL));
    assert_ok(slices_read(&slices, txn, &timeline.keys, NULL));
    store_abort(txn);
    assert_int_equal(slices.count, 1);
    assert_int_equal(slices_signed_until(&slices, &timeline.keys, NOW), NOW + 7 * 86400);
    slices_done(&slices);
    const struct store_item whole = pack(f, other->seal);
    assert_ok(unpack(other, "pool.test.", &whole, &diag));
    const struct key_timeline now = keys_timeline(other);
    assert_false(rollover_has_offline_ksk(&now.keys));
    assert_int_equal(keys_tear_down(&other_state), 0);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, keys_set_up, keys_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(a_rollover_to_given_keys_begins),
        IN_STORE(keys_in_use_replace_all_others_at_once),
        IN_STORE(records_of_the_former_server_are_waited_for),
        IN_STORE(keys_that_make_no_zone_are_refused),
        IN_STORE(a_package_makes_the_receiver_follow),
        IN_STORE(an_older_package_is_refused),
        IN_STORE(a_machine_that_leads_keeps_its_keys),
        IN_STORE(one_sender_is_followed),
        IN_STORE(a_package_can_lack_the_ksk),
        IN_STORE(a_package_for_others_or_damaged_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
