#include "probe/probe_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "probe/daily_checks.h"
#include "probe/limits.h"
#include "probe/lookup.h"
#include "probe/ntp_dialog.h"
#include "probe/score.h"
#include "zone/base/clock.h"

struct probe_run {
    uv_loop_t *loop;
    const struct probe_plan *plan;
    struct association **association; /* of the address, kept between probes */
    probe_run_done *done;
    void *arg;
    struct ke_dialog *ke; /* at most one of these four is in flight */
    struct lookup *lookup;
    struct ntp_dialog *ntp;
    struct daily_round *daily;
    bool new_keys;      /* the association was made in this probe */
    unsigned exchanges; /* completed */
    unsigned tries;     /* of the current exchange */
    unsigned placeholders;
    uint64_t began_at_ms; /* stall_now */
    struct outcome outcome;
};

static void start_ke(struct probe_run *run);
static void start_ntp(struct probe_run *run);

static void drop_association(struct probe_run *run)
{
    association_free(*run->association);
    *run->association = NULL;
}

static void finish(struct probe_run *run, const char *step, enum failure failure,
                   const char *detail)
{
    struct outcome *outcome = &run->outcome;
    if (stall_may_explain(run->plan->stall, failure, run->began_at_ms, stall_now())) {
        failure = FAILURE_INTERNAL;
        detail = STALL_TEXT;
    }
    outcome->failure = failure;
    (void)snprintf(outcome->detail, sizeof(outcome->detail), "%s", detail);
    if (failure != FAILURE_NONE) {
        outcome->failed_at = step;
        trace_add(&outcome->trace, uv_hrtime(), step, "failed: %s", failure_id(failure));
    } else if (outcome->timed) {
        outcome->warnings |=
            score_warnings(ntp_sample_error_us(&outcome->sample), outcome->sample.stratum);
    }
    const struct daily_checks *daily = run->plan->daily;
    if (daily != NULL) {
        outcome->warnings |= daily->warnings;
        outcome->aead = outcome->has_keys ? daily->aead : 0;
    }
    run->done(&run->outcome, run->arg);
    free(run);
}

static uint16_t warnings_of(const struct ke_result *result, const struct probe_plan *plan)
{
    const struct tls_certificate *certificate = &result->certificate;
    uint64_t now = clock_now();
    uint64_t life = certificate->not_after - certificate->not_before;
    unsigned warnings = certificate->warnings;
    bool old = certificate->not_after < now || certificate->not_after - now < life / 3;
    warnings |= old ? WARNING_CERT_AGE : 0;
    warnings |= result->answer.cookies_seen < NTS_COOKIES ? WARNING_COOKIES_FEW : 0;
    warnings |= result->answer.cookies_odd ? WARNING_COOKIES_SIZE : 0;
    warnings |= result->no_close ? WARNING_NO_CLOSE : 0;
    warnings |= plan->endpoint.port != MEMBER_PORT ? WARNING_PORT : 0;
    return (uint16_t)warnings;
}

static bool is_registered(const struct probe_plan *plan, const struct address *address)
{
    for (unsigned i = 0; i < plan->registered_count; i++) {
        if (address_equal(&plan->registered[i], address)) {
            return true;
        }
    }
    return false;
}

static bool may_use(const struct probe_plan *plan, const struct address *address)
{
    return plan->allow_private || is_registered(plan, address) ||
           (plan->allow_foreign && address_special(address) == NULL);
}

static void refuse_server(struct probe_run *run, const char *detail)
{
    drop_association(run);
    finish(run, "ntp server", FAILURE_KE_SERVER, detail);
}

static void server_resolved(const struct lookup_answer *answer, void *arg)
{
    struct probe_run *run = arg;
    const struct address *own = &run->plan->endpoint.address;
    const struct address *chosen = NULL;
    char text[ADDRESS_TEXT_MAX];
    char detail[NTS_DETAIL_ROOM];
    run->lookup = NULL;
    for (unsigned i = 0; i < answer->count; i++) {
        const struct address *each = &answer->addresses[i];
        if (!may_use(run->plan, each)) {
            (void)snprintf(detail, sizeof(detail), "NTP at %s: register that address, too",
                           address_text(each, text));
            refuse_server(run, detail);
            return;
        }
        bool family = address_is_ipv4(each) == address_is_ipv4(own);
        if (address_equal(each, own) || (family && chosen == NULL)) {
            chosen = each;
        }
    }
    if (chosen == NULL) {
        bool none = answer->count == 0;
        (void)snprintf(detail, sizeof(detail),
                       "the NTP server's name has no address of this family%s%s", none ? ": " : "",
                       none ? answer->why : "");
        refuse_server(run, detail);
        return;
    }
    (*run->association)->ntp.address = *chosen;
    trace_add(&run->outcome.trace, uv_hrtime(), "ntp server", "%s", address_text(chosen, text));
    start_ntp(run);
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strlen(a);
    len -= len > 0 && a[len - 1] == '.' ? 1 : 0;
    return strlen(b) == len && strncasecmp(a, b, len) == 0;
}

/* RFC 8915 4.1.7 */
static void find_server(struct probe_run *run, const char *server)
{
    struct lookup_answer literal = { .state = LOOKUP_FOUND, .count = 1 };
    const struct lookup_answer failed = { .state = LOOKUP_FAILED,
                                          .why = "no resolver can be asked" };
    if (server[0] == '\0' || same_name(server, run->plan->name)) {
        start_ntp(run);
        return;
    }
    if (address_parse(&literal.addresses[0], server) == RESULT_OK) {
        server_resolved(&literal, run);
        return;
    }
    run->lookup = lookup_start(run->loop, NULL, server, server_resolved, run);
    if (run->lookup == NULL) {
        server_resolved(&failed, run);
    }
}

static void ke_ended(const struct ke_result *result, void *arg)
{
    struct probe_run *run = arg;
    struct outcome *outcome = &run->outcome;
    run->ke = NULL;
    outcome->certificate = result->certificate;
    outcome->certified = result->certified;
    if (result->failure != FAILURE_NONE) {
        finish(run, result->step, result->failure, result->detail);
        return;
    }
    *run->association = association_new(result, &run->plan->endpoint.address);
    (*run->association)->warnings = warnings_of(result, run->plan);
    run->new_keys = true;
    outcome->warnings |= (*run->association)->warnings;
    outcome->has_keys = true;
    outcome->aead = result->answer.aead;
    find_server(run, result->answer.server);
}

static void start_ke(struct probe_run *run)
{
    struct ke_request request = {
        .endpoint = run->plan->endpoint,
        .name = run->plan->name,
        .trust = run->plan->trust,
        .allow_private = run->plan->allow_private,
        .stall = run->plan->stall,
    };
    drop_association(run);
    run->ke = ke_dialog_start(run->loop, &request, &run->outcome.trace, ke_ended, run);
}

static const char *exchange_name(const struct probe_run *run)
{
    return run->exchanges == 0 ? "ntp 1" : "ntp 2";
}

static void note_sample(struct probe_run *run, const struct ntp_result *result)
{
    struct outcome *outcome = &run->outcome;
    const struct ntp_sample *sample = &result->sample;
    trace_add(
        &outcome->trace, uv_hrtime(), exchange_name(run),
        "offset %+.6f s, round trip %.3f ms, stratum %u, root distance %.3f s, new cookies: %u",
        (double)sample->offset_us / 1e6, sample->rtt_us / 1e3, sample->stratum,
        sample->root_distance_us / 1e6, result->reply.cookies_seen);
    /* the shorter round trip is more precise; an exchange with bad time always counts */
    bool better = !outcome->timed || sample->rtt_us < outcome->sample.rtt_us;
    if (better || result->failure != FAILURE_NONE) {
        outcome->sample = *sample;
    }
    outcome->timed = true;
    if (result->reply.cookies_seen < 1 + run->placeholders) {
        outcome->cookies_short = true;
        outcome->warnings |= WARNING_COOKIES_SHORT;
    }
}

/* One silence may be a lost datagram, so it is not yet the server's fault. Each try spends a cookie
 * (RFC 8915 5.7). */
static bool retry(struct probe_run *run, const struct ntp_result *result)
{
    if (result->failure != FAILURE_NTP_SILENT || run->tries == LIMIT_TRIES ||
        (*run->association)->cookie_count == 0) {
        return false;
    }
    trace_add(&run->outcome.trace, uv_hrtime(), exchange_name(run), "%s, trying again",
              result->detail);
    start_ntp(run);
    return true;
}

static bool daily_due(const struct probe_run *run)
{
    struct daily_checks *daily = run->plan->daily;
    const struct association *association = *run->association;
    uint64_t now = clock_steady();
    if (daily == NULL || daily->due_at > now || association == NULL ||
        association->cookie_count == 0) {
        return false;
    }
    daily->due_at = daily->due_at == 0 ? now : daily->due_at;
    /* a server whose keys never last that long gets those checks that need no keys of that age */
    bool late = now - daily->due_at > LIMIT_KE_LIFE_S;
    return late || association_has_age(association, run->plan->ke_gap_s);
}

static void daily_ended(enum failure failure, const char *detail, void *arg)
{
    struct probe_run *run = arg;
    run->daily = NULL;
    finish(run, "broken cookie", failure, detail);
}

static void ntp_ended(const struct ntp_result *result, void *arg)
{
    struct probe_run *run = arg;
    run->ntp = NULL;
    if (retry(run, result)) {
        return;
    }
    const char *step = exchange_name(run);
    if (result->authentic) {
        note_sample(run, result);
        association_add_cookies(*run->association, &result->reply);
    }
    run->tries = 0;
    run->exchanges++;
    if (result->failure == FAILURE_NTP_NAK && !run->new_keys) {
        /* RFC 8915 5.7: a server may forget old cookies, but must accept one that it just gave */
        trace_add(&run->outcome.trace, uv_hrtime(), step, "the server forgot its cookies");
        run->exchanges = 0;
        start_ke(run);
        return;
    }
    if (result->failure == FAILURE_NONE && run->new_keys && run->exchanges < 2) {
        start_ntp(run);
        return;
    }
    if (!result->authentic && result->failure != FAILURE_NTP_RATE) {
        /* the keys are of no use any more: the next probe establishes new ones */
        drop_association(run);
    }
    if (result->failure == FAILURE_NONE && daily_due(run)) {
        run->daily = daily_start(run->loop, run->plan, *run->association, &run->outcome.trace,
                                 daily_ended, run);
        return;
    }
    finish(run, step, result->failure, result->detail);
}

/* The first exchange asks for one more cookie, to check that the server gives it. Later exchanges
 * ask for the cookies missing from a full set, as long as the packet is not fragmented (RFC 8915
 * 5.7). */
static unsigned placeholders_for(const struct probe_run *run, unsigned left, unsigned cookie_len)
{
    unsigned room = LIMIT_REQUEST / (cookie_len + 8) - 1;
    unsigned wanted = left + 1 < NTS_COOKIES ? NTS_COOKIES - 1 - left : 0;
    if (run->new_keys && run->exchanges == 0) {
        wanted = 1;
    }
    return wanted < room ? wanted : room;
}

static void start_ntp(struct probe_run *run)
{
    struct association *association = *run->association;
    run->tries++;
    /* a cookie is used once (RFC 8915 5.7) */
    struct nts_cookie cookie = association_take_cookie(association);
    run->placeholders = placeholders_for(run, association->cookie_count, cookie.len);
    struct ntp_request request = {
        .endpoint = association->ntp,
        .keys = &association->keys,
        .cookie = &cookie,
        .placeholders = run->placeholders,
    };
    run->ntp = ntp_dialog_start(run->loop, &request, ntp_ended, run);
}

struct probe_run *probe_run_start(uv_loop_t *loop, const struct probe_plan *plan,
                                  struct association **association, probe_run_done *done, void *arg)
{
    struct probe_run *run = xcalloc(1, sizeof(*run));
    run->loop = loop;
    run->plan = plan;
    run->association = association;
    run->began_at_ms = stall_now();
    run->done = done;
    run->arg = arg;
    trace_start(&run->outcome.trace, uv_hrtime());
    const struct association *in_force = *association;
    if (association_is_in_force(in_force,
                                plan->ke_life_s > 0 ? plan->ke_life_s : LIMIT_KE_LIFE_S)) {
        run->outcome.certified = true;
        run->outcome.certificate = in_force->certificate;
        run->outcome.warnings |= in_force->warnings;
        run->outcome.has_keys = true;
        run->outcome.aead = in_force->aead;
        start_ntp(run);
    } else {
        start_ke(run);
    }
    return run;
}

void probe_run_cancel(struct probe_run *run)
{
    if (run->ke != NULL) {
        ke_dialog_cancel(run->ke);
    }
    if (run->lookup != NULL) {
        lookup_cancel(run->lookup);
    }
    if (run->ntp != NULL) {
        ntp_dialog_cancel(run->ntp);
    }
    if (run->daily != NULL) {
        daily_cancel(run->daily);
    }
    free(run);
}
