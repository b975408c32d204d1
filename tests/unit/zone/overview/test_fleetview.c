#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/unit/registry_fixture.h"
#include "zone/fleet/letters.h"
#include "zone/overview/fleetview.h"

#define LEDGER "pool.test/0123"

static struct store *fleet;
static struct store_txn *feed; /* a write transaction on it */
static struct concerns concerns;
static struct fleetview view;
static uint8_t public[LETTER_KEY], secret[LETTER_SECRET];

static void add_machine(const char *name, uint64_t evicted_at)
{
    struct machine machine = { .role = MACHINE_EDGE, .added_at = NOW, .evicted_at = evicted_at };
    (void)snprintf(machine.name, sizeof(machine.name), "%s", name);
    assert_int_equal(crypto_sign_keypair(public, secret), 0);
    memcpy(machine.key, public, LETTER_KEY);
    machine_vouch(&machine, LEDGER, name, secret);
    assert_ok(registry_put_machine(at(NOW), &machine));
}

/* The machine that was added last. */
static void say_hello(const char *name, uint64_t seq, uint64_t made_at)
{
    static uint8_t octets[LETTER_MAX];
    uint8_t text[HELLO_MAX];
    char key[LETTER_KEY_ROOM];
    const struct hello hello = { .version = "1.0", .epoch = 1, .seq = seq, .answers = true };
    struct letter letter = { .kind = LETTER_HELLO, .number = 1, .made_at = made_at };
    (void)snprintf(letter.machine, sizeof(letter.machine), "%s", name);
    letter.text = (struct octets){ text, hello_encode(&hello, text) };
    size_t len = letter_seal(&letter, LEDGER, secret, octets);
    (void)letter_key(&letter, key);
    assert_ok(letters_take(feed, txn, LEDGER, (struct octets){ (const uint8_t *)key, strlen(key) },
                           (struct octets){ octets, len }, &diag));
}

static int set_up_fleet(void **state)
{
    if (sodium_init() < 0 || set_up(state) != 0) {
        return -1;
    }
    assert_ok(store_create(dir, STORE_FLEET, &diag));
    assert_ok(store_open(&fleet, dir, STORE_FLEET, true, &diag));
    assert_ok(store_write(fleet, &feed, &diag));
    add_machine("ams1", 0);
    say_hello("ams1", 7, NOW - HELLO_SILENT_S);
    add_machine("fra1", 0);
    say_hello("fra1", 9, NOW - HELLO_SILENT_S - 1);
    add_machine("new1", 0);
    add_machine("old1", NOW);
    return 0;
}

static int tear_down_fleet(void **state)
{
    store_abort(feed);
    store_close(fleet);
    return tear_down(state);
}

static const char *machine_dir(void)
{
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/" FLEETVIEW_MACHINE, dir);
    return path;
}

static void note(enum feedstate_trouble trouble)
{
    (void)mkdir(machine_dir(), 0700);
    const struct feedstate state = { .at = NOW,
                                     .trouble = trouble,
                                     .since = NOW - 60,
                                     .why = "for a reason",
                                     .epoch = 1,
                                     .seq = 9 };
    assert_ok(feedstate_put(feed, &state));
    concerns = (struct concerns){ 0 };
    assert_ok(fleetview_read(&view, dir, feed, txn));
}

static void a_machine_in_no_fleet_has_nothing_to_show(void **)
{
    concerns = (struct concerns){ 0 };
    assert_ok(fleetview_read(&view, dir, NULL, txn));
    assert_false(view.is_in_fleet);
    fleetview_warn(&view, NOW, &concerns);
    assert_ok(fleetview_read(&view, dir, feed, txn));
    assert_false(view.is_in_fleet);
    fleetview_warn(&view, NOW, &concerns);
    assert_int_equal(concerns.count, 0);
}

static void machines_are_shown_with_their_last_word_and_lag(void **)
{
    note(FEEDSTATE_FINE);
    assert_true(view.is_in_fleet);
    assert_int_equal(view.count, 3); /* not the one that is evicted */
    assert_string_equal(view.machines[0].name, "ams1");
    assert_int_equal(view.machines[0].lag, 2);
    assert_true(view.machines[0].answers);
    assert_string_equal(view.machines[1].name, "fra1");
    assert_int_equal(view.machines[1].lag, 0);
    assert_string_equal(view.machines[2].name, "new1");
    assert_int_equal(view.machines[2].said_at, 0);
}

static void what_was_said_before_it_left_is_nothing_to_show(void **)
{
    note(FEEDSTATE_AWAY);
    assert_int_equal(rmdir(machine_dir()), 0);
    assert_ok(fleetview_read(&view, dir, feed, txn));
    assert_false(view.is_in_fleet);
    fleetview_warn(&view, NOW, &concerns);
    assert_int_equal(concerns.count, 0);
}

static void a_feed_that_does_not_run_is_the_one_warning(void **)
{
    note(FEEDSTATE_AWAY);
    fleetview_warn(&view, NOW, &concerns);
    assert_int_equal(concerns.count, 1);
    assert_int_equal(concerns.list[0].id, CONCERN_FEED_DOWN);
}

/* `count` is with the machine that is silent, if this one would hear it. */
static void assert_warns(enum feedstate_trouble trouble, enum concern_id id, size_t count)
{
    note(trouble);
    view.feeds = true;
    fleetview_warn(&view, NOW, &concerns);
    assert_int_equal(concerns.count, count);
    assert_int_equal(concerns.list[0].id, id);
    assert_int_equal(concerns.list[0].since, NOW - 60);
}

static void each_trouble_of_the_feed_has_its_warning(void **)
{
    assert_warns(FEEDSTATE_AWAY, CONCERN_FLEET_AWAY, 1);
    assert_warns(FEEDSTATE_REFUSED, CONCERN_FLEET_REFUSES, 1);
    assert_warns(FEEDSTATE_FORKED, CONCERN_FLEET_FORKED, 2);
    assert_warns(FEEDSTATE_NEWER, CONCERN_FLEET_NEWER, 2);
    assert_warns(FEEDSTATE_BEHIND, CONCERN_FLEET_BEHIND, 2);
}

static void a_feed_that_runs_and_notes_nothing_is_told(void **)
{
    note(FEEDSTATE_FINE);
    view.feeds = true;
    fleetview_warn(&view, NOW + FLEETVIEW_MUTE_S, &concerns);
    assert_int_equal(concerns.list[0].id, CONCERN_MACHINE_SILENT);
    concerns = (struct concerns){ 0 };
    fleetview_warn(&view, NOW + FLEETVIEW_MUTE_S + 1, &concerns);
    assert_int_equal(concerns.count, 1);
    assert_int_equal(concerns.list[0].id, CONCERN_FLEET_BEHIND);
    assert_int_equal(concerns.list[0].since, NOW);
}

static void a_machine_is_silent_after_three_minutes(void **)
{
    note(FEEDSTATE_FINE);
    view.feeds = true;
    fleetview_warn(&view, NOW, &concerns);
    assert_int_equal(concerns.count, 1); /* one that was added and never came is no trouble */
    assert_int_equal(concerns.list[0].id, CONCERN_MACHINE_SILENT);
    assert_string_equal(concerns.list[0].subject, "fra1");
    concerns = (struct concerns){ 0 };
    fleetview_warn(&view, NOW + 1, &concerns);
    assert_int_equal(concerns.count, 2);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up_fleet, tear_down_fleet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_machine_in_no_fleet_has_nothing_to_show),
        FRESH(machines_are_shown_with_their_last_word_and_lag),
        FRESH(what_was_said_before_it_left_is_nothing_to_show),
        FRESH(a_feed_that_does_not_run_is_the_one_warning),
        FRESH(each_trouble_of_the_feed_has_its_warning),
        FRESH(a_feed_that_runs_and_notes_nothing_is_told),
        FRESH(a_machine_is_silent_after_three_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
