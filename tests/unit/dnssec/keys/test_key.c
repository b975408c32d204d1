#include <sodium.h>

#include "dnssec/keys/key.h"
#include "dnssec/keys/p256.h"
#include "tests/unit/unit.h"

/* A published example: a key, its DS, and an RRset with its signature. */
struct example {
    enum algorithm algorithm;
    const char *owner;
    const char *private_key, *public_key; /* base64 */
    uint16_t tag;
    const char *ds; /* the digest, hex */
    const char *record_owner;
    uint16_t type;
    uint8_t rdata_len;
    uint8_t rdata[32];
    uint32_t expiration, inception;
    const char *signature; /* base64 */
};

static const struct example examples[] = {
    { /* RFC 6605 6.1 */
      .algorithm = ALGORITHM_ECDSAP256SHA256,
      .owner = "example.net.",
      .private_key = "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
      .public_key = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+"
                    "Wi9xMWyQLc8NAA==",
      .tag = 55648,
      .ds = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
      .record_owner = "www.example.net.",
      .type = RR_A,
      .rdata_len = 4,
      .rdata = { 192, 0, 2, 1 },
      .expiration = 1284026679,
      .inception = 1281607479,
      .signature = "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7Zwm"
                   "wWep666VCw==" },
    { /* RFC 8080 6.1 */
      .algorithm = ALGORITHM_ED25519,
      .owner = "example.com.",
      .private_key = "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
      .public_key = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
      .tag = 3613,
      .ds = "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
      .record_owner = "example.com.",
      .type = RR_MX,
      .rdata_len = 20,
      .rdata = "\0\012\4mail\7example\3com",
      .expiration = 1440021600,
      .inception = 1438207200,
      .signature = "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9Vrbp"
                   "MngwcrqNAg==" },
    { /* RFC 8080 6.1, the second example */
      .algorithm = ALGORITHM_ED25519,
      .owner = "example.com.",
      .private_key = "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
      .public_key = "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
      .tag = 35217,
      .ds = "401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
      .record_owner = "example.com.",
      .type = RR_MX,
      .rdata_len = 20,
      .rdata = "\0\012\4mail\7example\3com",
      .expiration = 1440021600,
      .inception = 1438207200,
      .signature = "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7"
                   "KuI5k2pcBg==" },
};
enum {
    EXAMPLES = sizeof examples / sizeof examples[0]
};

static size_t base64(uint8_t *out, size_t room, const char *text)
{
    size_t len = 0;
    assert_int_equal(sodium_base642bin(out, room, text, strlen(text), NULL, &len, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    return len;
}

static struct dname name(const char *text)
{
    struct dname out;
    assert_ok(dname_parse(&out, text, NULL));
    return out;
}

struct halves {
    uint8_t private_key[64], public_key[64];
};

static struct key_parts example_parts(const struct example *example, struct halves *halves)
{
    return (struct key_parts){
        .algorithm = example->algorithm,
        .role = KEY_CSK,
        .private_key = halves->private_key,
        .private_len =
            base64(halves->private_key, sizeof halves->private_key, example->private_key),
        .public_key = halves->public_key,
        .public_len = base64(halves->public_key, sizeof halves->public_key, example->public_key)
    };
}

static struct key *example_key(const struct example *example)
{
    struct halves halves;
    struct key_parts parts = example_parts(example, &halves);
    struct key *key = NULL;
    struct diag diag = { "" };
    assert_ok(key_from_parts(&key, &parts, &diag));
    return key;
}

/* RFC 4034 3.1.8.1: the signed data of the example's one record. */
static size_t example_signed(const struct example *example, uint8_t *out, size_t room)
{
    struct dname signer = name(example->owner), owner = name(example->record_owner);
    struct writer w = writer_of(out, room);
    write_u16(&w, example->type);
    write_u8(&w, (uint8_t)example->algorithm);
    write_u8(&w, (uint8_t)dname_labels(&owner));
    write_u32(&w, 3600);
    write_u32(&w, example->expiration);
    write_u32(&w, example->inception);
    write_u16(&w, example->tag);
    dname_write(&w, &signer);
    dname_write(&w, &owner);
    write_u16(&w, example->type);
    write_u16(&w, RR_CLASS_IN);
    write_u32(&w, 3600);
    write_u16(&w, example->rdata_len);
    write_octets(&w, example->rdata, example->rdata_len);
    assert_false(w.failed);
    return w.at;
}

static void published_keys_have_the_published_tag_and_ds(void **)
{
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct key *key = example_key(&examples[i]);
        assert_int_equal(key_tag(key), examples[i].tag);
        struct dname owner = name(examples[i].owner);
        owner.wire[1] = 'E'; /* RFC 4034 5.1.4: the owner is hashed in lower case */
        uint8_t ds[KEY_DS_LEN];
        key_ds(key, &owner, ds);
        assert_int_equal(ds[0] << 8 | ds[1], examples[i].tag);
        assert_int_equal(ds[2], examples[i].algorithm);
        assert_int_equal(ds[3], 2);
        char hex[65];
        assert_string_equal(sodium_bin2hex(hex, sizeof hex, ds + 4, 32), examples[i].ds);
        key_free(key);
    }
}

static void published_signatures_verify_and_broken_ones_do_not(void **)
{
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct key *key = example_key(&examples[i]);
        uint8_t data[512], signature[64];
        size_t len = example_signed(&examples[i], data, sizeof data);
        assert_int_equal(base64(signature, sizeof signature, examples[i].signature), 64);
        assert_true(key_verify(key, data, len, signature));
        for (size_t at = 0; at < sizeof signature; at++) {
            signature[at] ^= 1;
            assert_false(key_verify(key, data, len, signature));
            signature[at] ^= 1;
        }
        for (size_t at = 0; at < len; at++) {
            data[at] ^= 0x80;
            assert_false(key_verify(key, data, len, signature));
            data[at] ^= 0x80;
        }
        key_free(key);
    }
}

/* RFC 8032: an Ed25519 signature depends on key and message only. */
static void ed25519_makes_exactly_the_published_signature(void **)
{
    for (size_t i = 1; i < EXAMPLES; i++) {
        struct key *key = example_key(&examples[i]);
        uint8_t data[512], want[64], made[64];
        size_t len = example_signed(&examples[i], data, sizeof data);
        assert_int_equal(base64(want, sizeof want, examples[i].signature), 64);
        struct key_context *context = NULL;
        assert_ok(key_context_new(&context, key));
        assert_ok(key_sign(context, data, len, made));
        assert_memory_equal(made, want, 64);
        key_context_free(context);
        key_free(key);
    }
}

/* One signature in 128 has a number of 31 octets or fewer. The test signs until it has met this
 * shorter DER form. */
static void every_signature_of_a_reused_context_verifies(void **)
{
    const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };
    for (size_t a = 0; a < 2; a++) {
        struct key *key = NULL;
        struct diag diag = { "" };
        assert_ok(key_generate(&key, algorithms[a], KEY_ZSK, &diag));
        struct key_context *context = NULL;
        assert_ok(key_context_new(&context, key));
        uint8_t data[300] = { 0 }, signature[64];
        bool short_number = false;
        for (size_t i = 0; i < sizeof data || !short_number; i++) {
            size_t len = i % sizeof data;
            assert_true(i < 20000);
            data[len / 2] = (uint8_t)i;
            assert_ok(key_sign(context, data, len, signature));
            assert_true(key_verify(key, data, len, signature));
            short_number = short_number || signature[0] == 0 || signature[32] == 0;
        }
        key_context_free(context);
        key_free(key);
    }
}

static void halves_that_do_not_belong_together_are_refused(void **)
{
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct halves halves;
        const struct key_parts good = example_parts(&examples[i], &halves);
        struct key *key = NULL;
        struct diag diag = { "" };
        struct key_parts bad[4] = { good, good, good, good };
        bad[0].public_len--;
        bad[1].private_len--;
        bad[2].algorithm = (enum algorithm)8;
        bad[3].role = (enum key_role)0;
        for (size_t b = 0; b < 4; b++) {
            assert_int_equal(key_from_parts(&key, &bad[b], &diag), RESULT_INVALID);
        }
        halves.private_key[31] ^= 8; /* not one of the bits that Ed25519 ignores */
        diag.text[0] = '\0';
        assert_int_equal(key_from_parts(&key, &good, &diag), RESULT_INVALID);
        assert_null(key);
        assert_non_null(strstr(diag.text, "do not match"));
    }
}

/* FIPS 186-4 B.4: a scalar is in [1, order). */
static void p256_refuses_scalars_out_of_range(void **)
{
    uint8_t scalar[32] = { 0 }, point[64];
    uint8_t order[32];
    assert_int_equal(
        sodium_hex2bin(order, sizeof order,
                       "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 64, NULL,
                       NULL, NULL),
        0);
    assert_int_equal(p256_public(scalar, point), RESULT_INVALID);
    assert_int_equal(p256_public(order, point), RESULT_INVALID);
    memset(scalar, 0xff, sizeof scalar);
    assert_int_equal(p256_public(scalar, point), RESULT_INVALID);
    order[31]--;
    assert_ok(p256_public(order, point));
    /* (order - 1) G = -G, with the same x as G. */
    uint8_t g[32];
    assert_int_equal(
        sodium_hex2bin(g, sizeof g,
                       "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296", 64, NULL,
                       NULL, NULL),
        0);
    assert_memory_equal(point, g, 32);
}

static void dnskey_has_the_flags_of_its_role(void **)
{
    const struct {
        enum key_role role;
        unsigned flags;
    } cases[] = { { KEY_KSK, 257 }, { KEY_ZSK, 256 }, { KEY_CSK, 257 } };
    for (size_t i = 0; i < 3; i++) {
        struct key *key = NULL;
        struct diag diag;
        assert_ok(key_generate(&key, ALGORITHM_ED25519, cases[i].role, &diag));
        uint8_t rdata[KEY_DNSKEY_MAX];
        assert_int_equal(key_dnskey(key, rdata), 4 + 32);
        assert_int_equal(rdata[0] << 8 | rdata[1], cases[i].flags);
        assert_int_equal(rdata[2], 3);
        assert_int_equal(rdata[3], 15);
        assert_int_equal(key_role(key), cases[i].role);
        assert_int_equal(key_tag_of(rdata, 36), key_tag(key));
        key_free(key);
    }
}

static void a_key_survives_being_taken_apart(void **)
{
    const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };
    for (size_t a = 0; a < 2; a++) {
        struct key *key = NULL, *again = NULL;
        struct diag diag;
        assert_ok(key_generate(&key, algorithms[a], KEY_KSK, &diag));
        uint8_t private_key[KEY_PRIVATE_MAX];
        key_private(key, private_key);
        struct key_parts parts = { .algorithm = algorithms[a],
                                   .role = KEY_KSK,
                                   .private_key = private_key,
                                   .private_len = sizeof private_key };
        parts.public_key = key_public(key, &parts.public_len);
        assert_int_equal(parts.public_len, key_public_len(algorithms[a]));
        assert_ok(key_from_parts(&again, &parts, &diag));
        struct key_context *context = NULL;
        assert_ok(key_context_new(&context, again));
        uint8_t signature[64];
        assert_ok(key_sign(context, (const uint8_t *)"text", 4, signature));
        assert_true(key_verify(key, (const uint8_t *)"text", 4, signature));
        key_context_free(context);
        key_free(again);
        key_free(key);
    }
}

static void algorithm_names_read_back(void **)
{
    enum algorithm algorithm = (enum algorithm)0;
    assert_ok(algorithm_parse(&algorithm, "ecdsap256"));
    assert_int_equal(algorithm, ALGORITHM_ECDSAP256SHA256);
    assert_ok(algorithm_parse(&algorithm, "ed25519"));
    assert_int_equal(algorithm, ALGORITHM_ED25519);
    assert_string_equal(algorithm_text(ALGORITHM_ED25519), "ed25519");
    assert_ok(algorithm_parse(&algorithm, "13"));
    assert_int_equal(algorithm, ALGORITHM_ECDSAP256SHA256);
    assert_ok(algorithm_parse(&algorithm, "Ed25519"));
    assert_int_equal(algorithm, ALGORITHM_ED25519);
    assert_ok(algorithm_parse(&algorithm, "ECDSAP256SHA256"));
    assert_int_equal(algorithm, ALGORITHM_ECDSAP256SHA256);
    assert_ok(algorithm_parse(&algorithm, "15"));
    assert_int_equal(algorithm_parse(&algorithm, "151"), RESULT_INVALID);
    assert_int_equal(algorithm_parse(&algorithm, "rsa"), RESULT_INVALID);
    assert_int_equal(algorithm_parse(&algorithm, ""), RESULT_INVALID);
    assert_int_equal(algorithm, ALGORITHM_ED25519);
}

static void roles_have_names(void **)
{
    assert_string_equal(key_role_text(KEY_KSK), "ksk");
    assert_string_equal(key_role_text(KEY_ZSK), "zsk");
    assert_string_equal(key_role_text(KEY_CSK), "csk");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(published_keys_have_the_published_tag_and_ds),
        cmocka_unit_test(published_signatures_verify_and_broken_ones_do_not),
        cmocka_unit_test(ed25519_makes_exactly_the_published_signature),
        cmocka_unit_test(every_signature_of_a_reused_context_verifies),
        cmocka_unit_test(halves_that_do_not_belong_together_are_refused),
        cmocka_unit_test(p256_refuses_scalars_out_of_range),
        cmocka_unit_test(dnskey_has_the_flags_of_its_role),
        cmocka_unit_test(a_key_survives_being_taken_apart),
        cmocka_unit_test(algorithm_names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
