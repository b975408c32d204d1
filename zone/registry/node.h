/* What stands at a name of the zone: the rows of the registry's `names` table, and the RRsets that
 * follow from them.
 *
 * A row says what the name is; TTLs, CAA and the SOA come from the settings when it is answered, so
 * a changed setting rewrites no row. Empty non-terminals have no row: they are found as a name with
 * rows under it. */
#ifndef ZONE_NODE_H
#define ZONE_NODE_H

#include "zone/names/rrset.h"
#include "zone/registry/member.h"
#include "zone/registry/settings.h"

enum node_kind {
    NODE_APEX = 1, /* SOA, NS, CAA; DNSSEC's own records are added by the server; static records */
    NODE_MEMBER = 2,  /* A, AAAA, CAA */
    NODE_SERVICE = 3, /* SRV, by steering: of the pool, or of a region */
    NODE_STATIC = 4   /* name servers' addresses and the records of `record load` */
};

enum {
    NODE_RRSETS_MAX = 24,
    NODE_ENCODED_MAX = 60000,
    NODE_SCRATCH = 4096,
    /* A stored RRset's TTL of 0, since 0 stands for the settings'. RFC 2181 8 reads it as 0,
     * too. */
    NODE_TTL_ZERO = INT32_MIN,
    /* A stored RRset's TTL is at most this part of signature-validity: what any signature that is
     * served has left (dnssec/signing/signer.h). */
    NODE_TTL_SHARE = 3
};

struct node {
    enum node_kind kind;
    uint32_t members;   /* NODE_SERVICE of a region: registered there, at least 1; 0: of the pool */
    uint64_t member_id; /* NODE_MEMBER from here */
    uint8_t address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
    char accounturi[MEMBER_ACCOUNTURI_ROOM];
    /* stored RRsets: NODE_APEX (NS among them) and NODE_STATIC, in order of type */
    uint16_t rrset_count;
    /* into the decoded octets; node_ttl says with which TTL */
    struct rrset rrsets[NODE_RRSETS_MAX];
};

void node_encode(struct writer *w, const struct node *node);
/* `out` points into `data`. DAMAGED if the layout does not add up. */
enum result node_decode(struct node *out, const uint8_t *data, size_t len);

/* The TTL with which a stored RRset is served. */
uint32_t node_ttl(const struct rrset *stored, const struct settings *settings);
/* One RRset of the node as it is served, built in `scratch` (NODE_SCRATCH octets) or pointing into
 * the node. `left_out` is standing.left_out. False if the node has no such type. SRV at a
 * NODE_SERVICE and DNSSEC types are not known here. */
bool node_rrset(const struct node *node, const struct settings *settings, uint16_t type,
                uint8_t left_out, uint8_t *scratch, struct rrset *out);
/* The types of all RRsets of the node, ascending, at most NODE_TYPES_MAX; SRV for a NODE_SERVICE;
 * without RRSIG, NSEC and the apex's DNSKEY, CDS, CDNSKEY. Returns their number. */
enum {
    NODE_TYPES_MAX = NODE_RRSETS_MAX + 4
};
size_t node_types(const struct node *node, const struct settings *settings, uint8_t left_out,
                  uint16_t out[NODE_TYPES_MAX]);

#endif
