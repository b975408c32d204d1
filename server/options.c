#include "server/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/io/listen.h"
#include "zone/base/version.h"

enum {
    DNS_PORT = 53
};

static const char demand[] =
    "usage: ntspoold [options]\n"
    "The nameserver of an NTS pool: answers from the pool's store, signed.\n\n"
    "  -l, --listen ADDRESS[@PORT]  address to answer on, UDP and TCP (again for more; default\n"
    "                               0.0.0.0@53 and ::@53)\n"
    "  -w, --workers N              threads that answer over UDP, and as many over TCP (default: "
    "one\n"
    "                               a core)\n"
    "  -a, --socket-affinity        answer on the CPU that received the query; for network cards\n"
    "                               with at least as many receive queues as there are workers\n"
    "  -L, --locations FILE         location database (.mmdb), read again when it changes (again "
    "for\n"
    "                               a maker's second file, of IPv6)\n"
    "  -k, --seal-key FILE          opens the sealed DNSSEC keys (default: the systemd credential\n"
    "                               ntspool-seal, else STATE/seal.key)\n"
    "  -n, --nsid TEXT              name of this server, for who asks (NSID, id.server)\n"
    "  -v, --version-text TEXT      what version.bind and version.server are answered\n"
    "  -u, --user NAME              become this user after a start as root, once the sockets are "
    "there\n"
    "  -s, --state DIR              the pool's state (default " CONFIG_STATE_PRESET ")\n"
    "  -c, --config FILE            options from a YAML file, named like the long ones here\n"
    "  -t, --takeover               answer in place of the ntspoold that runs on the state, which\n"
    "                               ends then; without it a second one is refused\n"
    "  -h, --help                   this text\n"
    "  -V, --version                the version\n\n"
    "SIGTERM and SIGINT end it, SIGUSR1 prints its counters.\n";

static enum result add_listen(struct options *options, const char *text, struct diag *diag)
{
    if (options->listen_count == OPTIONS_LISTEN_MAX) {
        return diag_fail(diag, RESULT_USAGE, "more than %d addresses to listen on",
                         OPTIONS_LISTEN_MAX);
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
    if (count < 1 || count > OPTIONS_WORKERS_MAX || *end != '\0') {
        return diag_fail(diag, RESULT_USAGE, "--workers takes a number from 1 to %d, not \"%s\"",
                         OPTIONS_WORKERS_MAX, text);
    }
    options->workers = (unsigned)count;
    return RESULT_OK;
}

static enum result check_identity(const struct identity *identity, struct diag *diag)
{
    if ((identity->nsid != NULL && strlen(identity->nsid) > IDENTITY_MAX) ||
        (identity->version != NULL && strlen(identity->version) > IDENTITY_MAX)) {
        return diag_fail(diag, RESULT_USAGE, "nsid and version-text take at most %d octets",
                         IDENTITY_MAX);
    }
    return RESULT_OK;
}

/* A list of the file counts where the command line has no value of its kind. */
static enum result apply_lists(struct options *options, const struct config *config,
                               struct diag *diag)
{
    unsigned locations = options->location_count == 0 ? config->locations_count : 0;
    unsigned listen = options->listen_count == 0 ? config->listen_count : 0;
    enum result result = RESULT_OK;
    for (unsigned i = 0; i < locations && result == RESULT_OK; i++) {
        result = add_locations(options, config->locations[i], diag);
    }
    for (unsigned i = 0; i < listen && result == RESULT_OK; i++) {
        result = add_listen(options, config->listen[i], diag);
    }
    return result;
}

/* Fills in from the configuration file what the command line left open. */
static enum result apply_config(struct options *options, const struct config *config,
                                struct diag *diag)
{
    options->state = options->state != NULL ? options->state : config->state;
    options->user = options->user != NULL ? options->user : config->user;
    options->seal_key = options->seal_key != NULL ? options->seal_key : config->seal_key;
    options->socket_affinity =
        options->socket_affinity || (config->socket_affinity != NULL && *config->socket_affinity);
    struct identity *identity = &options->identity;
    identity->nsid = identity->nsid != NULL ? identity->nsid : config->nsid;
    identity->version = identity->version != NULL ? identity->version : config->version_text;
    if (check_identity(identity, diag) != RESULT_OK) {
        return RESULT_INVALID;
    }
    if (apply_lists(options, config, diag) != RESULT_OK) {
        return RESULT_INVALID;
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
        options->workers = cores < 1                     ? 1
                           : cores > OPTIONS_WORKERS_MAX ? OPTIONS_WORKERS_MAX
                                                         : (unsigned)cores;
    }
    if (options->listen_count == 0) {
        struct diag diag;
        ASSERT(add_listen(options, "0.0.0.0", &diag) == RESULT_OK);
        if (listen_has_ipv6()) {
            ASSERT(add_listen(options, "::", &diag) == RESULT_OK);
        }
    }
}

static const struct option longs[] = { { "listen", required_argument, NULL, 'l' },
                                       { "workers", required_argument, NULL, 'w' },
                                       { "socket-affinity", no_argument, NULL, 'a' },
                                       { "locations", required_argument, NULL, 'L' },
                                       { "seal-key", required_argument, NULL, 'k' },
                                       { "nsid", required_argument, NULL, 'n' },
                                       { "version-text", required_argument, NULL, 'v' },
                                       { "user", required_argument, NULL, 'u' },
                                       { "state", required_argument, NULL, 's' },
                                       { "config", required_argument, NULL, 'c' },
                                       { "takeover", no_argument, NULL, 't' },
                                       { "help", no_argument, NULL, 'h' },
                                       { "version", no_argument, NULL, 'V' },
                                       { NULL, 0, NULL, 0 } };

/* One option of the command line. */
static enum result take(struct options *options, int option, struct diag *diag)
{
    switch (option) {
    case 'l':
        return add_listen(options, optarg, diag);
    case 'w':
        return set_workers(options, optarg, diag);
    case 'L':
        return add_locations(options, optarg, diag);
    case 'a':
        options->socket_affinity = true;
        break;
    case 't':
        options->takeover = true;
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
    case 'u':
        options->user = optarg;
        break;
    case 's':
        options->state = optarg;
        break;
    default:
        options->config_path = optarg;
        break;
    }
    return RESULT_OK;
}

/* OK to go on; otherwise *exit_code says how to end. */
static enum result read_command_line(struct options *options, int argc, char **argv, int *exit_code,
                                     struct diag *diag)
{
    enum result result = RESULT_OK;
    int option = 0;
    *exit_code = 2;
    while (result == RESULT_OK &&
           (option = getopt_long(argc, argv, "l:w:aL:k:n:v:u:s:c:thV", longs, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            if (option == 'h') {
                (void)fputs(demand, stdout);
            } else {
                (void)printf("ntspoold %s\n", version_text());
            }
            *exit_code = 0;
            return RESULT_USAGE;
        }
        result = option == '?' ? diag_fail(diag, RESULT_USAGE, "see --help")
                               : take(options, option, diag);
    }
    if (result == RESULT_OK && optind < argc) {
        result = diag_fail(diag, RESULT_USAGE, "\"%s\" is not an option; see --help", argv[optind]);
    }
    return result == RESULT_OK ? check_identity(&options->identity, diag) : result;
}

bool options_read(struct options *out, int argc, char **argv, int *exit_code)
{
    struct diag diag = { "" };
    *out = (struct options){ .state = NULL };
    enum result result = read_command_line(out, argc, argv, exit_code, &diag);
    if (result == RESULT_OK) {
        *exit_code = 1;
        result = config_load(&out->config, out->config_path, &diag);
    }
    if (result == RESULT_OK) {
        result = apply_config(out, out->config, &diag);
    }
    if (result == RESULT_OK) {
        apply_presets(out);
        return true;
    }
    if (diag.text[0] != '\0') {
        (void)fprintf(stderr, "ntspoold: %s\n", diag.text);
    }
    options_done(out);
    return false;
}

void options_done(struct options *options)
{
    config_free(options->config);
}
