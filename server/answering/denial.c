#include "server/answering/denial.h"

static enum result add_nsec(struct answer *answer, const struct nsec *nsec)
{
    return answer_add(answer, &nsec->owner, &nsec->set, nsec->block) ? RESULT_OK : RESULT_TOO_LONG;
}

/* The SOA of a negative answer. */
static enum result add_soa(struct answer *answer, const struct nsec_chain *chain)
{
    const struct zone_state *zone = chain->snapshot->zone;
    const struct block *block = zone_state_apex_block(zone, RR_SOA, chain->snapshot->now);
    return answer_add(answer, &zone->settings.apex, &zone->soa, block) ? RESULT_OK
                                                                       : RESULT_TOO_LONG;
}

enum result denial_add_nsec(struct answer *answer, struct nsec_chain *chain,
                            const struct dname_key *key)
{
    const struct nsec *nsec = NULL;
    TRY(nsec_chain_at(chain, key, chain->snapshot->zone->settings.denial, &nsec));
    return add_nsec(answer, nsec);
}

/* The SOA, and the NSEC of the name, whose type bitmap lacks the type (RFC 4035 3.1.3.1, RFC 9824
 * 3.2). */
enum result denial_of_type(struct answer *answer, struct nsec_chain *chain,
                           const struct query *query, const struct dname_key *key)
{
    TRY(add_soa(answer, chain));
    return query->dnssec_ok ? denial_add_nsec(answer, chain, key) : RESULT_OK;
}

/* Replaces `best` by the common ancestor of `key` and its neighbour in the zone if that is
 * longer. */
static void common_ancestor(struct dname_key *best, const struct dname_key *key,
                            const struct dname_key *neighbour)
{
    uint16_t end = 0;
    for (uint16_t i = 0;
         i < key->len && i < neighbour->len && key->octets[i] == neighbour->octets[i]; i++) {
        if (key->octets[i] == 0) {
            end = (uint16_t)(i + 1);
        }
    }
    if (end > best->len) {
        memcpy(best->octets, key->octets, end);
        best->len = end;
    }
}

/* The NSEC that covers the wildcard at the closest encloser of `key` (RFC 4035 3.1.3.2). Both names
 * of `covering` tell the closest encloser. */
static enum result deny_wildcard(struct answer *answer, struct nsec_chain *chain,
                                 const struct dname_key *key, const struct nsec *covering)
{
    struct dname_key encloser;
    const struct nsec *nsec = NULL;
    encloser.len = 0;
    common_ancestor(&encloser, key, &covering->key);
    common_ancestor(&encloser, key, &covering->next);
    TRY(nsec_chain_wildcard(chain, &encloser, covering, &nsec));
    return nsec == covering ? RESULT_OK : add_nsec(answer, nsec);
}

/* True if `next`, the first name after `key` (empty: none), lies below `key`. Then `key` is an
 * empty non-terminal (RFC 4592 2.2.2). */
static bool is_above(const struct dname_key *key, const struct dname_key *next)
{
    return next->len > 0 && dname_key_under(next, key);
}

/* By the NSEC that covers the name. If its next name lies below, the name is an empty non-terminal:
 * NODATA. Else the name is missing and so is all below it (RFC 8020): NXDOMAIN, with another NSEC
 * for the wildcard. */
static enum result deny_by_chain(struct answer *answer, struct nsec_chain *chain,
                                 const struct dname_key *key, const struct answer_cache_key *before)
{
    const struct nsec *nsec = NULL;
    TRY(nsec_chain_covering(chain, key, before, &nsec));
    TRY(add_soa(answer, chain));
    TRY(add_nsec(answer, nsec));
    if (is_above(key, &nsec->next)) {
        return RESULT_OK;
    }
    answer->rcode = RCODE_NXDOMAIN;
    return deny_wildcard(answer, chain, key, nsec);
}

/* RFC 9824 3.1 and 3.2: the name answers as if it existed with only an NSEC and its RRSIG, so a
 * query for these has an answer. EXHAUSTED, with nothing added, if the signature is over the
 * budget. */
static enum result deny_compactly(struct answer *answer, struct nsec_chain *chain,
                                  const struct query *query, const struct dname_key *key,
                                  bool missing)
{
    const struct missing_name missing_name = { .key = key,
                                               .missing = missing,
                                               .asked = answer->total == 0,
                                               .signatures_only = query->qtype == RR_RRSIG };
    const struct nsec *nsec = NULL;
    TRY(nsec_chain_missing_name(chain, &missing_name, &nsec));
    if (query->qtype == RR_NSEC || query->qtype == RR_RRSIG) {
        TRY(add_nsec(answer, nsec));
        answer->answer_count = answer->total;
        return RESULT_OK;
    }
    TRY(add_soa(answer, chain));
    /* RFC 9824 5.1 */
    answer->rcode =
        missing && (query->options & QUERY_COMPACT_OK) != 0 ? RCODE_NXDOMAIN : RCODE_NOERROR;
    return add_nsec(answer, nsec);
}

enum result denial_of_name(struct answer *answer, struct nsec_chain *chain,
                           const struct query *query, const struct dname_key *key,
                           const struct answer_cache_key *before)
{
    bool compact = chain->snapshot->zone->settings.denial == DENIAL_COMPACT;
    if (query->dnssec_ok && !compact) {
        return deny_by_chain(answer, chain, key, before);
    }
    struct dname_key next = { .len = 0 };
    enum result result = registry_near_key(chain->snapshot->registry, SEEK_AFTER, key, &next);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    bool missing = !is_above(key, &next);
    if (!query->dnssec_ok) { /* RFC 9824 5 */
        answer->rcode = missing ? RCODE_NXDOMAIN : RCODE_NOERROR;
        return add_soa(answer, chain);
    }
    result = deny_compactly(answer, chain, query, key, missing);
    if (result != RESULT_EXHAUSTED) {
        return result;
    }
    /* The NSECs of the chain are few and signed already, so they deny names at no cost. */
    answer->over_budget = true;
    return deny_by_chain(answer, chain, key, before);
}
