/* Frames that Linux has sent through a veth pair (its sockets made the headers and the checksums),
 * and changed ones. */
#include "server/io/xdp_frame.h"
#include "tests/unit/unit.h"

enum {
    ROOM = 256
};

struct sample {
    uint8_t data[ROOM];
    size_t len;
};

#define MACS   "02000000000b02000000000a"
#define BACK   "02000000000a02000000000b"
#define IPV4   "45000023244e400040119278c0000201c0000202"
#define UDP4   "9c490035000f2e45"
#define IPV6   "60034e67000f114020010db800000000000000000000000120010db8000000000000000000000002"
#define UDP6   "9c4b0035000f56d2"
#define QUERY  "61207175657279"               /* "a query" */
#define ANSWER "616e737765722161207175657279" /* "answer!a query" */

static struct sample sample_of(const char *hex)
{
    struct sample out = { .len = strlen(hex) / 2 };
    for (size_t i = 0; i < out.len; i++) {
        char octet[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        out.data[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    return out;
}

static bool reads(const struct sample *sample, struct xdp_frame *frame)
{
    return xdp_frame_read(frame, sample->data, sample->len);
}

static bool reads_text(const char *hex)
{
    struct sample sample = sample_of(hex);
    struct xdp_frame frame;
    return reads(&sample, &frame);
}

/* True if the frame counts with the 16 bits at `at` set. */
static bool reads_with(const char *hex, size_t at, uint16_t value)
{
    struct sample sample = sample_of(hex);
    struct xdp_frame frame;
    wire_put_u16(sample.data + at, value);
    return reads(&sample, &frame);
}

/* The same, with the checksum of the IPv4 header made right again (RFC 1624, equation 3). */
static bool reads_with_header(size_t at, uint16_t value)
{
    struct sample sample = sample_of(MACS "0800" IPV4 UDP4 QUERY);
    struct xdp_frame frame;
    uint32_t sum = (uint16_t)~wire_get_u16(sample.data + 24);
    sum += (uint16_t)~wire_get_u16(sample.data + at);
    sum += value;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    wire_put_u16(sample.data + at, value);
    wire_put_u16(sample.data + 24, (uint16_t)~sum);
    return reads(&sample, &frame);
}

static void frames_of_linux_are_queries(void **)
{
    struct xdp_frame frame;
    struct sample v4 = sample_of(MACS "0800" IPV4 UDP4 QUERY);
    assert_true(reads(&v4, &frame));
    assert_false(frame.ipv6);
    assert_int_equal(frame.message.len, 7);
    assert_memory_equal(frame.message.data, "a query", 7);
    struct address client = address_of("192.0.2.1"), server = address_of("192.0.2.2");
    assert_true(address_equal(&frame.client.address, &client));
    assert_true(address_equal(&frame.server.address, &server));
    assert_int_equal(frame.client.port, 40009);
    assert_int_equal(frame.server.port, 53);
    struct sample v6 = sample_of(MACS "86dd" IPV6 UDP6 QUERY);
    assert_true(reads(&v6, &frame));
    assert_true(frame.ipv6);
    assert_memory_equal(frame.message.data, "a query", 7);
    client = address_of("2001:db8::1");
    assert_true(address_equal(&frame.client.address, &client));
    assert_int_equal(frame.client.port, 40011);
}

/* Answers as Linux has made them, but for what it is free to choose: the identification (IPv4, and
 * with it the header's checksum), and the flow label (IPv6). */
static void answers_are_the_frames_that_linux_sends(void **)
{
    struct xdp_frame frame;
    struct sample query = sample_of(MACS "0800" IPV4 UDP4 QUERY), seen = { .len = 0 };
    struct sample sent = sample_of(BACK "0800"
                                        "4500002ae63f000040111080c0000202c0000201"
                                        "00359c4900167b36" ANSWER);
    assert_true(reads(&query, &frame));
    memcpy(seen.data + frame.headers, "answer!a query", 14);
    seen.len = xdp_frame_reply(seen.data, &frame, 14);
    assert_int_equal(seen.len, sent.len);
    struct xdp_frame back;
    assert_true(reads(&seen, &back));
    memcpy(seen.data + 18, sent.data + 18, 2);
    memcpy(seen.data + 24, sent.data + 24, 2);
    assert_memory_equal(seen.data, sent.data, sent.len);
    query = sample_of(MACS "86dd" IPV6 UDP6 QUERY);
    sent = sample_of(BACK "86dd"
                          "600000000016114020010db8000000000000000000000002"
                          "20010db8000000000000000000000001"
                          "00359c4b0016a3c3" ANSWER);
    assert_true(reads(&query, &frame));
    memcpy(seen.data + frame.headers, "answer!a query", 14);
    seen.len = xdp_frame_reply(seen.data, &frame, 14);
    assert_int_equal(seen.len, sent.len);
    assert_memory_equal(seen.data, sent.data, sent.len);
}

/* The sum as RFC 1071 words it, octet by octet. */
static unsigned plain_sum(const uint8_t *data, size_t len)
{
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? data[i] * 256U : data[i];
    }
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return sum;
}

static void answers_of_all_lengths_have_right_checksums(void **)
{
    struct sample query = sample_of(MACS "0800" IPV4 UDP4 QUERY);
    struct xdp_frame frame;
    uint8_t out[42 + 100], pseudo[12 + 8 + 100] = { 0 };
    assert_true(reads(&query, &frame));
    for (size_t len = 0; len <= 100; len++) {
        for (size_t i = 0; i < len; i++) {
            out[42 + i] = (uint8_t)(251 - 7 * i);
        }
        assert_int_equal(xdp_frame_reply(out, &frame, len), 42 + len);
        memcpy(pseudo, out + 26, 8);
        wire_put_u16(pseudo + 8, IPPROTO_UDP);
        wire_put_u16(pseudo + 10, (uint16_t)(8 + len));
        memcpy(pseudo + 12, out + 34, 8 + len);
        assert_int_equal(plain_sum(pseudo, 12 + 8 + len), UINT16_MAX);
        assert_int_equal(plain_sum(out + 14, 20), UINT16_MAX);
    }
}

static void answer_stays_in_the_vlan_of_its_query(void **)
{
    struct xdp_frame frame;
    struct sample out = { .len = 0 };
    struct sample query = sample_of(MACS "8100e005" /* priority 7, VLAN 5 */
                                         "86dd" IPV6 UDP6 QUERY);
    assert_true(reads(&query, &frame));
    assert_memory_equal(frame.message.data, "a query", 7);
    assert_int_equal(xdp_frame_reply(out.data, &frame, 0), 14 + 4 + 40 + 8);
    struct sample expected = sample_of(BACK "81000005"
                                            "86dd");
    assert_memory_equal(out.data, expected.data, expected.len);
    assert_false(reads_text(MACS "8100000581000006"
                                 "0800" IPV4 UDP4 QUERY));
}

static void every_changed_octet_is_noticed(void **)
{
    static const char *const queries[] = { MACS "0800" IPV4 UDP4 QUERY,
                                           MACS "86dd" IPV6 UDP6 QUERY };
    for (size_t i = 0; i < 2; i++) {
        struct sample query = sample_of(queries[i]);
        struct xdp_frame frame;
        for (size_t at = 12; at < query.len; at++) {
            query.data[at] ^= 0x55;
            /* No sum covers class, flow label and hop limit of IPv6. */
            bool uncovered = i == 1 && ((at >= 15 && at <= 17) || at == 21);
            assert_int_equal(reads(&query, &frame), uncovered);
            query.data[at] ^= 0x55;
        }
    }
}

static void every_cut_is_noticed(void **)
{
    static const char *const queries[] = { MACS "0800" IPV4 UDP4 QUERY, MACS "86dd" IPV6 UDP6 QUERY,
                                           MACS "81000005"
                                                "0800" IPV4 UDP4 QUERY };
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct sample query = sample_of(queries[i]);
        for (size_t len = 0; len < query.len; len++) {
            struct xdp_frame frame;
            uint8_t *exact = test_malloc(len + 1);
            memcpy(exact + 1, query.data, len);
            assert_false(xdp_frame_read(&frame, exact + 1, len));
            test_free(exact);
        }
    }
}

static void padding_of_a_short_frame_is_no_part_of_the_message(void **)
{
    struct sample query = sample_of(MACS "0800" IPV4 UDP4 QUERY "00000000000000000000");
    struct xdp_frame frame;
    assert_true(reads(&query, &frame));
    assert_int_equal(frame.message.len, 7);
}

static void what_needs_the_kernel_is_no_query(void **)
{
    assert_true(reads_with_header(20, 0x4000));  /* don't fragment */
    assert_true(reads_with_header(20, 0x8000));  /* the reserved bit */
    assert_false(reads_with_header(20, 0x2000)); /* more fragments */
    assert_false(reads_with_header(20, 0x0001)); /* a later fragment */
    assert_false(reads_with_header(14, 0x4600)); /* options */
    assert_false(reads_with_header(14, 0x5500)); /* no IPv4 */
    assert_false(reads_with_header(16, 0x0024)); /* longer than its UDP */
    assert_false(reads_with_header(22, 0x4006)); /* TCP */
    const char *v6 = MACS "86dd" IPV6 UDP6 QUERY;
    assert_false(reads_with(v6, 20, 0x0040)); /* hop-by-hop options */
    assert_false(reads_with(v6, 20, 0x2c40)); /* a fragment */
    assert_false(reads_with(v6, 14, 0x4003)); /* no IPv6 */
    assert_false(reads_with(v6, 12, 0x0806)); /* ARP */
}

static void checksum_may_be_missing_in_ipv4_only(void **)
{
    assert_true(reads_with(MACS "0800" IPV4 UDP4 QUERY, 40, 0));
    assert_false(reads_with(MACS "86dd" IPV6 UDP6 QUERY, 60, 0));
}

/* Computed by hand: c000 + 0201 + c000 + 0202 + 0011 + 000f = 18423, with the carry 8424. */
static void checksum_may_be_left_to_the_card(void **)
{
    assert_true(reads_with(MACS "0800" IPV4 UDP4 QUERY, 40, 0x8424));
    assert_false(reads_with(MACS "0800" IPV4 UDP4 QUERY, 40, 0x8425));
}

static void senders_that_are_none_get_no_answer(void **)
{
    static const char *const sources[] = {
        "00000000000000000000000000000000", "00000000000000000000000000000001",
        "ff020000000000000000000000000001", "00000000000000000000ffffc0000201",
        "20010db8000000000000000000000002" /* the server's own */
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        char hex[2 * ROOM];
        /* The sum of the pseudo header alone is right for any source, once it is made anew. */
        (void)snprintf(hex, sizeof(hex),
                       MACS "86dd60000000000f1140%s20010db80000000000000000000000029c4b0035000f",
                       sources[i]);
        struct sample sample = sample_of(hex);
        uint32_t sum = 17 + 15;
        for (size_t at = 22; at < 54; at += 2) {
            sum += wire_get_u16(sample.data + at);
        }
        sum = (sum & 0xffff) + (sum >> 16);
        wire_put_u16(sample.data + sample.len, (uint16_t)sum);
        memcpy(sample.data + sample.len + 2, "a query", 7);
        sample.len += 9;
        struct xdp_frame frame;
        assert_false(reads(&sample, &frame));
        sample.data[22] = 0x2a; /* any other network */
        sum += 0x2a00 - (wire_get_u16(sample_of(hex).data + 22) & 0xff00U);
        sum = (sum & 0xffff) + (sum >> 16);
        wire_put_u16(sample.data + 60, (uint16_t)sum);
        assert_true(reads(&sample, &frame));
    }
    assert_false(reads_with(MACS "0800" IPV4 "00000035000f0000" QUERY, 40, 0)); /* port 0 */
    assert_true(reads_with(MACS "0800" IPV4 "00010035000f0000" QUERY, 40, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_linux_are_queries),
        cmocka_unit_test(answers_are_the_frames_that_linux_sends),
        cmocka_unit_test(answers_of_all_lengths_have_right_checksums),
        cmocka_unit_test(answer_stays_in_the_vlan_of_its_query),
        cmocka_unit_test(every_changed_octet_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(padding_of_a_short_frame_is_no_part_of_the_message),
        cmocka_unit_test(what_needs_the_kernel_is_no_query),
        cmocka_unit_test(checksum_may_be_missing_in_ipv4_only),
        cmocka_unit_test(checksum_may_be_left_to_the_card),
        cmocka_unit_test(senders_that_are_none_get_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
