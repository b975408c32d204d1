/* What a name must be like for hosts to be looked up by it: RFC 952, RFC 1123 2.1. */
#ifndef ZONE_HOSTNAME_H
#define ZONE_HOSTNAME_H

#include "zone/names/dname.h"

enum hostname {
    HOSTNAME_FINE,
    HOSTNAME_CHARACTERS, /* others than letters, digits and hyphens within */
    HOSTNAME_NUMBER,     /* it could be taken for an address */
    HOSTNAME_LOCAL       /* its last label is not in the DNS */
};

enum hostname hostname_look(const struct dname *name);

#endif
