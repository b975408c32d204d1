#include "server/answering/chain.h"

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
    chain->used = 0;
}

static void copy_key(struct dname_key *out, const uint8_t *octets, uint16_t len)
{
    out->len = len;
    memcpy(out->octets, octets, len);
}

static struct link *next_link(struct chain *chain)
{
    ASSERT(chain->used < CHAIN_LINKS);
    return &chain->links[chain->used++];
}

/* By which the link of a name is kept: NXNAME, which nobody else keeps, marks the compact one. */
static struct kept_key kept_key_of(const struct dname_key *key, enum denial form)
{
    return (struct kept_key){ key, form == DENIAL_COMPACT ? RR_NXNAME : RR_NSEC };
}

static const struct link *link_of(struct chain *chain, const struct kept *kept)
{
    struct link *link = next_link(chain);
    link->block = &kept->block;
    link->nsec.type = RR_NSEC;
    copy_key(&link->key, kept->octets, kept->key_len);
    copy_key(&link->next, kept->octets + kept->key_len, kept->next_len);
    return link;
}

/* RFC 9077 3: the NSEC's TTL is the lesser of SOA MINIMUM and SOA TTL. */
static uint32_t nsec_ttl(const struct settings *settings)
{
    return settings->negative_ttl_s < settings->ttl_s ? settings->negative_ttl_s : settings->ttl_s;
}

/* The next name in canonical order, the apex after the last (RFC 4034 4.1.1). */
static enum result find_next(const struct chain *chain, struct link *link, struct dname *next)
{
    const struct dname *apex = &chain->view->settings.apex;
    enum result result = registry_near_key(chain->registry, SEEK_AFTER, &link->key, &link->next);
    if (result == RESULT_OK) {
        return dname_of_key(next, &link->next, apex);
    }
    *next = *apex;
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* The NSEC of a node. */
static enum result fill(const struct chain *chain, struct link *link, const struct dname_key *key,
                        enum denial form, const struct node *node)
{
    const struct settings *settings = &chain->view->settings;
    uint16_t types[CHAIN_TYPES_MAX];
    size_t count = chain_types(chain->view, node, types);
    struct dname next;
    copy_key(&link->key, key->octets, key->len);
    link->next.len = 0;
    enum result result = dname_of_key(&link->owner, key, &settings->apex);
    if (result == RESULT_OK && form == DENIAL_COMPACT) {
        next = denial_after(&link->owner, &settings->apex); /* RFC 9824 3.2 */
    } else if (result == RESULT_OK) {
        result = find_next(chain, link, &next);
    }
    if (result == RESULT_OK &&
        !denial_nsec(&next, types, count, nsec_ttl(settings), link->rdata, &link->nsec)) {
        result = RESULT_TOO_LONG;
    }
    return result;
}

static enum result keep(struct chain *chain, struct link *link, const struct kept_key *what,
                        uint64_t member_id)
{
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    enum result result =
        signer_sign(chain->signer, &link->owner, &link->nsec, chain->now, scratch, &signatures);
    if (result != RESULT_OK) {
        return result;
    }
    const struct kept_parts parts = {
        member_id, {&link->owner, &link->nsec, &signatures, 0},
         &link->next
    };
    const struct kept *kept = kept_put(chain->kept, what, &parts);
    link->block = kept == NULL ? NULL : &kept->block;
    return RESULT_OK;
}

enum result chain_at(struct chain *chain, const struct dname_key *key, enum denial form,
                     const struct link **out)
{
    const struct kept_key what = kept_key_of(key, form);
    const struct kept *kept = kept_find(chain->kept, &what);
    if (kept != NULL) {
        *out = link_of(chain, kept);
        return RESULT_OK;
    }
    struct link *link = next_link(chain);
    struct node node;
    enum result result = registry_node(chain->registry, key, chain->node_data, &node);
    if (result == RESULT_OK) {
        result = fill(chain, link, key, form, &node);
    }
    if (result == RESULT_OK) {
        result = keep(chain, link, &what, node.kind == NODE_MEMBER ? node.member_id : 0);
    }
    if (result == RESULT_OK) {
        *out = link;
    }
    return result;
}

enum result chain_lone(struct chain *chain, const struct lone *lone, const struct link **out)
{
    static const uint16_t missing[] = { RR_RRSIG, RR_NSEC, RR_NXNAME };
    const struct settings *settings = &chain->view->settings;
    const struct rrset none = { .type = RR_RRSIG };
    struct link *link = next_link(chain);
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    enum result result = dname_of_key(&link->owner, lone->key, &settings->apex);
    if (result != RESULT_OK) {
        return result;
    }
    struct dname next = denial_after(&link->owner, &settings->apex);
    ASSERT(denial_nsec(&next, missing, lone->missing ? 3 : 2, nsec_ttl(settings), link->rdata,
                       &link->nsec));
    struct signer *signer = lone->missing ? chain->limited_signer : chain->signer;
    result = signer_sign(signer, &link->owner, &link->nsec, chain->now, scratch, &signatures);
    if (result != RESULT_OK) {
        return result;
    }
    const struct block_parts parts = { .owner = lone->asked ? NULL : &link->owner,
                                       .set = lone->signatures_only ? &signatures : &link->nsec,
                                       .signatures = lone->signatures_only ? &none : &signatures };
    ASSERT(block_make(&chain->lone_block, chain->lone_wire, sizeof(chain->lone_wire),
                      &settings->apex, &parts));
    link->block = &chain->lone_block;
    *out = link;
    return RESULT_OK;
}

bool chain_covers(const struct link *link, const struct dname_key *key)
{
    return dname_key_compare(&link->key, key) < 0 &&
           (link->next.len == 0 || dname_key_compare(key, &link->next) < 0);
}

enum result chain_covering(struct chain *chain, const struct dname_key *key,
                           const struct dname_key *hint, const struct link **out)
{
    const struct kept_key what = kept_key_of(hint, DENIAL_NSEC);
    const struct kept *hinted = hint == NULL ? NULL : kept_find(chain->kept, &what);
    if (hinted != NULL) {
        const struct link *link = link_of(chain, hinted);
        if (chain_covers(link, key)) {
            *out = link;
            return RESULT_OK;
        }
        chain->used--;
    }
    struct dname_key before;
    /* The apex is before everything: that nothing is found is damage. */
    return registry_near_key(chain->registry, SEEK_BEFORE, key, &before) == RESULT_OK
               ? chain_at(chain, &before, DENIAL_NSEC, out)
               : RESULT_DAMAGED;
}
