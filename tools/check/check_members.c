/* The group members: what a client does with the answers, to the end: name, addresses, TCP, TLS,
 * NTS-KE, two NTP exchanges. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe/lookup.h"
#include "probe/probe_run.h"
#include "tools/check/check_srv.h"

enum {
    PROBES_AT_ONCE = 16,
    LOOKUPS_AT_ONCE = 16,
    DAY_S = 86400,
    CERTIFICATE_WARNING_S = 2 * DAY_S /* without a state, which has the pool's setting */
};

/* One address of one target. */
struct visit {
    struct round *round;
    size_t target; /* index in the view */
    struct address address;
    char name[DNAME_TEXT_MAX];
    struct probe_plan plan;
    struct association *association;
    bool unreachable; /* this machine has no route */
    bool good;
    enum check_id failed; /* the first check that it failed; CHECK_COUNT: none */
};

struct round {
    struct check *check;
    struct srv_view *view;
    uv_loop_t loop;
    struct tls_trust *trust;
    struct visit *visits;
    size_t count, room;
    size_t next, running;
    /* By target: its addresses that give time, that do not, and to which there is no route. */
    uint8_t *goods, *bads, *away;
};

static const char *subject_of(const struct visit *visit, char *out)
{
    char address[ADDRESS_TEXT_MAX];
    (void)snprintf(out, CHECK_SUBJECT_ROOM, "%.46s %s", visit->name,
                   address_text(&visit->address, address));
    return out;
}

/* The check that a failure belongs to. */
static enum check_id id_of(enum failure failure)
{
    if (failure <= FAILURE_ADDRESS || failure == FAILURE_RESOLVE_MISSING) {
        return CHECK_ADDRESS;
    }
    if (failure <= FAILURE_CONNECT_ERROR) {
        return CHECK_CONNECT;
    }
    if (failure <= FAILURE_TLS_TIMEOUT) {
        return CHECK_TLS;
    }
    if (failure <= FAILURE_CERT_NAME || failure == FAILURE_CERT_USAGE ||
        failure == FAILURE_CERT_STAPLE) {
        return CHECK_CERTIFICATE;
    }
    return failure <= FAILURE_KE_PORT ? CHECK_NTS_KE : CHECK_TIME;
}

static const struct expected_member *expected_of(const struct check *check,
                                                 const struct dname *name)
{
    size_t index = check->expected != NULL ? check_expected_find(check->expected, name) : SIZE_MAX;
    return index == SIZE_MAX ? NULL : &check->expected->members[index];
}

static void judge_certificate(struct check *check, const struct visit *visit,
                              const struct outcome *outcome)
{
    char subject[CHECK_SUBJECT_ROOM];
    uint64_t left = outcome->certificate.not_after - check->now;
    uint64_t warning =
        check->has_state ? check->settings.certificate_warning_s : CERTIFICATE_WARNING_S;
    if (outcome->certificate.not_after > check->now && left < warning) {
        check_report(check, CHECK_CERTIFICATE, CHECK_WARNING, subject_of(visit, subject),
                     "the certificate ends in %u days", (unsigned)(left / DAY_S));
    }
}

static void judge(struct visit *visit, const struct outcome *outcome)
{
    struct check *check = visit->round->check;
    const struct srv_target *target = &visit->round->view->targets[visit->target];
    const struct expected_member *expected = expected_of(check, &target->name);
    char subject[CHECK_SUBJECT_ROOM];
    visit->good = outcome->failure == FAILURE_NONE;
    visit->failed = visit->good ? CHECK_COUNT : id_of(outcome->failure);
    if (!target->handed_out && expected != NULL && !expected->in) {
        return; /* no client meets it */
    }
    if (visit->good) {
        judge_certificate(check, visit, outcome);
    } else {
        check_fail(check, visit->failed, subject_of(visit, subject), "%s: %s%s",
                   failure_id(outcome->failure), outcome->detail,
                   expected != NULL && expected->in ? "; the state says that it is well" : "");
    }
}

static void start_next(struct round *round);

static void probed(const struct outcome *outcome, void *arg)
{
    struct visit *visit = arg;
    struct round *round = visit->round;
    judge(visit, outcome);
    (visit->good ? round->goods : round->bads)[visit->target]++;
    round->running--;
    start_next(round);
}

/* True if this machine has a route to the address. Nothing is sent. */
static bool has_route(const struct endpoint *endpoint)
{
    struct sockaddr_storage to;
    socklen_t len = endpoint_to_sockaddr(endpoint, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && connect(fd, (const struct sockaddr *)&to, len) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return found;
}

static void start_next(struct round *round)
{
    while (round->next < round->count && round->running < PROBES_AT_ONCE &&
           check_time_left_ms(round->check) > 0) {
        struct visit *visit = &round->visits[round->next++];
        visit->unreachable = !has_route(&visit->plan.endpoint);
        if (visit->unreachable) {
            round->away[visit->target]++;
        } else {
            round->running++;
            (void)probe_run_start(&round->loop, &visit->plan, &visit->association, probed, visit);
        }
    }
}

static void add_visit(struct round *round, size_t target, const struct address *address)
{
    const struct srv_target *its = &round->view->targets[target];
    if (round->count == round->room) {
        round->room = 2 * round->room + 32;
        round->visits = xrealloc(round->visits, round->room * sizeof(round->visits[0]));
    }
    struct visit *visit = &round->visits[round->count++];
    *visit = (struct visit){
        .round = round, .target = target, .address = *address, .failed = CHECK_COUNT
    };
    (void)dname_text(&its->name, visit->name);
}

/* The list no longer moves: plans may point into it. */
static void plan_visits(struct round *round)
{
    const struct check *check = round->check;
    for (size_t i = 0; i < round->count; i++) {
        struct visit *visit = &round->visits[i];
        const struct srv_target *target = &round->view->targets[visit->target];
        visit->name[strlen(visit->name) - 1] = '\0'; /* the final dot */
        visit->plan = (struct probe_plan){
            .name = visit->name,
            .endpoint = { visit->address, target->port },
            .registered = target->addresses,
            .registered_count = target->count,
            .allow_private = check->options.allow_private,
            .trust = round->trust,
        };
    }
}

/* -- names -- */

static void resolved(const struct lookup_answer *answer, void *arg)
{
    struct srv_target *target = arg;
    target->looked_up = true;
    target->rcode = answer->state == LOOKUP_NO_NAME  ? DNS_NXDOMAIN
                    : answer->state == LOOKUP_FAILED ? DNS_SERVFAIL
                                                     : DNS_NOERROR;
    target->count = (uint8_t)answer->count;
    memcpy(target->addresses, answer->addresses, answer->count * sizeof(answer->addresses[0]));
}
_Static_assert((int)LIMIT_ADDRESSES <= (int)MEMBER_ADDRESSES_MAX, "a lookup's addresses fit");

/* Names outside the pool: a resolver knows them. */
static void resolve_outside(struct round *round)
{
    const struct check_options *options = &round->check->options;
    const struct endpoint *resolver =
        options->resolvers.count > 0 ? &options->resolvers.list[0] : NULL;
    unsigned started = 0;
    for (size_t i = 0; i < round->view->target_count && check_time_left_ms(round->check) > 0; i++) {
        struct srv_target *target = &round->view->targets[i];
        char name[DNAME_TEXT_MAX];
        if (target->inside || target->looked_up) {
            continue;
        }
        (void)dname_text(&target->name, name);
        name[strlen(name) - 1] = '\0';
        if (lookup_start(&round->loop, resolver, name, resolved, target) == NULL) {
            target->rcode = DNS_SERVFAIL;
        }
        if (++started % LOOKUPS_AT_ONCE == 0) {
            uv_run(&round->loop, UV_RUN_DEFAULT);
        }
    }
    uv_run(&round->loop, UV_RUN_DEFAULT);
}

static void judge_caa(struct check *check, const struct srv_target *target, const char *name,
                      const struct expected_member *expected)
{
    const struct caa_seen *caa = &target->caa;
    if (caa->there && !caa->open) {
        check_fail(check, CHECK_CAA, name, "no CA may issue a certificate for it");
    } else if (!caa->there && check->has_state && check->settings.ca_count > 0) {
        check_fail(check, CHECK_CAA, name, "no CAA record, though the pool names its CAs");
    } else if (expected != NULL && expected->account && !caa->account) {
        check_fail(check, CHECK_CAA, name, "no ACME account, though one is registered");
    } else if (caa->there && !caa->usable) {
        check_fail(check, CHECK_CAA, name,
                   "no CA may validate by http-01 or tls-alpn-01, as members do");
    } else if (caa->there && expected != NULL && !expected->own_name &&
               memcmp(caa->digest, expected->caa, sizeof(caa->digest)) != 0) {
        check_fail(check, CHECK_CAA, name, "other CAA records than the state has");
    }
}

/* A server may leave out addresses that fail, but has no others. */
static void judge_addresses(struct check *check, const struct srv_target *target, const char *name,
                            const struct expected_member *expected)
{
    for (unsigned i = 0; i < target->count; i++) {
        bool registered = false;
        for (unsigned k = 0; k < expected->address_count; k++) {
            registered =
                registered || address_equal(&target->addresses[i], &expected->addresses[k]);
        }
        char text[ADDRESS_TEXT_MAX];
        if (!registered) {
            check_fail(check, CHECK_ADDRESS, name, "has %s, which is not registered",
                       address_text(&target->addresses[i], text));
            return;
        }
    }
}

static void judge_name(struct check *check, const struct srv_target *target)
{
    const struct expected_member *expected = expected_of(check, &target->name);
    char name[DNAME_TEXT_MAX], rcode[16];
    (void)dname_text(&target->name, name);
    if (target->alias) {
        check_fail(check, CHECK_ADDRESS, name, "an alias (CNAME), which SRV must not point to");
    } else if (target->count == 0) {
        check_fail(check, CHECK_ADDRESS, name, "no address: %s",
                   dns_rcode_text(target->rcode, rcode));
    } else if (expected != NULL && !expected->own_name) {
        judge_addresses(check, target, name, expected);
    }
    if (target->inside && target->count > 0) {
        judge_caa(check, target, name, expected);
    }
}

/* -- which -- */

/* With --members all, also those that the state knows and nobody was handed. */
static void add_registered(struct check *check, struct srv_view *view)
{
    const struct check_expected *expected = check->expected;
    for (size_t i = 0; expected != NULL && i < expected->count; i++) {
        (void)check_srv_target(check, view, &expected->members[i].target,
                               expected->members[i].port);
    }
    check_srv_lookup(check, view);
}

static void add_visits(struct round *round)
{
    const struct check *check = round->check;
    uint32_t most = check->options.members == 0 ? UINT32_MAX : check->options.members;
    for (size_t i = 0; i < round->view->target_count && i < most; i++) {
        const struct srv_target *target = &round->view->targets[i];
        for (unsigned k = 0; k < target->count; k++) {
            add_visit(round, i, &target->addresses[k]);
        }
    }
}

static void judge_out(struct round *round)
{
    struct check *check = round->check;
    for (size_t i = 0; i < round->view->target_count; i++) {
        const struct srv_target *target = &round->view->targets[i];
        const struct expected_member *expected = expected_of(check, &target->name);
        char name[DNAME_TEXT_MAX];
        if (expected != NULL && !expected->in && !expected->decided && round->goods[i] > 0 &&
            round->bads[i] == 0) {
            check_fail(check, CHECK_GOOD_BUT_OUT, dname_text(&target->name, name),
                       "gives time, but is not handed out: %s", expected->reason);
        }
    }
    if (check->options.members == UINT32_MAX && check->expected != NULL) {
        check_done(check, CHECK_GOOD_BUT_OUT, "every member that gives time is handed out");
    }
}

/* "as a client in NL would: 4 of 4 members give time" */
static void summarise(struct round *round)
{
    struct check *check = round->check;
    const struct srv_view *view = round->view;
    unsigned all = view->subnet_count * view->rounds, at = 0;
    while (at < all && view->answers[at].count == 0) {
        at++;
    }
    if (at == all) {
        return;
    }
    const struct srv_answer *answer = &view->answers[at];
    unsigned good = 0, away = 0;
    char place[CHECK_SUBJECT_ROOM], note[CHECK_SUBJECT_ROOM] = "";
    for (unsigned i = 0; i < answer->count; i++) {
        size_t target = answer->targets[i];
        good += round->goods[target] > 0;
        away += round->goods[target] + round->bads[target] == 0 && round->away[target] > 0;
    }
    if (away > 0) {
        (void)snprintf(note, sizeof(note), ", and %u can't be reached from here", away);
    }
    (void)snprintf(check->summary, sizeof(check->summary),
                   "as a client in %s would: %u of %u members give time%s",
                   check_subnet_place(&check->options.subnets[at / view->rounds], place), good,
                   answer->count - away, note);
}

/* How many addresses passed a check, in the order in which they are made. */
static size_t passed(const struct round *round, enum check_id id)
{
    size_t count = 0;
    for (size_t i = 0; i < round->count; i++) {
        const struct visit *visit = &round->visits[i];
        count += visit->good || (visit->failed != CHECK_COUNT && visit->failed > id) ? 1 : 0;
    }
    return count;
}

static void finish(struct round *round)
{
    static const struct {
        enum check_id id;
        const char *well;
    } steps[] = {
        { CHECK_CONNECT, "they take connections" },
        { CHECK_TLS, "TLS 1.3 with ntske/1" },
        { CHECK_CERTIFICATE, "valid for the names, and for a while" },
        { CHECK_NTS_KE, "keys and cookies" },
        { CHECK_TIME, "authenticated time" },
    };
    struct check *check = round->check;
    size_t unreachable = 0;
    for (size_t i = 0; i < round->count; i++) {
        unreachable += round->visits[i].unreachable;
    }
    if (unreachable > 0) {
        check_report(check, CHECK_CONNECT, CHECK_INFO, NULL,
                     "%zu addresses were not tried: this machine has no route to them",
                     unreachable);
    }
    judge_out(round);
    check_done(check, CHECK_ADDRESS, "%zu names have addresses", round->view->target_count);
    check_done(check, CHECK_CAA, "a CA may issue certificates for every name");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        size_t count = passed(round, steps[i].id);
        if (count > 0) {
            check_done(check, steps[i].id, "%s (%zu of %zu addresses)", steps[i].well, count,
                       round->count - unreachable);
        }
    }
    summarise(round);
}

void check_members(struct check *check)
{
    struct round round = { .check = check, .trust = check->trust };
    (void)check_srv(check);
    round.view = check->srv;
    if (round.view->server_count == 0) {
        return;
    }
    if (check->options.members == UINT32_MAX) {
        add_registered(check, round.view);
    }
    CHECK(uv_loop_init(&round.loop) == 0);
    resolve_outside(&round);
    for (size_t i = 0; i < round.view->target_count; i++) {
        judge_name(check, &round.view->targets[i]);
    }
    round.goods = xcalloc(round.view->target_count + 1, 1);
    round.bads = xcalloc(round.view->target_count + 1, 1);
    round.away = xcalloc(round.view->target_count + 1, 1);
    add_visits(&round);
    plan_visits(&round);
    start_next(&round);
    uv_run(&round.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&round.loop) == 0);
    finish(&round);
    for (size_t i = 0; i < round.count; i++) {
        association_free(round.visits[i].association);
    }
    free(round.visits);
    free(round.goods);
    free(round.bads);
    free(round.away);
}
