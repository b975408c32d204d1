/* The group steering: what clients in a dozen networks are handed out, by each server. */
#include <stdio.h>

#include "tools/check/check_srv.h"

enum {
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    NETWORK_BITS = 48, /* of IPv6, for "the same network" */
    WHY_ROOM = 200
};

/* Judges one answer. CHECK_OK, or the level with the reason in `why`. */
typedef enum check_level judge_fn(const struct check *check, const struct srv_view *view,
                                  unsigned subnet, const struct srv_answer *answer, char *why);

static enum check_level judge_service(const struct check *check, const struct srv_view *view,
                                      unsigned subnet, const struct srv_answer *answer, char *why)
{
    (void)check, (void)view, (void)subnet;
    char rcode[16];
    if (answer->none) {
        (void)snprintf(why, WHY_ROOM, "the SRV record says that there is no service");
        return CHECK_ERROR;
    }
    if (answer->count == 0) {
        (void)snprintf(why, WHY_ROOM, "no SRV record: %s", dns_rcode_text(answer->rcode, rcode));
        return CHECK_ERROR;
    }
    return CHECK_OK;
}

/* With a state as many targets as explain says, else at least two. */
static enum check_level judge_targets(const struct check *check, const struct srv_view *view,
                                      unsigned subnet, const struct srv_answer *answer, char *why)
{
    (void)view;
    unsigned wanted = check->expected != NULL ? check->expected->per_set[subnet] : 2;
    if (answer->count == 0 || answer->count >= wanted) {
        return CHECK_OK;
    }
    (void)snprintf(why, WHY_ROOM, "%u target%s, not %u%s", answer->count,
                   answer->count > 1 ? "s" : "", wanted, check->expected != NULL ? "" : " or more");
    return CHECK_WARNING;
}

static enum check_level judge_ecs(const struct check *check, const struct srv_view *view,
                                  unsigned subnet, const struct srv_answer *answer, char *why)
{
    (void)view;
    const struct dns_subnet *sent = &check->options.subnets[subnet], *got = &answer->subnet;
    if (!got->present) {
        (void)snprintf(why, WHY_ROOM, "the client subnet is ignored");
        return CHECK_WARNING;
    }
    if (!address_equal(&got->address, &sent->address) || got->source_bits != sent->source_bits) {
        (void)snprintf(why, WHY_ROOM, "another client subnet came back: resolvers drop the answer");
        return CHECK_ERROR;
    }
    return CHECK_OK;
}

/* A scope over the source is right: it says that the answer is for a smaller network. */
static enum check_level judge_scope(const struct check *check, const struct srv_view *view,
                                    unsigned subnet, const struct srv_answer *answer, char *why)
{
    (void)view;
    unsigned most =
        address_is_ipv4(&check->options.subnets[subnet].address) ? IPV4_BITS : IPV6_BITS;
    if (answer->subnet.present && answer->subnet.scope_bits > most) {
        (void)snprintf(why, WHY_ROOM, "scope %u of an address of %u bits",
                       answer->subnet.scope_bits, most);
        return CHECK_ERROR;
    }
    return CHECK_OK;
}

static bool share_network(const struct srv_target *a, const struct srv_target *b)
{
    for (unsigned i = 0; i < a->count; i++) {
        struct address network = address_network(&a->addresses[i], NETWORK_BITS);
        for (unsigned k = 0; k < b->count; k++) {
            struct address other = address_network(&b->addresses[k], NETWORK_BITS);
            if (address_equal(&network, &other)) {
                return true;
            }
        }
    }
    return false;
}

/* True if both would likely fail together: by the state's failure domains, else by network. */
static bool fail_together(const struct check *check, const struct srv_target *a,
                          const struct srv_target *b)
{
    if (check->expected != NULL) {
        size_t left = check_expected_find(check->expected, &a->name);
        size_t right = check_expected_find(check->expected, &b->name);
        if (left != SIZE_MAX && right != SIZE_MAX) {
            const struct expected_member *members = check->expected->members;
            return members[left].in && members[right].in &&
                   members[left].domain == members[right].domain;
        }
    }
    return share_network(a, b);
}

/* Whether another choice was there: as many targets of which no two fail together, among all that
 * any server hands out. */
static bool could_differ(const struct check *check, const struct srv_view *view, unsigned wanted)
{
    size_t chosen[SRV_TARGETS_MAX];
    unsigned count = 0;
    for (size_t i = 0; i < view->target_count && count < wanted; i++) {
        bool apart = view->targets[i].handed_out && view->targets[i].count > 0;
        for (unsigned k = 0; apart && k < count; k++) {
            apart = !fail_together(check, &view->targets[i], &view->targets[chosen[k]]);
        }
        if (apart) {
            chosen[count++] = i;
        }
    }
    return count == wanted;
}

static enum check_level judge_diversity(const struct check *check, const struct srv_view *view,
                                        unsigned subnet, const struct srv_answer *answer, char *why)
{
    (void)subnet;
    for (unsigned i = 1; i < answer->count; i++) {
        const struct srv_target *a = &view->targets[answer->targets[i]];
        for (unsigned k = 0; k < i; k++) {
            const struct srv_target *b = &view->targets[answer->targets[k]];
            char left[DNAME_TEXT_MAX], right[DNAME_TEXT_MAX];
            if (fail_together(check, a, b) && could_differ(check, view, answer->count)) {
                (void)snprintf(why, WHY_ROOM, "%.60s and %.60s share an operator or a network",
                               dname_text(&b->name, left), dname_text(&a->name, right));
                return CHECK_WARNING;
            }
        }
    }
    return CHECK_OK;
}

static enum check_level judge_allowed(const struct check *check, const struct srv_view *view,
                                      unsigned subnet, const struct srv_answer *answer, char *why)
{
    const struct check_expected *expected = check->expected;
    for (unsigned i = 0; expected != NULL && i < answer->count; i++) {
        const struct srv_target *target = &view->targets[answer->targets[i]];
        const struct dname *name = &target->name;
        size_t member = check_expected_find(expected, name);
        char text[DNAME_TEXT_MAX];
        if (member == SIZE_MAX) {
            (void)snprintf(why, WHY_ROOM, "%.80s is no member", dname_text(name, text));
            return CHECK_ERROR;
        }
        if (!expected->members[member].in) {
            (void)snprintf(why, WHY_ROOM, "%.80s is handed out, but should not be: %.60s",
                           dname_text(name, text), expected->members[member].reason);
            return CHECK_ERROR;
        }
        if (target->port != expected->members[member].port) {
            (void)snprintf(why, WHY_ROOM, "%.80s at port %u, not %u", dname_text(name, text),
                           target->port, expected->members[member].port);
            return CHECK_ERROR;
        }
        if (!check_expected_allows(expected, subnet, member)) {
            (void)snprintf(why, WHY_ROOM, "%.80s is not for this client", dname_text(name, text));
            return CHECK_ERROR;
        }
    }
    return CHECK_OK;
}

/* Reports the first bad answer of each server. */
static void judge_all(struct check *check, const struct srv_view *view, enum check_id id,
                      judge_fn *judge)
{
    for (unsigned s = 0; s < view->server_count; s++) {
        enum check_level level = CHECK_OK;
        for (unsigned i = 0; level == CHECK_OK && i < view->subnet_count * view->rounds; i++) {
            const struct srv_answer *answer = &view->answers[i];
            unsigned subnet = i / view->rounds;
            char why[WHY_ROOM] = "", server[CHECK_SUBJECT_ROOM], client[CHECK_SUBJECT_ROOM];
            if (answer->server == view->servers[s] && answer->came) {
                level = judge(check, view, subnet, answer, why);
            }
            if (level != CHECK_OK) {
                check_report(
                    check, id, level, check_server_text(&check->servers[answer->server], server),
                    "for %s: %s", check_subnet_text(&check->options.subnets[subnet], client), why);
            }
        }
    }
}

/* All servers must say the same scope, else a cache keeps the answer for clients that another
 * server answers otherwise. */
static void judge_same_scope(struct check *check, const struct srv_view *view)
{
    for (unsigned subnet = 0; subnet < view->subnet_count; subnet++) {
        const struct srv_answer *first = NULL;
        for (unsigned i = 0; i < view->rounds; i++) {
            const struct srv_answer *answer = &view->answers[subnet * view->rounds + i];
            if (!answer->came || !answer->subnet.present) {
                continue;
            }
            first = first != NULL ? first : answer;
            if (answer->subnet.scope_bits != first->subnet.scope_bits) {
                char server[CHECK_SUBJECT_ROOM], client[CHECK_SUBJECT_ROOM];
                check_fail(check, CHECK_SAME_SCOPE,
                           check_server_text(&check->servers[answer->server], server),
                           "for %s: scope %u, and %u by another answer",
                           check_subnet_text(&check->options.subnets[subnet], client),
                           answer->subnet.scope_bits, first->subnet.scope_bits);
                return;
            }
        }
    }
}

/* Different targets that the server handed out, as far as they are among the first 64. */
static uint64_t seen_of(const struct srv_view *view, unsigned server)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < view->subnet_count * view->rounds; i++) {
        const struct srv_answer *answer = &view->answers[i];
        for (unsigned k = 0; answer->server == server && k < answer->count; k++) {
            seen |= answer->targets[k] < 64 ? UINT64_C(1) << answer->targets[k] : 0;
        }
    }
    return seen;
}

/* A server that always hands out the same targets, while there are at least as many others. With
 * fewer, one of little capacity may be missing by chance. The members of the state count only if
 * more than one subnet was asked for: all answers of one may be of its own area. */
static void judge_rotation(struct check *check, const struct srv_view *view)
{
    uint64_t all = 0;
    for (unsigned s = 0; s < view->server_count; s++) {
        all |= seen_of(view, view->servers[s]);
    }
    for (unsigned s = 0; s < view->server_count; s++) {
        uint64_t seen = seen_of(view, view->servers[s]);
        unsigned most = 0;
        for (unsigned i = 0; i < view->subnet_count * view->rounds; i++) {
            const struct srv_answer *answer = &view->answers[i];
            most =
                answer->server == view->servers[s] && answer->count > most ? answer->count : most;
        }
        unsigned known = (unsigned)__builtin_popcountll(all);
        if (check->expected != NULL && view->subnet_count > 1 && check->expected->in > known) {
            known = (unsigned)check->expected->in;
        }
        char server[CHECK_SUBJECT_ROOM];
        if (most > 0 && known >= 2 * most && (unsigned)__builtin_popcountll(seen) <= most) {
            check_fail(check, CHECK_ROTATION,
                       check_server_text(&check->servers[view->servers[s]], server),
                       "the same %u of %u targets in every answer", most, known);
        }
    }
    check_done(check, CHECK_ROTATION, "%zu targets in %u answers", view->target_count,
               view->subnet_count * view->rounds);
}

/* The answer to who does not tell the client's subnet is for everybody (RFC 7871 7.2.1). */
static void judge_everybody(struct check *check, const struct srv_view *view)
{
    for (unsigned i = 0; i < 2 * view->server_count; i++) {
        const struct srv_answer *answer = &view->everybody[i];
        char server[CHECK_SUBJECT_ROOM], rcode[16];
        (void)check_server_text(&check->servers[answer->server], server);
        if (!answer->came || answer->rcode != DNS_NOERROR) {
            check_fail(check, CHECK_ECS_ZERO, server, "%s",
                       answer->came ? dns_rcode_text(answer->rcode, rcode) : "no answer");
        } else if (answer->subnet.present && answer->subnet.scope_bits > 0) {
            check_fail(check, CHECK_ECS_ZERO, server, "scope %u, not 0", answer->subnet.scope_bits);
        }
    }
    check_done(check, CHECK_ECS_ZERO, "a subnet of no bits is answered for everybody");
}

/* Names with the same records for everybody. */
static void judge_plain_names(struct check *check, const struct srv_view *view)
{
    for (size_t i = 0; i < view->target_count; i++) {
        char name[DNAME_TEXT_MAX];
        if (view->targets[i].scoped) {
            check_fail(check, CHECK_ECS_ADDRESS, dname_text(&view->targets[i].name, name),
                       "the addresses have a scope, though they are the same for all clients");
            return;
        }
    }
    check_done(check, CHECK_ECS_ADDRESS, "scope 0 for A, AAAA and CAA");
}

static void judge_place(struct check *check, const struct srv_view *view)
{
    for (unsigned i = 0; i < view->server_count; i++) {
        char server[CHECK_SUBJECT_ROOM];
        if (view->at_apex[i]) {
            check_fail(check, CHECK_PLACE,
                       check_server_text(&check->servers[view->servers[i]], server),
                       "SRV records stand at the pool's own name");
        }
    }
    check_done(check, CHECK_PLACE, "no SRV records at the pool's own name");
}

/* False if no server takes the client subnet: then there is no scope to judge. */
static bool has_scopes(const struct srv_view *view)
{
    bool found = false;
    for (unsigned i = 0; i < view->subnet_count * view->rounds; i++) {
        found = found || (view->answers[i].came && view->answers[i].subnet.present);
    }
    return found;
}

void check_steering(struct check *check)
{
    static const struct {
        enum check_id id;
        judge_fn *judge;
        const char *well;
    } rows[] = {
        { CHECK_SERVICE, judge_service, "SRV records for every client" },
        { CHECK_TARGETS, judge_targets, "as many targets as there should be" },
        { CHECK_DIVERSITY, judge_diversity, "no two targets of an answer fail together" },
        { CHECK_ECS, judge_ecs, "the client subnet is taken" },
        { CHECK_SCOPE, judge_scope, "the scopes are of the address family" },
        { CHECK_ALLOWED, judge_allowed, "only members that should be handed out" },
    };
    const struct srv_view *view = check_srv(check);
    for (unsigned i = 0; i < view->silent_count; i++) {
        char server[CHECK_SUBJECT_ROOM];
        check_fail(check, CHECK_SERVICE,
                   check_server_text(&check->servers[view->silent[i].server], server), "%s",
                   view->silent[i].why.text);
    }
    if (view->server_count == 0) {
        if (view->silent_count == 0 && view->away_count > 0) {
            check_fail(check, CHECK_SERVICE, NULL, "this machine has no way to any name server");
        }
        return;
    }
    bool scopes = has_scopes(view);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool judged = rows[i].id == CHECK_ALLOWED ? check->expected != NULL
                                                  : rows[i].id != CHECK_SCOPE || scopes;
        if (judged) {
            judge_all(check, view, rows[i].id, rows[i].judge);
            check_done(check, rows[i].id, "%s", rows[i].well);
        }
    }
    judge_same_scope(check, view);
    if (scopes) {
        check_done(check, CHECK_SAME_SCOPE, "the servers say the same scopes");
    }
    judge_rotation(check, view);
    judge_everybody(check, view);
    judge_plain_names(check, view);
    judge_place(check, view);
}
