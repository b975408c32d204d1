/* Prints the RRsets of a zone, and signs them if there is a keyring, on several threads. One thread
 * adds the RRsets, which are copied. Their text goes to the file in the same order. The number of
 * threads changes nothing in it: only ECDSA's signatures differ, which have random numbers. */
#ifndef TOOLS_ZONEPRINTER_H
#define TOOLS_ZONEPRINTER_H

#include <stdio.h>

#include "dnssec/signing/keyring.h"

enum {
    ZONEPRINTER_THREADS_MAX = 64,
    ZONEPRINTER_SET_MAX = 65535 /* octets of rdata, as packed */
};

struct zoneprinter_plan {
    FILE *file;
    struct keyring *keyring; /* NULL: unsigned */
    const struct dname *apex;
    uint32_t validity_s;
    uint64_t now;
    unsigned threads; /* that work, the caller's counted */
};

struct zoneprinter;

/* As many threads as the process may have cores. */
unsigned zoneprinter_threads(void);
/* With fewer threads if the system gives no more. */
struct zoneprinter *zoneprinter_new(const struct zoneprinter_plan *plan);
/* Takes an RRset. The result may be that of an earlier one: of the first that failed. */
enum result zoneprinter_add(struct zoneprinter *printer, const struct dname *owner,
                            const struct rrset *set);
/* Prints what it still has. */
enum result zoneprinter_flush(struct zoneprinter *printer);
void zoneprinter_free(struct zoneprinter *printer);

#endif
