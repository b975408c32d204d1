#include "server/answering/query.h"
#include "tests/unit/unit.h"
#include "zone/names/rrset.h"

struct message {
    uint8_t data[512];
    struct writer w;
};

static void begin(struct message *m, uint16_t flags, const uint16_t counts[4])
{
    m->w = writer_of(m->data, sizeof(m->data));
    write_u16(&m->w, 0x1234);
    write_u16(&m->w, flags);
    for (int i = 0; i < 4; i++) {
        write_u16(&m->w, counts[i]);
    }
}

static void question(struct message *m, const char *name, uint16_t type)
{
    struct dname qname = name_of(name);
    dname_write(&m->w, &qname);
    write_u16(&m->w, type);
    write_u16(&m->w, RR_CLASS_IN);
}

static void opt(struct message *m, uint16_t size, uint8_t version, const uint8_t *options,
                uint16_t len)
{
    write_u8(&m->w, 0);
    write_u16(&m->w, RR_OPT);
    write_u16(&m->w, size);
    write_u8(&m->w, 0);
    write_u8(&m->w, version);
    write_u16(&m->w, EDNS_DO);
    write_u16(&m->w, len);
    write_octets(&m->w, options, len);
}

static const uint16_t one_question[4] = { 1, 0, 0, 0 }, with_opt[4] = { 1, 0, 0, 1 };

static enum query_verdict parse(struct query *query, enum rcode *rcode, const struct message *m)
{
    return query_parse(query, rcode, m->data, m->w.at);
}

static void plain_query_is_read_with_its_case(void **)
{
    struct message m;
    struct query query;
    enum rcode rcode;
    begin(&m, DNS_FLAG_RD, one_question);
    question(&m, "_NTSKE._tcp.Pool.test", RR_SRV);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_ANSWER);
    assert_int_equal(query.id, 0x1234);
    assert_int_equal(query.qtype, RR_SRV);
    assert_memory_equal(query.qname.wire, "\6_NTSKE\4_tcp\4Pool\4test\0", 23);
    assert_false(query.edns);
    assert_int_equal(query.udp_size, 512);
}

static void every_truncation_is_dropped_or_a_format_error(void **)
{
    static const uint8_t subnet[] = { 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2 };
    struct message m;
    struct query query;
    enum rcode rcode;
    begin(&m, 0, with_opt);
    question(&m, "alice.pool.test", RR_A);
    opt(&m, 1232, 0, subnet, sizeof(subnet));
    for (size_t len = 0; len < m.w.at; len++) {
        enum query_verdict verdict = query_parse(&query, &rcode, m.data, len);
        if (len < DNS_HEADER_LEN) {
            assert_int_equal(verdict, QUERY_DROP);
        } else {
            assert_int_equal(verdict, QUERY_REJECT);
            assert_int_equal(rcode, RCODE_FORMERR);
        }
    }
    assert_int_equal(parse(&query, &rcode, &m), QUERY_ANSWER);
    assert_true(query.edns && query.dnssec_ok && query.subnet.present);
    char text[ADDRESS_TEXT_MAX];
    assert_string_equal(address_text(&query.subnet.address, text), "192.0.2.0");
    m.data[m.w.at++] = 0; /* an octet behind the message */
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_FORMERR);
}

static void responses_are_never_answered(void **)
{
    struct message m;
    struct query query;
    enum rcode rcode;
    begin(&m, DNS_FLAG_QR, one_question);
    question(&m, "alice.pool.test", RR_A);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_DROP);
}

static void headers_out_of_order_are_rejected(void **)
{
    static const struct {
        uint16_t flags, counts[4];
        uint16_t type;
        enum rcode rcode;
    } rows[] = {
        { 4 << 11, { 1, 0, 0, 0 }, RR_SOA, RCODE_NOTIMP },  /* NOTIFY */
        { 5 << 11, { 1, 0, 0, 0 }, RR_SOA, RCODE_NOTIMP },  /* UPDATE */
        { 15 << 11, { 1, 0, 0, 0 }, RR_SOA, RCODE_NOTIMP }, /* unknown opcode */
        { 0, { 0, 0, 0, 0 }, RR_A, RCODE_FORMERR },         /* RFC 9619 */
        { 0, { 2, 0, 0, 0 }, RR_A, RCODE_FORMERR },         /* RFC 9619 */
        { 0, { 1, 1, 0, 0 }, RR_A, RCODE_FORMERR },
        { 0, { 1, 0, 1, 0 }, RR_A, RCODE_FORMERR },
        { 0, { 1, 0, 0, 9 }, RR_A, RCODE_FORMERR },
        { 0, { 1, 0, 0, 0 }, RR_AXFR, RCODE_REFUSED },
        { 0, { 1, 0, 1, 0 }, RR_IXFR, RCODE_REFUSED }, /* RFC 1995 3 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message m;
        struct query query;
        enum rcode rcode = RCODE_NOERROR;
        begin(&m, rows[i].flags, rows[i].counts);
        question(&m, "pool.test", rows[i].type);
        assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
        assert_int_equal(rcode, rows[i].rcode);
    }
}

/* RFC 6891 6.1.1: a query with OPT gets a response with OPT, even a refusal. 6.1.3: an unknown
 * version gets BADVERS. */
static void a_refused_query_keeps_its_edns(void **)
{
    static const struct {
        uint16_t flags, type;
        uint8_t version;
        enum rcode rcode;
    } rows[] = {
        { 0, RR_AXFR, 0, RCODE_REFUSED },      { 0, RR_IXFR, 1, RCODE_BADVERS },
        { 4 << 11, RR_SOA, 0, RCODE_NOTIMP },  { 5 << 11, RR_SOA, 0, RCODE_NOTIMP },
        { 2 << 11, RR_SOA, 1, RCODE_BADVERS },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message m;
        struct query query;
        enum rcode rcode = RCODE_NOERROR;
        begin(&m, rows[i].flags, with_opt);
        question(&m, "pool.test", rows[i].type);
        opt(&m, 1232, rows[i].version, NULL, 0);
        assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
        assert_int_equal(rcode, rows[i].rcode);
        assert_true(query.edns && query.has_question);
    }
}

static void question_with_a_pointer_is_a_format_error(void **)
{
    struct message m;
    struct query query;
    enum rcode rcode = RCODE_NOERROR;
    begin(&m, 0, one_question);
    write_octets(&m.w, "\1a\xc0\x0c\0\1\0\1", 8);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_FORMERR);
    assert_false(query.has_question);
}

static void edns_follows_rfc_6891(void **)
{
    struct message m;
    struct query query;
    enum rcode rcode = RCODE_NOERROR;
    static const uint16_t two[4] = { 1, 0, 0, 2 };
    begin(&m, 0, two);
    question(&m, "pool.test", RR_SOA);
    opt(&m, 1232, 0, NULL, 0);
    opt(&m, 1232, 0, NULL, 0);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_FORMERR); /* 6.1.1 */
    begin(&m, 0, with_opt);
    question(&m, "pool.test", RR_SOA);
    opt(&m, 1232, 1, NULL, 0);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_BADVERS); /* 6.1.3 */
    assert_true(query.edns && query.dnssec_ok);
    static const uint8_t unknown[] = { 0xff, 0xfe, 0, 3, 1, 2, 3, 0, 3, 0, 0 };
    begin(&m, 0, with_opt);
    question(&m, "pool.test", RR_SOA);
    opt(&m, 0, 0, unknown, sizeof(unknown));
    assert_int_equal(parse(&query, &rcode, &m),
                     QUERY_ANSWER);        /* unknown options are ignored, 6.1.2 */
    assert_int_equal(query.udp_size, 512); /* 6.2.3 */
    static const uint8_t overrun[] = { 0xff, 0xfe, 0, 4, 1, 2, 3 };
    begin(&m, 0, with_opt);
    question(&m, "pool.test", RR_SOA);
    opt(&m, 1232, 0, overrun, sizeof(overrun));
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
}

static void client_subnets_follow_rfc_7871(void **)
{
    static const struct {
        uint8_t len, option[20];
        bool good, present;
    } rows[] = {
        { 7, { 0, 1, 24, 0, 192, 0, 2 }, true, true },
        { 4, { 0, 1, 0, 0 }, true, true },
        { 4, { 0, 0, 0, 0 }, true, true },
        { 10, { 0, 2, 48, 0, 0x20, 1, 0xd, 0xb8, 0, 1 }, true, true },
        { 8, { 0, 1, 32, 0, 192, 0, 2, 1 }, true, true },
        { 7, { 0, 1, 20, 0, 192, 0, 0x20 }, true, true },
        /* bits behind the prefix, 6 */
        { 7, { 0, 1, 20, 0, 192, 0, 0x21 }, false, false },
        { 7, { 0, 1, 24, 24, 192, 0, 2 }, false, false }, /* a scope in a query, 6 */
        /* an octet too many, 7.1.1 */
        { 8, { 0, 1, 24, 0, 192, 0, 2, 0 }, false, false },
        { 6, { 0, 1, 24, 0, 192, 0 }, false, false },        /* one too few */
        { 9, { 0, 1, 33, 0, 1, 2, 3, 4, 5 }, false, false }, /* longer than an address */
        /* family 0 has no address */
        { 5, { 0, 0, 8, 0, 1 }, false, false },
        { 3, { 0, 1, 24 }, false, false },
        { 7, { 0, 3, 24, 0, 192, 0, 2 }, false, false }, /* unknown family */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message m;
        struct query query;
        enum rcode rcode = RCODE_NOERROR;
        uint8_t options[24] = { 0, EDNS_OPTION_ECS, 0, rows[i].len };
        memcpy(options + 4, rows[i].option, rows[i].len);
        begin(&m, 0, with_opt);
        question(&m, "pool.test", RR_SOA);
        opt(&m, 1232, 0, options, (uint16_t)(4 + rows[i].len));
        assert_int_equal(parse(&query, &rcode, &m), rows[i].good ? QUERY_ANSWER : QUERY_REJECT);
        assert_int_equal(query.subnet.present, rows[i].present);
        assert_int_equal(rcode, rows[i].good ? RCODE_NOERROR : RCODE_FORMERR);
    }
}

/* RFC 7873 5.2.2 */
static void cookie_lengths_are_8_and_16_to_40(void **)
{
    for (uint16_t len = 0; len <= 48; len++) {
        struct message m;
        struct query query;
        enum rcode rcode = RCODE_NOERROR;
        uint8_t option[4 + 48] = { 0, EDNS_OPTION_COOKIE, 0, (uint8_t)len };
        for (uint8_t i = 0; i < 48; i++) {
            option[4 + i] = i;
        }
        begin(&m, 0, with_opt);
        question(&m, "alice.pool.test", RR_A);
        opt(&m, 1232, 0, option, (uint16_t)(4 + len));
        bool good = len == 8 || (len >= 16 && len <= 40);
        assert_int_equal(parse(&query, &rcode, &m), good ? QUERY_ANSWER : QUERY_REJECT);
        assert_int_equal(rcode, good ? RCODE_NOERROR : RCODE_FORMERR);
        assert_true(query.edns); /* so that the format error has its OPT */
        if (good) {
            assert_int_equal(query.options,
                             len == 24 ? QUERY_COOKIE | QUERY_SERVER_COOKIE : QUERY_COOKIE);
            assert_memory_equal(query.cookie, option + 4, len == 24 ? 24 : 8);
        }
    }
}

static const uint8_t all_options[] = {
    0, EDNS_OPTION_NSID,      0, 0,                            /* */
    0, EDNS_OPTION_COOKIE,    0, 8, 1, 2, 3,  4, 5,   6, 7, 8, /* */
    0, EDNS_OPTION_KEEPALIVE, 0, 2, 0, 1,                      /* */
    0, EDNS_OPTION_ECS,       0, 7, 0, 1, 24, 0, 192, 0, 2,    /* */
    0, EDNS_OPTION_COOKIE,    0, 1, 0                          /* the second cookie is ignored */
};

static void every_cut_among_options_is_a_format_error(void **)
{
    static const uint16_t ends[] = { 0, 4, 16, 22, 33, sizeof(all_options) };
    size_t next = 0;
    for (unsigned len = 0; len <= sizeof(all_options); len++) {
        struct message m;
        struct query query;
        enum rcode rcode;
        begin(&m, 0, with_opt);
        question(&m, "alice.pool.test", RR_A);
        opt(&m, 1232, 0, all_options, (uint16_t)len);
        bool whole = len == ends[next];
        next += whole;
        assert_int_equal(parse(&query, &rcode, &m), whole ? QUERY_ANSWER : QUERY_REJECT);
    }
    assert_int_equal(next, sizeof(ends) / sizeof(ends[0]));
}

/* RFC 7873 5.4 */
static void without_question_only_a_cookie_is_answered(void **)
{
    static const uint16_t none[4] = { 0, 0, 0, 1 }, answers[4] = { 0, 1, 0, 1 };
    struct message m;
    struct query query;
    enum rcode rcode = RCODE_SERVFAIL;
    begin(&m, 0, none);
    opt(&m, 1232, 0, all_options, 16);
    size_t len = m.w.at;
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_NOERROR);
    assert_false(query.has_question);
    for (size_t cut = DNS_HEADER_LEN; cut < len; cut++) {
        assert_int_equal(query_parse(&query, &rcode, m.data, cut), QUERY_REJECT);
        assert_int_equal(rcode, RCODE_FORMERR);
    }
    begin(&m, 0, none);
    opt(&m, 1232, 0, all_options, 4);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_FORMERR);
    begin(&m, 0, answers);
    opt(&m, 1232, 0, all_options, 16);
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_FORMERR);
}

/* RFC 1995 3: an IXFR has a SOA in its authority section; the OPT behind it is read
 * nevertheless. */
static void refused_transfer_has_its_opt(void **)
{
    static const uint16_t counts[4] = { 1, 0, 1, 1 };
    struct message m;
    struct query query;
    enum rcode rcode;
    begin(&m, 0, counts);
    question(&m, "pool.test", RR_IXFR);
    write_octets(&m.w, "\300\14\0\6\0\1\0\0\0\0\0\3abc", 15);
    opt(&m, 1232, 0, all_options, 4);
    size_t len = m.w.at;
    assert_int_equal(parse(&query, &rcode, &m), QUERY_REJECT);
    assert_int_equal(rcode, RCODE_REFUSED);
    assert_true(query.edns && query.options == QUERY_NSID);
    for (size_t cut = DNS_HEADER_LEN + 15; cut < len; cut++) {
        assert_int_equal(query_parse(&query, &rcode, m.data, cut), QUERY_REJECT);
        assert_int_equal(rcode, RCODE_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_query_is_read_with_its_case),
        cmocka_unit_test(every_truncation_is_dropped_or_a_format_error),
        cmocka_unit_test(responses_are_never_answered),
        cmocka_unit_test(headers_out_of_order_are_rejected),
        cmocka_unit_test(a_refused_query_keeps_its_edns),
        cmocka_unit_test(question_with_a_pointer_is_a_format_error),
        cmocka_unit_test(edns_follows_rfc_6891),
        cmocka_unit_test(client_subnets_follow_rfc_7871),
        cmocka_unit_test(cookie_lengths_are_8_and_16_to_40),
        cmocka_unit_test(every_cut_among_options_is_a_format_error),
        cmocka_unit_test(without_question_only_a_cookie_is_answered),
        cmocka_unit_test(refused_transfer_has_its_opt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
