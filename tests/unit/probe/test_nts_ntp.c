#include "probe/nts_ntp.h"
#include "tests/unit/unit.h"

enum {
    ROOM = 4096
};

static const struct nts_keys test_keys = { .c2s = { AEAD_SIV_CMAC_256, { 1, 2, 3 } },
                                           .s2c = { AEAD_SIV_CMAC_256, { 9, 8, 7 } } };

static struct nts_query query_of(unsigned placeholders)
{
    struct nts_query query = { .placeholders = placeholders };
    memset(query.transmit, 0x11, sizeof(query.transmit));
    memset(query.uid, 0x22, sizeof(query.uid));
    memset(query.nonce, 0x33, sizeof(query.nonce));
    return query;
}

static struct nts_cookie cookie_of(uint16_t len)
{
    struct nts_cookie cookie = { .len = len };
    memset(cookie.octets, 0x44, len);
    return cookie;
}

/* -- a server's side -- */

struct fake {
    uint8_t first; /* leap, version, mode */
    uint8_t stratum;
    const char *refid;
    uint8_t origin[8];
    uint8_t uid[NTS_UID_LEN];
    bool without_uid, without_authenticator, field_after;
    unsigned cookies;
    size_t cookie_len;
    struct aead_key key;
};

static struct fake fake_of(const struct nts_query *query)
{
    struct fake fake = {
        .first = 4 << 3 | 4, .stratum = 2, .refid = "GPS", .cookies = 1, .cookie_len = 100
    };
    memcpy(fake.origin, query->transmit, sizeof(fake.origin));
    memcpy(fake.uid, query->uid, sizeof(fake.uid));
    fake.key = test_keys.s2c;
    return fake;
}

static void put_field(struct writer *w, uint16_t type, const void *value, size_t len)
{
    write_u16(w, type);
    write_u16(w, (uint16_t)(len + 4));
    write_octets(w, value, len);
}

static size_t answer(uint8_t *out, const struct fake *fake)
{
    static const uint8_t zeros[64];
    struct writer w = writer_of(out, ROOM);
    write_u8(&w, fake->first);
    write_u8(&w, fake->stratum);
    write_octets(&w, "\x06\xe9", 2);
    write_u32(&w, 0x00000100);
    write_u32(&w, 0x00000200);
    write_octets(&w, fake->refid, 4);
    write_u64(&w, 1);
    write_octets(&w, fake->origin, 8);
    write_u64(&w, 0x1000000000000000);
    write_u64(&w, 0x1000000000000001);
    if (!fake->without_uid) {
        put_field(&w, 0x0104, fake->uid, sizeof(fake->uid));
    }
    if (!fake->without_authenticator) {
        uint8_t text[2048];
        uint8_t sealed[2048 + AEAD_TAG_LEN];
        uint8_t cookie[1024];
        struct writer inner = writer_of(text, sizeof(text));
        for (unsigned i = 0; i < fake->cookies; i++) {
            memset(cookie, 0x50 + (int)i, sizeof(cookie));
            put_field(&inner, 0x0204, cookie, fake->cookie_len);
        }
        const uint8_t nonce[16] = { 0x77 };
        assert_true(aead_seal(sealed, &fake->key, (struct octets){ out, w.at },
                              (struct octets){ nonce, sizeof(nonce) },
                              (struct octets){ text, inner.at }));
        size_t sealed_len = inner.at + AEAD_TAG_LEN;
        write_u16(&w, 0x0404);
        write_u16(&w, (uint16_t)(4 + 4 + sizeof(nonce) + sealed_len));
        write_u16(&w, sizeof(nonce));
        write_u16(&w, (uint16_t)sealed_len);
        write_octets(&w, nonce, sizeof(nonce));
        write_octets(&w, sealed, sealed_len);
    }
    if (fake->field_after) {
        put_field(&w, 0x0104, zeros, 32);
    }
    assert_false(w.failed);
    return w.at;
}

static enum failure judge(struct nts_reply *out, const struct fake *fake,
                          const struct nts_query *query)
{
    uint8_t packet[ROOM];
    char detail[NTS_DETAIL_ROOM] = "";
    size_t len = answer(packet, fake);
    enum failure failure =
        nts_ntp_parse(out, (struct octets){ packet, len }, query, ROOM, &test_keys.s2c, detail);
    assert_true(failure == FAILURE_NONE || detail[0] != '\0');
    return failure;
}

/* -- claims -- */

/* RFC 8915 5.7: the request read field by field, as a server does */
static void request_is_what_a_server_expects(void **)
{
    uint8_t packet[ROOM];
    struct writer w = writer_of(packet, sizeof(packet));
    const struct nts_query query = query_of(2);
    const struct nts_cookie cookie = cookie_of(100);
    assert_true(nts_ntp_request(&w, &query, &cookie, &test_keys.c2s));
    assert_int_equal(w.at, 48 + 36 + 3 * 104 + 40);
    assert_int_equal(packet[0], 0x23);
    for (size_t i = 1; i < 40; i++) {
        assert_int_equal(packet[i], 0);
    }
    assert_memory_equal(packet + 40, query.transmit, 8);
    assert_memory_equal(packet + 48, "\x01\x04\x00\x24", 4);
    assert_memory_equal(packet + 52, query.uid, 32);
    assert_memory_equal(packet + 84, "\x02\x04\x00\x68", 4);
    assert_memory_equal(packet + 88, cookie.octets, 100);
    assert_memory_equal(packet + 188, "\x03\x04\x00\x68", 4);
    assert_memory_equal(packet + 292, "\x03\x04\x00\x68", 4);
    assert_memory_equal(packet + 396, "\x04\x04\x00\x28\x00\x10\x00\x10", 8);
    assert_memory_equal(packet + 404, query.nonce, 16);
    uint8_t none[1];
    assert_true(aead_open(none, &test_keys.c2s, (struct octets){ packet, 396 },
                          (struct octets){ packet + 404, 16 },
                          (struct octets){ packet + 420, 16 }));
}

static void request_pads_cookies_to_four_octets(void **)
{
    uint8_t packet[ROOM];
    struct writer w = writer_of(packet, sizeof(packet));
    const struct nts_query query = query_of(0);
    const struct nts_cookie cookie = cookie_of(101);
    assert_true(nts_ntp_request(&w, &query, &cookie, &test_keys.c2s));
    assert_memory_equal(packet + 84, "\x02\x04\x00\x6c", 4);
    assert_memory_equal(packet + 88 + 101, "\0\0\0", 3);
}

static void request_fails_when_it_does_not_fit(void **)
{
    const struct nts_query query = query_of(NTS_PLACEHOLDERS_MAX);
    const struct nts_cookie cookie = cookie_of(NTS_COOKIE_MAX);
    uint8_t packet[NTS_NTP_MAX];
    for (size_t room = 0; room < sizeof(packet); room += 7) {
        struct writer w = writer_of(packet, room);
        assert_false(nts_ntp_request(&w, &query, &cookie, &test_keys.c2s));
    }
    struct writer w = writer_of(packet, sizeof(packet));
    assert_true(nts_ntp_request(&w, &query, &cookie, &test_keys.c2s));
    assert_int_equal(w.at, sizeof(packet));
}

static void good_reply_brings_header_and_cookies(void **)
{
    const struct nts_query query = query_of(1);
    struct fake fake = fake_of(&query);
    struct nts_reply reply;
    fake.cookies = 2;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NONE);
    assert_int_equal(reply.header.stratum, 2);
    assert_int_equal(reply.header.leap, 0);
    assert_int_equal(reply.header.root_delay, 0x100);
    assert_int_equal(reply.header.root_dispersion, 0x200);
    assert_true(reply.header.receive == 0x1000000000000000);
    assert_true(reply.header.transmit == 0x1000000000000001);
    assert_int_equal(reply.cookies_seen, 2);
    assert_int_equal(reply.cookie_count, 2);
    assert_int_equal(reply.cookies[1].len, 100);
    assert_int_equal(reply.cookies[1].octets[99], 0x51);
}

static void reply_of_another_mode_or_version_is_malformed(void **)
{
    const struct nts_query query = query_of(0);
    const uint8_t firsts[] = { 4 << 3 | 3, 4 << 3 | 5, 3 << 3 | 4, 5 << 3 | 4 };
    for (size_t i = 0; i < sizeof(firsts); i++) {
        struct fake fake = fake_of(&query);
        struct nts_reply reply;
        fake.first = firsts[i];
        assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_MALFORMED);
    }
}

static void reply_without_our_origin_uid_or_key_has_its_own_class(void **)
{
    const struct nts_query query = query_of(0);
    struct nts_reply reply;
    struct fake fake = fake_of(&query);
    fake.origin[7] ^= 1;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_ORIGIN);
    fake = fake_of(&query);
    fake.uid[31] ^= 1;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_UID);
    fake = fake_of(&query);
    fake.without_uid = true;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_UID);
    fake = fake_of(&query);
    fake.key.octets[31] ^= 1;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_AUTH);
    fake = fake_of(&query);
    fake.without_authenticator = true;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_AUTH);
}

static void authenticator_must_be_the_last_field(void **)
{
    const struct nts_query query = query_of(0);
    struct nts_reply reply;
    struct fake fake = fake_of(&query);
    fake.field_after = true;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_MALFORMED);
}

/* RFC 8915 5.7 */
static void kiss_counts_only_with_our_uid(void **)
{
    const struct {
        const char *refid;
        enum failure failure;
    } rows[] = { { "NTSN", FAILURE_NTP_NAK },
                 { "RATE", FAILURE_NTP_RATE },
                 { "DENY", FAILURE_NTP_DENY },
                 { "RSTR", FAILURE_NTP_DENY } };
    const struct nts_query query = query_of(0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nts_reply reply;
        struct fake fake = fake_of(&query);
        fake.without_authenticator = true;
        fake.stratum = 0;
        fake.refid = rows[i].refid;
        assert_int_equal(judge(&reply, &fake, &query), rows[i].failure);
        fake.uid[0] ^= 1;
        assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_UID);
        fake.uid[0] ^= 1;
        fake.stratum = 1;
        assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_AUTH);
    }
}

static void other_kiss_codes_need_an_authenticator(void **)
{
    const struct nts_query query = query_of(0);
    struct nts_reply reply;
    struct fake fake = fake_of(&query);
    fake.stratum = 0;
    fake.refid = "INIT";
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NONE);
    fake.without_authenticator = true;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_AUTH);
}

static void reply_without_a_cookie_or_longer_than_the_request_fails(void **)
{
    const struct nts_query query = query_of(0);
    struct nts_reply reply;
    struct fake fake = fake_of(&query);
    fake.cookies = 0;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_COOKIES);
    uint8_t packet[ROOM];
    char detail[NTS_DETAIL_ROOM];
    fake.cookies = 2;
    size_t len = answer(packet, &fake);
    const struct octets datagram = { packet, len };
    assert_int_equal(nts_ntp_parse(&reply, datagram, &query, len, &test_keys.s2c, detail),
                     FAILURE_NONE);
    assert_int_equal(nts_ntp_parse(&reply, datagram, &query, len - 1, &test_keys.s2c, detail),
                     FAILURE_NTP_TOO_LONG);
}

static void more_cookies_than_fit_are_counted(void **)
{
    const struct nts_query query = query_of(0);
    struct nts_reply reply;
    struct fake fake = fake_of(&query);
    fake.cookies = 17;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NONE);
    assert_int_equal(reply.cookies_seen, 17);
    assert_int_equal(reply.cookie_count, NTS_COOKIES);
    fake.cookies = 1;
    fake.cookie_len = NTS_COOKIE_MAX + 4;
    assert_int_equal(judge(&reply, &fake, &query), FAILURE_NTP_COOKIES);
}

static void no_prefix_of_a_good_reply_is_good(void **)
{
    const struct nts_query query = query_of(0);
    const struct fake fake = fake_of(&query);
    uint8_t packet[ROOM];
    size_t len = answer(packet, &fake);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, packet, cut);
        struct nts_reply reply;
        char detail[NTS_DETAIL_ROOM];
        assert_int_not_equal(nts_ntp_parse(&reply, (struct octets){ copy, cut }, &query, ROOM,
                                           &test_keys.s2c, detail),
                             FAILURE_NONE);
        free(copy);
    }
}

static void no_flipped_bit_passes(void **)
{
    const struct nts_query query = query_of(0);
    const struct fake fake = fake_of(&query);
    uint8_t packet[ROOM];
    size_t len = answer(packet, &fake);
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct nts_reply reply;
        char detail[NTS_DETAIL_ROOM];
        packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(nts_ntp_parse(&reply, (struct octets){ packet, len }, &query, ROOM,
                                           &test_keys.s2c, detail),
                             FAILURE_NONE);
        packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_what_a_server_expects),
        cmocka_unit_test(request_pads_cookies_to_four_octets),
        cmocka_unit_test(request_fails_when_it_does_not_fit),
        cmocka_unit_test(good_reply_brings_header_and_cookies),
        cmocka_unit_test(reply_of_another_mode_or_version_is_malformed),
        cmocka_unit_test(reply_without_our_origin_uid_or_key_has_its_own_class),
        cmocka_unit_test(authenticator_must_be_the_last_field),
        cmocka_unit_test(kiss_counts_only_with_our_uid),
        cmocka_unit_test(other_kiss_codes_need_an_authenticator),
        cmocka_unit_test(reply_without_a_cookie_or_longer_than_the_request_fails),
        cmocka_unit_test(more_cookies_than_fit_are_counted),
        cmocka_unit_test(no_prefix_of_a_good_reply_is_good),
        cmocka_unit_test(no_flipped_bit_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
