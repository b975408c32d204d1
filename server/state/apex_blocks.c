#include "server/state/apex_blocks.h"

_Static_assert((int)KEYRING_SCRATCH <= (int)NODE_SCRATCH, "room for any of them");

static const uint16_t block_types[APEX_BLOCKS] = { RR_SOA, RR_NS, RR_DNSKEY };

/* True if all signatures are as old as if made now, so that a clock that is set back a little finds
 * none from the future, and are valid beyond `until`. RFC 4034 3.1.5: times are serial numbers. */
static bool signatures_last(const struct rrset *signatures, const struct apex_blocks_parts *parts)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    size_t at = 0;
    bool last = true;
    while (last && rrset_next(signatures, &at, &rdata, &len)) {
        struct reader r = reader_of(rdata, len);
        (void)read_octets(&r, RRSIG_EXPIRATION);
        uint32_t expiration = read_u32(&r), inception = read_u32(&r);
        last = !r.failed && (int32_t)(expiration - (uint32_t)parts->until) > 0 &&
               (int32_t)((uint32_t)parts->now - inception) >= RRSIG_BACKDATE_S;
    }
    return last;
}

static void make_block(struct apex_blocks *out, size_t i, const struct node *node,
                       const struct apex_blocks_parts *parts)
{
    const struct settings *settings = parts->settings;
    const struct dname *apex = &settings->apex;
    const uint16_t type = block_types[i];
    uint8_t rdata[NODE_SCRATCH];
    uint8_t scratch[SIGNER_SCRATCH];
    struct rrset set, signatures;
    bool found = type == RR_DNSKEY
                     ? keyring_rrset(parts->keyring, apex, type, settings->ttl_s, rdata, &set)
                     : node_rrset(node, settings, type, 0, rdata, &set);
    if (!found ||
        signer_sign(parts->signer, apex, &set, parts->now, scratch, &signatures) != RESULT_OK ||
        !signatures_last(&signatures, parts)) {
        return;
    }
    /* The SOA is in answers to other qnames, too. */
    const struct block_parts block = { .owner = type == RR_SOA ? apex : NULL,
                                       .set = &set,
                                       .signatures = &signatures };
    (void)block_make(&out->list[i], out->wire[i], sizeof(out->wire[i]), apex, &block);
}

enum result apex_blocks_make(struct apex_blocks *out, const struct apex_blocks_parts *parts)
{
    const struct dname_key key = { .len = 0 };
    uint8_t row[NODE_ENCODED_MAX];
    struct node node;
    memset(out, 0, sizeof(*out));
    TRY(registry_node(parts->registry, &key, row, &node));
    for (size_t i = 0; i < APEX_BLOCKS; i++) {
        make_block(out, i, &node, parts);
    }
    return RESULT_OK;
}

const struct block *apex_blocks_of(const struct apex_blocks *blocks, uint16_t type)
{
    for (size_t i = 0; i < APEX_BLOCKS; i++) {
        if (block_types[i] == type && blocks->list[i].wire != NULL) {
            return &blocks->list[i];
        }
    }
    return NULL;
}
