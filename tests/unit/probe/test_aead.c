#include <openssl/evp.h>

#include "probe/aead.h"
#include "tests/unit/unit.h"

static size_t octets_of_hex(uint8_t *out, const char *hex)
{
    size_t len = 0;
    for (; hex[0] != '\0'; hex += 2) {
        const char octet[3] = { hex[0], hex[1] };
        char *end = NULL;
        out[len++] = (uint8_t)strtoul(octet, &end, 16);
        assert_ptr_equal(end, octet + 2);
    }
    return len;
}

/* The first is RFC 5297 A.1; the others, with a nonce, were made by another implementation
 * (Python's cryptography, AESSIV). */
struct vector {
    const char *key, *packet, *nonce, *text, *sealed;
};

static const struct vector vectors[] = {
    { "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
      "101112131415161718191a1b1c1d1e1f2021222324252627", "", "112233445566778899aabbccddee",
      "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c" },
    { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f",
      "6465666768696a6b6c6d6e6f70717273", "", "8b32b42ca38fcd8b70bbd37a0dc8d164" },
    { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f",
      "6465666768696a6b6c6d6e6f70717273", "68656c6c6f2c20776f726c64",
      "6038e11689e846672a0c8502851c37989a57a5722ba8edf699ede247" },
};

static const uint16_t algorithms[] = { AEAD_SIV_CMAC_256, AEAD_SIV_CMAC_512, AEAD_GCM_SIV_128 };

static struct aead_key key_of(uint16_t algorithm)
{
    struct aead_key key = { .algorithm = algorithm };
    for (unsigned i = 0; i < AEAD_KEY_MAX; i++) {
        key.octets[i] = (uint8_t)(i * 5 + 1);
    }
    return key;
}

static void test_vectors_seal_and_open(void **)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct aead_key key = { .algorithm = AEAD_SIV_CMAC_256 };
        uint8_t packet[256];
        uint8_t nonce[64];
        uint8_t text[256];
        uint8_t wanted[256];
        uint8_t out[256];
        assert_int_equal(octets_of_hex(key.octets, vectors[i].key), aead_key_len(key.algorithm));
        struct octets packet_of = { packet, octets_of_hex(packet, vectors[i].packet) };
        struct octets nonce_of = { nonce, octets_of_hex(nonce, vectors[i].nonce) };
        struct octets text_of = { text, octets_of_hex(text, vectors[i].text) };
        size_t wanted_len = octets_of_hex(wanted, vectors[i].sealed);
        assert_int_equal(wanted_len, text_of.len + AEAD_TAG_LEN);
        assert_true(aead_seal(out, &key, packet_of, nonce_of, text_of));
        assert_memory_equal(out, wanted, wanted_len);
        assert_true(
            aead_open(out, &key, packet_of, nonce_of, (struct octets){ wanted, wanted_len }));
        assert_memory_equal(out, text, text_of.len);
    }
}

/* OpenSSL's own SIV is correct for texts that are not empty, so both give the same octets. */
static void check_against_openssl(uint16_t algorithm, const char *name)
{
    const struct aead_key key = key_of(algorithm);
    uint8_t data[64];
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + 1);
    }
    EVP_CIPHER *siv = EVP_CIPHER_fetch(NULL, name, NULL);
    assert_non_null(siv);
    for (size_t len = 1; len <= sizeof(data); len++) {
        uint8_t ours[128];
        uint8_t theirs[128];
        int out_len = 0;
        struct octets packet = { data, len };
        struct octets nonce = { data + 3, 16 };
        assert_true(aead_seal(ours, &key, packet, nonce, (struct octets){ data, len }));
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_EncryptInit_ex2(context, siv, key.octets, NULL, NULL), 1);
        assert_int_equal(EVP_EncryptUpdate(context, NULL, &out_len, data, (int)len), 1);
        assert_int_equal(EVP_EncryptUpdate(context, NULL, &out_len, data + 3, 16), 1);
        assert_int_equal(
            EVP_EncryptUpdate(context, theirs + AEAD_TAG_LEN, &out_len, data, (int)len), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, theirs),
                         1);
        EVP_CIPHER_CTX_free(context);
        assert_memory_equal(ours, theirs, len + AEAD_TAG_LEN);
    }
    EVP_CIPHER_free(siv);
}

static void siv_agrees_with_openssl_for_every_length(void **)
{
    check_against_openssl(AEAD_SIV_CMAC_256, "AES-128-SIV");
    check_against_openssl(AEAD_SIV_CMAC_512, "AES-256-SIV");
}

static void check_changes(uint16_t algorithm)
{
    const struct aead_key key = key_of(algorithm);
    uint8_t packet[20] = { 4, 5 };
    uint8_t nonce[16] = { 6 };
    uint8_t text[20] = { 7, 8, 9 };
    uint8_t sealed[36];
    uint8_t out[36];
    struct octets packet_of = { packet, sizeof(packet) };
    struct octets nonce_of = { nonce, aead_nonce_len(algorithm) };
    struct octets sealed_of = { sealed, sizeof(sealed) };
    assert_true(
        aead_seal(sealed, &key, packet_of, nonce_of, (struct octets){ text, sizeof(text) }));
    assert_true(aead_open(out, &key, packet_of, nonce_of, sealed_of));
    assert_memory_equal(out, text, sizeof(text));
    struct {
        uint8_t *data;
        size_t len;
    } parts[] = { { packet, sizeof(packet) }, { nonce, nonce_of.len }, { sealed, sizeof(sealed) } };
    for (size_t part = 0; part < 3; part++) {
        for (size_t bit = 0; bit < parts[part].len * 8; bit++) {
            parts[part].data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(aead_open(out, &key, packet_of, nonce_of, sealed_of));
            parts[part].data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    for (size_t len = 0; len < sizeof(sealed); len++) {
        assert_false(aead_open(out, &key, packet_of, nonce_of, (struct octets){ sealed, len }));
    }
}

static void changed_or_cut_octets_do_not_open(void **)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        check_changes(algorithms[i]);
    }
}

static void tag_of_an_empty_text_is_checked(void **)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        struct aead_key key = key_of(algorithms[i]);
        uint8_t sealed[AEAD_TAG_LEN];
        uint8_t out[1];
        struct octets packet = { key.octets, 40 };
        struct octets nonce = { key.octets, aead_nonce_len(algorithms[i]) };
        assert_true(aead_seal(sealed, &key, packet, nonce, (struct octets){ NULL, 0 }));
        assert_true(aead_open(out, &key, packet, nonce, (struct octets){ sealed, sizeof(sealed) }));
        sealed[3] ^= 1;
        assert_false(
            aead_open(out, &key, packet, nonce, (struct octets){ sealed, sizeof(sealed) }));
    }
}

static void other_algorithms_and_nonces_are_refused(void **)
{
    uint8_t octets[64] = { 0 };
    struct octets part = { octets, 32 };
    const uint16_t strange[] = { 0, 1, 14, 16, 18, 29, 31, UINT16_MAX };
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        struct aead_key key = key_of(strange[i]);
        assert_int_equal(aead_key_len(strange[i]), 0);
        assert_string_equal(aead_text(strange[i]), "unknown");
        assert_false(aead_seal(octets, &key, part, part, part));
        assert_false(aead_open(octets, &key, part, part, part));
    }
    struct aead_key key = key_of(AEAD_GCM_SIV_128);
    for (size_t len = 0; len <= 32; len++) {
        struct octets nonce = { octets, len };
        uint8_t out[64];
        assert_int_equal(aead_seal(out, &key, part, nonce, part), len == 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_seal_and_open),
        cmocka_unit_test(siv_agrees_with_openssl_for_every_length),
        cmocka_unit_test(changed_or_cut_octets_do_not_open),
        cmocka_unit_test(tag_of_an_empty_text_is_checked),
        cmocka_unit_test(other_algorithms_and_nonces_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
