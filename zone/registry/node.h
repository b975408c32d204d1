/* Nodes: the names of the zone that own RRsets. Each is a row of the registry's `names` table.
 *
 * The row says what the name is. TTLs, CAA and the SOA come from the settings when a query is
 * answered, so a changed setting rewrites no row. An empty non-terminal has no row of its own, but
 * rows below it. */
#ifndef ZONE_NODE_H
#define ZONE_NODE_H

#include "zone/names/rrset.h"
#include "zone/registry/member.h"
#include "zone/registry/settings.h"

enum node_kind {
    NODE_APEX = 1,    /* SOA, NS, CAA, static records; the server adds the records of DNSSEC */
    NODE_MEMBER = 2,  /* A, AAAA, CAA */
    NODE_SERVICE = 3, /* SRV of the pool or of a region; steering chooses the records */
    NODE_STATIC = 4,  /* name servers' addresses and the records of `record load` */
    NODE_WHOAMI = 5   /* TXT: the server tells each client how it is mapped */
};

#define NODE_WHOAMI_LABEL "_whoami"

enum {
    NODE_RRSETS_MAX = 24,
    NODE_ENCODED_MAX = 60000,
    NODE_SCRATCH = 4096,
    /* Stored for a TTL of 0, since 0 stands for the TTL of the settings. RFC 2181 8 treats it as 0.
     */
    NODE_TTL_ZERO = INT32_MIN,
    /* A stored RRset's TTL is at most this part of signature-validity: every served signature is
     * valid for so long (dnssec/signing/signer.h). */
    NODE_TTL_SHARE = 3
};

struct node {
    enum node_kind kind;
    /* NODE_SERVICE of a region: the number of its members, at least 1; of the pool: 0 */
    uint32_t members;
    /* NODE_MEMBER */
    uint64_t member_id;
    uint8_t address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
    char accounturi[MEMBER_ACCOUNTURI_ROOM];
    /* NODE_APEX (with NS) and NODE_STATIC: stored RRsets in order of type, pointing into the row;
     * node_ttl gives their TTL */
    uint16_t rrset_count;
    struct rrset rrsets[NODE_RRSETS_MAX];
};

void node_encode(struct writer *w, const struct node *node);
/* `out` points into `data`. DAMAGED if the layout is wrong, NEWER for an unknown kind. */
enum result node_decode(struct node *out, const uint8_t *data, size_t len);

/* The TTL of a stored RRset in answers. */
uint32_t node_ttl(const struct rrset *stored, const struct settings *settings);
/* One RRset of the node for an answer, built in `scratch` (NODE_SCRATCH octets) or pointing into
 * the row. `left_out` is standing.left_out. False if the node has no such type. Knows neither SRV
 * at a NODE_SERVICE nor DNSSEC types. The TXT of a NODE_WHOAMI is the one that says nothing of a
 * client. */
bool node_rrset(const struct node *node, const struct settings *settings, uint16_t type,
                uint8_t left_out, uint8_t *scratch, struct rrset *out);
/* The types of all RRsets of the node, ascending, with SRV for a NODE_SERVICE, but without RRSIG,
 * NSEC and the apex's DNSKEY, CDS, CDNSKEY. Returns their number. */
enum {
    NODE_TYPES_MAX = NODE_RRSETS_MAX + 4
};
size_t node_types(const struct node *node, const struct settings *settings, uint8_t left_out,
                  uint16_t out[NODE_TYPES_MAX]);

#endif
