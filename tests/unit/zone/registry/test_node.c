#include "tests/unit/unit.h"
#include "zone/registry/node.h"

static struct settings settings_of_test(void)
{
    struct settings settings;
    settings_defaults(&settings);
    assert_ok(dname_parse(&settings.apex, "pool.test", NULL));
    assert_ok(dname_parse(&settings.primary, "NS1.pool.test", NULL));
    assert_ok(dname_parse(&settings.mailbox, "hostmaster.pool.test", NULL));
    settings.serial = 0x01020304;
    settings.ttl_s = 3600;
    settings.address_ttl_s = 300;
    settings.negative_ttl_s = 60;
    assert_ok(settings_set(&settings, "ca", "letsencrypt.org", NULL));
    return settings;
}

static struct node member_node(void)
{
    struct node node = { .kind = NODE_MEMBER, .member_id = 0x1122334455667788, .address_count = 3 };
    assert_ok(address_parse(&node.addresses[0], "192.0.2.9"));
    assert_ok(address_parse(&node.addresses[1], "2001:db8::1"));
    assert_ok(address_parse(&node.addresses[2], "192.0.2.1"));
    (void)snprintf(node.accounturi, sizeof(node.accounturi), "https://ca.example/acct/7");
    return node;
}

static const uint8_t mx_rdata[] = { 0, 4, 0, 10, 0, 0 };
static const uint8_t txt_rdata[] = { 0, 2, 1, 'a', 0, 2, 1, 'b' };

static struct node static_node(enum node_kind kind)
{
    return (struct node){
        .kind = kind,
        .rrset_count = 2,
        .rrsets = {
            { .type = RR_MX, .count = 1, .ttl = 0, .rdata = mx_rdata, .rdata_len = 6 },
            { .type = RR_TXT, .count = 2, .ttl = 77, .rdata = txt_rdata, .rdata_len = 8 },
        },
    };
}

static size_t encode(const struct node *node, uint8_t *data, size_t room)
{
    struct writer w = writer_of(data, room);
    node_encode(&w, node);
    assert_false(w.failed);
    return w.at;
}

static void assert_same(const struct node *a, const struct node *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->member_id == b->member_id);
    assert_int_equal(a->address_count, b->address_count);
    assert_memory_equal(a->addresses, b->addresses, a->address_count * sizeof(a->addresses[0]));
    assert_string_equal(a->accounturi, b->accounturi);
    assert_int_equal(a->rrset_count, b->rrset_count);
    for (unsigned i = 0; i < a->rrset_count; i++) {
        assert_int_equal(a->rrsets[i].type, b->rrsets[i].type);
        assert_int_equal(a->rrsets[i].count, b->rrsets[i].count);
        assert_int_equal(a->rrsets[i].ttl, b->rrsets[i].ttl);
        assert_int_equal(a->rrsets[i].rdata_len, b->rrsets[i].rdata_len);
        assert_memory_equal(a->rrsets[i].rdata, b->rrsets[i].rdata, a->rrsets[i].rdata_len);
    }
}

enum {
    NODES = 5
};

static unsigned all_nodes(struct node out[NODES])
{
    out[0] = member_node();
    out[1] = static_node(NODE_STATIC);
    out[2] = static_node(NODE_APEX);
    out[3] = (struct node){ .kind = NODE_SERVICE };
    out[4] = (struct node){ .kind = NODE_WHOAMI };
    return NODES;
}

static void nodes_survive_the_round_trip(void **)
{
    struct node nodes[NODES], decoded;
    unsigned count = all_nodes(nodes);
    for (unsigned i = 0; i < count; i++) {
        uint8_t data[512];
        size_t len = encode(&nodes[i], data, sizeof(data));
        assert_ok(node_decode(&decoded, data, len));
        assert_same(&decoded, &nodes[i]);
    }
}

static void every_short_prefix_is_damaged_and_leaves_the_output(void **)
{
    struct node nodes[NODES];
    unsigned count = all_nodes(nodes);
    for (unsigned i = 0; i < count; i++) {
        uint8_t data[512];
        size_t len = encode(&nodes[i], data, sizeof(data));
        for (size_t cut = 0; cut <= len + 1; cut++) {
            uint8_t *exact = malloc(cut > 0 ? cut : 1);
            memset(exact, 0, cut > 0 ? cut : 1);
            memcpy(exact, data, cut < len ? cut : len);
            struct node decoded = { .kind = NODE_SERVICE, .member_id = 99 };
            enum result wanted = cut == len ? RESULT_OK : RESULT_DAMAGED;
            assert_int_equal(node_decode(&decoded, exact, cut), wanted);
            assert_true(wanted == RESULT_OK || decoded.member_id == 99);
            free(exact);
        }
    }
}

/* Builds every RRset that the node lists. */
static void use(const struct node *node, const struct settings *settings)
{
    uint16_t types[NODE_TYPES_MAX];
    size_t count = node_types(node, settings, 0, types);
    assert_true(count <= NODE_TYPES_MAX);
    for (size_t i = 0; i < count; i++) {
        uint8_t scratch[NODE_SCRATCH];
        struct rrset set;
        if (node_rrset(node, settings, types[i], 0, scratch, &set)) {
            assert_true(rrset_check(&set));
        }
    }
}

/* Whatever a flipped bit makes of a row, reads of the node stay inside it. */
static void flipped_bits_never_lead_outside(void **)
{
    struct settings settings = settings_of_test();
    struct node nodes[NODES], node;
    unsigned count = all_nodes(nodes), accepted = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t data[512];
        size_t len = encode(&nodes[i], data, sizeof(data));
        for (size_t bit = 0; bit < len * 8; bit++) {
            uint8_t *flipped = malloc(len);
            memcpy(flipped, data, len);
            flipped[bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (node_decode(&node, flipped, len) == RESULT_OK) {
                use(&node, &settings);
                accepted++;
            }
            free(flipped);
        }
    }
    assert_true(accepted > 0);
}

static void layouts_that_do_not_add_up_are_damaged(void **)
{
    uint8_t data[512];
    struct node out;
    struct node node = static_node(NODE_STATIC);
    node.rrsets[1].type = RR_MX; /* not ascending */
    assert_int_equal(node_decode(&out, data, encode(&node, data, sizeof(data))), RESULT_DAMAGED);
    node = static_node(NODE_STATIC);
    node.rrsets[1].count = 3; /* two records */
    assert_int_equal(node_decode(&out, data, encode(&node, data, sizeof(data))), RESULT_DAMAGED);
    node = static_node(NODE_STATIC);
    node.rrsets[0].count = 0;
    node.rrsets[0].rdata_len = 0;
    assert_int_equal(node_decode(&out, data, encode(&node, data, sizeof(data))), RESULT_DAMAGED);
    data[0] = 0;
    assert_int_equal(node_decode(&out, data, 1), RESULT_DAMAGED);
    data[0] = NODE_WHOAMI + 1;
    assert_int_equal(node_decode(&out, data, 1), RESULT_NEWER);
}

static void expect_rdata(const struct rrset *set, unsigned i, const void *wanted, size_t wanted_len)
{
    size_t at = 0;
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (unsigned n = 0; n <= i; n++) {
        assert_true(rrset_next(set, &at, &rdata, &len));
    }
    assert_int_equal(len, wanted_len);
    assert_memory_equal(rdata, wanted, len);
}

static void member_serves_its_addresses_in_canonical_order(void **)
{
    struct settings settings = settings_of_test();
    struct node node = member_node();
    uint8_t scratch[NODE_SCRATCH];
    struct rrset set;
    assert_true(node_rrset(&node, &settings, RR_A, 0, scratch, &set));
    assert_int_equal(set.count, 2);
    assert_int_equal(set.ttl, 300);
    expect_rdata(&set, 0, "\xc0\x00\x02\x01", 4);
    expect_rdata(&set, 1, "\xc0\x00\x02\x09", 4);
    assert_true(node_rrset(&node, &settings, RR_AAAA, 0, scratch, &set));
    assert_int_equal(set.count, 1);
    expect_rdata(&set, 0, node.addresses[1].octets, 16);
    assert_false(node_rrset(&node, &settings, RR_TXT, 0, scratch, &set));
    assert_false(node_rrset(&node, &settings, RR_SOA, 0, scratch, &set));
}

static void left_out_addresses_are_neither_served_nor_listed(void **)
{
    struct settings settings = settings_of_test();
    struct node node = member_node();
    uint8_t scratch[NODE_SCRATCH];
    uint16_t types[NODE_TYPES_MAX];
    struct rrset set;
    assert_true(node_rrset(&node, &settings, RR_A, 1, scratch, &set));
    assert_int_equal(set.count, 1);
    expect_rdata(&set, 0, "\xc0\x00\x02\x01", 4);
    assert_false(node_rrset(&node, &settings, RR_AAAA, 2, scratch, &set));
    assert_int_equal(node_types(&node, &settings, 2, types), 2);
    assert_int_equal(types[0], RR_A);
    assert_int_equal(types[1], RR_CAA);
    assert_int_equal(node_types(&node, &settings, 0, types), 3);
    /* the mask is older than the row's addresses */
    assert_true(node_rrset(&node, &settings, RR_A, 7, scratch, &set));
    assert_int_equal(set.count, 2);
    assert_int_equal(node_types(&node, &settings, 7, types), 3);
}

static void expect_caa(const struct rrset *set, unsigned i, const char *tag, const char *value)
{
    uint8_t wanted[512];
    struct writer w = writer_of(wanted, sizeof(wanted));
    write_u8(&w, 0);
    write_u8(&w, (uint8_t)strlen(tag));
    write_octets(&w, tag, strlen(tag));
    write_octets(&w, value, strlen(value));
    expect_rdata(set, i, wanted, w.at);
}

/* RFC 8659 4.2 and 4.3, RFC 8657 3 and 4 */
static void caa_binds_issuance_to_ca_method_and_account(void **)
{
    struct settings settings = settings_of_test();
    struct node node = member_node(), apex = static_node(NODE_APEX);
    uint8_t scratch[NODE_SCRATCH];
    struct rrset set;
    assert_true(node_rrset(&node, &settings, RR_CAA, 0, scratch, &set));
    assert_int_equal(set.count, 2);
    expect_caa(&set, 0, "issue",
               "letsencrypt.org; validationmethods=http-01,tls-alpn-01; "
               "accounturi=https://ca.example/acct/7");
    expect_caa(&set, 1, "issuewild", ";");
    node.accounturi[0] = '\0';
    assert_ok(settings_set(&settings, "ca", "a.example,b.example", NULL));
    assert_true(node_rrset(&node, &settings, RR_CAA, 0, scratch, &set));
    assert_int_equal(set.count, 3);
    expect_caa(&set, 0, "issue", "a.example; validationmethods=http-01,tls-alpn-01");
    expect_caa(&set, 1, "issue", "b.example; validationmethods=http-01,tls-alpn-01");
    assert_ok(settings_set(&settings, "ca", "none", NULL));
    assert_true(node_rrset(&node, &settings, RR_CAA, 0, scratch, &set));
    expect_caa(&set, 0, "issue", ";");
    assert_int_equal(set.count, 2);
    settings = settings_of_test();
    assert_true(node_rrset(&apex, &settings, RR_CAA, 0, scratch, &set));
    assert_int_equal(set.count, 2);
    expect_caa(&set, 0, "issue", ";");
    expect_caa(&set, 1, "issuewild", ";");
}

static void longest_caa_fits_its_scratch(void **)
{
    struct settings settings = settings_of_test();
    struct node node = member_node();
    memset(node.accounturi, 'u', sizeof(node.accounturi) - 1);
    settings.ca_count = SETTINGS_CA_MAX;
    for (unsigned i = 0; i < SETTINGS_CA_MAX; i++) {
        memset(settings.ca[i], 'a' + (int)i, SETTINGS_CA_ROOM - 1);
        settings.ca[i][SETTINGS_CA_ROOM - 1] = '\0';
    }
    uint8_t scratch[NODE_SCRATCH];
    struct rrset set;
    assert_true(node_rrset(&node, &settings, RR_CAA, 0, scratch, &set));
    assert_int_equal(set.count, SETTINGS_CA_MAX + 1);
}

static void apex_serves_the_soa_of_the_settings(void **)
{
    struct settings settings = settings_of_test();
    struct node node = static_node(NODE_APEX);
    uint8_t scratch[NODE_SCRATCH], wanted[512];
    struct rrset set;
    assert_true(node_rrset(&node, &settings, RR_SOA, 0, scratch, &set));
    assert_int_equal(set.ttl, 60); /* RFC 2308 3 */
    struct writer w = writer_of(wanted, sizeof(wanted));
    write_octets(&w, "\3ns1\4pool\4test", 15);
    write_octets(&w, "\12hostmaster\4pool\4test", 22);
    write_u32(&w, 0x01020304);
    write_u32(&w, settings.refresh_s);
    write_u32(&w, settings.retry_s);
    write_u32(&w, settings.expire_s);
    write_u32(&w, 60);
    expect_rdata(&set, 0, wanted, w.at);
    uint16_t types[NODE_TYPES_MAX];
    assert_int_equal(node_types(&node, &settings, 0, types), 4);
    assert_int_equal(types[0], RR_SOA);
    assert_int_equal(types[1], RR_MX);
    assert_int_equal(types[2], RR_TXT);
    assert_int_equal(types[3], RR_CAA);
}

static void stored_sets_keep_their_ttl_or_take_the_settings(void **)
{
    struct settings settings = settings_of_test();
    struct node node = static_node(NODE_STATIC);
    uint8_t scratch[NODE_SCRATCH];
    struct rrset set;
    assert_true(node_rrset(&node, &settings, RR_MX, 0, scratch, &set));
    assert_int_equal(set.ttl, 3600);
    assert_true(node_rrset(&node, &settings, RR_TXT, 0, scratch, &set));
    assert_int_equal(set.ttl, 77);
    node.rrsets[0].type = RR_A; /* addresses of a name server */
    assert_true(node_rrset(&node, &settings, RR_A, 0, scratch, &set));
    assert_int_equal(set.ttl, 300);
    assert_false(node_rrset(&node, &settings, RR_CAA, 0, scratch, &set));
    assert_false(node_rrset(&node, &settings, RR_SOA, 0, scratch, &set));
}

/* RFC 2181 8: a TTL of zero is valid. RFC 4035 5.3.3: no TTL exceeds the signature's lifetime. */
static void a_stored_ttl_is_zero_or_as_long_as_signatures_last(void **)
{
    struct settings settings = settings_of_test();
    const struct {
        uint32_t stored, served;
    } ttls[] = { { (uint32_t)NODE_TTL_ZERO, 0 },
                 { 1, 1 },
                 { 200000, 200000 },
                 { 200001, 200000 },
                 { INT32_MAX, 200000 } };
    settings.signature_validity_s = 600000;
    for (size_t i = 0; i < sizeof ttls / sizeof ttls[0]; i++) {
        const struct rrset set = { .type = RR_TXT, .ttl = ttls[i].stored };
        assert_int_equal(node_ttl(&set, &settings), ttls[i].served);
    }
}

static void service_lists_srv_alone(void **)
{
    struct settings settings = settings_of_test();
    struct node node = { .kind = NODE_SERVICE };
    uint16_t types[NODE_TYPES_MAX];
    assert_int_equal(node_types(&node, &settings, 0, types), 1);
    assert_int_equal(types[0], RR_SRV);
}

static void whoami_has_one_text_without_a_client(void **)
{
    struct settings settings = settings_of_test();
    struct node node = { .kind = NODE_WHOAMI };
    struct rrset set;
    uint16_t types[NODE_TYPES_MAX];
    uint8_t scratch[NODE_SCRATCH];
    assert_int_equal(node_types(&node, &settings, 0, types), 1);
    assert_int_equal(types[0], RR_TXT);
    assert_true(node_rrset(&node, &settings, RR_TXT, 0, scratch, &set));
    assert_int_equal(set.ttl, 0);
    assert_memory_equal(set.rdata, "\0\15\14details=none", 15);
    assert_false(node_rrset(&node, &settings, RR_A, 0, scratch, &set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_survive_the_round_trip),
        cmocka_unit_test(every_short_prefix_is_damaged_and_leaves_the_output),
        cmocka_unit_test(flipped_bits_never_lead_outside),
        cmocka_unit_test(layouts_that_do_not_add_up_are_damaged),
        cmocka_unit_test(member_serves_its_addresses_in_canonical_order),
        cmocka_unit_test(left_out_addresses_are_neither_served_nor_listed),
        cmocka_unit_test(caa_binds_issuance_to_ca_method_and_account),
        cmocka_unit_test(longest_caa_fits_its_scratch),
        cmocka_unit_test(apex_serves_the_soa_of_the_settings),
        cmocka_unit_test(stored_sets_keep_their_ttl_or_take_the_settings),
        cmocka_unit_test(a_stored_ttl_is_zero_or_as_long_as_signatures_last),
        cmocka_unit_test(service_lists_srv_alone),
        cmocka_unit_test(whoami_has_one_text_without_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
