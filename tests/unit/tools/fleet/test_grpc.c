#include "tests/unit/unit.h"
#include "tools/fleet/grpc.h"

static void say(struct grpc_outcome *outcome, const char *line)
{
    grpc_header(outcome, line, strlen(line));
}

static void messages_come_out_whole_however_they_arrive(void **)
{
    struct protobuf first = { .data = NULL }, second = { .data = NULL }, framed, empty;
    protobuf_put_text(&first, 1, "one");
    grpc_frame(&framed, &first);
    grpc_frame(&empty, &second);
    assert_memory_equal(framed.data, "\0\0\0\0\5\x0a\3one", 10);
    for (size_t piece = 1; piece <= framed.len + empty.len; piece++) {
        struct grpc_inbox inbox = { .message_max = 5 };
        uint8_t all[32];
        size_t len = framed.len + empty.len, taken = 0;
        memcpy(all, framed.data, framed.len);
        memcpy(all + framed.len, empty.data, empty.len);
        for (size_t at = 0; at < len; at += piece) {
            struct octets message;
            grpc_add(&inbox, all + at, len - at < piece ? len - at : piece);
            while (grpc_take(&inbox, &message, NULL) == RESULT_OK) {
                assert_int_equal(message.len, taken == 0 ? 5 : 0);
                taken++;
            }
            assert_int_equal(grpc_take(&inbox, &message, NULL), RESULT_EXHAUSTED);
        }
        assert_int_equal(taken, 2);
        assert_int_equal(grpc_waiting(&inbox), 0);
        grpc_inbox_clear(&inbox);
    }
    protobuf_free(&first);
    protobuf_free(&framed);
    protobuf_free(&empty);
}

static void a_message_above_the_limit_or_compressed_fails_at_its_prefix(void **)
{
    struct grpc_inbox inbox = { .message_max = 5 };
    struct octets message;
    struct diag diag = { "" };
    grpc_add(&inbox, "\0\0\0\0\6", 5);
    assert_int_equal(grpc_take(&inbox, &message, &diag), RESULT_TOO_LONG);
    assert_string_equal(diag.text, "it sends a message of 6 octets, but the limit is 5");
    grpc_inbox_clear(&inbox);
    grpc_add(&inbox, "\1\0\0\0\0", 5);
    assert_int_equal(grpc_take(&inbox, &message, &diag), RESULT_INVALID);
    grpc_inbox_clear(&inbox);
}

static void the_outcome_is_read_from_headers_and_trailers(void **)
{
    struct grpc_outcome outcome = { .ended = false };
    say(&outcome, "HTTP/2 200 \r\n");
    say(&outcome, "Content-Type: application/grpc+proto\r\n");
    assert_true(outcome.is_grpc && !outcome.ended);
    say(&outcome, "\r\n");
    say(&outcome, "Grpc-Status: 14\r\n");
    say(&outcome, "grpc-message:  etcdserver%3a no%20leader%\x1b%00%1b\r\n");
    assert_true(outcome.ended);
    assert_int_equal(outcome.code, GRPC_UNAVAILABLE);
    assert_string_equal(outcome.text, "etcdserver: no leader%\\x1b\\x1b");
    say(&outcome, "HTTP/2 200");
    assert_true(!outcome.is_grpc && !outcome.ended && outcome.text[0] == '\0');
}

static void a_status_that_is_no_number_is_none(void **)
{
    static const char *const bad[] = { "grpc-status:",      "grpc-status: -1", "grpc-status: 1x",
                                       "grpc-status: 1000", "grpc-statu: 0",   "grpc-status" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct grpc_outcome outcome = { .ended = false };
        say(&outcome, bad[i]);
        assert_false(outcome.ended);
    }
    struct grpc_outcome outcome = { .ended = false };
    say(&outcome, "content-type: text/html");
    assert_false(outcome.is_grpc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_whole_however_they_arrive),
        cmocka_unit_test(a_message_above_the_limit_or_compressed_fails_at_its_prefix),
        cmocka_unit_test(the_outcome_is_read_from_headers_and_trailers),
        cmocka_unit_test(a_status_that_is_no_number_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
