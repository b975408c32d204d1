#include "dnssec/keys/key.h"
#include "dnssec/signing/rrsig.h"
#include "dnssec/signing/rrsig_verify.h"
#include "tests/unit/unit.h"

enum {
    TTL = 300,
    RRSIG_ROOM = RRSIG_PREFIX_MAX + KEY_SIGNATURE_LEN
};

/* A set of two addresses, a key and the key's signature over the set. */
struct signed_set {
    struct dname zone, owner;
    struct key *key;
    struct rrset set, dnskey;
    uint8_t set_data[64], dnskey_data[256];
    uint8_t rrsig[RRSIG_ROOM];
    size_t rrsig_len, prefix_len;
};

/* `signed_name` is the owner, or the wildcard that it was made from. */
static void sign(struct signed_set *s, enum algorithm algorithm, const char *signed_name,
                 const char *owner)
{
    static const uint8_t addresses[2][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
    const struct dname name = name_of(signed_name);
    struct rrset_builder b;
    uint8_t dnskey[KEY_DNSKEY_MAX], data[1024];
    *s = (struct signed_set){ .zone = name_of("pool.test."), .owner = name_of(owner) };
    assert_ok(key_generate(&s->key, algorithm, KEY_CSK, NULL));
    rrset_begin(&b, RR_DNSKEY, TTL, s->dnskey_data, sizeof(s->dnskey_data));
    rrset_add(&b, dnskey, key_dnskey(s->key, dnskey));
    assert_true(rrset_end(&b, &s->dnskey));
    rrset_begin(&b, RR_A, TTL, s->set_data, sizeof(s->set_data));
    rrset_add(&b, addresses[0], 4);
    rrset_add(&b, addresses[1], 4);
    assert_true(rrset_end(&b, &s->set));

    struct writer w = writer_of(s->rrsig, sizeof(s->rrsig));
    write_u16(&w, RR_A);
    write_u8(&w, (uint8_t)algorithm);
    write_u8(&w, rrsig_labels(&name));
    write_u32(&w, TTL);
    write_u32(&w, 1900000000);
    write_u32(&w, 1800000000);
    write_u16(&w, key_tag(s->key));
    dname_write(&w, &s->zone);
    s->prefix_len = w.at;
    s->rrsig_len = w.at + KEY_SIGNATURE_LEN;
    struct writer octets = writer_of(data, sizeof(data));
    rrsig_write_signed(&octets, s->rrsig, s->prefix_len, &name, &s->set);
    struct key_context *context = NULL;
    assert_ok(key_context_new(&context, s->key));
    assert_ok(key_sign(context, data, octets.at, s->rrsig + s->prefix_len));
    key_context_free(context);
}

static enum rrsig_verdict verdict(const struct signed_set *s)
{
    return rrsig_verify(&s->owner, &s->set, s->rrsig, s->rrsig_len, &s->zone, &s->dnskey);
}

static const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };

static void a_signature_of_each_algorithm_holds(void **)
{
    for (size_t i = 0; i < 2; i++) {
        struct signed_set s;
        sign(&s, algorithms[i], "m.pool.test.", "m.pool.test.");
        assert_int_equal(verdict(&s), RRSIG_GOOD);
        s.set.ttl = 17; /* a cache counted it down: the original TTL was signed (RFC 4035 5.3.2) */
        s.owner = name_of("M.Pool.TEST.");
        s.zone = name_of("POOL.test.");
        assert_int_equal(verdict(&s), RRSIG_GOOD);
        key_free(s.key);
    }
}

/* The case of the signer's name does not count (RFC 4034 6.2). */
static void no_bit_of_a_signature_can_change(void **)
{
    for (size_t i = 0; i < 2; i++) {
        struct signed_set s;
        sign(&s, algorithms[i], "m.pool.test.", "m.pool.test.");
        for (size_t bit = 0; bit < s.rrsig_len * 8; bit++) {
            size_t at = bit / 8;
            bool letter = at > RRSIG_SIGNER && at < s.prefix_len && s.rrsig[at] >= 'a';
            uint8_t mask = (uint8_t)(1U << bit % 8);
            s.rrsig[at] ^= mask;
            enum rrsig_verdict expected = letter && mask == 0x20 ? RRSIG_GOOD : RRSIG_BOGUS;
            if (at == RRSIG_ALGORITHM || at == RRSIG_TAG || at == RRSIG_TAG + 1) {
                assert_int_not_equal(verdict(&s), RRSIG_GOOD);
            } else {
                assert_int_equal(verdict(&s), expected);
            }
            s.rrsig[at] ^= mask;
        }
        key_free(s.key);
    }
}

static void no_bit_of_the_records_can_change(void **)
{
    struct signed_set s;
    sign(&s, ALGORITHM_ED25519, "m.pool.test.", "m.pool.test.");
    for (size_t bit = 0; bit < s.set.rdata_len * 8; bit++) {
        s.set_data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(!rrset_check(&s.set) || verdict(&s) == RRSIG_BOGUS);
        s.set_data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    s.owner = name_of("n.pool.test.");
    assert_int_equal(verdict(&s), RRSIG_BOGUS);
    s.owner = name_of("m.pool.example."); /* outside of the zone */
    assert_int_equal(verdict(&s), RRSIG_BOGUS);
    key_free(s.key);
}

static void a_cut_signature_does_not_hold(void **)
{
    struct signed_set s;
    struct rrsig_view view;
    sign(&s, ALGORITHM_ED25519, "m.pool.test.", "m.pool.test.");
    size_t whole = s.rrsig_len;
    for (s.rrsig_len = 0; s.rrsig_len < whole; s.rrsig_len++) {
        assert_int_equal(rrsig_view(&view, s.rrsig, s.rrsig_len), s.rrsig_len > s.prefix_len);
        assert_int_equal(verdict(&s), RRSIG_BOGUS);
    }
    key_free(s.key);
}

/* RFC 4035 5.3.2: fewer labels than the owner has mean a wildcard. */
static void a_record_of_a_wildcard_holds_by_the_label_count(void **)
{
    struct signed_set s;
    sign(&s, ALGORITHM_ED25519, "*.pool.test.", "a.b.pool.test.");
    assert_int_equal(verdict(&s), RRSIG_GOOD);
    s.owner = name_of("*.pool.test.");
    assert_int_equal(verdict(&s), RRSIG_GOOD);
    s.owner = name_of("pool.test."); /* not below the wildcard */
    s.rrsig[RRSIG_LABELS] = 3;
    assert_int_equal(verdict(&s), RRSIG_BOGUS);
    key_free(s.key);
}

/* RFC 4035 5.3.1: zone key, protocol 3, same algorithm and tag. RFC 5011 2.1: not revoked. */
static void only_a_usable_key_of_the_zone_counts(void **)
{
    struct signed_set s, other;
    sign(&s, ALGORITHM_ED25519, "m.pool.test.", "m.pool.test.");
    const size_t flags = 2; /* after the length */
    static const struct {
        size_t at;
        uint8_t mask;
    } rows[] = { { flags, 0x01 }, { flags + 1, 0x80 }, { flags + 2, 0x01 }, { flags + 3, 0x02 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s.dnskey_data[rows[i].at] ^= rows[i].mask;
        assert_int_equal(verdict(&s), RRSIG_NO_KEY);
        s.dnskey_data[rows[i].at] ^= rows[i].mask;
    }
    assert_int_equal(verdict(&s), RRSIG_GOOD);
    sign(&other, ALGORITHM_ECDSAP256SHA256, "m.pool.test.", "m.pool.test.");
    s.dnskey = other.dnskey;
    assert_int_equal(verdict(&s), RRSIG_NO_KEY);
    s.rrsig[RRSIG_ALGORITHM] = 8; /* RSASHA256 */
    assert_int_equal(verdict(&s), RRSIG_UNSUPPORTED);
    key_free(s.key);
    key_free(other.key);
}

static void a_bitmap_is_read_within_its_octets(void **)
{
    /* The root, then window 0 with A, and window 1 with CAA (257). */
    static const uint8_t nsec[] = { 0, 0, 1, 0x40, 1, 1, 0x40 };
    assert_true(nsec_has_type(nsec, sizeof(nsec), RR_A));
    assert_true(nsec_has_type(nsec, sizeof(nsec), 257));
    assert_false(nsec_has_type(nsec, sizeof(nsec), 258));
    assert_false(nsec_has_type(nsec, sizeof(nsec), RR_SRV));
    for (size_t len = 0; len < sizeof(nsec); len++) {
        assert_false(nsec_has_type(nsec, len, 257));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_of_each_algorithm_holds),
        cmocka_unit_test(no_bit_of_a_signature_can_change),
        cmocka_unit_test(no_bit_of_the_records_can_change),
        cmocka_unit_test(a_cut_signature_does_not_hold),
        cmocka_unit_test(a_record_of_a_wildcard_holds_by_the_label_count),
        cmocka_unit_test(only_a_usable_key_of_the_zone_counts),
        cmocka_unit_test(a_bitmap_is_read_within_its_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
