#include "server/state/zone_state.h"

#include <stdlib.h>

#include <sodium.h>

#include "zone/base/u64.h"
#include "zone/registry/service.h"

bool zone_state_is_due(const struct zone_state *zone, uint64_t now)
{
    return deal_is_due(zone->deal, now) || !zone_state_blocks_hold(zone, now);
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    randombytes_buf(&bits, sizeof(bits));
    return bits;
}

/* True if members' A, AAAA and CAA and the NSECs of `a` may be served in `b`. */
static bool same_style(const struct zone_state *a, const struct zone_state *b, uint64_t now)
{
    return keyring_keeps(b->keyring, a->keyring, now) &&
           a->settings.address_ttl_s == b->settings.address_ttl_s &&
           a->settings.ttl_s == b->settings.ttl_s &&
           a->settings.negative_ttl_s == b->settings.negative_ttl_s &&
           a->settings.signature_validity_s == b->settings.signature_validity_s &&
           a->settings.ca_count == b->settings.ca_count &&
           memcmp(a->settings.ca, b->settings.ca, sizeof(a->settings.ca)) == 0;
}

static enum result make_apex(struct zone_state *zone, struct store_txn *registry,
                             struct signer *signer, uint64_t now)
{
    const struct node apex = { .kind = NODE_APEX };
    const struct apex_blocks_parts parts = { .registry = registry,
                                             .settings = &zone->settings,
                                             .keyring = zone->keyring,
                                             .signer = signer,
                                             .now = now,
                                             .until = now + ZONE_STATE_BLOCKS_S };
    CHECK(node_rrset(&apex, &zone->settings, RR_SOA, 0, zone->soa_rdata, &zone->soa));
    return apex_blocks_make(&zone->apex_blocks, &parts);
}

static void name_service(struct zone_state *zone)
{
    /* registry_init has checked that the name fits. */
    CHECK(service_name(&zone->service, &zone->settings.apex) == RESULT_OK);
    dname_key_of(&zone->service_key, &zone->service, &zone->settings.apex);
}

/* The deal for these candidates, which it uses up; without any, `before` as it is. */
static enum result make_deal(struct zone_state *zone, struct deal *before,
                             struct candidates *candidates,
                             const struct zone_state_sources *sources, struct signer *signer,
                             uint64_t now)
{
    if (candidates == NULL) {
        zone->deal = deal_ref(before);
        return RESULT_OK;
    }
    const struct deal_parts parts = { .settings = &zone->settings,
                                      .keyring = zone->keyring,
                                      .places = zone->places,
                                      .demand = sources->demand,
                                      .service = &zone->service,
                                      .signer = signer,
                                      .now = now };
    return deal_next(&zone->deal, &parts, before, candidates);
}

/* Signs, and makes the deal. */
static enum result complete(struct zone_state *zone, struct deal *before,
                            struct candidates *candidates, const struct zone_state_sources *sources,
                            uint64_t now)
{
    const struct settings *settings = &zone->settings;
    struct signer *signer = signer_new(zone->keyring, sources->cache, &settings->apex,
                                       settings->signature_validity_s, random_bits());
    signer_count(signer, sources->counts);
    name_service(zone);
    enum result result = make_apex(zone, sources->registry, signer, now);
    if (result == RESULT_OK) {
        result = make_deal(zone, before, candidates, sources, signer, now);
    }
    signer_free(signer);
    return result;
}

/* Takes over the old index if no name has changed. */
static enum result index_names(struct zone_state *zone, const struct zone_state *old,
                               struct store_txn *registry)
{
    uint64_t changed[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    if (old != NULL &&
        registry_changes(registry, old->registry_version, changed, &count) == RESULT_OK &&
        count == 0) {
        zone->names = name_index_ref(old->names);
        return RESULT_OK;
    }
    return name_index_new(&zone->names, registry);
}

/* Until when sets may be served that were signed before other keys began to sign. */
static uint64_t former_until(const struct zone_state *zone, const struct zone_state *old,
                             uint64_t now)
{
    if (keyring_signs_alike(zone->deal->keyring, zone->keyring)) {
        return UINT64_MAX;
    }
    bool begins = old == NULL || keyring_signs_alike(old->deal->keyring, old->keyring);
    return begins ? now + ROLLOVER_RESIGN_S : old->blocks_until;
}

/* Signatures of the old zone state may be taken over, and some may have been renewed since, maybe
 * by a wrong clock. */
static void note_times(struct zone_state *zone, const struct zone_state_sources *sources,
                       const struct zone_state *old, uint64_t now)
{
    bool renewed = old == NULL || sources->dealt != NULL;
    const uint64_t times[] = { zone->deal->dealt_at, renewed ? now : old->signed_first,
                               renewed ? now : old->signed_last };
    zone->signed_first = zone->signed_last = now;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        zone->signed_first = times[i] < zone->signed_first ? times[i] : zone->signed_first;
        zone->signed_last = times[i] > zone->signed_last ? times[i] : zone->signed_last;
    }
    zone->blocks_until =
        u64_min(zone->signed_first + ZONE_STATE_BLOCKS_S, former_until(zone, old, now));
}

/* The deal before the one to be made; NULL: there is none. */
static struct deal *deal_before(const struct zone_state_sources *sources,
                                const struct zone_state *old)
{
    if (sources->dealt != NULL) {
        return sources->dealt;
    }
    return old == NULL ? NULL : old->deal;
}

/* True if nothing that a deal is made of has changed, such as when a key is published. */
static bool has_same_deal(const struct zone_state *zone, const struct zone_state_sources *sources,
                          const struct zone_state *old, uint64_t now)
{
    const struct deal *deal = old == NULL ? NULL : old->deal;
    return deal != NULL && sources->dealt == NULL && zone->places == old->places &&
           zone->registry_version == old->registry_version &&
           zone->health_version == old->health_version &&
           keyring_keeps(zone->keyring, deal->keyring, now);
}

static enum result fill(struct zone_state *zone, const struct zone_state_sources *sources,
                        const struct zone_state *old, uint64_t now, struct diag *diag)
{
    struct deal *before = deal_before(sources, old);
    struct candidates candidates = { .count = 0 };
    zone->number = old == NULL ? 1 : old->number + 1;
    zone->registry_version = store_version(sources->registry);
    zone->health_version = store_version(sources->health);
    zone->places = places_ref(sources->places);
    TRY(registry_settings(sources->registry, &zone->settings, diag));
    if (sources->keyring != NULL) {
        zone->keyring = keyring_ref(sources->keyring);
    } else {
        TRY(keyring_load(&zone->keyring, sources->keys, sources->seal, diag));
    }
    if (index_names(zone, old, sources->registry) != RESULT_OK) {
        return diag_fail(diag, RESULT_DAMAGED, "the registry's names can't be read");
    }
    TRY(cookie_secrets_get(sources->keys, sources->seal, &zone->cookies, diag));
    zone->style = old != NULL && same_style(old, zone, now) ? old->style : zone->number;
    const struct candidates_sources from = {
        .registry = sources->registry,
        .health = sources->health,
        .settings = &zone->settings,
        .locations = zone->places == NULL ? NULL : zone->places->locations,
        .before = before == NULL ? NULL : &before->candidates,
        .now = now,
    };
    bool same = has_same_deal(zone, sources, old, now);
    if (!same) {
        TRY(candidates_build(&candidates, &from, diag));
    }
    enum result result = complete(zone, before, same ? NULL : &candidates, sources, now);
    candidates_done(&candidates);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the zone's records can't be signed: %s",
                         result_text(result));
    }
    note_times(zone, sources, old, now);
    return RESULT_OK;
}

enum result zone_state_build(struct zone_state **out, const struct zone_state_sources *sources,
                             const struct zone_state *old, uint64_t now, struct diag *diag)
{
    struct zone_state *zone = xcalloc(1, sizeof(*zone));
    atomic_init(&zone->refs, 1);
    enum result result = fill(zone, sources, old, now, diag);
    if (result != RESULT_OK) {
        zone_state_unref(zone);
        return result;
    }
    *out = zone;
    return RESULT_OK;
}

bool zone_state_is_current(const struct zone_state *zone, const struct store_txn *registry)
{
    return zone->registry_version == store_version(registry);
}

struct zone_state *zone_state_ref(struct zone_state *zone)
{
    atomic_fetch_add(&zone->refs, 1);
    return zone;
}

void zone_state_unref(struct zone_state *zone)
{
    if (zone == NULL || atomic_fetch_sub(&zone->refs, 1) != 1) {
        return;
    }
    deal_unref(zone->deal);
    keyring_unref(zone->keyring);
    places_unref(zone->places);
    name_index_unref(zone->names);
    sodium_memzero(&zone->cookies, sizeof(zone->cookies));
    free(zone);
}
