/* What a vantage point is known by: a name, and the key that it signs with. */
#ifndef ZONE_VANTAGE_NAME_H
#define ZONE_VANTAGE_NAME_H

#include <stdbool.h>

enum {
    VANTAGE_ROOM = 17,
    VANTAGE_KEY_LEN = 32, /* of its public key, Ed25519 */
    VANTAGES_MAX = 32
};

#define VANTAGE_PRESET "local"

/* 1 to 16 of a-z, 0-9 and hyphens, no hyphen first. */
bool vantage_name_fine(const char *name);

#endif
