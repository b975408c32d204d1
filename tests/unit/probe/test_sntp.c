#include "probe/sntp.h"
#include "tests/unit/unit.h"

static const uint8_t transmit[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* Leap 0, version 4, mode 4, stratum 2, root delay 1 s, our transmit timestamp as origin, receive
 * and transmit set. */
static void answer(uint8_t out[SNTP_LEN])
{
    memset(out, 0, SNTP_LEN);
    out[0] = 0x24;
    out[1] = 2;
    out[5] = 1;
    memcpy(out + 24, transmit, 8);
    out[32] = 0xee;
    out[40] = 0xef;
}

static bool fits(const uint8_t *data, size_t len)
{
    struct ntp_header header;
    return sntp_parse(&header, data, len, transmit);
}

static void request_reveals_only_version_and_mode(void **)
{
    uint8_t packet[SNTP_LEN];
    sntp_request(packet, transmit);
    assert_int_equal(packet[0], 0x23);
    for (unsigned i = 1; i < 40; i++) {
        assert_int_equal(packet[i], 0);
    }
    assert_memory_equal(packet + 40, transmit, 8);
}

static void reply_is_read(void **)
{
    uint8_t packet[SNTP_LEN];
    struct ntp_header header;
    answer(packet);
    assert_true(sntp_parse(&header, packet, sizeof(packet), transmit));
    assert_int_equal(header.stratum, 2);
    assert_int_equal(header.root_delay, 65536);
    assert_true(header.receive == UINT64_C(0xee) << 56 && header.transmit == UINT64_C(0xef) << 56);
}

static void reply_without_time_or_for_another_request_is_none(void **)
{
    const struct {
        unsigned at;
        uint8_t value;
    } rows[] = {
        { 0, 0xe4 },            /* leap: unsynchronised */
        { 0, 0x23 },            /* a client's */
        { 1, 0 },               /* a kiss */
        { 1, 16 },   { 24, 9 }, /* another origin */
        { 31, 9 },   { 40, 0 }, /* no transmit time */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t packet[SNTP_LEN];
        answer(packet);
        packet[rows[i].at] = rows[i].value;
        assert_false(fits(packet, sizeof(packet)));
    }
}

static void reply_fails_on_every_short_prefix(void **)
{
    uint8_t packet[SNTP_LEN];
    answer(packet);
    for (size_t len = 0; len < SNTP_LEN; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, packet, len);
        assert_false(fits(exact, len));
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_reveals_only_version_and_mode),
        cmocka_unit_test(reply_is_read),
        cmocka_unit_test(reply_without_time_or_for_another_request_is_none),
        cmocka_unit_test(reply_fails_on_every_short_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
