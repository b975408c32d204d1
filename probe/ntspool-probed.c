/* ntspool-probed, the probe daemon: reads its options, starts the prober and waits for a signal.
 *
 * It talks to hostile servers, so it has no store: it reads the feed and writes a journal. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "probe/prober.h"
#include "zone/base/complete.h"
#include "zone/base/instance.h"
#include "zone/base/log.h"
#include "zone/base/notify.h"
#include "zone/base/preflight.h"
#include "zone/base/sandbox.h"
#include "zone/base/syscalls.h"
#include "zone/base/user.h"
#include "zone/registry/config.h"
#include "zone/registry/settings.h"
#include "zone/verdicts/feed.h"
#include "zone/verdicts/journal.h"

static const struct option_row known_options[] = {
    { "interval", 'i', "TIME", false, "between two probes of an address (default 64s)" },
    { "trust", 't', "FILE", false,
      "PEM file of the CAs that members' certificates must lead to (default: the\n"
      "system's); read again on SIGHUP" },
    { "id", 'I', "NAME", false, "this vantage point's name, if there are several (default local)" },
    { "reference", 'r', "HOST", true,
      "time server to check ourselves against, nts:HOST by NTS; up to 8" },
    { "allow-private", 'p', NULL, false, "probe addresses of private and special ranges too" },
    { "once", '1', NULL, false, "probe every member once, print one line an address, and end" },
    { "user", 'u', "NAME", false, "become this user after a start as root" },
    { "log-level", 'g', "LEVEL", false,
      "least urgent messages to log: " LOG_LEVELS "\n(default " LOG_LEVEL_PRESET ")" },
    { "state", 's', "DIR", false, "the pool's state (default " CONFIG_STATE_PRESET ")" },
    { "config", 'c', "FILE", false, "options from a YAML file, named like the long ones here" },
    { "check", 'C', NULL, false,
      "check whether a start with these options would succeed, say what\n"
      "is wrong, and end; changes nothing, also while a probe runs" },
    { "help", 'h', NULL, false, "this text" },
    { "version", 'V', NULL, false, "the version" },
    { 0 },
};

static const struct program_text self = {
    "ntspool-probed",
    "Confirms the NTS service of a pool's members and reports what it saw, in a journal.", "", 20
};

struct probed_options {
    const char *state, *trust, *id, *user;
    bool allow_private, once, check;
    uint32_t interval_s;
    const char *references[REFERENCES_MAX];
    unsigned reference_count;
};

enum {
    BEAT_MS = 1000 * INSTANCE_BEAT_S,
    BEATS_A_STATUS = 5, /* and totals */
};

struct program {
    uv_loop_t loop;
    uv_signal_t terminate, interrupt, hangup;
    uv_timer_t beat;
    unsigned beats;
    struct notify notify;
    struct instance *instance; /* NULL with --once */
    int totals;                /* the file; -1: none */
    const char *trust_file;
    struct tls_trust *trust;
    struct references *references;
    struct prober *prober;
};

static char vantage[VANTAGE_ROOM]; /* our name, for the log */

static void log_line(int priority, const struct log_fields *fields, const char *text)
{
    struct log_fields all = fields != NULL ? *fields : (struct log_fields){ 0 };
    all.vantage = vantage[0] != '\0' ? vantage : NULL;
    log_write("ntspool-probed", priority, &all, text);
}

static void print_verdict(const char *label, const struct address_health *row)
{
    char address[ADDRESS_TEXT_MAX];
    bool fine = row->failure == FAILURE_NONE;
    (void)printf("%s %s %s score %.3f%s%s%s\n", label, address_text(&row->address, address),
                 failure_id(row->failure), row->score_milli / 1000.0, fine ? "" : " (",
                 fine ? "" : row->detail, fine ? "" : ")");
    (void)fflush(stdout);
}

static enum result read_references(struct probed_options *out, const struct arguments *arguments,
                                   const struct config *config, struct diag *diag)
{
    size_t count = arguments_count(arguments, "reference");
    if (count > REFERENCES_MAX) {
        return diag_fail(diag, RESULT_USAGE, "there may be %d references", REFERENCES_MAX);
    }
    out->reference_count = count > 0 ? (unsigned)count : config->reference_count;
    for (unsigned i = 0; i < out->reference_count; i++) {
        out->references[i] =
            count > 0 ? arguments_value(arguments, "reference", i) : config->reference[i];
    }
    return RESULT_OK;
}

/* Texts in `out` are those of the command line or of `config`. */
static enum result read_options(struct probed_options *out, const struct arguments *arguments,
                                const struct config *config, struct diag *diag)
{
    const char *interval = arguments_text(arguments, "interval", config->interval, "64s");
    out->state = arguments_text(arguments, "state", config->state, CONFIG_STATE_PRESET);
    out->trust = arguments_text(arguments, "trust", config->trust, NULL);
    out->id = arguments_text(arguments, "id", config->id, VANTAGE_PRESET);
    out->user = arguments_text(arguments, "user", config->user, NULL);
    out->once = arguments_count(arguments, "once") > 0;
    out->check = arguments_count(arguments, "check") > 0;
    out->allow_private = arguments_count(arguments, "allow-private") > 0 ||
                         (config->allow_private != NULL && *config->allow_private);
    TRY(read_references(out, arguments, config, diag));
    TRY(log_level_set(arguments_text(arguments, "log-level", config->log_level, LOG_LEVEL_PRESET),
                      diag));
    if (duration_parse(&out->interval_s, interval) != RESULT_OK || out->interval_s < 1 ||
        out->interval_s > 86400) {
        return diag_fail(diag, RESULT_USAGE, "--interval takes a time from 1s to 1d, not \"%s\"",
                         interval);
    }
    if (!vantage_name_fine(out->id)) {
        return diag_fail(diag, RESULT_USAGE,
                         "--id takes 1 to %d of a-z, 0-9 and hyphens, no hyphen first, not \"%s\"",
                         VANTAGE_ROOM - 1, out->id);
    }
    return RESULT_OK;
}

/* Whether the kernel's clock is synchronised. */
static const char *const calls[] = { "adjtimex", "clock_adjtime", NULL };

/* After everything that is opened once, and before the first packet from a member. */
static enum result confine(const struct probed_options *options, struct diag *diag)
{
    struct sandbox sandbox;
    char path[PATH_MAX];
    if (geteuid() == 0) {
        log_say(log_line, LOG_NOTICE,
                "runs as root, which it does not need: give it a user (--user)");
    }
    if (options->reference_count == 0 && !reference_kernel_answers()) {
        log_say(
            log_line, LOG_WARNING,
            "a system call filter (ProtectClock=?) hides whether the clock is synchronised, so a "
            "wrong clock is not noticed: allow clock_adjtime, or give --reference");
    }
    sandbox_begin(&sandbox, true);
    (void)snprintf(path, sizeof(path), "%s/" FEED_DIR, options->state);
    sandbox_allow(&sandbox, path, SANDBOX_READ);
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_DIR, options->state);
    sandbox_allow(&sandbox, path, SANDBOX_WRITE);
    if (options->trust != NULL) {
        sandbox_allow_file(&sandbox, options->trust, options->state);
    }
    return sandbox_enter_daemon(&sandbox, calls, log_line, diag);
}

static void close_handles(struct program *program)
{
    uv_handle_t *handles[] = { (uv_handle_t *)&program->terminate,
                               (uv_handle_t *)&program->interrupt, (uv_handle_t *)&program->hangup,
                               (uv_handle_t *)&program->beat };
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        if (!uv_is_closing(handles[i])) {
            uv_close(handles[i], NULL);
        }
    }
}

/* The loop moves, so the probe does. */
static void on_beat(uv_timer_t *beat)
{
    struct program *program = beat->data;
    instance_beat(program->instance);
    (void)notify_send(&program->notify, "WATCHDOG=1");
    if (program->beats++ % BEATS_A_STATUS == 0) {
        probe_totals_write(prober_totals(program->prober), program->totals);
        (void)notify_send(&program->notify, "STATUS=probes %zu members",
                          prober_members(program->prober));
    }
}

/* The feed is read and the first probes are on their way. The beat does not keep the loop alive. */
static void report_ready(struct program *program)
{
    (void)notify_send(&program->notify, "READY=1");
    on_beat(&program->beat);
    uv_timer_start(&program->beat, on_beat, BEAT_MS, BEAT_MS);
}

static void on_stop(uv_signal_t *signal, int)
{
    struct program *program = signal->data;
    log_say(log_line, LOG_INFO, "ending");
    (void)notify_send(&program->notify, "STOPPING=1\nSTATUS=ends");
    prober_stop(program->prober);
    close_handles(program);
}

static void on_hangup(uv_signal_t *signal, int)
{
    struct program *program = signal->data;
    struct tls_trust *trust = NULL;
    struct diag diag = { "" };
    if (tls_trust_new(&trust, program->trust_file, &diag) != RESULT_OK) {
        log_say(log_line, LOG_ERR, "%s", diag.text);
        return;
    }
    prober_set_trust(program->prober, trust);
    tls_trust_free(program->trust);
    program->trust = trust;
    log_say(log_line, LOG_INFO, "read the trusted CAs again");
}

/* The signals don't keep the loop alive, since with --once the prober ends it. With --once SIGTERM
 * and SIGINT end the program at once, because its output may block. */
static void start_signals(struct program *program, bool once)
{
    const struct {
        uv_signal_t *handle;
        uv_signal_cb what;
        int number;
    } rows[] = { { &program->terminate, on_stop, SIGTERM },
                 { &program->interrupt, on_stop, SIGINT },
                 { &program->hangup, on_hangup, SIGHUP } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rows[i].handle->data = program;
        uv_signal_init(&program->loop, rows[i].handle);
        if (!once || rows[i].number == SIGHUP) {
            uv_signal_start(rows[i].handle, rows[i].what, rows[i].number);
        }
        uv_unref((uv_handle_t *)rows[i].handle);
    }
}

static enum result open_all(struct program *program, const struct probed_options *options,
                            struct diag *diag)
{
    program->trust_file = options->trust;
    TRY(tls_trust_new(&program->trust, options->trust, diag));
    return options->reference_count == 0 ? RESULT_OK
                                         : references_new(&program->references, options->references,
                                                          options->reference_count, diag);
}

/* Lets `status` see that this vantage point's daemon runs, and the metrics what it does. The
 * journal has kept away a second one already. */
static void claim_vantage(struct program *program, const struct probed_options *options)
{
    char directory[PATH_MAX];
    struct diag diag = { "" };
    (void)snprintf(directory, sizeof(directory), "%s/" JOURNAL_DIR, options->state);
    if (instance_claim(&program->instance, directory, options->id, 0, &diag) != RESULT_OK) {
        log_say(log_line, LOG_WARNING, "ntspool status can't tell that this runs: %s", diag.text);
    }
    if (probe_totals_open(&program->totals, options->state, options->id, &diag) != RESULT_OK) {
        log_say(log_line, LOG_WARNING, "the metrics can't tell what this does: %s", diag.text);
    }
}

static enum result run_prober(struct program *program, const struct probed_options *options,
                              struct diag *diag)
{
    const struct prober_options how = {
        .state_dir = options->state,
        .references = program->references,
        .trust = program->trust,
        .vantage = options->id,
        .interval_ms = options->interval_s * 1000,
        .allow_private = options->allow_private,
        .once = options->once,
        .log = log_line,
        .report = options->once ? print_verdict : NULL,
    };
    TRY(prober_new(&program->prober, &program->loop, &how, diag));
    if (!options->once) {
        claim_vantage(program, options);
    }
    enum result result = confine(options, diag);
    start_signals(program, options->once);
    uv_timer_init(&program->loop, &program->beat);
    uv_unref((uv_handle_t *)&program->beat);
    program->beat.data = program;
    if (result == RESULT_OK) {
        report_ready(program);
    } else {
        prober_stop(program->prober);
    }
    uv_run(&program->loop, UV_RUN_DEFAULT);
    close_handles(program);
    uv_run(&program->loop, UV_RUN_DEFAULT);
    if (result == RESULT_OK && options->once && !prober_has_written(program->prober)) {
        result =
            diag_fail(diag, RESULT_SYSTEM, "nothing counts, since the verdicts were not written");
    }
    prober_free(program->prober);
    instance_free(program->instance);
    if (program->totals >= 0) {
        (void)close(program->totals);
    }
    return result;
}

static enum result run(struct program *program, const struct probed_options *options,
                       struct diag *diag)
{
    syscalls_hide();
    enum result result = open_all(program, options, diag);
    if (result == RESULT_OK) {
        CHECK(uv_loop_init(&program->loop) == 0);
        result = run_prober(program, options, diag);
        CHECK(uv_loop_close(&program->loop) == 0);
    }
    references_free(program->references);
    tls_trust_free(program->trust);
    return result;
}

/* The members come from the feed, and this vantage point has to be in it to count. */
static void check_feed(struct preflight *preflight, const struct probed_options *options)
{
    struct feed *feed = NULL;
    struct diag diag = { "" }, line;
    if (feed_read(&feed, options->state, &diag) != RESULT_OK) {
        preflight_problem(preflight, diag.text);
        return;
    }
    if (vantage_keys_find(&feed->vantages, options->id) == NULL) {
        (void)diag_fail(&line, RESULT_OK,
                        "the pool does not know the vantage point %s, so its verdicts count for "
                        "nothing: add it with ntspool vantage add",
                        options->id);
        preflight_warning(preflight, line.text);
    }
    feed_free(feed);
}

/* The directory of journals is made at a start, and so is the key. */
static void check_journal(struct preflight *preflight, const struct probed_options *options)
{
    char directory[PATH_MAX], key[PATH_MAX + VANTAGE_ROOM + 8];
    uint8_t secret[REPORT_SECRET_LEN];
    struct diag diag = { "" };
    (void)snprintf(directory, sizeof(directory), "%s/" JOURNAL_DIR, options->state);
    (void)snprintf(key, sizeof(key), "%s/%s.key", directory, options->id);
    bool is_there = access(directory, F_OK) == 0;
    if (access(is_there ? directory : options->state, W_OK | X_OK) != 0) {
        (void)diag_fail(&diag, RESULT_SYSTEM, "no report can be written to %s: %s", directory,
                        strerror(errno));
        preflight_problem(preflight, diag.text);
    } else if (access(key, F_OK) == 0) {
        preflight_judge(preflight, journal_key(options->state, options->id, secret, &diag), &diag);
        sodium_memzero(secret, sizeof(secret));
    }
}

/* `--check`: would a start with these options succeed? Opens no socket and writes no file. */
static bool check(struct program *program, const struct probed_options *options)
{
    struct preflight preflight = { .log = log_line };
    struct diag diag = { "" };
    if (options->user != NULL) {
        preflight_judge(&preflight, user_become(options->user, &diag), &diag);
    }
    preflight_judge(&preflight, open_all(program, options, &diag), &diag);
    references_free(program->references);
    tls_trust_free(program->trust);
    check_feed(&preflight, options);
    check_journal(&preflight, options);
    return preflight_done(&preflight);
}

/* `*config` stays the caller's: the options point into it. `*good` is
 * false if --check found a problem. */
static enum result start(struct program *program, const struct arguments *arguments,
                         struct config **config, bool *good, struct diag *diag)
{
    struct probed_options options = { 0 };
    TRY(config_load(config, arguments_value(arguments, "config", 0), diag));
    TRY(read_options(&options, arguments, *config, diag));
    (void)snprintf(vantage, sizeof(vantage), "%s", options.id);
    if (options.check) {
        *good = check(program, &options);
        return RESULT_OK;
    }
    if (options.user != NULL) {
        TRY(user_become(options.user, diag));
    }
    notify_open(&program->notify);
    enum result result = run(program, &options, diag);
    notify_close(&program->notify);
    return result;
}

int main(int, char **argv)
{
    struct program program = { .totals = -1 };
    struct arguments arguments = { .tables = { known_options } };
    struct config *config = NULL;
    struct diag diag = { "" };
    int exit_code = 0;
    bool good = true;
    if (complete_program(&arguments, argv, &exit_code) ||
        !arguments_read(&arguments, &self, argv, &exit_code)) {
        arguments_free(&arguments);
        return exit_code;
    }
    /* none of these ends the program; SIGHUP has a handler later */
    static const int ignored[] = { SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2, SIGXFSZ };
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
    log_open();
    if (sodium_init() < 0) {
        log_say(log_line, LOG_ERR, "libsodium can't be set up");
        return 1;
    }
    enum result result = start(&program, &arguments, &config, &good, &diag);
    config_free(config);
    arguments_free(&arguments);
    if (result != RESULT_OK) {
        log_say(log_line, LOG_ERR, "%s", diag.text);
        return result == RESULT_USAGE ? 2 : 1;
    }
    return good ? 0 : 1;
}
