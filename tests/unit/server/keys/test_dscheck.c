#include <openssl/evp.h>

#include "server/keys/dscheck.h"
#include "tests/unit/life.h"

/* A response with these DS records; without `ad` it is not validated. */
struct plan {
    bool ad;
    uint16_t rcode;
    const char *zone;
    size_t count;
    uint8_t records[4][KEY_DS_LEN + 16];
    size_t lengths[4];
    uint32_t ttls_s[4];
};

static struct key_set some_keys(void)
{
    struct key_set keys = { .count = 3 };
    for (size_t i = 0; i < 3; i++) {
        struct key_record *key = &keys.list[i];
        *key = (struct key_record){ .algorithm = ALGORITHM_ED25519,
                                    .role = KEY_KSK,
                                    .public_len = 32,
                                    .life = key_life_in_use(KEY_KSK, START) };
        memset(key->public_key, (int)i + 1, 32);
    }
    keys.list[2].life.ds.withdrawn_at = START + 1; /* CDS asks for its removal */
    return keys;
}

static void add_ds(struct plan *plan, const struct key_record *key)
{
    const struct dname zone = name_of("pool.test.");
    key_record_ds(key, &zone, plan->records[plan->count]);
    plan->lengths[plan->count++] = KEY_DS_LEN;
}

static struct stub_response respond(const struct plan *plan)
{
    const struct dname zone = name_of(plan->zone);
    struct stub_response response = { .id = 77 };
    struct writer w = writer_of(response.data, sizeof response.data);
    write_u16(&w, 77);
    write_u16(&w, (uint16_t)(0x8180 | (plan->ad ? 0x20 : 0) | plan->rcode));
    write_u16(&w, 1);
    write_u16(&w, (uint16_t)plan->count);
    write_u32(&w, 0);
    write_octets(&w, zone.wire, zone.len);
    write_u16(&w, RR_DS);
    write_u16(&w, RR_CLASS_IN);
    for (size_t i = 0; i < plan->count; i++) {
        if (i % 2 == 0) {
            write_u16(&w, 0xc00c);
        } else {
            write_octets(&w, zone.wire, zone.len);
        }
        write_u16(&w, RR_DS);
        write_u16(&w, RR_CLASS_IN);
        write_u32(&w, plan->ttls_s[i]);
        write_u16(&w, (uint16_t)plan->lengths[i]);
        write_octets(&w, plan->records[i], plan->lengths[i]);
    }
    assert_false(w.failed);
    response.len = w.at;
    return response;
}

static bool as_asked(const struct plan *plan, const struct key_set *keys)
{
    const struct dname zone = name_of("Pool.test.");
    const struct stub_response response = respond(plan);
    return dscheck_is_as_asked(&response, &zone, keys);
}

static void all_keys_and_no_others_are_as_asked(void **)
{
    struct key_set keys = some_keys();
    struct plan plan = { .ad = true, .zone = "pool.test." };
    assert_false(as_asked(&plan, &keys));
    add_ds(&plan, &keys.list[1]);
    assert_false(as_asked(&plan, &keys));
    add_ds(&plan, &keys.list[0]);
    assert_true(as_asked(&plan, &keys));
    struct plan unvalidated = plan;
    unvalidated.ad = false;
    assert_false(as_asked(&unvalidated, &keys));
    const struct dname zone = name_of("pool.test.");
    struct stub_response response = respond(&unvalidated);
    assert_true(dscheck_lacks_validation(&response, &zone, &keys));
    response = respond(&plan);
    assert_false(dscheck_lacks_validation(&response, &zone, &keys));
    unvalidated.count = 1;
    response = respond(&unvalidated);
    assert_false(dscheck_lacks_validation(&response, &zone, &keys));
    struct plan failed = plan;
    failed.rcode = 2;
    assert_false(as_asked(&failed, &keys));
    struct plan other = plan;
    other.zone = "pool.tesa.";
    assert_false(as_asked(&other, &keys));
    /* A digest of an unknown type does no harm, and does not suffice. */
    add_ds(&plan, &keys.list[0]);
    plan.records[2][3] = 6;
    plan.lengths[2] = KEY_DS_LEN + 16;
    assert_true(as_asked(&plan, &keys));
    plan.records[1][3] = 6;
    assert_false(as_asked(&plan, &keys));
    plan.records[1][3] = 2;
    /* The right tag with a wrong digest belongs to another key. */
    plan.records[2][3] = 2;
    plan.lengths[2] = KEY_DS_LEN;
    plan.records[2][10] ^= 1;
    assert_false(as_asked(&plan, &keys));
    plan.count = 2;
    assert_true(as_asked(&plan, &keys));
    add_ds(&plan, &keys.list[2]); /* the DS that should be removed is still there */
    assert_false(as_asked(&plan, &keys));
}

/* The DS of key 0 of some_keys, as printed by `ldns-key2ds -1` and `-4`. */
static void add_digest(struct plan *plan, const struct key_set *keys, uint8_t type)
{
    static const uint8_t lengths[] = { 0, 20, 32, 0, 48 };
    const struct dname zone = name_of("pool.test.");
    uint8_t data[DNAME_MAX + KEY_DNSKEY_MAX];
    memcpy(data, zone.wire, zone.len);
    size_t len = zone.len + key_record_dnskey(&keys->list[0], data + zone.len);
    uint8_t *record = plan->records[plan->count];
    key_record_ds(&keys->list[0], &zone, record);
    record[3] = type;
    plan->lengths[plan->count++] = 4U + lengths[type];
    assert_int_equal(EVP_Digest(data, len, record + 4, NULL,
                                type == 1   ? EVP_sha1()
                                : type == 2 ? EVP_sha256()
                                            : EVP_sha384(),
                                NULL),
                     1);
}

/* RFC 8624 3.3, RFC 9905: all validators accept SHA-256 and SHA-384; SHA-1 does not count. */
static void the_digests_that_validators_believe_count(void **)
{
    struct key_set keys = some_keys();
    keys.list[1].life.ds.withdrawn_at = START + 1;
    for (uint8_t type = 1; type <= 4; type++) {
        struct plan plan = { .ad = true, .zone = "pool.test." };
        if (type == 3) {
            continue;
        }
        add_digest(&plan, &keys, type);
        assert_int_equal(as_asked(&plan, &keys), type != 1);
        add_digest(&plan, &keys, 1);
        assert_int_equal(as_asked(&plan, &keys), type != 1);
        plan.records[1][5] ^= 1;
        assert_false(as_asked(&plan, &keys));
        plan.records[1][5] ^= 1;
        plan.lengths[1]--;
        assert_false(as_asked(&plan, &keys));
    }
}

static void no_ds_is_as_asked_when_none_is(void **)
{
    struct key_set keys = some_keys();
    struct plan plan = { .ad = true, .zone = "pool.test." };
    keys.list[0].life.ds.withdrawn_at = keys.list[1].life.ds.withdrawn_at = START + 1;
    assert_true(as_asked(&plan, &keys));
    add_ds(&plan, &keys.list[0]);
    assert_false(as_asked(&plan, &keys));
}

static void the_longest_ttl_of_a_validated_ds_counts(void **)
{
    const struct dname zone = name_of("pool.test."), other = name_of("pool.tesa.");
    struct key_set keys = some_keys();
    struct plan plan = { .ad = true, .zone = "pool.test.", .ttls_s = { 3600, 172800, 300 } };
    struct stub_response response = respond(&plan);
    assert_int_equal(dscheck_ttl(&response, &zone), 0);
    for (size_t i = 0; i < 3; i++) {
        add_ds(&plan, &keys.list[i]); /* whichever key they belong to */
    }
    response = respond(&plan);
    assert_int_equal(dscheck_ttl(&response, &zone), 172800);
    assert_int_equal(dscheck_ttl(&response, &other), 0);
    response.len--;
    assert_int_equal(dscheck_ttl(&response, &zone), 0);
    plan.ttls_s[0] = UINT32_MAX;
    response = respond(&plan);
    assert_int_equal(dscheck_ttl(&response, &zone), DSCHECK_TTL_MAX);
    plan.ad = false;
    response = respond(&plan);
    assert_int_equal(dscheck_ttl(&response, &zone), 0);
}

static void broken_responses_are_not_believed(void **)
{
    const struct dname zone = name_of("pool.test.");
    struct key_set keys = some_keys();
    struct plan plan = { .ad = true, .zone = "pool.test." };
    add_ds(&plan, &keys.list[0]);
    add_ds(&plan, &keys.list[1]);
    struct stub_response response = respond(&plan);
    assert_true(dscheck_is_as_asked(&response, &zone, &keys));
    size_t whole = response.len;
    for (response.len = 0; response.len < whole; response.len++) {
        assert_false(dscheck_is_as_asked(&response, &zone, &keys));
    }
    for (size_t bit = 0; bit < whole * 8; bit++) {
        struct stub_response flipped = response;
        flipped.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)dscheck_is_as_asked(&flipped, &zone, &keys); /* under the sanitizers */
    }
    response.id = 78;
    assert_false(dscheck_is_as_asked(&response, &zone, &keys));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_keys_and_no_others_are_as_asked),
        cmocka_unit_test(the_digests_that_validators_believe_count),
        cmocka_unit_test(no_ds_is_as_asked_when_none_is),
        cmocka_unit_test(the_longest_ttl_of_a_validated_ds_counts),
        cmocka_unit_test(broken_responses_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
