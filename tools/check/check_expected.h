/* What the state says of the pool's members: read before anybody is asked, then compared with what
 * is seen. */
#ifndef TOOLS_CHECK_EXPECTED_H
#define TOOLS_CHECK_EXPECTED_H

#include "tools/check/check.h"

struct expected_member {
    struct dname target; /* of its SRV records, lower case */
    uint16_t port;
    bool in;       /* handed out */
    bool decided;  /* the operator keeps it out */
    bool account;  /* its CAA records name an ACME account */
    bool own_name; /* it has a target of its own, so the pool has no records of it */
    uint8_t address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
    uint8_t caa[CHECK_DIGEST]; /* of its CAA records */
    const char *reason;
    uint32_t domain; /* failure domain, if it is handed out */
};

struct check_expected {
    size_t count;
    struct expected_member *members; /* sorted by target */
    size_t in;                       /* handed out */
    unsigned subnet_count;
    uint8_t per_set[CHECK_SUBNETS_MAX]; /* targets in an answer */
    bool *allowed;                      /* [subnet * count + member] */
};

/* Reads registry, health and traffic, and what `explain` says for each of the subnets. */
enum result check_expected_read(struct check_expected **out, struct cli *cli,
                                const struct check_options *options);
void check_expected_free(struct check_expected *expected);
/* The index of the member that SRV records show by this name; SIZE_MAX: there is none. */
size_t check_expected_find(const struct check_expected *expected, const struct dname *target);
static inline bool check_expected_allows(const struct check_expected *expected, unsigned subnet,
                                         size_t member)
{
    return expected->allowed[subnet * expected->count + member];
}

#endif
