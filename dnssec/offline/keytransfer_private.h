/* Shared by keytransfer.c and keytransfer_*.c only. */
#ifndef DNSSEC_KEYTRANSFER_PRIVATE_H
#define DNSSEC_KEYTRANSFER_PRIVATE_H

#include "dnssec/offline/keytransfer.h"

enum {
    KEYTRANSFER_LAYOUT = 4,
    KEYTRANSFER_ROLE_OFFLINE = 128,
    KEYTRANSFER_FLAG_SLICES = 1,
    KEYTRANSFER_FLAG_COOKIES = 2
};

/* One key of a package. */
struct packed {
    struct key *key;
    uint64_t created_at;
    struct key_life life;
};

struct package {
    struct packed list[KEYSTORE_MAX];
    size_t count;
    struct rollover_memory memory;
    struct package_taken about;
    struct slices slices;          /* none: the package has the private keys of KSKs */
    struct cookie_secrets cookies; /* not present: none are in the package */
};

/* Reads a package that was opened. The caller calls keytransfer_package_done, also after a failure.
 * INVALID with the reason. `out` is `{ 0 }` before. */
enum result keytransfer_decode(struct package *out, struct reader *r, const struct dname *zone,
                               struct diag *diag);
void keytransfer_package_done(struct package *package);

enum result keytransfer_delete_all(const struct key_timeline *timeline, struct store_txn *keys);
/* INVALID unless the wanted keys, and those in use now, can sign a zone. */
enum result keytransfer_check(struct store_txn *keys, const struct seal *seal, struct diag *diag);
/* Without `replace` REFUSED if the zone may be signed with the stored keys: they are not as `init`
 * made them. */
enum result keytransfer_check_replaced(struct store_txn *keys, const struct key_timeline *timeline,
                                       bool replace, struct diag *diag);
/* True if this machine has followed another one or was made the leader. */
bool keytransfer_was_led(struct store_txn *keys);
/* The signed slices of a package. The caller frees them, also after a failure. */
enum result keytransfer_plan(struct slices *out, struct store_txn *keys, const struct seal *seal,
                             const struct settings *settings, const struct package_options *options,
                             struct diag *diag);
void keytransfer_write_slices(struct writer *w, const struct slices *slices);
/* Fails the reader if the octets are not valid. */
void keytransfer_read_slices(struct reader *r, struct slices *out);

#endif
