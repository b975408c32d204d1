/* A run of octets that somebody else owns. */
#ifndef PROBE_OCTETS_H
#define PROBE_OCTETS_H

#include <stddef.h>
#include <stdint.h>

struct octets {
    const uint8_t *data;
    size_t len;
};

#endif
