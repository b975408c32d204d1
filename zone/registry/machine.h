/* The machines of a fleet (TABLE_MACHINES). They are rows of the ledger, so that every machine
 * knows the public keys of all others. */
#ifndef ZONE_MACHINE_H
#define ZONE_MACHINE_H

#include "zone/registry/registry.h"

enum {
    MACHINE_ROOM = 64,
    MACHINE_KEY = 32,         /* an Ed25519 public key */
    MACHINE_SECRET = 64,      /* as libsodium has it: seed and public key */
    MACHINE_VOUCHER = 64,     /* a signature */
    MACHINES_MAX = 256,       /* in a fleet */
    MACHINES_KNOWN_MAX = 4096 /* with those that were evicted: their names stay known */
};

enum machine_role {
    MACHINE_ADMIN = 'a',  /* its commands may change the pool; else an edge */
    MACHINE_EDGE = 'e',   /* answers */
    MACHINE_VANTAGE = 'v' /* probes only */
};

struct machine {
    char name[MACHINE_ROOM];
    enum machine_role role;
    uint8_t key[MACHINE_KEY];
    uint64_t added_at;
    uint64_t evicted_at;              /* 0: it belongs to the fleet */
    char voucher_of[MACHINE_ROOM];    /* the admin that added it: */
    uint8_t voucher[MACHINE_VOUCHER]; /* ... its signature of name, role, key and added_at */
};

/* 1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end. */
bool machine_name_fine(const char *name);
/* "admin", "edge", "vantage"; NULL for any other. */
const char *machine_role_text(enum machine_role role);
/* "an admin", "an edge" or "a vantage point". */
const char *machine_role_words(enum machine_role role);
/* False if the text is none. */
bool machine_role_parse(enum machine_role *out, const char *text);

/* The admin of that name vouches for the machine, all of which is set but for the voucher. The
 * founder of a fleet vouches for itself. `ledger`: as of ledgerhead_sign.
 *
 * By vouchers, a machine that reads all rows anew finds out whether the admins among them are ones:
 * rows prove nothing of a head that is signed by a machine of the same rows. */
void machine_vouch(struct machine *machine, const char *ledger, const char *admin,
                   const uint8_t secret[MACHINE_SECRET]);
bool machine_is_vouched(const struct machine *machine, const char *ledger,
                        const uint8_t key[MACHINE_KEY]);

/* A row of the table, from its key and its value. DAMAGED, or NEWER. */
enum result machine_decode(struct machine *out, struct octets name, struct octets row);

/* NOT_FOUND if there is none of that name; also of evicted machines. */
enum result registry_machine(struct store_txn *txn, const char *name, struct machine *out);
/* The one that has the key, under whatever name; also evicted ones. NOT_FOUND. */
enum result registry_machine_of_key(struct store_txn *txn, const uint8_t key[MACHINE_KEY],
                                    struct machine *out);
/* Adds or replaces one. FULL if there are MACHINES_MAX in the fleet or MACHINES_KNOWN_MAX in all;
 * EXISTS if another has the key. */
enum result registry_put_machine(struct registry_change *change, const struct machine *machine);
/* NOT_FOUND. A machine without a row has no rights either; an evicted one's name stays known. */
enum result registry_remove_machine(struct registry_change *change, const char *name);
/* The machine that leads the keys of the zone. NOT_FOUND: none was named, or it is gone; an evicted
 * one is still named. */
enum result registry_key_leader(struct store_txn *txn, char out[MACHINE_ROOM]);
/* REFUSED unless it is an admin of the fleet. */
enum result registry_put_key_leader(struct registry_change *change, const char *name);
/* In order of name. */
typedef enum result machine_visit(const struct machine *machine, void *arg);
enum result registry_machines(struct store_txn *txn, machine_visit *visit, void *arg);

#endif
