#include "probe/aead.h"
#include "probe/gcmsiv.h"
#include "tests/unit/unit.h"

static size_t octets_of_hex(uint8_t *out, const char *hex)
{
    size_t len = 0;
    for (; hex[0] != '\0'; hex += 2) {
        const char octet[3] = { hex[0], hex[1] };
        out[len++] = (uint8_t)strtoul(octet, NULL, 16);
    }
    return len;
}

/* RFC 8452 C.1, all with the key 01 00 ... and the nonce 03 00 ... */
static const struct {
    const char *data, *text, *sealed;
} vectors[] = {
    { "", "", "dc20e2d83f25705bb49e439eca56de25" },
    { "", "0100000000000000", "b5d839330ac7b786578782fff6013b815b287c22493a364c" },
    { "", "010000000000000000000000", "7323ea61d05932260047d942a4978db357391a0bc4fdec8b0d106639" },
    { "", "01000000000000000000000000000000",
      "743f7c8077ab25f8624e2e948579cf77303aaf90f6fe21199c6068577437a0c4" },
    { "", "0100000000000000000000000000000002000000000000000000000000000000",
      "84e07e62ba83a6585417245d7ec413a9fe427d6315c09b57ce45f2e3936a94451a8e45dcd4578c667cd86847bf61"
      "55ff" },
    { "",
      "0100000000000000000000000000000002000000000000000000000000000000"
      "0300000000000000000000000000000004000000000000000000000000000000",
      "2433668f1058190f6d43e360f4f35cd8e475127cfca7028ea8ab5c20f7ab2af0"
      "2516a2bdcbc08d521be37ff28c152bba36697f25b4cd169c6590d1dd39566d3f"
      "8a263dd317aa88d56bdf3936dba75bb8" },
    { "01", "0200000000000000", "1e6daba35669f4273b0a1a2560969cdf790d99759abd1508" },
    { "010000000000000000000000", "02000000", "a8fe3e8707eb1f84fb28f8cb73de8e99e2f48a14" },
};

static void test_vectors_seal_and_open(void **)
{
    const uint8_t key[GCMSIV_KEY_LEN] = { 1 };
    const uint8_t nonce[GCMSIV_NONCE_LEN] = { 3 };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t data[128];
        uint8_t text[128];
        uint8_t wanted[128];
        uint8_t out[128];
        struct octets data_of = { data, octets_of_hex(data, vectors[i].data) };
        struct octets text_of = { text, octets_of_hex(text, vectors[i].text) };
        struct octets wanted_of = { wanted, octets_of_hex(wanted, vectors[i].sealed) };
        assert_int_equal(wanted_of.len, text_of.len + AEAD_TAG_LEN);
        assert_true(gcmsiv_seal(out, key, nonce, data_of, text_of));
        assert_memory_equal(out, wanted, wanted_of.len);
        assert_true(gcmsiv_open(out, key, nonce, data_of, wanted_of));
        assert_memory_equal(out, text, text_of.len);
    }
}

static void every_length_survives_a_round_trip(void **)
{
    const uint8_t key[GCMSIV_KEY_LEN] = { 7, 8, 9 };
    const uint8_t nonce[GCMSIV_NONCE_LEN] = { 10, 11 };
    uint8_t data[80];
    uint8_t sealed[96];
    uint8_t out[80];
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 3);
    }
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct octets text = { data, len };
        struct octets associated = { data, sizeof(data) - len };
        assert_true(gcmsiv_seal(sealed, key, nonce, associated, text));
        struct octets whole = { sealed, len + AEAD_TAG_LEN };
        assert_true(gcmsiv_open(out, key, nonce, associated, whole));
        assert_memory_equal(out, data, len);
        sealed[len] ^= 0x80;
        assert_false(gcmsiv_open(out, key, nonce, associated, whole));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_seal_and_open),
        cmocka_unit_test(every_length_survives_a_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
