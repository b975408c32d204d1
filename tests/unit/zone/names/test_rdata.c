#include <time.h>

#include "tests/unit/unit.h"
#include "zone/base/wire.h"
#include "zone/names/rdata.h"
#include "zone/names/rrset.h"

static uint8_t octets[RDATA_MAX];

static uint16_t type_of(const char *text)
{
    uint16_t type = 0;
    assert_ok(rdata_type_parse(&type, text));
    return type;
}

/* "SRV 0 0 4460 a" into `octets`. */
static enum result parse(const char *line, uint16_t *type, size_t *len, struct diag *why)
{
    struct dname origin;
    char name[RDATA_TYPE_ROOM] = "";
    size_t end = strcspn(line, " ");
    struct writer w = writer_of(octets, sizeof octets);
    assert_ok(dname_parse(&origin, "pool.test.", NULL));
    memcpy(name, line, end);
    *type = type_of(name);
    enum result result = rdata_parse(*type, line + end, &origin, &w, why);
    *len = w.at;
    return result;
}

static char *print(uint16_t type, const uint8_t *rdata, size_t rdata_len)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    assert_non_null(file);
    rdata_print(file, type, rdata, rdata_len);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void types_have_names_and_numbers(void **)
{
    const struct {
        const char *text;
        uint16_t type;
    } good[] = {
        { "A", 1 },         { "srv", 33 },          { "CAA", 257 },         { "TYPE65", 65 },
        { "type257", 257 }, { "TYPE65535", 65535 }, { "DNSKEY", RR_DNSKEY }
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint16_t type = 0;
        assert_ok(rdata_type_parse(&type, good[i].text));
        assert_int_equal(type, good[i].type);
    }
    const char *bad[] = { "",       "FOO",    "TYPE", "TYPE0",          "TYPE65536",
                          "TYPE-1", "TYPE1x", "1",    "TYPE99999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint16_t type = 7;
        assert_int_equal(rdata_type_parse(&type, bad[i]), RESULT_NOT_FOUND);
        assert_int_equal(type, 7);
    }
    for (unsigned type = 1; type <= UINT16_MAX; type++) {
        char text[16];
        uint16_t back = 0;
        assert_ok(rdata_type_parse(&back, rdata_type_text((uint16_t)type, text)));
        assert_int_equal(back, type);
    }
    char text[16];
    assert_string_equal(rdata_type_text(RR_NSEC3PARAM, text), "NSEC3PARAM");
    assert_string_equal(rdata_type_text(65280, text), "TYPE65280");
}

/* The text form in each RFC; the second is the printed form, NULL: the same. */
static const struct {
    const char *text, *printed;
} good[] = {
    { "A 192.0.2.1", NULL },
    { "AAAA 2001:DB8:0::1", "2001:db8::1" },
    { "NS Ns1", "ns1.pool.test." },
    { "SOA ns1 host 1 2h 3 4 5", "ns1.pool.test. host.pool.test. 1 7200 3 4 5" },
    { "MX 65535 @", "65535 pool.test." },
    { "SRV 0 0 65535 .", "0 0 65535 ." },
    { "TXT \"\"", NULL },
    { "TXT a \"b c\" \\\"\\009\\;\\200", "\"a\" \"b c\" \"\\\"\\009;\\200\"" },
    { "TXT \"a\"\"b\"", "\"a\" \"b\"" },
    { "HINFO \"\" PC", "\"\" \"PC\"" },
    { "CAA 0 issue \"\"", NULL },
    { "CAA 128 issue ca.example\\;x=y", "128 issue \"ca.example;x=y\"" },
    { "CAA 0 Issue \"a\"", "\\# 8 0005497373756561" },
    { "URI 10 1 \"ftp://a b/\"", NULL },
    { "NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!i\" .", NULL },
    { "SSHFP 4 2 0123456789abcdef0123456789abcdef 0123456789ABCDEF0123456789abcdef",
      "4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
    { "TLSA 3 1 0 00ff", NULL },
    { "CERT PKIX 0 RSASHA256 AAEC", "1 0 8 AAEC" },
    { "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
      "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m" },
    { "LOC 90 S 180 W 42849672.95",
      "90 0 0.000 S 180 0 0.000 W 42849672.95m 1.00m 10000.00m 10.00m" },
    { "APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8",
      "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8" },
    { "APL", "\\# 0" },
    { "IPSECKEY 10 1 2 192.0.2.38 AQNR", NULL },
    { "IPSECKEY 10 3 2 Gw AQNR", "10 3 2 Gw.pool.test. AQNR" },
    { "IPSECKEY 10 0 0 .", NULL },
    { "AMTRELAY 10 1 3 relay", "\\# 19 0a830572656c617904706f6f6c047465737400" },
    { "HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ== rvs",
      "\\# 39 10020004200100107b1a74df365639cc39f1d5780301000103727673"
      "04706f6f6c047465737400" },
    { "NSEC next A MX TYPE1234 RRSIG", "next.pool.test. A MX RRSIG TYPE1234" },
    { "NSEC3 1 1 12 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", NULL },
    { "NSEC3PARAM 1 0 12 AABBCCDD", "1 0 12 aabbccdd" },
    { "RRSIG A 13 3 60 20261231235959 20261201000000 12345 . AAEC", NULL },
    { "DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
      "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118" },
    { "DNSKEY 257 3 ECDSAP256SHA256 AAEC", "257 3 13 AAEC" },
    { "CSYNC 66 3 A NS AAAA", NULL },
    { "EUI48 00-00-5e-00-53-2a", NULL },
    { "EUI64 00-00-5E-EF-10-00-00-2A", "00-00-5e-ef-10-00-00-2a" },
    { "NID 10 14:4fff:ff20:ee64", "10 0014:4fff:ff20:ee64" },
    { "L32 10 10.1.2.0", NULL },
    { "X25 311061700956", "\\# 13 0c333131303631373030393536" },
    { "SVCB 0 Other", "0 Other.pool.test." },
    { "HTTPS 1 . port=53 alpn=h2,h3", "1 . alpn=h2,h3 port=53" },
    { "SVCB 16 a. mandatory=\"port,alpn\" alpn=\"h2\" port=5 ipv4hint=192.0.2.1,192.0.2.2 "
      "ipv6hint=2001:db8::1",
      "16 a. mandatory=alpn,port alpn=h2 port=5 ipv4hint=192.0.2.1,192.0.2.2 "
      "ipv6hint=2001:db8::1" },
    { "SVCB 1 a. key667=\"hello\\210qoo\" ech=AAEC", "1 a. ech=AAEC key667=\"hello\\210qoo\"" },
    { "SVCB 1 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", "\\# 19 0001000001000c08665c6f6f2c626172026832" },
    { "WKS 192.0.2.1 TCP 25 80", "\\# 16 c00002010600000040000000000000"
                                 "80" },
    { "NSAP 0x47.0005.80", "\\# 4 47000580" },
    { "TYPE1 \\# 4 c0000201", "192.0.2.1" },
    { "TYPE65280 \\# 3 AA bbCC", "\\# 3 aabbcc" },
    { "TYPE65280 \\# 0", NULL },
};

static void text_becomes_octets_and_the_same_text_again(void **)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint16_t type = 0;
        size_t len = 0;
        struct diag why = { "" };
        if (parse(good[i].text, &type, &len, &why) != RESULT_OK) {
            fail_msg("%s: %s", good[i].text, why.text);
        }
        assert_true(rdata_check(type, octets, len));
        char *text = print(type, octets, len);
        assert_string_equal(text, good[i].printed != NULL ? good[i].printed
                                                          : strchr(good[i].text, ' ') + 1);
        uint8_t first[512];
        assert_true(len <= sizeof first);
        memcpy(first, octets, len);
        struct dname root = { .len = 1 };
        struct writer w = writer_of(octets, sizeof octets);
        assert_ok(rdata_parse(type, text, &root, &w, &why));
        assert_int_equal(w.at, len);
        assert_memory_equal(octets, first, len);
        free(text);
    }
}

static const char *const bad[] = {
    "A 192.0.2.256",
    "A 192.0.2",
    "A 192.0.2.1 1",
    "A 0192.0.2.1",
    "A",
    "AAAA 2001:db8::1::",
    "AAAA 192.0.2.1",
    "MX -1 a",
    "MX 65536 a",
    "MX 1",
    "MX +1 a",
    "MX 0x1 a",
    "MX 1 a b",
    "MX 1 a..b",
    "MX 1 \"a\"",
    "MX 1 a\"b",
    "SRV 0 0 70000 a",
    "SRV 70000 0 0 a",
    "SRV 0 70000 0 a",
    "SRV 0 0 4460",
    "SRV 0 0 1e3 a",
    "SOA a b 4294967296 1 1 1 1",
    "SOA a b 1 1 1 1 -1",
    "SOA a b 1 1x 1 1 1",
    "TXT \"\\999\"",
    "TXT \\256",
    "TXT \\25",
    "TXT \"\\1\"",
    "TXT",
    "HINFO a",
    "HINFO a b c",
    "CAA 256 issue x",
    "CAA -1 issue x",
    "CAA 0 \"\" x",
    "CAA 0 is-sue x",
    "CAA 0 issue",
    "CAA 0 issue a b",
    "CAA 0 issue \"\\999\"",
    "URI 10 1 \"\"",
    "URI 70000 1 \"a\"",
    "URI 1 70000 \"a\"",
    "NAPTR 70000 1 a b \"\" .",
    "NAPTR 1 70000 a b \"\" .",
    "NAPTR 1 1 a b \"!a!b\" .",
    "NAPTR 1 1 a b \"!a!b!x\" .",
    "NAPTR 1 1 a b \"\"",
    "SSHFP 4 2 00",
    "SSHFP 256 1 00",
    "SSHFP 1 1 0g",
    "SSHFP 1 3 000",
    "SSHFP 1 3",
    "TLSA 256 1 0 00",
    "TLSA 3 1 1 00",
    "TLSA 3 1 2 00",
    "TLSA 3 1 0",
    "SMIMEA 3 1 1 00aa",
    "CERT 65536 0 0 AA==",
    "CERT PKIY 0 0 AA==",
    "CERT 1 0 256 AA==",
    "CERT 1 0 0 A",
    "CERT 1 0 0",
    "CERT 1 0 0 AA=A",
    "CERT 1 0 0 \"!\"",
    "LOC 91 N 0 E 0m",
    "LOC 0 60 N 0 E 0m",
    "LOC 0 0 60 N 0 E 0m",
    "LOC 0 N 181 E 0m",
    "LOC 0 N 0 E",
    "LOC 0 N 0 E 42849672.96m",
    "LOC 0 N 0 E -100000.01m",
    "LOC 0 N 0 E 0m 90000001m",
    "LOC 0 N 0 E 0m -1m",
    "LOC 0 E 0 N 0m",
    "LOC 90 0 0.001 N 0 E 0",
    "LOC 0 N 0 E 0m 1 1 1 1",
    "APL 1:192.0.2.0/33",
    "APL 3:192.0.2.0/3",
    "APL 1:192.0.2/3",
    "APL 2:::/129",
    "APL x",
    "IPSECKEY 10 4 2 . AQNR",
    "IPSECKEY 256 0 2 .",
    "IPSECKEY 10 1 2 2001:db8::1 AQNR",
    "IPSECKEY 10 0 2 a",
    "AMTRELAY 10 2 0 .",
    "AMTRELAY 10 0 4 .",
    "HIP 256 00 AA==",
    "HIP 2 0 AA==",
    "HIP 2 00",
    "HIP 2 00 =",
    "NSEC a FOO",
    "NSEC3 1 1 70000 - 00 A",
    "NSEC3PARAM 1 0 12 0",
    "NSEC3PARAM 1 0 12 xy",
    "NSEC3 1 1 1 - 1 A",
    "NSEC3 1 1 1 - w0000000 A",
    "RRSIG A 13 3 60 20261331235959 1 1 . AA==",
    "RRSIG FOO 13 3 60 1 1 1 . AA==",
    "DS 1 13 2 00",
    "DS 65536 13 2 00",
    "DS 1 FOO 1 00",
    "CDS 1 1 4 00",
    "DLV 1 1 1 00",
    "DNSKEY 1 3 8",
    "KEY 1 3 8",
    "KEY 49152 3 8 AA==",
    "KEY 0 3 253 BWFi",
    "KEY 0 3 254 BWFi",
    "DNSKEY 1 3 8 ?",
    "DNSKEY 65536 3 8 AA==",
    "ZONEMD 1 1 1 00",
    "ZONEMD 1 1 240 00",
    "EUI48 00-00-5e-00-53",
    "EUI48 00-00-5e-00-53-2a-00",
    "EUI48 00005e00532a",
    "EUI48 0-000-5e-00-53-2a",
    "EUI64 00-00-5e-ef-10-00-00-2g",
    "NID 1 0014:4fff:ff20",
    "NID 1 0014:4fff:ff20:ee64:1",
    "NID 1 00145:4fff:ff20:ee64",
    "NID 65536 0014:4fff:ff20:ee64",
    "L32 1 1.2.3",
    "L64 1 x",
    "LP 70000 a",
    "X25 123",
    "X25 12a45",
    "NSAP xyz",
    "NULL abc",
    "WKS 1.2.3.4 256",
    "WKS 1.2.3.4 6 65536",
    "WKS 1.2.3.4 tcp smtp",
    "A6 00",
    "NXT a 00",
    "SINK 1 1 00",
    "ATMA 1 00",
    "NSAP 47",
    "SVCB 70000 .",
    "SVCB 1",
    "SVCB 1 . port=70000",
    "SVCB 1 . port",
    "SVCB 1 . port=1 port=2",
    "SVCB 1 . alpn",
    "SVCB 1 . alpn=\"\"",
    "SVCB 1 . alpn=a,,b",
    "SVCB 1 . no-default-alpn",
    "SVCB 1 . alpn=a no-default-alpn=x",
    "SVCB 1 . mandatory=port",
    "SVCB 1 . mandatory=mandatory",
    "SVCB 1 . ipv4hint=1.2.3",
    "SVCB 1 . ipv6hint=1.2.3.4",
    "SVCB 1 . ech=?",
    "SVCB 1 . foo=bar",
    "SVCB 1 . key65535=a",
    "SVCB 1 . key65536=a",
    "SVCB 1 . key01=a",
    "SVCB 1 . \"port=1\"",
    "SVCB 1 . mandatory=port,port port=1",
    /* RFC 3597 5: known types are checked, too */
    "TYPE1 \\# 3 c00002",
    "A \\# 5 c000020100",
    "TYPE64 \\# 2 0001",
    "TYPE33 \\# 6 000000000000",
    "TYPE33 \\# 8 000000000000c00c",
    "TYPE16 \\# 0",
    "TYPE16 \\# 2 0561",
    "TYPE257 \\# 2 0000",
    "TYPE47 \\# 3 000000",
    "TYPE47 \\# 4 00000100",
    "TYPE29 \\# 16 01121613000000000000000000000000",
    "TYPE29 \\# 16 00a21613800000008000000000000000",
    "TYPE42 \\# 5 0001200100",
    "TYPE38 \\# 1 81",
    "TYPE55 \\# 4 00000000",
    "TYPE65280 \\# 2 aa",
    "TYPE65280 \\# 1 aabb",
    "TYPE65280 \\# 65536",
    "TYPE65280 \\# -1",
    "TYPE65280 \\# 1 a",
    "TYPE65280 \\#",
    "TYPE65280 abc",
    "TYPE65280",
    "TYPE16 \\# 1",
};

static void what_does_not_fit_is_refused(void **)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint16_t type = 0;
        size_t len = 1;
        struct diag why = { "" };
        if (parse(bad[i], &type, &len, &why) != RESULT_INVALID) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_int_equal(len, 0);
        assert_string_not_equal(why.text, "");
    }
}

/* RFC 1035 3.3.14: a string has at most 255 octets, a record any number of them. */
static void strings_have_an_end(void **)
{
    char line[1024];
    uint16_t type = 0;
    size_t len = 0;
    struct diag why = { "" };
    (void)snprintf(line, sizeof line, "TXT \"%0255d\"", 0);
    assert_ok(parse(line, &type, &len, &why));
    assert_int_equal(len, 256);
    (void)snprintf(line, sizeof line, "TXT \"%0256d\"", 0);
    assert_int_equal(parse(line, &type, &len, &why), RESULT_INVALID);
    (void)snprintf(line, sizeof line, "CAA 0 issue \"%0256d\"", 0);
    assert_ok(parse(line, &type, &len, &why));
    assert_int_equal(len, 2 + 5 + 256);
}

static void no_octets_do_harm(void **)
{
    uint32_t random = 1;
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t rdata[40];
        uint16_t type = (uint16_t)(round % 270);
        for (size_t i = 0; i < sizeof rdata; i++) {
            random = random * 1664525U + 1013904223U;
            rdata[i] = random >> 30 == 0 ? (uint8_t)(random >> 16) : (uint8_t)(random >> 27);
        }
        size_t len = random >> 8 & 31;
        uint8_t *exact = malloc(len + 1); /* the sanitizer detects a read over its end */
        assert_non_null(exact);
        memmove(exact, rdata, len);
        exact = realloc(exact, len > 0 ? len : 1);
        assert_non_null(exact);
        struct dname root = { .len = 1 };
        struct writer w = writer_of(octets, sizeof octets);
        struct diag why = { "" };
        bool is_good = rdata_check(type, exact, len);
        rdata_lower(type, exact, is_good ? len : 0);
        char *text = print(type, exact, len);
        enum result result = rdata_parse(type, text, &root, &w, &why);
        assert_int_equal(result, is_good ? RESULT_OK : RESULT_INVALID);
        if (is_good) {
            assert_int_equal(w.at, len);
            assert_memory_equal(octets, exact, len);
        }
        free(text);
        free(exact);
    }
}

/* RFC 4034 3.2: what the C library says of the same time. */
static void times_of_signatures_are_dates(void **)
{
    uint8_t rdata[] = { 0, 1, 13, 3, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0 };
    uint32_t times[] = { 0, 951782399, 951782400, 951868800, 4107542399, 4107542400, UINT32_MAX };
    uint32_t at = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char expected[96], date[32];
        at = i < sizeof times / sizeof times[0] ? times[i] : at + 1 + at % 429497;
        time_t time = (time_t)at;
        struct tm tm;
        assert_non_null(gmtime_r(&time, &tm));
        assert_true(strftime(date, sizeof date, "%Y%m%d%H%M%S", &tm) > 0);
        wire_put_u32(rdata + 8, at);
        wire_put_u32(rdata + 12, at);
        (void)snprintf(expected, sizeof expected, "A 13 3 60 %s %s 1 . AA==", date, date);
        char *text = print(RR_RRSIG, rdata, sizeof rdata);
        assert_string_equal(text, expected);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names_and_numbers),
        cmocka_unit_test(text_becomes_octets_and_the_same_text_again),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(strings_have_an_end),
        cmocka_unit_test(no_octets_do_harm),
        cmocka_unit_test(times_of_signatures_are_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
