#include <sodium.h>

#include "tests/unit/unit.h"
#include "zone/ledger/ledgerhead.h"

static uint8_t public[LEDGERHEAD_KEY], secret[LEDGERHEAD_SECRET];

static int make_key(void **)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
    return sodium_init() < 0 ? -1 : crypto_sign_seed_keypair(public, secret, seed);
}

static struct ledgerhead signed_head(uint64_t seq, const struct ledgerhead *previous)
{
    struct ledgerhead head = { .epoch = 1, .seq = seq, .at = 1700000000, .writer = "anna" };
    memset(head.root.octets, (int)seq, sizeof(head.root.octets));
    memset(head.change, 7, sizeof(head.change));
    if (previous != NULL) {
        ledgerhead_digest(previous, &head.previous);
    }
    ledgerhead_sign(&head, "pool.example/registry", secret);
    return head;
}

static bool verifies(const struct ledgerhead *head)
{
    return ledgerhead_verify(head, "pool.example/registry", public);
}

static void a_head_is_read_back_and_verifies(void **)
{
    uint8_t octets[LEDGERHEAD_MAX];
    struct ledgerhead head = signed_head(1, NULL), again;
    size_t len = ledgerhead_encode(&head, octets);
    assert_ok(ledgerhead_decode(&again, (struct octets){ octets, len }));
    assert_string_equal(again.writer, "anna");
    assert_true(again.epoch == 1 && again.seq == 1 && again.at == 1700000000);
    assert_true(verifies(&again));
    assert_int_equal(ledgerhead_relate(&head, &again), LEDGERHEAD_SAME);
}

static void a_head_of_another_ledger_or_signer_does_not_verify(void **)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 2 };
    uint8_t other_public[LEDGERHEAD_KEY], other_secret[LEDGERHEAD_SECRET];
    struct ledgerhead head = signed_head(1, NULL);
    assert_int_equal(crypto_sign_seed_keypair(other_public, other_secret, seed), 0);
    assert_true(verifies(&head));
    assert_false(ledgerhead_verify(&head, "other.example/registry", public));
    assert_false(ledgerhead_verify(&head, "pool.example/registry", other_public));
    ledgerhead_sign(&head, "pool.example/registry", other_secret);
    assert_false(verifies(&head));
}

static void every_truncation_and_flipped_bit_is_refused_or_does_not_verify(void **)
{
    uint8_t octets[LEDGERHEAD_MAX + 1];
    struct ledgerhead head = signed_head(3, NULL), read;
    size_t len = ledgerhead_encode(&head, octets);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(ledgerhead_decode(&read, (struct octets){ octets, cut }), RESULT_OK);
    }
    octets[len] = 0;
    assert_int_equal(ledgerhead_decode(&read, (struct octets){ octets, len + 1 }), RESULT_INVALID);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (ledgerhead_decode(&read, (struct octets){ octets, len }) == RESULT_OK) {
            assert_false(verifies(&read));
        }
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    octets[0] = 2;
    assert_int_equal(ledgerhead_decode(&read, (struct octets){ octets, len }), RESULT_NEWER);
}

static void the_chain_tells_next_gap_step_back_fork_and_new_epoch(void **)
{
    struct ledgerhead none = { .seq = 0 };
    struct ledgerhead first = signed_head(1, NULL), second = signed_head(2, &first);
    struct ledgerhead third = signed_head(3, &second);
    struct ledgerhead other = first, after_other;
    other.change[0]++;
    after_other = signed_head(2, &other);
    assert_int_equal(ledgerhead_relate(&none, &first), LEDGERHEAD_NEXT);
    assert_int_equal(ledgerhead_relate(&none, &second), LEDGERHEAD_AHEAD);
    assert_int_equal(ledgerhead_relate(&first, &second), LEDGERHEAD_NEXT);
    assert_int_equal(ledgerhead_relate(&first, &third), LEDGERHEAD_AHEAD);
    assert_int_equal(ledgerhead_relate(&second, &first), LEDGERHEAD_BEHIND);
    assert_int_equal(ledgerhead_relate(&first, &other), LEDGERHEAD_FORKED);
    assert_int_equal(ledgerhead_relate(&first, &after_other), LEDGERHEAD_FORKED);
    third.epoch = 2;
    assert_int_equal(ledgerhead_relate(&second, &third), LEDGERHEAD_NEW_EPOCH);
    assert_int_equal(ledgerhead_relate(&third, &second), LEDGERHEAD_BEHIND);
}

static void a_position_is_read_back_whole_or_not_at_all(void **)
{
    uint8_t octets[LEDGERHEAD_POSITION_MAX];
    struct ledgerhead_position position = { .cluster = 5, .revision = 1ULL << 40 }, again;
    position.head = signed_head(9, NULL);
    memset(position.head.writer, 'w', LEDGERHEAD_WRITER_ROOM - 1); /* the longest */
    size_t len = ledgerhead_encode_position(&position, octets);
    assert_int_equal(len, LEDGERHEAD_POSITION_MAX);
    assert_ok(ledgerhead_decode_position(&again, (struct octets){ octets, len }));
    assert_true(again.cluster == 5 && again.revision == 1ULL << 40);
    assert_int_equal(ledgerhead_relate(&position.head, &again.head), LEDGERHEAD_SAME);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(ledgerhead_decode_position(&again, (struct octets){ octets, cut }),
                             RESULT_OK);
    }
    octets[0] = 2;
    assert_int_equal(ledgerhead_decode_position(&again, (struct octets){ octets, len }),
                     RESULT_NEWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_back_and_verifies),
        cmocka_unit_test(a_head_of_another_ledger_or_signer_does_not_verify),
        cmocka_unit_test(every_truncation_and_flipped_bit_is_refused_or_does_not_verify),
        cmocka_unit_test(the_chain_tells_next_gap_step_back_fork_and_new_epoch),
        cmocka_unit_test(a_position_is_read_back_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, make_key, NULL);
}
