#include "server/view.h"

#include <stdlib.h>

#include <sodium.h>

struct places *places_new(struct locations *locations)
{
    struct places *places = xcalloc(1, sizeof(*places));
    atomic_init(&places->refs, 1);
    places->locations = locations;
    return places;
}

void places_unref(struct places *places)
{
    if (places != NULL && atomic_fetch_sub(&places->refs, 1) == 1) {
        locations_free(places->locations);
        free(places);
    }
}

static void deal_unref(struct deal *deal)
{
    if (deal == NULL || atomic_fetch_sub(&deal->refs, 1) != 1) {
        return;
    }
    decks_done(&deal->decks);
    roster_done(&deal->roster);
    free(deal->srv);
    free(deal->srv_rdata);
    free(deal->blocks);
    free(deal->block_wire);
    keyring_unref(deal->keyring);
    free(deal);
}

/* Compared by bytes of what counts, not of the structs, whose padding says nothing. */
static bool same_candidates(const struct roster *a, const struct roster *b)
{
    if (a->count != b->count || a->names_len != b->names_len ||
        a->left_out_count != b->left_out_count ||
        (a->names_len > 0 && memcmp(a->names, b->names, a->names_len) != 0)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct candidate *x = &a->list[i], *y = &b->list[i];
        if (x->member_id != y->member_id || x->weight != y->weight || x->port != y->port ||
            x->target != y->target || memcmp(x->country, y->country, sizeof(x->country)) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < a->left_out_count; i++) {
        if (a->left_out[i].member_id != b->left_out[i].member_id ||
            a->left_out[i].mask != b->left_out[i].mask) {
            return false;
        }
    }
    return true;
}

static bool deal_is_due(const struct deal *deal, uint64_t now)
{
    uint64_t age_max = deal->srv_ttl_s < VIEW_AGE_MAX_S ? deal->srv_ttl_s : VIEW_AGE_MAX_S;
    return deal->dealt_at > now || now - deal->dealt_at >= age_max;
}

bool view_is_due(const struct view *view, uint64_t now)
{
    return deal_is_due(view->deal, now);
}

/* True if a deal for this view would come out the same, but for chance. */
static bool deal_holds(const struct deal *deal, const struct roster *roster,
                       const struct view *view)
{
    const struct settings *settings = &view->settings;
    return deal->srv_ttl_s == settings->srv_ttl_s && deal->srv_count == settings->srv_count &&
           deal->srv_weights == settings->srv_weights && deal->keyring == view->keyring &&
           deal->signature_validity_s == settings->signature_validity_s &&
           same_candidates(&deal->roster, roster);
}

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    randombytes_buf(&bits, sizeof(bits));
    return bits;
}

/* Octets that grow at the end. */
struct pool {
    uint8_t *data;
    size_t used, room;
};

static uint8_t *pool_end(struct pool *pool, size_t room)
{
    if (pool->room - pool->used < room) {
        pool->room = 2 * pool->room + room;
        pool->data = xrealloc(pool->data, pool->room);
    }
    return pool->data + pool->used;
}

/* The set of members behind SRV RRset i; NULL for the one of nobody. */
static const struct deck_set *set_of(const struct deal *deal, size_t i)
{
    return deal->decks.count == 0 ? NULL : &deal->decks.list[i / DECK_SETS].sets[i % DECK_SETS];
}

/* Writes out the SRV RRsets of all decks. */
static void deal_srv(struct deal *deal)
{
    struct pool pool = { .data = NULL };
    deal->srv_total = deal->decks.count > 0 ? deal->decks.count * DECK_SETS : 1;
    deal->srv = xcalloc(deal->srv_total, sizeof(*deal->srv));
    for (size_t i = 0; i < deal->srv_total; i++) {
        deck_srv(set_of(deal, i), &deal->roster, deal->srv_weights, deal->srv_ttl_s,
                 pool_end(&pool, DECK_SRV_SCRATCH), &deal->srv[i]);
        pool.used += deal->srv[i].rdata_len;
    }
    deal->srv_rdata = pool.data;
    const uint8_t *at = pool.data; /* while it grew, it may have moved */
    for (size_t i = 0; i < deal->srv_total; i++) {
        deal->srv[i].rdata = at;
        at += deal->srv[i].rdata_len;
    }
}

/* Where the member that was drawn first stands among the set's records, which are in canonical order: some clients take the first record
 * only. */
static uint16_t place_of_first(const struct roster *roster, const struct deck_set *drawn,
                               const struct rrset *set)
{
    const uint8_t *target = roster->names + roster->list[drawn->members[0]].target;
    size_t at = 0;
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (uint16_t i = 0; rrset_next(set, &at, &rdata, &len); i++) {
        if (len == 6 + target[0] && memcmp(rdata + 6, target + 1, target[0]) == 0) {
            return i;
        }
    }
    return 0;
}

/* Signs the SRV RRsets and writes them out as blocks. */
static enum result deal_sign(struct deal *deal, struct signer *signer, const struct view *view,
                             uint64_t now)
{
    enum {
        EACH = 2 * DECK_SRV_SCRATCH + SIGNER_SCRATCH
    };
    struct pool pool = { .data = NULL };
    uint8_t scratch[SIGNER_SCRATCH];
    enum result result = RESULT_OK;
    deal->blocks = xcalloc(deal->srv_total, sizeof(*deal->blocks));
    for (size_t i = 0; i < deal->srv_total && result == RESULT_OK; i++) {
        const struct deck_set *set = set_of(deal, i);
        struct rrset signatures;
        result = signer_sign(signer, &view->service, &deal->srv[i], now, scratch, &signatures);
        if (result == RESULT_OK) {
            uint16_t first = set == NULL ? 0 : place_of_first(&deal->roster, set, &deal->srv[i]);
            const struct block_parts parts = { NULL, &deal->srv[i], &signatures, first };
            ASSERT(block_make(&deal->blocks[i], pool_end(&pool, EACH), EACH, &view->settings.apex,
                              &parts));
            pool.used += deal->blocks[i].len[1];
        }
    }
    deal->block_wire = pool.data;
    const uint8_t *at = pool.data;
    for (size_t i = 0; i < deal->srv_total; i++) {
        deal->blocks[i].wire = at;
        at += deal->blocks[i].len[1];
    }
    return result;
}

/* Takes over the roster. A deal that follows upon a change keeps the seed until it is due, so that where nothing changed the sets stay,
 * and their signatures are found in the cache. */
static struct deal *deal_new(struct roster *roster, const struct view *view, const struct deal *old,
                             uint64_t now)
{
    const struct settings *settings = &view->settings;
    bool due = old == NULL || deal_is_due(old, now);
    struct deal *deal = xcalloc(1, sizeof(*deal));
    atomic_init(&deal->refs, 1);
    deal->roster = *roster;
    deal->srv_ttl_s = settings->srv_ttl_s;
    deal->srv_count = settings->srv_count;
    deal->srv_weights = settings->srv_weights;
    deal->keyring = keyring_ref(view->keyring);
    deal->signature_validity_s = settings->signature_validity_s;
    deal->seed = due ? random_bits() : old->seed;
    deal->dealt_at = due ? now : old->dealt_at;
    decks_deal(&deal->decks, &deal->roster, settings->srv_count, deal->seed);
    deal_srv(deal);
    return deal;
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

/* Deals, or takes over the old deal, and signs. `roster` is used up. */
static enum result complete(struct view *view, const struct view *old, struct roster *roster,
                            struct sigcache *cache, uint64_t now)
{
    const struct settings *settings = &view->settings;
    struct signer *signer = signer_new(view->keyring, cache, &settings->apex,
                                       settings->signature_validity_s, random_bits());
    name_service(view);
    enum result result = sign_soa(view, signer, now);
    if (old != NULL && !deal_is_due(old->deal, now) && deal_holds(old->deal, roster, view)) {
        roster_done(roster);
        view->deal = old->deal;
        atomic_fetch_add(&view->deal->refs, 1);
    } else {
        view->deal = deal_new(roster, view, old == NULL ? NULL : old->deal, now);
        if (result == RESULT_OK) {
            result = deal_sign(view->deal, signer, view, now);
        }
    }
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

enum result view_build(struct view **out, const struct view_sources *sources,
                       const struct view *old, uint64_t now, struct diag *diag)
{
    struct view *view = xcalloc(1, sizeof(*view));
    struct roster roster;
    atomic_init(&view->refs, 1);
    view->number = old == NULL ? 1 : old->number + 1;
    view->registry_version = store_version(sources->registry);
    view->places = sources->places;
    if (view->places != NULL) {
        atomic_fetch_add(&view->places->refs, 1);
    }
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
        result =
            roster_build(&roster, sources->registry, sources->health, &view->settings, now, diag);
    }
    if (result == RESULT_OK) {
        result = complete(view, old, &roster, sources->cache, now);
        if (result != RESULT_OK) {
            result = diag_fail(diag, result, "the zone's records can't be signed: %s",
                               result_text(result));
        }
    }
    if (result != RESULT_OK) {
        view_unref(view);
        return result;
    }
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

struct srv_choice view_srv(const struct view *view, const char *country, uint32_t turn)
{
    const struct deal *deal = view->deal;
    const struct deck *deck = decks_for(&deal->decks, country);
    if (deck == NULL) {
        return (struct srv_choice){ NULL, &deal->srv[0], &deal->blocks[0] };
    }
    size_t number = (size_t)(deck - deal->decks.list) * DECK_SETS + turn % DECK_SETS;
    return (struct srv_choice){ &deck->sets[turn % DECK_SETS], &deal->srv[number],
                                &deal->blocks[number] };
}
