#include "server/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/dnstap/dnstap.h"
#include "server/io/listen.h"
#include "zone/base/complete.h"
#include "zone/base/log.h"

enum {
    DNS_PORT = 53
};

static const struct option_row rows[] = {
    { "listen", 'l', "ADDRESS[@PORT]", true,
      "address to answer on, UDP and TCP (again for more; default\n0.0.0.0@53 and ::@53)" },
    { "workers", 'w', "N", false,
      "threads that answer over UDP, and as many over TCP (default: one\na core)" },
    { "socket-affinity", 'a', NULL, false,
      "answer on the CPU that received the query; for network cards\n"
      "with at least as many receive queues as there are workers" },
    { "xdp", 'x', "INTERFACE[:QUEUE]", true,
      "answer queries that the interface receives past the network stack,\n"
      "by AF_XDP (again for more; default: none)" },
    { "locations", 'L', "FILE", true,
      "location database (.mmdb), read again when it changes (again for\n"
      "a maker's second file, of IPv6)" },
    { "seal-key", 'k', "FILE", false,
      "opens the sealed DNSSEC keys (default: the systemd credential\n"
      "ntspool-seal, else STATE/seal.key)" },
    { "nsid", 'n', "TEXT", false, "name of this server, for who asks (NSID, id.server)" },
    { "version-text", 'v', "TEXT", false, "what version.bind and version.server are answered" },
    { "dnstap", 'd', "unix:PATH", false,
      "write queries and answers to the dnstap reader on that socket" },
    { "dnstap-sample", 'S', "N", false, "only one batch of queries in N (default 1: all)" },
    { "metrics", 'm', "WHERE", true,
      "serve metrics there: unix:PATH, or ADDRESS@PORT of this machine\n(again for more; default: "
      "nowhere)" },
    { "user", 'u', "NAME", false,
      "become this user after a start as root, once the sockets are there" },
    { "log-level", 'g', "LEVEL", false,
      "least urgent messages to log: " LOG_LEVELS "\n(default " LOG_LEVEL_PRESET ")" },
    { "state", 's', "DIR", false, "the pool's state (default " CONFIG_STATE_PRESET ")" },
    { "config", 'c', "FILE", false, "options from a YAML file, named like the long ones here" },
    { "takeover", 't', NULL, false,
      "answer in place of the ntspoold that runs on the state, which\n"
      "ends then; without it a second one is refused" },
    { "detach", 'D', NULL, false,
      "go on in the background; the command ends when the server answers" },
    { "check", 'C', NULL, false,
      "check whether a start with these options would succeed, say what is\n"
      "wrong, and end; changes nothing, also while a server runs" },
    { "help", 'h', NULL, false, "this text" },
    { "version", 'V', NULL, false, "the version" },
    { 0 },
};

static const struct program_text program = {
    "ntspoold", "The nameserver of an NTS pool: answers from the pool's store, signed.",
    "\nSIGTERM and SIGINT end it, SIGUSR1 prints its counters.\n", 27
};

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

static enum result add_metrics(struct options *options, const char *place, struct diag *diag)
{
    if (options->metrics_count == METRICS_SOCKETS_MAX) {
        return diag_fail(diag, RESULT_USAGE, "more than %d places for metrics",
                         METRICS_SOCKETS_MAX);
    }
    enum result result = metrics_socket_check(place, diag);
    if (result != RESULT_OK) {
        return RESULT_USAGE;
    }
    options->metrics[options->metrics_count++] = place;
    return RESULT_OK;
}

static enum result add_xdp(struct options *options, const char *place, struct diag *diag)
{
    if (options->xdp_count == XDP_PLACES_MAX) {
        return diag_fail(diag, RESULT_USAGE, "more than %d interfaces for --xdp", XDP_PLACES_MAX);
    }
    enum result result = xdp_place_parse(&options->xdp[options->xdp_count], place, diag);
    options->xdp_count += result == RESULT_OK;
    return result == RESULT_OK ? RESULT_OK : RESULT_USAGE;
}

/* Errors in the file are not usage errors. */
static enum result in_file(enum result result)
{
    return result == RESULT_USAGE ? RESULT_INVALID : result;
}

/* An option that may be given more than once. */
struct option_list {
    const char *name;
    enum result (*add)(struct options *out, const char *text, struct diag *diag);
    char *const *in_file;
    size_t count;
};

/* The values of the file count only if the command line has none. */
static enum result read_list(struct options *out, const struct arguments *arguments,
                             const struct option_list *list, struct diag *diag)
{
    size_t given = arguments_count(arguments, list->name);
    for (size_t i = 0; i < given; i++) {
        TRY(list->add(out, arguments_value(arguments, list->name, i), diag));
    }
    for (size_t i = 0; given == 0 && i < list->count; i++) {
        TRY(in_file(list->add(out, list->in_file[i], diag)));
    }
    return RESULT_OK;
}

static enum result read_lists(struct options *out, const struct arguments *arguments,
                              const struct config *config, struct diag *diag)
{
    const struct option_list lists[] = {
        { "listen", add_listen, config->listen, config->listen_count },
        { "locations", add_locations, config->locations, config->locations_count },
        { "metrics", add_metrics, config->metrics, config->metrics_count },
        { "xdp", add_xdp, config->xdp, config->xdp_count },
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        TRY(read_list(out, arguments, &lists[i], diag));
    }
    return RESULT_OK;
}

/* Reads a number from 1 to `max` into *out: of the command line, else of the file, else what is
 * there. */
static enum result read_count(unsigned *out, unsigned max, const struct arguments *arguments,
                              const char *name, const unsigned *from_file, struct diag *diag)
{
    const char *text = arguments_value(arguments, name, 0);
    unsigned long count = from_file != NULL ? *from_file : *out;
    char *end = NULL, number[24];
    if (text != NULL) {
        count = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
        count = end != NULL && *end == '\0' ? count : 0;
    }
    if (count >= 1 && count <= max) {
        *out = (unsigned)count;
        return RESULT_OK;
    }
    (void)snprintf(number, sizeof(number), "%lu", count);
    return diag_fail(diag, text != NULL ? RESULT_USAGE : RESULT_INVALID,
                     "--%s takes a number from 1 to %u, not \"%s\"", name, max,
                     text != NULL ? text : number);
}

static unsigned workers_preset(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > OPTIONS_WORKERS_MAX ? OPTIONS_WORKERS_MAX : (unsigned)cores;
}

static enum result read_dnstap(struct options *out, const struct arguments *arguments,
                               const struct config *config, struct diag *diag)
{
    out->dnstap = arguments_text(arguments, "dnstap", config->dnstap, NULL);
    out->dnstap_sample = 1;
    TRY(read_count(&out->dnstap_sample, OPTIONS_SAMPLE_MAX, arguments, "dnstap-sample",
                   config->dnstap_sample, diag));
    if (out->dnstap == NULL) {
        return RESULT_OK;
    }
    enum result result = dnstap_check(out->dnstap, diag);
    return result != RESULT_OK && out->dnstap != config->dnstap ? RESULT_USAGE : result;
}

static enum result read_identity(const char **out, const struct arguments *arguments,
                                 const char *name, const char *text_in_file, struct diag *diag)
{
    *out = arguments_text(arguments, name, text_in_file, NULL);
    if (*out == NULL || strlen(*out) <= IDENTITY_MAX) {
        return RESULT_OK;
    }
    enum result result =
        diag_fail(diag, RESULT_USAGE, "%s takes at most %d octets", name, IDENTITY_MAX);
    return *out == text_in_file ? in_file(result) : result;
}

static enum result read_log_level(const struct arguments *arguments, const char *text_in_file,
                                  struct diag *diag)
{
    const char *level = arguments_text(arguments, "log-level", text_in_file, LOG_LEVEL_PRESET);
    enum result result = log_level_set(level, diag);
    return level == text_in_file ? in_file(result) : result;
}

/* The command line wins over the configuration file. */
static enum result merge(struct options *out, const struct arguments *arguments,
                         const struct config *config, struct diag *diag)
{
    out->state = arguments_text(arguments, "state", config->state, CONFIG_STATE_PRESET);
    out->user = arguments_text(arguments, "user", config->user, NULL);
    out->seal_key = arguments_text(arguments, "seal-key", config->seal_key, NULL);
    out->check = arguments_count(arguments, "check") > 0;
    out->detach = arguments_count(arguments, "detach") > 0;
    out->takeover = arguments_count(arguments, "takeover") > 0;
    out->socket_affinity = arguments_count(arguments, "socket-affinity") > 0 ||
                           (config->socket_affinity != NULL && *config->socket_affinity);
    TRY(read_log_level(arguments, config->log_level, diag));
    TRY(read_identity(&out->identity.nsid, arguments, "nsid", config->nsid, diag));
    TRY(read_identity(&out->identity.version, arguments, "version-text", config->version_text,
                      diag));
    TRY(read_lists(out, arguments, config, diag));
    out->workers = workers_preset();
    TRY(read_count(&out->workers, OPTIONS_WORKERS_MAX, arguments, "workers", config->workers,
                   diag));
    TRY(read_dnstap(out, arguments, config, diag));
    if (out->listen_count == 0) {
        CHECK(add_listen(out, "0.0.0.0", NULL) == RESULT_OK);
        CHECK(!listen_has_ipv6() || add_listen(out, "::", NULL) == RESULT_OK);
    }
    return RESULT_OK;
}

bool options_read(struct options *out, char **argv, int *exit_code)
{
    struct diag diag = { "" };
    struct arguments arguments = { .tables = { rows } };
    *out = (struct options){ .state = NULL };
    if (complete_program(&arguments, argv, exit_code) ||
        !arguments_read(&arguments, &program, argv, exit_code)) {
        arguments_free(&arguments);
        return false;
    }
    enum result result = config_load(&out->config, arguments_value(&arguments, "config", 0), &diag);
    if (result == RESULT_OK) {
        result = merge(out, &arguments, out->config, &diag);
    }
    arguments_free(&arguments);
    if (result != RESULT_OK) {
        log_write("ntspoold", LOG_ERR, NULL, diag.text);
        *exit_code = result == RESULT_USAGE ? 2 : 1;
        options_done(out);
    }
    return result == RESULT_OK;
}

void options_done(struct options *options)
{
    config_free(options->config);
    options->config = NULL;
}
