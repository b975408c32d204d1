/* Letters about traffic, as a machine of a fleet keeps them, for tests of their readers. */
#ifndef TESTS_UNIT_PEER_LETTERS_H
#define TESTS_UNIT_PEER_LETTERS_H

#include <sodium.h>

#include "tests/unit/unit.h"
#include "zone/fleet/letters.h"
#include "zone/steering/tally.h"

/* Puts a letter into the store, whoever may say such a thing. */
static inline void peer_letters_put(struct store *fleet, const struct letter *letter)
{
    static uint8_t octets[LETTER_MAX];
    uint8_t open[LETTER_KEY], secret[LETTER_SECRET], seed[crypto_sign_SEEDBYTES] = { 1 };
    char place[LETTER_PLACE_ROOM];
    struct store_txn *txn = NULL;
    struct diag diag;
    assert_true(sodium_init() >= 0);
    assert_int_equal(crypto_sign_seed_keypair(open, secret, seed), 0);
    size_t len = letter_seal(letter, "pool.test/0123", secret, octets);
    (void)letter_place(letter, place);
    assert_ok(store_write(fleet, &txn, &diag));
    assert_ok(store_put(txn, TABLE_PEERS, place, strlen(place), octets, len));
    assert_ok(store_commit(txn, &diag));
}

/* The machine was asked for so much from one country. */
static inline void peer_letters_demand(struct store *fleet, const char *machine,
                                       const char *country, double queries, uint64_t now)
{
    uint8_t text[TALLY_DEMAND_MAX];
    struct traffic_cell cell = { .queries = queries, .at = now };
    const struct traffic traffic = { .cells = &cell, .cell_count = 1 };
    struct letter letter = { .kind = LETTER_DEMAND, .number = now, .made_at = now };
    (void)snprintf(letter.machine, sizeof(letter.machine), "%s", machine);
    (void)snprintf(cell.country, sizeof(cell.country), "%s", country);
    letter.text = (struct octets){ text, tally_write_demand(text, &traffic, now) };
    peer_letters_put(fleet, &letter);
}

/* The machine gave one member so many answers in the last full hour. */
static inline void peer_letters_answers(struct store *fleet, const char *machine,
                                        uint64_t member_id, uint64_t answers, uint64_t now)
{
    static uint8_t text[TALLY_ANSWERS_MAX];
    const struct traffic_count count = { member_id, answers };
    const unsigned slice = (unsigned)(member_id % TALLY_SLICES);
    struct traffic traffic = { 0 };
    struct letter letter = { .kind = LETTER_ANSWERS, .number = now, .made_at = now };
    traffic_add_answers(&traffic, &count, 1, now - 3600);
    (void)snprintf(letter.machine, sizeof(letter.machine), "%s", machine);
    (void)tally_slice_name(slice, letter.subject);
    letter.text = (struct octets){ text, tally_write_answers(text, &traffic, slice, now) };
    peer_letters_put(fleet, &letter);
    traffic_done(&traffic);
}

#endif
