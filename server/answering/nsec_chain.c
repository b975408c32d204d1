#include "server/answering/nsec_chain.h"

size_t nsec_chain_types(const struct zone_state *zone, const struct node *node,
                        uint16_t out[NSEC_CHAIN_TYPES_MAX])
{
    static const uint16_t of_keys[] = { RR_DNSKEY, RR_CDS, RR_CDNSKEY };
    uint8_t left_out = node->kind == NODE_MEMBER
                           ? candidates_left_out(&zone->deal->candidates, node->member_id)
                           : 0;
    size_t count = node_types(node, &zone->settings, left_out, out);
    for (size_t i = 0; node->kind == NODE_APEX && i < sizeof(of_keys) / sizeof(of_keys[0]); i++) {
        size_t at = count++;
        for (; at > 0 && out[at - 1] > of_keys[i]; at--) {
            out[at] = out[at - 1];
        }
        out[at] = of_keys[i];
    }
    return count;
}

void nsec_chain_begin_batch(struct nsec_chain *chain, const struct snapshot *snapshot)
{
    chain->snapshot = snapshot;
    chain->has_apex_wildcard = false;
}

void nsec_chain_begin(struct nsec_chain *chain)
{
    chain->used = 0;
}

static void copy_key(struct dname_key *out, const uint8_t *octets, uint16_t len)
{
    out->len = len;
    memcpy(out->octets, octets, len);
}

static struct nsec *next_nsec(struct nsec_chain *chain)
{
    ASSERT(chain->used < NSEC_CHAIN_NSECS);
    return &chain->nsecs[chain->used++];
}

/* The cache key of a name's NSEC. NXNAME, which is never cached otherwise, marks the compact
 * one. */
static struct answer_cache_key cache_key_of(const struct dname_key *key, enum denial form)
{
    return answer_cache_key_of(key, dname_key_hash(key),
                               form == DENIAL_COMPACT ? RR_NXNAME : RR_NSEC);
}

/* The cached NSEC. NULL if there is none. */
static const struct nsec *find(struct nsec_chain *chain, const struct answer_cache_key *what)
{
    struct nsec *nsec = next_nsec(chain);
    if (!answer_cache_find(chain->snapshot->cache, what, &nsec->cached)) {
        chain->used--;
        return NULL;
    }
    nsec->block = &nsec->cached.block;
    nsec->set.type = RR_NSEC;
    copy_key(&nsec->key, what->name->octets, what->name->len);
    copy_key(&nsec->next, nsec->cached.next, nsec->cached.next_len);
    return nsec;
}

/* RFC 9077 3: the NSEC's TTL is the lesser of SOA MINIMUM and SOA TTL. */
static uint32_t nsec_ttl(const struct settings *settings)
{
    return settings->negative_ttl_s < settings->ttl_s ? settings->negative_ttl_s : settings->ttl_s;
}

/* The next name in canonical order, the apex after the last (RFC 4034 4.1.1). */
static enum result find_next(const struct nsec_chain *chain, struct nsec *nsec, struct dname *next)
{
    const struct dname *apex = &chain->snapshot->zone->settings.apex;
    enum result result =
        registry_near_key(chain->snapshot->registry, SEEK_AFTER, &nsec->key, &nsec->next);
    if (result == RESULT_OK) {
        return dname_of_key(next, &nsec->next, apex);
    }
    *next = *apex;
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* The NSEC of a node. */
static enum result fill(const struct nsec_chain *chain, struct nsec *nsec,
                        const struct dname_key *key, enum denial form, const struct node *node)
{
    const struct settings *settings = &chain->snapshot->zone->settings;
    uint16_t types[NSEC_CHAIN_TYPES_MAX];
    size_t count = nsec_chain_types(chain->snapshot->zone, node, types);
    struct dname next;
    copy_key(&nsec->key, key->octets, key->len);
    nsec->next.len = 0;
    TRY(dname_of_key(&nsec->owner, key, &settings->apex));
    if (form == DENIAL_COMPACT) {
        next = nsec_successor(&nsec->owner, &settings->apex); /* RFC 9824 3.2 */
    } else {
        TRY(find_next(chain, nsec, &next));
    }
    return nsec_rdata(&next, types, count, nsec_ttl(settings), nsec->rdata, &nsec->set)
               ? RESULT_OK
               : RESULT_TOO_LONG;
}

/* Signs the NSEC and caches it. */
static enum result sign(struct nsec_chain *chain, struct nsec *nsec,
                        const struct answer_cache_key *what, uint64_t member_id)
{
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    TRY(signer_sign(chain->snapshot->signer, &nsec->owner, &nsec->set, chain->snapshot->now,
                    scratch, &signatures));
    const struct cached_answer_parts parts = { member_id,
                                               { &nsec->owner, &nsec->set, &signatures, 0 },
                                               &nsec->next };
    bool put = answer_cache_put(chain->snapshot->cache, what, &parts, &nsec->cached);
    nsec->block = put ? &nsec->cached.block : NULL;
    return RESULT_OK;
}

enum result nsec_chain_at(struct nsec_chain *chain, const struct dname_key *key, enum denial form,
                          const struct nsec **out)
{
    const struct answer_cache_key what = cache_key_of(key, form);
    *out = find(chain, &what);
    if (*out != NULL) {
        return RESULT_OK;
    }
    struct nsec *nsec = next_nsec(chain);
    struct node node;
    TRY(registry_node(chain->snapshot->registry, key, chain->node_data, &node));
    TRY(fill(chain, nsec, key, form, &node));
    TRY(sign(chain, nsec, &what, node.kind == NODE_MEMBER ? node.member_id : 0));
    *out = nsec;
    return RESULT_OK;
}

enum result nsec_chain_missing_name(struct nsec_chain *chain,
                                    const struct missing_name *missing_name,
                                    const struct nsec **out)
{
    static const uint16_t missing[] = { RR_RRSIG, RR_NSEC, RR_NXNAME };
    const struct settings *settings = &chain->snapshot->zone->settings;
    const struct rrset none = { .type = RR_RRSIG };
    struct nsec *nsec = next_nsec(chain);
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    TRY(dname_of_key(&nsec->owner, missing_name->key, &settings->apex));
    struct dname next = nsec_successor(&nsec->owner, &settings->apex);
    CHECK(nsec_rdata(&next, missing, missing_name->missing ? 3 : 2, nsec_ttl(settings), nsec->rdata,
                     &nsec->set));
    struct signer *signer =
        missing_name->missing ? chain->snapshot->limited_signer : chain->snapshot->signer;
    TRY(signer_sign(signer, &nsec->owner, &nsec->set, chain->snapshot->now, scratch, &signatures));
    bool signatures_only = missing_name->signatures_only;
    const struct block_parts parts = { .owner = missing_name->asked ? NULL : &nsec->owner,
                                       .set = signatures_only ? &signatures : &nsec->set,
                                       .signatures = signatures_only ? &none : &signatures };
    CHECK(block_make(&chain->missing_block, chain->missing_wire, sizeof(chain->missing_wire),
                     &settings->apex, &parts));
    nsec->block = &chain->missing_block;
    *out = nsec;
    return RESULT_OK;
}

/* True if the name lies between the owner and the next name. */
static bool covers(const struct nsec *nsec, const struct dname_key *key)
{
    return dname_key_compare(&nsec->key, key) < 0 &&
           (nsec->next.len == 0 || dname_key_compare(key, &nsec->next) < 0);
}

enum result nsec_chain_covering(struct nsec_chain *chain, const struct dname_key *key,
                                const struct answer_cache_key *hint, const struct nsec **out)
{
    const struct nsec *hinted = hint == NULL ? NULL : find(chain, hint);
    if (hinted != NULL && covers(hinted, key)) {
        *out = hinted;
        return RESULT_OK;
    }
    chain->used -= hinted != NULL;
    struct dname_key before;
    /* The apex is before all other names: to find none is damage. */
    return registry_near_key(chain->snapshot->registry, SEEK_BEFORE, key, &before) == RESULT_OK
               ? nsec_chain_at(chain, &before, DENIAL_NSEC, out)
               : RESULT_DAMAGED;
}

static bool same_owner(const struct nsec *a, const struct nsec *b)
{
    return a->key.len == b->key.len && memcmp(a->key.octets, b->key.octets, a->key.len) == 0;
}

/* Keeps a cached NSEC for the batch: what it points to stays as long. */
static void keep(struct nsec *out, const struct nsec *nsec)
{
    out->cached = nsec->cached;
    out->block = &out->cached.block;
    out->set.type = RR_NSEC;
    copy_key(&out->key, nsec->key.octets, nsec->key.len);
    copy_key(&out->next, nsec->next.octets, nsec->next.len);
}

enum result nsec_chain_wildcard(struct nsec_chain *chain, const struct dname_key *at,
                                const struct nsec *covering, const struct nsec **out)
{
    bool is_apex = at->len == 0;
    if (is_apex && chain->has_apex_wildcard) {
        const struct nsec *kept = &chain->apex_wildcard;
        *out = same_owner(covering, kept) ? covering : kept;
        return RESULT_OK;
    }
    struct dname_key wildcard;
    if (at->len + 2 > DNAME_KEY_MAX) {
        return RESULT_TOO_LONG;
    }
    copy_key(&wildcard, at->octets, at->len);
    wildcard.octets[wildcard.len++] = '*';
    wildcard.octets[wildcard.len++] = 0;
    *out = covering;
    if (!covers(covering, &wildcard)) {
        const struct answer_cache_key hint = cache_key_of(at, DENIAL_NSEC);
        TRY(nsec_chain_covering(chain, &wildcard, &hint, out));
    }
    if (is_apex && (*out)->block != NULL) {
        keep(&chain->apex_wildcard, *out);
        chain->has_apex_wildcard = true;
    }
    return RESULT_OK;
}
