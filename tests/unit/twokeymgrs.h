/* A machine that leads the keys of a fleet, and one that follows, with their key managers. */
#ifndef TESTS_UNIT_TWOKEYMGRS_H
#define TESTS_UNIT_TWOKEYMGRS_H

#include <fcntl.h>
#include <unistd.h>

#include <sodium.h>

#include "server/keys/keyfleet.h"
#include "server/keys/keywait.h"
#include "tests/pool_fixture.h"
#include "tests/unit/keys.h"
#include "zone/fleet/letters.h"
#include "zone/registry/registry_ledger.h"

#define HOUR UINT64_C(3600)
#define DAY  (24 * HOUR)

static char said[16384];

static inline void note(int, const struct log_fields *, const char *text)
{
    size_t used = strlen(said);
    (void)snprintf(said + used, sizeof said - used, "%s\n", text);
}

/* The machine that leads, with the pool, and one that follows. Nothing passes between them but what
 * `carry` carries. */
struct fleet {
    struct pool_fixture pool;
    void *state;
    struct keys_fixture *other;
    struct fleetstore *stores[2];
    struct keymgr *leads, *follows;
    uint64_t now, steady, letters;
    uint8_t secret[LETTER_SECRET];
};

static inline void join(struct fleet *f)
{
    struct registry_change change;
    struct machine machine = {
        .name = "ams1", .role = MACHINE_EDGE, .key = { 1 }, .added_at = 1, .voucher_of = "admin1"
    };
    const struct ledgerhead_position position = {
        .revision = 1, .head = { .epoch = 1, .seq = 1, .writer = "admin1" }
    };
    fixture_begin(f->pool.stores[0], &change, NULL);
    change.now = f->now;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_put_position(&change, &position));
    assert_ok(registry_commit(&change));
}

static inline void evict(struct fleet *f)
{
    struct registry_change change;
    struct machine machine;
    fixture_begin(f->pool.stores[0], &change, NULL);
    change.now = f->now;
    assert_ok(registry_machine(change.txn, "ams1", &machine));
    machine.evicted_at = f->now;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_commit(&change));
}

static inline struct keymgr *start(struct fleet *f, const char *dir, struct store *keys,
                                   const struct seal *seal, struct fleetstore **store)
{
    struct keymgr *keymgr = NULL;
    assert_ok(store_create(dir, STORE_FLEET, NULL));
    *store = fleetstore_new(dir, note);
    const struct keymgr_sources sources = { .registry = f->pool.stores[0],
                                            .keys = keys,
                                            .seal = seal,
                                            .state_dir = dir,
                                            .fleet = *store,
                                            .log = note };
    assert_ok(keymgr_new(&keymgr, &sources, NULL));
    return keymgr;
}

static inline void put_cookies(struct fleet *f)
{
    const struct cookie_secrets cookies = { .present = true, .current = { 1 }, .changed_at = 1 };
    struct store_txn *txn = NULL;
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(cookie_secrets_put(txn, f->pool.seal, &cookies, NULL));
    assert_ok(store_commit(txn, NULL));
}

static inline int set_up(void **state)
{
    struct fleet *f = calloc(1, sizeof *f);
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    assert_non_null(f);
    memset(said, 0, sizeof said);
    (void)crypto_sign_keypair(public_key, f->secret);
    pool_fixture_init(&f->pool, NULL);
    f->now = FIXTURE_NOW;
    f->steady = 1000;
    join(f);
    put_cookies(f);
    assert_int_equal(keys_set_up(&f->state), 0);
    f->other = f->state;
    struct store_txn *txn = keys_write(f->other);
    assert_ok(key_timeline_init_follower(txn, NULL));
    assert_ok(store_commit(txn, NULL));
    f->leads = start(f, f->pool.state, f->pool.stores[2], f->pool.seal, &f->stores[0]);
    f->follows = start(f, f->other->dir, f->other->store, f->other->seal, &f->stores[1]);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fleet *f = *state;
    keymgr_free(f->leads);
    keymgr_free(f->follows);
    fleetstore_free(f->stores[0]);
    fleetstore_free(f->stores[1]);
    int status = keys_tear_down(&f->state);
    pool_fixture_done(&f->pool);
    free(f);
    return status;
}

static inline void look_after(struct fleet *f, uint64_t seconds)
{
    f->now += seconds;
    f->steady += seconds;
    keymgr_look(f->leads, f->now, f->steady);
    keymgr_look(f->follows, f->now, f->steady);
}

/* Reads a file below state/packages. Returns its length, 0 if there is none. */
static inline size_t read_package_file(const char *dir, const char *name, uint8_t *out, size_t room)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/" KEYFILES_DIR "/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t len = read(fd, out, room);
    (void)close(fd);
    assert_true(len > 0);
    return (size_t)len;
}

static inline void put_letter(struct fleet *f, struct fleetstore *to, struct letter letter)
{
    static uint8_t octets[LETTER_MAX];
    char place[LETTER_PLACE_ROOM];
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    letter.number = ++f->letters;
    size_t len = letter_seal(&letter, "pool/1", f->secret, octets);
    (void)letter_place(&letter, place);
    const char *dir = to == f->stores[0] ? f->pool.state : f->other->dir;
    assert_ok(store_open(&store, dir, STORE_FLEET, true, NULL));
    assert_ok(store_write(store, &txn, NULL));
    assert_ok(store_put(txn, TABLE_PEERS, place, strlen(place), octets, len));
    assert_ok(store_commit(txn, NULL));
    store_close(store);
}

/* What ntspool-feedd does on both sides. */
static inline void carry(struct fleet *f)
{
    static uint8_t file[KEYFILES_HEAD + KEYTRANSFER_MAX];
    uint8_t text[HELLO_MAX];
    struct hello hello = { .version = "1", .has_identity = true };
    size_t len = read_package_file(f->other->dir, KEYFILES_IDENTITY, file, sizeof file);
    if (len > 0) {
        assert_int_equal(len, KEYFILES_IDENTITY_LEN);
        struct reader r = reader_of(file, len);
        read_into(&r, hello.identity, sizeof hello.identity);
        hello.package = read_u64(&r);
        put_letter(f, f->stores[0],
                   (struct letter){ .kind = LETTER_HELLO,
                                    .machine = "ams1",
                                    .text = { text, hello_encode(&hello, text) } });
    }
    len = read_package_file(f->pool.state, "ams1.box", file, sizeof file);
    if (len > 0) {
        put_letter(f, f->stores[1],
                   (struct letter){ .kind = LETTER_PACKAGE,
                                    .machine = "admin1",
                                    .subject = "ams1",
                                    .text = { file + KEYFILES_HEAD, len - KEYFILES_HEAD } });
    }
}

static inline void carry_for(struct fleet *f, unsigned rounds, uint64_t each_s)
{
    for (unsigned i = 0; i < rounds; i++) {
        look_after(f, each_s);
        carry(f);
    }
    look_after(f, 1);
}

static inline struct key_timeline leader_keys(struct fleet *f)
{
    struct key_timeline timeline;
    assert_ok(store_renew(f->pool.txns[2]));
    assert_ok(key_timeline_read(&timeline, f->pool.txns[2], NULL));
    return timeline;
}

static inline struct fleetkeys leader_state(struct fleet *f)
{
    struct fleetkeys state;
    assert_ok(store_renew(f->pool.txns[2]));
    assert_ok(fleetkeys_get(f->pool.txns[2], &state));
    return state;
}

static inline unsigned published(const struct key_timeline *timeline)
{
    unsigned count = 0;
    for (size_t i = 0; i < timeline->keys.count; i++) {
        count += record_state_is_published(&timeline->keys.list[i].life.dnskey);
    }
    return count;
}

static inline void roll(struct fleet *f, enum roll_kind kind)
{
    const struct roll_options options = { .kind = kind };
    struct key_timeline timeline;
    struct store_txn *txn = NULL;
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    assert_ok(key_timeline_start(&timeline, txn, f->pool.seal, &options, f->now, NULL));
    assert_ok(store_commit(txn, NULL));
}

static inline void assert_alike(struct fleet *f)
{
    const struct key_timeline here = leader_keys(f), there = keys_timeline(f->other);
    assert_int_equal(here.keys.count, there.keys.count);
    for (size_t i = 0; i < here.keys.count; i++) {
        const struct key_life *a = &here.keys.list[i].life, *b = &there.keys.list[i].life;
        assert_int_equal(here.keys.list[i].tag, there.keys.list[i].tag);
        assert_int_equal(record_state_is_published(&a->dnskey),
                         record_state_is_published(&b->dnskey));
        assert_int_equal(record_state_is_published(&a->zone), record_state_is_published(&b->zone));
    }
}

#define IN_FLEET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
