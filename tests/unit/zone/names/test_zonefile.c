#include "tests/unit/unit.h"
#include "zone/names/zonefile.h"

enum {
    SEEN_MAX = 32
};

struct seen {
    size_t count;
    struct one {
        struct dname owner;
        uint16_t type;
        uint32_t ttl;
        unsigned line;
        size_t rdata_len;
        uint8_t rdata[512];
    } list[SEEN_MAX];
    enum result answer; /* result of the visitor */
};

static struct dname name(const char *text)
{
    struct dname out;
    assert_ok(dname_parse(&out, text, NULL));
    return out;
}

static enum result note(const struct zonefile_record *record, void *arg, struct diag *)
{
    struct seen *seen = arg;
    assert_true(seen->count < SEEN_MAX);
    struct one *one = &seen->list[seen->count++];
    one->owner = record->owner;
    one->type = record->type;
    one->ttl = record->ttl;
    one->line = record->line;
    one->rdata_len = record->rdata_len;
    memcpy(one->rdata, record->rdata,
           record->rdata_len < sizeof one->rdata ? record->rdata_len : sizeof one->rdata);
    return seen->answer;
}

static enum result read_octets_of(struct seen *seen, const void *text, size_t len,
                                  struct diag *diag)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    rewind(file);
    const struct zonefile_source from = {
        .file = file, .path = "z", .origin = name("pool.test."), .default_ttl = 300
    };
    enum result result = zonefile_read(&from, note, seen, diag);
    (void)fclose(file);
    return result;
}

static enum result read_text_of(struct seen *seen, const char *text, struct diag *diag)
{
    return read_octets_of(seen, text, strlen(text), diag);
}

static void expect(const struct one *one, const char *owner, uint16_t type, uint32_t ttl,
                   unsigned line)
{
    char text[DNAME_TEXT_MAX];
    assert_string_equal(dname_text(&one->owner, text), owner);
    assert_int_equal(one->type, type);
    assert_int_equal(one->ttl, ttl);
    assert_int_equal(one->line, line);
}

static void records_come_with_owner_ttl_and_line(void **)
{
    struct seen seen = { 0 };
    struct diag diag = { "" };
    assert_ok(read_text_of(&seen,
                           "; a comment\n"
                           "WWW A 192.0.2.1\n"
                           "    60 AAAA 2001:db8::1\n"
                           "\n"
                           "$TTL 1h ; from here on\n"
                           "@ IN MX 10 Mail\n"
                           "x 2h IN TXT (\n"
                           "   \"a;b\" ; not the semicolon inside\n"
                           "   c )\n"
                           "$ORIGIN Sub\n"
                           "x IN 1h30m CNAME Y.Other.Test.\r\n"
                           "$ORIGIN Other.Test.\n"
                           "y CLASS1 TYPE65280 \\# 3 aabbcc",
                           &diag));
    assert_int_equal(seen.count, 6);
    expect(&seen.list[0], "www.pool.test.", RR_A, 300, 2);
    expect(&seen.list[1], "www.pool.test.", RR_AAAA, 60, 3);
    expect(&seen.list[2], "pool.test.", RR_MX, 3600, 6);
    expect(&seen.list[3], "x.pool.test.", RR_TXT, 7200, 7);
    expect(&seen.list[4], "x.sub.pool.test.", RR_CNAME, 5400, 11);
    expect(&seen.list[5], "y.other.test.", 65280, 3600, 13);
    assert_int_equal(seen.list[3].rdata_len, 6);
    assert_memory_equal(seen.list[3].rdata, "\3a;b\1c", 6);
    assert_int_equal(seen.list[5].rdata_len, 3);
    assert_memory_equal(seen.list[5].rdata, "\xaa\xbb\xcc", 3);
}

/* RFC 4034 6.2 as amended by RFC 6840 5.1. */
static void names_in_rdata_are_in_lower_case_where_dnssec_wants_it(void **)
{
    struct seen seen = { 0 };
    struct diag diag = { "" };
    assert_ok(read_text_of(&seen,
                           "a NS Ns1\n"
                           "a SRV 0 1 4460 Alice\n"
                           "a SOA Ns1 Host 1 2 3 4 5\n"
                           "a TXT Text\n"
                           "a CAA 0 issue \"Ca.Example\"\n"
                           "a NSEC Next A\n",
                           &diag));
    assert_int_equal(seen.count, 6);
    assert_memory_equal(seen.list[0].rdata, "\3ns1\4pool\4test", 15);
    assert_memory_equal(seen.list[1].rdata, "\0\0\0\1\x11\x6c\5alice\4pool\4test", 23);
    assert_memory_equal(seen.list[2].rdata, "\3ns1\4pool\4test\0\4host\4pool\4test", 31);
    assert_memory_equal(seen.list[3].rdata, "\4Text", 5);
    assert_memory_equal(seen.list[4].rdata, "\0\5issueCa.Example", 17);
    assert_memory_equal(seen.list[5].rdata, "\4Next\4pool\4test", 16);
}

static void a_fault_is_reported_with_its_line(void **)
{
    const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        { "$INCLUDE /etc/passwd\n", 1 },
        { "\n; c\n$INCLUDE other.zone\n", 3 },
        { "$GENERATE 1-2 a A 1.2.3.4\n", 1 },
        { "$FOO\n", 1 },
        { "$TTL\n", 1 },
        { "$TTL x\n", 1 },
        { "$TTL 1h 2h\n", 1 },
        { "$TTL 2147483648\n", 1 },
        { "$ORIGIN\n", 1 },
        { "$ORIGIN a..b\n", 1 },
        { "a A 1.2.3\n", 1 },
        { "a A 1.2.3.4\n\n\nb A foo\n", 4 },
        { "a A 1.2.3.4 extra\n", 1 },
        { "a AAAA 1.2.3.4\n", 1 },
        { "a SRV 0 0 4460\n", 1 },
        { "a CAA 0 issue\n", 1 },
        { "a TXT\n", 1 },
        { "a FOO bar\n", 1 },
        { "a\n", 1 },
        { "a CH TXT x\n", 1 },
        { "a IN IN A 1.2.3.4\n", 1 },
        { "a 60 60 A 1.2.3.4\n", 1 },
        { "a 2147483648 A 1.2.3.4\n", 1 },
        { "a 99999999999999 A 1.2.3.4\n", 1 },
        { "a 4000w A 1.2.3.4\n", 1 },
        { "a 1x A 1.2.3.4\n", 1 },
        { "a..b A 1.2.3.4\n", 1 },
        { "a TYPE0 \\# 0\n", 1 },
        { "a TYPE65280 \\# 2 aa\n", 1 },
        { "a TXT ( x\n\n", 1 },
        { "\na TXT x )\n", 2 },
        { "a TXT \"x\nb A 1.2.3.4\n", 1 },
        { "a TXT x\\\n", 1 },
        { "a TXT \"x", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = { 0 };
        struct diag diag = { "" };
        assert_int_equal(read_text_of(&seen, cases[i].text, &diag), RESULT_INVALID);
        char place[16];
        (void)snprintf(place, sizeof place, "z:%u: ", cases[i].line);
        assert_memory_equal(diag.text, place, strlen(place));
    }
}

static void octets_that_are_no_text_are_refused(void **)
{
    struct seen seen = { 0 };
    struct diag diag = { "" };
    assert_int_equal(read_octets_of(&seen, "a\0b A 1.2.3.4\n", 14, &diag), RESULT_INVALID);
    assert_int_equal(seen.count, 0);
}

static void a_record_that_is_too_long_is_refused(void **)
{
    enum {
        ROOM = 300000
    };
    char *text = malloc(ROOM);
    assert_non_null(text);
    const unsigned strings[] = { 200, 300, 1000 };
    for (size_t i = 0; i < 3; i++) {
        size_t len = (size_t)snprintf(text, ROOM, "big TXT (");
        for (unsigned s = 0; s < strings[i]; s++) {
            len += (size_t)snprintf(text + len, ROOM - len, "\n%0250u", s);
        }
        (void)snprintf(text + len, ROOM - len, ")\nb A 1.2.3.4\n");
        struct seen seen = { 0 };
        struct diag diag = { "" };
        enum result result = read_text_of(&seen, text, &diag);
        if (strings[i] == 200) {
            assert_ok(result);
            assert_int_equal(seen.list[0].rdata_len, 200 * 251);
            expect(&seen.list[1], "b.pool.test.", RR_A, 300, 202);
        } else {
            assert_int_equal(result, RESULT_INVALID);
            assert_memory_equal(diag.text, "z:1: ", 5);
        }
    }
    free(text);
}

static void the_visitor_can_stop(void **)
{
    struct seen seen = { .answer = RESULT_EXISTS };
    struct diag diag = { "" };
    assert_int_equal(read_text_of(&seen, "a A 1.2.3.4\nb A 1.2.3.4\n", &diag), RESULT_EXISTS);
    assert_int_equal(seen.count, 1);
}

/* No truncation or flipped bit does worse than an error or another record. */
static void broken_files_do_no_harm(void **)
{
    char text[] = "$TTL 1h\na 60 IN SOA ns h ( 1 2 ; c\n 3 4 5 )\n  TXT \"x\\\"\" \\065\n"
                  "$ORIGIN b\n@ SRV 0 1 4460 c\nd CAA 0 issue \"e\"\nf TYPE9 \\# 1 aa\n";
    struct diag diag;
    for (size_t len = 0; len < sizeof text; len++) {
        struct seen seen = { 0 };
        enum result result = read_octets_of(&seen, text, len, &diag);
        assert_true(result == RESULT_OK || result == RESULT_INVALID);
    }
    for (size_t bit = 0; bit < (sizeof text - 1) * 8; bit++) {
        struct seen seen = { 0 };
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        enum result result = read_octets_of(&seen, text, sizeof text - 1, &diag);
        assert_true(result == RESULT_OK || result == RESULT_INVALID);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
}

static void what_is_printed_reads_back(void **)
{
    const char *text = "a\\000\\.b 300 IN TXT \"x\\\"y\" \"\\195\\164\"\n"
                       "s 300 IN SRV 0 1 4460 alice\n"
                       "c 300 IN CAA 0 issue \"ca.example; validationmethods=http-01\"\n"
                       "t 300 IN TYPE65280 \\# 3 aabbcc\n"
                       "m 300 IN MX 10 .\n"
                       "6 300 IN AAAA 2001:db8::1\n"
                       "h 300 IN HTTPS 1 . alpn=h2\n"
                       "l 300 IN TLSA 3 1 0 00aa\n";
    struct seen first = { 0 }, second = { 0 };
    struct diag diag = { "" };
    assert_ok(read_text_of(&first, text, &diag));
    assert_int_equal(first.count, 8);
    FILE *file = tmpfile();
    assert_non_null(file);
    for (size_t i = 0; i < first.count; i++) {
        const struct one *one = &first.list[i];
        uint8_t packed[600];
        struct rrset_builder b;
        struct rrset set;
        rrset_begin(&b, one->type, one->ttl, packed, sizeof packed);
        rrset_add(&b, one->rdata, one->rdata_len);
        assert_true(rrset_end(&b, &set));
        assert_ok(zonefile_print(file, &one->owner, &set));
    }
    rewind(file);
    const struct zonefile_source from = { .file = file, .path = "z", .origin = name(".") };
    assert_ok(zonefile_read(&from, note, &second, &diag));
    (void)fclose(file);
    assert_int_equal(second.count, first.count);
    for (size_t i = 0; i < first.count; i++) {
        assert_true(dname_equal(&first.list[i].owner, &second.list[i].owner));
        assert_int_equal(first.list[i].type, second.list[i].type);
        assert_int_equal(second.list[i].ttl, 300);
        assert_int_equal(second.list[i].line, i + 1);
        assert_int_equal(first.list[i].rdata_len, second.list[i].rdata_len);
        assert_memory_equal(first.list[i].rdata, second.list[i].rdata, first.list[i].rdata_len);
    }
}

static void a_ttl_of_zero_is_a_ttl(void **)
{
    struct seen seen = { 0 };
    struct diag diag = { "" };
    assert_ok(read_text_of(&seen, "a 0 A 1.2.3.4\nb A 1.2.3.4\n$TTL 0\nc A 1.2.3.4\n", &diag));
    expect(&seen.list[0], "a.pool.test.", RR_A, 0, 1);
    expect(&seen.list[1], "b.pool.test.", RR_A, 0, 2);
    expect(&seen.list[2], "c.pool.test.", RR_A, 0, 4);
}

static void printing_to_a_full_disk_fails(void **)
{
    FILE *file = fopen("/dev/full", "w");
    assert_non_null(file);
    (void)setvbuf(file, NULL, _IONBF, 0);
    const uint8_t rdata[] = { 0, 4, 192, 0, 2, 1 };
    const struct rrset set = { .type = RR_A, .count = 1, .rdata = rdata, .rdata_len = 6 };
    struct dname owner = name("a.");
    assert_int_equal(zonefile_print(file, &owner, &set), RESULT_SYSTEM);
    (void)fclose(file);
}

/* A store may hold rdata that an older version accepted: it is shown, and can be removed. */
static void invalid_rdata_is_printed_as_octets(void **)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    assert_non_null(file);
    const uint8_t rdata[] = { 0, 3, 192, 0, 2 };
    const struct rrset set = { .type = RR_A, .count = 1, .rdata = rdata, .rdata_len = 5 };
    struct dname owner = name("a.");
    assert_ok(zonefile_print(file, &owner, &set));
    (void)fclose(file);
    assert_string_equal(text, "a.\t0\tIN\tA\t\\# 3 c00002\n");
    free(text);
}

/* RFC 1035 5.1: the last TTL stated, unless there is $TTL (RFC 2308 4). */
static void a_missing_ttl_is_the_last_one_stated(void **)
{
    struct seen seen = { 0 };
    struct diag diag = { "" };
    assert_ok(read_text_of(&seen,
                           "a A 1.2.3.4\n"
                           "b 60 A 1.2.3.4\n"
                           "  A 1.2.3.5\n"
                           "c A 1.2.3.4\n"
                           "d IN 0 A 1.2.3.4\n"
                           "e A 1.2.3.4\n"
                           "$TTL 2h\n"
                           "f 60 A 1.2.3.4\n"
                           "g A 1.2.3.4\n",
                           &diag));
    const uint32_t ttls[] = { 300, 60, 60, 60, 0, 0, 60, 7200 };
    assert_int_equal(seen.count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(seen.list[i].ttl, ttls[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_with_owner_ttl_and_line),
        cmocka_unit_test(names_in_rdata_are_in_lower_case_where_dnssec_wants_it),
        cmocka_unit_test(a_fault_is_reported_with_its_line),
        cmocka_unit_test(octets_that_are_no_text_are_refused),
        cmocka_unit_test(a_record_that_is_too_long_is_refused),
        cmocka_unit_test(the_visitor_can_stop),
        cmocka_unit_test(broken_files_do_no_harm),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(a_ttl_of_zero_is_a_ttl),
        cmocka_unit_test(printing_to_a_full_disk_fails),
        cmocka_unit_test(invalid_rdata_is_printed_as_octets),
        cmocka_unit_test(a_missing_ttl_is_the_last_one_stated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
