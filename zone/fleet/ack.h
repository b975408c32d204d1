/* What a machine says in a letter of kind LETTER_ACK: how far it has applied the ledger. The
 * command that made a change counts these. They are told apart from hellos since they are many, and
 * of no use a second later. */
#ifndef ZONE_ACK_H
#define ZONE_ACK_H

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    ACK_MAX = 1 + 4 + 8
};

struct ack {
    uint32_t epoch;
    uint64_t seq;
};

/* `out` has ACK_MAX octets; returns the length. */
size_t ack_encode(const struct ack *ack, uint8_t *out);
/* Newer programs add at the end what this one does not read. INVALID. */
enum result ack_decode(struct ack *out, struct octets octets);
/* True if the machine has that change. */
bool ack_has(const struct ack *ack, uint32_t epoch, uint64_t seq);

#endif
