#include "tests/unit/reports.h"
#include "zone/verdicts/forward.h"
#include "zone/verdicts/outline.h"

enum {
    MEMBERS = 12,
    REPORTS = 4096,
    STEPS = 3000,
    INTERVAL = 60
};

/* A probe with its journal, the engine that reports are sent to, and what a reader makes of it. */
struct piece {
    uint8_t *octets;
    size_t len;
    uint64_t number;
    bool first; /* of a file */
};

static struct {
    struct member_health members[MEMBERS]; /* id 0: it is not in the pool */
    struct vantage self;
    uint64_t now, number;
    struct piece journal[REPORTS], engine[REPORTS];
    size_t journal_count, engine_count;
    size_t older; /* where the older of both files begins */
    struct forward *forward;
    unsigned sent;
    bool first;
} world;

static struct report_writer writer;
static struct reports_key key;

static int set_up(void **)
{
    memset(&world, 0, sizeof(world));
    key = reports_key_of(1);
    world.now = REPORTS_NOW;
    world.number = world.now * 1000;
    world.self = reports_vantage(world.now);
    world.forward = forward_new();
    world.first = true;
    return 0;
}

static void forget(struct piece *pieces, size_t *count, size_t at)
{
    free(pieces[at].octets);
    memmove(&pieces[at], &pieces[at + 1], (--*count - at) * sizeof(*pieces));
}

static int tear_down(void **)
{
    while (world.journal_count > 0) {
        forget(world.journal, &world.journal_count, 0);
    }
    while (world.engine_count > 0) {
        forget(world.engine, &world.engine_count, 0);
    }
    forward_free(world.forward);
    return 0;
}

static void push(struct piece *pieces, size_t *count, struct piece piece)
{
    assert_true(*count < REPORTS);
    uint8_t *copy = malloc(piece.len);
    assert_non_null(copy);
    memcpy(copy, piece.octets, piece.len);
    piece.octets = copy;
    pieces[(*count)++] = piece;
}

static struct report opened(const struct piece *piece)
{
    struct report report;
    assert_ok(report_open(&report, piece->octets, piece->len));
    return report;
}

/* The feed looks at a report of the journal. */
static void look(const struct piece *piece)
{
    uint64_t done = 0;
    struct report report = opened(piece);
    if (forward_wants(world.forward, &report, piece->first)) {
        forward_sent(world.forward, &report);
        push(world.engine, &world.engine_count, *piece);
        world.sent++;
    }
    while (forward_take_done(world.forward, &done)) {
        size_t at = 0;
        while (at < world.engine_count && world.engine[at].number != done) {
            at++;
        }
        assert_true(at < world.engine_count);
        forget(world.engine, &world.engine_count, at);
    }
}

static void begin(void)
{
    struct report_head head = reports_head(&key, ++world.number);
    head.made_at = world.now;
    report_begin(&writer, &head);
}

static void end(void)
{
    struct piece piece = { writer.octets, report_end(&writer, key.secret), world.number,
                           world.first };
    world.first = false;
    push(world.journal, &world.journal_count, piece);
    look(&piece);
}

static void begin_with_self(void)
{
    begin();
    world.self.well_at = world.now;
    assert_true(report_self(&writer, &world.self));
}

static void tell(unsigned member)
{
    const struct member_health *health = &world.members[member];
    if (health->member_id != 0) {
        assert_true(report_verdict(&writer, "label", health));
    }
}

static void write_one(unsigned member)
{
    begin_with_self();
    tell(member);
    end();
}

/* A new file, which begins with all that is known, in two reports. */
static void write_file(void)
{
    size_t newer = world.journal_count;
    world.first = true;
    begin_with_self();
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (i == MEMBERS / 2) {
            end();
            begin();
        }
        tell(i);
    }
    end();
    while (world.older > 0) {
        forget(world.journal, &world.journal_count, 0);
        world.older--;
        newer--;
    }
    world.older = newer;
}

static void join_pool(unsigned member)
{
    world.members[member] = reports_verdict(member + 1, "192.0.2.1");
}

/* A change that a consensus sees, or one that it does not. */
static void change(unsigned member, bool weighs)
{
    struct member_health *health = &world.members[member];
    if (weighs) {
        health->stage_since++;
        health->family[ADDRESS_IPV4].stage_since++;
    } else {
        health->addresses[0].probes++;
        health->addresses[0].last_probe_at = world.now;
    }
}

/* What a machine knows that reads the engine. */
struct seen {
    uint64_t outlines[MEMBERS], self_at;
    unsigned events;
};

static void see_verdict(const char *, const struct member_health *health, void *arg)
{
    struct seen *seen = arg;
    seen->outlines[health->member_id - 1] = outline_of(health);
}

static void see_self(const struct vantage *vantage, void *arg)
{
    struct seen *seen = arg;
    seen->self_at = vantage->well_at;
}

static struct seen seen_at_engine(void)
{
    static const struct report_visit visit = { .self = see_self, .verdict = see_verdict };
    struct seen seen = { .self_at = 0 };
    for (size_t i = 0; i < world.engine_count; i++) {
        struct report report = opened(&world.engine[i]);
        assert_ok(report_each(&report, &visit, &seen));
    }
    return seen;
}

static void assert_engine_knows_all(void)
{
    struct seen seen = seen_at_engine();
    for (unsigned i = 0; i < MEMBERS; i++) {
        const struct member_health *health = &world.members[i];
        assert_true(health->member_id == 0 || seen.outlines[i] == outline_of(health));
    }
    assert_true(world.now - seen.self_at <= INTERVAL);
}

/* The feed is killed and begins anew. */
static void restart(void)
{
    forward_free(world.forward);
    world.forward = forward_new();
    for (size_t i = 0; i < world.engine_count; i++) {
        struct report report = opened(&world.engine[i]);
        forward_sent(world.forward, &report);
    }
    for (size_t i = 0; i < world.journal_count; i++) {
        look(&world.journal[i]);
    }
}

/* -- single cases -- */

static void what_changes_no_answer_is_not_sent(void **)
{
    join_pool(0);
    write_file();
    unsigned before = world.sent;
    change(0, false);
    world.now += INTERVAL / 2 - 1;
    write_one(0);
    assert_int_equal(world.sent, before);
    change(0, true);
    write_one(0);
    assert_int_equal(world.sent, before + 1);
    assert_engine_knows_all();
}

static void a_word_of_the_vantage_point_goes_each_half_interval_or_when_its_state_changes(void **)
{
    write_one(0);
    world.now += INTERVAL / 2;
    write_one(0);
    assert_int_equal(world.sent, 2);
    world.now++;
    write_one(0);
    assert_int_equal(world.sent, 2);
    world.self.state = VANTAGE_CLOCK_OFF;
    write_one(0);
    assert_int_equal(world.sent, 3);
    world.self.family[ADDRESS_IPV4].frozen_since = world.now;
    write_one(0);
    assert_int_equal(world.sent, 4);
    assert_int_equal(world.engine_count, 1);
}

static void an_event_is_sent_and_samples_are_not(void **)
{
    const struct history_event event = { .at = REPORTS_NOW, .text = "it fell" };
    const struct history_subject subject = reports_subject(1, "192.0.2.1");
    const struct history_sample sample = { .at = REPORTS_NOW };
    begin();
    assert_true(report_sample(&writer, "label", &subject, &sample));
    end();
    assert_int_equal(world.sent, 0);
    begin();
    assert_true(report_event(&writer, "label", &event));
    end();
    assert_int_equal(world.sent, 1);
}

static void each_verdict_is_sent_anew_in_time(void **)
{
    join_pool(0);
    join_pool(1);
    write_file();
    unsigned before = world.sent;
    world.self.interval_s = 86400;
    world.now += FORWARD_REFRESH_S - 1;
    write_one(1);
    assert_int_equal(world.sent, before);
    world.now++;
    write_one(1);
    assert_int_equal(world.sent, before + 1);
    write_one(1);
    assert_int_equal(world.sent, before + 1);
}

static void a_member_that_a_file_begins_without_is_forgotten(void **)
{
    join_pool(0);
    write_file();
    join_pool(1);
    write_one(1); /* a report of its own holds it */
    world.now += INTERVAL;
    write_file();
    assert_engine_knows_all();
    world.members[1].member_id = 0;
    world.now += FORWARD_REFRESH_S;
    write_file();
    world.now++;
    write_one(0);
    struct seen seen = seen_at_engine();
    assert_true(seen.outlines[0] != 0 && seen.outlines[1] == 0);
}

static void a_flood_holds_no_more_than_its_bound(void **)
{
    struct report_head head = reports_head(&key, 1);
    struct member_health health = reports_verdict(1, "192.0.2.1");
    uint64_t done = 0, dropped = 0;
    for (unsigned i = 0; i < FORWARD_REPORTS_MAX + 100; i++) {
        head.number = i + 1;
        health.member_id = i + 1;
        report_begin(&writer, &head);
        assert_true(report_verdict(&writer, "label", &health));
        size_t len = report_end(&writer, key.secret);
        struct report report;
        assert_ok(report_open(&report, writer.octets, len));
        assert_true(forward_wants(world.forward, &report, false));
        forward_sent(world.forward, &report);
        while (forward_take_done(world.forward, &done)) {
            assert_int_equal(done, ++dropped);
        }
    }
    assert_int_equal(dropped, 100);
    assert_int_equal(forward_last(world.forward), FORWARD_REPORTS_MAX + 100);
}

/* -- any course of events -- */

static void step(unsigned dice)
{
    unsigned member = (unsigned)rand() % MEMBERS;
    bool in = world.members[member].member_id != 0;
    world.now += (unsigned)rand() % (INTERVAL / 2);
    if (dice < 50) {
        change(member, in && dice < 10);
        write_one(member);
    } else if (dice < 60) {
        write_file();
    } else if (dice < 65) {
        restart();
    } else if (dice < 70 && in) {
        world.members[member].member_id = 0;
    } else if (!in) {
        join_pool(member);
        world.members[member].stage_since = world.now;
        write_one(member);
    }
}

static void who_reads_the_engine_knows_what_the_probe_knows(void **)
{
    srand(7); /* NOLINT(cert-msc51-cpp): the same course each time */
    for (unsigned i = 0; i < STEPS; i++) {
        step((unsigned)rand() % 100);
        if (world.journal_count > REPORTS / 2) {
            write_file();
        }
        if (world.engine_count > 0) {
            write_one(0);
            assert_engine_knows_all();
        }
        assert_true(world.engine_count <= MEMBERS + 2);
    }
    assert_true(world.sent > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_changes_no_answer_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_word_of_the_vantage_point_goes_each_half_interval_or_when_its_state_changes, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(an_event_is_sent_and_samples_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_verdict_is_sent_anew_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_member_that_a_file_begins_without_is_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flood_holds_no_more_than_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_reads_the_engine_knows_what_the_probe_knows, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
