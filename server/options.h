/* ntspoold's options: the command line, then the configuration file for what it left open, then the
 * presets. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "server/answering/edns.h"
#include "zone/places/locations.h"
#include "zone/registry/config.h"

enum {
    OPTIONS_WORKERS_MAX = 256,
    OPTIONS_LISTEN_MAX = 64
};

struct options {
    const char *state, *user, *seal_key;
    const char *locations[LOCATIONS_FILES_MAX];
    size_t location_count;
    struct identity identity;
    struct endpoint listen[OPTIONS_LISTEN_MAX];
    size_t listen_count;
    unsigned workers;
    bool socket_affinity;
    bool takeover;
    struct config *config; /* texts above may be its */
};

/* False: the program is to end with *exit_code, what there was to say is said. */
bool options_read(struct options *out, int argc, char **argv, int *exit_code);
void options_done(struct options *options);

#endif
