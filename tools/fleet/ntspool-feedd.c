/* ntspool-feedd keeps this machine in step with its fleet: it takes the changes of the ledger into
 * the registry, and exchanges with other machines what each has to say. No other program speaks to
 * the engine while it runs, but the commands that change something.
 *
 * One loop drives all. Nothing is lost whenever it ends: what it takes is committed with the
 * position, and what it says is said again. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/fleet/feedhello.h"
#include "tools/fleet/feedkeys.h"
#include "tools/fleet/feedletter.h"
#include "tools/fleet/feedmembers.h"
#include "tools/fleet/feedpeers.h"
#include "tools/fleet/feedstatus.h"
#include "tools/fleet/feedtraffic.h"
#include "tools/fleet/membership.h"
#include "tools/fleet/verdictsin.h"
#include "tools/fleet/verdictsout.h"
#include "zone/base/arguments.h"
#include "zone/base/clock.h"
#include "zone/base/complete.h"
#include "zone/base/instance.h"
#include "zone/base/notify.h"
#include "zone/base/preflight.h"
#include "zone/base/sandbox.h"
#include "zone/base/syscalls.h"
#include "zone/base/u64.h"
#include "zone/base/user.h"
#include "zone/fleet/keyfiles.h"
#include "zone/registry/config.h"
#include "zone/verdicts/feed.h"
#include "zone/verdicts/journal.h"

#define INSTANCE_NAME "ntspool-feedd"

enum {
    DIR_MODE = 0755,
    BEAT_MS = 1000 * INSTANCE_BEAT_S,
    BEATS_A_LOOK = 5 /* at the state directory; and status for the service manager */
};

static const struct option_row known_options[] = {
    { "user", 'u', "NAME", false, "become this user after a start as root" },
    { "log-level", 'g', "LEVEL", false,
      "least urgent messages to log: " LOG_LEVELS "\n(default " LOG_LEVEL_PRESET ")" },
    { "state", 's', "DIR", false, "the pool's state (default " CONFIG_STATE_PRESET ")" },
    { "config", 'c', "FILE", false, "options from a YAML file, named like the long ones here" },
    { "check", 'C', NULL, false,
      "check whether a start with these options would succeed, say what\n"
      "is wrong, and end; changes nothing, also while a feed runs" },
    { "help", 'h', NULL, false, "this text" },
    { "version", 'V', NULL, false, "the version" },
    { 0 },
};

static const struct program_text self = {
    INSTANCE_NAME, "Keeps this machine in step with the other machines of its fleet.", "", 20
};

/* In this order, after the ledger. */
static const struct feeder_channel *const channels[] = {
    &feedhello_channel,  &feedpeers_channel,   &feedmembers_channel, &feedtraffic_channel,
    &verdictsin_channel, &verdictsout_channel, &feedkeys_channel,
};

enum {
    CHANNELS = sizeof(channels) / sizeof(channels[0])
};

struct feedd_options {
    const char *state, *user;
    bool check;
};

struct program {
    struct membership membership;
    uint64_t mark; /* of its lines */
    struct feeder feeder;
    struct follow *follow;
    struct feedstatus status;
    void *channels[CHANNELS]; /* NULL: this machine has none */
    struct notify notify;
    struct instance *instance; /* NULL: the state can't be claimed */
    int signals;               /* signalfd(2) */
    uint64_t beat_at;
    unsigned beats;
};

static void log_line(int priority, const struct log_fields *fields, const char *text)
{
    log_write(INSTANCE_NAME, priority, fields, text);
}

static enum result read_options(struct feedd_options *out, const struct arguments *arguments,
                                const struct config *config, struct diag *diag)
{
    *out = (struct feedd_options){
        .state = arguments_text(arguments, "state", config->state, CONFIG_STATE_PRESET),
        .user = arguments_text(arguments, "user", config->user, NULL),
        .check = arguments_count(arguments, "check") > 0,
    };
    return log_level_set(
        arguments_text(arguments, "log-level", config->log_level, LOG_LEVEL_PRESET), diag);
}

static enum result read_membership(struct membership *out, const char *state, struct diag *diag)
{
    enum result result = membership_read(out, state, diag);
    return result != RESULT_MISSING
               ? result
               : diag_fail(diag, result,
                           "this machine is in no fleet: `ntspool fleet join` takes it into one");
}

/* A store that not every machine has. */
static enum result open_if_there(struct store **out, const char *state, enum store_kind kind,
                                 bool writable, struct diag *diag)
{
    return store_is_in(state, kind) ? store_open(out, state, kind, writable, diag) : RESULT_OK;
}

static enum result open_stores(struct feeder *feeder, struct diag *diag)
{
    const char *state = feeder->state_dir;
    if (!store_is_in(state, STORE_FLEET)) {
        TRY(store_create(state, STORE_FLEET, diag));
    }
    TRY(store_open(&feeder->registry, state, STORE_REGISTRY, true, diag));
    TRY(store_open(&feeder->fleet, state, STORE_FLEET, true, diag));
    TRY(open_if_there(&feeder->health, state, STORE_HEALTH, true, diag));
    return open_if_there(&feeder->traffic, state, STORE_TRAFFIC, false, diag);
}

static void close_stores(struct feeder *feeder)
{
    struct store *stores[] = { feeder->registry, feeder->fleet, feeder->health, feeder->traffic };
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (stores[i] != NULL) {
            store_close(stores[i]);
        }
    }
}

/* What others may make later, when this process can't be let into it any more. */
static enum result make_places(const char *state, enum machine_role role, struct diag *diag)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_DIR, state);
    if (mkdir(path, DIR_MODE) == 0 ? !user_hand_over(path, state) : errno != EEXIST) {
        return diag_fail(diag, RESULT_SYSTEM, "%s can't be made: %s", path, strerror(errno));
    }
    return role == MACHINE_VANTAGE ? feed_make_dir(state, diag)
                                   : instance_make(state, SERVER_NAME, diag);
}

/* It may connect to the engine, and write what it has to write. Keys of the zone, their seal and
 * the machine's own key, which was read, are closed to it. */
static enum result confine(const char *state, struct diag *diag)
{
    static const char *const calls[] = { NULL };
    static const struct {
        const char *path;
        enum sandbox_right right;
    } rows[] = {
        { "registry", SANDBOX_WRITE },
        { "fleet", SANDBOX_WRITE },
        { "health", SANDBOX_WRITE },
        { FEED_DIR, SANDBOX_WRITE },
        { "traffic", SANDBOX_READ },
        { JOURNAL_DIR, SANDBOX_READ },
        { KEYFILES_DIR, SANDBOX_READ },
        { SERVER_NAME ".lock", SANDBOX_READ },
        { SERVER_NAME ".instance", SANDBOX_READ },
    };
    struct sandbox sandbox;
    char path[PATH_MAX];
    if (geteuid() == 0) {
        log_say(log_line, LOG_NOTICE,
                "runs as root, which it does not need: give it a user (--user)");
    }
    sandbox_begin(&sandbox, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", state, rows[i].path);
        sandbox_allow(&sandbox, path, rows[i].right);
    }
    return sandbox_enter_daemon(&sandbox, calls, log_line, diag);
}

/* Signals come by a descriptor, so that the loop takes them between two turns. */
static enum result open_signals(struct program *program, struct diag *diag)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    program->signals = -1;
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0) {
        program->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    }
    return program->signals >= 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_SYSTEM, "no signals can be taken: %s", strerror(errno));
}

/* On a disk where nothing can be written, the feed runs all the same. */
static enum result claim_state(struct program *program, struct diag *diag)
{
    enum result result =
        instance_claim(&program->instance, program->feeder.state_dir, INSTANCE_NAME, 0, diag);
    if (result == RESULT_SYSTEM) {
        log_say(log_line, LOG_WARNING, "a second one on this state is not kept away: %s",
                diag->text);
        return RESULT_OK;
    }
    return result;
}

static enum result open_all(struct program *program, const char *state, struct diag *diag)
{
    struct feeder *feeder = &program->feeder;
    const struct membership *membership = &program->membership;
    program->mark = membership_mark(state);
    TRY(read_membership(&program->membership, state, diag));
    *feeder = (struct feeder){
        .membership = membership,
        .machine = membership->name,
        .prefix = membership->prefix,
        .ledger = membership->ledger,
        .secret = membership->secret,
        .state_dir = state,
        .log = log_line,
        .now_ms = clock_steady_ms(),
        .started_at = clock_now(),
    };
    struct etcd_config engine = membership_engine(membership);
    TRY(claim_state(program, diag));
    TRY(open_stores(feeder, diag));
    TRY(etcd_new(&feeder->etcd, &engine, diag));
    TRY(feedletter_begin(feeder, diag));
    TRY(make_places(state, membership->role, diag));
    return open_signals(program, diag);
}

/* Of what was opened. */
static void close_all(struct program *program)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        if (program->channels[i] != NULL) {
            channels[i]->end(program->channels[i]);
        }
    }
    if (program->follow != NULL) {
        follow_free(program->follow);
    }
    etcd_free(program->feeder.etcd);
    close_stores(&program->feeder);
    instance_free(program->instance);
    if (program->signals >= 0) {
        (void)close(program->signals);
    }
    sodium_memzero(program->membership.secret, sizeof(program->membership.secret));
}

static void begin_channels(struct program *program)
{
    struct feeder *feeder = &program->feeder;
    program->follow = follow_new(feeder->etcd, feeder->membership, feeder->registry, feeder->log);
    program->status = (struct feedstatus){ .feeder = feeder };
    for (size_t i = 0; i < CHANNELS; i++) {
        program->channels[i] = channels[i]->begin(feeder);
    }
}

/* Ends if what it works on was taken away or has come: a new start finds what is there then. */
static enum result look_at_state(const struct program *program, struct diag *diag)
{
    const struct feeder *feeder = &program->feeder;
    const struct store *stores[] = { feeder->registry, feeder->fleet, feeder->health,
                                     feeder->traffic };
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/" MEMBERSHIP_DIR, feeder->state_dir);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return diag_fail(diag, RESULT_MISSING, "this machine has left its fleet");
    }
    uint64_t mark = membership_mark(feeder->state_dir);
    if (mark != 0 && mark != program->mark) {
        return diag_fail(diag, RESULT_STALE, "the engine has other nodes now: start again");
    }
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (stores[i] != NULL && store_replaced(stores[i])) {
            return diag_fail(diag, RESULT_STALE, "%s was replaced: start again",
                             store_path_of(stores[i]));
        }
    }
    bool has_come = (feeder->health == NULL && store_is_in(feeder->state_dir, STORE_HEALTH)) ||
                    (feeder->traffic == NULL && store_is_in(feeder->state_dir, STORE_TRAFFIC));
    return has_come ? diag_fail(diag, RESULT_STALE, "%s has another store now: start again",
                                feeder->state_dir)
                    : RESULT_OK;
}

static enum result beat(struct program *program, struct diag *diag)
{
    const struct feeder *feeder = &program->feeder;
    if (feeder->now_ms < program->beat_at) {
        return RESULT_OK;
    }
    program->beat_at = feeder->now_ms + BEAT_MS;
    instance_beat(program->instance);
    (void)notify_send(&program->notify, "WATCHDOG=1");
    if (program->beats++ % BEATS_A_LOOK != 0) {
        return RESULT_OK;
    }
    const struct feedstate *state = &program->status.noted;
    (void)notify_send(&program->notify, "STATUS=change %llu of %llu, %s",
                      (unsigned long long)feeder->seq, (unsigned long long)state->engine_seq,
                      feedstate_text(state->trouble));
    return look_at_state(program, diag);
}

/* Moves all on. Returns after how many milliseconds to do so again at the latest. */
static unsigned turn(struct program *program)
{
    struct feeder *feeder = &program->feeder;
    feeder->now_ms = clock_steady_ms();
    feeder->stirred = false;
    uint64_t wait_ms = follow_turn(program->follow, feeder->now_ms);
    const struct follow_facts *facts = follow_facts(program->follow);
    if (facts->placed) {
        feeder->epoch = facts->position.head.epoch;
        feeder->seq = facts->position.head.seq;
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        if (program->channels[i] != NULL) {
            wait_ms = u64_min(wait_ms, channels[i]->turn(program->channels[i]));
        }
    }
    feedstatus_turn(&program->status, facts);
    uint64_t beat_ms = program->beat_at - u64_min(program->beat_at, feeder->now_ms);
    return feeder->stirred ? 0 : (unsigned)u64_min(wait_ms, u64_min(beat_ms, FEEDER_IDLE_MS));
}

static enum result loop(struct program *program, struct diag *diag)
{
    struct pollfd signals = { .fd = program->signals, .events = POLLIN };
    while (signals.revents == 0) {
        unsigned wait_ms = turn(program);
        TRY(beat(program, diag));
        TRY(etcd_turn(program->feeder.etcd, &signals, 1, wait_ms, diag));
    }
    log_say(log_line, LOG_INFO, "ending");
    (void)notify_send(&program->notify, "STOPPING=1\nSTATUS=ends");
    return RESULT_OK;
}

static enum result run(struct program *program, const struct feedd_options *options,
                       struct diag *diag)
{
    syscalls_hide();
    enum result result = open_all(program, options->state, diag);
    if (result == RESULT_OK) {
        result = confine(options->state, diag);
    }
    if (result == RESULT_OK) {
        begin_channels(program);
        (void)notify_send(&program->notify, "READY=1");
        log_say(log_line, LOG_INFO, "feeds %s, %s of the fleet of %s", program->membership.name,
                machine_role_words(program->membership.role), program->membership.apex);
        result = loop(program, diag);
    }
    if (result == RESULT_MISSING && program->follow != NULL) { /* no reason to start again */
        log_say(log_line, LOG_NOTICE, "ending: %s", diag->text);
        result = RESULT_OK;
    }
    close_all(program);
    return result;
}

/* `--check`: would a start with these options succeed? Asks nobody, and writes no file. */
static bool check(struct program *program, const struct feedd_options *options)
{
    struct preflight preflight = { .log = log_line };
    struct diag diag = { "" };
    bool as_is = false;
    if (options->user != NULL) {
        preflight_judge(&preflight, user_become(options->user, &diag), &diag);
    }
    enum result result = read_membership(&program->membership, options->state, &diag);
    preflight_judge(&preflight, result, &diag);
    if (result == RESULT_OK) {
        struct etcd_config engine = membership_engine(&program->membership);
        preflight_judge(&preflight, etcd_new(&program->feeder.etcd, &engine, &diag), &diag);
        etcd_free(program->feeder.etcd);
    }
    preflight_judge(&preflight, store_inspect(options->state, STORE_REGISTRY, &as_is, &diag),
                    &diag);
    if (access(options->state, W_OK | X_OK) != 0) {
        (void)diag_fail(&diag, RESULT_SYSTEM, "%s can't be written to: %s", options->state,
                        strerror(errno));
        preflight_problem(&preflight, diag.text);
    }
    return preflight_done(&preflight);
}

/* `*config` stays the caller's: the options point into it. `*good` is false if --check found a
 * problem. */
static enum result start(struct program *program, const struct arguments *arguments,
                         struct config **config, bool *good, struct diag *diag)
{
    struct feedd_options options;
    TRY(config_load(config, arguments_value(arguments, "config", 0), diag));
    TRY(read_options(&options, arguments, *config, diag));
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
    static struct program program = { .signals = -1 };
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
