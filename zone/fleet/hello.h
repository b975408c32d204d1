/* What a machine says of itself in a letter of kind LETTER_HELLO: each minute, and when its
 * position has moved. */
#ifndef ZONE_HELLO_H
#define ZONE_HELLO_H

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    HELLO_MS = 60000,     /* a machine says hello so often */
    HELLO_SILENT_S = 180, /* without one for so long it is silent */
    HELLO_VERSION_ROOM = 64,
    HELLO_IDENTITY = 32,
    HELLO_MAX = 1 + 1 + 2 + HELLO_VERSION_ROOM - 1 + 8 + 8 + 4 + 4 + 8 + HELLO_IDENTITY + 8
};

struct hello {
    char version[HELLO_VERSION_ROOM]; /* of the programs */
    uint64_t started_at;              /* ntspool-feedd */
    uint32_t schema;                  /* of the registry's store: which rows it understands */
    uint32_t epoch;                   /* its position in the ledger */
    uint64_t seq;
    bool answers; /* ntspoold runs beside it */
    bool has_identity;
    uint8_t identity[HELLO_IDENTITY]; /* of its seal: for whom packages of keys are boxed */
    uint64_t package;                 /* the number of the package that it has; 0: none */
};

/* `out` has HELLO_MAX octets; returns the length. */
size_t hello_encode(const struct hello *hello, uint8_t *out);
/* Newer programs add at the end what this one does not read. INVALID. */
enum result hello_decode(struct hello *out, struct octets octets);

#endif
