#include "tests/unit/unit.h"
#include "zone/ledger/ledgerrow.h"

static struct ledgerrow_name row(enum ledgerrow_kind kind, const char *text)
{
    struct ledgerrow_name name = { .len = 0 };
    assert_ok(ledgerrow_name(&name, kind, text, strlen(text)));
    return name;
}

/* What was read last of a node lies here. */
static uint8_t room[LEDGERROW_NAME_MAX];

static enum result parse(struct ledgerrow_name *out, const char *text)
{
    return ledgerrow_parse(out, (struct octets){ (const uint8_t *)text, strlen(text) }, room);
}

/* These keys are in engines: they never change. The buckets are by BLAKE2b of Python. */
static void a_row_has_the_same_key_in_all_versions(void **)
{
    char key[LEDGERROW_KEY_ROOM];
    struct ledgerrow_name name = row(LEDGERROW_MEMBER, "ams1");
    assert_string_equal(ledgerrow_key(&name, key), "r/4f/m/ams1");
    name = row(LEDGERROW_SETTING, ".serial");
    assert_string_equal(ledgerrow_key(&name, key), "r/4a/s/.serial");
    assert_ok(ledgerrow_name(&name, LEDGERROW_NODE, "\0\xff", 2));
    assert_string_equal(ledgerrow_key(&name, key), "r/6f/n/00ff");
}

static void a_key_is_read_back_and_no_other_text_is_one(void **)
{
    static const char *const bad[] = { "",           "r/",           "r/4f/m/",     "r/4f/X/ams1",
                                       "r/4f/n/ams", "r/4f/m/ams1/", "s/4f/m/ams1", "r/4f/m/ams 1",
                                       "r/4f/t/ams1" };
    struct ledgerrow_name name = row(LEDGERROW_MEMBER, "ams1"), again;
    char key[LEDGERROW_KEY_ROOM], upper[LEDGERROW_KEY_ROOM];
    assert_ok(parse(&again, ledgerrow_key(&name, key)));
    assert_int_equal(ledgerrow_order(&name, &again), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&again, bad[i]), RESULT_INVALID);
    }
    assert_int_equal(parse(&again, "r/4f/x/ams1"), RESULT_NEWER);
    for (unsigned bucket = 0; bucket < LEDGERROW_BUCKETS; bucket++) { /* one of them is right */
        (void)snprintf(upper, sizeof(upper), "r/%02x/m/ams1", bucket);
        assert_int_equal(parse(&again, upper),
                         strcmp(upper, key) == 0 ? RESULT_OK : RESULT_INVALID);
    }
    uint8_t longest[LEDGERROW_NAME_MAX + 1];
    memset(longest, 0xab, sizeof(longest));
    assert_int_equal(ledgerrow_name(&name, LEDGERROW_NODE, longest, sizeof(longest)),
                     RESULT_INVALID);
    assert_ok(ledgerrow_name(&name, LEDGERROW_NODE, longest, LEDGERROW_NAME_MAX));
    assert_ok(parse(&again, ledgerrow_key(&name, key)));
    assert_int_equal(ledgerrow_order(&name, &again), 0);
    key[strlen(key) - 1] = 'B'; /* digits are lower case */
    assert_int_equal(parse(&again, key), RESULT_INVALID);
    assert_int_equal(ledgerrow_name(&name, LEDGERROW_MEMBER, "", 0), RESULT_INVALID);
    assert_int_equal(ledgerrow_name(&name, (enum ledgerrow_kind)0, "a", 1), RESULT_INVALID);
}

static void flip(char *key, size_t bit)
{
    key[bit / 8] = (char)((unsigned char)key[bit / 8] ^ 1U << bit % 8);
}

static void every_flipped_bit_of_a_key_is_another_key_or_none(void **)
{
    struct ledgerrow_name name = row(LEDGERROW_TOMBSTONE, "fra2"), other;
    char key[LEDGERROW_KEY_ROOM];
    size_t len = strlen(ledgerrow_key(&name, key));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        flip(key, bit);
        if (ledgerrow_parse(&other, (struct octets){ (const uint8_t *)key, len }, room) ==
            RESULT_OK) {
            assert_int_not_equal(ledgerrow_order(&name, &other), 0);
        }
        flip(key, bit);
    }
}

static void the_ranges_of_buckets_have_each_key_once(void **)
{
    for (unsigned i = 0; i < 500; i++) {
        char label[16], key[LEDGERROW_KEY_ROOM];
        char from[LEDGERROW_RANGE_ROOM], to[LEDGERROW_RANGE_ROOM];
        unsigned found = 0;
        (void)snprintf(label, sizeof(label), "m%u", i);
        struct ledgerrow_name name = row(LEDGERROW_MEMBER, label);
        (void)ledgerrow_key(&name, key);
        for (unsigned bucket = 0; bucket < LEDGERROW_BUCKETS; bucket++) {
            ledgerrow_range((uint8_t)bucket, from, to);
            if (strcmp(key, from) >= 0 && strcmp(key, to) < 0) {
                assert_int_equal(bucket, ledgerrow_bucket(&name));
                found++;
            }
        }
        assert_int_equal(found, 1);
    }
}

static void rows_are_in_the_order_of_their_keys(void **)
{
    static const char *const labels[] = { "a", "a1", "ab", "b", "m-1", "m0" };
    struct ledgerrow_name node, member = row(LEDGERROW_MEMBER, "z");
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            struct ledgerrow_name a = row(LEDGERROW_MEMBER, labels[i]);
            struct ledgerrow_name b = row(LEDGERROW_MEMBER, labels[j]);
            int order = strcmp(labels[i], labels[j]);
            assert_int_equal(ledgerrow_order(&a, &b) < 0, order < 0);
            assert_int_equal(ledgerrow_order(&a, &b) == 0, order == 0);
        }
    }
    assert_ok(ledgerrow_name(&node, LEDGERROW_NODE, "\0", 1));
    assert_true(ledgerrow_order(&member, &node) < 0);
}

static struct ledgerrow_digest digest_of(enum ledgerrow_kind kind, const char *label,
                                         const char *value)
{
    struct ledgerrow_name name = row(kind, label);
    struct ledgerrow_digest digest;
    ledgerrow_digest(&digest, &name, (struct octets){ (const uint8_t *)value, strlen(value) });
    return digest;
}

static bool is_same(const struct ledgerrow_digest *a, const struct ledgerrow_digest *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void digests_tell_kind_name_value_order_and_bucket(void **)
{
    struct ledgerrow_digest digests[] = {
        digest_of(LEDGERROW_MEMBER, "a", "bc"),
        digest_of(LEDGERROW_MEMBER, "ab", "c"), /* the same octets, cut elsewhere */
        digest_of(LEDGERROW_TOMBSTONE, "a", "bc"),
        digest_of(LEDGERROW_MEMBER, "a", ""),
    };
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_false(is_same(&digests[i], &digests[j]));
        }
    }
    struct ledgerrow_digest both[] = { digests[0], digests[1] },
                            turned[] = { digests[1], digests[0] };
    struct ledgerrow_digest buckets[LEDGERROW_BUCKETS], empty, first, second, root, moved;
    ledgerrow_bucket_digest(&empty, NULL, 0);
    ledgerrow_bucket_digest(&first, both, 2);
    ledgerrow_bucket_digest(&second, turned, 2);
    assert_false(is_same(&first, &second));
    for (size_t i = 0; i < LEDGERROW_BUCKETS; i++) {
        buckets[i] = empty;
    }
    buckets[1] = first;
    ledgerrow_root(&root, buckets);
    buckets[1] = empty;
    buckets[2] = first;
    ledgerrow_root(&moved, buckets);
    assert_false(is_same(&root, &moved));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_the_same_key_in_all_versions),
        cmocka_unit_test(a_key_is_read_back_and_no_other_text_is_one),
        cmocka_unit_test(every_flipped_bit_of_a_key_is_another_key_or_none),
        cmocka_unit_test(the_ranges_of_buckets_have_each_key_once),
        cmocka_unit_test(rows_are_in_the_order_of_their_keys),
        cmocka_unit_test(digests_tell_kind_name_value_order_and_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
