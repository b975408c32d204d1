/* RFC 1034 4.3.2 for a zone without delegations and wildcards: the name has a node, or is an empty non-terminal, or is missing. */
#include "server/answer.h"

#include "dnssec/denial.h"

/* Keeps a copy of the name for as long as the answer lasts. NULL when there is no room, which no zone of ours reaches. */
static struct dname *keep_name(struct answer *answer)
{
    return answer->name_count < ANSWER_NAMES ? &answer->names[answer->name_count++] : NULL;
}

static bool add_set(struct answer *answer, const struct dname *owner, const struct rrset *set)
{
    if (owner == NULL || answer->total == ANSWER_RRSETS) {
        return false;
    }
    answer->sets[answer->total++] = (struct answer_rrset){ .owner = owner, .set = *set };
    return true;
}

/* Room in the arena for something of at most `room` octets; used up by arena_keep. */
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

/* An RRset of the node, wherever it comes from; all types but NSEC, RRSIG, ANY and a service's SRV. */
static bool node_set(struct answerer *answerer, const struct node *node, uint16_t type,
                     struct rrset *out)
{
    struct answer *answer = &answerer->answer;
    const struct view *view = answerer->view;
    uint8_t *scratch = arena_at(answer, NODE_SCRATCH);
    if (scratch == NULL) {
        return false;
    }
    bool found = false;
    if (node->kind == NODE_APEX && is_keyring_type(type)) {
        found = keyring_rrset(view->keyring, &view->settings.apex, type, view->settings.ttl_s,
                              scratch, out);
    } else {
        uint8_t left_out =
            node->kind == NODE_MEMBER ? roster_left_out(&view->deal->roster, node->member_id) : 0;
        found = node_rrset(node, &view->settings, type, left_out, scratch, out);
    }
    if (found) {
        arena_keep(answer, out);
    }
    return found;
}

/* The types at a node for its NSEC, RRSIG and NSEC left to denial_nsec. */
static size_t node_bitmap(const struct answerer *answerer, const struct node *node,
                          uint16_t types[NODE_TYPES_MAX + 3])
{
    const struct view *view = answerer->view;
    uint8_t left_out =
        node->kind == NODE_MEMBER ? roster_left_out(&view->deal->roster, node->member_id) : 0;
    size_t count = node_types(node, &view->settings, left_out, types);
    if (node->kind == NODE_APEX) {
        static const uint16_t ours[] = { RR_DNSKEY, RR_CDS, RR_CDNSKEY };
        for (size_t i = 0; i < 3; i++) {
            size_t at = count++;
            for (; at > 0 && types[at - 1] > ours[i]; at--) {
                types[at] = types[at - 1];
            }
            types[at] = ours[i];
        }
    }
    return count;
}

/* The NSEC at a node: the next name of the zone in canonical order, the apex after the last (RFC 4034 4.1.1). */
static enum result node_nsec(struct answerer *answerer, const struct dname_key *key,
                             const struct node *node, struct rrset *out)
{
    struct answer *answer = &answerer->answer;
    const struct settings *settings = &answerer->view->settings;
    uint16_t types[NODE_TYPES_MAX + 3];
    size_t count = node_bitmap(answerer, node, types);
    struct dname_key next_key;
    struct dname next = settings->apex;
    /* The node is not needed any more once its types are known: its buffer serves the next one. */
    struct node next_node;
    enum result result = registry_near(answerer->registry, SEEK_AFTER, key, &next_key,
                                       answerer->near_data, &next_node);
    if (result == RESULT_OK) {
        result = dname_of_key(&next, &next_key, &settings->apex);
    } else if (result == RESULT_NOT_FOUND) {
        result = RESULT_OK;
    }
    if (result != RESULT_OK) {
        return result;
    }
    uint8_t *scratch = arena_at(answer, DENIAL_NSEC_MAX + 2);
    /* RFC 9077 3: the NSEC's TTL is the lesser of SOA MINIMUM and SOA TTL. */
    uint32_t ttl =
        settings->negative_ttl_s < settings->ttl_s ? settings->negative_ttl_s : settings->ttl_s;
    if (scratch == NULL || !denial_nsec(&next, types, count, ttl, scratch, out)) {
        return RESULT_TOO_LONG;
    }
    arena_keep(answer, out);
    return RESULT_OK;
}

/* The SOA of a negative answer, its TTL no longer than the denial may be kept (RFC 2308 3). */
static bool add_soa(struct answerer *answerer)
{
    const struct settings *settings = &answerer->view->settings;
    struct node apex = { .kind = NODE_APEX };
    struct rrset soa;
    if (!node_set(answerer, &apex, RR_SOA, &soa)) {
        return false;
    }
    soa.ttl = soa.ttl < settings->negative_ttl_s ? soa.ttl : settings->negative_ttl_s;
    return add_set(&answerer->answer, &settings->apex, &soa);
}

/* Adds the NSEC that covers `key`, a name that has no node, unless it is the one of `known`. Fills `known` with its owner. */
static enum result add_covering(struct answerer *answerer, const struct dname_key *key,
                                struct dname_key *known)
{
    struct answer *answer = &answerer->answer;
    struct dname_key before;
    struct node node;
    struct rrset nsec;
    enum result result =
        registry_near(answerer->registry, SEEK_BEFORE, key, &before, answerer->near_data, &node);
    if (result != RESULT_OK) {
        return result; /* the apex is before everything: NOT_FOUND is damage */
    }
    if (known->len <= DNAME_KEY_MAX && dname_key_compare(&before, known) == 0) {
        return RESULT_OK;
    }
    *known = before;
    struct dname *owner = keep_name(answer);
    if (owner == NULL) {
        return RESULT_TOO_LONG;
    }
    result = dname_of_key(owner, &before, &answerer->view->settings.apex);
    if (result == RESULT_OK) {
        result = node_nsec(answerer, &before, &node, &nsec);
    }
    if (result == RESULT_OK && !add_set(answer, owner, &nsec)) {
        result = RESULT_TOO_LONG;
    }
    return result;
}

/* NODATA at a node: SOA, and its NSEC, whose bitmap lacks the type (RFC 4035 3.1.3.1). */
static enum result no_data(struct answerer *answerer, const struct query *query,
                           const struct dname *owner, const struct dname_key *key,
                           const struct node *node)
{
    struct rrset nsec;
    bool ok = add_soa(answerer);
    if (ok && query->dnssec_ok) {
        ok = node_nsec(answerer, key, node, &nsec) == RESULT_OK &&
             add_set(&answerer->answer, owner, &nsec);
    }
    return ok ? RESULT_OK : RESULT_DAMAGED;
}

/* The longest ancestor of `key` that exists, from its neighbour: what both begin with, whole labels. */
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

/* No node has this name. With nodes below it, it is an empty non-terminal: NODATA, proven by the NSEC that covers it, whose next name
 * lies below (RFC 4035 3.1.3.2, RFC 4592 2.2.2). Else it is missing: NXDOMAIN, with an NSEC for the name and one for the wildcard at its closest
 * encloser (RFC 4035 3.1.3.2). */
static enum result no_name(struct answerer *answerer, const struct query *query,
                           const struct dname_key *key)
{
    struct answer *answer = &answerer->answer;
    struct dname_key next, known = { .len = UINT16_MAX };
    struct node node;
    enum result result =
        registry_near(answerer->registry, SEEK_AFTER, key, &next, answerer->near_data, &node);
    bool has_next = result == RESULT_OK;
    if (!has_next && result != RESULT_NOT_FOUND) {
        return result;
    }
    bool terminal =
        !(has_next && dname_key_under(&next, key)); /* RFC 8020: nothing below it either */
    answer->rcode = terminal ? RCODE_NXDOMAIN : RCODE_NOERROR;
    if (!add_soa(answerer)) {
        return RESULT_TOO_LONG;
    }
    if (!query->dnssec_ok) {
        return RESULT_OK;
    }
    result = add_covering(answerer, key, &known);
    if (result != RESULT_OK || !terminal) {
        return result;
    }
    struct dname_key wildcard = { .len = 0 };
    common_ancestor(&wildcard, key, &known);
    if (has_next) {
        common_ancestor(&wildcard, key, &next);
    }
    if (wildcard.len + 2 > DNAME_KEY_MAX) {
        return RESULT_TOO_LONG;
    }
    wildcard.octets[wildcard.len++] = '*';
    wildcard.octets[wildcard.len++] = 0;
    return add_covering(answerer, &wildcard, &known);
}

/* True if the member still has its name. One that brought its own name has none here: it leaves with the next view. */
static bool still_named(struct answerer *answerer, const struct candidate *candidate)
{
    const struct view *view = answerer->view;
    const uint8_t *target = view->deal->roster.names + candidate->target;
    struct dname name = { .len = target[0] };
    struct dname_key key;
    struct node node;
    memcpy(name.wire, target + 1, name.len);
    if (!dname_under(&name, &view->settings.apex)) {
        return true;
    }
    dname_key_of(&key, &name, &view->settings.apex);
    return registry_node(answerer->registry, &key, answerer->near_data, &node) == RESULT_OK &&
           node.member_id == candidate->member_id;
}

/* The set without members whose names are gone: between a removal and the next view, so that a member leaves SRV in the same
 * transaction that breaks its name. */
static struct deck_set standing_members(struct answerer *answerer, const struct deck_set *set)
{
    const struct candidate *list = answerer->view->deal->roster.list;
    struct deck_set standing = { .count = 0 };
    for (unsigned i = 0; i < set->count; i++) {
        if (still_named(answerer, &list[set->members[i]])) {
            standing.members[standing.count++] = set->members[i];
        }
    }
    return standing;
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

/* The next set for a client in `country`: as it was dealt, or, between a removal and the next view, less those who were removed. */
static bool add_next_set(struct answerer *answerer, const struct dname *owner, const char *country)
{
    const struct view *view = answerer->view;
    const struct roster *roster = &view->deal->roster;
    struct answer *answer = &answerer->answer;
    uint32_t turn = answerer->turn++;
    struct rrset set = *view_srv(view, country, turn);
    const struct deck_set *dealt = view_set(view, country, turn);
    struct deck_set drawn = { .count = 0 };
    if (dealt != NULL) {
        bool current = store_version(answerer->registry) == view->registry_version;
        drawn = current ? *dealt : standing_members(answerer, dealt);
    }
    if (dealt != NULL && drawn.count < dealt->count) {
        uint8_t *scratch = arena_at(answer, DECK_SRV_SCRATCH);
        if (scratch == NULL) {
            return false;
        }
        deck_srv(drawn.count > 0 ? &drawn : NULL, roster, view->settings.srv_weights,
                 view->settings.srv_ttl_s, scratch, &set);
        arena_keep(answer, &set);
    }
    if (!add_set(answer, owner, &set)) {
        return false;
    }
    answer->sets[answer->total - 1].first =
        drawn.count > 0 ? place_of_first(roster, &drawn, &set) : 0;
    return true;
}

/* The SRV set for the client: by the subnet it came with, else by where it came from (RFC 7871 7.2.1). */
static bool add_srv(struct answerer *answerer, const struct query *query,
                    const struct address *source)
{
    const struct view *view = answerer->view;
    bool subnet = query->subnet.present && query->subnet.source > 0;
    struct geo_place place = geo_find(view->places == NULL ? NULL : view->places->geo,
                                      subnet ? &query->subnet.address : source);
    answerer->answer.scope = subnet ? place.prefix : 0;
    return add_next_set(answerer, &query->qname, place.country);
}

/* ANY and RRSIG: one RRset of the name is enough (RFC 8482 4.1). */
static uint16_t first_type(const struct answerer *answerer, const struct node *node)
{
    uint16_t types[NODE_TYPES_MAX + 3];
    return node_bitmap(answerer, node, types) > 0 ? types[0] : 0;
}

/* The query's type at a node, or the CNAME there. NOT_FOUND: NODATA. */
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
        /* node_nsec overwrites the neighbours' buffer only, so the node stays whole. */
        enum result result = node_nsec(answerer, key, node, &set);
        return result == RESULT_OK && !add_set(answer, owner, &set) ? RESULT_TOO_LONG : result;
    }
    if (type == RR_SRV && node->kind == NODE_SERVICE) {
        return add_srv(answerer, query, source) ? RESULT_OK : RESULT_TOO_LONG;
    }
    if (node_set(answerer, node, type, &set) || node_set(answerer, node, RR_CNAME, &set)) {
        return add_set(answer, owner, &set) ? RESULT_OK : RESULT_TOO_LONG;
    }
    return RESULT_NOT_FOUND;
}

/* Where an alias that was just added leads; NULL if it was none, or leaves the zone, or is one too many. */
static const struct dname *alias_target(struct answerer *answerer, const struct query *query)
{
    struct answer *answer = &answerer->answer;
    const struct rrset *last = &answer->sets[answer->total - 1].set;
    if (last->type != RR_CNAME || query->qtype == RR_CNAME || query->qtype == RR_ANY ||
        answer->signatures_only || answer->total >= ANSWER_CNAMES) {
        return NULL;
    }
    struct dname *target = keep_name(answer);
    struct reader r = reader_of(last->rdata + 2, last->rdata_len - 2);
    if (target == NULL) {
        return NULL;
    }
    dname_read(&r, target);
    return !r.failed && dname_under(target, &answerer->view->settings.apex) ? target : NULL;
}

static enum result decide(struct answerer *answerer, const struct query *query,
                          const struct address *source)
{
    struct answer *answer = &answerer->answer;
    const struct dname *owner = &query->qname;
    while (owner != NULL) {
        struct dname_key key;
        struct node node;
        dname_key_of(&key, owner, &answerer->view->settings.apex);
        enum result result = registry_node(answerer->registry, &key, answerer->node_data, &node);
        if (result == RESULT_NOT_FOUND) {
            answer->answer_count = answer->total;
            return no_name(answerer, query, &key);
        }
        if (result == RESULT_OK) {
            result = node_answer(answerer, query, source, owner, &key, &node);
        }
        if (result == RESULT_NOT_FOUND) {
            answer->answer_count = answer->total;
            return no_data(answerer, query, owner, &key, &node);
        }
        if (result != RESULT_OK) {
            return result;
        }
        answer->answer_count = answer->total;
        owner = alias_target(answerer, query);
        if (owner != NULL) { /* the alias must outlive its node's buffer */
            struct rrset *alias = &answer->sets[answer->total - 1].set;
            uint8_t *copy = arena_at(answer, alias->rdata_len);
            if (copy == NULL) {
                return RESULT_TOO_LONG;
            }
            memcpy(copy, alias->rdata, alias->rdata_len);
            alias->rdata = copy;
            arena_keep(answer, alias);
        }
    }
    return RESULT_OK;
}

const struct answer *answer_decide(struct answerer *answerer, const struct query *query,
                                   const struct address *source)
{
    struct answer *answer = &answerer->answer;
    answer->apex = &answerer->view->settings.apex;
    answer->rcode = RCODE_NOERROR;
    answer->scope = 0;
    answer->signatures_only = false;
    answer->answer_count = answer->total = 0;
    answer->name_count = answer->used = 0;
    if (query->qclass != RR_CLASS_IN ||
        !dname_under(&query->qname, &answerer->view->settings.apex)) {
        answer->rcode = RCODE_REFUSED;
        return answer;
    }
    /* OPT is no type to ask for (RFC 6891 6.1.1), nor is NXNAME (RFC 9824 3.5). */
    if (query->qtype == RR_OPT || query->qtype == RR_NXNAME) {
        answer->rcode = RCODE_FORMERR;
        return answer;
    }
    if (decide(answerer, query, source) != RESULT_OK) {
        answer->rcode = RCODE_SERVFAIL;
        answer->total = answer->answer_count = 0;
    }
    return answer;
}
