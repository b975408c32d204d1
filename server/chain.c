#include "server/chain.h"

size_t chain_types(const struct view *view, const struct node *node, uint16_t out[CHAIN_TYPES_MAX])
{
    static const uint16_t of_keys[] = { RR_DNSKEY, RR_CDS, RR_CDNSKEY };
    uint8_t left_out =
        node->kind == NODE_MEMBER ? roster_left_out(&view->deal->roster, node->member_id) : 0;
    size_t count = node_types(node, &view->settings, left_out, out);
    for (size_t i = 0; node->kind == NODE_APEX && i < sizeof(of_keys) / sizeof(of_keys[0]); i++) {
        size_t at = count++;
        for (; at > 0 && out[at - 1] > of_keys[i]; at--) {
            out[at] = out[at - 1];
        }
        out[at] = of_keys[i];
    }
    return count;
}

void chain_begin(struct chain *chain)
{
    chain->turn++;
    chain->spare = 0;
}

static struct link *place_of(struct chain *chain, const struct dname_key *key)
{
    uint32_t hash =
        2166136261U; /* FNV-1a: whoever aims at collisions makes us compute what is computed on a miss */
    for (unsigned i = 0; i < key->len; i++) {
        hash = (hash ^ key->octets[i]) * 16777619U;
    }
    return &chain->links[hash % CHAIN_LINKS];
}

static bool holds(const struct chain *chain, const struct link *link, const struct dname_key *key)
{
    return link->view_number == chain->view->number &&
           link->registry_version == store_version(chain->registry) &&
           link->made_at <= chain->now && chain->now - link->made_at < VIEW_AGE_MAX_S &&
           dname_key_compare(&link->key, key) == 0;
}

/* The NSEC of a node: the next name in canonical order, the apex after the last (RFC 4034 4.1.1). */
static enum result fill(struct chain *chain, struct link *link, const struct dname_key *key,
                        const struct node *node)
{
    const struct settings *settings = &chain->view->settings;
    uint16_t types[CHAIN_TYPES_MAX];
    size_t count = chain_types(chain->view, node, types);
    struct dname next = settings->apex;
    link->view_number = 0; /* holds for nothing until it is whole */
    link->key = *key;
    link->next.len = 0;
    enum result result = registry_near_key(chain->registry, SEEK_AFTER, key, &link->next);
    if (result == RESULT_OK) {
        result = dname_of_key(&next, &link->next, &settings->apex);
    } else if (result == RESULT_NOT_FOUND) {
        result = RESULT_OK;
    }
    if (result == RESULT_OK) {
        result = dname_of_key(&link->owner, key, &settings->apex);
    }
    /* RFC 9077 3: the NSEC's TTL is the lesser of SOA MINIMUM and SOA TTL. */
    uint32_t ttl =
        settings->negative_ttl_s < settings->ttl_s ? settings->negative_ttl_s : settings->ttl_s;
    if (result == RESULT_OK && !denial_nsec(&next, types, count, ttl, link->rdata, &link->nsec)) {
        result = RESULT_TOO_LONG;
    }
    return result;
}

static enum result sign(struct chain *chain, struct link *link)
{
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    enum result result =
        signer_sign(chain->signer, &link->owner, &link->nsec, chain->now, scratch, &signatures);
    if (result != RESULT_OK) {
        return result;
    }
    const struct block_parts parts = { &link->owner, &link->nsec, &signatures, 0 };
    bool fits = block_make(&link->kept, link->wire, sizeof(link->wire), &chain->view->settings.apex,
                           &parts);
    link->block = fits ? &link->kept : NULL;
    link->made_at = chain->now;
    link->registry_version = store_version(chain->registry);
    link->view_number = chain->view->number;
    return RESULT_OK;
}

enum result chain_at(struct chain *chain, const struct dname_key *key, const struct link **out)
{
    struct link *link = place_of(chain, key);
    struct node node;
    if (!holds(chain, link, key)) {
        if (link->turn == chain->turn) {
            ASSERT(chain->spare < CHAIN_SPARES);
            link = &chain->spares[chain->spare++];
        }
        enum result result = registry_node(chain->registry, key, chain->node_data, &node);
        if (result == RESULT_OK) {
            result = fill(chain, link, key, &node);
        }
        if (result == RESULT_OK) {
            result = sign(chain, link);
        }
        if (result != RESULT_OK) {
            return result;
        }
    }
    link->turn = chain->turn;
    *out = link;
    return RESULT_OK;
}

static bool covers(const struct link *link, const struct dname_key *key)
{
    return dname_key_compare(&link->key, key) < 0 &&
           (link->next.len == 0 || dname_key_compare(key, &link->next) < 0);
}

enum result chain_covering(struct chain *chain, const struct dname_key *key,
                           const struct dname_key *hint, const struct link **out)
{
    if (hint != NULL) {
        struct link *hinted = place_of(chain, hint);
        if (holds(chain, hinted, hint) && covers(hinted, key)) {
            hinted->turn = chain->turn;
            *out = hinted;
            return RESULT_OK;
        }
    }
    struct dname_key before;
    enum result result = registry_near_key(chain->registry, SEEK_BEFORE, key, &before);
    /* The apex is before everything: that nothing is found is damage. */
    return result == RESULT_OK ? chain_at(chain, &before, out) : RESULT_DAMAGED;
}
