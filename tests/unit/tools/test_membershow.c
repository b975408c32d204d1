#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/membershow.h"

static struct dname apex;

/* Two addresses: the probe of the first failed, the probe of the second succeeded. */
static struct memberview seen_member(void)
{
    struct memberview view = { .consensus = { .known = true } };
    member_defaults(&view.member);
    strcpy(view.member.label, "alice");
    view.member.id = 7;
    view.member.address_count = 2;
    view.member.addresses[0] = address_of("192.0.2.1");
    view.member.addresses[1] = address_of("2001:db8::1");
    view.consensus.health = (struct member_health){ .member_id = 7,
                                                    .stage = STAGE_ELIGIBLE,
                                                    .stage_since = 1764000000,
                                                    .weight = HEALTH_WEIGHT_MAX,
                                                    .last_cert_not_after = 1764000009,
                                                    .address_count = 2 };
    view.consensus.health.addresses[0] =
        (struct address_health){ .address = address_of("2001:db8::1"),
                                 .score_milli = 12500,
                                 .working = true,
                                 .probes = 40,
                                 .last_probe_at = 1764000001,
                                 .cert_not_after = 1764000009,
                                 .certified_at = 1764000000,
                                 .operational_at = 1764000000,
                                 .warnings = WARNING_COOKIES_FEW | WARNING_PORT,
                                 .aead = 15,
                                 .stratum = 2,
                                 .offset_us = -1500,
                                 .rtt_us = 250 };
    view.consensus.health.addresses[1] =
        (struct address_health){ .address = address_of("192.0.2.1"),
                                 .score_milli = -7000,
                                 .probes = 40,
                                 .last_probe_at = 1764000001,
                                 .failure = FAILURE_CERT_NAME,
                                 .detail = "is for \x1b[31mtime.example.net\xff" };
    const struct settings settings = default_settings();
    view.standing = lifecycle_standing(&view.member, &view.consensus, &settings, 1764000001);
    return view;
}

static json_t *row_of(json_t *object, const char *text)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(object, "addresses"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "address")), text) == 0) {
            return row;
        }
    }
    fail();
    return NULL;
}

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static void each_address_has_its_own_results(void **)
{
    struct memberview view = seen_member();
    json_t *out = membershow_full(&view, &apex);
    json_t *good = row_of(out, "2001:db8::1");
    json_t *bad = row_of(out, "192.0.2.1");
    assert_true(json_is_true(json_object_get(good, "working")));
    assert_string_equal(text_of(good, "failure"), "ok");
    assert_true(json_real_value(json_object_get(good, "score")) == 12.5);
    assert_true(json_real_value(json_object_get(good, "offset_ms")) == -1.5);
    assert_true(json_real_value(json_object_get(good, "rtt_ms")) == 0.25);
    assert_string_equal(text_of(good, "cert_not_after"), "2025-11-24T16:00:09Z");
    assert_int_equal(json_array_size(json_object_get(good, "warnings")), 2);
    assert_true(json_is_false(json_object_get(bad, "working")));
    assert_string_equal(text_of(bad, "failure"), "cert-name");
    assert_string_equal(text_of(bad, "advice"), failure_advice(FAILURE_CERT_NAME));
    assert_true(json_is_null(json_object_get(bad, "cert_not_after")));
    assert_true(json_is_null(json_object_get(bad, "offset_ms")));
    assert_true(json_is_true(json_object_get(bad, "left_out")));
    assert_true(json_is_false(json_object_get(good, "left_out")));
    json_decref(out);
}

static void the_score_is_that_of_the_best_address(void **)
{
    struct memberview view = seen_member();
    int32_t score = 0;
    assert_true(memberview_score(&view, &score));
    assert_int_equal(score, 12500);
    view.consensus.health.addresses[0].probes = 0;
    assert_true(memberview_score(&view, &score));
    assert_int_equal(score, -7000);
    view.consensus = (struct consensus){ .known = false };
    assert_false(memberview_score(&view, &score));
    json_t *out = membershow_brief(&view, &apex);
    assert_true(json_is_null(json_object_get(out, "score")));
    json_decref(out);
}

static void an_address_without_probe_has_nulls(void **)
{
    struct memberview view = seen_member();
    view.member.addresses[0] = address_of("192.0.2.9");
    json_t *out = membershow_full(&view, &apex);
    json_t *row = row_of(out, "192.0.2.9");
    assert_true(json_is_null(json_object_get(row, "score")));
    assert_true(json_is_null(json_object_get(row, "failure")));
    assert_true(json_is_false(json_object_get(row, "working")));
    json_decref(out);
}

static void a_member_with_its_own_name_shows_the_resolved_addresses(void **)
{
    struct memberview view = seen_member();
    view.member.address_count = 0;
    assert_ok(dname_parse(&view.member.target, "ntp.example.net", NULL));
    json_t *out = membershow_full(&view, &apex);
    assert_string_equal(text_of(out, "fqdn"), "ntp.example.net.");
    assert_int_equal(json_array_size(json_object_get(out, "addresses")), 2);
    json_decref(out);
}

/* The member's server controls parts of `detail`. */
static void hostile_details_are_escaped(void **)
{
    static const char expected[] = "is for \\x1b[31mtime.example.net\\xff";
    struct memberview view = seen_member();
    json_t *out = membershow_full(&view, &apex);
    assert_string_equal(text_of(row_of(out, "192.0.2.1"), "detail"), expected);
    json_decref(out);

    char text[8192] = "";
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    membershow_print(&view, &apex);
    (void)fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    (void)fclose(file);
    assert_non_null(strstr(text, expected));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, failure_advice(FAILURE_CERT_NAME)));
    assert_non_null(strstr(text, "left out"));
}

static int setup(void **)
{
    return dname_parse(&apex, "pool.test", NULL) == RESULT_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_has_its_own_results),
        cmocka_unit_test(the_score_is_that_of_the_best_address),
        cmocka_unit_test(an_address_without_probe_has_nulls),
        cmocka_unit_test(a_member_with_its_own_name_shows_the_resolved_addresses),
        cmocka_unit_test(hostile_details_are_escaped),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
