#include <sodium.h>

#include "dnssec/keys/key.h"
#include "dnssec/signing/rrsig.h"
#include "tests/unit/tools/check/made_answers.h"

#define PARENT   "192.0.2.53"
#define SOA      "an pool.test. 60 SOA ns1.pool.test. h.pool.test. 7 60 60 60 60"
#define OWN_NS   "an pool.test. 60 NS ns1.pool.test.\nan pool.test. 60 NS ns2.pool.test."
#define REFERRAL "au pool.test. 60 NS ns1.pool.test.\nau pool.test. 60 NS ns2.pool.test.\n"
#define GLUE     "ad ns1.pool.test. 60 A 192.0.2.1\nad ns2.pool.test. 60 A 192.0.2.2"

enum {
    RDATA_ROOM = 512,
    TEXT_ROOM = 4096,
    VALID_S = 86400
};

/* A pool without DNSSEC, with one server of the parent. Rows that were added before count first. */
static struct check *parent_of(void)
{
    struct check *check = made_check();
    check->parents.count = 1;
    check->parents.list[0].address = address_of(PARENT);
    check->parent_zone = name_of("test.");
    return check;
}

static void run(struct check *check, const char *referral)
{
    made_add((struct made){ PARENT, "pool.test.", "NS", .records = referral });
    made_add((struct made){ NULL, "pool.test.", "SOA", .authority = true, .records = SOA });
    made_add((struct made){ NULL, "pool.test.", "NS", .authority = true, .records = OWN_NS });
    made_add((struct made){ NULL, "ns1.pool.test.", "A", .authority = true,
                            .records = "an ns1.pool.test. 60 A 192.0.2.1" });
    made_add((struct made){ NULL, "ns2.pool.test.", "A", .authority = true,
                            .records = "an ns2.pool.test. 60 A 192.0.2.2" });
    made_add((struct made){ NULL, NULL, "AAAA", .authority = true });
    check_parent(check);
}

static enum check_id judge(struct check *check, const char *referral)
{
    run(check, referral);
    return made_bad(check);
}

static void a_delegation_like_the_pool_itself_passes(void **)
{
    struct check *check = parent_of();
    assert_int_equal(judge(check, REFERRAL GLUE), CHECK_COUNT);
    assert_int_equal(made_level(check, CHECK_NS_SET), CHECK_OK);
    assert_int_equal(made_level(check, CHECK_GLUE), CHECK_OK);
    assert_int_equal(made_level(check, CHECK_LAME), CHECK_OK);
    assert_int_equal(made_level(check, CHECK_DS_MATCH), CHECK_LEVELS); /* no keys */
    made_done(check);
}

static void each_fault_of_a_delegation_has_its_check(void **)
{
    static const struct {
        const char *referral;
        enum check_id id;
        const char *says;
    } rows[] = {
        { "au pool.test. 60 NS ns1.pool.test.\n" GLUE, CHECK_NS_SET, "has ns1.pool.test." },
        { "", CHECK_NS_SET, "no NS records" },
        { REFERRAL "ad ns1.pool.test. 60 A 192.0.2.1", CHECK_GLUE, "no IPv4 address of ns2" },
        { REFERRAL GLUE "\nad ns1.pool.test. 60 AAAA 2001:db8::1", CHECK_GLUE, "other IPv6" },
        { REFERRAL GLUE "\nad ns2.pool.test. 60 A 192.0.2.3", CHECK_GLUE, "other IPv4" },
        /* A name server that the pool does not name: no glue of it is missed. */
        { REFERRAL "au pool.test. 60 NS ns3.pool.test.\n" GLUE, CHECK_NS_SET, "ns3" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = parent_of();
        assert_int_equal(judge(check, rows[i].referral), rows[i].id);
        assert_int_equal(made_level(check, rows[i].id), CHECK_ERROR);
        assert_true(made_says(check, rows[i].id, rows[i].says));
        made_done(check);
    }
}

/* Others of the parent may answer; clients ask them. */
/* RFC 9859 4.1: at the name of the pool, else at that of all children. */
static void where_the_parent_takes_notify_is_shown(void **)
{
    static const struct {
        const char *name, *record, *says; /* NULL: the parent denies it */
    } rows[] = {
        { "pool._dsync.test.", "CDS 1 5359 scan.test.", "at scan.test. port 5359" },
        { "_dsync.test.", "CDS 1 53 all.test.", "at all.test. port 53" },
        { "_dsync.test.", "CSYNC 1 53 all.test.", "no NOTIFY" }, /* of another type */
        { "_dsync.test.", "CDS 2 53 all.test.", "no NOTIFY" },   /* by another scheme */
        { "_dsync.test.", NULL, "no NOTIFY" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = parent_of();
        char record[128] = "";
        if (rows[i].record != NULL) {
            (void)snprintf(record, sizeof(record), "an %s 60 DSYNC %s", rows[i].name,
                           rows[i].record);
        }
        made_add(
            (struct made){ PARENT, rows[i].name, "TYPE66", .authority = true, .records = record });
        assert_int_equal(judge(check, REFERRAL GLUE), CHECK_COUNT);
        assert_int_equal(made_level(check, CHECK_DSYNC), CHECK_INFO);
        assert_true(made_says(check, CHECK_DSYNC, rows[i].says));
        made_done(check);
    }
    struct check *check = parent_of();
    (void)judge(check, REFERRAL GLUE);
    assert_int_equal(made_level(check, CHECK_DSYNC), CHECK_LEVELS); /* nobody says anything */
    made_done(check);
}

static void a_silent_server_of_the_parent_is_a_warning(void **)
{
    struct check *check = parent_of();
    made_add((struct made){ PARENT, .manner = MADE_SILENCE });
    assert_int_equal(judge(check, ""), CHECK_NS_SET);
    assert_int_equal(made_level(check, CHECK_NS_SET), CHECK_WARNING);
    made_done(check);
}

static void a_server_of_the_parent_without_a_route_is_not_judged(void **)
{
    struct check *check = parent_of();
    check->parents.list[check->parents.count++].address = address_of("2001:db8::53");
    made_add((struct made){ "2001:db8::53", .manner = MADE_NO_ROUTE });
    assert_int_equal(judge(check, REFERRAL GLUE), CHECK_COUNT);
    assert_true(made_says(check, CHECK_NS_SET, "no IPv6 route from here"));
    made_done(check);
}

/* Without its own name servers to compare with, nothing is called the same. */
static void what_the_pool_does_not_say_is_not_compared(void **)
{
    struct check *check = parent_of();
    made_add((struct made){ "192.0.2.1", .manner = MADE_SILENCE });
    made_add((struct made){ "192.0.2.2", .manner = MADE_SILENCE });
    assert_int_equal(judge(check, REFERRAL GLUE), CHECK_LAME);
    assert_int_equal(made_level(check, CHECK_NS_SET), CHECK_INFO);
    assert_int_equal(made_level(check, CHECK_GLUE), CHECK_LEVELS);
    made_done(check);
}

/* By what the addresses of ns2 do, two of them. */
static void a_name_server_is_lame_by_all_of_its_addresses(void **)
{
    static const struct {
        enum made_manner first, second;
        enum check_level level;
    } rows[] = {
        { MADE_ANSWER, MADE_SILENCE, CHECK_OK },
        { MADE_ANSWER, MADE_NO_ROUTE, CHECK_OK },
        { MADE_SILENCE, MADE_SILENCE, CHECK_ERROR },
        { MADE_SILENCE, MADE_NO_ROUTE, CHECK_WARNING },
        { MADE_NO_ROUTE, MADE_SILENCE, CHECK_WARNING },
        { MADE_NO_ROUTE, MADE_NO_ROUTE, CHECK_INFO },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = parent_of();
        check->servers[2] = check->servers[1];
        check->servers[2].endpoint.address = address_of("2001:db8::2");
        check->server_count = 3;
        made_add((struct made){ "192.0.2.2", .manner = rows[i].first, .rcode = 0, .authority = true,
                                .records = SOA });
        made_add((struct made){ "2001:db8::2", .manner = rows[i].second });
        run(check, REFERRAL GLUE);
        assert_int_equal(made_level(check, CHECK_LAME), rows[i].level);
        made_done(check);
    }
}

/* -- DS -- */

/* A pool with one key. */
struct keyed {
    struct key *key;
    uint8_t dnskey[KEY_DNSKEY_MAX];
    size_t dnskey_len;
    char records[TEXT_ROOM]; /* DNSKEY and its RRSIG */
    char ds[3][RDATA_ROOM];  /* right, of another digest, of an unknown digest type */
};

static char *put_hex(char *out, const uint8_t *data, size_t len)
{
    (void)sodium_bin2hex(out, 2 * len + 1, data, len);
    return out;
}

static void sign_keys(struct keyed *keyed)
{
    const struct dname zone = name_of("pool.test.");
    uint8_t set_data[RDATA_ROOM], rrsig[RRSIG_PREFIX_MAX + KEY_SIGNATURE_LEN], data[2 * RDATA_ROOM];
    char hex[2][2 * RDATA_ROOM];
    struct rrset_builder b;
    struct rrset set;
    rrset_begin(&b, RR_DNSKEY, 60, set_data, sizeof(set_data));
    rrset_add(&b, keyed->dnskey, keyed->dnskey_len);
    assert_true(rrset_end(&b, &set));
    struct writer w = writer_of(rrsig, sizeof(rrsig));
    write_u16(&w, RR_DNSKEY);
    write_u8(&w, ALGORITHM_ECDSAP256SHA256);
    write_u8(&w, rrsig_labels(&zone));
    write_u32(&w, 60);
    write_u32(&w, MADE_NOW + VALID_S);
    write_u32(&w, MADE_NOW - VALID_S);
    write_u16(&w, key_tag(keyed->key));
    dname_write(&w, &zone);
    size_t prefix_len = w.at;
    struct writer octets = writer_of(data, sizeof(data));
    rrsig_write_signed(&octets, rrsig, prefix_len, &zone, &set);
    struct key_context *context = NULL;
    assert_ok(key_context_new(&context, keyed->key));
    assert_ok(key_sign(context, data, octets.at, rrsig + prefix_len));
    key_context_free(context);
    size_t len = prefix_len + KEY_SIGNATURE_LEN;
    (void)snprintf(keyed->records, sizeof(keyed->records),
                   "an pool.test. 60 DNSKEY \\# %zu %s\nan pool.test. 60 RRSIG \\# %zu %s",
                   keyed->dnskey_len, put_hex(hex[0], keyed->dnskey, keyed->dnskey_len), len,
                   put_hex(hex[1], rrsig, len));
}

static struct keyed *keyed_of(void)
{
    struct keyed *keyed = xcalloc(1, sizeof(*keyed));
    uint8_t owned[RDATA_ROOM], digest[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1];
    assert_ok(key_generate(&keyed->key, ALGORITHM_ECDSAP256SHA256, KEY_CSK, NULL));
    keyed->dnskey_len = key_dnskey(keyed->key, keyed->dnskey);
    sign_keys(keyed);
    const struct dname zone = name_of("pool.test.");
    struct writer w = writer_of(owned, sizeof(owned));
    dname_write(&w, &zone);
    write_octets(&w, keyed->dnskey, keyed->dnskey_len);
    (void)crypto_hash_sha256(digest, owned, w.at);
    unsigned tag = key_tag(keyed->key);
    (void)snprintf(keyed->ds[0], RDATA_ROOM, "%u 13 2 %s", tag,
                   put_hex(hex, digest, sizeof(digest)));
    (void)snprintf(keyed->ds[1], RDATA_ROOM, "%u 13 2 %s", tag,
                   "00000000000000000000000000000000000000000000000000000000000000ff");
    (void)snprintf(keyed->ds[2], RDATA_ROOM, "%u 13 99 00ff", tag);
    return keyed;
}

/* Judges a parent with these DS records, one a line, while CDS asks for `cds`; NULL: for nothing.
 */
static struct check *judge_ds(const char *ds, const char *cds, uint32_t ttl, uint64_t asked_at)
{
    struct keyed *keyed = keyed_of();
    struct check *check = parent_of();
    char answer[TEXT_ROOM] = "", wanted[TEXT_ROOM] = "";
    check->has_state = true;
    check->ds_asked_at = asked_at;
    for (const char *at = ds; *at != '\0'; at++) {
        size_t used = strlen(answer);
        (void)snprintf(answer + used, sizeof(answer) - used, "an pool.test. %u DS %s\n", ttl,
                       *at == 'x'
                           ? "4711 13 2 "
                             "00000000000000000000000000000000000000000000000000000000000000ff"
                           : keyed->ds[*at - '0']);
    }
    if (cds != NULL) {
        (void)snprintf(wanted, sizeof(wanted), "an pool.test. 60 CDS %s",
                       *cds == '-' ? "0 0 0 00" : keyed->ds[*cds - '0']);
    }
    made_add((struct made){ PARENT, "pool.test.", "DS", .authority = true, .records = answer });
    made_add((struct made){ NULL, "pool.test.", "DNSKEY", .authority = true,
                            .records = keyed->records });
    made_add((struct made){ NULL, "pool.test.", "CDS", .authority = true, .records = wanted });
    run(check, REFERRAL GLUE);
    key_free(keyed->key);
    free(keyed);
    return check;
}

static void each_ds_record_is_judged(void **)
{
    static const struct {
        const char *ds, *cds;
        enum check_level match, state;
        const char *says;
    } rows[] = {
        { "0", NULL, CHECK_OK, CHECK_OK, "all of signing keys" },
        { "0", "0", CHECK_OK, CHECK_OK, "all of signing keys" },
        { "0x", NULL, CHECK_ERROR, CHECK_OK, "4711 is of no key" },
        { "1", NULL, CHECK_ERROR, CHECK_OK, "of no key" },
        { "02", NULL, CHECK_INFO, CHECK_OK, "unknown digest type" },
        { "", NULL, CHECK_WARNING, CHECK_LEVELS, "not secure" },
        { "", "-", CHECK_INFO, CHECK_LEVELS, "as the pool asks for" },
        { "0x", "0", CHECK_ERROR, CHECK_INFO, "of no key" },
        { "0", "-", CHECK_OK, CHECK_INFO, "all of signing keys" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = judge_ds(rows[i].ds, rows[i].cds, 60, 0);
        assert_int_equal(made_level(check, CHECK_DS_MATCH), rows[i].match);
        assert_int_equal(made_level(check, CHECK_DS_STATE), rows[i].state);
        assert_true(made_says(check, CHECK_DS_MATCH, rows[i].says));
        made_done(check);
    }
}

static void a_parent_that_is_late_is_a_warning(void **)
{
    uint64_t patience = default_settings().parent_delay_s + 86400;
    struct check *check = judge_ds("0x", "0", 60, MADE_NOW - 7200);
    assert_int_equal(made_level(check, CHECK_DS_STATE), CHECK_INFO);
    assert_true(made_says(check, CHECK_DS_STATE, "for 2 h"));
    made_done(check);
    check = judge_ds("0x", "0", 60, MADE_NOW - patience - 1);
    assert_int_equal(made_level(check, CHECK_DS_STATE), CHECK_WARNING);
    made_done(check);
}

static void the_ttl_of_ds_is_held_against_the_setting(void **)
{
    uint32_t most = default_settings().parent_ds_ttl_s;
    struct check *check = judge_ds("0", NULL, most, 0);
    assert_int_equal(made_level(check, CHECK_DS_TTL), CHECK_OK);
    made_done(check);
    check = judge_ds("0", NULL, most + 1, 0);
    assert_int_equal(made_level(check, CHECK_DS_TTL), CHECK_WARNING);
    made_done(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delegation_like_the_pool_itself_passes),
        cmocka_unit_test(each_fault_of_a_delegation_has_its_check),
        cmocka_unit_test(where_the_parent_takes_notify_is_shown),
        cmocka_unit_test(a_silent_server_of_the_parent_is_a_warning),
        cmocka_unit_test(a_server_of_the_parent_without_a_route_is_not_judged),
        cmocka_unit_test(what_the_pool_does_not_say_is_not_compared),
        cmocka_unit_test(a_name_server_is_lame_by_all_of_its_addresses),
        cmocka_unit_test(each_ds_record_is_judged),
        cmocka_unit_test(a_parent_that_is_late_is_a_warning),
        cmocka_unit_test(the_ttl_of_ds_is_held_against_the_setting),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
