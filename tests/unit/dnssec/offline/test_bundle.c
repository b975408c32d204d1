#include "dnssec/offline/bundle.h"
#include "tests/unit/presigned.h"

/* A signed bundle for some weeks, as text. */
static char *make_text(struct keys_fixture *f, size_t *len)
{
    struct bundle bundle;
    presigned_init(f, ALGORITHM_ED25519);
    assert_ok(presigned_ask(&bundle, f, NOW, 20, NULL));
    presigned_sign(&bundle, f);
    char *text = bundle_write(&bundle, len);
    bundle_done(&bundle);
    return text;
}

static enum result parse(const char *text, size_t len, struct diag *diag)
{
    struct bundle bundle = { .is_signed = false };
    enum result result = bundle_read(&bundle, text, len, diag);
    bundle_done(&bundle);
    return result;
}

static void what_is_written_is_read_again(void **state)
{
    struct keys_fixture *f = *state;
    size_t len = 0, again_len = 0;
    char *text = make_text(f, &len);
    struct bundle bundle;
    assert_ok(bundle_read(&bundle, text, len, NULL));
    assert_true(bundle.is_signed);
    assert_int_equal(bundle.slices.made_at, NOW);
    assert_int_equal(bundle.slices.begin_at, NOW);
    assert_true(bundle.slices.count >= 5);
    assert_int_equal(bundle.slices.list[0].inception, NOW - HOUR);
    assert_int_equal(bundle.keys.count, 2);
    assert_memory_equal(bundle.sum, text + len - 65, 64);
    char *again = bundle_write(&bundle, &again_len);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, text, len);
    bundle_done(&bundle);
    free(again);
    free(text);
}

static void reader_fails_on_every_short_prefix(void **state)
{
    struct keys_fixture *f = *state;
    size_t len = 0;
    char *text = make_text(f, &len);
    assert_ok(parse(text, len, NULL));
    for (size_t i = 0; i < len; i++) {
        char *prefix = malloc(i + 1); /* so that a read past its end is detected */
        assert_non_null(prefix);
        memcpy(prefix, text, i);
        assert_int_equal(parse(prefix, i, NULL), RESULT_INVALID);
        free(prefix);
    }
    free(text);
}

static void every_changed_octet_is_noticed(void **state)
{
    struct keys_fixture *f = *state;
    size_t len = 0;
    char *text = make_text(f, &len);
    for (size_t i = 0; i < len; i++) {
        for (unsigned bit = 0; bit < 8; bit += 1 + (unsigned)(i % 3)) {
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_int_equal(parse(text, len, NULL), RESULT_INVALID);
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    }
    free(text);
}

static void text_behind_the_checksum_is_refused(void **state)
{
    struct keys_fixture *f = *state;
    size_t len = 0;
    char *text = make_text(f, &len);
    text = realloc(text, len + 2);
    assert_non_null(text);
    text[len] = '\n';
    assert_int_equal(parse(text, len + 1, NULL), RESULT_INVALID);
    free(text);
}

/* Writes a changed bundle, which gives it a correct sum. Reading it must fail with `why`. */
static void expect(struct bundle *bundle, const char *why)
{
    struct diag diag = { "" };
    size_t len = 0;
    char *text = bundle_write(bundle, &len);
    assert_int_equal(parse(text, len, &diag), RESULT_INVALID);
    if (strstr(diag.text, why) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", why, diag.text);
    }
    free(text);
}

static void slices_that_make_no_sense_are_refused(void **state)
{
    struct keys_fixture *f = *state;
    struct bundle bundle;
    presigned_init(f, ALGORITHM_ED25519);
    assert_ok(presigned_ask(&bundle, f, NOW, 20, NULL));
    struct slice *second = &bundle.slices.list[1];
    const struct slice good = *second;
    second->from = bundle.slices.list[0].expiration - SLICES_MARGIN_S + 1;
    second->inception = second->from - HOUR;
    second->expiration = second->from + 7 * DAY;
    expect(&bundle, "there is a gap");
    *second = good;
    second->from = second->inception = NOW;
    expect(&bundle, "overlap");
    *second = good;
    second->inception = second->from + 1;
    expect(&bundle, "times");
    *second = good;
    second->expiration = second->from + SLICES_MARGIN_S;
    expect(&bundle, "times");
    *second = good;
    second->expiration = second->from + 60 * DAY;
    expect(&bundle, "times");
    *second = good;
    second->aim.dnskey = 0;
    expect(&bundle, "keys of the slice");
    *second = good;
    second->aim.ds = 3; /* the ZSK as well */
    expect(&bundle, "keys of the slice");
    *second = good;
    bundle.slices.count = 0;
    expect(&bundle, "no slice");
    bundle_done(&bundle);
}

static void other_versions_are_named_as_such(void **)
{
    struct diag diag;
    static const char text[] = "ntspool-bundle 2\nzone pool.test.\n";
    assert_int_equal(parse(text, sizeof text - 1, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "this version"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_again, keys_set_up, keys_tear_down),
        cmocka_unit_test_setup_teardown(reader_fails_on_every_short_prefix, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(every_changed_octet_is_noticed, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(text_behind_the_checksum_is_refused, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test_setup_teardown(slices_that_make_no_sense_are_refused, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test(other_versions_are_named_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
