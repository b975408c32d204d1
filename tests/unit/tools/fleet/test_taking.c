/* A ledger that is written by hand: what is taken of it, and what is refused. */
#include <sodium.h>

#include "tests/unit/registry_fixture.h"
#include "tools/fleet/agree.h"
#include "tools/fleet/taking.h"

enum {
    FOUNDER,
    SECOND,
    STRANGER,
    WRITERS
};

static struct membership writers[WRITERS]; /* as each of them sees the fleet */
static uint8_t keys[WRITERS][LEDGERHEAD_KEY];
static struct taking_change taken; /* what is on its way */
static struct registry_fleet fleet;

static struct machine machine_of(unsigned whose, unsigned by)
{
    struct machine machine = { .role = MACHINE_ADMIN, .added_at = NOW };
    (void)snprintf(machine.name, sizeof(machine.name), "%s", writers[whose].name);
    memcpy(machine.key, keys[whose], sizeof(machine.key));
    machine_vouch(&machine, writers[by].ledger, writers[by].name, writers[by].secret);
    return machine;
}

static void put_machine(const struct machine *machine)
{
    assert_ok(registry_put_machine(&change, machine));
}

static int set_up_ledger(void **state)
{
    static const char *const names[WRITERS] = { "founder", "second", "stranger" };
    int failed = set_up(state);
    for (unsigned i = 0; i < WRITERS; i++) {
        struct membership *writer = &writers[i];
        const uint8_t seed[crypto_sign_SEEDBYTES] = { (uint8_t)i };
        *writer = (struct membership){ .role = MACHINE_ADMIN, .apex = "pool.test." };
        (void)snprintf(writer->name, sizeof(writer->name), "%s", names[i]);
        failed += crypto_sign_seed_keypair(keys[i], writer->secret, seed);
        memcpy(writer->founder, keys[FOUNDER], sizeof(writer->founder));
        membership_complete(writer);
    }
    struct machine founder = machine_of(FOUNDER, FOUNDER);
    put_machine(&founder);
    return failed;
}

static int tear_down_ledger(void **state)
{
    taking_free(&taken);
    registry_fleet_free(&fleet);
    return tear_down(state);
}

/* Places the registry of the fixture at a ledger that begins with it. */
static struct ledgerhead_position placed(void)
{
    struct ledgerhead_position position = { .cluster = 7, .revision = 100 };
    struct ledgerrow_digest root;
    assert_ok(registry_ledger_build(&change));
    assert_ok(registry_ledger_root(txn, &root));
    agree_head(&position.head, &writers[FOUNDER], &(struct ledgerhead){ .epoch = 1 }, &root, NOW);
    assert_ok(registry_put_position(&change, &position));
    assert_ok(registry_commit_beside(&change));
    begin();
    registry_fleet_note(&fleet, txn);
    return position;
}

/* The change under way as its writer tells it; here it is given up. */
static void tell(const struct ledgerhead_position *before, unsigned writer)
{
    struct ledgerrow_digest root;
    taking_free(&taken);
    taken = (struct taking_change){ .after = { 7, before->revision + 1, { 0 } } };
    assert_ok(registry_fleet_collect(&fleet, &change, rowset_visit, &taken.rows));
    assert_ok(registry_ledger_note(&change, taken.rows.list, taken.rows.count));
    assert_ok(registry_ledger_root(txn, &root));
    agree_head(&taken.after.head, &writers[writer], &before->head, &root, NOW);
    store_abort(txn);
    registry_fleet_free(&fleet);
    begin();
}

static void note_changes(void)
{
    registry_fleet_note(&fleet, txn);
}

/* After a failure nothing may be kept. */
static enum result next(void)
{
    enum result result = taking_next(&change, &writers[SECOND], &taken);
    if (result != RESULT_OK) {
        store_abort(txn);
        begin();
    }
    return result;
}

static enum result whole(bool accept)
{
    enum result result = taking_whole(&change, &writers[SECOND], &taken, accept);
    if (result != RESULT_OK) {
        store_abort(txn);
        begin();
    }
    return result;
}

static void next_change_is_taken_with_its_position_once(void **)
{
    struct ledgerhead_position before = placed(), after;
    struct member member;
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    assert_int_equal(registry_member(txn, "ams1", &member), RESULT_NOT_FOUND);
    assert_ok(next());
    assert_ok(registry_member(txn, "ams1", &member));
    assert_ok(registry_position(txn, &after));
    assert_memory_equal(&after, &taken.after, sizeof(after));
    assert_int_equal(next(), RESULT_EXISTS);
}

static void change_of_a_stranger_is_refused(void **)
{
    struct ledgerhead_position before = placed();
    (void)added("ams1", "192.0.2.1");
    tell(&before, STRANGER);
    assert_int_equal(next(), RESULT_REFUSED);
    /* also in the name of an admin */
    (void)snprintf(taken.after.head.writer, sizeof(taken.after.head.writer), "founder");
    assert_int_equal(next(), RESULT_REFUSED);
}

static void change_of_an_edge_or_of_an_evicted_admin_is_refused(void **)
{
    for (unsigned evicted = 0; evicted < 2; evicted++) {
        struct machine second = machine_of(SECOND, FOUNDER);
        second.evicted_at = evicted == 1 ? NOW : 0;
        second.role = evicted == 1 ? MACHINE_ADMIN : MACHINE_EDGE;
        put_machine(&second);
        struct ledgerhead_position before = placed();
        (void)added("ams1", "192.0.2.1");
        tell(&before, SECOND);
        assert_int_equal(next(), RESULT_REFUSED);
    }
}

static void rows_that_are_not_those_of_the_head_are_refused(void **)
{
    struct ledgerhead_position before = placed();
    struct member member;
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    taken.rows.list[0].gone = true; /* the engine leaves one out, or makes one up */
    assert_int_equal(next(), RESULT_DAMAGED);
    assert_int_equal(registry_member(txn, "ams1", &member), RESULT_NOT_FOUND);
}

/* The engine may tell the root only of the last of several changes that are taken together. */
static void several_changes_are_taken_if_the_root_of_the_last_is_right(void **)
{
    struct ledgerhead_position before = placed();
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    struct registry_fleet_row *row = &taken.rows.list[0];
    row->gone = true;
    assert_ok(taking_step(&change, &writers[SECOND], &taken));
    assert_int_equal(taking_end(&change), RESULT_DAMAGED);
    row->gone = false;
    store_abort(txn);
    begin();
    assert_ok(taking_step(&change, &writers[SECOND], &taken));
    before = taken.after;
    note_changes();
    (void)added("fra1", "192.0.2.2");
    struct rowset first = taken.rows;
    struct ledgerhead_position after = taken.after;
    taken.rows = (struct rowset){ .list = NULL };
    tell(&before, FOUNDER);
    struct taking_change second = taken;
    taken = (struct taking_change){ after, first };
    assert_ok(taking_step(&change, &writers[SECOND], &taken));
    assert_ok(taking_step(&change, &writers[SECOND], &second));
    assert_ok(taking_end(&change));
    taking_free(&second);
}

static void forged_machine_among_several_changes_is_refused_at_once(void **)
{
    struct ledgerhead_position before = placed();
    struct machine stranger = machine_of(STRANGER, STRANGER);
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    struct rowset rows = taken.rows;
    taken.rows = (struct rowset){ .list = NULL };
    struct ledgerhead_position after = taken.after;
    note_changes();
    put_machine(&stranger);
    tell(&before, STRANGER);
    rowset_add(&rows, &taken.rows.list[0]);
    taking_free(&taken);
    taken = (struct taking_change){ after, rows };
    assert_int_equal(taking_step(&change, &writers[SECOND], &taken), RESULT_DAMAGED);
}

static void gap_in_the_chain_asks_for_all_rows(void **)
{
    struct ledgerhead_position before = placed();
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    before = taken.after;
    note_changes();
    (void)added("fra1", "192.0.2.2");
    tell(&before, FOUNDER);
    assert_int_equal(next(), RESULT_STALE);
}

static void another_past_is_refused(void **)
{
    struct ledgerhead_position before = placed(), other;
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    assert_ok(next());
    assert_ok(registry_commit_beside(&change));
    begin();
    other = before; /* the engine's node was restored, and went on otherwise */
    note_changes();
    (void)added("fra1", "192.0.2.2");
    tell(&other, FOUNDER);
    assert_int_equal(next(), RESULT_DAMAGED);
    assert_int_equal(whole(false), RESULT_DAMAGED);
}

/* All rows as they are in the transaction under way. */
static void tell_all(const struct ledgerhead_position *before, unsigned writer)
{
    struct ledgerrow_digest root;
    taking_free(&taken);
    taken = (struct taking_change){ .after = { 7, before->revision + 1, { 0 } } };
    registry_fleet_free(&fleet);
    store_on_write(txn, NULL, NULL);
    assert_ok(registry_fleet_each(txn, rowset_visit, &taken.rows));
    assert_ok(registry_ledger_build(&change));
    assert_ok(registry_ledger_root(txn, &root));
    agree_head(&taken.after.head, &writers[writer], &before->head, &root, NOW);
    store_abort(txn);
    begin();
}

static void machine_that_joins_believes_vouchers_that_lead_to_the_founder(void **)
{
    const struct ledgerhead_position none = { .head = { .epoch = 1 } };
    struct machine second = machine_of(SECOND, FOUNDER);
    put_machine(&second);
    tell_all(&none, SECOND);
    assert_ok(whole(false));
    /* a stranger that vouches for itself, with the founder's name on it */
    store_abort(txn);
    begin();
    struct machine stranger = machine_of(STRANGER, STRANGER);
    put_machine(&stranger);
    tell_all(&none, STRANGER);
    assert_int_equal(whole(false), RESULT_REFUSED);
    (void)snprintf(stranger.voucher_of, sizeof(stranger.voucher_of), "founder");
    put_machine(&stranger);
    tell_all(&none, STRANGER);
    assert_int_equal(whole(false), RESULT_REFUSED);
}

static void machine_that_knows_of_an_eviction_does_not_believe_its_vouchers(void **)
{
    struct machine second = machine_of(SECOND, FOUNDER), third = machine_of(STRANGER, SECOND);
    second.evicted_at = NOW;
    put_machine(&second);
    struct ledgerhead_position before = placed();
    second.evicted_at = 0;
    put_machine(&second);
    put_machine(&third);
    tell_all(&before, STRANGER);
    assert_int_equal(whole(false), RESULT_REFUSED);
    /* one that does not know it does */
    second.evicted_at = 0;
    store_abort(txn);
    begin();
    put_machine(&second);
    before = placed();
    put_machine(&third);
    tell_all(&before, STRANGER);
    assert_ok(whole(false));
}

static void evicted_founder_is_not_believed_under_another_name(void **)
{
    struct machine founder = machine_of(FOUNDER, FOUNDER), second = machine_of(SECOND, FOUNDER);
    founder.evicted_at = NOW;
    put_machine(&founder);
    put_machine(&second);
    struct ledgerhead_position before = placed();
    founder.evicted_at = 0;
    (void)snprintf(founder.name, sizeof(founder.name), "again");
    (void)snprintf(writers[FOUNDER].name, sizeof(writers[FOUNDER].name), "again");
    machine_vouch(&founder, writers[FOUNDER].ledger, "again", writers[FOUNDER].secret);
    before.head.seq += 10; /* a gap, so that all rows are read */
    for (uint32_t epoch = 1; epoch <= 2; epoch++) {
        assert_ok(registry_remove_machine(&change, "founder"));
        put_machine(&founder);
        before.head.epoch = epoch;
        tell_all(&before, FOUNDER);
        assert_int_equal(whole(true), RESULT_REFUSED);
    }
}

static void ledger_made_anew_from_an_older_copy_waits_for_the_operator(void **)
{
    struct ledgerhead_position before = placed(), older = before;
    struct member member;
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    assert_ok(next());
    assert_ok(registry_commit_beside(&change));
    begin();
    assert_ok(registry_remove(&change, "ams1", NOW));
    older.head.epoch = 2;
    tell_all(&older, FOUNDER);
    assert_int_equal(whole(false), RESULT_REFUSED);
    assert_ok(registry_member(txn, "ams1", &member));
    assert_ok(whole(true));
    assert_int_equal(registry_member(txn, "ams1", &member), RESULT_NOT_FOUND);
}

static void ledger_made_anew_is_taken_by_what_its_first_copy_had_however_far_it_has_gone(void **)
{
    struct ledgerhead_position before = placed(), later = before;
    struct member member;
    (void)added("ams1", "192.0.2.1");
    tell(&before, FOUNDER);
    assert_ok(next());
    assert_ok(registry_commit_beside(&change));
    later.head.epoch = 2;
    later.head.seq = before.head.seq + 50;
    for (uint64_t had = before.head.seq; had <= before.head.seq + 1; had++) {
        begin();
        assert_ok(registry_remove(&change, "ams1", NOW));
        assert_ok(registry_put_began(&change, had));
        tell_all(&later, FOUNDER);
        bool lacks = had == before.head.seq;
        assert_int_equal(whole(false), lacks ? RESULT_REFUSED : RESULT_OK);
        assert_int_equal(registry_member(txn, "ams1", &member),
                         lacks ? RESULT_OK : RESULT_NOT_FOUND);
        assert_int_equal(registry_began_after(txn), lacks ? 0 : had);
        if (lacks) {
            store_abort(txn);
        }
    }
}

static void whole_rows_that_are_not_those_of_the_head_are_refused(void **)
{
    const struct ledgerhead_position none = { .head = { .epoch = 1 } };
    tell_all(&none, FOUNDER);
    struct rowset *rows = &taken.rows;
    size_t count = rows->count;
    rows->list[count - 1].gone = true;
    assert_int_equal(whole(false), RESULT_REFUSED); /* of the founder's own row */
    rows->list[count - 1].gone = false;
    rows->list[0].gone = true;
    assert_int_not_equal(whole(false), RESULT_OK);
    rows->list[0].gone = false;
    assert_ok(whole(false));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_ledger, tear_down_ledger)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(next_change_is_taken_with_its_position_once),
        CASE(change_of_a_stranger_is_refused),
        CASE(change_of_an_edge_or_of_an_evicted_admin_is_refused),
        CASE(rows_that_are_not_those_of_the_head_are_refused),
        CASE(several_changes_are_taken_if_the_root_of_the_last_is_right),
        CASE(forged_machine_among_several_changes_is_refused_at_once),
        CASE(gap_in_the_chain_asks_for_all_rows),
        CASE(another_past_is_refused),
        CASE(machine_that_joins_believes_vouchers_that_lead_to_the_founder),
        CASE(machine_that_knows_of_an_eviction_does_not_believe_its_vouchers),
        CASE(evicted_founder_is_not_believed_under_another_name),
        CASE(ledger_made_anew_from_an_older_copy_waits_for_the_operator),
        CASE(ledger_made_anew_is_taken_by_what_its_first_copy_had_however_far_it_has_gone),
        CASE(whole_rows_that_are_not_those_of_the_head_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
