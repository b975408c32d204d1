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
        assert_int_equal(message_questions(sums, kind, false, place), 1);
        assert_int_equal(message_questions(sums, kind, true, place), 1);
    }
}

static void each_length_counts_once_and_below_its_bound(void **)
{
    static const size_t bounds[] = { 0, 128, 256, 512, 1024, 1280, 4096, 8064, SIZE_MAX };
    uint64_t sums[MESSAGES_ALL];
    for (size_t len = 1; len <= 65535; len++) {
        (void)clear(NULL);
        message_count_response(&counters, RCODE_BADCOOKIE, len);
        sum(sums);
        assert_int_equal(message_rcode(sums, RCODE_BADCOOKIE), 1);
        assert_int_equal(message_rcode(sums, RCODE_NOERROR), 0);
        for (size_t i = 1; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
            assert_int_equal(message_sizes(sums, bounds[i - 1], bounds[i]),
                             len > bounds[i - 1] && len <= bounds[i]);
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
        cmocka_unit_test_setup(each_length_counts_once_and_below_its_bound, clear),
        cmocka_unit_test_setup(batches_are_grouped_by_their_duration, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
