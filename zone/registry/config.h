/* The configuration file that all three programs share: YAML, each key named like the long option
 * it stands for; an option on the command line wins. An unknown key is an error with its line.
 * Where an option may be repeated, the value is a list or one value alone.
 *
 *     state: /var/lib/ntspool
 *     listen: [ 192.0.2.53@53, "2001:db8::53@53" ]
 *     workers: 2
 *     locations: /var/lib/ntspool/locations.mmdb
 *     interval: 60s */
#ifndef ZONE_CONFIG_H
#define ZONE_CONFIG_H

#include <stdbool.h>

#include "zone/base/result.h"

struct config {
    char *state;    /* NULL: not given */
    char *user;     /* whom a daemon started as root becomes */
    char *seal_key; /* file that opens the sealed keys; NULL: see dnssec/keys/seal.h */
    char **listen;  /* ADDRESS[@PORT] */
    unsigned listen_count;
    unsigned *workers;
    bool *socket_affinity;
    char **locations; /* location files */
    unsigned locations_count;
    char *nsid, *version_text;
    char *interval;   /* duration */
    char *trust;      /* PEM file of the CAs that members' certificates must lead to */
    char *id;         /* of the vantage point */
    char **reference; /* [nts:]HOST[@PORT] */
    unsigned reference_count;
    bool *allow_private;
};

#define CONFIG_STATE_PRESET "/var/lib/ntspool"

/* An empty config for NULL path. INVALID with the file's line in the diag. */
enum result config_load(struct config **out, const char *path, struct diag *diag);
void config_free(struct config *config);

#endif
