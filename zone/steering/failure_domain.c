#include "zone/steering/failure_domain.h"

#include <stdlib.h>

#include "zone/base/splitmix.h"

enum {
    TAG_SHIFT = 62,
    TAG_IPV4 = 1,
    TAG_IPV6 = 2,
    TAG_OPERATOR = 3
};

static uint64_t tagged(unsigned tag, uint64_t value)
{
    return (uint64_t)tag << TAG_SHIFT | value >> (64 - TAG_SHIFT);
}

uint64_t failure_domain_of_operator(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    }
    return tagged(TAG_OPERATOR, hash);
}

uint64_t failure_domain_of_address(const struct address *address)
{
    bool ipv4 = address_is_ipv4(address);
    struct address network = address_network(address, 48);
    struct reader r = reader_of(network.octets + (ipv4 ? 8 : 0), sizeof(uint64_t));
    return tagged(ipv4 ? TAG_IPV4 : TAG_IPV6, read_u64(&r));
}

static uint32_t root_of(uint32_t *group, uint32_t member)
{
    while (group[member] != member) {
        group[member] = group[group[member]];
        member = group[member];
    }
    return member;
}

/* The first one of the equal ties, by a hash table with the number of the tie plus one in each
 * slot. */
static const struct failure_domain_tie *first_of(const struct failure_domain_tie *ties, size_t tie,
                                                 uint32_t *table, size_t table_size)
{
    uint64_t hash = ties[tie].tie;
    size_t slot = splitmix(&hash) & (table_size - 1);
    while (table[slot] != 0 && ties[table[slot] - 1].tie != ties[tie].tie) {
        slot = (slot + 1) & (table_size - 1);
    }
    table[slot] = table[slot] == 0 ? (uint32_t)tie + 1 : table[slot];
    return &ties[table[slot] - 1];
}

void failure_domain_groups(const struct failure_domain_tie *ties, size_t count, uint32_t *group,
                           size_t members)
{
    size_t table_size = 2; /* a power of two */
    ASSERT(count < UINT32_MAX);
    while (table_size < 2 * count) {
        table_size *= 2;
    }
    uint32_t *table = xcalloc(table_size, sizeof(*table));
    for (size_t i = 0; i < members; i++) {
        group[i] = (uint32_t)i;
    }
    for (size_t i = 0; i < count; i++) {
        const struct failure_domain_tie *first = first_of(ties, i, table, table_size);
        uint32_t a = root_of(group, first->member), b = root_of(group, ties[i].member);
        group[a > b ? a : b] = a > b ? b : a;
    }
    free(table);
    for (size_t i = 0; i < members; i++) {
        group[i] = root_of(group, (uint32_t)i);
    }
}
