#include "probe/ntp_sample.h"
#include "tests/unit/unit.h"

/* 2023-11-14 22:13:20 UTC, in Unix microseconds and as an NTP timestamp (RFC 5905 6) */
static const int64_t now_us = 1700000000000000;
static const uint64_t now_ntp = (1700000000ULL + 2208988800ULL) << 32;

static uint64_t ntp_after_us(int64_t us)
{
    int64_t s = us >= 0 ? us / 1000000 : -((-us + 999999) / 1000000);
    int64_t rest = us - s * 1000000;
    return now_ntp + ((uint64_t)s << 32) + (((uint64_t)rest << 32) + 500000) / 1000000;
}

static struct ntp_header header_of(int64_t receive_us, int64_t transmit_us)
{
    return (struct ntp_header){ .version = 4,
                                .mode = 4,
                                .stratum = 2,
                                .receive = ntp_after_us(receive_us),
                                .transmit = ntp_after_us(transmit_us) };
}

static void assert_near(int64_t value, int64_t wanted)
{
    assert_in_range(value - wanted + 2, 0, 4);
}

static void offset_and_rtt_are_those_of_rfc_5905(void **)
{
    const struct {
        int64_t out_us, held_us, back_us, offset_us;
    } rows[] = { { 10000, 50, 10000, 0 },           { 10000, 0, 10000, 7000000 },
                 { 10000, 50, 10000, -7000000 },    { 1, 1, 1, 250000 },
                 { 200000, 1000, 200000, -999999 }, { 10000, 50, 10000, 86400LL * 365 * 1000000 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t received = rows[i].out_us + rows[i].offset_us;
        struct ntp_header header = header_of(received, received + rows[i].held_us);
        struct ntp_sample sample =
            ntp_sample_of(&header, now_us, rows[i].out_us + rows[i].held_us + rows[i].back_us);
        assert_near(sample.offset_us, rows[i].offset_us);
        assert_near(sample.rtt_us, rows[i].out_us + rows[i].back_us);
    }
}

static void uneven_paths_stay_within_half_the_round_trip(void **)
{
    /* all the delay is on the way back: the offset is -50 ms, all of it explained by the delay */
    struct ntp_header header = header_of(0, 0);
    struct ntp_sample sample = ntp_sample_of(&header, now_us, 100000);
    assert_near(sample.offset_us, -50000);
    assert_true(ntp_sample_error_us(&sample) <= 2);
}

static void impossible_holding_time_is_not_believed(void **)
{
    struct ntp_header header = header_of(0, 5000000);
    assert_int_equal(ntp_sample_of(&header, now_us, 1000).rtt_us, 1000);
    header = header_of(5000000, 0);
    assert_int_equal(ntp_sample_of(&header, now_us, 1000).rtt_us, 1000);
}

static void any_timestamps_are_survived(void **)
{
    const uint64_t odd[] = { 0, 1, UINT64_MAX, 1ULL << 63, (1ULL << 63) - 1, now_ntp };
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 6; k++) {
            struct ntp_header header = { .receive = odd[i],
                                         .transmit = odd[k],
                                         .root_delay = UINT32_MAX,
                                         .root_dispersion = UINT32_MAX };
            struct ntp_sample sample = ntp_sample_of(&header, now_us, 3000000);
            assert_true(sample.rtt_us <= 3000000);
            assert_true(ntp_sample_error_us(&sample) < 1ULL << 62);
        }
    }
}

static enum failure judge(uint8_t leap, uint8_t stratum, int64_t offset_us)
{
    struct ntp_header header = header_of(offset_us, offset_us);
    char detail[NTS_DETAIL_ROOM] = "";
    header.leap = leap;
    header.stratum = stratum;
    struct ntp_sample sample = ntp_sample_of(&header, now_us, 0);
    enum failure failure = ntp_sample_judge(&sample, &header, detail);
    assert_true(failure == FAILURE_NONE || detail[0] != '\0');
    return failure;
}

static void unsynchronised_server_fails(void **)
{
    assert_int_equal(judge(3, 2, 0), FAILURE_UNSYNCHRONISED);
    assert_int_equal(judge(3, 0, 0), FAILURE_UNSYNCHRONISED);
    for (uint8_t leap = 0; leap < 3; leap++) {
        assert_int_equal(judge(leap, 2, 0), FAILURE_NONE);
    }
}

static void stratum_must_be_1_to_15(void **)
{
    for (unsigned stratum = 0; stratum < 256; stratum++) {
        enum failure wanted = stratum >= 1 && stratum <= 15 ? FAILURE_NONE : FAILURE_STRATUM;
        assert_int_equal(judge(0, (uint8_t)stratum, 0), wanted);
    }
}

static void stratum_0_with_letters_is_a_kiss_code(void **)
{
    struct ntp_header header = header_of(0, 0);
    char detail[NTS_DETAIL_ROOM];
    header.stratum = 0;
    memcpy(header.refid, "INIT", 4);
    struct ntp_sample sample = ntp_sample_of(&header, now_us, 0);
    assert_int_equal(ntp_sample_judge(&sample, &header, detail), FAILURE_NTP_KOD);
    assert_string_equal(detail, "kiss code INIT");
    memcpy(header.refid, "\033[2J", 4);
    assert_int_equal(ntp_sample_judge(&sample, &header, detail), FAILURE_STRATUM);
}

static void offset_fails_over_750_ms(void **)
{
    assert_int_equal(judge(0, 2, 749000), FAILURE_NONE);
    assert_int_equal(judge(0, 2, -749000), FAILURE_NONE);
    assert_int_equal(judge(0, 2, 751000), FAILURE_OFFSET);
    assert_int_equal(judge(0, 2, 7000000), FAILURE_OFFSET);
    assert_int_equal(judge(0, 2, -7000000), FAILURE_OFFSET);
}

static void root_distance_fails_from_a_second_and_a_half(void **)
{
    char detail[NTS_DETAIL_ROOM];
    const struct {
        uint32_t delay, dispersion; /* 16.16 */
        enum failure failure;
    } rows[] = { { 0x10000, 0xffff, FAILURE_NONE },
                 { 0x10000, 0x10000, FAILURE_ROOT_DISTANCE },
                 { 0, 0x18000, FAILURE_ROOT_DISTANCE },
                 { UINT32_MAX, UINT32_MAX, FAILURE_ROOT_DISTANCE } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ntp_header header = header_of(0, 0);
        header.root_delay = rows[i].delay;
        header.root_dispersion = rows[i].dispersion;
        struct ntp_sample sample = ntp_sample_of(&header, now_us, 0);
        assert_int_equal(ntp_sample_judge(&sample, &header, detail), rows[i].failure);
    }
}

static void transmit_time_0_fails(void **)
{
    char detail[NTS_DETAIL_ROOM];
    struct ntp_header header = header_of(0, 0);
    header.transmit = 0;
    struct ntp_sample sample = ntp_sample_of(&header, now_us, 0);
    assert_int_equal(ntp_sample_judge(&sample, &header, detail), FAILURE_TRANSMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offset_and_rtt_are_those_of_rfc_5905),
        cmocka_unit_test(uneven_paths_stay_within_half_the_round_trip),
        cmocka_unit_test(impossible_holding_time_is_not_believed),
        cmocka_unit_test(any_timestamps_are_survived),
        cmocka_unit_test(unsynchronised_server_fails),
        cmocka_unit_test(stratum_must_be_1_to_15),
        cmocka_unit_test(stratum_0_with_letters_is_a_kiss_code),
        cmocka_unit_test(offset_fails_over_750_ms),
        cmocka_unit_test(root_distance_fails_from_a_second_and_a_half),
        cmocka_unit_test(transmit_time_0_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
