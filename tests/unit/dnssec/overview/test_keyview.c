#include "dnssec/overview/keymetrics.h"
#include "tests/unit/presigned.h"

/* What the metrics of the store say at `now`. */
static char *metrics_at(struct keys_fixture *f, uint64_t now, struct keyview *view)
{
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    struct store_txn *txn = NULL;
    struct openmetrics om;
    assert_ok(store_read(f->store, &txn, NULL));
    const struct keyview_source source = { .keys = txn, .seal = f->seal, .now = now };
    keyview_read(view, &source, concerns);
    store_abort(txn);
    free(concerns);
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    keymetrics_write(&om, view);
    assert_true(openmetrics_end(&om));
    char *text = xmalloc(om.len + 1);
    memcpy(text, om.text, om.len);
    text[om.len] = '\0';
    openmetrics_done(&om);
    return text;
}

static void keys_are_counted_by_role_and_state(void **state)
{
    struct keys_fixture *f = *state;
    struct keyview view;
    presigned_init(f, ALGORITHM_ED25519);
    char *text = metrics_at(f, NOW + HOUR, &view);
    assert_true(view.known && !view.failed && !view.offline && !view.follows);
    assert_int_equal(view.count, 2);
    assert_non_null(strstr(text, "\nntspool_keys{role=\"ksk\",state=\"ready\"} 1\n"));
    assert_non_null(strstr(text, "\nntspool_keys{role=\"zsk\",state=\"active\"} 1\n"));
    assert_non_null(strstr(text, "\nntspool_keys{role=\"csk\",state=\"active\"} 0\n"));
    assert_null(strstr(text, "\nntspool_dnskey_bundle_end_timestamp_seconds "));
    assert_non_null(strstr(text, "\nntspool_ds_asked_timestamp_seconds 1800000000\n"));
    free(text);
}

static void a_store_that_is_not_there_gives_no_keys(void **)
{
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    const struct keyview_source source = { .keys = NULL, .now = NOW };
    struct keyview view;
    struct openmetrics om;
    keyview_read(&view, &source, concerns);
    assert_false(view.known || view.failed);
    assert_int_equal(concerns->count, 0);
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    keymetrics_write(&om, &view);
    assert_true(openmetrics_end(&om));
    assert_null(memmem(om.text, om.len, "\nntspool_", 9));
    openmetrics_done(&om);
    free(concerns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_counted_by_role_and_state, keys_set_up,
                                        keys_tear_down),
        cmocka_unit_test(a_store_that_is_not_there_gives_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
