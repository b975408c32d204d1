#include <sodium.h>

#include "dnssec/keys/bindkey.h"
#include "tests/unit/keys.h"

enum {
    NOW = 1800000000
};

static struct dname zone(void)
{
    return name_of("pool.test.");
}

static void files_come_back_as_they_were_written(void **state)
{
    struct keys_fixture *f = *state;
    const enum algorithm algorithms[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };
    const struct dname name = zone(), other = name_of("other.test.");
    struct diag diag = { "" };
    for (size_t a = 0; a < 2; a++) {
        for (int role = KEY_KSK; role <= KEY_CSK; role++) {
            struct key *key = keys_make(algorithms[a], (enum key_role)role), *again = NULL;
            assert_ok(bindkey_write(key, f->dir, &name, &diag));
            assert_int_equal(bindkey_write(key, f->dir, &name, &diag), RESULT_EXISTS);
            char path[128];
            const char *ends[] = { "", ".key", ".private" };
            for (size_t e = 0; e < 3; e++) {
                uint8_t secret[2][KEY_PRIVATE_MAX];
                (void)snprintf(path, sizeof path, "%s/Kpool.test.+%03d+%05u%s", f->dir,
                               (int)algorithms[a], key_tag(key), ends[e]);
                assert_ok(bindkey_read(&again, path, &name,
                                       role == KEY_CSK ? BINDKEY_SEP_IS_CSK : BINDKEY_BY_FLAGS, NOW,
                                       &diag));
                assert_int_equal(key_role(again), role);
                assert_int_equal(key_tag(again), key_tag(key));
                key_private(key, secret[0]);
                key_private(again, secret[1]);
                assert_memory_equal(secret[0], secret[1], KEY_PRIVATE_MAX);
                key_free(again);
            }
            assert_int_equal(bindkey_read(&again, path, &other, BINDKEY_BY_FLAGS, NOW, &diag),
                             RESULT_INVALID);
            assert_non_null(strstr(diag.text, "of pool.test., not of other.test."));
            key_free(key);
        }
    }
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The example of RFC 8080 6.1. */
static const char good_key[] = "; a comment; here\nexample.com. 3600 IN DNSKEY 257 3 15 (\n"
                               "  l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=;the end\n )\n";
static const char good_private[] = "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\n"
                                   "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n";

/* The error in each variant of the example. */
static void bad_files_are_named(void **state)
{
    struct keys_fixture *f = *state;
    static const struct {
        const char *key, *private_key, *says;
    } cases[] = {
        { good_key, NULL, "No such file" },
        { "example.com. IN A 192.0.2.1\n", good_private, "no DNSKEY record" },
        { "", good_private, "no DNSKEY record" },
        { "example.com. IN DNSKEY 257 3 8 AwEAAQ==\n", "Algorithm: 8\nPrivateKey: AAAA\n",
          "is not supported" },
        { good_key, "Algorithm: 13\nPrivateKey: AAAA\n", "for algorithm 13" },
        { good_key, "Algorithm: 15 (ED25519)\n", "no line PrivateKey" },
        { good_key, "Algorithm: 15\nPrivateKey: !\n", "no line PrivateKey" },
        { good_key, "Algorithm: 15\nPrivateKey: AAAA\n", "private octets" },
        { "example.com. IN DNSKEY 257 3 15 AAAA\n", good_private, "public" },
        { "example.com. IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA8=\n",
          good_private, "do not match" },
        { "example.com. IN DNSKEY 385 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
          good_private, "was revoked" },
        { "example.com. IN DNSKEY 1 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
          good_private, "is not a zone key" },
        { good_key,
          "Algorithm: 15\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\nDelete: "
          "20270115080000\n",
          "line \"Delete: 20270115080000\" is in the past" },
        { good_key,
          "Algorithm: 15\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\nRevoke: "
          "20200101000000\n",
          "no longer in use" },
    };
    const struct dname name = name_of("example.com.");
    char path[128];
    struct key *key = NULL;
    struct diag diag = { "" };
    (void)snprintf(path, sizeof path, "%s/K.private", f->dir);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        put_file(f->dir, "K.key", cases[c].key);
        if (cases[c].private_key != NULL) {
            put_file(f->dir, "K.private", cases[c].private_key);
        }
        assert_int_not_equal(bindkey_read(&key, path, &name, BINDKEY_BY_FLAGS, NOW, &diag),
                             RESULT_OK);
        assert_non_null(strstr(diag.text, cases[c].says));
    }
}

static void private_keys_are_read_in_either_form(void **state)
{
    struct keys_fixture *f = *state;
    const struct dname name = name_of("example.com.");
    char path[128], text[256];
    struct key *key = NULL;
    struct diag diag = { "" };
    (void)snprintf(path, sizeof path, "%s/K.private", f->dir);
    put_file(f->dir, "K.key", good_key);
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIDgyMjYwMzg0NjI4MDgwMTIyNjQ1MTkwMjA0MTQyMjYy\n"
                              "-----END PRIVATE KEY-----\n"; /* RFC 8410 7, from the same seed */
    put_file(f->dir, "K.private", pem);
    assert_ok(bindkey_read(&key, path, &name, BINDKEY_BY_FLAGS, NOW, &diag));
    assert_int_equal(key_tag(key), 3613);
    key_free(key);
    put_file(f->dir, "K.private",
             "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n");
    assert_int_equal(bindkey_read(&key, path, &name, BINDKEY_BY_FLAGS, NOW, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "no unencrypted private key"));
    put_file(f->dir, "K.private", good_private);
    assert_ok(bindkey_read(&key, path, &name, BINDKEY_BY_FLAGS, NOW, &diag));
    assert_int_equal(key_tag(key), 3613);
    key_free(key);
    /* Other times don't count. A key that signed until now, or will sign, lets everything in caches
     * validate. */
    (void)snprintf(text, sizeof text, "%sInactive: 20260101000000\nDelete: 20270115080001\n",
                   good_private);
    put_file(f->dir, "K.private", text);
    assert_ok(bindkey_read(&key, path, &name, BINDKEY_BY_FLAGS, NOW, &diag));
    assert_int_equal(key_tag(key), 3613);
    key_free(key);
}

static void put_private(const char *dir, const uint8_t *half, size_t len)
{
    char base64[64], text[256];
    (void)sodium_bin2base64(base64, sizeof base64, half, len, sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(text, sizeof text, "Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: %s\n",
                   base64);
    put_file(dir, "K.private", text);
}

/* BIND 9.18 and ldns write a scalar without its leading zero octets: one key in 256 has 31
 * octets. */
static void scalars_without_their_zeros_are_read(void **state)
{
    struct keys_fixture *f = *state;
    const struct dname name = zone();
    uint8_t half[1 + KEY_PRIVATE_MAX] = { 0 }, again[KEY_PRIVATE_MAX], dnskey[KEY_DNSKEY_MAX];
    char path[128], text[512], base64[128];
    struct key *key = keys_make(ALGORITHM_ECDSAP256SHA256, KEY_ZSK), *read = NULL;
    key_private(key, half + 1);
    while (half[1] != 0) {
        key_free(key);
        key = keys_make(ALGORITHM_ECDSAP256SHA256, KEY_ZSK);
        key_private(key, half + 1);
    }
    size_t len = key_dnskey(key, dnskey);
    (void)sodium_bin2base64(base64, sizeof base64, dnskey + 4, len - 4,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(text, sizeof text, "pool.test. 3600 in dnskey 256 3 13 %s\n", base64);
    put_file(f->dir, "K.key", text);
    (void)snprintf(path, sizeof path, "%s/K.key", f->dir);
    for (size_t skipped = 0; skipped < 3; skipped++) { /* 33, 32 and 31 octets */
        put_private(f->dir, half + skipped, sizeof half - skipped);
        assert_ok(bindkey_read(&read, path, &name, BINDKEY_BY_FLAGS, NOW, NULL));
        key_private(read, again);
        assert_memory_equal(again, half + 1, sizeof again);
        key_free(read);
    }
    put_private(f->dir, half + 5, 20);
    assert_int_equal(bindkey_read(&read, path, &name, BINDKEY_BY_FLAGS, NOW, NULL), RESULT_INVALID);
    key_free(key);
}

/* A key's DNSKEY and DS change when SEP is set. */
static void a_csk_without_sep_can_come_but_not_stay(void **state)
{
    struct keys_fixture *f = *state;
    const struct dname name = zone();
    struct diag diag = { "" };
    char path[128];
    struct key *key = keys_make(ALGORITHM_ED25519, KEY_ZSK), *read = NULL;
    assert_ok(bindkey_write(key, f->dir, &name, &diag));
    (void)snprintf(path, sizeof path, "%s/Kpool.test.+015+%05u.key", f->dir, key_tag(key));
    assert_int_equal(bindkey_read(&read, path, &name, BINDKEY_OLD_CSK, NOW, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "flags 257 first"));
    assert_ok(bindkey_read(&read, path, &name, BINDKEY_NEW_CSK, NOW, &diag));
    assert_int_equal(key_role(read), KEY_CSK);
    key_free(read);
    assert_ok(bindkey_read(&read, path, &name, BINDKEY_SEP_IS_CSK, NOW, &diag));
    assert_int_equal(key_role(read), KEY_ZSK);
    key_free(read);
    key_free(key);
}

/* RFC 1035 5.1: a zone file as any tool may write it. */
static void key_files_are_zone_files(void **state)
{
    struct keys_fixture *f = *state;
    static const char half[] = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=";
    static const char *const heads[] = {
        "example.com. in dnskey 257 3 15 ",
        "EXAMPLE.com. 1h IN DNSKEY 257 3 ED25519 ",
        "example.com. DNSKEY 257 3 15 ",
        "$ORIGIN com.\n$TTL 5\nexample 60 DnsKey 257 3 15 ",
        "; x\n\nexample.com. IN 60 TYPE48 ( 257 3 15\n",
    };
    const struct dname name = name_of("example.com.");
    char path[128], text[256];
    put_file(f->dir, "K.private",
             "Algorithm: 15\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n");
    (void)snprintf(path, sizeof path, "%s/K.key", f->dir);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct key *key = NULL;
        (void)snprintf(text, sizeof text, "%s%s%s\n", heads[i], half,
                       strchr(heads[i], '(') != NULL ? " )" : "");
        put_file(f->dir, "K.key", text);
        assert_ok(bindkey_read(&key, path, &name, BINDKEY_BY_FLAGS, NOW, NULL));
        assert_int_equal(key_tag(key), 3613);
        key_free(key);
    }
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, keys_set_up, keys_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(files_come_back_as_they_were_written),
        IN_STORE(bad_files_are_named),
        IN_STORE(private_keys_are_read_in_either_form),
        IN_STORE(scalars_without_their_zeros_are_read),
        IN_STORE(a_csk_without_sep_can_come_but_not_stay),
        IN_STORE(key_files_are_zone_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
