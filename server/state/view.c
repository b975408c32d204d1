#include "server/state/view.h"

#include <stdlib.h>

#include <sodium.h>

bool view_is_due(const struct view *view, uint64_t now)
{
    return deal_is_due(view->deal, now) || !view_blocks_hold(view, now);
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    randombytes_buf(&bits, sizeof(bits));
    return bits;
}

/* True if members' A, AAAA, CAA and the chain's NSEC come out alike in both. */
static bool same_style(const struct view *a, const struct view *b)
{
    return a->keyring == b->keyring && a->settings.address_ttl_s == b->settings.address_ttl_s &&
           a->settings.ttl_s == b->settings.ttl_s &&
           a->settings.negative_ttl_s == b->settings.negative_ttl_s &&
           a->settings.signature_validity_s == b->settings.signature_validity_s &&
           a->settings.ca_count == b->settings.ca_count &&
           memcmp(a->settings.ca, b->settings.ca, sizeof(a->settings.ca)) == 0;
}

static enum result sign_soa(struct view *view, struct signer *signer, uint64_t now)
{
    const struct settings *settings = &view->settings;
    const struct node apex = { .kind = NODE_APEX };
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    ASSERT(node_rrset(&apex, settings, RR_SOA, 0, view->soa_rdata, &view->soa));
    enum result result =
        signer_sign(signer, &settings->apex, &view->soa, now, scratch, &signatures);
    if (result != RESULT_OK) {
        return result;
    }
    const struct block_parts parts = { .owner = &settings->apex,
                                       .set = &view->soa,
                                       .signatures = &signatures };
    return block_make(&view->soa_block, view->soa_wire, sizeof(view->soa_wire), &settings->apex,
                      &parts)
               ? RESULT_OK
               : RESULT_TOO_LONG;
}

static void name_service(struct view *view)
{
    struct dname tcp;
    ASSERT(dname_prepend(&tcp, "_tcp", 4, &view->settings.apex) ==
           RESULT_OK); /* init has tried it */
    ASSERT(dname_prepend(&view->service, "_ntske", 6, &tcp) == RESULT_OK);
    dname_key_of(&view->service_key, &view->service, &view->settings.apex);
}

/* Deals, or takes over the deal that was there before, and signs. `roster` is used up. */
static enum result complete(struct view *view, struct deal *before, struct roster *roster,
                            const struct view_sources *sources, uint64_t now)
{
    const struct settings *settings = &view->settings;
    struct signer *signer = signer_new(view->keyring, sources->cache, &settings->apex,
                                       settings->signature_validity_s, random_bits());
    name_service(view);
    enum result result = sign_soa(view, signer, now);
    if (result == RESULT_OK) {
        const struct deal_parts parts = { .settings = settings,
                                          .keyring = view->keyring,
                                          .places = view->places,
                                          .usage = sources->usage,
                                          .service = &view->service,
                                          .signer = signer,
                                          .now = now };
        result = deal_next(&view->deal, &parts, before, roster);
    }
    roster_done(roster);
    signer_free(signer);
    return result;
}

/* Takes over the old view's if no name has come or gone. */
static enum result order_names(struct view *view, const struct view *old,
                               struct store_txn *registry)
{
    uint64_t changed[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    if (old != NULL &&
        registry_changes(registry, old->registry_version, changed, &count) == RESULT_OK &&
        count == 0) {
        view->order = order_ref(old->order);
        return RESULT_OK;
    }
    return order_new(&view->order, registry);
}

/* With what it has of the old view's deal, some of which was signed anew since, maybe by a clock that was wrong. */
static void note_times(struct view *view, const struct view_sources *sources,
                       const struct view *old, uint64_t now)
{
    bool anew = old == NULL || sources->dealt != NULL;
    const uint64_t times[] = { view->deal->dealt_at, anew ? now : old->signed_first,
                               anew ? now : old->signed_last };
    view->signed_first = view->signed_last = now;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        view->signed_first = times[i] < view->signed_first ? times[i] : view->signed_first;
        view->signed_last = times[i] > view->signed_last ? times[i] : view->signed_last;
    }
}

/* The deal that the view's follows upon; NULL: there is none. */
static struct deal *deal_before(const struct view_sources *sources, const struct view *old)
{
    if (sources->dealt != NULL) {
        return sources->dealt;
    }
    return old == NULL ? NULL : old->deal;
}

enum result view_build(struct view **out, const struct view_sources *sources,
                       const struct view *old, uint64_t now, struct diag *diag)
{
    struct view *view = xcalloc(1, sizeof(*view));
    struct deal *before = deal_before(sources, old);
    struct roster roster;
    atomic_init(&view->refs, 1);
    view->number = old == NULL ? 1 : old->number + 1;
    view->registry_version = store_version(sources->registry);
    view->places = places_ref(sources->places);
    enum result result = registry_settings(sources->registry, &view->settings, diag);
    if (result == RESULT_OK && sources->keyring != NULL) {
        view->keyring = keyring_ref(sources->keyring);
    } else if (result == RESULT_OK) {
        result = keyring_load(&view->keyring, sources->keys, sources->seal, diag);
    }
    if (result == RESULT_OK && order_names(view, old, sources->registry) != RESULT_OK) {
        result = diag_fail(diag, RESULT_DAMAGED, "the registry's names can't be read");
    }
    if (result == RESULT_OK) {
        result = cookie_secrets_get(sources->keys, sources->seal, &view->cookies, diag);
    }
    bool styled = old != NULL && result == RESULT_OK && same_style(old, view);
    view->style = styled ? old->style : view->number;
    if (result == RESULT_OK) {
        const struct roster_sources from = {
            .registry = sources->registry,
            .health = sources->health,
            .settings = &view->settings,
            .locations = view->places == NULL ? NULL : view->places->locations,
            .before = before == NULL ? NULL : &before->roster,
            .now = now,
        };
        result = roster_build(&roster, &from, diag);
    }
    if (result == RESULT_OK) {
        result = complete(view, before, &roster, sources, now);
        if (result != RESULT_OK) {
            result = diag_fail(diag, result, "the zone's records can't be signed: %s",
                               result_text(result));
        }
    }
    if (result != RESULT_OK) {
        view_unref(view);
        return result;
    }
    note_times(view, sources, old, now);
    *out = view;
    return RESULT_OK;
}

bool view_is_current(const struct view *view, const struct store_txn *registry)
{
    return view->registry_version == store_version(registry);
}

struct view *view_ref(struct view *view)
{
    atomic_fetch_add(&view->refs, 1);
    return view;
}

void view_unref(struct view *view)
{
    if (view == NULL || atomic_fetch_sub(&view->refs, 1) != 1) {
        return;
    }
    deal_unref(view->deal);
    keyring_unref(view->keyring);
    places_unref(view->places);
    order_unref(view->order);
    sodium_memzero(&view->cookies, sizeof(view->cookies));
    free(view);
}

struct srv_choice view_srv(const struct view *view, uint16_t area, uint32_t turn)
{
    if (area >= view->deal->area_count) {
        return (struct srv_choice){ NULL, NULL, NULL };
    }
    const struct hand *hand = view->deal->hands[area];
    size_t i = turn % (uint32_t)hand->count; /* the short division */
    const struct deck_set *set = hand->deck.count == 0 ? NULL : &hand->deck.sets[i];
    return (struct srv_choice){ set, &hand->srv[i], &hand->blocks[i] };
}

uint16_t view_region(const struct view *view, const struct dname_key *key)
{
    const char *label = (const char *)key->octets;
    size_t len = strnlen(label, key->len);
    uint16_t region = region_of_label(label, len);
    return region == REGION_NONE ? STEERING_NONE : deal_region(view->deal, region);
}
