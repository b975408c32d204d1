#include "server/answering/query.h"
#include "server/answering/respond.h"
#include "tests/unit/unit.h"
#include "zone/names/rrset.h"

static const uint8_t key_name[] = "\3key\4test";
static const uint8_t hmac[] = "\13hmac-sha256";
static const uint8_t compressed_name[] = { 3, 'k', 'e', 'y', 0xc0, 12 + 5 }; /* key.test. */

struct message {
    uint8_t data[1024];
    struct writer w;
};

/* A query for pool.test. SOA with this many additional records. */
static struct message *begin(struct message *m, uint16_t flags, uint16_t additionals)
{
    m->w = writer_of(m->data, sizeof(m->data));
    const uint16_t head[] = { 0x1234, flags, 1, 0, 0, additionals };
    for (size_t i = 0; i < 6; i++) {
        write_u16(&m->w, head[i]);
    }
    write_octets(&m->w, "\4pool\4test\0\0\6\0\1", 15);
    return m;
}

static void add_opt(struct message *m)
{
    write_octets(&m->w, "\0\0\51\4\xd0\0\0\0\0\0\0", 11);
}

static void add_tsig(struct message *m, const uint8_t *owner, size_t owner_len, uint16_t rclass,
                     uint16_t mac_len)
{
    write_octets(&m->w, owner, owner_len);
    write_u16(&m->w, RR_TSIG);
    write_u16(&m->w, rclass);
    write_u32(&m->w, 0);
    write_u16(&m->w, (uint16_t)(sizeof(hmac) + 8 + 2 + mac_len + 6));
    write_octets(&m->w, hmac, sizeof(hmac));
    write_octets(&m->w, "\0\0\1\2\3\4\1\54", 8);
    write_u16(&m->w, mac_len);
    for (unsigned i = 0; i < mac_len; i++) {
        write_u8(&m->w, 0xaa);
    }
    write_u16(&m->w, 0x4321);
    write_u32(&m->w, 0);
}

static enum rcode rcode_of(struct query *query, const struct message *m)
{
    enum rcode rcode = RCODE_NOERROR;
    assert_false(m->w.failed);
    enum query_verdict verdict = query_parse(query, &rcode, m->data, m->w.at);
    assert_int_equal(verdict == QUERY_ANSWER, rcode == RCODE_NOERROR);
    return rcode;
}

/* RFC 8945 5.2.1 and 5.3.2: no key is known, so the response has a TSIG record without a MAC. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the response is written to `out` */
static size_t write_notauth(const struct query *query, uint8_t *out, size_t limit)
{
    const struct response response = { .query = query, .out = out, .limit = limit };
    return respond_reject(&response, RCODE_NOTAUTH).len;
}

static void every_key_is_unknown(void **)
{
    static const struct {
        const uint8_t *owner;
        size_t len;
    } owners[] = {
        { key_name, sizeof(key_name) },
        { compressed_name, sizeof(compressed_name) },
    };
    for (unsigned i = 0; i < 4; i++) {
        struct message m;
        struct query query;
        uint8_t out[512];
        bool with_opt = i >= 2;
        begin(&m, 0, with_opt ? 2 : 1);
        if (with_opt) {
            add_opt(&m);
        }
        add_tsig(&m, owners[i % 2].owner, owners[i % 2].len, 255, 32);
        assert_int_equal(rcode_of(&query, &m), RCODE_NOTAUTH);
        size_t len = write_notauth(&query, out, sizeof(out));
        assert_memory_equal(out, "\x12\x34\x80\x09\0\1\0\0\0\0\0", 11);
        assert_int_equal(out[11], with_opt ? 2 : 1);
        struct message wanted;
        wanted.w = writer_of(wanted.data, sizeof(wanted.data));
        add_tsig(&wanted, key_name, sizeof(key_name), 255, 0);
        wanted.data[wanted.w.at - 3] = 17; /* BADKEY */
        assert_true(len > wanted.w.at);
        assert_memory_equal(out + len - wanted.w.at, wanted.data, wanted.w.at);
    }
}

/* RFC 8945 5.1 */
static void not_last_or_twice_is_a_format_error(void **)
{
    struct message m;
    struct query query;
    begin(&m, 0, 2);
    add_tsig(&m, key_name, sizeof(key_name), 255, 32);
    add_opt(&m);
    assert_int_equal(rcode_of(&query, &m), RCODE_FORMERR);
    begin(&m, 0, 2);
    add_tsig(&m, key_name, sizeof(key_name), 255, 32);
    add_tsig(&m, key_name, sizeof(key_name), 255, 32);
    assert_int_equal(rcode_of(&query, &m), RCODE_FORMERR);
}

static void what_is_no_tsig_record_is_a_format_error(void **)
{
    static const uint8_t ahead[] = { 0xc0, 27 }, loop[] = { 1, 'a', 0xc0, 27 },
                         far[] = { 0xff, 0xff };
    struct message m;
    struct query query;
    begin(&m, 0, 1);
    add_tsig(&m, key_name, sizeof(key_name), RR_CLASS_IN, 32);
    assert_int_equal(rcode_of(&query, &m), RCODE_FORMERR);
    const struct {
        const uint8_t *owner;
        size_t len;
    } owners[] = { { ahead, sizeof(ahead) }, { loop, sizeof(loop) }, { far, sizeof(far) } };
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
        begin(&m, 0, 1);
        add_tsig(&m, owners[i].owner, owners[i].len, 255, 32);
        assert_int_equal(rcode_of(&query, &m), RCODE_FORMERR);
    }
    /* Every wrong length of the rdata. */
    begin(&m, 0, 1);
    size_t rdlen_at = m.w.at + sizeof(key_name) + 8;
    add_tsig(&m, key_name, sizeof(key_name), 255, 32);
    for (unsigned len = 0; len < 256; len++) {
        bool right = len == sizeof(hmac) + 8 + 2 + 32 + 6;
        wire_put_u16(m.data + rdlen_at, (uint16_t)len);
        assert_int_equal(rcode_of(&query, &m), right ? RCODE_NOTAUTH : RCODE_FORMERR);
    }
}

/* A signed transfer or update gets NOTAUTH too, whatever it would get without TSIG. */
static void other_requests_hear_of_their_key_as_well(void **)
{
    struct message m;
    struct query query;
    begin(&m, 5 << DNS_OPCODE_SHIFT, 1);
    add_tsig(&m, key_name, sizeof(key_name), 255, 32);
    assert_int_equal(rcode_of(&query, &m), RCODE_NOTAUTH);
    begin(&m, 0, 1);
    m.data[m.w.at - 3] = RR_AXFR;
    add_tsig(&m, key_name, sizeof(key_name), 255, 32);
    assert_int_equal(rcode_of(&query, &m), RCODE_NOTAUTH);
}

static void without_room_it_is_left_out(void **)
{
    struct message m;
    struct query query;
    uint8_t out[512], longest[255], small[60];
    for (unsigned i = 0; i < 255; i++) {
        longest[i] = i == 254 ? 0 : i % 2 == 0 ? 1 : 'a';
    }
    begin(&m, 0, 1);
    add_tsig(&m, longest, sizeof(longest), 255, 32);
    assert_int_equal(rcode_of(&query, &m), RCODE_NOTAUTH);
    size_t len = write_notauth(&query, out, sizeof(out));
    assert_int_equal(out[11], 1);
    assert_true(len > 255);
    len = write_notauth(&query, small, sizeof(small));
    assert_int_equal(small[11], 0);
    assert_int_equal(len, DNS_HEADER_LEN + 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_unknown),
        cmocka_unit_test(not_last_or_twice_is_a_format_error),
        cmocka_unit_test(what_is_no_tsig_record_is_a_format_error),
        cmocka_unit_test(other_requests_hear_of_their_key_as_well),
        cmocka_unit_test(without_room_it_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
