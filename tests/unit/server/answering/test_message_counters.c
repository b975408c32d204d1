#include "server/answering/message_counters.h"
#include "tests/unit/unit.h"

static struct message_counters counters;

static int clear(void **)
{
    memset(&counters, 0, sizeof(counters));
    return 0;
}

static void sum(uint64_t sums[MESSAGES_ALL])
{
    memset(sums, 0, MESSAGES_ALL * sizeof(sums[0]));
    message_sum(sums, &counters);
}

/* Every type counts under its own text or under "other", with and without DO. */
static void each_type_has_its_place(void **)
{
    static const struct {
        uint16_t qtype;
        const char *text;
    } known[] = { { RR_A, "A" },     { RR_AAAA, "AAAA" },     { RR_SRV, "SRV" },
                  { RR_NS, "NS" },   { RR_SOA, "SOA" },       { RR_TXT, "TXT" },
                  { RR_CAA, "CAA" }, { RR_DS, "DS" },         { 65, "HTTPS" },
                  { 255, "other" },  { RR_DNSKEY, "DNSKEY" }, { 65535, "other" },
                  { 0, "other" },    { 258, "other" } };
    uint64_t sums[MESSAGES_ALL];
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct query query = { .qtype = known[i].qtype };
        unsigned kind = (unsigned)i % ANSWER_KINDS, place = 0;
        (void)clear(NULL);
        message_count_question(&counters, kind, &query);
        query.dnssec_ok = true;
        message_count_question(&counters, kind, &query);
        while (strcmp(message_qtype_text(place), known[i].text) != 0) {
            place++;
            assert_true(place < MESSAGE_QTYPES);
        }
        sum(sums);
        assert_int_equal(message_questions(sums, kind, place), 2);
    }
}

/* The bounds of the sizes are powers of two, as the histogram shows them. */
static void each_length_is_in_one_group_under_its_bound(void **)
{
    uint64_t sums[MESSAGES_ALL];
    for (size_t len = 1; len <= 65535; len++) {
        (void)clear(NULL);
        message_count_response(&counters, RCODE_BADCOOKIE, len);
        sum(sums);
        assert_int_equal(message_rcode(sums, RCODE_BADCOOKIE), 1);
        for (unsigned group = 0; group < MESSAGE_SIZES; group++) {
            size_t above = group == 0 ? 0 : (size_t)1 << (MESSAGE_SIZE_MIN_BITS + group - 1);
            size_t bound =
                group + 1 < MESSAGE_SIZES ? (size_t)1 << (MESSAGE_SIZE_MIN_BITS + group) : 65535;
            bool here = sums[MESSAGES_RESPONSES + RCODE_BADCOOKIE * MESSAGE_SIZES + group] == 1;
            assert_true(here == (len > above && len <= bound));
        }
    }
}

static void batches_are_grouped_by_their_duration(void **)
{
    uint64_t sums[MESSAGES_ALL];
    message_count_batch(&counters, 0);
    message_count_batch(&counters, 10000);
    message_count_batch(&counters, 10001);
    message_count_batch(&counters, 100000000);
    message_count_batch(&counters, UINT64_C(5000000000));
    sum(sums);
    assert_int_equal(sums[MESSAGES_DURATIONS], 2);
    assert_int_equal(sums[MESSAGES_DURATIONS + 1], 1);
    assert_int_equal(sums[MESSAGES_DURATIONS + 4], 1);
    assert_int_equal(sums[MESSAGES_DURATIONS + 5], 1);
    assert_int_equal(sums[MESSAGES_DURATION_NS], 5100020001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_type_has_its_place, clear),
        cmocka_unit_test_setup(each_length_is_in_one_group_under_its_bound, clear),
        cmocka_unit_test_setup(batches_are_grouped_by_their_duration, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
