#include <sodium.h>

#include "tests/unit/unit.h"
#include "tools/keytext.h"

/* RFC 6605 6.1: example.net's P-256 key and its DS. */
static const char public_key[] =
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
static const char rfc_ds[] = "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";

static struct key_record record(void)
{
    struct key_record out = { .algorithm = ALGORITHM_ECDSAP256SHA256,
                              .role = KEY_KSK,
                              .tag = 55648 };
    size_t len = 0;
    assert_int_equal(sodium_base642bin(out.public_key, sizeof out.public_key, public_key,
                                       strlen(public_key), NULL, &len, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    out.public_len = (uint8_t)len;
    return out;
}

static struct dname apex(void)
{
    struct dname out;
    assert_ok(dname_parse(&out, "example.net", NULL));
    return out;
}

/* RFC 6605 6.1 */
static void the_example_of_rfc_6605_comes_out_as_printed(void **)
{
    char text[KEYTEXT_ROOM];
    char expected[KEYTEXT_ROOM];
    struct key_record key = record();
    struct dname name = apex();
    (void)snprintf(expected, sizeof expected, "example.net. IN DNSKEY 257 3 13 %s", public_key);
    assert_string_equal(keytext_dnskey(&key, &name, text), expected);
    (void)snprintf(expected, sizeof expected, "example.net. IN DS 55648 13 2 %s", rfc_ds);
    assert_string_equal(keytext_ds(&key, &name, text), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_6605_comes_out_as_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
