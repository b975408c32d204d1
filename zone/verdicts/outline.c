#include "zone/verdicts/outline.h"

#include <sodium.h>

#include "zone/verdicts/consensus.h"

enum {
    ADDRESS_LEN = 16 + 1 + 2 + 1,
    FAMILY_LEN = 1 + 8 + 8 + 1,
    OUTLINE_MAX = 8 + 1 + 8 + ADDRESS_FAMILIES * FAMILY_LEN + MEMBER_ADDRESSES_MAX * ADDRESS_LEN
};

/* Rounded up: a weight of 0 is never the same as a small one. */
static uint8_t step_of(uint16_t weight)
{
    enum {
        STEP = HEALTH_WEIGHT_MAX / OUTLINE_WEIGHTS
    };
    return (uint8_t)((weight + STEP - 1) / STEP);
}

uint64_t outline_of(const struct member_health *health)
{
    static const uint8_t key[crypto_shorthash_KEYBYTES];
    uint8_t data[OUTLINE_MAX], hash[crypto_shorthash_BYTES];
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, health->member_id);
    write_u8(&w, (uint8_t)health->stage);
    write_u64(&w, health->last_cert_not_after);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct family_health *family = &health->family[i];
        write_u8(&w, (uint8_t)family->stage);
        write_u64(&w, family->stage_since);
        write_u64(&w, family->frozen_at);
        write_u8(&w, step_of(family->weight));
    }
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        write_octets(&w, each->address.octets, sizeof(each->address.octets));
        write_u8(&w, each->working);
        write_u16(&w, (uint16_t)each->failure);
        write_u8(&w, each->probes >= CONSENSUS_PROBES);
    }
    CHECK(!w.failed);
    CHECK(crypto_shorthash(hash, data, w.at, key) == 0);
    struct reader r = reader_of(hash, sizeof(hash));
    return read_u64(&r);
}
