/* A registry for each test: the zone pool.test, with a write transaction open. */
#ifndef TESTS_UNIT_REGISTRY_FIXTURE_H
#define TESTS_UNIT_REGISTRY_FIXTURE_H

#include "tests/unit/unit.h"
#include "zone/registry/registry.h"

enum {
    NOW = 1700000000
};

static char dir[64];
static struct store *store;
static struct store_txn *txn;
static struct registry_change change; /* in `txn` */
static struct diag diag;

static inline struct settings settings_of_test(void)
{
    struct settings settings;
    settings_defaults(&settings);
    settings.apex = name_of("Pool.Test");
    settings.mailbox = name_of("hostmaster.pool.test");
    return settings;
}

static inline struct name_server server_of(const char *name, const char *address)
{
    struct name_server ns = { .name = name_of(name) };
    if (address != NULL) {
        assert_ok(address_parse(&ns.addresses[ns.address_count++], address));
    }
    return ns;
}

static inline void begin(void)
{
    assert_ok(store_write(store, &txn, &diag));
    registry_begin(&change, txn, NOW, &diag);
}

/* The change under way, with its time set to `now`. */
static inline struct registry_change *at(uint64_t now)
{
    change.now = now;
    return &change;
}

static inline void commit(void)
{
    assert_ok(registry_commit(at(NOW)));
    begin();
}

static inline int set_up_empty(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_registry.XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_ok(store_create(dir, STORE_REGISTRY, &diag));
    assert_ok(store_open(&store, dir, STORE_REGISTRY, true, &diag));
    begin();
    return 0;
}

static inline int set_up(void **state)
{
    (void)set_up_empty(state);
    struct settings settings = settings_of_test();
    struct name_server ns[] = { server_of("NS1.pool.test", "127.0.0.1"),
                                server_of("ns.example.net", NULL) };
    assert_ok(address_parse(&ns[0].addresses[1], "2001:db8::53"));
    ns[0].address_count = 2;
    assert_ok(registry_init(&change, &settings, ns, 2));
    commit();
    return 0;
}

static inline int remove_dir(void)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static inline int tear_down(void **)
{
    store_abort(txn);
    store_close(store);
    return remove_dir();
}

static inline struct member member_of(const char *label, const char *address)
{
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", label);
    (void)snprintf(member.operator_name, sizeof(member.operator_name), "example");
    if (address != NULL) {
        member.address_count = 1;
        assert_ok(address_parse(&member.addresses[0], address));
    }
    return member;
}

static inline struct member added(const char *label, const char *address)
{
    struct member member = member_of(label, address);
    assert_ok(registry_add(at(NOW), &member, true));
    return member;
}

#endif
