#include "server/view.h"

#include <stdlib.h>

#include <sodium.h>

struct places *places_new(struct geo *geo)
{
    struct places *places = xcalloc(1, sizeof(*places));
    atomic_init(&places->refs, 1);
    places->geo = geo;
    return places;
}

void places_unref(struct places *places)
{
    if (places != NULL && atomic_fetch_sub(&places->refs, 1) == 1) {
        geo_close(places->geo);
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

static bool deal_holds(const struct deal *deal, const struct roster *roster,
                       const struct settings *settings, uint64_t now)
{
    /* A clock that went back must not keep a deal for ever. */
    bool young = deal->dealt_at <= now && now - deal->dealt_at < settings->srv_ttl_s;
    return young && deal->srv_ttl_s == settings->srv_ttl_s &&
           deal->srv_count == settings->srv_count && deal->srv_weights == settings->srv_weights &&
           same_candidates(&deal->roster, roster);
}

static uint64_t random_bits(void *arg)
{
    (void)arg;
    uint64_t bits = 0;
    randombytes_buf(&bits, sizeof(bits));
    return bits;
}

/* Writes out the SRV RRsets of all decks. */
static void deal_srv(struct deal *deal)
{
    size_t sets = deal->decks.count * DECK_SETS;
    deal->srv_total = sets > 0 ? sets : 1;
    deal->srv = xcalloc(deal->srv_total, sizeof(*deal->srv));
    size_t *offsets = xcalloc(deal->srv_total, sizeof(*offsets));
    size_t room = 0, used = 0;
    for (size_t i = 0; i < deal->srv_total; i++) {
        if (room - used < DECK_SRV_SCRATCH) {
            room = room * 2 + DECK_SRV_SCRATCH;
            deal->srv_rdata = xrealloc(deal->srv_rdata, room);
        }
        const struct deck_set *set =
            sets > 0 ? &deal->decks.list[i / DECK_SETS].sets[i % DECK_SETS] : NULL;
        deck_srv(set, &deal->roster, deal->srv_weights, deal->srv_ttl_s, deal->srv_rdata + used,
                 &deal->srv[i]);
        offsets[i] = used;
        used += deal->srv[i].rdata_len;
    }
    for (size_t i = 0; i < deal->srv_total; i++) { /* the rdata may have moved while it grew */
        deal->srv[i].rdata = deal->srv_rdata + offsets[i];
    }
    free(offsets);
}

/* Takes over the roster. */
static struct deal *deal_new(struct roster *roster, const struct settings *settings, uint64_t now)
{
    struct deal *deal = xcalloc(1, sizeof(*deal));
    atomic_init(&deal->refs, 1);
    deal->roster = *roster;
    deal->srv_ttl_s = settings->srv_ttl_s;
    deal->srv_count = settings->srv_count;
    deal->srv_weights = settings->srv_weights;
    deal->dealt_at = now;
    decks_deal(&deal->decks, &deal->roster, settings->srv_count, random_bits, NULL);
    deal_srv(deal);
    return deal;
}

enum result view_build(struct view **out, const struct view_sources *sources,
                       const struct view *old, uint64_t now, struct diag *diag)
{
    struct settings settings;
    struct roster roster;
    enum result result = registry_settings(sources->registry, &settings, diag);
    if (result != RESULT_OK) {
        return result;
    }
    result = roster_build(&roster, sources->registry, sources->health, &settings.apex, diag);
    if (result != RESULT_OK) {
        return result;
    }
    struct keyring *keyring = NULL;
    if (sources->keyring != NULL) {
        keyring = keyring_ref(sources->keyring);
    } else {
        result = keyring_load(&keyring, sources->keys, sources->seal, diag);
    }
    if (result != RESULT_OK) {
        roster_done(&roster);
        return result;
    }
    struct view *view = xcalloc(1, sizeof(*view));
    atomic_init(&view->refs, 1);
    view->registry_version = store_version(sources->registry);
    view->settings = settings;
    view->keyring = keyring;
    view->places = sources->places;
    if (view->places != NULL) {
        atomic_fetch_add(&view->places->refs, 1);
    }
    if (old != NULL && deal_holds(old->deal, &roster, &settings, now)) {
        roster_done(&roster);
        view->deal = old->deal;
        atomic_fetch_add(&view->deal->refs, 1);
    } else {
        view->deal = deal_new(&roster, &settings, now);
    }
    *out = view;
    return RESULT_OK;
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
    free(view);
}

const struct rrset *view_srv(const struct view *view, const char *country, uint32_t turn)
{
    const struct deck *deck = decks_for(&view->deal->decks, country);
    if (deck == NULL) {
        return &view->deal->srv[0];
    }
    size_t number = (size_t)(deck - view->deal->decks.list);
    return &view->deal->srv[number * DECK_SETS + turn % DECK_SETS];
}

const struct deck_set *view_set(const struct view *view, const char *country, uint32_t turn)
{
    const struct deck *deck = decks_for(&view->deal->decks, country);
    return deck == NULL ? NULL : &deck->sets[turn % DECK_SETS];
}
