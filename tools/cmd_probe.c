/* probe: probes a server once, in the foreground, and shows every step. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "probe/daily_checks.h"
#include "probe/lookup.h"
#include "probe/probe_run.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"
#include "tools/trial.h"
#include "zone/names/hostname.h"
#include "zone/registry/consent.h"

/* The server to probe, and the result. */
struct subject {
    struct cli *cli;
    char name[NTS_KE_NAME_ROOM]; /* for the certificate */
    uint16_t port;
    bool member; /* a member of the pool, or probed as one */
    struct address addresses[MEMBER_ADDRESSES_MAX];
    unsigned count;
    bool allow_private;
    struct tls_trust *trust;
    uv_loop_t loop;
    struct trace resolving;
    struct outcome outcome;            /* of the current address */
    char why[NTS_DETAIL_ROOM];         /* the reason if the name was not resolved */
    bool missing;                      /* the name does not exist */
    struct dname apex;                 /* to which the name may consent */
    char consent_name[DNAME_TEXT_MAX]; /* where it does; "": it is a name in the pool */
    bool needs_consent;
    enum lookup_consent consent;
    bool all_good;
    json_t *json; /* list of addresses; NULL: print text */
};

/* `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS]`, `[ADDRESS]:PORT`. Leaves the port untouched if there
 * is none. */
static enum result parse_host(const char *text, char name[NTS_KE_NAME_ROOM], uint16_t *port_out,
                              struct diag *diag)
{
    const char *end = text + strlen(text);
    const char *colon = strrchr(text, ':');
    struct address address;
    bool bare = address_parse(&address, text) == RESULT_OK;
    uint32_t port = *port_out;
    bool bracketed = *text == '[' && end[-1] == ']';
    if (!bare && !bracketed && colon != NULL) {
        if (!output_number(colon + 1, 1, UINT16_MAX, &port)) {
            return diag_fail(diag, RESULT_USAGE, "\"%s\" is no port; 1 to 65535", colon + 1);
        }
        end = colon;
    }
    if (!bare && *text == '[' && end > text && end[-1] == ']') {
        text++;
        end--;
    }
    size_t len = (size_t)(end - text);
    len -= len > 1 && end[-1] == '.' ? 1 : 0;
    if (len == 0 || len >= NTS_KE_NAME_ROOM) {
        return diag_fail(diag, RESULT_USAGE, "give a member's name or HOST[:PORT]");
    }
    memcpy(name, text, len);
    name[len] = '\0';
    *port_out = (uint16_t)port;
    return RESULT_OK;
}

/* A member of the pool; unless `registered`, also one that is none yet. */
static enum result load_member(struct subject *subject, const char *label, bool registered)
{
    struct session session = { 0 };
    struct settings settings;
    struct member member;
    struct diag *diag = &subject->cli->diag;
    enum result result = session_zone(&session, subject->cli, &settings);
    if (result == RESULT_OK) {
        result = session_member(&session, subject->cli, label, &member);
    }
    session_done(&session);
    if (result == RESULT_NOT_FOUND && !registered) {
        member_defaults(&member);
        result = label_check(member.label, label, diag);
    }
    if (result != RESULT_OK) {
        return result;
    }
    struct dname name;
    char text[DNAME_TEXT_MAX];
    if (member.target.len > 0 && consent_name(&name, &member.target) == RESULT_OK) {
        dname_text(&name, subject->consent_name);
        subject->apex = settings.apex;
        subject->needs_consent = consent_is_needed(&member, &settings);
    }
    member_target(&name, &member, &settings.apex);
    subject->port = member.port;
    subject->member = true;
    subject->count = member.address_count;
    memcpy(subject->addresses, member.addresses, sizeof(subject->addresses));
    return parse_host(dname_text(&name, text), subject->name, &subject->port, diag);
}

/* An address that is probed as if it were the member of that name, or as a server of that domain
 * name. */
static enum result find_named(struct subject *subject, const char *name, const char *host)
{
    char text[NTS_KE_NAME_ROOM];
    struct dname domain;
    struct diag *diag = &subject->cli->diag;
    if (strchr(name, '.') == NULL) {
        TRY(load_member(subject, name, false));
    } else if (dname_parse(&domain, name, NULL) != RESULT_OK ||
               hostname_look(&domain) != HOSTNAME_FINE) {
        return diag_fail(diag, RESULT_USAGE, "--name: \"%.80s\" is no name of a server", name);
    } else {
        TRY(parse_host(name, subject->name, &subject->port, diag));
    }
    TRY(parse_host(host, text, &subject->port, diag));
    if (address_parse(&subject->addresses[0], text) != RESULT_OK) {
        return diag_fail(diag, RESULT_USAGE, "--name needs the address to probe, not \"%.80s\"",
                         text);
    }
    subject->count = 1;
    subject->member = true;
    subject->needs_consent = false; /* the DNS is not asked */
    return RESULT_OK;
}

/* A name without a dot or colon is a member of the pool, if there is a pool. */
static enum result find_subject(struct subject *subject, const char *text)
{
    const char *name = cli_value(subject->cli, "name", 0);
    if (name != NULL) {
        return find_named(subject, name, text);
    }
    if (strpbrk(text, ".:") == NULL) {
        enum result result = load_member(subject, text, true);
        if (result != RESULT_MISSING) {
            return result;
        }
    }
    return parse_host(text, subject->name, &subject->port, &subject->cli->diag);
}

static void resolved(const struct lookup_answer *answer, void *arg)
{
    struct subject *subject = arg;
    char text[TRACE_TEXT_ROOM] = "";
    for (unsigned i = 0; i < answer->count; i++) {
        char address[ADDRESS_TEXT_MAX];
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? " " : "",
                       address_text(&answer->addresses[i], address));
    }
    if (answer->count > 0) {
        trace_add(&subject->resolving, uv_hrtime(), "resolve", "%.230s for %u s", text,
                  answer->ttl_s);
    } else {
        trace_add(&subject->resolving, uv_hrtime(), "resolve", "%s", answer->why);
        (void)snprintf(subject->why, sizeof(subject->why), "%s", answer->why);
    }
    subject->consent = answer->consent;
    if (answer->consent != LOOKUP_NOT_ASKED) {
        bool found = answer->consent == LOOKUP_CONSENTS;
        trace_add(&subject->resolving, uv_hrtime(), "consent", "%s: %.200s",
                  found ? "found" : answer->consent_why, subject->consent_name);
    }
    subject->missing = answer->state == LOOKUP_NO_NAME;
    memcpy(subject->addresses, answer->addresses, answer->count * sizeof(subject->addresses[0]));
    subject->count = answer->count;
}

static void resolve(struct subject *subject)
{
    struct address address;
    trace_start(&subject->resolving, uv_hrtime());
    if (address_parse(&address, subject->name) == RESULT_OK) {
        subject->addresses[0] = address;
        subject->count = 1;
        return;
    }
    struct lookup *lookup = lookup_start(&subject->loop, NULL, subject->name, resolved, subject);
    if (lookup == NULL) {
        (void)snprintf(subject->why, sizeof(subject->why), "no resolver can be asked");
        return;
    }
    if (subject->consent_name[0] != '\0') {
        lookup_ask_consent(lookup, subject->consent_name, &subject->apex);
    }
    uv_run(&subject->loop, UV_RUN_DEFAULT);
}

static void probed(const struct outcome *outcome, void *arg)
{
    struct subject *subject = arg;
    subject->outcome = *outcome;
}

static void print_steps(const struct trace *trace)
{
    for (unsigned i = 0; i < trace->count; i++) {
        char text[TRACE_TEXT_ROOM];
        const struct trace_step *step = &trace->steps[i];
        (void)printf("%10.1f ms  %+9.1f  %-13s  %s\n", step->at_us / 1e3, step->took_us / 1e3,
                     step->name, output_escape(text, sizeof(text), step->text));
    }
}

static json_t *json_steps(const struct trace *trace)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < trace->count; i++) {
        const struct trace_step *step = &trace->steps[i];
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:o}", "step", step->name, "at_ms",
                                              step->at_us / 1e3, "took_ms", step->took_us / 1e3,
                                              "text", json_text(step->text)));
    }
    return list;
}

static void print_verdict(const struct outcome *outcome)
{
    char detail[NTS_DETAIL_ROOM];
    if (outcome->failure == FAILURE_NONE) {
        (void)printf("  good\n");
    } else {
        const char *source = failure_source(outcome->failure);
        (void)printf("  failed: %s: %s\n  what to do: %s\n", failure_id(outcome->failure),
                     output_escape(detail, sizeof(detail), outcome->detail),
                     failure_advice(outcome->failure));
        if (*source != '\0') {
            (void)printf("  source: %s\n", source);
        }
    }
    for (unsigned bit = 1; bit <= outcome->warnings; bit <<= 1) {
        if ((outcome->warnings & bit) != 0) {
            (void)printf("  warning: %s\n", warning_text((enum warning)bit));
        }
    }
}

static json_t *json_verdict(const struct outcome *outcome)
{
    json_t *out = json_object();
    json_object_set_new(out, "good", json_boolean(outcome->failure == FAILURE_NONE));
    json_object_set_new(out, "failure", json_string(failure_id(outcome->failure)));
    json_object_set_new(out, "failed_at",
                        json_text_or_null(outcome->failed_at != NULL ? outcome->failed_at : ""));
    json_object_set_new(out, "detail", json_text_or_null(outcome->detail));
    json_object_set_new(out, "advice", json_string(failure_advice(outcome->failure)));
    json_object_set_new(out, "source", json_text_or_null(failure_source(outcome->failure)));
    json_object_set_new(out, "certificate_for", json_text_or_null(outcome->certificate.subject));
    json_object_set_new(out, "cert_not_after", json_time(outcome->certificate.not_after));
    json_object_set_new(out, "aead",
                        outcome->aead != 0 ? json_integer(outcome->aead) : json_null());
    json_t *warnings = json_array();
    for (unsigned bit = 1; bit <= outcome->warnings; bit <<= 1) {
        if ((outcome->warnings & bit) != 0) {
            json_array_append_new(warnings, json_string(warning_text((enum warning)bit)));
        }
    }
    json_object_set_new(out, "warnings", warnings);
    if (outcome->timed) {
        const struct ntp_sample *sample = &outcome->sample;
        json_object_set_new(out, "offset_us", json_integer(sample->offset_us));
        json_object_set_new(out, "rtt_us", json_integer(sample->rtt_us));
        json_object_set_new(out, "stratum", json_integer(sample->stratum));
        json_object_set_new(out, "root_distance_us", json_integer(sample->root_distance_us));
    }
    json_object_set_new(out, "steps", json_steps(&outcome->trace));
    return out;
}

static void show(struct subject *subject, const char *address)
{
    subject->all_good &= subject->outcome.failure == FAILURE_NONE;
    if (subject->json != NULL) {
        json_t *row = json_verdict(&subject->outcome);
        json_object_set_new(row, "address", json_text_or_null(address));
        json_array_append_new(subject->json, row);
        return;
    }
    char name[NTS_KE_NAME_ROOM];
    (void)printf("%s %s%sport %u\n", output_escape(name, sizeof(name), subject->name), address,
                 *address != '\0' ? " " : "", subject->port);
    print_steps(&subject->outcome.trace);
    print_verdict(&subject->outcome);
    (void)fflush(stdout);
}

static void probe_each(struct subject *subject)
{
    for (unsigned i = 0; i < subject->count; i++) {
        struct daily_checks daily = { 0 };
        const struct probe_plan plan = {
            .name = subject->name,
            .endpoint = { subject->addresses[i], subject->port },
            .registered = subject->addresses,
            .registered_count = subject->count,
            .allow_private = subject->allow_private,
            .allow_foreign = !subject->member,
            .trust = subject->trust,
            .daily = &daily,
        };
        struct association *association = NULL;
        char text[ADDRESS_TEXT_MAX];
        (void)probe_run_start(&subject->loop, &plan, &association, probed, subject);
        uv_run(&subject->loop, UV_RUN_DEFAULT);
        association_free(association);
        daily_forget(&daily);
        show(subject, address_text(&subject->addresses[i], text));
    }
}

static void probe_all(struct subject *subject)
{
    bool json = subject->json != NULL;
    subject->all_good = true;
    if (subject->count == 0) {
        resolve(subject);
        if (!json) {
            print_steps(&subject->resolving);
        }
    }
    if (subject->count == 0) {
        subject->outcome = (struct outcome){
            .failure = subject->missing ? FAILURE_RESOLVE_MISSING : FAILURE_RESOLVE,
            .failed_at = "resolve",
        };
        memcpy(subject->outcome.detail, subject->why, sizeof(subject->outcome.detail));
        show(subject, "");
    } else if (subject->needs_consent && subject->consent != LOOKUP_CONSENTS) {
        subject->outcome = (struct outcome){ .failure = FAILURE_CONSENT, .failed_at = "consent" };
        (void)snprintf(subject->outcome.detail, sizeof(subject->outcome.detail), "%.100s",
                       subject->consent_name);
        show(subject, "");
    }
    probe_each(subject);
    if (json) {
        json_t *out = json_object();
        json_object_set_new(out, "name", json_text(subject->name));
        json_object_set_new(out, "port", json_integer(subject->port));
        json_object_set_new(out, "good", json_boolean(subject->all_good));
        json_object_set_new(out, "resolve", json_steps(&subject->resolving));
        json_object_set_new(out, "addresses", subject->json);
        json_print(out);
    }
}

int cmd_probe(struct cli *cli, int, char **argv)
{
    struct subject subject = { .cli = cli, .port = MEMBER_PORT };
    const struct config *config = cli->config;
    const char *trust = cli_value(cli, "trust", 0);
    subject.allow_private =
        cli_flag(cli, "allow-private") || (config->allow_private != NULL && *config->allow_private);
    if (sodium_init() < 0) {
        return cli_fail(cli, diag_fail(&cli->diag, RESULT_CRYPTO, "libsodium can't be set up"));
    }
    enum result result = find_subject(&subject, argv[0]);
    if (result == RESULT_OK) {
        result = tls_trust_new(&subject.trust, trust != NULL ? trust : config->trust, &cli->diag);
    }
    if (result == RESULT_OK) {
        /* before the first packet: a server may be hostile, and this process has the rights of its
         * user */
        result = trial_confine(&cli->diag);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    subject.json = cli->json ? json_array() : NULL;
    cli_show(cli);
    CHECK(uv_loop_init(&subject.loop) == 0);
    probe_all(&subject);
    CHECK(uv_loop_close(&subject.loop) == 0);
    tls_trust_free(subject.trust);
    return subject.all_good ? CLI_DONE : CLI_FAILED;
}
