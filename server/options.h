/* The options of ntspoold: from the command line, else from the configuration file, else the
 * defaults. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "server/answering/edns.h"
#include "server/io/xdp_interface.h"
#include "server/metrics/metrics_socket.h"
#include "zone/places/locations.h"
#include "zone/registry/config.h"

enum {
    OPTIONS_WORKERS_MAX = 256,
    OPTIONS_LISTEN_MAX = 64,
    OPTIONS_SAMPLE_MAX = 1000000
};

struct options {
    const char *state, *user, *seal_key;
    const char *locations[LOCATIONS_FILES_MAX];
    size_t location_count;
    struct identity identity;
    struct endpoint listen[OPTIONS_LISTEN_MAX];
    size_t listen_count;
    const char *metrics[METRICS_SOCKETS_MAX]; /* unix:PATH or ADDRESS@PORT */
    size_t metrics_count;
    struct xdp_place xdp[XDP_PLACES_MAX];
    size_t xdp_count;
    unsigned workers;
    const char *dnstap; /* NULL: none */
    unsigned dnstap_sample;
    bool socket_affinity;
    bool takeover, detach;
    bool check;            /* only look whether a start would succeed */
    struct config *config; /* owns some of the texts above */
};

/* False: the program ends with *exit_code; messages are written. */
bool options_read(struct options *out, char **argv, int *exit_code);
void options_done(struct options *options);

#endif
