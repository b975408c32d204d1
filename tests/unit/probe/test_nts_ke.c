#include "probe/nts_ke.h"
#include "tests/unit/unit.h"

enum {
    C = 0x8000,
    ROOM = 8192
};

static void put(struct writer *w, uint16_t head, const void *body, size_t len)
{
    write_u16(w, head);
    write_u16(w, (uint16_t)len);
    write_octets(w, body, len);
}

static void put_u16(struct writer *w, uint16_t head, uint16_t value)
{
    const uint8_t body[2] = { (uint8_t)(value >> 8), (uint8_t)value };
    put(w, head, body, 2);
}

static void put_cookies(struct writer *w, unsigned count, size_t len)
{
    uint8_t cookie[1024];
    for (unsigned i = 0; i < count; i++) {
        memset(cookie, (int)i + 1, sizeof(cookie));
        put(w, 5, cookie, len);
    }
}

static struct writer begin(uint8_t *room)
{
    struct writer w = writer_of(room, ROOM);
    put_u16(&w, C | 1, 0);
    put_u16(&w, C | 4, 15);
    return w;
}

static enum failure judge(struct nts_ke_answer *out, const struct writer *w)
{
    char detail[NTS_DETAIL_ROOM] = "";
    assert_false(w->failed);
    enum failure failure = nts_ke_parse(out, w->data, w->at, NTS_KE_REQUIRED, detail);
    assert_true(failure == FAILURE_NONE || detail[0] != '\0');
    return failure;
}

/* The result of a good response with one more record in it. */
static enum failure judge_with(uint16_t head, const void *body, size_t len)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    struct writer w = begin(room);
    put(&w, head, body, len);
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    return judge(&answer, &w);
}

static void good_answer_gives_aead_and_cookies(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    struct writer w = begin(room);
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_NONE);
    assert_int_equal(answer.aead, 15);
    assert_int_equal(answer.cookies_seen, 8);
    assert_int_equal(answer.cookie_count, 8);
    assert_int_equal(answer.cookies[7].len, 100);
    assert_int_equal(answer.cookies[7].octets[99], 8);
    assert_false(answer.cookies_odd);
    assert_int_equal(answer.port, 123);
    assert_string_equal(answer.server, "");
}

static void server_and_port_are_read(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    struct writer w = begin(room);
    put(&w, C | 6, "192.0.2.7", 9);
    put_u16(&w, C | 7, 1123);
    put_cookies(&w, 1, 64);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_NONE);
    assert_string_equal(answer.server, "192.0.2.7");
    assert_int_equal(answer.port, 1123);
}

static void every_short_prefix_is_closed_too_early(void **)
{
    uint8_t room[ROOM];
    struct writer w = begin(room);
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    for (size_t len = 0; len < w.at; len++) {
        struct nts_ke_answer answer;
        char detail[NTS_DETAIL_ROOM];
        assert_int_equal(nts_ke_parse(&answer, room, len, NTS_KE_REQUIRED, detail),
                         FAILURE_KE_CLOSED);
        assert_int_equal(strstr(detail, "no answer at all") != NULL, len == 0);
        assert_false(nts_ke_ended(room, len));
    }
    assert_true(nts_ke_ended(room, w.at));
}

/* RFC 8915 4.1.2 */
static void next_protocol_must_be_one_critical_ntpv4(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    const uint8_t two[4] = { 0, 0, 0, 0 };
    const uint8_t other[2] = { 0, 1 };
    assert_int_equal(judge_with(C | 1, other, 2), FAILURE_KE_MALFORMED);
    const struct {
        uint16_t head;
        const uint8_t *body;
        size_t len;
        enum failure failure;
    } rows[] = { { C | 1, other, 2, FAILURE_KE_PROTOCOL },
                 { C | 1, other, 0, FAILURE_KE_PROTOCOL },
                 { C | 1, two, 4, FAILURE_KE_MALFORMED },
                 { C | 1, two, 1, FAILURE_KE_MALFORMED },
                 { 1, two, 2, FAILURE_KE_MALFORMED } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct writer w = writer_of(room, ROOM);
        put(&w, rows[i].head, rows[i].body, rows[i].len);
        put_u16(&w, C | 4, 15);
        put_cookies(&w, 8, 100);
        put(&w, C | 0, NULL, 0);
        assert_int_equal(judge(&answer, &w), rows[i].failure);
    }
    struct writer w = writer_of(room, ROOM);
    put_u16(&w, C | 4, 15);
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_KE_PROTOCOL);
}

/* RFC 8915 4.1.5 */
static void aead_must_be_the_one_offered(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    const uint8_t bodies[][4] = { { 0, 30 }, { 0, 15, 0, 30 }, { 0 } };
    const size_t lens[] = { 2, 4, 0 };
    const enum failure wanted[] = { FAILURE_KE_AEAD, FAILURE_KE_MALFORMED, FAILURE_KE_AEAD };
    for (size_t i = 0; i < 3; i++) {
        struct writer w = writer_of(room, ROOM);
        put_u16(&w, C | 1, 0);
        put(&w, C | 4, bodies[i], lens[i]);
        put_cookies(&w, 8, 100);
        put(&w, C | 0, NULL, 0);
        assert_int_equal(judge(&answer, &w), wanted[i]);
    }
    struct writer w = writer_of(room, ROOM);
    put_u16(&w, C | 1, 0);
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_KE_AEAD);
    assert_int_equal(judge_with(C | 4, bodies[1], 2), FAILURE_KE_MALFORMED);
}

/* RFC 8915 4.1.3, 4.1.4 */
static void error_and_warning_fail(void **)
{
    const uint8_t code[4] = { 0, 1, 0, 0 };
    assert_int_equal(judge_with(C | 2, code, 2), FAILURE_KE_ERROR);
    assert_int_equal(judge_with(C | 3, code, 2), FAILURE_KE_WARNING);
    assert_int_equal(judge_with(C | 2, code, 1), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 3, code, 4), FAILURE_KE_MALFORMED);
}

/* RFC 8915 4 */
static void unknown_record_fails_only_if_critical(void **)
{
    const uint16_t types[] = { 8, 1024, 0x4000, 0x7fff };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(judge_with(types[i], "abc", 3), FAILURE_NONE);
        assert_int_equal(judge_with((uint16_t)(C | types[i]), "abc", 3), FAILURE_KE_CRITICAL);
    }
}

/* RFC 8915 4.1.1 */
static void end_of_message_is_critical_empty_and_last(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    assert_int_equal(judge_with(0, NULL, 0), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 0, "x", 1), FAILURE_KE_MALFORMED);
    /* here End of Message precedes the cookies */
    assert_int_equal(judge_with(C | 0, NULL, 0), FAILURE_KE_MALFORMED);
    struct writer w = begin(room);
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    write_u8(&w, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_KE_MALFORMED);
}

static void missing_cookies_fail_and_odd_ones_are_noted(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    struct writer w = begin(room);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_KE_COOKIES);
    const size_t odd[] = { 102, 196, 0, NTS_COOKIE_MAX + 4 };
    for (size_t i = 0; i < 4; i++) {
        w = begin(room);
        put_cookies(&w, 1, 100);
        put_cookies(&w, 1, odd[i]);
        put(&w, C | 0, NULL, 0);
        assert_int_equal(judge(&answer, &w), FAILURE_NONE);
        assert_true(answer.cookies_odd);
        assert_int_equal(answer.cookies_seen, 2);
        assert_int_equal(answer.cookie_count, i < 2 ? 2 : 1);
    }
    w = begin(room);
    put_cookies(&w, 1, 100);
    put_cookies(&w, 1, 104);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_NONE);
    assert_true(answer.cookies_odd);
}

static void more_than_eight_cookies_are_counted_but_not_stored(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    struct writer w = begin(room);
    put_cookies(&w, 30, 100);
    put(&w, C | 0, NULL, 0);
    assert_int_equal(judge(&answer, &w), FAILURE_NONE);
    assert_int_equal(answer.cookies_seen, 30);
    assert_int_equal(answer.cookie_count, NTS_COOKIES);
}

static void server_record_with_strange_octets_fails(void **)
{
    char long_name[300];
    memset(long_name, 'a', sizeof(long_name));
    assert_int_equal(judge_with(C | 6, "time.example.net", 16), FAILURE_NONE);
    assert_int_equal(judge_with(C | 6, "2001:db8::1", 11), FAILURE_NONE);
    assert_int_equal(judge_with(C | 6, "", 0), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 6, "a\0b", 3), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 6, "a b", 3), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 6, "\033[2J", 4), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 6, long_name, sizeof(long_name)), FAILURE_KE_MALFORMED);
}

static void port_0_fails(void **)
{
    const uint8_t zero[4] = { 0 };
    assert_int_equal(judge_with(C | 7, zero, 2), FAILURE_KE_PORT);
    assert_int_equal(judge_with(C | 7, zero, 1), FAILURE_KE_MALFORMED);
    assert_int_equal(judge_with(C | 7, zero, 4), FAILURE_KE_MALFORMED);
}

static void answer_over_4096_octets_fails(void **)
{
    uint8_t room[ROOM];
    struct nts_ke_answer answer;
    struct writer w = begin(room);
    put_cookies(&w, 40, 100);
    put(&w, C | 0, NULL, 0);
    assert_true(w.at > NTS_KE_ANSWER_MAX);
    assert_int_equal(judge(&answer, &w), FAILURE_KE_TOO_LONG);
}

static void any_flipped_bit_is_survived(void **)
{
    uint8_t room[ROOM];
    struct writer w = begin(room);
    put(&w, C | 6, "192.0.2.7", 9);
    put_cookies(&w, 3, 32);
    put(&w, C | 0, NULL, 0);
    for (size_t bit = 0; bit < w.at * 8; bit++) {
        /* a block of exactly that size, so the address sanitizer sees a read beyond it */
        uint8_t *copy = malloc(w.at);
        assert_non_null(copy);
        memcpy(copy, room, w.at);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct nts_ke_answer answer;
        char detail[NTS_DETAIL_ROOM] = "";
        enum failure failure = nts_ke_parse(&answer, copy, w.at, NTS_KE_REQUIRED, detail);
        assert_true(failure == FAILURE_NONE || detail[0] != '\0');
        assert_true(answer.cookie_count <= NTS_COOKIES);
        free(copy);
    }
}

static void request_offers_ntpv4_and_aead_15(void **)
{
    const uint8_t wanted[] = { 0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 0, 0, 0 };
    uint8_t room[64];
    struct writer w = writer_of(room, sizeof(room));
    nts_ke_request(&w, NTS_KE_REQUIRED);
    assert_int_equal(w.at, sizeof(wanted));
    assert_memory_equal(room, wanted, sizeof(wanted));
}

/* RFC 8915 4.1.5: in order of preference */
static void request_for_all_offers_30_17_and_15_and_the_export_record(void **)
{
    const uint8_t wanted[] = { 0x80, 1,  0, 2,  0, 0, 0x80, 4, 0,    6, 0, 30,
                               0,    17, 0, 15, 4, 0, 0,    0, 0x80, 0, 0, 0 };
    uint8_t room[64];
    struct writer w = writer_of(room, sizeof(room));
    nts_ke_request(&w, NTS_KE_ALL);
    assert_int_equal(w.at, sizeof(wanted));
    assert_memory_equal(room, wanted, sizeof(wanted));
}

static enum failure judge_aead(uint16_t aead, enum nts_ke_offer offer, bool export,
                               struct nts_ke_answer *answer)
{
    uint8_t room[ROOM];
    char detail[NTS_DETAIL_ROOM] = "";
    struct writer w = writer_of(room, ROOM);
    put_u16(&w, C | 1, 0);
    put_u16(&w, C | 4, aead);
    if (export) {
        put(&w, 1024, NULL, 0);
    }
    put_cookies(&w, 8, 100);
    put(&w, C | 0, NULL, 0);
    return nts_ke_parse(answer, room, w.at, offer, detail);
}

static void only_offered_algorithms_are_accepted(void **)
{
    for (unsigned aead = 0; aead < 40; aead++) {
        struct nts_ke_answer answer;
        bool one = aead == 15;
        bool any = one || aead == 17 || aead == 30;
        assert_int_equal(judge_aead((uint16_t)aead, NTS_KE_REQUIRED, false, &answer),
                         one ? FAILURE_NONE : FAILURE_KE_AEAD);
        assert_int_equal(judge_aead((uint16_t)aead, NTS_KE_ALL, false, &answer),
                         any ? FAILURE_NONE : FAILURE_KE_AEAD);
        assert_int_equal(answer.aead, aead);
        assert_false(answer.export_agreed);
    }
}

static void export_is_agreed_only_if_it_was_requested(void **)
{
    struct nts_ke_answer answer;
    assert_int_equal(judge_aead(30, NTS_KE_ALL, true, &answer), FAILURE_NONE);
    assert_true(answer.export_agreed);
    assert_int_equal(judge_aead(15, NTS_KE_REQUIRED, true, &answer), FAILURE_NONE);
    assert_false(answer.export_agreed);
    assert_int_equal(judge_with(C | 1024, NULL, 0), FAILURE_KE_CRITICAL);
}

/* RFC 8915 5.1 */
static void exporter_context_names_protocol_aead_and_direction(void **)
{
    uint8_t context[5];
    nts_ke_exporter_context(context, 15, false);
    assert_memory_equal(context, "\x00\x00\x00\x0f\x00", 5);
    nts_ke_exporter_context(context, 15, true);
    assert_memory_equal(context, "\x00\x00\x00\x0f\x01", 5);
}

static void response_is_described_by_the_names_of_its_records(void **)
{
    static const uint8_t answer[] = { 0x80, 1, 0,    0, 0, 5, 0,    1, 7, 0, 5,
                                      0,    0, 0x40, 0, 0, 0, 0x80, 0, 0, 0 };
    char words[64];
    nts_ke_describe(answer, sizeof(answer), words, sizeof(words));
    assert_string_equal(words, "Next Protocol! 2 Cookie type 16384 End of Message!");
    nts_ke_describe(answer, sizeof(answer) - 1, words, sizeof(words));
    assert_string_equal(words, "Next Protocol! 2 Cookie type 16384");
    nts_ke_describe(answer, sizeof(answer), words, 10);
    assert_string_equal(words, "Next Prot");
    nts_ke_describe(answer, 0, words, sizeof(words));
    assert_string_equal(words, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(response_is_described_by_the_names_of_its_records),
        cmocka_unit_test(good_answer_gives_aead_and_cookies),
        cmocka_unit_test(server_and_port_are_read),
        cmocka_unit_test(every_short_prefix_is_closed_too_early),
        cmocka_unit_test(next_protocol_must_be_one_critical_ntpv4),
        cmocka_unit_test(aead_must_be_the_one_offered),
        cmocka_unit_test(error_and_warning_fail),
        cmocka_unit_test(unknown_record_fails_only_if_critical),
        cmocka_unit_test(end_of_message_is_critical_empty_and_last),
        cmocka_unit_test(missing_cookies_fail_and_odd_ones_are_noted),
        cmocka_unit_test(more_than_eight_cookies_are_counted_but_not_stored),
        cmocka_unit_test(server_record_with_strange_octets_fails),
        cmocka_unit_test(port_0_fails),
        cmocka_unit_test(answer_over_4096_octets_fails),
        cmocka_unit_test(any_flipped_bit_is_survived),
        cmocka_unit_test(request_offers_ntpv4_and_aead_15),
        cmocka_unit_test(request_for_all_offers_30_17_and_15_and_the_export_record),
        cmocka_unit_test(only_offered_algorithms_are_accepted),
        cmocka_unit_test(export_is_agreed_only_if_it_was_requested),
        cmocka_unit_test(exporter_context_names_protocol_aead_and_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
