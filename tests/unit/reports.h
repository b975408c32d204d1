/* Vantage points for tests: their keys, and heads, verdicts, samples and events of reports. */
#ifndef TESTS_UNIT_REPORTS_H
#define TESTS_UNIT_REPORTS_H

#include <sodium.h>

#include "tests/unit/unit.h"
#include "zone/verdicts/journal.h"

enum {
    REPORTS_NOW = 1700000000
};

struct reports_key {
    uint8_t open[VANTAGE_KEY_LEN], secret[REPORT_SECRET_LEN];
};

static const uint8_t reports_registry[REGISTRY_ID_LEN] = "the registry is";

static inline struct reports_key reports_key_of(uint8_t seed)
{
    struct reports_key key;
    uint8_t octets[crypto_sign_SEEDBYTES] = { seed };
    assert_true(sodium_init() >= 0);
    assert_int_equal(crypto_sign_seed_keypair(key.open, key.secret, octets), 0);
    return key;
}

static inline struct report_head reports_head(const struct reports_key *key, uint64_t number)
{
    struct report_head head = { .number = number, .vantage = "far", .made_at = REPORTS_NOW };
    head.apex = name_of("pool.test");
    memcpy(head.key, key->open, sizeof(head.key));
    memcpy(head.registry, reports_registry, sizeof(head.registry));
    return head;
}

/* A member that answers at one address. */
static inline struct member_health reports_verdict(uint64_t id, const char *address)
{
    struct member_health health = { .member_id = id, .stage = STAGE_ELIGIBLE, .weight = 1000 };
    memcpy(health.vantage, "far", sizeof("far"));
    health.stage_since = REPORTS_NOW - 100;
    health.last_eligible_at = REPORTS_NOW - 1;
    health.last_cert_not_after = REPORTS_NOW + 86400;
    health.address_count = 1;
    struct address_health *each = &health.addresses[0];
    each->address = address_of(address);
    each->score_milli = 12345;
    each->working = true;
    each->probes = 77;
    each->first_probe_at = REPORTS_NOW - 7000;
    each->last_probe_at = each->last_good_at = REPORTS_NOW - 1;
    each->cert_not_after = REPORTS_NOW + 86400;
    each->certified_at = each->operational_at = REPORTS_NOW - 7000;
    each->stratum = 2;
    each->offset_us = -1234;
    each->rtt_us = 20000;
    (void)snprintf(each->detail, sizeof(each->detail), "all is well");
    struct family_health *family = &health.family[address_family(&each->address)];
    *family = (struct family_health){ STAGE_ELIGIBLE, REPORTS_NOW - 100, 0, 1000 };
    return health;
}

static inline struct history_subject reports_subject(uint64_t id, const char *address)
{
    struct history_subject subject = { .member_id = id, .address = address_of(address) };
    memcpy(subject.vantage, "far", sizeof("far"));
    return subject;
}

static inline struct vantage reports_vantage(uint64_t well_at)
{
    struct vantage vantage = { .name = "far", .interval_s = 60, .well_at = well_at };
    vantage.started_at = REPORTS_NOW - 7000;
    vantage.family[ADDRESS_IPV4] =
        (struct vantage_family){ FAMILY_ON, REPORTS_NOW - 7000, well_at, 0, 3 };
    return vantage;
}

#endif
