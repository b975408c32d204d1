#include <sodium.h>

#include "tests/unit/registry_fixture.h"
#include "zone/fleet/letters.h"
#include "zone/registry/machine.h"

#define LEDGER "pool.test/0123"

enum {
    ADMIN,
    EDGE,
    VANTAGE,
    EVICTED,
    STRANGER, /* has a key, but no row */
    MACHINES
};

static const char *const names[MACHINES] = { "hq", "ams1", "tokyo", "old1", "nobody" };
static uint8_t publics[MACHINES][LETTER_KEY], secrets[MACHINES][LETTER_SECRET];
static struct store *fleet;
static struct store_txn *letters; /* a write transaction on it */

static int set_up_fleet(void **state)
{
    static const enum machine_role roles[MACHINES] = { MACHINE_ADMIN, MACHINE_EDGE, MACHINE_VANTAGE,
                                                       MACHINE_EDGE };
    if (sodium_init() < 0 || set_up(state) != 0) {
        return -1;
    }
    for (unsigned i = 0; i < MACHINES; i++) {
        assert_int_equal(crypto_sign_keypair(publics[i], secrets[i]), 0);
    }
    for (unsigned i = 0; i < STRANGER; i++) {
        struct machine machine = { .role = roles[i],
                                   .added_at = NOW,
                                   .evicted_at = i == EVICTED ? NOW : 0 };
        (void)snprintf(machine.name, sizeof(machine.name), "%s", names[i]);
        memcpy(machine.key, publics[i], LETTER_KEY);
        machine_vouch(&machine, LEDGER, names[ADMIN], secrets[ADMIN]);
        assert_ok(registry_put_machine(at(NOW), &machine));
    }
    assert_ok(store_create(dir, STORE_FLEET, &diag));
    assert_ok(store_open(&fleet, dir, STORE_FLEET, true, &diag));
    assert_ok(store_write(fleet, &letters, &diag));
    return 0;
}

static int tear_down_fleet(void **state)
{
    store_abort(letters);
    store_close(fleet);
    return tear_down(state);
}

static uint8_t octets[LETTER_MAX], text[LETTER_TEXT_MAX];
static size_t text_len = 4;

/* Seals what machine `who` writes, and takes it in under `key`; NULL: the right one. */
static enum result take_at(unsigned who, enum letter_kind kind, const char *subject,
                           uint64_t number, const char *key)
{
    struct letter letter = {
        .kind = kind, .number = number, .made_at = NOW, .text = { text, text_len }
    };
    char place[LETTER_KEY_ROOM];
    (void)snprintf(letter.machine, sizeof(letter.machine), "%s", names[who]);
    (void)snprintf(letter.subject, sizeof(letter.subject), "%s", subject);
    key = key != NULL ? key : letter_key(&letter, place);
    size_t len = letter_seal(&letter, LEDGER, secrets[who], octets);
    return letters_take(letters, txn, LEDGER, (struct octets){ (const uint8_t *)key, strlen(key) },
                        (struct octets){ octets, len }, &diag);
}

static enum result take(unsigned who, enum letter_kind kind, const char *subject, uint64_t number)
{
    return take_at(who, kind, subject, number, NULL);
}

static uint64_t kept(unsigned who, enum letter_kind kind, const char *subject)
{
    static uint8_t buffer[LETTER_MAX];
    struct letter letter;
    return letters_get(letters, kind, names[who], subject, buffer, &letter) == RESULT_OK
               ? letter.number
               : 0;
}

static void a_letter_is_kept_and_only_a_later_one_replaces_it(void **)
{
    assert_ok(take(EDGE, LETTER_HELLO, "", 5));
    assert_int_equal(kept(EDGE, LETTER_HELLO, ""), 5);
    assert_int_equal(take(EDGE, LETTER_HELLO, "", 5), RESULT_EXISTS);
    assert_int_equal(take(EDGE, LETTER_HELLO, "", 4), RESULT_EXISTS);
    assert_ok(take(EDGE, LETTER_HELLO, "", 9));
    assert_int_equal(kept(EDGE, LETTER_HELLO, ""), 9);
    assert_ok(take(EDGE, LETTER_ANSWERS, "3", 1)); /* another place has numbers of its own */
    assert_ok(take(EDGE, LETTER_ANSWERS, "4", 1));
}

static void strangers_evicted_machines_and_wrong_signatures_are_refused(void **)
{
    assert_int_equal(take(STRANGER, LETTER_HELLO, "", 1), RESULT_REFUSED);
    assert_int_equal(take(EVICTED, LETTER_HELLO, "", 1), RESULT_REFUSED);
    memcpy(secrets[EDGE], secrets[STRANGER], LETTER_SECRET);
    assert_int_equal(take(EDGE, LETTER_HELLO, "", 1), RESULT_REFUSED);
    assert_int_equal(kept(EDGE, LETTER_HELLO, ""), 0);
}

static void a_letter_that_the_engine_has_elsewhere_is_refused(void **)
{
    assert_int_equal(take_at(EDGE, LETTER_ANSWERS, "3", 1, "e/ams1/answers/4"), RESULT_REFUSED);
    assert_int_equal(take_at(EDGE, LETTER_HELLO, "", 1, "e/hq/hello"), RESULT_REFUSED);
    assert_int_equal(take_at(EDGE, LETTER_HELLO, "", 1, "e/ams1/hell"), RESULT_REFUSED);
    assert_int_equal(take_at(EDGE, LETTER_HELLO, "", 1, ""), RESULT_REFUSED);
}

static void each_role_says_what_it_may(void **)
{
    assert_ok(take(VANTAGE, LETTER_HELLO, "", 1));
    assert_int_equal(take(VANTAGE, LETTER_DEMAND, "", 1), RESULT_REFUSED);
    assert_int_equal(take(VANTAGE, LETTER_ANSWERS, "1", 1), RESULT_REFUSED);
    assert_int_equal(take(EDGE, LETTER_PACKAGE, "ams1", 1), RESULT_REFUSED);
    assert_ok(take(ADMIN, LETTER_PACKAGE, "ams1", 1));
}

static void what_could_fill_the_store_is_refused(void **)
{
    static const char *const subjects[] = { "60", "00", "x", "", "-1" };
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        const char *key = *subjects[i] != '\0' ? NULL : "e/ams1/answers/";
        assert_int_equal(take_at(EDGE, LETTER_ANSWERS, subjects[i], 1, key), RESULT_INVALID);
    }
    assert_int_equal(take(EDGE, LETTER_HELLO, "more", 1), RESULT_INVALID);
    text_len = LETTERS_TEXT_MAX + 1;
    assert_int_equal(take(EDGE, LETTER_DEMAND, "", 1), RESULT_INVALID);
    assert_ok(take(ADMIN, LETTER_PACKAGE, "ams1", 1));
    text_len = LETTERS_TEXT_MAX;
    assert_ok(take(EDGE, LETTER_DEMAND, "", 1));
    text_len = LETTERS_ANSWERS_MAX + 1;
    assert_int_equal(take(EDGE, LETTER_ANSWERS, "3", 1), RESULT_INVALID);
    text_len = LETTERS_ANSWERS_MAX; /* of a pool with 100,000 members */
    assert_ok(take(EDGE, LETTER_ANSWERS, "3", 1));
    text_len = 4;
}

static void what_is_no_letter_is_refused(void **)
{
    struct octets key = { (const uint8_t *)"e/ams1/hello", 12 };
    assert_int_equal(letters_take(letters, txn, LEDGER, key, (struct octets){ key.data, 0 }, &diag),
                     RESULT_INVALID);
    assert_int_equal(letters_take(letters, txn, LEDGER, key, key, &diag), RESULT_NEWER);
}

static enum result collect(const struct letter *letter, void *arg)
{
    char *list = arg, place[LETTER_PLACE_ROOM];
    (void)snprintf(list + strlen(list), 256 - strlen(list), "%s ", letter_place(letter, place));
    return RESULT_OK;
}

static bool is_ams1(const char *machine, void *)
{
    return strcmp(machine, "ams1") == 0;
}

static void letters_of_a_kind_are_visited_and_those_of_others_purged(void **)
{
    char list[256] = "";
    assert_ok(take(EDGE, LETTER_HELLO, "", 1));
    assert_ok(take(EDGE, LETTER_ANSWERS, "3", 1));
    assert_ok(take(EDGE, LETTER_ANSWERS, "59", 1));
    assert_ok(take(ADMIN, LETTER_ANSWERS, "3", 1));
    assert_ok(take(ADMIN, LETTER_DEMAND, "", 1));
    assert_ok(letters_each(letters, LETTER_ANSWERS, collect, list));
    assert_string_equal(list, "a/ams1/3 a/ams1/59 a/hq/3 ");
    assert_ok(letters_purge(letters, is_ams1, NULL));
    assert_int_equal(store_count(letters, TABLE_PEERS), 3);
    assert_int_equal(kept(ADMIN, LETTER_DEMAND, ""), 0);
    assert_int_equal(kept(EDGE, LETTER_HELLO, ""), 1);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up_fleet, tear_down_fleet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_letter_is_kept_and_only_a_later_one_replaces_it),
        FRESH(strangers_evicted_machines_and_wrong_signatures_are_refused),
        FRESH(a_letter_that_the_engine_has_elsewhere_is_refused),
        FRESH(each_role_says_what_it_may),
        FRESH(what_could_fill_the_store_is_refused),
        FRESH(what_is_no_letter_is_refused),
        FRESH(letters_of_a_kind_are_visited_and_those_of_others_purged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
