/* What the probe writes into its journal, and in which order. */
#include "probe/member_table.h"
#include "tests/unit/journal_fixture.h"

enum {
    MEMBERS = 3,
    KINDS_MAX = 64
};

/* The items of a report, one letter each: s self, v verdict, e event, x sample. Reports end with a
 * blank. */
struct kinds {
    char text[KINDS_MAX];
    size_t len;
};

static void note(struct kinds *kinds, char kind)
{
    assert_true(kinds->len + 1 < sizeof(kinds->text));
    kinds->text[kinds->len++] = kind;
    kinds->text[kinds->len] = '\0';
}

static void note_self(const struct vantage *, void *arg)
{
    note(arg, 's');
}

static void note_verdict(const char *, const struct member_health *, void *arg)
{
    note(arg, 'v');
}

static void note_sample(const char *, const struct history_subject *, const struct history_sample *,
                        void *arg)
{
    note(arg, 'x');
}

static void note_event(const char *, const struct history_event *, void *arg)
{
    note(arg, 'e');
}

/* The kinds of what was written since the last call. */
static struct kinds written(struct follower *follower)
{
    static const struct report_visit visit = { note_self, note_verdict, note_sample, note_event };
    struct kinds kinds = { .len = 0 };
    struct report report;
    size_t len = 0, budget = SIZE_MAX;
    while (journal_next(&follower->reader, follower->position, room, &len, &budget) == RESULT_OK) {
        assert_ok(report_open(&report, room, len));
        follower->position = report.head.number;
        assert_ok(report_each(&report, &visit, &kinds));
        note(&kinds, ' ');
    }
    return kinds;
}

struct world {
    struct member_table table;
    struct report_queue *queue;
    struct follower follower;
    struct feed feed;
    struct member members[MEMBERS];
};

static struct world *world_new(void)
{
    struct world *world = xcalloc(1, sizeof(*world));
    (void)snprintf(world->table.vantage.name, sizeof(world->table.vantage.name), "far");
    for (unsigned i = 0; i < MEMBERS; i++) {
        world->members[i] = (struct member){ .id = i + 1, .label = { (char)('a' + i) } };
    }
    world->feed.members = world->members;
    world->feed.member_count = MEMBERS;
    world->table.settings.apex = apex;
    assert_ok(member_table_begin(&world->table, &world->feed, dir, &diag));
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct probed_member *member = world->table.members[i];
        (void)snprintf(member->label, sizeof(member->label), "%s", world->members[i].label);
        member->health.address_count = 1;
        member->health.addresses[0] =
            (struct address_health){ .address = address_of("192.0.2.1"), .working = true };
    }
    world->queue = report_queue_new("far");
    world->follower = follower_of();
    return world;
}

static void world_free(struct world *world)
{
    journal_reader_end(&world->follower.reader);
    report_queue_free(world->queue);
    member_table_done(&world->table);
    free(world);
}

/* Enters a good probe. */
static struct address_health *probed(struct world *world, unsigned index)
{
    struct probed_member *member = world->table.members[index];
    struct address_health *row = &member->health.addresses[0];
    row->score_milli += 100;
    row->probes++;
    member->dirty = true;
    report_queue_sample(world->queue, member->label, member->id, row);
    return row;
}

static void assert_written(struct world *world, const char *kinds)
{
    assert_ok(member_table_write(&world->table, world->queue, &diag));
    assert_string_equal(written(&world->follower).text, kinds);
}

static void first_report_has_all_verdicts(void **)
{
    struct world *world = world_new();
    (void)probed(world, 0);
    assert_written(world, "svvv x ");
    world_free(world);
}

static void what_can_change_an_answer_is_in_a_report_of_its_own_and_first(void **)
{
    struct world *world = world_new();
    assert_written(world, "svvv ");
    (void)probed(world, 0);
    probed(world, 1)->working = false;
    report_queue_event(world->queue, "b", REPORTS_NOW, "does not work");
    assert_written(world, "sve v xx ");
    probed(world, 1)->working = true;
    assert_written(world, "sv x ");
    world_free(world);
}

static void verdicts_of_the_same_outline_follow(void **)
{
    struct world *world = world_new();
    assert_written(world, "svvv ");
    (void)probed(world, 0);
    (void)probed(world, 2);
    assert_written(world, "s vv xx ");
    assert_written(world, "s ");
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_report_has_all_verdicts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_can_change_an_answer_is_in_a_report_of_its_own_and_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verdicts_of_the_same_outline_follow, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
