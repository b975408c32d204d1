#include <sodium.h>

#include "tests/unit/unit.h"
#include "zone/fleet/letter.h"

#define LEDGER "pool.example/0123"

static uint8_t public[LETTER_KEY], secret[LETTER_SECRET];

static int make_key(void **)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
    return sodium_init() < 0 ? -1 : crypto_sign_seed_keypair(public, secret, seed);
}

static struct letter sample(void)
{
    return (struct letter){ .kind = LETTER_ANSWERS,
                            .machine = "ams1",
                            .subject = "59",
                            .number = 1ULL << 41,
                            .made_at = 1700000000,
                            .text = { (const uint8_t *)"counts", 6 } };
}

static void a_letter_is_read_back_and_opens(void **)
{
    static uint8_t octets[LETTER_MAX];
    char place[LETTER_PLACE_ROOM];
    struct letter letter = sample(), again;
    size_t len = letter_seal(&letter, LEDGER, secret, octets);
    assert_ok(letter_open(&again, (struct octets){ octets, len }, LEDGER, public));
    assert_int_equal(again.kind, LETTER_ANSWERS);
    assert_string_equal(again.machine, "ams1");
    assert_string_equal(again.subject, "59");
    assert_true(again.number == 1ULL << 41 && again.made_at == 1700000000);
    assert_int_equal(again.text.len, 6);
    assert_memory_equal(again.text.data, "counts", 6);
    assert_string_equal(letter_place(&again, place), "a/ams1/59");
    again.subject[0] = '\0';
    assert_string_equal(letter_place(&again, place), "a/ams1");
}

static void each_kind_has_its_key(void **)
{
    static const struct {
        enum letter_kind kind;
        const char *key;
    } rows[] = { { LETTER_HELLO, "e/ams1/hello" },
                 { LETTER_DEMAND, "e/ams1/demand" },
                 { LETTER_ANSWERS, "e/ams1/answers/59" },
                 { LETTER_ACK, "a/ams1" },
                 { LETTER_PACKAGE, "k/59" } };
    char key[LETTER_KEY_ROOM];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct letter letter = sample();
        letter.kind = rows[i].kind;
        assert_string_equal(letter_key(&letter, key), rows[i].key);
    }
}

static void a_letter_for_another_ledger_or_of_another_key_is_refused(void **)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 2 };
    static uint8_t octets[LETTER_MAX];
    uint8_t other_public[LETTER_KEY], other_secret[LETTER_SECRET];
    struct letter letter = sample(), again;
    assert_int_equal(crypto_sign_seed_keypair(other_public, other_secret, seed), 0);
    struct octets sealed = { octets, letter_seal(&letter, LEDGER, secret, octets) };
    assert_int_equal(letter_open(&again, sealed, "pool.example/4567", public), RESULT_REFUSED);
    assert_int_equal(letter_open(&again, sealed, LEDGER, other_public), RESULT_REFUSED);
    sealed.len = letter_seal(&letter, LEDGER, other_secret, octets);
    assert_int_equal(letter_open(&again, sealed, LEDGER, public), RESULT_REFUSED);
}

static void every_truncation_and_flipped_bit_is_refused(void **)
{
    static uint8_t octets[LETTER_MAX + 1];
    struct letter letter = sample(), again;
    size_t len = letter_seal(&letter, LEDGER, secret, octets);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(letter_read(&again, (struct octets){ octets, cut }), RESULT_OK);
    }
    assert_int_equal(letter_read(&again, (struct octets){ octets, len + 1 }), RESULT_INVALID);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(letter_open(&again, (struct octets){ octets, len }, LEDGER, public),
                             RESULT_OK);
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    octets[0] = 2;
    assert_int_equal(letter_read(&again, (struct octets){ octets, len }), RESULT_NEWER);
    octets[0] = 1;
    octets[1] = 'z';
    assert_int_equal(letter_read(&again, (struct octets){ octets, len }), RESULT_NEWER);
}

static void names_that_could_be_another_place_are_refused(void **)
{
    static const char *const bad[] = { "a/b", "a b", "\x7f", "\xc3\xa4" };
    static uint8_t octets[LETTER_MAX];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct letter letter = sample(), again;
        size_t room = strlen(bad[i]);
        memset(letter.subject, 'x', room);
        letter.subject[room] = '\0';
        size_t len = letter_seal(&letter, LEDGER, secret, octets);
        assert_ok(letter_read(&again, (struct octets){ octets, len }));
        memcpy(octets + 2 + 2 + strlen(letter.machine) + 2, bad[i], room);
        assert_int_equal(letter_read(&again, (struct octets){ octets, len }), RESULT_INVALID);
    }
}

static void the_longest_letter_fits(void **)
{
    static uint8_t octets[LETTER_MAX], text[LETTER_TEXT_MAX];
    struct letter letter = sample(), again;
    memset(letter.machine, 'm', LETTER_NAME_ROOM - 1);
    memset(letter.subject, 's', LETTER_NAME_ROOM - 1);
    letter.text = (struct octets){ text, sizeof(text) };
    size_t len = letter_seal(&letter, LEDGER, secret, octets);
    assert_int_equal(len, LETTER_MAX);
    assert_ok(letter_open(&again, (struct octets){ octets, len }, LEDGER, public));
}

static void numbers_rise_also_when_the_clock_does_not(void **)
{
    uint64_t first = letter_number(0), ahead = first + 1000000000;
    assert_true(first > 1600000000000);
    assert_int_equal(letter_number(ahead), ahead + 1);
    assert_true(letter_number(first) > first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_is_read_back_and_opens),
        cmocka_unit_test(each_kind_has_its_key),
        cmocka_unit_test(a_letter_for_another_ledger_or_of_another_key_is_refused),
        cmocka_unit_test(every_truncation_and_flipped_bit_is_refused),
        cmocka_unit_test(names_that_could_be_another_place_are_refused),
        cmocka_unit_test(the_longest_letter_fits),
        cmocka_unit_test(numbers_rise_also_when_the_clock_does_not),
    };
    return cmocka_run_group_tests(tests, make_key, NULL);
}
