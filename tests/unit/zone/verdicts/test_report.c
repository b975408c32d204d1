#include "tests/unit/reports.h"
#include "zone/verdicts/report.h"

static struct report_writer made;
static struct reports_key key;
static size_t made_len;

static const struct history_sample sample_made = { .at = REPORTS_NOW - 5,
                                                   .failure = FAILURE_CERT_NAME,
                                                   .score_milli = -99999,
                                                   .offset_us = -2147483647,
                                                   .rtt_us = 4000000000 };
static const struct history_event event_made = { .at = REPORTS_NOW - 6, .text = "it fell" };

/* A report with one item of each kind. */
static int set_up(void **)
{
    key = reports_key_of(1);
    const struct report_head head = reports_head(&key, 42);
    const struct vantage self = reports_vantage(REPORTS_NOW);
    const struct member_health health = reports_verdict(7, "192.0.2.1");
    const struct history_subject subject = reports_subject(7, "192.0.2.1");
    report_begin(&made, &head);
    assert_true(report_self(&made, &self));
    assert_true(report_verdict(&made, "alice", &health));
    assert_true(report_sample(&made, "alice", &subject, &sample_made));
    assert_true(report_event(&made, "bob", &event_made));
    made_len = report_end(&made, key.secret);
    return 0;
}

/* The items visited. */
struct seen {
    unsigned selves, verdicts, samples, events;
    struct vantage self;
    struct member_health health;
    struct history_subject subject;
    struct history_sample sample;
    struct history_event event;
    char label[LABEL_ROOM];
};

static void see_self(const struct vantage *vantage, void *arg)
{
    struct seen *seen = arg;
    seen->selves++;
    seen->self = *vantage;
}

static void see_verdict(const char *label, const struct member_health *health, void *arg)
{
    struct seen *seen = arg;
    seen->verdicts++;
    seen->health = *health;
    (void)snprintf(seen->label, sizeof(seen->label), "%s", label);
    for (unsigned i = 0; i < health->address_count; i++) {
        assert_in_range(health->addresses[i].score_milli - HEALTH_SCORE_MIN, 0,
                        HEALTH_SCORE_MAX - HEALTH_SCORE_MIN);
    }
    assert_true(health->address_count <= MEMBER_ADDRESSES_MAX && health->stage <= STAGE_FALLING);
}

static void see_sample(const char *label, const struct history_subject *subject,
                       const struct history_sample *sample, void *arg)
{
    struct seen *seen = arg;
    seen->samples++;
    seen->subject = *subject;
    seen->sample = *sample;
    assert_true(strlen(label) < LABEL_ROOM);
    assert_in_range(sample->score_milli - HEALTH_SCORE_MIN, 0, HEALTH_SCORE_MAX - HEALTH_SCORE_MIN);
}

static void see_event(const char *label, const struct history_event *event, void *arg)
{
    struct seen *seen = arg;
    seen->events++;
    seen->event = *event;
    assert_true(strlen(label) < LABEL_ROOM && strlen(event->text) < HISTORY_EVENT_ROOM);
}

static const struct report_visit visit = { see_self, see_verdict, see_sample, see_event };

static void what_is_written_is_read(void **)
{
    struct report report;
    struct seen seen = { .selves = 0 };
    assert_ok(report_open(&report, made.octets, made_len));
    assert_int_equal(report.head.number, 42);
    assert_int_equal(report.head.made_at, REPORTS_NOW);
    assert_string_equal(report.head.vantage, "far");
    assert_memory_equal(report.head.registry, reports_registry, REGISTRY_ID_LEN);
    const struct dname apex = name_of("pool.test");
    assert_true(dname_equal(&report.head.apex, &apex));
    assert_true(report_is_by(&report, key.open));
    assert_ok(report_each(&report, &visit, &seen));
    assert_true(seen.selves == 1 && seen.verdicts == 1 && seen.samples == 1 && seen.events == 1);
    assert_int_equal(seen.self.well_at, REPORTS_NOW);
    assert_int_equal(seen.self.family[ADDRESS_IPV4].addresses, 3);
    assert_string_equal(seen.self.name, "far");
    assert_string_equal(seen.label, "alice");
    assert_string_equal(seen.health.vantage, "far");
    assert_int_equal(seen.health.addresses[0].offset_us, -1234);
    assert_string_equal(seen.health.addresses[0].detail, "all is well");
    assert_int_equal(seen.subject.member_id, 7);
    assert_string_equal(seen.subject.vantage, "far");
    assert_int_equal(seen.sample.at, sample_made.at);
    assert_int_equal(seen.sample.failure, FAILURE_CERT_NAME);
    assert_int_equal(seen.sample.score_milli, -99999);
    assert_int_equal(seen.sample.offset_us, -2147483647);
    assert_int_equal(seen.sample.rtt_us, 4000000000);
    assert_string_equal(seen.event.who, "far");
    assert_string_equal(seen.event.text, "it fell");
}

static void kinds_without_a_visitor_are_passed_over(void **)
{
    static const struct report_visit nothing = { .self = NULL };
    struct report report;
    assert_ok(report_open(&report, made.octets, made_len));
    assert_ok(report_each(&report, &nothing, NULL));
}

/* Memory of exactly that size, so that the address sanitizer detects a read beyond it. */
static uint8_t *copied(size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, made.octets, len);
    return copy;
}

static void no_prefix_is_a_report(void **)
{
    for (size_t len = 0; len < made_len; len++) {
        struct report report;
        uint8_t *copy = copied(len);
        assert_int_equal(report_open(&report, copy, len), RESULT_DAMAGED);
        if (len >= REPORT_HEAD_LEN) {
            /* one with a matching length */
            wire_put_u32(copy, (uint32_t)(len - 4));
            assert_false(report_open(&report, copy, len) == RESULT_OK &&
                         report_is_by(&report, key.open));
        }
        free(copy);
    }
}

static void no_flipped_bit_is_accepted(void **)
{
    uint8_t *copy = copied(made_len);
    for (size_t bit = 0; bit < made_len * 8; bit++) {
        struct report report;
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        bool accepted =
            report_open(&report, copy, made_len) == RESULT_OK && report_is_by(&report, key.open);
        assert_false(accepted);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(copy);
}

/* The holder of the key may sign anything. */
static void signed_nonsense_stays_in_bounds(void **)
{
    uint8_t *copy = copied(made_len);
    size_t body = made_len - REPORT_SIGNATURE_LEN;
    unsigned damaged = 0, fine = 0;
    for (size_t bit = 32; bit < body * 8; bit++) {
        struct report report;
        struct seen seen = { .selves = 0 };
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(crypto_sign_detached(copy + body, NULL, copy + 4, body - 4, key.secret),
                         0);
        if (report_open(&report, copy, made_len) == RESULT_OK) {
            bool read = report_each(&report, &visit, &seen) == RESULT_OK;
            fine += read;
            damaged += !read;
        }
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(damaged > 0 && fine > 0);
    free(copy);
}

static void a_report_is_not_valid_under_another_key(void **)
{
    const struct reports_key other = reports_key_of(2);
    const struct report_head head = reports_head(&key, 1);
    struct report report;
    assert_ok(report_open(&report, made.octets, made_len));
    assert_false(report_is_by(&report, other.open));
    /* it claims the key, but can't sign with it */
    report_begin(&made, &head);
    size_t len = report_end(&made, other.secret);
    assert_ok(report_open(&report, made.octets, len));
    assert_false(report_is_by(&report, key.open));
    assert_false(report_is_by(&report, other.open));
}

static void impossible_lengths_are_refused(void **)
{
    static const struct {
        uint32_t rest;
        bool fine;
    } cases[] = {
        { 0, false },
        { REPORT_HEAD_LEN - 4 + 63, false },
        { REPORT_HEAD_LEN - 4 + 64, true },
        { REPORT_MAX - 4, true },
        { REPORT_MAX - 3, false },
        { UINT32_MAX, false },
        { UINT32_MAX - 3, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t octets[REPORT_HEAD_LEN] = { 0 };
        size_t len = 0;
        uint64_t number = 0;
        wire_put_u32(octets, cases[i].rest);
        octets[REPORT_HEAD_LEN - 1] = 9;
        assert_int_equal(report_peek(octets, &len, &number), cases[i].fine);
        assert_int_equal(len, (size_t)cases[i].rest + 4);
        assert_int_equal(number, 9);
    }
}

static void a_newer_layout_is_not_damage(void **)
{
    struct report report;
    made.octets[REPORT_HEAD_LEN] = 2;
    assert_int_equal(report_open(&report, made.octets, made_len), RESULT_NEWER);
    made.octets[REPORT_HEAD_LEN] = 0;
    assert_int_equal(report_open(&report, made.octets, made_len), RESULT_DAMAGED);
}

static void name_that_no_vantage_point_has_is_damaged(void **)
{
    static const char *const names[] = { "", "-x", "Far", "a b", "../x", "\x1b[2J", "a.b" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct report_head head = reports_head(&key, 1);
        struct report report;
        memset(head.vantage, 0, sizeof(head.vantage));
        memcpy(head.vantage, names[i], strlen(names[i]));
        report_begin(&made, &head);
        size_t len = report_end(&made, key.secret);
        assert_int_equal(report_open(&report, made.octets, len), RESULT_DAMAGED);
    }
}

/* -- items -- */

/* A report with one event, then an item of the octets given. */
static enum result read_with(uint8_t type, uint16_t said, const uint8_t *octets, size_t len,
                             struct seen *seen)
{
    const struct report_head head = reports_head(&key, 1);
    struct report report;
    *seen = (struct seen){ .selves = 0 };
    report_begin(&made, &head);
    assert_true(report_event(&made, "bob", &event_made));
    write_u8(&made.w, type);
    write_u16(&made.w, said);
    write_octets(&made.w, octets, len);
    made_len = report_end(&made, key.secret);
    assert_ok(report_open(&report, made.octets, made_len));
    return report_each(&report, &visit, seen);
}

static void unknown_items_are_skipped_and_cut_ones_end_it(void **)
{
    static const uint8_t types[] = { 0, 5, 99, 255 };
    struct seen seen;
    for (size_t i = 0; i < sizeof(types); i++) {
        assert_ok(read_with(types[i], 3, (const uint8_t *)"xyz", 3, &seen));
        assert_int_equal(seen.events, 1);
        assert_int_equal(read_with(types[i], 4, (const uint8_t *)"xyz", 3, &seen), RESULT_DAMAGED);
        assert_int_equal(seen.events, 1); /* the items before it were visited */
    }
    for (uint8_t type = 1; type <= 4; type++) {
        assert_int_equal(read_with(type, 0, NULL, 0, &seen), RESULT_DAMAGED);
        assert_int_equal(read_with(type, 3, (const uint8_t *)"xyz", 3, &seen), RESULT_DAMAGED);
        assert_true(seen.events == 1 && seen.selves + seen.verdicts + seen.samples == 0);
    }
}

/* Each kind of item, shorter and longer by any number of octets. */
static void items_of_any_other_length_are_damaged(void **)
{
    static const uint8_t zeros[8] = { 0 };
    struct report report;
    assert_ok(report_open(&report, made.octets, made_len));
    uint8_t *items = copied(made_len);
    size_t at = report.items_at;
    unsigned kinds = 0;
    while (at < report.len - REPORT_SIGNATURE_LEN) {
        struct seen seen;
        struct reader r = reader_of(items + at, 3);
        uint8_t type = read_u8(&r);
        size_t len = read_u16(&r);
        const uint8_t *body = items + at + 3;
        for (size_t cut = 0; cut < len; cut++) {
            assert_int_equal(read_with(type, (uint16_t)cut, body, cut, &seen), RESULT_DAMAGED);
        }
        assert_ok(read_with(type, (uint16_t)len, body, len, &seen));
        uint8_t longer[512];
        assert_true(len + sizeof(zeros) <= sizeof(longer));
        memcpy(longer, body, len);
        memcpy(longer + len, zeros, sizeof(zeros));
        for (size_t more = 1; more <= sizeof(zeros); more++) {
            assert_int_equal(read_with(type, (uint16_t)(len + more), longer, len + more, &seen),
                             RESULT_DAMAGED);
        }
        kinds++;
        at += 3 + len;
    }
    assert_int_equal(kinds, 4);
    free(items);
}

static void scores_out_of_range_are_damaged(void **)
{
    static const int32_t scores[] = { HEALTH_SCORE_MIN - 1, HEALTH_SCORE_MAX + 1, INT32_MIN,
                                      INT32_MAX };
    const struct report_head head = reports_head(&key, 1);
    const struct history_subject subject = reports_subject(7, "192.0.2.1");
    for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
        struct history_sample sample = { .at = REPORTS_NOW, .score_milli = scores[i] };
        struct member_health health = reports_verdict(7, "192.0.2.1");
        struct report report;
        struct seen seen = { .selves = 0 };
        health.addresses[0].score_milli = scores[i];
        for (int verdict = 0; verdict <= 1; verdict++) {
            report_begin(&made, &head);
            assert_true(verdict ? report_verdict(&made, "alice", &health)
                                : report_sample(&made, "alice", &subject, &sample));
            assert_ok(report_open(&report, made.octets, report_end(&made, key.secret)));
            assert_int_equal(report_each(&report, &visit, &seen), RESULT_DAMAGED);
        }
        assert_true(seen.samples == 0 && seen.verdicts == 0);
    }
}

static void full_report_takes_no_more_and_is_whole(void **)
{
    const struct report_head head = reports_head(&key, 1);
    const struct member_health health = reports_verdict(7, "192.0.2.1");
    struct report report;
    struct seen seen = { .selves = 0 };
    unsigned count = 0;
    report_begin(&made, &head);
    while (report_verdict(&made, "alice", &health)) {
        count++;
    }
    assert_false(report_verdict(&made, "alice", &health));
    while (report_event(&made, "bob", &event_made)) {
        seen.events--;
    }
    size_t len = report_end(&made, key.secret);
    assert_true(len <= REPORT_MAX && len > REPORT_MAX - 100);
    assert_ok(report_open(&report, made.octets, len));
    assert_true(report_is_by(&report, key.open));
    assert_ok(report_each(&report, &visit, &seen));
    assert_true(count > 100 && seen.verdicts == count && seen.events == 0);
}

#define CASE(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_written_is_read),
        CASE(kinds_without_a_visitor_are_passed_over),
        CASE(no_prefix_is_a_report),
        CASE(no_flipped_bit_is_accepted),
        CASE(signed_nonsense_stays_in_bounds),
        CASE(a_report_is_not_valid_under_another_key),
        CASE(impossible_lengths_are_refused),
        CASE(a_newer_layout_is_not_damage),
        CASE(name_that_no_vantage_point_has_is_damaged),
        CASE(unknown_items_are_skipped_and_cut_ones_end_it),
        CASE(items_of_any_other_length_are_damaged),
        CASE(scores_out_of_range_are_damaged),
        CASE(full_report_takes_no_more_and_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
