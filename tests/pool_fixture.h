/* A small pool in a temporary state directory, for tests and fuzz targets that need real stores:
 * name servers ns1 and ns2.example.net; members alice (two families), bob (IPv4), carol (under a
 * name of her own); static records www (CNAME), txt and deep.er. */
#ifndef TESTS_POOL_FIXTURE_H
#define TESTS_POOL_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "server/state/zone_state.h"

enum {
    FIXTURE_NOW = 1800000000
};

struct pool_fixture {
    char state[64];
    struct store *stores[3]; /* registry, health, keys */
    struct store_txn *txns[3];
    struct seal *seal;
    struct sigcache *cache;
    struct zone_state *zone;
};

#define FIXTURE_OK(call) ASSERT((call) == RESULT_OK)

static inline struct dname fixture_name(const char *text)
{
    struct dname name;
    FIXTURE_OK(dname_parse(&name, text, NULL));
    return name;
}

/* Starts a change of the registry. */
static inline void fixture_begin(struct store *registry, struct registry_change *out,
                                 struct diag *diag)
{
    struct store_txn *txn = NULL;
    FIXTURE_OK(store_write(registry, &txn, diag));
    registry_begin(out, txn, FIXTURE_NOW, diag);
}

static inline void fixture_member(struct registry_change *change, const char *label, const char *v4,
                                  const char *v6, const char *target)
{
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", label);
    (void)snprintf(member.country, sizeof(member.country), "NL");
    member.override = OVERRIDE_ELIGIBLE;
    if (v4 != NULL) {
        FIXTURE_OK(address_parse(&member.addresses[member.address_count++], v4));
    }
    if (v6 != NULL) {
        FIXTURE_OK(address_parse(&member.addresses[member.address_count++], v6));
    }
    if (target != NULL) {
        member.target = fixture_name(target);
    }
    FIXTURE_OK(registry_add(change, &member, true));
}

static inline void fixture_record(struct registry_change *change, const char *name, uint16_t type,
                                  const void *rdata, size_t len)
{
    uint8_t room[300];
    struct rrset_builder b;
    struct rrset set;
    struct dname owner = fixture_name(name);
    rrset_begin(&b, type, 600, room, sizeof(room));
    rrset_add(&b, rdata, len);
    ASSERT(rrset_end(&b, &set));
    FIXTURE_OK(registry_record_set(change, &owner, &set));
}

static inline void fixture_fill(struct pool_fixture *pool)
{
    struct settings settings;
    struct store_txn *txn = NULL;
    struct registry_change change;
    struct diag diag;
    struct name_server ns[2] = { { .name = fixture_name("ns1.pool.test"), .address_count = 1 },
                                 { .name = fixture_name("ns2.example.net") } };
    FIXTURE_OK(address_parse(&ns[0].addresses[0], "127.0.0.1"));
    settings_defaults(&settings);
    settings.apex = fixture_name("pool.test");
    settings.mailbox = fixture_name("hostmaster.pool.test");
    settings.whoami = true;
    settings.rrl_rate = 0; /* tests query as fast as they can */
    fixture_begin(pool->stores[0], &change, &diag);
    FIXTURE_OK(registry_init(&change, &settings, ns, 2));
    fixture_member(&change, "alice", "192.0.2.1", "2001:db8::1", NULL);
    fixture_member(&change, "bob", "192.0.2.2", NULL, NULL);
    fixture_member(&change, "carol", NULL, NULL, "ntp.example.net");
    struct dname alias = fixture_name("deep.er.pool.test");
    fixture_record(&change, "www.pool.test", RR_CNAME, alias.wire, alias.len);
    struct dname astray = fixture_name("nothing.pool.test");
    fixture_record(&change, "astray.pool.test", RR_CNAME, astray.wire, astray.len);
    struct dname service = fixture_name("_ntske._tcp.pool.test");
    fixture_record(&change, "time.pool.test", RR_CNAME, service.wire, service.len);
    struct dname whoami = fixture_name("_whoami.pool.test");
    fixture_record(&change, "who.pool.test", RR_CNAME, whoami.wire, whoami.len);
    struct dname away = fixture_name("www.example.net");
    fixture_record(&change, "away.pool.test", RR_CNAME, away.wire, away.len);
    fixture_record(&change, "deep.er.pool.test", RR_A, "\300\0\2\11", 4);
    fixture_record(&change, "txt.pool.test", RR_TXT, "\2hi", 3);
    FIXTURE_OK(registry_commit(&change));
    FIXTURE_OK(store_write(pool->stores[2], &txn, &diag));
    for (int role = KEY_KSK; role <= KEY_ZSK; role++) {
        struct key *key = NULL;
        const struct key_life life = key_life_in_use((enum key_role)role, FIXTURE_NOW);
        FIXTURE_OK(key_generate(&key, ALGORITHM_ED25519, (enum key_role)role, &diag));
        FIXTURE_OK(keystore_add(txn, key, pool->seal, &life, FIXTURE_NOW, &diag));
        key_free(key);
    }
    const struct cookie_secrets secrets = { .present = true, .current = "cookie secret" };
    FIXTURE_OK(cookie_secrets_put(txn, pool->seal, &secrets, &diag));
    FIXTURE_OK(store_commit(txn, &diag));
}

/* Makes the pool and its zone state. The fixture owns `locations` (may be NULL) from then on. */
static inline void pool_fixture_init(struct pool_fixture *pool, struct locations *locations)
{
    static const enum store_kind kinds[] = { STORE_REGISTRY, STORE_HEALTH, STORE_KEYS };
    struct diag diag = { "" };
    ASSERT(sodium_init() >= 0);
    *pool = (struct pool_fixture){ .state = "ntspool-test-XXXXXX" };
    ASSERT(mkdtemp(pool->state) != NULL);
    FIXTURE_OK(seal_create(pool->state, NULL, &diag));
    FIXTURE_OK(seal_open(&pool->seal, pool->state, NULL, &diag));
    for (int i = 0; i < 3; i++) {
        FIXTURE_OK(store_create(pool->state, kinds[i], &diag));
        FIXTURE_OK(store_open(&pool->stores[i], pool->state, kinds[i], true, &diag));
    }
    fixture_fill(pool);
    for (int i = 0; i < 3; i++) {
        FIXTURE_OK(store_read(pool->stores[i], &pool->txns[i], &diag));
    }
    struct places *places = locations == NULL ? NULL : places_new(locations);
    pool->cache = sigcache_new(1024);
    const struct zone_state_sources sources = { .registry = pool->txns[0],
                                                .health = pool->txns[1],
                                                .keys = pool->txns[2],
                                                .seal = pool->seal,
                                                .cache = pool->cache,
                                                .places = places };
    FIXTURE_OK(zone_state_build(&pool->zone, &sources, NULL, FIXTURE_NOW, &diag));
    places_unref(places);
}

/* The same with the places of tests/data. */
static inline void pool_fixture_init_located(struct pool_fixture *pool)
{
    static const char *const paths[] = { TEST_DATA "/places.mmdb" };
    struct locations *locations = NULL;
    struct diag diag = { "" };
    FIXTURE_OK(locations_load(&locations, paths, 1, NULL, &diag));
    pool_fixture_init(pool, locations);
}

static inline int fixture_unlink(const char *path, const struct stat *status, int type,
                                 struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static inline void pool_fixture_done(struct pool_fixture *pool)
{
    zone_state_unref(pool->zone);
    sigcache_free(pool->cache);
    for (int i = 0; i < 3; i++) {
        store_abort(pool->txns[i]);
        store_close(pool->stores[i]);
    }
    seal_free(pool->seal);
    ASSERT(nftw(pool->state, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

#endif
