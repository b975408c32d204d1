/* RFC 1034 4.3.2 for a zone without delegations and wildcards: a name has a node, is an empty
 * non-terminal, or does not exist. */
#include "server/answering/decide.h"

#include "server/answering/denial.h"

/* Room for a name, valid as long as the answer. NULL if there is none, which no chain of CNAMEs
 * reaches. */
static struct dname *new_name(struct answer *answer)
{
    return answer->name_count < ANSWER_NAMES ? &answer->names[answer->name_count++] : NULL;
}

static bool add_set(struct answer *answer, const struct dname *owner, const struct rrset *set)
{
    return answer_add(answer, owner, set, NULL);
}

/* A place in the arena for at most `room` octets. arena_keep claims the octets that were
 * written. */
static uint8_t *arena_at(struct answer *answer, size_t room)
{
    return sizeof(answer->arena) - answer->used >= room ? answer->arena + answer->used : NULL;
}

static void arena_keep(struct answer *answer, const struct rrset *set)
{
    if (set->rdata == answer->arena + answer->used) {
        answer->used += set->rdata_len;
    }
}

static bool is_keyring_type(uint16_t type)
{
    return type == RR_DNSKEY || type == RR_CDS || type == RR_CDNSKEY;
}

/* An RRset of the node, of any type but NSEC, RRSIG, ANY and the SRV of a service. */
static bool node_set(struct answerer *answerer, const struct node *node, uint16_t type,
                     struct rrset *out)
{
    struct answer *answer = &answerer->answer;
    const struct zone_state *zone = answerer->snapshot.zone;
    uint8_t *scratch = arena_at(answer, NODE_SCRATCH);
    if (scratch == NULL) {
        return false;
    }
    bool found = false;
    if (node->kind == NODE_APEX && is_keyring_type(type)) {
        found = keyring_rrset(zone->keyring, &zone->settings.apex, type, zone->settings.ttl_s,
                              scratch, out);
    } else {
        uint8_t left_out = node->kind == NODE_MEMBER
                               ? candidates_left_out(&zone->deal->candidates, node->member_id)
                               : 0;
        found = node_rrset(node, &zone->settings, type, left_out, scratch, out);
    }
    if (found) {
        arena_keep(answer, out);
    }
    return found;
}

/* True if the member's name still exists. A member with a name of its own has none in the zone: it
 * leaves with the next zone state. */
static bool still_named(struct answerer *answerer, const struct candidate *candidate)
{
    const struct zone_state *zone = answerer->snapshot.zone;
    if (candidate->name == 0 || !snapshot_may_differ(&answerer->snapshot, candidate->name)) {
        return true;
    }
    const uint8_t *target = zone->deal->candidates.names + candidate->target;
    struct dname name = { .len = target[0] };
    struct dname_key key;
    struct node node;
    memcpy(name.wire, target + 1, name.len);
    dname_key_of(&key, &name, &zone->settings.apex);
    return registry_node(answerer->snapshot.registry, &key, answerer->near_data, &node) ==
               RESULT_OK &&
           node.member_id == candidate->member_id;
}

/* The set without members whose names are gone. So a member leaves SRV in the same transaction that
 * deletes its name, before there is a new zone state. */
static struct deck_set remaining_members(struct answerer *answerer, const struct deck_set *set)
{
    const struct candidate *list = answerer->snapshot.zone->deal->candidates.list;
    struct deck_set remaining = { .count = 0 };
    for (unsigned i = 0; i < set->count; i++) {
        if (still_named(answerer, &list[set->members[i]])) {
            remaining.members[remaining.count++] = set->members[i];
        }
    }
    return remaining;
}

/* The next set of an area, without members that were removed since the zone state was built. */
static bool add_next_set(struct answerer *answerer, const struct dname *owner, bool is_qname,
                         uint16_t area, uint16_t cell)
{
    const struct zone_state *zone = answerer->snapshot.zone;
    struct answer *answer = &answerer->answer;
    uint32_t turn = counters_turn(answerer->snapshot.counters, area, cell, &answer->due);
    struct srv_choice choice = zone_state_srv(zone, area, turn);
    bool current = zone_state_is_current(zone, answerer->snapshot.registry);
    struct deck_set remaining = { .count = 0 };
    if (choice.set != NULL && !current) {
        remaining = remaining_members(answerer, choice.set);
    }
    bool whole = choice.set == NULL || current || remaining.count == choice.set->count;
    if (choice.srv != NULL && whole) {
        /* A block is for the qname, not for the target of a CNAME. */
        static const struct rrset of_block = { .type = RR_SRV };
        bool holds = is_qname && !answer->signatures_only &&
                     zone_state_blocks_hold(zone, answerer->snapshot.now);
        return answer_add(answer, owner, holds ? &of_block : choice.srv,
                          holds ? choice.block : NULL);
    }
    struct rrset set;
    uint8_t *scratch = arena_at(answer, DECK_SRV_SCRATCH);
    if (scratch == NULL) {
        return false;
    }
    deck_srv(remaining.count > 0 ? &remaining : NULL, &zone->deal->candidates,
             zone->settings.srv_weights, zone->settings.srv_ttl_s, scratch, &set);
    arena_keep(answer, &set);
    return add_set(answer, owner, &set);
}

/* The scope prefix length for a subnet, in bits of its family: an IPv4 address may be mapped to
 * IPv6. */
static uint8_t scope_of(const struct client_subnet *subnet, const struct location *location)
{
    bool mapped = subnet->family == 2 && address_is_ipv4(&subnet->address);
    return (uint8_t)(location->scope + (mapped ? 96 : 0));
}

/* The SRV RRset of the service name for a client there. */
static bool add_located_set(struct answerer *answerer, const struct query *query,
                            const struct location *location, const struct dname *owner)
{
    const struct zone_state *zone = answerer->snapshot.zone;
    const struct client_subnet *subnet = query_subnet(query);
    answerer->answer.scope = subnet != NULL ? scope_of(subnet, location) : 0;
    return add_next_set(answerer, owner, owner == &query->qname,
                        steering_area(&zone->deal->shared->steering, location->cell),
                        location->cell);
}

/* The area of the region whose service name this is; STEERING_NONE if no member is eligible
 * there. */
static uint16_t region_area(const struct deal *deal, const struct dname_key *key)
{
    const char *label = (const char *)key->octets;
    uint16_t region = region_of_label(label, strnlen(label, key->len));
    return region == REGION_NONE ? STEERING_NONE : deal->shared->steering.of_region[region];
}

/* The SRV RRset of a service name. That of a region is the same for all clients. */
static bool add_srv(struct answerer *answerer, const struct query *query,
                    const struct address *source, const struct dname *owner,
                    const struct dname_key *key)
{
    const struct zone_state *zone = answerer->snapshot.zone;
    if (dname_key_compare(key, &zone->service_key) != 0) {
        return add_next_set(answerer, owner, owner == &query->qname, region_area(zone->deal, key),
                            COUNTERS_NO_CELL);
    }
    struct location location = asking_locate(&answerer->snapshot, query, source);
    return add_located_set(answerer, query, &location, owner);
}

/* For ANY and RRSIG: one RRset of the name is enough (RFC 8482 4.1). */
static uint16_t first_type(const struct answerer *answerer, const struct node *node)
{
    uint16_t types[NSEC_CHAIN_TYPES_MAX];
    return nsec_chain_types(answerer->snapshot.zone, node, types) > 0 ? types[0] : 0;
}

/* The RRset of the qtype at a node, or its CNAME. NOT_FOUND: NODATA. */
static enum result node_answer(struct answerer *answerer, const struct query *query,
                               const struct address *source, const struct dname *owner,
                               const struct dname_key *key, const struct node *node)
{
    struct answer *answer = &answerer->answer;
    struct rrset set;
    uint16_t type = query->qtype;
    if (type == RR_ANY || type == RR_RRSIG) {
        answer->signatures_only = type == RR_RRSIG;
        type = first_type(answerer, node);
    }
    if (type == RR_NSEC) {
        return denial_add_nsec(answer, &answerer->chain, key);
    }
    if (type == RR_SRV && node->kind == NODE_SERVICE) {
        bool added = add_srv(answerer, query, source, owner, key);
        answer->due.turn =
            answer->signatures_only ? NULL : answer->due.turn; /* hands out no member */
        return added ? RESULT_OK : RESULT_TOO_LONG;
    }
    if (type == RR_TXT && node->kind == NODE_WHOAMI && !answer->signatures_only) {
        enum result result = whoami_add(answer, &answerer->whoami, query, source, owner);
        if (result != RESULT_EXHAUSTED) {
            return result;
        }
        /* The text that says nothing of the client is the same for all, and signed already. */
    }
    if (node_set(answerer, node, type, &set) || node_set(answerer, node, RR_CNAME, &set)) {
        return add_set(answer, owner, &set) ? RESULT_OK : RESULT_TOO_LONG;
    }
    return RESULT_NOT_FOUND;
}

/* The target of the last RRset if that is a CNAME to be followed. NULL if it is none, leaves the
 * zone, loops, or is one too many. */
static const struct dname *alias_target(struct answerer *answerer, const struct query *query)
{
    struct answer *answer = &answerer->answer;
    const struct rrset *last = &answer->sets[answer->total - 1].set;
    if (last->type != RR_CNAME || query->qtype == RR_CNAME || query->qtype == RR_ANY ||
        answer->signatures_only || answer->total >= ANSWER_CNAMES) {
        return NULL;
    }
    struct dname *target = new_name(answer);
    struct reader r = reader_of(last->rdata + 2, last->rdata_len - 2);
    if (target == NULL) {
        return NULL;
    }
    dname_read(&r, target);
    if (r.failed || !dname_under(target, &answerer->snapshot.zone->settings.apex)) {
        return NULL;
    }
    for (unsigned i = 0; i < answer->total; i++) { /* a loop: no record twice, RFC 2181 5 */
        if (dname_equal(answer->sets[i].owner, target)) {
            return NULL;
        }
    }
    return target;
}

static bool is_cached_type(uint16_t type)
{
    return type == RR_A || type == RR_AAAA || type == RR_CAA;
}

/* Caches the first RRset of the answer, which is a member's. */
static void cache_first(struct answerer *answerer, const struct answer_cache_key *what,
                        uint64_t member_id)
{
    struct answer_rrset *found = &answerer->answer.sets[0];
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset signatures;
    if (signer_sign(answerer->snapshot.signer, found->owner, &found->set, answerer->snapshot.now,
                    scratch, &signatures) != RESULT_OK) {
        return;
    }
    const struct cached_answer_parts parts = { member_id,
                                               { NULL, &found->set, &signatures, 0 },
                                               NULL };
    bool put = answer_cache_put(answerer->snapshot.cache, what, &parts, &answerer->cached);
    found->block = put ? &answerer->cached.block : NULL;
}

static enum answer_kind kind_of(const struct node *node)
{
    switch (node->kind) {
    case NODE_APEX:
        return ANSWER_APEX;
    case NODE_MEMBER:
        return ANSWER_MEMBER;
    case NODE_SERVICE:
        return node->members > 0 ? ANSWER_REGION : ANSWER_SERVICE;
    case NODE_STATIC:
    case NODE_WHOAMI:
        return ANSWER_STATIC;
    }
    return ANSWER_OTHER;
}

/* A block that answers the question: a member's from the cache, or the apex's, whose NS may be
 * older than the transaction. NULL: there is none. */
static const struct block *ready_block(struct answerer *answerer, uint16_t type,
                                       const struct answer_cache_key *what)
{
    const struct snapshot *snapshot = &answerer->snapshot;
    if (is_cached_type(type) && answer_cache_find(snapshot->cache, what, &answerer->cached)) {
        answerer->answer.kind = ANSWER_MEMBER;
        return &answerer->cached.block;
    }
    if (what->name->len > 0 || snapshot_may_differ(snapshot, dname_key_hash(what->name))) {
        return NULL;
    }
    const struct block *block = zone_state_apex_block(snapshot->zone, type, snapshot->now);
    answerer->answer.kind = block != NULL ? ANSWER_APEX : ANSWER_OTHER;
    return block;
}

/* The answer for one name: from a block, else from its node. */
static enum result name_answer(struct answerer *answerer, const struct asking *asking,
                               const struct dname *owner, const struct dname_key *key)
{
    struct answer *answer = &answerer->answer;
    const struct query *query = asking->query;
    const struct answer_cache_key *what = &asking->qname->asked;
    bool asked = owner == &query->qname;
    const struct block *block = asked ? ready_block(answerer, query->qtype, what) : NULL;
    if (block != NULL) {
        const struct rrset set = { .type = query->qtype };
        (void)answer_add(answer, owner, &set, block);
        answer->answer_count = answer->total;
        return RESULT_OK;
    }
    struct node node;
    enum result result =
        registry_node(answerer->snapshot.registry, key, answerer->node_data, &node);
    if (result == RESULT_OK) {
        answer->kind = kind_of(&node);
        result = node_answer(answerer, query, asking->source, owner, key, &node);
        if (result == RESULT_NOT_FOUND) {
            return denial_of_type(answer, &answerer->chain, query, key);
        }
    }
    if (result != RESULT_OK) {
        return result;
    }
    answer->answer_count = answer->total;
    if (asked && is_cached_type(query->qtype) && node.kind == NODE_MEMBER) {
        cache_first(answerer, what, node.member_id);
    }
    return RESULT_OK;
}

static enum result decide(struct answerer *answerer, const struct asking *asking)
{
    struct answer *answer = &answerer->answer;
    const struct query *query = asking->query;
    const struct qname_info *qname = asking->qname;
    const struct dname *owner = &query->qname;
    const struct dname_key *key = &qname->key;
    struct dname_key alias_key;
    if (qname->service) {
        answer->kind = ANSWER_SERVICE;
        bool added = add_located_set(answerer, query, &qname->location, owner);
        answer->answer_count = answer->total;
        return added ? RESULT_OK : RESULT_TOO_LONG;
    }
    if (qname->missing) {
        answer->kind = ANSWER_MISSING;
        return denial_of_name(answer, &answerer->chain, query, key, &qname->covering);
    }
    while (owner != NULL) {
        answer->answer_count = answer->total;
        enum result result = name_answer(answerer, asking, owner, key);
        if (result == RESULT_NOT_FOUND) {
            answer->kind = ANSWER_MISSING;
            return denial_of_name(answer, &answerer->chain, query, key, NULL);
        }
        if (result != RESULT_OK) {
            return result;
        }
        owner = alias_target(answerer, query);
        if (owner != NULL) { /* the CNAME must outlive the buffer of its node */
            struct rrset *alias = &answer->sets[answer->total - 1].set;
            uint8_t *copy = arena_at(answer, alias->rdata_len);
            if (copy == NULL) {
                return RESULT_TOO_LONG;
            }
            memcpy(copy, alias->rdata, alias->rdata_len);
            alias->rdata = copy;
            arena_keep(answer, alias);
            dname_key_of(&alias_key, owner, &answerer->snapshot.zone->settings.apex);
            key = &alias_key;
        }
    }
    return RESULT_OK;
}

void decide_begin(struct answerer *answerer)
{
    answerer->whoami.snapshot = &answerer->snapshot;
    nsec_chain_begin_batch(&answerer->chain, &answerer->snapshot);
    snapshot_begin(&answerer->snapshot);
}

void decide_end(struct answerer *answerer)
{
    snapshot_end(&answerer->snapshot);
}

const struct answer *decide_answer(struct answerer *answerer, const struct asking *asking)
{
    const uint16_t qtype = asking->query->qtype;
    struct answer *answer = &answerer->answer;
    nsec_chain_begin(&answerer->chain);
    answer->apex = &answerer->snapshot.zone->settings.apex;
    answer->rcode = RCODE_NOERROR;
    answer->kind = ANSWER_OTHER;
    answer->scope = 0;
    answer->signatures_only = answer->over_budget = false;
    answer->answer_count = answer->total = 0;
    answer->name_count = answer->used = 0;
    answer->due.turn = NULL;
    if (!asking->qname->in_zone) {
        answer->rcode = RCODE_REFUSED;
        return answer;
    }
    /* OPT is no qtype (RFC 6891 6.1.1), nor is NXNAME (RFC 9824 3.5). */
    if (qtype == RR_OPT || qtype == RR_NXNAME) {
        answer->rcode = RCODE_FORMERR;
        return answer;
    }
    if (decide(answerer, asking) != RESULT_OK) {
        answer->rcode = RCODE_SERVFAIL;
        answer->total = answer->answer_count = 0;
    }
    if (answer->over_budget) {
        counters_count(&answerer->snapshot.counters->over_budget);
        counter_add(&answerer->over_budget, 1);
    }
    return answer;
}
