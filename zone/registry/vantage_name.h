/* The identity of a vantage point: its name and the key with which it signs. */
#ifndef ZONE_VANTAGE_NAME_H
#define ZONE_VANTAGE_NAME_H

#include <stdbool.h>

enum {
    VANTAGE_ROOM = 17,
    VANTAGE_KEY_LEN = 32, /* of the public key, Ed25519 */
    VANTAGES_MAX = 32
};

#define VANTAGE_PRESET "local"

/* 1 to 16 of a-z, 0-9 and hyphens, no hyphen first. */
bool vantage_name_fine(const char *name);

#endif
