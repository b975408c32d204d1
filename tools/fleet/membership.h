/* What makes a machine one of a fleet: its name and role, the engine's nodes, its key, and whom it
 * trusts. It is kept in <state>/machine, which appears and goes as a whole:
 *
 *   machine          the lines of a token without its keys and certificates
 *   key.pem          the machine's key (Ed25519, PKCS #8): for TLS, and to sign heads and letters
 *   certificate.pem  for the engine: CN is the machine's name
 *   ca.pem           the fleet's CA
 *   ca-key.pem       its key, on admins only
 *
 * A token is all of it as one text, for one machine that is to join. Who has a token is that
 * machine, until it is evicted. */
#ifndef TOOLS_MEMBERSHIP_H
#define TOOLS_MEMBERSHIP_H

#include <limits.h>

#include "tools/fleet/etcd.h"
#include "zone/ledger/ledgerhead.h"
#include "zone/registry/machine.h"
#include "zone/registry/registry.h"

#define MEMBERSHIP_DIR "machine"

enum {
    MEMBERSHIP_ID_ROOM = 2 * REGISTRY_ID_LEN + 1,
    MEMBERSHIP_PREFIX_ROOM = (int)sizeof("/ntspool//") + 2 * REGISTRY_ID_LEN,
    MEMBERSHIP_LEDGER_ROOM = DNAME_TEXT_MAX + 1 + 2 * REGISTRY_ID_LEN,
    MEMBERSHIP_PEM_ROOM = 4096,
    MEMBERSHIP_KEY_PEM_ROOM = 128,
    MEMBERSHIP_TOKEN_MAX = 32 << 10
};

struct membership {
    char name[MACHINE_ROOM];
    enum machine_role role;
    char apex[DNAME_TEXT_MAX]; /* with the final dot */
    uint8_t registry_id[REGISTRY_ID_LEN];
    struct endpoint nodes[ETCD_NODES_MAX]; /* for clients */
    unsigned node_count;
    char ca[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX]; /* paths of PEM files; empty as long as
                                                              * it is only a token's */
    uint8_t secret[LEDGERHEAD_SECRET];
    uint8_t founder[LEDGERHEAD_KEY];     /* of the admin that made the fleet: vouchers lead to it */
    char prefix[MEMBERSHIP_PREFIX_ROOM]; /* of all keys: "/ntspool/<registry_id>/" */
    char ledger[MEMBERSHIP_LEDGER_ROOM]; /* for ledgerhead_sign: "<apex>/<registry_id>" */
};

/* What is in the PEM files. */
struct membership_papers {
    char certificate[MEMBERSHIP_PEM_ROOM], ca[MEMBERSHIP_PEM_ROOM];
    char key[MEMBERSHIP_KEY_PEM_ROOM], ca_key[MEMBERSHIP_KEY_PEM_ROOM]; /* ca_key "": it has none */
};

/* Makes `prefix` and `ledger` from the rest. */
void membership_complete(struct membership *membership);
/* For etcd_new. It points into `membership`. */
struct etcd_config membership_engine(const struct membership *membership);

/* MISSING: the machine is in no fleet. INVALID, SYSTEM with words. */
enum result membership_read(struct membership *out, const char *state_dir, struct diag *diag);
/* Reads the PEM files too. REFUSED if this user may not read the CA's key. */
enum result membership_read_papers(struct membership_papers *out, const char *state_dir,
                                   struct diag *diag);
/* Makes <state>/machine. EXISTS if there is one. */
enum result membership_write(const char *state_dir, const struct membership *membership,
                             const struct membership_papers *papers, struct diag *diag);
/* Replaces the lines, for other nodes of the engine, in one step. */
enum result membership_write_nodes(const char *state_dir, const struct membership *membership,
                                   struct diag *diag);
/* Another number after each replacement; 0 if there are no lines. */
uint64_t membership_mark(const char *state_dir);
/* Takes the machine out of its fleet, as far as it knows. MISSING if it is in none. */
enum result membership_remove(const char *state_dir, struct diag *diag);

/* Writes a token; `out` has MEMBERSHIP_TOKEN_MAX. Returns the length. */
size_t membership_token(const struct membership *membership, const struct membership_papers *papers,
                        char *out);
/* Reads a token. INVALID with the line, NEWER for a layout that this program does not know. */
enum result membership_token_read(struct membership *out, struct membership_papers *papers,
                                  const char *text, size_t len, struct diag *diag);

/* The PEM of an Ed25519 key, from its secret of libsodium and back. */
void membership_key_pem(const uint8_t secret[LEDGERHEAD_SECRET], char out[MEMBERSHIP_KEY_PEM_ROOM]);
enum result membership_key_of_pem(const char *pem, uint8_t out[LEDGERHEAD_SECRET],
                                  struct diag *diag);

#endif
