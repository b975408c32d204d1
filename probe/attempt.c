#include "probe/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "probe/limits.h"
#include "probe/lookup.h"
#include "probe/score.h"
#include "zone/base/clock.h"

struct attempt {
    uv_loop_t *loop;
    const struct attempt_plan *plan;
    struct association **kept;
    attempt_done *done;
    void *arg;
    struct ke_dialog *ke; /* at most one of these is under way */
    struct lookup *lookup;
    struct ntp_dialog *ntp;
    struct rare_round *rare;
    bool fresh;         /* the association was made in this attempt */
    unsigned exchanges; /* done */
    unsigned tries;     /* of the exchange at hand */
    unsigned placeholders;
    uint64_t began_at; /* patience_now */
    struct outcome outcome;
};

static void start_ke(struct attempt *attempt);
static void start_ntp(struct attempt *attempt);

static void drop_association(struct attempt *attempt)
{
    association_free(*attempt->kept);
    *attempt->kept = NULL;
}

static void finish(struct attempt *attempt, const char *step, enum failure failure,
                   const char *detail)
{
    struct outcome *outcome = &attempt->outcome;
    if (patience_tried(attempt->plan->patience, failure, attempt->began_at, patience_now())) {
        failure = FAILURE_INTERNAL;
        detail = PATIENCE_WORDS;
    }
    outcome->failure = failure;
    (void)snprintf(outcome->detail, sizeof(outcome->detail), "%s", detail);
    if (failure != FAILURE_NONE) {
        outcome->failed_at = step;
        trail_add(&outcome->trail, uv_hrtime(), step, "failed: %s", failure_id(failure));
    } else if (outcome->timed) {
        outcome->warnings |=
            score_warnings(ntp_sample_error_us(&outcome->sample), outcome->sample.stratum);
    }
    const struct rare_checks *rare = attempt->plan->rare;
    if (rare != NULL) {
        outcome->warnings |= rare->warnings;
        outcome->aead = outcome->agreed ? rare->aead : 0;
    }
    attempt->done(&attempt->outcome, attempt->arg);
    free(attempt);
}

static uint16_t warnings_of(const struct ke_result *result, const struct attempt_plan *plan)
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

static bool is_registered(const struct attempt_plan *plan, const struct address *address)
{
    for (unsigned i = 0; i < plan->registered_count; i++) {
        if (address_equal(&plan->registered[i], address)) {
            return true;
        }
    }
    return false;
}

static bool may_follow(const struct attempt_plan *plan, const struct address *address)
{
    return plan->allow_private || is_registered(plan, address) ||
           (plan->allow_foreign && address_special(address) == NULL);
}

static void leave_for(struct attempt *attempt, const struct address *chosen)
{
    char text[ADDRESS_TEXT_MAX];
    (*attempt->kept)->ntp.address = *chosen;
    trail_add(&attempt->outcome.trail, uv_hrtime(), "ntp server", "%s", address_text(chosen, text));
    start_ntp(attempt);
}

static void refuse_server(struct attempt *attempt, const char *detail)
{
    drop_association(attempt);
    finish(attempt, "ntp server", FAILURE_KE_SERVER, detail);
}

static void server_resolved(const struct lookup_answer *answer, void *arg)
{
    struct attempt *attempt = arg;
    const struct address *own = &attempt->plan->endpoint.address;
    const struct address *chosen = NULL;
    char text[ADDRESS_TEXT_MAX];
    char detail[NTS_DETAIL_ROOM];
    attempt->lookup = NULL;
    for (unsigned i = 0; i < answer->count; i++) {
        const struct address *each = &answer->addresses[i];
        if (!may_follow(attempt->plan, each)) {
            (void)snprintf(detail, sizeof(detail), "NTP at %s: register that address, too",
                           address_text(each, text));
            refuse_server(attempt, detail);
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
        refuse_server(attempt, detail);
        return;
    }
    leave_for(attempt, chosen);
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strlen(a);
    len -= len > 0 && a[len - 1] == '.' ? 1 : 0;
    return strlen(b) == len && strncasecmp(a, b, len) == 0;
}

/* RFC 8915 4.1.7 */
static void follow_server(struct attempt *attempt, const char *server)
{
    struct lookup_answer literal = { .state = LOOKUP_FOUND, .count = 1 };
    const struct lookup_answer failed = { .state = LOOKUP_FAILED, .why = "it can't be asked for" };
    if (server[0] == '\0' || same_name(server, attempt->plan->name)) {
        start_ntp(attempt);
        return;
    }
    if (address_parse(&literal.addresses[0], server) == RESULT_OK) {
        server_resolved(&literal, attempt);
        return;
    }
    attempt->lookup = lookup_start(attempt->loop, NULL, server, server_resolved, attempt);
    if (attempt->lookup == NULL) {
        server_resolved(&failed, attempt);
    }
}

static void ke_over(const struct ke_result *result, void *arg)
{
    struct attempt *attempt = arg;
    struct outcome *outcome = &attempt->outcome;
    attempt->ke = NULL;
    outcome->certificate = result->certificate;
    outcome->certified = result->certified;
    if (result->failure != FAILURE_NONE) {
        finish(attempt, result->step, result->failure, result->detail);
        return;
    }
    *attempt->kept = association_new(result, &attempt->plan->endpoint.address);
    (*attempt->kept)->warnings = warnings_of(result, attempt->plan);
    attempt->fresh = true;
    outcome->warnings |= (*attempt->kept)->warnings;
    outcome->agreed = true;
    outcome->aead = result->answer.aead;
    follow_server(attempt, result->answer.server);
}

static void start_ke(struct attempt *attempt)
{
    struct ke_request request = {
        .endpoint = attempt->plan->endpoint,
        .name = attempt->plan->name,
        .trust = attempt->plan->trust,
        .allow_private = attempt->plan->allow_private,
        .patience = attempt->plan->patience,
    };
    drop_association(attempt);
    attempt->ke =
        ke_dialog_start(attempt->loop, &request, &attempt->outcome.trail, ke_over, attempt);
}

static const char *exchange_name(const struct attempt *attempt)
{
    return attempt->exchanges == 0 ? "ntp 1" : "ntp 2";
}

static void note_sample(struct attempt *attempt, const struct ntp_result *result)
{
    struct outcome *outcome = &attempt->outcome;
    const struct ntp_sample *sample = &result->sample;
    trail_add(
        &outcome->trail, uv_hrtime(), exchange_name(attempt),
        "offset %+.6f s, round trip %.3f ms, stratum %u, root distance %.3f s, new cookies: %u",
        (double)sample->offset_us / 1e6, sample->rtt_us / 1e3, sample->stratum,
        sample->root_distance_us / 1e6, result->reply.cookies_seen);
    /* of two exchanges the one with the shorter way tells more, unless the time was bad */
    bool better = !outcome->timed || sample->rtt_us < outcome->sample.rtt_us;
    if (better || result->failure != FAILURE_NONE) {
        outcome->sample = *sample;
    }
    outcome->timed = true;
    if (result->reply.cookies_seen < 1 + attempt->placeholders) {
        outcome->cookies_short = true;
        outcome->warnings |= WARNING_COOKIES_SHORT;
    }
}

/* Silence may be a lost datagram: not yet the server's fault. Each try spends a cookie (RFC 8915 5.7). */
static bool try_again(struct attempt *attempt, const struct ntp_result *result)
{
    if (result->failure != FAILURE_NTP_SILENT || attempt->tries == LIMIT_TRIES ||
        (*attempt->kept)->cookie_count == 0) {
        return false;
    }
    trail_add(&attempt->outcome.trail, uv_hrtime(), exchange_name(attempt), "%s, trying again",
              result->detail);
    start_ntp(attempt);
    return true;
}

static bool rare_due(const struct attempt *attempt)
{
    struct rare_checks *rare = attempt->plan->rare;
    const struct association *association = *attempt->kept;
    uint64_t now = clock_steady();
    if (rare == NULL || rare->due_at > now || association == NULL ||
        association->cookie_count == 0) {
        return false;
    }
    rare->due_at = rare->due_at == 0 ? now : rare->due_at;
    /* a server whose keys never last that long is looked at all the same, as far as that needs none */
    bool late = now - rare->due_at > LIMIT_KE_LIFE_S;
    return late || association_rested(association, attempt->plan->ke_gap_s);
}

static void rare_over(enum failure failure, const char *detail, void *arg)
{
    struct attempt *attempt = arg;
    attempt->rare = NULL;
    finish(attempt, "broken cookie", failure, detail);
}

static void ntp_over(const struct ntp_result *result, void *arg)
{
    struct attempt *attempt = arg;
    attempt->ntp = NULL;
    if (try_again(attempt, result)) {
        return;
    }
    const char *step = exchange_name(attempt);
    if (result->authentic) {
        note_sample(attempt, result);
        association_keep(*attempt->kept, &result->reply);
    }
    attempt->tries = 0;
    attempt->exchanges++;
    if (result->failure == FAILURE_NTP_NAK && !attempt->fresh) {
        /* RFC 8915 5.7: cookies that we held may have gone stale; only a fresh one must be good */
        trail_add(&attempt->outcome.trail, uv_hrtime(), step, "the server forgot its cookies");
        attempt->exchanges = 0;
        start_ke(attempt);
        return;
    }
    if (result->failure == FAILURE_NONE && attempt->fresh && attempt->exchanges < 2) {
        start_ntp(attempt);
        return;
    }
    if (!result->authentic && result->failure != FAILURE_NTP_RATE) {
        /* what was agreed does not serve any more: the next probe looks at everything again */
        drop_association(attempt);
    }
    if (result->failure == FAILURE_NONE && rare_due(attempt)) {
        attempt->rare = rare_start(attempt->loop, attempt->plan, *attempt->kept,
                                   &attempt->outcome.trail, rare_over, attempt);
        return;
    }
    finish(attempt, step, result->failure, result->detail);
}

/* One further cookie is asked for in the first exchange, to see that it is given; later ones what is missing, as long as the
 * packet is not fragmented (RFC 8915 5.7). */
static unsigned placeholders_for(const struct attempt *attempt, unsigned left, unsigned cookie_len)
{
    unsigned room = LIMIT_REQUEST / (cookie_len + 8) - 1;
    unsigned wanted = left + 1 < NTS_COOKIES ? NTS_COOKIES - 1 - left : 0;
    if (attempt->fresh && attempt->exchanges == 0) {
        wanted = 1;
    }
    return wanted < room ? wanted : room;
}

static void start_ntp(struct attempt *attempt)
{
    struct association *association = *attempt->kept;
    attempt->tries++;
    /* a cookie is used once (RFC 8915 5.7) */
    struct nts_cookie cookie = association_spend(association);
    attempt->placeholders = placeholders_for(attempt, association->cookie_count, cookie.len);
    struct ntp_request request = {
        .endpoint = association->ntp,
        .keys = &association->keys,
        .cookie = &cookie,
        .placeholders = attempt->placeholders,
    };
    attempt->ntp = ntp_dialog_start(attempt->loop, &request, ntp_over, attempt);
}

struct attempt *attempt_start(uv_loop_t *loop, const struct attempt_plan *plan,
                              struct association **kept, attempt_done *done, void *arg)
{
    struct attempt *attempt = xcalloc(1, sizeof(*attempt));
    attempt->loop = loop;
    attempt->plan = plan;
    attempt->kept = kept;
    attempt->began_at = patience_now();
    attempt->done = done;
    attempt->arg = arg;
    trail_start(&attempt->outcome.trail, uv_hrtime());
    const struct association *association = *kept;
    if (association_in_force(association,
                             plan->ke_life_s > 0 ? plan->ke_life_s : LIMIT_KE_LIFE_S)) {
        attempt->outcome.certified = true;
        attempt->outcome.certificate = association->certificate;
        attempt->outcome.warnings |= association->warnings;
        attempt->outcome.agreed = true;
        attempt->outcome.aead = association->aead;
        start_ntp(attempt);
    } else {
        start_ke(attempt);
    }
    return attempt;
}

void attempt_cancel(struct attempt *attempt)
{
    if (attempt->ke != NULL) {
        ke_dialog_cancel(attempt->ke);
    }
    if (attempt->lookup != NULL) {
        lookup_cancel(attempt->lookup);
    }
    if (attempt->ntp != NULL) {
        ntp_dialog_cancel(attempt->ntp);
    }
    if (attempt->rare != NULL) {
        rare_cancel(attempt->rare);
    }
    free(attempt);
}
