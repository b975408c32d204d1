#include "tools/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "probe/lookup.h"
#include "probe/probe_run.h"
#include "tools/output.h"
#include "zone/base/clock.h"
#include "zone/base/file.h"
#include "zone/base/sandbox.h"
#include "zone/registry/consent.h"

/* What the process hands back. */
struct trial_report {
    enum result result;
    struct diag diag;
    struct trial_result trial;
};

/* The process that probes. */
struct trial_probe {
    const struct trial_plan *plan;
    bool allow_private;
    uv_loop_t loop;
    struct tls_trust *trust;
    char name[DNAME_TEXT_MAX]; /* of the server */
    char consent_name[DNAME_TEXT_MAX];
    struct lookup_answer found;
    struct trial_report report;
};

enum result trial_confine(struct diag *diag)
{
    struct sandbox sandbox;
    (void)clock_now(); /* opens the test clock's file, if there is one */
    sandbox_begin(&sandbox, true);
    enum result result = sandbox_enter(&sandbox, diag);
    if (result == RESULT_MISSING) {
        (void)fprintf(stderr, "ntspool: %s\n", diag->text);
        result = RESULT_OK;
    }
    return result;
}

static void undotted(const struct dname *name, char out[DNAME_TEXT_MAX])
{
    dname_text(name, out);
    out[strlen(out) - 1] = '\0';
}

static struct trial_row *add_row(struct trial_result *trial, enum failure failure)
{
    ASSERT(trial->count < MEMBER_ADDRESSES_MAX);
    struct trial_row *row = &trial->rows[trial->count++];
    *row = (struct trial_row){ .failure = failure };
    return row;
}

static void resolved(const struct lookup_answer *answer, void *arg)
{
    struct trial_probe *prober = arg;
    prober->found = *answer;
}

/* False if there is nothing to probe. */
static bool resolve(struct trial_probe *prober)
{
    const struct trial_plan *plan = prober->plan;
    struct lookup_answer *found = &prober->found;
    struct dname name;
    *found = (struct lookup_answer){ .state = LOOKUP_FAILED, .why = "no resolver can be asked" };
    struct lookup *lookup = lookup_start(&prober->loop, NULL, prober->name, resolved, prober);
    if (lookup != NULL && plan->consent &&
        consent_name(&name, &plan->member->target) == RESULT_OK) {
        undotted(&name, prober->consent_name);
        lookup_ask_consent(lookup, prober->consent_name, plan->apex);
    }
    uv_run(&prober->loop, UV_RUN_DEFAULT);
    struct trial_result *trial = &prober->report.trial;
    if (found->state != LOOKUP_FOUND) {
        bool missing = found->state == LOOKUP_NO_NAME;
        struct trial_row *row = add_row(trial, missing ? FAILURE_RESOLVE_MISSING : FAILURE_RESOLVE);
        (void)snprintf(row->detail, sizeof row->detail, "%s", found->why);
        return false;
    }
    if (plan->consent && found->consent != LOOKUP_CONSENTS) {
        struct trial_row *row = add_row(trial, FAILURE_CONSENT);
        (void)snprintf(row->detail, sizeof row->detail, "%s: %.80s",
                       found->consent_why != NULL ? found->consent_why : "not looked up",
                       prober->consent_name);
        return false;
    }
    return true;
}

static void probed(const struct outcome *outcome, void *arg)
{
    struct trial_probe *prober = arg;
    struct trial_row *row = add_row(&prober->report.trial, outcome->failure);
    (void)snprintf(row->detail, sizeof row->detail, "%s", outcome->detail);
}

static void probe_each(struct trial_probe *prober, const struct address *addresses, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct probe_plan plan = {
            .name = prober->name,
            .endpoint = { addresses[i], prober->plan->member->port },
            .registered = addresses,
            .registered_count = count,
            .allow_private = prober->allow_private,
            .trust = prober->trust,
        };
        struct association *association = NULL;
        (void)probe_run_start(&prober->loop, &plan, &association, probed, prober);
        uv_run(&prober->loop, UV_RUN_DEFAULT);
        association_free(association);
        prober->report.trial.rows[i].address = addresses[i];
    }
}

static enum result probe_all(struct trial_probe *prober, const struct cli *cli)
{
    const struct config *config = cli->config;
    const char *trust = cli_value(cli, "trust", 0);
    const struct member *member = prober->plan->member;
    struct dname name;
    if (sodium_init() < 0) {
        return diag_fail(&prober->report.diag, RESULT_CRYPTO, "libsodium can't be set up");
    }
    TRY(tls_trust_new(&prober->trust, trust != NULL ? trust : config->trust, &prober->report.diag));
    prober->allow_private =
        cli_flag(cli, "allow-private") || (config->allow_private != NULL && *config->allow_private);
    TRY(trial_confine(&prober->report.diag));
    member_target(&name, member, prober->plan->apex);
    undotted(&name, prober->name);
    CHECK(uv_loop_init(&prober->loop) == 0);
    if (member->target.len == 0) {
        probe_each(prober, member->addresses, member->address_count);
    } else if (resolve(prober)) {
        probe_each(prober, prober->found.addresses, prober->found.count);
    }
    return RESULT_OK;
}

_Noreturn static void child(int to, const struct trial_plan *plan, const struct cli *cli)
{
    struct trial_probe *prober = xcalloc(1, sizeof *prober);
    prober->plan = plan;
    prober->report.result = probe_all(prober, cli);
    _exit(file_write_all(to, &prober->report, sizeof prober->report) ? 0 : 1);
}

/* Reads what the process hands back. It may be whatever a hostile server has made of it. */
static bool receive(int from, struct trial_report *out)
{
    size_t at = 0;
    ssize_t got = 0;
    do {
        got = read(from, (char *)out + at, sizeof *out - at);
        at += got > 0 ? (size_t)got : 0;
    } while (at < sizeof *out && (got > 0 || (got < 0 && errno == EINTR)));
    struct trial_result *trial = &out->trial;
    for (unsigned i = 0; i < MEMBER_ADDRESSES_MAX; i++) {
        trial->rows[i].detail[HEALTH_DETAIL_ROOM - 1] = '\0';
    }
    out->diag.text[sizeof out->diag.text - 1] = '\0';
    return at == sizeof *out && trial->count <= MEMBER_ADDRESSES_MAX &&
           (out->result != RESULT_OK || trial->count > 0);
}

static enum result run(struct trial_report *out, const struct trial_plan *plan, struct cli *cli)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return diag_fail(&cli->diag, RESULT_SYSTEM, "can't make a pipe: %s", strerror(errno));
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(ends[1], plan, cli);
    }
    (void)close(ends[1]);
    bool whole = pid > 0 && receive(ends[0], out);
    (void)close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return whole ? RESULT_OK
                 : diag_fail(&cli->diag, RESULT_SYSTEM, "the process that probes ended by itself");
}

/* -- what came of it -- */

/* No fault before the member is registered. */
static bool is_early(enum failure failure, const struct member *member)
{
    switch (failure) {
    case FAILURE_CERT_CHAIN:
    case FAILURE_CERT_EXPIRED:
    case FAILURE_CERT_NOT_YET:
    case FAILURE_CERT_NAME:
    case FAILURE_CERT_USAGE:
    case FAILURE_CERT_STAPLE:
        return member->target.len == 0;
    default:
        return false;
    }
}

/* "192.0.2.1 ", or "" if there is no address. */
static const char *subject_of(const struct trial_row *row, char out[ADDRESS_TEXT_MAX + 2])
{
    static const struct address none;
    char text[ADDRESS_TEXT_MAX];
    bool known = !address_equal(&row->address, &none);
    (void)snprintf(out, ADDRESS_TEXT_MAX + 2, "%s%s",
                   known ? address_text(&row->address, text) : "", known ? ": " : "");
    return out;
}

enum result trial_run(struct trial_result *out, const struct trial_plan *plan, struct cli *cli)
{
    struct trial_report report = { .result = RESULT_OK };
    *out = (struct trial_result){ .count = 0 };
    if (cli_flag(cli, "no-probe")) {
        return RESULT_OK;
    }
    TRY(run(&report, plan, cli));
    if (report.result != RESULT_OK) {
        return diag_fail(&cli->diag, RESULT_SYSTEM, "%s", report.diag.text);
    }
    *out = report.trial;
    for (unsigned i = 0; i < out->count; i++) {
        const struct trial_row *row = &out->rows[i];
        char subject[ADDRESS_TEXT_MAX + 2];
        if (row->failure != FAILURE_NONE && !is_early(row->failure, plan->member)) {
            return diag_fail(&cli->diag, RESULT_REFUSED, "%s%s (%s). %s Or use --no-probe.",
                             subject_of(row, subject), failure_id(row->failure), row->detail,
                             failure_advice(row->failure));
        }
    }
    return RESULT_OK;
}

void trial_print(FILE *out, const struct trial_result *trial)
{
    for (unsigned i = 0; i < trial->count; i++) {
        const struct trial_row *row = &trial->rows[i];
        char subject[ADDRESS_TEXT_MAX + 2], safe[2 * HEALTH_DETAIL_ROOM];
        bool good = row->failure == FAILURE_NONE;
        (void)fprintf(out, "probed %s%s%s%s%s\n", subject_of(row, subject),
                      failure_id(row->failure), good ? "" : " (",
                      good ? "" : output_escape(safe, sizeof safe, row->detail),
                      good ? "" : "), as is usual without the certificate");
    }
}

json_t *trial_json(const struct trial_result *trial)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < trial->count; i++) {
        const struct trial_row *row = &trial->rows[i];
        char text[ADDRESS_TEXT_MAX];
        json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "address",
                                              json_text(address_text(&row->address, text)),
                                              "failure", failure_id(row->failure), "detail",
                                              json_text_or_null(row->detail)));
    }
    return list;
}
