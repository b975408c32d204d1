#include "probe/daily_checks.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "probe/limits.h"
#include "probe/ntp_dialog.h"
#include "probe/probe_plan.h"
#include "probe/web_dialog.h"
#include "zone/base/clock.h"

/* The state that a later check with an old cookie needs. It is small, since every address has
 * one. */
struct old_cookie {
    uint64_t stored_at; /* clock_steady */
    struct endpoint ntp;
    struct nts_keys keys;
    uint16_t len;
    uint8_t octets[];
};

struct daily_round {
    uv_loop_t *loop;
    const struct probe_plan *plan;
    const struct association *association;
    struct trace *trace;
    daily_done *done;
    void *arg;
    struct ntp_dialog *ntp; /* at most one of these three is in flight */
    struct web_dialog *web;
    struct ke_dialog *ke;
    struct association *chosen; /* with the algorithm that the server chose of all */
    bool export_agreed;
    unsigned tries; /* of the current exchange */
};

static void ask_web(struct daily_round *round);
static void offer_all(struct daily_round *round);
static void try_chosen(struct daily_round *round);
static void use_old_cookie(struct daily_round *round);
static void try_old_cookie(struct daily_round *round);

void daily_forget(struct daily_checks *checks)
{
    if (checks->old != NULL) {
        sodium_memzero(checks->old, sizeof(*checks->old) + checks->old->len);
        free(checks->old);
        checks->old = NULL;
    }
}

static void release(struct daily_round *round)
{
    association_free(round->chosen);
    free(round);
}

static void finish(struct daily_round *round, enum failure failure, const char *detail)
{
    round->done(failure, detail, round->arg);
    release(round);
}

static void set_warning(struct daily_round *round, enum warning warning, bool applies)
{
    uint16_t *warnings = &round->plan->daily->warnings;
    *warnings = (uint16_t)(applies ? *warnings | warning : *warnings & ~warning);
}

static void exchange(struct daily_round *round, const struct endpoint *ntp,
                     const struct nts_keys *keys, const struct nts_cookie *cookie, ntp_done *done)
{
    const struct ntp_request request = { .endpoint = *ntp, .keys = keys, .cookie = cookie };
    round->tries++;
    round->ntp = ntp_dialog_start(round->loop, &request, done, round);
}

/* Silence may be a lost datagram. */
static bool may_be_lost(const struct daily_round *round, const struct ntp_result *result)
{
    return result->failure == FAILURE_NTP_SILENT && round->tries < LIMIT_TRIES;
}

/* -- a broken cookie -- */

/* RFC 8915 5.7: a server answers a cookie that it can't open with NTSN, or not at all. */
static void broken_cookie_ended(const struct ntp_result *result, void *arg)
{
    struct daily_round *round = arg;
    round->ntp = NULL;
    if (result->authentic) {
        finish(round, FAILURE_NTP_FORGED_COOKIE,
               "authenticated time for a cookie that we had changed");
        return;
    }
    trace_add(round->trace, uv_hrtime(), "broken cookie", "not taken: %s", result->detail);
    ask_web(round);
}

static const struct nts_cookie *newest(const struct association *association)
{
    return &association->cookies[association->cookie_count - 1];
}

static void use_broken_cookie(struct daily_round *round)
{
    /* a changed copy: the cookie itself stays unused */
    struct nts_cookie cookie = *newest(round->association);
    for (unsigned i = cookie.len / 2; i < cookie.len; i++) {
        cookie.octets[i] ^= 0xff;
    }
    exchange(round, &round->association->ntp, &round->association->keys, &cookie,
             broken_cookie_ended);
}

/* -- port 80 -- */

static void web_ended(bool foreign, const char *detail, void *arg)
{
    struct daily_round *round = arg;
    round->web = NULL;
    trace_add(round->trace, uv_hrtime(), "web", "port 80, foreign name: %s", detail);
    set_warning(round, WARNING_WEB, foreign);
    offer_all(round);
}

static void ask_web(struct daily_round *round)
{
    const struct probe_plan *plan = round->plan;
    if (plan->allow_foreign) {
        /* this is no member of the pool, so its web server does not concern us */
        offer_all(round);
        return;
    }
    round->web = web_dialog_start(round->loop, &plan->endpoint.address, web_ended, round);
}

/* -- AEAD algorithms -- */

static void trace_aead(struct daily_round *round, const char *text, const char *detail)
{
    uint16_t aead = round->plan->daily->aead;
    trace_add(round->trace, uv_hrtime(), "aead", "NTS-KE chose %u (%s) of all%s%s", aead,
              aead_text(aead), text, detail);
}

static void chosen_ended(const struct ntp_result *result, void *arg)
{
    struct daily_round *round = arg;
    round->ntp = NULL;
    if (may_be_lost(round, result) && round->chosen->cookie_count > 0) {
        try_chosen(round);
        return;
    }
    bool is_excused = result->failure == FAILURE_INTERNAL || result->failure == FAILURE_NTP_RATE ||
                      (round->chosen->aead == AEAD_GCM_SIV_128 && !round->export_agreed);
    if (result->authentic) {
        trace_aead(round, ", and NTP answers with it", "");
    } else {
        trace_aead(round, ", but NTP does not answer with it: ", result->detail);
    }
    if (result->authentic || !is_excused) {
        set_warning(round, WARNING_AEAD, !result->authentic);
    }
    use_old_cookie(round);
}

static void try_chosen(struct daily_round *round)
{
    struct association *chosen = round->chosen;
    const struct nts_cookie cookie = association_take_cookie(chosen);
    exchange(round, &chosen->ntp, &chosen->keys, &cookie, chosen_ended);
}

/* True for a response that would lock out clients that offer more than the required algorithm. A
 * server that can't be reached now has shown no such fault. */
static bool answered_wrongly(enum failure failure)
{
    switch (failure) {
    case FAILURE_KE_MALFORMED:
    case FAILURE_KE_TOO_LONG:
    case FAILURE_KE_CRITICAL:
    case FAILURE_KE_ERROR:
    case FAILURE_KE_WARNING:
    case FAILURE_KE_PROTOCOL:
    case FAILURE_KE_AEAD:
    case FAILURE_KE_COOKIES:
    case FAILURE_KE_PORT:
    case FAILURE_KE_CLOSED:
        return true;
    default:
        return false;
    }
}

static void all_offered_ended(const struct ke_result *result, void *arg)
{
    struct daily_round *round = arg;
    const struct nts_ke_answer *answer = &result->answer;
    round->ke = NULL;
    if (result->failure != FAILURE_NONE) {
        trace_add(round->trace, uv_hrtime(), "aead", "all offered: %s: %s",
                  failure_id(result->failure), result->detail);
        if (answered_wrongly(result->failure)) {
            set_warning(round, WARNING_AEAD, true);
            if (round->plan->daily->aead == 0) { /* clients are left with this one */
                round->plan->daily->aead = round->association->aead;
            }
        }
        use_old_cookie(round);
        return;
    }
    round->plan->daily->aead = answer->aead;
    if (answer->aead == AEAD_SIV_CMAC_256 || answer->server[0] != '\0') {
        /* the required algorithm is known to work; another NTP server is not one that we know */
        trace_aead(round, "", "");
        set_warning(round, WARNING_AEAD, false);
        use_old_cookie(round);
        return;
    }
    round->chosen = association_new(result, &round->association->ntp.address);
    round->export_agreed = answer->export_agreed;
    round->tries = 0;
    try_chosen(round);
}

static void offer_all(struct daily_round *round)
{
    const struct probe_plan *plan = round->plan;
    if (!association_has_age(round->association, plan->ke_gap_s)) {
        use_old_cookie(round);
        return;
    }
    const struct ke_request request = {
        .endpoint = plan->endpoint,
        .name = plan->name,
        .trust = plan->trust,
        .allow_private = plan->allow_private,
        .offer = NTS_KE_ALL,
        .stall = plan->stall,
    };
    round->ke = ke_dialog_start(round->loop, &request, NULL, all_offered_ended, round);
}

/* -- an old cookie -- */

static void store_cookie(struct daily_round *round)
{
    struct daily_checks *checks = round->plan->daily;
    const struct association *association = round->association;
    const struct nts_cookie *cookie = newest(association);
    daily_forget(checks);
    checks->old = xmalloc(sizeof(*checks->old) + cookie->len);
    checks->old->stored_at = clock_steady();
    checks->old->ntp = association->ntp;
    checks->old->keys = association->keys;
    checks->old->len = cookie->len;
    memcpy(checks->old->octets, cookie->octets, cookie->len);
}

static void complete(struct daily_round *round)
{
    round->plan->daily->due_at = clock_steady() + LIMIT_DAILY_S;
    finish(round, FAILURE_NONE, "");
}

static void old_cookie_ended(const struct ntp_result *result, void *arg)
{
    struct daily_round *round = arg;
    round->ntp = NULL;
    if (may_be_lost(round, result)) {
        try_old_cookie(round);
        return;
    }
    bool refused = result->failure == FAILURE_NTP_NAK;
    bool unknown = result->failure == FAILURE_INTERNAL || result->failure == FAILURE_NTP_RATE ||
                   result->failure == FAILURE_NTP_DENY;
    trace_add(round->trace, uv_hrtime(), "old cookie", "%s%s",
              result->authentic ? "taken after a day" : "not taken after a day: ",
              result->authentic ? "" : result->detail);
    if (!unknown) {
        set_warning(round, WARNING_COOKIE_REFUSED, refused);
        set_warning(round, WARNING_COOKIE_IGNORED, !refused && !result->authentic);
    }
    store_cookie(round);
    complete(round);
}

static void try_old_cookie(struct daily_round *round)
{
    const struct old_cookie *old = round->plan->daily->old;
    struct nts_cookie cookie = { .len = old->len };
    memcpy(cookie.octets, old->octets, old->len);
    exchange(round, &old->ntp, &old->keys, &cookie, old_cookie_ended);
}

static void use_old_cookie(struct daily_round *round)
{
    if (round->plan->daily->old == NULL) {
        store_cookie(round);
    }
    if (clock_steady() - round->plan->daily->old->stored_at < LIMIT_DAILY_S) {
        complete(round);
        return;
    }
    round->tries = 0;
    try_old_cookie(round);
}

/* -- the round -- */

struct daily_round *daily_start(uv_loop_t *loop, const struct probe_plan *plan,
                                const struct association *association, struct trace *trace,
                                daily_done *done, void *arg)
{
    struct daily_round *round = xcalloc(1, sizeof(*round));
    ASSERT(association->cookie_count > 0);
    round->loop = loop;
    round->plan = plan;
    round->association = association;
    round->trace = trace;
    round->done = done;
    round->arg = arg;
    use_broken_cookie(round);
    return round;
}

void daily_cancel(struct daily_round *round)
{
    if (round->ntp != NULL) {
        ntp_dialog_cancel(round->ntp);
    }
    if (round->web != NULL) {
        web_dialog_cancel(round->web);
    }
    if (round->ke != NULL) {
        ke_dialog_cancel(round->ke);
    }
    release(round);
}
