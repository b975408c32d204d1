/* Deals among invented candidates that are in no store. */
#ifndef TESTS_UNIT_DEAL_FIXTURE_H
#define TESTS_UNIT_DEAL_FIXTURE_H

#include "server/state/deal.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"

enum {
    NOW = FIXTURE_NOW,
    NOBODY = 1000000,
    POOL = 2000
};

static struct pool_fixture pool;
static struct sigcache *cache;
static struct keyring *keyring;
static struct settings settings;
static struct dname service;
static struct signer *signer;
static struct places *places;
static struct demand demand;

/* Candidates as if read from a store: members m0, m1 ... in four countries, each a failure domain
 * of its own. Keeps the indices of `before`. Member number `gone` is missing. */
static struct candidates candidates_with(const struct candidates *before, size_t count, size_t gone)
{
    static const char *const countries[4] = { "NL", "DE", "US", "JP" };
    size_t inputs = before == NULL || before->count < count ? count : before->count;
    struct candidates candidates = { .list = xcalloc(inputs, sizeof(struct candidate)),
                                     .inputs = xcalloc(inputs, sizeof(struct allocation_member)),
                                     .names = xcalloc(inputs, 32),
                                     .count = inputs };
    for (size_t i = 0; i < count; i++) {
        char label[16];
        struct dname name;
        if (i == gone) {
            continue;
        }
        int len = snprintf(label, sizeof(label), "m%zu", i);
        assert_ok(dname_prepend(&name, label, (size_t)len, &settings.apex));
        uint64_t random = i;
        uint32_t weight = (uint32_t)(1 + splitmix(&random) % 1000);
        const char *country = countries[i % 4];
        candidates.list[i] = (struct candidate){
            .member_id = i + 1, .weight = weight, .port = 4460, .target = (uint32_t)(32 * i)
        };
        candidates.names[32 * i] = name.len;
        memcpy(candidates.names + 32 * i + 1, name.wire, name.len);
        candidates.inputs[i] = (struct allocation_member){
            .point = point_at((double)(i % 100) - 50, (double)(i % 360) - 180),
            .capacity = weight,
            .group = (uint32_t)i,
            .regions = { region_of_country(country), region_around(country) },
            .ipv4 = true,
            .ipv6 = i % 2 == 0
        };
        candidates.eligible++;
        candidates.members++;
    }
    candidates.names_len = inputs * 32;
    return candidates;
}

static struct deal_parts parts_at(uint64_t now)
{
    return (struct deal_parts){ .settings = &settings,
                                .keyring = keyring,
                                .places = places,
                                .demand = &demand,
                                .service = &service,
                                .signer = signer,
                                .now = now };
}

static struct deal *next_deal(struct deal *old, struct candidates candidates, uint64_t now)
{
    struct deal *deal = NULL;
    const struct deal_parts parts = parts_at(now);
    assert_ok(deal_next(&deal, &parts, old, &candidates));
    return deal;
}

static struct deal *deal_anew(const struct deal *old, uint64_t now)
{
    struct deal *deal = NULL;
    const struct deal_parts parts = parts_at(now);
    assert_ok(deal_again(&deal, &parts, old));
    return deal;
}

/* The deal of a server that has just started: the quick first deal, then one with scaled shares. */
static struct deal *first_deal(size_t count, size_t gone)
{
    struct deal *quick = next_deal(NULL, candidates_with(NULL, count, gone), NOW);
    struct deal *deal = deal_anew(quick, NOW);
    deal_unref(quick);
    return deal;
}

static int set_up(void **)
{
    static const char *const files[] = { TEST_DATA "/places.mmdb" };
    struct locations *locations = NULL;
    struct dname tcp;
    struct diag diag = { "" };
    pool_fixture_init(&pool, NULL);
    settings_defaults(&settings);
    settings.apex = name_of("pool.test");
    assert_ok(dname_prepend(&tcp, "_tcp", 4, &settings.apex));
    assert_ok(dname_prepend(&service, "_ntske", 6, &tcp));
    assert_ok(locations_load(&locations, files, 1, NULL, &diag));
    places = places_new(locations);
    keyring = pool.zone->keyring;
    cache = sigcache_new(65536);
    signer = signer_new(keyring, cache, &settings.apex, settings.signature_validity_s, 1);
    return 0;
}

static int tear_down(void **)
{
    signer_free(signer);
    sigcache_free(cache);
    places_unref(places);
    pool_fixture_done(&pool);
    return 0;
}

#endif
