#include "zone/steering/failure_domain.h"

#include <stdlib.h>

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

static int compare_ties(const void *a, const void *b)
{
    const struct failure_domain_tie *left = a, *right = b;
    if (left->tie != right->tie) {
        return left->tie < right->tie ? -1 : 1;
    }
    return (left->member > right->member) - (left->member < right->member);
}

void failure_domain_groups(struct failure_domain_tie *ties, size_t count, uint32_t *group,
                           size_t members)
{
    for (size_t i = 0; i < members; i++) {
        group[i] = (uint32_t)i;
    }
    if (count > 0) {
        qsort(ties, count, sizeof(ties[0]), compare_ties);
    }
    for (size_t i = 1; i < count; i++) {
        if (ties[i].tie == ties[i - 1].tie) {
            uint32_t a = root_of(group, ties[i - 1].member), b = root_of(group, ties[i].member);
            group[a > b ? a : b] = a > b ? b : a;
        }
    }
    for (size_t i = 0; i < members; i++) {
        group[i] = root_of(group, (uint32_t)i);
    }
}
