/* Frames, as a decoder reads them that protoc-c made from the schema. */
#include <dnstap.pb-c.h>

#include "server/dnstap/frame.h"
#include "tests/unit/unit.h"

static const struct timespec asked = { .tv_sec = 1893456000, .tv_nsec = 123456789 };
static const struct timespec answered = { .tv_sec = 1893456001, .tv_nsec = 999999999 };

static struct endpoint end(const char *text)
{
    struct endpoint out;
    assert_ok(endpoint_parse(&out, text, 0));
    return out;
}

static Dnstap__Dnstap *decoded(const struct frame_origin *origin,
                               const struct frame_message *message)
{
    uint8_t *out = test_malloc(frame_room(origin, message->len));
    size_t len = frame_write(out, origin, message);
    assert_true(len <= frame_room(origin, message->len));
    Dnstap__Dnstap *frame = dnstap__dnstap__unpack(NULL, len, out);
    assert_non_null(frame);
    assert_int_equal(frame->type, DNSTAP__DNSTAP__TYPE__MESSAGE);
    assert_int_equal(frame->base.n_unknown_fields, 0);
    assert_int_equal(frame->message->base.n_unknown_fields, 0);
    /* The encoding is the shortest: the decoder's own needs as many octets. */
    assert_int_equal(dnstap__dnstap__get_packed_size(frame), len);
    test_free(out);
    return frame;
}

static void assert_octets(ProtobufCBinaryData seen, const void *data, size_t len)
{
    assert_int_equal(seen.len, len);
    if (len > 0) {
        assert_memory_equal(seen.data, data, len);
    }
}

static void query_has_its_addresses_and_time(void **)
{
    struct frame_origin origin;
    struct endpoint client = end("192.0.2.7@54321"), server = end("198.51.100.53@53");
    frame_origin_set(&origin, "ns1.example", "ntspoold 1");
    struct frame_message message = {
        .client = &client,
        .server = &server,
        .asked = &asked,
        .data = (const uint8_t *)"query",
        .len = 5,
    };
    Dnstap__Dnstap *frame = decoded(&origin, &message);
    const Dnstap__Message *seen = frame->message;
    assert_octets(frame->identity, "ns1.example", 11);
    assert_octets(frame->version, "ntspoold 1", 10);
    assert_int_equal(seen->type, DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
    assert_int_equal(seen->socket_family, DNSTAP__SOCKET_FAMILY__INET);
    assert_int_equal(seen->socket_protocol, DNSTAP__SOCKET_PROTOCOL__UDP);
    assert_octets(seen->query_address, "\xc0\x00\x02\x07", 4);
    assert_octets(seen->response_address, "\xc6\x33\x64\x35", 4);
    assert_int_equal(seen->query_port, 54321);
    assert_int_equal(seen->response_port, 53);
    assert_int_equal(seen->query_time_sec, asked.tv_sec);
    assert_int_equal(seen->query_time_nsec, asked.tv_nsec);
    assert_octets(seen->query_message, "query", 5);
    assert_false(seen->has_response_message);
    assert_false(seen->has_response_time_sec);
    assert_false(seen->has_response_time_nsec);
    dnstap__dnstap__free_unpacked(frame, NULL);
}

static void response_over_tcp_has_both_times(void **)
{
    struct frame_origin origin;
    struct endpoint client = end("2001:db8::7@1"), server = end("2001:db8:53::1@65535");
    frame_origin_set(&origin, "", "");
    struct frame_message message = { .client = &client,
                                     .server = &server,
                                     .tcp = true,
                                     .asked = &asked,
                                     .answered = &answered,
                                     .data = (const uint8_t *)"response",
                                     .len = 8 };
    Dnstap__Dnstap *frame = decoded(&origin, &message);
    const Dnstap__Message *seen = frame->message;
    assert_int_equal(seen->type, DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE);
    assert_int_equal(seen->socket_family, DNSTAP__SOCKET_FAMILY__INET6);
    assert_int_equal(seen->socket_protocol, DNSTAP__SOCKET_PROTOCOL__TCP);
    assert_octets(seen->query_address, client.address.octets, 16);
    assert_octets(seen->response_address, server.address.octets, 16);
    assert_int_equal(seen->query_port, 1);
    assert_int_equal(seen->response_port, 65535);
    assert_int_equal(seen->query_time_sec, asked.tv_sec);
    assert_int_equal(seen->query_time_nsec, asked.tv_nsec);
    assert_int_equal(seen->response_time_sec, answered.tv_sec);
    assert_int_equal(seen->response_time_nsec, answered.tv_nsec);
    assert_octets(seen->response_message, "response", 8);
    assert_false(seen->has_query_message);
    dnstap__dnstap__free_unpacked(frame, NULL);
}

/* Lengths around those where their own encoding grows by an octet. */
static void message_of_any_length_fits(void **)
{
    static const size_t lengths[] = { 0, 1, 50, 70, 127, 128, 1232, 16383, 16384, 65535 };
    static uint8_t data[65535];
    char longest[FRAME_TEXT_MAX + 2];
    struct frame_origin origin;
    struct endpoint client = end("2001:db8::7@65535"), server = end("2001:db8:53::1@65535");
    const struct timespec late = { .tv_sec = INT64_MAX, .tv_nsec = 999999999 };
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    frame_origin_set(&origin, longest, longest);
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct frame_message message = { .client = &client,
                                         .server = &server,
                                         .tcp = true,
                                         .asked = &late,
                                         .answered = &late,
                                         .data = data,
                                         .len = lengths[i] };
        Dnstap__Dnstap *frame = decoded(&origin, &message);
        assert_octets(frame->message->response_message, data, lengths[i]);
        assert_octets(frame->identity, longest, FRAME_TEXT_MAX);
        assert_int_equal(frame->message->response_time_sec, late.tv_sec);
        dnstap__dnstap__free_unpacked(frame, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_has_its_addresses_and_time),
        cmocka_unit_test(response_over_tcp_has_both_times),
        cmocka_unit_test(message_of_any_length_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
