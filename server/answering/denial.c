#include "server/answering/denial.h"

static enum result add_nsec(struct answer *answer, const struct nsec *nsec)
{
    return answer_add(answer, &nsec->owner, &nsec->nsec, nsec->block) ? RESULT_OK : RESULT_TOO_LONG;
}

/* The SOA of a negative answer. */
static bool add_soa(struct answerer *answerer)
{
    const struct zone_state *zone = answerer->zone;
    return answer_add(&answerer->answer, &zone->settings.apex, &zone->soa,
                      zone_state_blocks_hold(zone, answerer->now) ? &zone->soa_block : NULL);
}

enum result denial_add_nsec(struct answerer *answerer, const struct dname_key *key)
{
    const struct nsec *nsec = NULL;
    enum result result =
        nsec_chain_at(&answerer->chain, key, answerer->zone->settings.denial, &nsec);
    return result == RESULT_OK ? add_nsec(&answerer->answer, nsec) : result;
}

/* SOA, and the name's NSEC, whose bitmap lacks the type (RFC 4035 3.1.3.1, RFC 9824 3.2). */
enum result denial_of_type(struct answerer *answerer, const struct query *query,
                           const struct dname_key *key)
{
    if (!add_soa(answerer)) {
        return RESULT_TOO_LONG;
    }
    return query->dnssec_ok ? denial_add_nsec(answerer, key) : RESULT_OK;
}

/* The longest ancestor of `key` that exists, from its neighbour: what both begin with, whole
 * labels. */
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

/* The NSEC for the wildcard that could have answered: at the closest encloser of `key`, of which
 * `covering` tells (RFC 4035 3.1.3.2). Often it is the same. */
static enum result deny_wildcard(struct answerer *answerer, const struct dname_key *key,
                                 const struct nsec *covering)
{
    struct dname_key encloser = { .len = 0 }, wildcard;
    const struct nsec *nsec = NULL;
    common_ancestor(&encloser, key, &covering->key);
    common_ancestor(&encloser, key, &covering->next);
    if (encloser.len + 2 > DNAME_KEY_MAX) {
        return RESULT_TOO_LONG;
    }
    wildcard = encloser;
    wildcard.octets[wildcard.len++] = '*';
    wildcard.octets[wildcard.len++] = 0;
    if (nsec_chain_covers(covering, &wildcard)) {
        return RESULT_OK;
    }
    enum result result = nsec_chain_covering(&answerer->chain, &wildcard, &encloser, &nsec);
    return result == RESULT_OK ? add_nsec(&answerer->answer, nsec) : result;
}

/* True if `next`, the first name after `key` (empty: none), lies below it: then `key` is an empty
 * non-terminal (RFC 4592 2.2.2). */
static bool is_above(const struct dname_key *key, const struct dname_key *next)
{
    return next->len > 0 && dname_key_under(next, key);
}

/* The zone's chain says that the name is an empty non-terminal, by the NSEC that covers it, whose
 * next name lies below: NODATA. Or that it is missing, and all below it (RFC 8020): NXDOMAIN, with
 * an NSEC for the name and one for the wildcard. */
static enum result deny_by_chain(struct answerer *answerer, const struct dname_key *key,
                                 const struct dname_key *before)
{
    const struct nsec *nsec = NULL;
    enum result result = nsec_chain_covering(&answerer->chain, key, before, &nsec);
    if (result != RESULT_OK) {
        return result;
    }
    if (!add_soa(answerer)) {
        return RESULT_TOO_LONG;
    }
    result = add_nsec(&answerer->answer, nsec);
    if (result != RESULT_OK || is_above(key, &nsec->next)) {
        return result;
    }
    answerer->answer.rcode = RCODE_NXDOMAIN;
    return deny_wildcard(answerer, key, nsec);
}

/* RFC 9824 3.1 and 3.2: as if the name were there, with nothing but an NSEC. So who asks for that
 * gets it. EXHAUSTED, and nothing was added, if its signature is not in the budget. */
static enum result deny_compactly(struct answerer *answerer, const struct query *query,
                                  const struct dname_key *key, bool missing)
{
    struct answer *answer = &answerer->answer;
    const struct missing_name missing_name = { .key = key,
                                               .missing = missing,
                                               .asked = answer->total == 0,
                                               .signatures_only = query->qtype == RR_RRSIG };
    const struct nsec *nsec = NULL;
    enum result result = nsec_chain_missing_name(&answerer->chain, &missing_name, &nsec);
    if (result != RESULT_OK) {
        return result;
    }
    if (query->qtype == RR_NSEC || query->qtype == RR_RRSIG) {
        result = add_nsec(answer, nsec);
        answer->answer_count = answer->total;
        return result;
    }
    if (!add_soa(answerer)) {
        return RESULT_TOO_LONG;
    }
    /* RFC 9824 5.1 */
    answer->rcode =
        missing && (query->options & QUERY_COMPACT_OK) != 0 ? RCODE_NXDOMAIN : RCODE_NOERROR;
    return add_nsec(answer, nsec);
}

enum result denial_of_name(struct answerer *answerer, const struct query *query,
                           const struct dname_key *key, const struct dname_key *before)
{
    bool compact = answerer->zone->settings.denial == DENIAL_COMPACT;
    if (query->dnssec_ok && !compact) {
        return deny_by_chain(answerer, key, before);
    }
    struct dname_key next = { .len = 0 };
    enum result result = registry_near_key(answerer->registry, SEEK_AFTER, key, &next);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    bool missing = !is_above(key, &next);
    if (!query->dnssec_ok) { /* RFC 9824 5 */
        answerer->answer.rcode = missing ? RCODE_NXDOMAIN : RCODE_NOERROR;
        return add_soa(answerer) ? RESULT_OK : RESULT_TOO_LONG;
    }
    result = deny_compactly(answerer, query, key, missing);
    if (result != RESULT_EXHAUSTED) {
        return result;
    }
    /* The chain's links are few, and signed already: they deny names at no cost. */
    counters_count(&answerer->counters->over_budget);
    return deny_by_chain(answerer, key, before);
}
