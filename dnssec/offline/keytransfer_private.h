/* Inside of dnssec/keytransfer*.c: what keys from files and keys of a package have in common. */
#ifndef DNSSEC_KEYTRANSFER_PRIVATE_H
#define DNSSEC_KEYTRANSFER_PRIVATE_H

#include "dnssec/offline/keytransfer.h"

enum result keytransfer_delete_all(const struct key_timeline *timeline, struct store_txn *keys);
/* What was stored must make a zone: the goal for later, and the keys in use now. */
enum result keytransfer_check(struct store_txn *keys, const struct seal *seal, struct diag *diag);
/* REFUSED, without `replace`, if the keys that are here are not as `init` made them. */
enum result keytransfer_check_replaced(struct store_txn *keys, const struct key_timeline *timeline,
                                       bool replace, struct diag *diag);
/* True if this machine has followed, or was told to lead. */
bool keytransfer_was_led(struct store_txn *keys);

#endif
