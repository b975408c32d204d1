/* Failure domains. Members of one failure domain tend to fail together. Clients treat the
 * members of an answer as independent sources (draft-ladd-nts-for-the-ntp-pool 4), so
 * these must not be in one answer. Pure.
 *
 * Two members are in one failure domain if they share the operator, an IPv4 /24 or an IPv6 /48. The
 * relation is made transitive: a chain of such pairs is one domain. This errs on the side of
 * independence, and a set can be checked by group number alone. */
#ifndef ZONE_FAILURE_DOMAIN_H
#define ZONE_FAILURE_DOMAIN_H

#include "zone/base/address.h"

/* Something that members may share: members with equal `tie` are in one failure domain. */
struct failure_domain_tie {
    uint64_t tie;
    uint32_t member;
};

uint64_t failure_domain_of_operator(const char *name);
uint64_t failure_domain_of_address(const struct address *address);

/* Sets the group number of each of `members` members: the lowest member number in its failure
 * domain. */
void failure_domain_groups(const struct failure_domain_tie *ties, size_t count, uint32_t *group,
                           size_t members);

#endif
