#include <stdbool.h> /* before ldns, which else makes one of its own */

#include <ldns/ldns.h>

#include "dnssec/signing/signer.h"
#include "tests/unit/keys.h"

enum {
    NOW = 1800000000,
    VALIDITY = 604800,
    TTL = 150
};

struct bench {
    void *keys; /* struct keys_fixture */
    struct keyring *keyring;
    struct sigcache *cache;
    struct signer *signer;
    struct dname apex;
};

static void set_up(struct bench *b, const enum algorithm *algorithms, const enum key_role *roles,
                   size_t count)
{
    assert_int_equal(keys_set_up(&b->keys), 0);
    for (size_t i = 0; i < count; i++) {
        key_free(keys_add(b->keys, algorithms[i], roles[i]));
    }
    assert_ok(keys_ring(&b->keyring, b->keys, NULL));
    b->apex = name_of("Pool.test.");
    b->cache = sigcache_new(1024);
    b->signer = signer_new(b->keyring, b->cache, &b->apex, VALIDITY, 1);
}

static void set_up_pair(struct bench *b, enum algorithm algorithm)
{
    const enum algorithm algorithms[] = { algorithm, algorithm };
    const enum key_role roles[] = { KEY_KSK, KEY_ZSK };
    set_up(b, algorithms, roles, 2);
}

static void tear_down(struct bench *b)
{
    signer_free(b->signer);
    sigcache_free(b->cache);
    keyring_unref(b->keyring);
    assert_int_equal(keys_tear_down(&b->keys), 0);
}

/* The tag of the key with exactly this role. */
static uint16_t tag_of(const struct keyring *keyring, enum key_role role)
{
    size_t i = 0;
    while (key_role(keyring_key(keyring, i)) != role) {
        i++;
    }
    return key_tag(keyring_key(keyring, i));
}

/* Four SRV records, out of order on purpose: the builder sorts them. */
static struct rrset srv_set(uint8_t scratch[1024])
{
    struct rrset_builder b;
    struct rrset set;
    rrset_begin(&b, RR_SRV, TTL, scratch, 1024);
    const char *members[] = { "delta", "alice", "carol", "bob" };
    for (size_t i = 0; i < 4; i++) {
        uint8_t rdata[64];
        struct writer w = writer_of(rdata, sizeof rdata);
        write_u16(&w, 0);
        write_u16(&w, 1);
        write_u16(&w, 4460);
        struct dname apex = name_of("pool.test."), target;
        assert_ok(dname_prepend(&target, members[i], strlen(members[i]), &apex));
        dname_write(&w, &target);
        rrset_add(&b, rdata, w.at);
    }
    assert_true(rrset_end(&b, &set));
    return set;
}

/* ---- verification with ldns ---- */

static ldns_rr *rr_of(const struct dname *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                      size_t len)
{
    uint8_t wire[65535];
    struct writer w = writer_of(wire, sizeof wire);
    dname_write(&w, owner);
    write_u16(&w, type);
    write_u16(&w, RR_CLASS_IN);
    write_u32(&w, ttl);
    write_u16(&w, (uint16_t)len);
    write_octets(&w, rdata, len);
    assert_false(w.failed);
    ldns_rr *rr = NULL;
    size_t at = 0;
    assert_int_equal(ldns_wire2rr(&rr, wire, w.at, &at, LDNS_SECTION_ANSWER), LDNS_STATUS_OK);
    return rr;
}

static ldns_rr_list *list_of(const struct dname *owner, const struct rrset *set)
{
    ldns_rr_list *list = ldns_rr_list_new();
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        assert_true(ldns_rr_list_push_rr(list, rr_of(owner, set->type, set->ttl, rdata, len)));
    }
    return list;
}

/* The number of signatures that ldns verifies, each with the DNSKEY of the signature's tag. Every
 * signature must have such a DNSKEY. */
static size_t judged_good(struct bench *b, const struct dname *owner, const struct rrset *set,
                          const struct rrset *rrsigs, uint64_t now)
{
    struct rrset dnskeys;
    uint8_t scratch[KEYRING_SCRATCH];
    assert_true(keyring_rrset(b->keyring, &b->apex, RR_DNSKEY, 3600, scratch, &dnskeys));
    ldns_rr_list *keys = list_of(&b->apex, &dnskeys);
    ldns_rr_list *records = list_of(owner, set);
    ldns_rr_list *signatures = list_of(owner, rrsigs);
    size_t good = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(signatures); i++) {
        ldns_rr_list *one = ldns_rr_list_new();
        ldns_rr_list *used = ldns_rr_list_new();
        (void)ldns_rr_list_push_rr(one, ldns_rr_list_rr(signatures, i));
        good += ldns_verify_time(records, one, keys, (time_t)now, used) == LDNS_STATUS_OK ? 1U : 0U;
        ldns_rr_list_free(used);
        ldns_rr_list_free(one);
    }
    ldns_rr_list_deep_free(signatures);
    ldns_rr_list_deep_free(records);
    ldns_rr_list_deep_free(keys);
    return good;
}

static uint32_t u32_at(const uint8_t *p)
{
    struct reader r = reader_of(p, 4);
    return read_u32(&r);
}

static bool has_signed(const struct rrset *rrsigs, uint16_t tag)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(rrsigs, &at, &rdata, &len);) {
        if ((rdata[RRSIG_TAG] << 8 | rdata[RRSIG_TAG + 1]) == tag) {
            return true;
        }
    }
    return false;
}

static void ldns_accepts_the_signatures_of_both_algorithms(void **)
{
    const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };
    for (size_t a = 0; a < 2; a++) {
        struct bench b;
        set_up_pair(&b, algorithms[a]);
        uint8_t data[1024], scratch[SIGNER_SCRATCH];
        struct rrset set = srv_set(data), rrsigs;
        struct dname owner = name_of("_NTSKE._tcp.Pool.test.");
        assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
        assert_int_equal(rrsigs.type, RR_RRSIG);
        assert_int_equal(rrsigs.ttl, TTL);
        assert_int_equal(rrsigs.count, 1);
        assert_true(rrset_check(&rrsigs));
        assert_int_equal(judged_good(&b, &owner, &set, &rrsigs, NOW), 1);
        /* The check must also detect a bad signature. */
        scratch[rrsigs.rdata_len - 1] ^= 1;
        assert_int_equal(judged_good(&b, &owner, &set, &rrsigs, NOW), 0);
        tear_down(&b);
    }
}

/* RFC 7344 4.1: a key with a DS signs CDS and CDNSKEY. The ZSK signs them as well, for validators
 * that want a signature of every algorithm (RFC 4035 2.2). */
static void sets_about_keys_are_signed_by_the_ksk_and_all_but_dnskey_by_the_zsk(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ECDSAP256SHA256);
    const uint16_t types[] = { RR_DNSKEY, RR_CDNSKEY, RR_CDS };
    uint8_t data[KEYRING_SCRATCH], scratch[SIGNER_SCRATCH];
    struct rrset set, rrsigs;
    for (size_t i = 0; i < 3; i++) {
        assert_true(keyring_rrset(b.keyring, &b.apex, types[i], 3600, data, &set));
        assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
        assert_int_equal(rrsigs.count, types[i] == RR_DNSKEY ? 1 : 2);
        assert_true(has_signed(&rrsigs, tag_of(b.keyring, KEY_KSK)));
        assert_int_equal(judged_good(&b, &b.apex, &set, &rrsigs, NOW), rrsigs.count);
    }
    uint8_t room[1024];
    set = srv_set(room);
    assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
    assert_true(has_signed(&rrsigs, tag_of(b.keyring, KEY_ZSK)));
    tear_down(&b);
}

/* RFC 4035 2.2: during an algorithm rollover both algorithms sign everything. */
static void every_algorithm_signs(void **)
{
    struct bench b;
    const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ECDSAP256SHA256,
                                          ALGORITHM_ED25519 };
    const enum key_role roles[] = { KEY_KSK, KEY_ZSK, KEY_CSK };
    set_up(&b, algorithms, roles, 3);
    uint8_t data[1024], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    for (int round = 0; round < 2; round++) { /* made, then from the cache */
        assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
        assert_int_equal(rrsigs.count, 2);
        assert_int_equal(judged_good(&b, &b.apex, &set, &rrsigs, NOW), 2);
        assert_int_equal(signer_made(b.signer), 2);
    }
    tear_down(&b);
}

/* RFC 4034 3.1.3: in the NSEC of a queried `*.zone` the asterisk does not count. */
static void the_labels_field_leaves_out_an_asterisk(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ECDSAP256SHA256);
    uint8_t data[1024], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    struct dname owner = name_of("*.pool.test.");
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
    assert_int_equal(scratch[2 + 3], 2);
    assert_int_equal(judged_good(&b, &owner, &set, &rrsigs, NOW), 1);
    tear_down(&b);
}

static void times_are_backdated_and_jittered_within_bounds(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ED25519);
    uint8_t data[1024], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < 200; i++) {
        set.ttl = i; /* another RRset each time */
        assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
        assert_int_equal(u32_at(scratch + 2 + 12), NOW - RRSIG_BACKDATE_S);
        uint32_t left = u32_at(scratch + 2 + 8) - NOW;
        least = left < least ? left : least;
        most = left > most ? left : most;
    }
    assert_true(most <= VALIDITY && least >= VALIDITY - VALIDITY / 20);
    assert_true(most - least > VALIDITY / 40);
    assert_int_equal(signer_made(b.signer), 200);
    tear_down(&b);
}

static void a_signature_is_reused_until_a_third_is_left(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ECDSAP256SHA256);
    uint8_t data[1024], first[SIGNER_SCRATCH], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    struct dname owner = name_of("_ntske._tcp.pool.test."),
                 upper = name_of("_NTSKE._tcp.POOL.test.");
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, first, &rrsigs));
    const uint64_t hits[] = { NOW, NOW + 1, NOW + VALIDITY / 2, NOW - RRSIG_BACKDATE_S };
    for (size_t i = 0; i < sizeof hits / sizeof hits[0]; i++) {
        assert_ok(signer_sign(b.signer, &upper, &set, hits[i], scratch, &rrsigs));
        assert_memory_equal(first, scratch, rrsigs.rdata_len);
    }
    assert_int_equal(signer_made(b.signer), 1);
    uint64_t late = NOW + VALIDITY - VALIDITY / 3 + 1;
    assert_ok(signer_sign(b.signer, &owner, &set, late, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 2);
    assert_int_equal(judged_good(&b, &owner, &set, &rrsigs, late), 1);
    /* The new signature replaced the old one in the cache. */
    assert_ok(signer_sign(b.signer, &owner, &set, late + 1, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 2);
    tear_down(&b);
}

static void no_clock_step_brings_up_a_signature_that_is_not_valid(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ED25519);
    uint8_t data[1024], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    const int64_t steps[] = { 0,         400LL * 86400, -400LL * 86400, -7200, 3LL * VALIDITY,
                              -VALIDITY, 4200000000,    -4200000000,    60 };
    uint64_t now = NOW;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        now = (uint64_t)((int64_t)now + steps[i]);
        assert_ok(signer_sign(b.signer, &b.apex, &set, now, scratch, &rrsigs));
        uint32_t age = (uint32_t)now - u32_at(scratch + 2 + 12);
        uint32_t left = u32_at(scratch + 2 + 8) - (uint32_t)now;
        assert_true(age <= VALIDITY);
        assert_true(left > VALIDITY / 3 && left <= VALIDITY + RRSIG_BACKDATE_S);
    }
    tear_down(&b);
}

/* A signature is never reused for anything that differs in owner, TTL, type, rdata or count. */
static void anything_that_differs_is_signed_anew(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ED25519);
    uint8_t data[1024], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    struct dname owner = name_of("a.pool.test."), other = name_of("b.pool.test.");
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
    assert_ok(signer_sign(b.signer, &other, &set, NOW, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 2);
    set.ttl++;
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 3);
    set.type = RR_NS;
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 4);
    data[set.rdata_len - 2]++;
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 5);
    set.count--;
    set.rdata_len -= 2 + 6 + 17;
    assert_true(rrset_check(&set));
    assert_ok(signer_sign(b.signer, &owner, &set, NOW, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 6);
    tear_down(&b);
}

static void what_is_too_long_to_sign_is_refused(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ED25519);
    enum {
        ROOM = 65535
    };
    uint8_t *data = calloc(1, ROOM);
    assert_non_null(data);
    uint8_t scratch[SIGNER_SCRATCH];
    /* 18 octets and the signer's name (11); the owner (11) and 10 octets of the record. */
    uint16_t most = ROOM - 18 - 11 - 11 - 10;
    struct rrset set = { .type = RR_TXT, .count = 1, .rdata = data }, rrsigs;
    wire_put_u16(data, most);
    set.rdata_len = most + 2U;
    assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
    wire_put_u16(data, (uint16_t)(most + 1));
    set.rdata_len = most + 3U;
    assert_int_equal(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs), RESULT_TOO_LONG);
    free(data);
    tear_down(&b);
}

/* Two keys sign, and each signature counts. */
static void new_signatures_come_from_the_budget(void **)
{
    struct bench b;
    const enum algorithm algorithms[] = { ALGORITHM_ED25519, ALGORITHM_ED25519 };
    const enum key_role roles[] = { KEY_CSK, KEY_CSK };
    set_up(&b, algorithms, roles, 2);
    struct budget budget = { 0 };
    budget_update(&budget, 30, 1000000);
    signer_limit(b.signer, &budget);
    uint8_t data[1024], scratch[SIGNER_SCRATCH];
    struct rrset set = srv_set(data), rrsigs;
    assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
    struct dname other = name_of("other.pool.test.");
    assert_int_equal(signer_sign(b.signer, &other, &set, NOW, scratch, &rrsigs), RESULT_EXHAUSTED);
    assert_int_equal(signer_made(b.signer), 3);
    for (int i = 0; i < 10; i++) { /* cached signatures don't */
        assert_ok(signer_sign(b.signer, &b.apex, &set, NOW, scratch, &rrsigs));
    }
    budget_update(&budget, 30, 2000000);
    assert_ok(signer_sign(b.signer, &other, &set, NOW, scratch, &rrsigs));
    assert_int_equal(signer_made(b.signer), 4);
    tear_down(&b);
}

/* Takes the steps that are safe, and opens the keys. */
static void advance(struct bench *b, uint64_t now)
{
    struct keys_fixture *f = b->keys;
    const struct key_timeline before = keys_timeline(f);
    struct key_timeline after = before;
    const struct rollover_timing timing = { .memory = { .dnskey_ttl_s = TTL, .zone_ttl_s = TTL },
                                            .propagation_s = 60 };
    struct store_txn *txn = keys_write(f);
    assert_true(rollover_advance(&after.keys, &timing, now));
    assert_ok(key_timeline_write(&after, &before, txn, f->seal, now, NULL));
    assert_ok(store_commit(txn, NULL));
    signer_free(b->signer);
    keyring_unref(b->keyring);
    assert_ok(keys_ring(&b->keyring, f, NULL));
    b->signer = signer_new(b->keyring, b->cache, &b->apex, VALIDITY, 2);
    signer_take_former(b->signer);
}

/* A rollover of the ZSK up to the switch, at NOW. */
static void switch_zsk(struct bench *b)
{
    struct keys_fixture *f = b->keys;
    const struct roll_options options = { .kind = ROLL_ZSK };
    struct key_timeline keys = keys_timeline(f);
    struct store_txn *txn = keys_write(f);
    assert_ok(key_timeline_start(&keys, txn, f->seal, &options, NOW - 1000, NULL));
    assert_ok(store_commit(txn, NULL));
    advance(b, NOW - 1000);
    advance(b, NOW);
}

/* Signs the set at each of 200 names. Returns how many signatures are by the key with this
 * tag. */
static unsigned signed_by(struct bench *b, uint16_t type, uint16_t tag, uint64_t now)
{
    unsigned count = 0;
    for (int i = 0; i < 200; i++) {
        char label[16];
        uint8_t scratch[1024], sigs[SIGNER_SCRATCH];
        struct dname owner;
        struct rrset set = srv_set(scratch), rrsigs;
        (void)snprintf(label, sizeof label, "m%d", i);
        set.type = type;
        assert_ok(dname_prepend(&owner, label, strlen(label), &b->apex));
        assert_ok(signer_sign(b->signer, &owner, &set, now, sigs, &rrsigs));
        const uint8_t *rdata = NULL;
        uint16_t len = 0;
        for (size_t at = 0; rrset_next(&rrsigs, &at, &rdata, &len);) {
            count += (unsigned)(rdata[RRSIG_TAG] << 8 | rdata[RRSIG_TAG + 1]) == tag;
        }
        if (i == 0 && type == RR_SRV) {
            assert_int_equal(judged_good(b, &owner, &set, &rrsigs, now), 1);
        }
    }
    return count;
}

static void signatures_of_a_former_key_are_replaced_one_by_one(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ECDSAP256SHA256);
    const uint16_t tag = tag_of(b.keyring, KEY_ZSK);
    assert_int_equal(signed_by(&b, RR_SRV, tag, NOW - 2000), 200);
    switch_zsk(&b);
    unsigned left = signed_by(&b, RR_SRV, tag, NOW), most = 0;
    assert_in_range(left, 190, 200);
    for (uint64_t now = NOW + 10; now <= NOW + SIGNER_FORMER_S; now += 10) {
        unsigned next = signed_by(&b, RR_SRV, tag, now);
        most = left - next > most ? left - next : most;
        left = next;
    }
    assert_int_equal(left, 0);
    assert_in_range(most, 1, 40);
    tear_down(&b);
}

static void only_who_asks_gets_signatures_of_a_former_key(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ECDSAP256SHA256);
    const uint16_t tag = tag_of(b.keyring, KEY_ZSK);
    assert_int_equal(signed_by(&b, RR_SRV, tag, NOW - 2000), 200);
    switch_zsk(&b);
    signer_free(b.signer);
    b.signer = signer_new(b.keyring, b.cache, &b.apex, VALIDITY, 3);
    assert_int_equal(signed_by(&b, RR_SRV, tag, NOW), 0);
    tear_down(&b);
}

/* RFC 7344 4.1: CDS is signed by a key that the parent knows. */
static void no_zsk_stands_in_for_a_ksk(void **)
{
    struct bench b;
    set_up_pair(&b, ALGORITHM_ECDSAP256SHA256);
    const uint16_t zsk = tag_of(b.keyring, KEY_ZSK), ksk = tag_of(b.keyring, KEY_KSK);
    assert_int_equal(signed_by(&b, RR_CDS, zsk, NOW - 2000), 200);
    switch_zsk(&b);
    assert_int_equal(signed_by(&b, RR_CDS, zsk, NOW), 0);
    assert_int_equal(signed_by(&b, RR_CDS, ksk, NOW), 200);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ldns_accepts_the_signatures_of_both_algorithms),
        cmocka_unit_test(sets_about_keys_are_signed_by_the_ksk_and_all_but_dnskey_by_the_zsk),
        cmocka_unit_test(every_algorithm_signs),
        cmocka_unit_test(the_labels_field_leaves_out_an_asterisk),
        cmocka_unit_test(times_are_backdated_and_jittered_within_bounds),
        cmocka_unit_test(a_signature_is_reused_until_a_third_is_left),
        cmocka_unit_test(no_clock_step_brings_up_a_signature_that_is_not_valid),
        cmocka_unit_test(anything_that_differs_is_signed_anew),
        cmocka_unit_test(what_is_too_long_to_sign_is_refused),
        cmocka_unit_test(new_signatures_come_from_the_budget),
        cmocka_unit_test(signatures_of_a_former_key_are_replaced_one_by_one),
        cmocka_unit_test(only_who_asks_gets_signatures_of_a_former_key),
        cmocka_unit_test(no_zsk_stands_in_for_a_ksk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
