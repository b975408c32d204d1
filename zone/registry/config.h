/* The configuration file of all three programs, in YAML. Each key has the name of the long option
 * that it stands for; an option on the command line takes precedence. An unknown key is an error
 * with its line. For an option that may be repeated, the value is a list or a single value.
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
    char *state;     /* NULL: not given */
    char *log_level; /* least urgent lines that are logged */
    char *user;      /* user to which a daemon started as root switches */
    char *seal_key;  /* file with the key of the sealed keys; NULL: see dnssec/keys/seal.h */
    char **listen;   /* ADDRESS[@PORT] */
    unsigned listen_count;
    unsigned *workers;
    bool *socket_affinity;
    char **locations; /* location files */
    unsigned locations_count;
    char **metrics; /* unix:PATH or ADDRESS@PORT */
    unsigned metrics_count;
    char **xdp; /* INTERFACE or INTERFACE:QUEUE */
    unsigned xdp_count;
    char *nsid, *version_text;
    char *dnstap; /* unix:PATH */
    unsigned *dnstap_sample;
    char *interval;   /* duration */
    char *trust;      /* PEM file with the trust anchors for members' certificates */
    char *id;         /* of the vantage point */
    char **reference; /* [nts:]HOST[@PORT] */
    unsigned reference_count;
    bool *allow_private;
};

#define CONFIG_STATE_PRESET "/var/lib/ntspool"

/* A NULL `path` gives an empty configuration. INVALID with the line in the diag. */
enum result config_load(struct config **out, const char *path, struct diag *diag);
void config_free(struct config *config);

#endif
