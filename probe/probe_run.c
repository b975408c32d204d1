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
    struct association **kept;
    probe_run_done *done;
    void *arg;
    struct ke_dialog *ke; /* at most one of these is under way */
    struct lookup *lookup;
    struct ntp_dialog *ntp;
    struct daily_round *daily;
    bool fresh;         /* the association was made in this attempt */
    unsigned exchanges; /* done */
    unsigned tries;     /* of the exchange at hand */
    unsigned placeholders;
    uint64_t began_at; /* stall_now */
    struct outcome outcome;
};

static void start_ke(struct probe_run *run);
static void start_ntp(struct probe_run *run);

static void drop_association(struct probe_run *run)
{
    association_free(*run->kept);
    *run->kept = NULL;
}

static void finish(struct probe_run *run, const char *step, enum failure failure,
                   const char *detail)
{
    struct outcome *outcome = &run->outcome;
    if (stall_may_explain(run->plan->stall, failure, run->began_at, stall_now())) {
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
        outcome->aead = outcome->agreed ? daily->aead : 0;
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
    if (certificate->not_after < now || certificate->not_after - now < life / 3) {
        warnings |= WARNING_CERT_AGE;
    }
    if (result->answer.cookies_seen < NTS_COOKIES) {
        warnings |= WARNING_COOKIES_FEW;
    }
    if (result->answer.cookies_odd) {
        warnings |= WARNING_COOKIES_SIZE;
    }
    if (result->no_close) {
        warnings |= WARNING_NO_CLOSE;
    }
    if (plan->endpoint.port != MEMBER_PORT) {
        warnings |= WARNING_PORT;
    }
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

static bool may_follow(const struct probe_plan *plan, const struct address *address)
{
    return plan->allow_private || is_registered(plan, address) ||
           (plan->allow_foreign && address_special(address) == NULL);
}

static void leave_for(struct probe_run *run, const struct address *chosen)
{
    char text[ADDRESS_TEXT_MAX];
    (*run->kept)->ntp.address = *chosen;
    trace_add(&run->outcome.trace, uv_hrtime(), "ntp server", "%s", address_text(chosen, text));
    start_ntp(run);
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
        if (!may_follow(run->plan, each)) {
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
    leave_for(run, chosen);
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strlen(a);
    len -= len > 0 && a[len - 1] == '.' ? 1 : 0;
    return strlen(b) == len && strncasecmp(a, b, len) == 0;
}

/* RFC 8915 4.1.7 */
static void follow_server(struct probe_run *run, const char *server)
{
    struct lookup_answer literal = { .state = LOOKUP_FOUND, .count = 1 };
    const struct lookup_answer failed = { .state = LOOKUP_FAILED, .why = "it can't be asked for" };
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

static void ke_over(const struct ke_result *result, void *arg)
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
    *run->kept = association_new(result, &run->plan->endpoint.address);
    (*run->kept)->warnings = warnings_of(result, run->plan);
    run->fresh = true;
    outcome->warnings |= (*run->kept)->warnings;
    outcome->agreed = true;
    outcome->aead = result->answer.aead;
    follow_server(run, result->answer.server);
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
    run->ke = ke_dialog_start(run->loop, &request, &run->outcome.trace, ke_over, run);
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
    /* of two exchanges the one with the shorter way tells more, unless the time was bad */
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

/* Silence may be a lost datagram: not yet the server's fault. Each try spends a cookie (RFC
 * 8915 5.7). */
static bool try_again(struct probe_run *run, const struct ntp_result *result)
{
    if (result->failure != FAILURE_NTP_SILENT || run->tries == LIMIT_TRIES ||
        (*run->kept)->cookie_count == 0) {
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
    const struct association *association = *run->kept;
    uint64_t now = clock_steady();
    if (daily == NULL || daily->due_at > now || association == NULL ||
        association->cookie_count == 0) {
        return false;
    }
    daily->due_at = daily->due_at == 0 ? now : daily->due_at;
    /* a server whose keys never last that long is looked at all the same, as far as that needs
     * none */
    bool late = now - daily->due_at > LIMIT_KE_LIFE_S;
    return late || association_rested(association, run->plan->ke_gap_s);
}

static void daily_over(enum failure failure, const char *detail, void *arg)
{
    struct probe_run *run = arg;
    run->daily = NULL;
    finish(run, "broken cookie", failure, detail);
}

static void ntp_over(const struct ntp_result *result, void *arg)
{
    struct probe_run *run = arg;
    run->ntp = NULL;
    if (try_again(run, result)) {
        return;
    }
    const char *step = exchange_name(run);
    if (result->authentic) {
        note_sample(run, result);
        association_keep(*run->kept, &result->reply);
    }
    run->tries = 0;
    run->exchanges++;
    if (result->failure == FAILURE_NTP_NAK && !run->fresh) {
        /* RFC 8915 5.7: cookies that we held may have gone stale; only a fresh one must be good */
        trace_add(&run->outcome.trace, uv_hrtime(), step, "the server forgot its cookies");
        run->exchanges = 0;
        start_ke(run);
        return;
    }
    if (result->failure == FAILURE_NONE && run->fresh && run->exchanges < 2) {
        start_ntp(run);
        return;
    }
    if (!result->authentic && result->failure != FAILURE_NTP_RATE) {
        /* what was agreed does not serve any more: the next probe looks at everything again */
        drop_association(run);
    }
    if (result->failure == FAILURE_NONE && daily_due(run)) {
        run->daily =
            daily_start(run->loop, run->plan, *run->kept, &run->outcome.trace, daily_over, run);
        return;
    }
    finish(run, step, result->failure, result->detail);
}

/* One further cookie is asked for in the first exchange, to see that it is given; later ones what
 * is missing, as long as the packet is not fragmented (RFC 8915 5.7). */
static unsigned placeholders_for(const struct probe_run *run, unsigned left, unsigned cookie_len)
{
    unsigned room = LIMIT_REQUEST / (cookie_len + 8) - 1;
    unsigned wanted = left + 1 < NTS_COOKIES ? NTS_COOKIES - 1 - left : 0;
    if (run->fresh && run->exchanges == 0) {
        wanted = 1;
    }
    return wanted < room ? wanted : room;
}

static void start_ntp(struct probe_run *run)
{
    struct association *association = *run->kept;
    run->tries++;
    /* a cookie is used once (RFC 8915 5.7) */
    struct nts_cookie cookie = association_spend(association);
    run->placeholders = placeholders_for(run, association->cookie_count, cookie.len);
    struct ntp_request request = {
        .endpoint = association->ntp,
        .keys = &association->keys,
        .cookie = &cookie,
        .placeholders = run->placeholders,
    };
    run->ntp = ntp_dialog_start(run->loop, &request, ntp_over, run);
}

struct probe_run *probe_run_start(uv_loop_t *loop, const struct probe_plan *plan,
                                  struct association **kept, probe_run_done *done, void *arg)
{
    struct probe_run *run = xcalloc(1, sizeof(*run));
    run->loop = loop;
    run->plan = plan;
    run->kept = kept;
    run->began_at = stall_now();
    run->done = done;
    run->arg = arg;
    trace_start(&run->outcome.trace, uv_hrtime());
    const struct association *association = *kept;
    if (association_in_force(association,
                             plan->ke_life_s > 0 ? plan->ke_life_s : LIMIT_KE_LIFE_S)) {
        run->outcome.certified = true;
        run->outcome.certificate = association->certificate;
        run->outcome.warnings |= association->warnings;
        run->outcome.agreed = true;
        run->outcome.aead = association->aead;
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
