/* Kin: members that fail together, so that a client must not take them for independent sources.
 * Pure.
 *
 * Members are kin if they have the operator, an IPv4 /24 or an IPv6 /48 in common, and so are kin
 * of kin: a chain of pairs makes one group, which errs on the side of independence and lets a set
 * be checked by group alone. */
#ifndef ZONE_FAILURE_DOMAIN_H
#define ZONE_FAILURE_DOMAIN_H

#include "zone/base/address.h"

/* A tie: members with the same one are kin. */
struct failure_domain_tie {
    uint64_t tie;
    uint32_t member;
};

uint64_t failure_domain_of_operator(const char *name);
uint64_t failure_domain_of_address(const struct address *address);

/* The number of its group for each of `members` members, which is the lowest number of a member in
 * it. Reorders the ties. */
void failure_domain_groups(struct failure_domain_tie *ties, size_t count, uint32_t *group,
                           size_t members);

#endif
