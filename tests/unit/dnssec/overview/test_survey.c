#include "dnssec/overview/survey.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct survey_source source;
static struct survey *survey;

static int set_up(void **)
{
    static const enum store_kind kinds[] = { STORE_REGISTRY, STORE_HEALTH, STORE_KEYS };
    pool_fixture_init(&pool, NULL);
    source =
        (struct survey_source){ .seal = pool.seal,
                                .pool = { .state_dir = pool.state,
                                          .run = { .known = true, .server = { .running = true } },
                                          .now = FIXTURE_NOW } };
    for (unsigned i = 0; i < 3; i++) {
        source.pool.stores[kinds[i]].store = pool.stores[i];
        source.pool.stores[kinds[i]].txn = pool.txns[i];
    }
    survey = xcalloc(1, sizeof(*survey));
    return 0;
}

static int tear_down(void **)
{
    free(survey);
    pool_fixture_done(&pool);
    return 0;
}

static bool warns_of(enum concern_id id)
{
    bool found = false;
    for (size_t i = 0; i < survey->concerns.count; i++) {
        found = found || survey->concerns.list[i].id == id;
    }
    return found;
}

static void a_pool_is_read_whole_and_anew_each_time(void **)
{
    for (unsigned i = 0; i < 2; i++) {
        survey_read(survey, &source);
        assert_false(survey->pool.failed || survey->keys.failed);
        assert_int_equal(survey->pool.census.members, 3);
        assert_int_equal(survey->pool.census.eligible, 3);
        assert_int_equal(survey->keys.count, 2);
        assert_int_equal(survey->keys.keys[KEY_KSK][KEY_READY], 1); /* no DS yet */
        assert_int_equal(survey->keys.keys[KEY_ZSK][KEY_ACTIVE], 1);
        assert_true(survey->pool.stores[STORE_REGISTRY].usage.used_bytes > 0);
        assert_false(survey->pool.stores[STORE_TRAFFIC].readable);
        assert_true(warns_of(CONCERN_PROBE_SILENT));
        assert_true(warns_of(CONCERN_KEEPER_SILENT));
        assert_false(warns_of(CONCERN_STORE_UNREADABLE) || warns_of(CONCERN_SERVER_DOWN) ||
                     warns_of(CONCERN_SEAL_UNUSABLE));
        assert_int_equal(survey->concerns.count, 2);
    }
}

static void a_store_that_cannot_be_read_is_named_and_the_rest_is_read(void **)
{
    source.pool.stores[STORE_KEYS].txn = source.pool.stores[STORE_HEALTH].txn = NULL;
    (void)diag_fail(&source.pool.stores[STORE_HEALTH].error, RESULT_DAMAGED, "health is damaged");
    source.pool.run.server.running = false;
    survey_read(survey, &source);
    assert_true(survey->pool.failed);
    assert_false(survey->keys.known || survey->keys.failed);
    assert_int_equal(survey->pool.census.members, 3);
    assert_int_equal(survey->concerns.list[0].id, CONCERN_STORE_UNREADABLE);
    assert_string_equal(survey->concerns.list[0].subject, "health");
    assert_string_equal(survey->concerns.list[0].text, "health is damaged");
    assert_true(warns_of(CONCERN_SERVER_DOWN));
}

static void without_the_registry_nothing_is_counted(void **)
{
    source.pool.stores[STORE_REGISTRY].txn = NULL;
    (void)diag_fail(&source.pool.stores[STORE_REGISTRY].error, RESULT_MISSING, "is missing");
    survey_read(survey, &source);
    assert_true(survey->pool.failed);
    assert_false(survey->pool.zone);
    assert_int_equal(survey->pool.census.members, 0);
    assert_true(survey->keys.known);
}

static void a_seal_that_does_not_open_the_keys_is_reported(void **)
{
    struct diag diag;
    char path[128];
    struct seal *other = NULL;
    (void)snprintf(path, sizeof(path), "%s/other.key", pool.state);
    assert_ok(seal_create(pool.state, path, &diag));
    assert_ok(seal_open(&other, pool.state, path, &diag));
    source.seal = other;
    survey_read(survey, &source);
    assert_true(warns_of(CONCERN_SEAL_UNUSABLE));
    source.seal = NULL;
    survey_read(survey, &source);
    assert_false(warns_of(CONCERN_SEAL_UNUSABLE));
    source.unsealable = "seal.key is missing";
    survey_read(survey, &source);
    assert_true(warns_of(CONCERN_SEAL_UNUSABLE));
    seal_free(other);
}

static void the_metrics_are_the_same_each_time(void **)
{
    struct openmetrics om[2];
    survey_read(survey, &source);
    for (unsigned i = 0; i < 2; i++) {
        openmetrics_init(&om[i], OPENMETRICS_1_0);
        survey_write(&om[i], survey);
        assert_true(openmetrics_end(&om[i]));
    }
    assert_int_equal(om[0].len, om[1].len);
    assert_memory_equal(om[0].text, om[1].text, om[0].len);
    assert_non_null(memmem(om[0].text, om[0].len, "\nntspool_members{state=\"eligible\"} 3\n", 37));
    assert_non_null(
        memmem(om[0].text, om[0].len, "{id=\"probe-silent\",severity=\"urgent\"} 1\n", 40));
    openmetrics_done(&om[0]);
    openmetrics_done(&om[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pool_is_read_whole_and_anew_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_cannot_be_read_is_named_and_the_rest_is_read,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_registry_nothing_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_seal_that_does_not_open_the_keys_is_reported, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_metrics_are_the_same_each_time, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
