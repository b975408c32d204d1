/* Rules for names that hosts are looked up by: RFC 952, RFC 1123 2.1. */
#ifndef ZONE_HOSTNAME_H
#define ZONE_HOSTNAME_H

#include "zone/names/dname.h"

enum hostname {
    HOSTNAME_FINE,
    HOSTNAME_CHARACTERS, /* has characters other than letters, digits and inner hyphens */
    HOSTNAME_NUMBER,     /* could be read as an address */
    HOSTNAME_LOCAL       /* its last label is not in the DNS */
};

enum hostname hostname_look(const struct dname *name);

#endif
