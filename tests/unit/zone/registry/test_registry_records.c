#include "tests/unit/registry_fixture.h"

enum {
    NAMES_ROOM = 512
};

static enum result node_at(const char *name, struct node *out)
{
    static uint8_t buffer[NODE_ENCODED_MAX];
    struct dname owner = name_of(name), apex = name_of("pool.test");
    struct dname_key key;
    dname_key_of(&key, &owner, &apex);
    return registry_node(txn, &key, buffer, out);
}

static struct rrset set_of(uint16_t type, const char *packed, size_t len, uint16_t count)
{
    return (struct rrset){
        .type = type, .count = count, .ttl = 60, .rdata = (const uint8_t *)packed, .rdata_len = len
    };
}

#define A_SET     set_of(RR_A, "\0\4\300\0\2\7", 6, 1)
#define AAAA_SET  set_of(RR_AAAA, "\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7", 18, 1)
#define TXT_SET   set_of(RR_TXT, "\0\2\1a", 4, 1)
#define MX_SET    set_of(RR_MX, "\0\3\0\12\0", 5, 1)
#define CNAME_SET set_of(RR_CNAME, "\0\1\0", 3, 1)

static enum result record(const char *name, struct rrset set)
{
    struct dname owner = name_of(name);
    diag.text[0] = '\0';
    return registry_record_set(&change, &owner, &set);
}

static enum result removal(const char *name, uint16_t type)
{
    return record(name, (struct rrset){ .type = type });
}

static void records_are_set_replaced_and_removed(void **)
{
    struct node node;
    assert_ok(record("WWW.pool.test", TXT_SET));
    assert_ok(record("www.pool.test", A_SET));
    assert_ok(record("www.pool.test", MX_SET));
    assert_ok(node_at("www.pool.test", &node));
    assert_int_equal(node.kind, NODE_STATIC);
    assert_int_equal(node.rrset_count, 3);
    assert_int_equal(node.rrsets[0].type, RR_A);
    assert_int_equal(node.rrsets[1].type, RR_MX);
    assert_int_equal(node.rrsets[2].type, RR_TXT);
    assert_ok(record("www.pool.test", set_of(RR_TXT, "\0\2\1b", 4, 1)));
    assert_ok(node_at("www.pool.test", &node));
    assert_int_equal(node.rrset_count, 3);
    assert_memory_equal(node.rrsets[2].rdata, "\0\2\1b", 4);
    assert_ok(removal("www.pool.test", RR_MX));
    assert_int_equal(removal("www.pool.test", RR_MX), RESULT_NOT_FOUND);
    assert_ok(removal("www.pool.test", RR_A));
    assert_ok(node_at("www.pool.test", &node));
    assert_ok(removal("www.pool.test", RR_TXT));
    assert_int_equal(node_at("www.pool.test", &node), RESULT_NOT_FOUND);
    assert_int_equal(removal("www.pool.test", RR_TXT), RESULT_NOT_FOUND);
}

static void apex_takes_records_but_no_addresses(void **)
{
    struct node node;
    assert_ok(record("pool.test", MX_SET));
    assert_ok(node_at("pool.test", &node));
    assert_int_equal(node.kind, NODE_APEX);
    assert_int_equal(node.rrset_count, 2);
    assert_int_equal(record("pool.test", A_SET), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "certificate"));
    assert_int_equal(record("pool.test", AAAA_SET), RESULT_REFUSED);
    assert_int_equal(record("pool.test", CNAME_SET), RESULT_REFUSED);
    assert_int_equal(record("pool.test", set_of(RR_CAA, "\0\0", 2, 1)), RESULT_REFUSED);
    assert_int_equal(removal("pool.test", RR_NS), RESULT_REFUSED);
    assert_ok(removal("pool.test", RR_MX));
    assert_ok(node_at("pool.test", &node));
    assert_int_equal(node.rrset_count, 1);
}

static void types_that_are_not_the_operators_are_refused(void **)
{
    static const uint16_t types[] = { 0,         RR_NS,     RR_SOA,        24,       30,
                                      RR_DNAME,  RR_OPT,    RR_DS,         RR_RRSIG, RR_NSEC,
                                      RR_DNSKEY, RR_NSEC3,  RR_NSEC3PARAM, RR_CDS,   RR_CDNSKEY,
                                      63,        RR_NXNAME, RR_TSIG,       RR_AXFR,  RR_ANY };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(record("www.pool.test", set_of(types[i], "\0\0", 2, 1)), RESULT_REFUSED);
        assert_true(diag.text[0] != '\0');
    }
}

static void names_that_are_not_the_operators_are_refused(void **)
{
    struct member named = member_of("own", NULL);
    (void)added("alice", "192.0.2.1");
    named.target = name_of("ntp1.example.net");
    assert_ok(registry_add(at(NOW), &named, true));
    static const struct {
        const char *name, *reason;
    } cases[] = {
        { "alice.pool.test", "member alice" },
        { "a.b.Alice.pool.test", "member alice" },
        { "own.pool.test", "member own" },
        { "_ntske._tcp.pool.test", "_ntske._tcp" },
        { "nl._ntske._tcp.pool.test", "_ntske._tcp" },
        { "*.pool.test", "wildcard" },
        { "a.*.pool.test", "wildcard" },
        { "www.example.net", "outside" },
        { "test", "outside" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(record(cases[i].name, TXT_SET), RESULT_REFUSED);
        assert_non_null(strstr(diag.text, cases[i].reason));
    }
    assert_ok(record("_sip._tcp.pool.test", TXT_SET));
    assert_ok(record("alice2.pool.test", TXT_SET));
}

static void members_keep_clear_of_static_names(void **)
{
    struct member member = member_of("deep", "192.0.2.1");
    assert_ok(record("a.deep.pool.test", TXT_SET));
    assert_int_equal(registry_add(at(NOW), &member, true), RESULT_REFUSED);
    assert_ok(removal("a.deep.pool.test", RR_TXT));
    assert_ok(record("deeper.pool.test", TXT_SET));
    assert_ok(registry_add(at(NOW), &member, true));
}

/* RFC 1034 3.6.2, RFC 2181 10.1 */
static void alias_stands_alone(void **)
{
    assert_ok(record("www.pool.test", CNAME_SET));
    assert_int_equal(record("www.pool.test", TXT_SET), RESULT_REFUSED);
    assert_int_equal(record("www.pool.test", A_SET), RESULT_REFUSED);
    assert_ok(record("www.pool.test", CNAME_SET));
    assert_ok(record("ftp.pool.test", TXT_SET));
    assert_int_equal(record("ftp.pool.test", CNAME_SET), RESULT_REFUSED);
    assert_int_equal(record("two.pool.test", set_of(RR_CNAME, "\0\1\0\0\3\1a\0", 8, 2)),
                     RESULT_REFUSED);
    assert_int_equal(record("ns1.pool.test", CNAME_SET), RESULT_REFUSED);
    assert_int_equal(record("_tcp.pool.test", CNAME_SET), RESULT_REFUSED);
    assert_ok(record("_tcp.pool.test", TXT_SET));
    struct node node;
    assert_ok(node_at("www.pool.test", &node));
    assert_int_equal(node.rrset_count, 1);
}

static void name_server_keeps_an_address(void **)
{
    assert_ok(record("ns1.pool.test", TXT_SET));
    assert_ok(record("ns1.pool.test", A_SET));
    assert_ok(removal("ns1.pool.test", RR_AAAA));
    assert_int_equal(removal("ns1.pool.test", RR_A), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "name server"));
    assert_ok(record("ns1.pool.test", AAAA_SET));
    assert_ok(removal("ns1.pool.test", RR_A));
}

static void bounds_of_a_name_hold(void **)
{
    for (unsigned i = 0; i < NODE_RRSETS_MAX; i++) {
        assert_ok(record("www.pool.test", set_of((uint16_t)(1000 + i), "\0\0", 2, 1)));
    }
    assert_int_equal(record("www.pool.test", TXT_SET), RESULT_REFUSED);
    static uint8_t big[NODE_ENCODED_MAX];
    wire_put_u16(big, sizeof(big) - 2);
    assert_int_equal(record("big.pool.test", set_of(1000, (char *)big, sizeof(big), 1)),
                     RESULT_TOO_LONG);
    assert_int_equal(record("bad.pool.test", set_of(RR_TXT, "\0\3\1a", 4, 1)), RESULT_INVALID);
    assert_int_equal(record("bad.pool.test", set_of(RR_TXT, "\0\2\1a", 4, 2)), RESULT_INVALID);
}

static enum result collect(const struct dname_key *key, const struct node *, void *arg)
{
    char text[DNAME_TEXT_MAX];
    struct dname name, apex = name_of("pool.test");
    assert_ok(dname_of_key(&name, key, &apex));
    size_t used = strlen(arg);
    (void)snprintf((char *)arg + used, NAMES_ROOM - used, "%s ", dname_text(&name, text));
    return RESULT_OK;
}

/* RFC 4034 6.1 */
static void nodes_stand_in_canonical_order(void **)
{
    char names[NAMES_ROOM] = "";
    (void)added("zoe", "192.0.2.1");
    (void)added("a-b", "192.0.2.2");
    assert_ok(record("z.a.pool.test", TXT_SET));
    assert_ok(record("\\000.pool.test", TXT_SET));
    assert_ok(registry_nodes(txn, collect, names));
    assert_string_equal(names, "pool.test. \\000.pool.test. _ntske._tcp.pool.test. z.a.pool.test. "
                               "a-b.pool.test. ns1.pool.test. zoe.pool.test. ");
}

static void near(enum store_seek seek, const char *from, const char *wanted)
{
    struct dname owner = name_of(from), apex = name_of("pool.test"), name;
    struct dname_key key, found;
    char text[DNAME_TEXT_MAX];
    dname_key_of(&key, &owner, &apex);
    enum result result = registry_near_key(txn, seek, &key, &found);
    if (wanted == NULL) {
        assert_int_equal(result, RESULT_NOT_FOUND);
        return;
    }
    assert_ok(result);
    assert_ok(dname_of_key(&name, &found, &apex));
    assert_string_equal(dname_text(&name, text), wanted);
}

static void neighbours_are_found_from_names_that_are_not_there(void **)
{
    near(SEEK_BEFORE, "pool.test", NULL);
    near(SEEK_AT_OR_BEFORE, "pool.test", "pool.test.");
    near(SEEK_AT_OR_AFTER, "pool.test", "pool.test.");
    near(SEEK_AFTER, "pool.test", "_ntske._tcp.pool.test.");
    near(SEEK_BEFORE, "a.pool.test", "_ntske._tcp.pool.test.");
    near(SEEK_BEFORE, "_tcp.pool.test", "pool.test.");
    near(SEEK_AFTER, "_tcp.pool.test", "_ntske._tcp.pool.test.");
    near(SEEK_AFTER, "ns1.pool.test", NULL);
    near(SEEK_BEFORE, "x.ns1.pool.test", "ns1.pool.test.");
    near(SEEK_LAST, "pool.test", "ns1.pool.test.");
    near(SEEK_FIRST, "pool.test", "pool.test.");
}

static void unreadable_names_are_damage(void **)
{
    char names[NAMES_ROOM] = "";
    struct node node;
    uint8_t service = NODE_SERVICE;
    assert_ok(store_put(txn, TABLE_NAMES, "b", 1, &service, 1)); /* no end */
    assert_int_equal(registry_nodes(txn, collect, names), RESULT_DAMAGED);
    assert_ok(store_delete(txn, TABLE_NAMES, "b", 1));
    assert_ok(store_put(txn, TABLE_NAMES, "b", 2, "", 1));
    assert_int_equal(node_at("b.pool.test", &node), RESULT_DAMAGED);
    assert_int_equal(record("b.pool.test", TXT_SET), RESULT_DAMAGED);
    assert_ok(store_put(txn, TABLE_SETTINGS, ".apex", 5, "?", 1));
    registry_begin(&change, txn, NOW, &diag); /* a change reads the apex once */
    assert_int_equal(record("c.pool.test", TXT_SET), RESULT_DAMAGED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(records_are_set_replaced_and_removed),
        CASE(apex_takes_records_but_no_addresses),
        CASE(types_that_are_not_the_operators_are_refused),
        CASE(names_that_are_not_the_operators_are_refused),
        CASE(members_keep_clear_of_static_names),
        CASE(alias_stands_alone),
        CASE(name_server_keeps_an_address),
        CASE(bounds_of_a_name_hold),
        CASE(nodes_stand_in_canonical_order),
        CASE(neighbours_are_found_from_names_that_are_not_there),
        CASE(unreadable_names_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
