/* ntspoold: the nameserver. Reads options and stores, starts the workers and the refresher, waits for a signal. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "server/refresh.h"
#include "zone/config.h"

enum {
    WORKERS_MAX = 256,
    LISTEN_MAX = 64,
    DNS_PORT = 53,
    CACHE_BASE = 16384,
    CACHE_A_MEMBER = 8
};

static const char usage[] =
    "usage: ntspoold [options]\n"
    "The nameserver of an NTS pool: answers from the pool's store, signed.\n\n"
    "  -l, --listen ADDRESS[@PORT]  address to answer on, UDP and TCP (again for more; default\n"
    "                               0.0.0.0@53 and ::@53)\n"
    "  -w, --workers N              threads that answer (default: one a core)\n"
    "  -L, --locations FILE         location database (.mmdb), read again when it changes (again "
    "for\n"
    "                               a maker's second file, of IPv6)\n"
    "  -k, --seal-key FILE          opens the sealed DNSSEC keys (default: the systemd credential\n"
    "                               ntspool-seal, else STATE/seal.key)\n"
    "  -n, --nsid TEXT              name of this server, for who asks (NSID, id.server)\n"
    "  -v, --version-text TEXT      what version.bind and version.server are answered\n"
    "  -s, --state DIR              the pool's state (default " CONFIG_STATE_PRESET ")\n"
    "  -c, --config FILE            options from a YAML file, named like the long ones here\n"
    "  -h, --help                   this text\n"
    "  -V, --version                the version\n\n"
    "SIGTERM and SIGINT end it, SIGUSR1 prints its counters.\n";

struct options {
    const char *state, *seal_key, *config;
    const char *locations[LOCATIONS_FILES_MAX];
    size_t location_count;
    struct identity identity;
    struct endpoint listen[LISTEN_MAX];
    size_t listen_count;
    unsigned workers; /* 0: not given */
};

/* All that lives as long as the program. */
struct program {
    struct store *registry, *health, *keys;
    struct seal *seal;
    struct sigcache *cache;
    struct rrl *rrl;
    struct refresh *refresh;
    struct worker **workers;
    size_t worker_count;
};

static void log_line(const char *text)
{
    (void)fprintf(stderr, "ntspoold: %s\n", text);
}

static enum result add_listen(struct options *options, const char *text, struct diag *diag)
{
    if (options->listen_count == LISTEN_MAX) {
        return diag_fail(diag, RESULT_USAGE, "more than %d addresses to listen on", LISTEN_MAX);
    }
    if (endpoint_parse(&options->listen[options->listen_count], text, DNS_PORT) != RESULT_OK) {
        return diag_fail(diag, RESULT_USAGE, "--listen takes ADDRESS or ADDRESS@PORT, not \"%s\"",
                         text);
    }
    options->listen_count++;
    return RESULT_OK;
}

static enum result add_locations(struct options *options, const char *path, struct diag *diag)
{
    if (options->location_count == LOCATIONS_FILES_MAX) {
        return diag_fail(diag, RESULT_USAGE, "more than %d location files", LOCATIONS_FILES_MAX);
    }
    options->locations[options->location_count++] = path;
    return RESULT_OK;
}

static enum result set_workers(struct options *options, const char *text, struct diag *diag)
{
    char *end = NULL;
    unsigned long count = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (count < 1 || count > WORKERS_MAX || *end != '\0') {
        return diag_fail(diag, RESULT_USAGE, "--workers takes a number from 1 to %d, not \"%s\"",
                         WORKERS_MAX, text);
    }
    options->workers = (unsigned)count;
    return RESULT_OK;
}

/* Fills in from the configuration file what the command line left open. */
static enum result apply_config(struct options *options, const struct config *config,
                                struct diag *diag)
{
    options->state = options->state != NULL ? options->state : config->state;
    options->seal_key = options->seal_key != NULL ? options->seal_key : config->seal_key;
    struct identity *identity = &options->identity;
    identity->nsid = identity->nsid != NULL ? identity->nsid : config->nsid;
    identity->version = identity->version != NULL ? identity->version : config->version_text;
    if ((identity->nsid != NULL && strlen(identity->nsid) > IDENTITY_MAX) ||
        (identity->version != NULL && strlen(identity->version) > IDENTITY_MAX)) {
        return diag_fail(diag, RESULT_INVALID, "nsid and version-text take at most %d octets",
                         IDENTITY_MAX);
    }
    if (options->location_count == 0 && config->locations != NULL) {
        options->locations[options->location_count++] = config->locations;
    }
    for (unsigned i = 0; options->listen_count == 0 && i < config->listen_count; i++) {
        if (add_listen(options, config->listen[i], diag) != RESULT_OK) {
            return RESULT_INVALID;
        }
    }
    if (options->workers == 0 && config->workers != NULL) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%u", *config->workers);
        return set_workers(options, text, diag);
    }
    return RESULT_OK;
}

static void apply_presets(struct options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->state = options->state != NULL ? options->state : CONFIG_STATE_PRESET;
    if (options->workers == 0) {
        options->workers = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (unsigned)cores;
    }
    if (options->listen_count == 0) {
        struct diag diag;
        ASSERT(add_listen(options, "0.0.0.0", &diag) == RESULT_OK);
        ASSERT(add_listen(options, "::", &diag) == RESULT_OK);
    }
}

/* RESULT_OK to go on; otherwise *exit_code says how to end. */
static enum result read_options(struct options *options, int argc, char **argv, int *exit_code)
{
    static const struct option longs[] = {
        {"listen",        required_argument, NULL, 'l'},
        { "workers",      required_argument, NULL, 'w'},
        { "locations",    required_argument, NULL, 'L'},
        { "seal-key",     required_argument, NULL, 'k'},
        { "nsid",         required_argument, NULL, 'n'},
        { "version-text", required_argument, NULL, 'v'},
        { "state",        required_argument, NULL, 's'},
        { "config",       required_argument, NULL, 'c'},
        { "help",         no_argument,       NULL, 'h'},
        { "version",      no_argument,       NULL, 'V'},
        { NULL,           0,                 NULL, 0  }
    };
    struct diag diag = { "" };
    enum result result = RESULT_OK;
    int option = 0;
    *exit_code = 2;
    while (result == RESULT_OK &&
           (option = getopt_long(argc, argv, "l:w:L:k:n:v:s:c:hV", longs, NULL)) != -1) {
        switch (option) {
        case 'l':
            result = add_listen(options, optarg, &diag);
            break;
        case 'w':
            result = set_workers(options, optarg, &diag);
            break;
        case 'L':
            result = add_locations(options, optarg, &diag);
            break;
        case 'k':
            options->seal_key = optarg;
            break;
        case 'n':
            options->identity.nsid = optarg;
            break;
        case 'v':
            options->identity.version = optarg;
            break;
        case 's':
            options->state = optarg;
            break;
        case 'c':
            options->config = optarg;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            *exit_code = 0;
            return RESULT_USAGE;
        case 'V':
            (void)puts("ntspoold " NTSPOOL_VERSION);
            *exit_code = 0;
            return RESULT_USAGE;
        default:
            (void)fputs("ntspoold: see --help\n", stderr);
            return RESULT_USAGE;
        }
    }
    if (result == RESULT_OK && optind < argc) {
        result =
            diag_fail(&diag, RESULT_USAGE, "\"%s\" is not an option; see --help", argv[optind]);
    }
    if (result != RESULT_OK) {
        log_line(diag.text);
    }
    return result;
}

static size_t member_count(struct store *registry)
{
    struct store_txn *txn = NULL;
    struct diag diag;
    if (store_read(registry, &txn, &diag) != RESULT_OK) {
        return 0;
    }
    size_t count = store_count(txn, TABLE_MEMBERS);
    store_abort(txn);
    return count;
}

static enum result open_stores(struct program *program, const struct options *options,
                               struct diag *diag)
{
    enum result result =
        store_open(&program->registry, options->state, STORE_REGISTRY, false, diag);
    if (result == RESULT_OK) {
        result = store_open(&program->health, options->state, STORE_HEALTH, false, diag);
    }
    if (result == RESULT_OK) {
        result = store_open(&program->keys, options->state, STORE_KEYS, false, diag);
    }
    return result == RESULT_OK ? seal_open(&program->seal, options->state, options->seal_key, diag)
                               : result;
}

static enum result start(struct program *program, const struct options *options, struct diag *diag)
{
    enum result result = open_stores(program, options, diag);
    if (result != RESULT_OK) {
        return result;
    }
    program->cache = sigcache_new(CACHE_BASE + CACHE_A_MEMBER * member_count(program->registry));
    const struct refresh_sources sources = { .registry = program->registry,
                                             .health = program->health,
                                             .keys = program->keys,
                                             .seal = program->seal,
                                             .cache = program->cache,
                                             .locations = options->locations,
                                             .location_count = options->location_count,
                                             .log = log_line };
    program->rrl = rrl_new();
    result = refresh_new(&program->refresh, &sources, diag);
    const struct worker_parts parts = { .registry = program->registry,
                                        .cache = program->cache,
                                        .listen = options->listen,
                                        .listen_count = options->listen_count,
                                        .rrl = program->rrl,
                                        .identity = &options->identity };
    program->workers = xcalloc(options->workers, sizeof(struct worker *));
    for (unsigned i = 0; i < options->workers && result == RESULT_OK; i++) {
        result = worker_new(&program->workers[i], &parts, refresh_view(program->refresh), diag);
        program->worker_count += result == RESULT_OK;
    }
    for (size_t i = 0; i < program->worker_count && result == RESULT_OK; i++) {
        result = worker_start(program->workers[i], diag);
    }
    if (result == RESULT_OK) {
        char apex[DNAME_TEXT_MAX], address[ADDRESS_TEXT_MAX];
        (void)fprintf(stderr, "ntspoold: answers for %s on",
                      dname_text(&refresh_view(program->refresh)->settings.apex, apex));
        for (size_t i = 0; i < options->listen_count; i++) {
            (void)fprintf(stderr, " %s@%u", address_text(&options->listen[i].address, address),
                          options->listen[i].port);
        }
        (void)fprintf(stderr, " with %u workers\n", options->workers);
        result = refresh_start(program->refresh, program->workers, program->worker_count, diag);
    }
    return result;
}

static void print_counters(const struct program *program)
{
    unsigned long long udp = 0, tcp = 0, dropped = 0, limited = 0, rcode[16] = { 0 };
    for (size_t i = 0; i < program->worker_count; i++) {
        const struct counters *counters = &program->workers[i]->counters;
        udp += atomic_load(&counters->udp);
        tcp += atomic_load(&counters->tcp);
        dropped += atomic_load(&counters->dropped);
        limited += atomic_load(&counters->limited);
        for (size_t r = 0; r < 16; r++) {
            rcode[r] += atomic_load(&counters->rcode[r]);
        }
    }
    (void)fprintf(stderr,
                  "ntspoold: queries udp %llu tcp %llu dropped %llu limited %llu; answers noerror "
                  "%llu formerr %llu "
                  "servfail %llu nxdomain %llu notimp %llu refused %llu\n",
                  udp, tcp, dropped, limited, rcode[RCODE_NOERROR], rcode[RCODE_FORMERR],
                  rcode[RCODE_SERVFAIL], rcode[RCODE_NXDOMAIN], rcode[RCODE_NOTIMP],
                  rcode[RCODE_REFUSED]);
}

/* The refresher goes before the workers it hands views to. */
static void stop(struct program *program)
{
    refresh_free(program->refresh);
    for (size_t i = 0; i < program->worker_count; i++) {
        worker_free(program->workers[i]);
    }
    free(program->workers);
    sigcache_free(program->cache);
    rrl_free(program->rrl);
    seal_free(program->seal);
    store_close(program->registry);
    store_close(program->health);
    store_close(program->keys);
}

int main(int argc, char **argv)
{
    struct options options = { .state = NULL };
    struct program program = { .registry = NULL };
    struct config *config = NULL;
    struct diag diag = { "" };
    int exit_code = 0, signal_number = 0;
    sigset_t signals;
    if (read_options(&options, argc, argv, &exit_code) != RESULT_OK) {
        return exit_code;
    }
    ASSERT(sodium_init() >= 0);
    /* Blocked before any thread starts, so that all arrive at sigwait. */
    ASSERT(sigemptyset(&signals) == 0 && sigaddset(&signals, SIGTERM) == 0 &&
           sigaddset(&signals, SIGINT) == 0 && sigaddset(&signals, SIGUSR1) == 0);
    ASSERT(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    ASSERT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    enum result result = config_load(&config, options.config, &diag);
    if (result == RESULT_OK) {
        result = apply_config(&options, config, &diag);
    }
    apply_presets(&options);
    if (result == RESULT_OK) {
        result = start(&program, &options, &diag);
    }
    while (result == RESULT_OK && sigwait(&signals, &signal_number) == 0 &&
           signal_number == SIGUSR1) {
        print_counters(&program);
    }
    if (result != RESULT_OK) {
        log_line(diag.text);
    } else {
        print_counters(&program);
    }
    stop(&program);
    config_free(config);
    return result == RESULT_OK ? 0 : 1;
}
