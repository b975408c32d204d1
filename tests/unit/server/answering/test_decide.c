#include "server/answering/respond.h"
#include "tests/answerer_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct answerer answerer;
static struct sigcache *cache;
/* Both signers of the answerer; test_denial.c tests with two. */
static struct signer *signer;

static int set_up(void **)
{
    pool_fixture_init_located(&pool);
    cache = sigcache_new(1024);
    signer = fixture_signer(&pool, cache, 1);
    fixture_answerer_init(&answerer, &pool, signer, signer);
    return 0;
}

static int tear_down(void **)
{
    fixture_answerer_done(&answerer);
    sigcache_free(cache);
    pool_fixture_done(&pool);
    return 0;
}

static struct query query_of(const char *name, uint16_t type, bool dnssec_ok)
{
    struct query query = { .id = 7,
                           .has_question = true,
                           .qname = name_of(name),
                           .qtype = type,
                           .qclass = RR_CLASS_IN,
                           .edns = true,
                           .dnssec_ok = dnssec_ok,
                           .udp_size = 1232 };
    return query;
}

static const struct answer *decide(const struct query *query)
{
    static const struct address source = { { 0 } };
    struct qname_info qname;
    const struct asking asking = { query, &source, &qname };
    fixture_prepare(&answerer, &asking);
    return decide_answer(&answerer, &asking);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the response is written to `out` */
static size_t write_answer(const struct query *query, const struct answer *answer, uint8_t *out,
                           size_t limit)
{
    const struct response response = { .query = query, .out = out, .limit = limit };
    return respond_answer(&response, answer, signer, answerer.snapshot.now).len;
}

static size_t respond(const struct query *query, uint8_t *out, size_t limit)
{
    return write_answer(query, decide(query), out, limit);
}

/* "A CAA / SOA NSEC": the types of both sections in order. */
static void assert_sections(const struct answer *answer, const char *expected)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = { { RR_A, "A" },     { RR_AAAA, "AAAA" },       { RR_NS, "NS" },
                  { RR_SOA, "SOA" }, { RR_CNAME, "CNAME" },     { RR_SRV, "SRV" },
                  { RR_CAA, "CAA" }, { RR_NSEC, "NSEC" },       { RR_DNSKEY, "DNSKEY" },
                  { RR_CDS, "CDS" }, { RR_CDNSKEY, "CDNSKEY" }, { RR_TXT, "TXT" } };
    char text[256] = "";
    size_t used = 0;
    for (unsigned i = 0; i < answer->total; i++) {
        const char *name = "?";
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            name = names[j].type == answer->sets[i].set.type ? names[j].name : name;
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s ",
                                 i == answer->answer_count ? "/ " : "", name);
    }
    assert_string_equal(text, expected);
}

static void each_kind_of_name_has_its_answer(void **)
{
    static const struct {
        const char *name;
        uint16_t type;
        bool dnssec_ok;
        enum rcode rcode;
        const char *sections;
    } rows[] = {
        { "pool.test", RR_SOA, true, RCODE_NOERROR, "SOA " },
        { "pool.test", RR_NS, true, RCODE_NOERROR, "NS " },
        { "pool.test", RR_DNSKEY, true, RCODE_NOERROR, "DNSKEY " },
        { "pool.test", RR_CDS, true, RCODE_NOERROR, "CDS " },
        { "pool.test", RR_CDNSKEY, true, RCODE_NOERROR, "CDNSKEY " },
        { "pool.test", RR_CAA, true, RCODE_NOERROR, "CAA " },
        { "pool.test", RR_A, true, RCODE_NOERROR, "/ SOA NSEC " },
        { "pool.test", RR_DS, true, RCODE_NOERROR, "/ SOA NSEC " }, /* RFC 4035 3.1.4.1 */
        { "pool.test", RR_NSEC, true, RCODE_NOERROR, "NSEC " },
        { "pool.test", RR_ANY, true, RCODE_NOERROR, "NS " }, /* RFC 8482 4.1 */
        { "pool.test", RR_RRSIG, false, RCODE_NOERROR, "NS " },
        { "pool.test", RR_NXNAME, true, RCODE_FORMERR, "" }, /* RFC 9824 3.5 */
        { "pool.test", RR_OPT, true, RCODE_FORMERR, "" },
        { "ALICE.Pool.Test", RR_A, true, RCODE_NOERROR, "A " }, /* RFC 4343 */
        { "alice.pool.test", RR_AAAA, true, RCODE_NOERROR, "AAAA " },
        { "alice.pool.test", RR_CAA, true, RCODE_NOERROR, "CAA " },
        { "alice.pool.test", RR_TXT, true, RCODE_NOERROR, "/ SOA NSEC " },
        { "alice.pool.test", RR_TXT, false, RCODE_NOERROR, "/ SOA " },
        { "bob.pool.test", RR_AAAA, true, RCODE_NOERROR, "/ SOA NSEC " },
        { "carol.pool.test", RR_A, true, RCODE_NXDOMAIN,
          "/ SOA NSEC NSEC " }, /* has a name of her own */
        { "x.alice.pool.test", RR_A, true, RCODE_NXDOMAIN,
          "/ SOA NSEC " }, /* one NSEC covers both */
        { "nope.pool.test", RR_A, true, RCODE_NXDOMAIN, "/ SOA NSEC NSEC " },
        { "nope.pool.test", RR_A, false, RCODE_NXDOMAIN, "/ SOA " },
        { "*.pool.test", RR_A, true, RCODE_NXDOMAIN, "/ SOA NSEC " },
        { "_ntske._tcp.pool.test", RR_SRV, true, RCODE_NOERROR, "SRV " },
        { "_ntske._tcp.pool.test", RR_A, true, RCODE_NOERROR, "/ SOA NSEC " },
        { "_tcp.pool.test", RR_SRV, true, RCODE_NOERROR,
          "/ SOA NSEC " }, /* empty non-terminal, RFC 4592 2.2.2 */
        { "er.pool.test", RR_A, true, RCODE_NOERROR, "/ SOA NSEC " },
        { "x.er.pool.test", RR_A, true, RCODE_NXDOMAIN, "/ SOA NSEC NSEC " },
        { "txt.pool.test", RR_TXT, true, RCODE_NOERROR, "TXT " },
        { "www.pool.test", RR_A, true, RCODE_NOERROR, "CNAME A " }, /* RFC 1034 4.3.2 */
        { "www.pool.test", RR_CNAME, true, RCODE_NOERROR, "CNAME " },
        { "www.pool.test", RR_TXT, true, RCODE_NOERROR, "CNAME / SOA NSEC " },
        { "astray.pool.test", RR_A, true, RCODE_NXDOMAIN,
          "CNAME / SOA NSEC NSEC " }, /* RFC 6604 3 */
        { "away.pool.test", RR_A, true, RCODE_NOERROR, "CNAME " },
        { "example.org", RR_A, true, RCODE_REFUSED, "" },
        { "xpool.test", RR_A, true, RCODE_REFUSED, "" },
        { "test", RR_A, true, RCODE_REFUSED, "" },
        { "ns1.pool.test", RR_A, true, RCODE_NOERROR, "A " },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct query query = query_of(rows[i].name, rows[i].type, rows[i].dnssec_ok);
        const struct answer *answer = decide(&query);
        assert_int_equal(answer->rcode, rows[i].rcode);
        assert_sections(answer, rows[i].sections);
    }
    struct query chaos = query_of("version.bind", RR_TXT, false);
    chaos.qclass = RR_CLASS_CH;
    assert_int_equal(decide(&chaos)->rcode, RCODE_REFUSED);
}

/* The NSECs of a denial must cover the name and the wildcard at its closest encloser. */
static void denials_cover_name_and_wildcard(void **)
{
    static const char *const names[][2] = {
        { "nope.pool.test", "*.pool.test" },       { "zzz.pool.test", "*.pool.test" },
        { "a.b.c.pool.test", "*.pool.test" },      { "x.alice.pool.test", "*.alice.pool.test" },
        { "x.er.pool.test", "*.er.pool.test" },    { "x._tcp.pool.test", "*._tcp.pool.test" },
        { "\\000.pool.test", "*.pool.test" },      { "\\255\\255.pool.test", "*.pool.test" },
        { "\\001.er.pool.test", "*.er.pool.test" }
    };
    struct dname apex = name_of("pool.test");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct query query = query_of(names[i][0], RR_A, true);
        fixture_forget_answers(&answerer); /* cached records are in wire form only */
        const struct answer *answer = decide(&query);
        assert_int_equal(answer->rcode, RCODE_NXDOMAIN);
        for (int j = 0; j < 2; j++) {
            struct dname covered = name_of(names[i][j]);
            bool found = false;
            for (unsigned n = 1; n < answer->total; n++) {
                struct reader r =
                    reader_of(answer->sets[n].set.rdata + 2, answer->sets[n].set.rdata_len - 2);
                struct dname next;
                dname_read(&r, &next);
                bool last = dname_equal(&next, &apex);
                found = found || (dname_compare(answer->sets[n].owner, &covered) < 0 &&
                                  (last || dname_compare(&covered, &next) < 0));
            }
            assert_true(found);
        }
    }
}

static void srv_follows_the_client_and_tells_the_scope(void **)
{
    struct query query = query_of("_ntske._tcp.pool.test", RR_SRV, true);
    query.subnet = (struct client_subnet){ .present = true, .family = 1, .source = 24 };
    assert_ok(address_parse(&query.subnet.address, "198.51.100.0"));
    const struct answer *answer = decide(&query);
    assert_int_equal(answer->sets[0].block->count[0], 3); /* alice, bob and carol */
    assert_int_equal(answer->scope, 24);
    query.subnet.source = 0; /* RFC 7871 7.1.2: the client asked for no tailoring, so scope 0 */
    assert_int_equal(decide(&query)->scope, 0);
    struct query other = query_of("alice.pool.test", RR_A, true);
    other.subnet = query.subnet;
    other.subnet.source = 24;
    assert_int_equal(decide(&other)->scope, 0);
}

/* An answer with an SRV set takes a turn, and counts a query of the client's cell if it depends on
 * the cell. No other answer counts. */
static void only_srv_sets_are_due_to_be_counted(void **)
{
    static const char *const rows[][3] = { { "_ntske._tcp.pool.test", "SRV", "CELL" },
                                           { "time.pool.test", "SRV", "CELL" },
                                           { "_ntske._tcp.nl.pool.test", "SRV", "NO CELL" },
                                           { "_ntske._tcp.pool.test", "RRSIG", "" },
                                           { "_ntske._tcp.pool.test", "A", "" },
                                           { "_ntske._tcp.fr.pool.test", "SRV", "" } };
    const struct counters *counters = answerer.snapshot.counters;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t type = rows[i][1][0] == 'S' ? RR_SRV : rows[i][1][0] == 'A' ? RR_A : RR_RRSIG;
        struct query query = query_of(rows[i][0], type, true);
        const struct counters_due due = decide(&query)->due;
        bool located = due.query != &counters->queries[counters->cell_count];
        assert_string_equal(due.turn == NULL ? "" : located ? "CELL" : "NO CELL", rows[i][2]);
    }
}

/* Some clients use the first record only, so each member must come first at times. */
static void first_record_is_the_first_drawn(void **)
{
    static const char *const targets[] = { "alice.pool.test", "bob.pool.test", "ntp.example.net" };
    unsigned firsts[3] = { 0 };
    struct query query = query_of("_ntske._tcp.pool.test", RR_SRV, false);
    for (int i = 0; i < DECK_SETS_MAX; i++) {
        uint8_t out[1232];
        const struct answer *answer = decide(&query);
        size_t len = write_answer(&query, answer, out, sizeof(out));
        counters_sent(&answer->due);
        /* owner pointer, type, class, TTL, length; SRV's numbers */
        size_t skip = DNS_HEADER_LEN + query.qname.len + 4u + 12 + 6;
        struct reader r = reader_of(out, len);
        struct dname target;
        assert_non_null(read_octets(&r, skip));
        dname_read(&r, &target);
        assert_false(r.failed);
        for (int k = 0; k < 3; k++) {
            struct dname name = name_of(targets[k]);
            firsts[k] += dname_equal(&name, &target);
        }
    }
    assert_true(firsts[0] > 0 && firsts[1] > 0 && firsts[2] > 0);
    assert_int_equal(firsts[0] + firsts[1] + firsts[2], DECK_SETS_MAX);
}

static void alias_to_the_service_is_followed(void **)
{
    uint8_t out[1232];
    struct query query = query_of("time.pool.test", RR_SRV, true);
    const struct answer *answer = decide(&query);
    assert_sections(answer, "CNAME SRV ");
    struct dname service = name_of("_ntske._tcp.pool.test");
    assert_true(dname_equal(answer->sets[1].owner, &service));
    assert_true(write_answer(&query, answer, out, sizeof(out)) > 200);
}

static void what_does_not_fit_is_truncated_whole(void **)
{
    uint8_t out[65535];
    struct query query = query_of("astray.pool.test", RR_A, true);
    size_t whole = respond(&query, out, sizeof(out));
    assert_true(whole > 512);
    assert_int_equal(out[2] & 2, 0);
    for (size_t limit = 512; limit < whole; limit++) {
        size_t len = respond(&query, out, limit);
        assert_true(len <= limit);
        assert_int_equal(out[2] & 2, 2);                 /* TC */
        assert_memory_equal(out + 6, "\0\0\0\0\0\1", 6); /* nothing but the OPT */
        assert_int_equal(out[3] & 0xf, RCODE_NXDOMAIN);
    }
    assert_int_equal(respond(&query, out, whole), whole);
    assert_int_equal(out[2] & 2, 0);
}

/* RFC 3225 3: also in an error. */
static void do_flag_comes_back(void **)
{
    for (unsigned i = 0; i < 4; i++) {
        uint8_t out[DNS_UDP_MAX];
        bool asked = i % 2 == 1;
        struct query query = query_of(i < 2 ? "pool.test" : "example.net", RR_SOA, asked);
        size_t len = respond(&query, out, sizeof(out));
        size_t opt = len - (i < 2 ? 11 : 17); /* an extended error in REFUSED */
        assert_int_equal(out[opt + 2], RR_OPT);
        assert_int_equal(out[opt + 7] << 8 | out[opt + 8], asked ? EDNS_DO : 0);
    }
}

/* RFC 4034 3.1.5: no RRSIG in the response is invalid at that time. Returns the number of
 * RRSIGs. */
static unsigned assert_signed_for(const char *name, uint16_t type, uint64_t now)
{
    const struct query query = query_of(name, type, true);
    uint8_t out[DNS_UDP_MAX];
    unsigned found = 0;
    answerer.snapshot.now = now;
    decide_begin(&answerer);
    const struct answer *answer = decide(&query);
    size_t len = write_answer(&query, answer, out, sizeof(out));
    const uint8_t head[] = { 0, RR_RRSIG, 0, RR_CLASS_IN };
    for (size_t at = 12; at + 10 + 18 <= len; at++) {
        if (memcmp(out + at, head, sizeof(head)) == 0) {
            struct reader r = reader_of(out + at + 10 + 8, 8);
            uint32_t expiration = read_u32(&r), inception = read_u32(&r);
            assert_true(inception <= now && now < expiration);
            found++;
        }
    }
    return found;
}

/* Not even at the moment when the machine wakes up or the clock is set, before the refresher has
 * built a zone state. */
static void no_signature_is_sent_outside_of_its_times(void **)
{
    const int64_t moves[] = { 0,      3599,   -3599,   -3700,    43100,     43300, 500000,
                              604700, 604900, 9000000, -9000000, 200000000, 0 };
    for (size_t m = 0; m < sizeof(moves) / sizeof(moves[0]); m++) {
        uint64_t now = (uint64_t)(FIXTURE_NOW + moves[m]);
        assert_true(assert_signed_for("_ntske._tcp.pool.test", RR_SRV, now) >= 1);
        assert_true(assert_signed_for("missing.pool.test", RR_A, now) >= 2);
        assert_true(assert_signed_for("alice.pool.test", RR_A, now) >= 1);
        assert_true(assert_signed_for("alice.pool.test", RR_MX, now) >= 2);
        assert_true(assert_signed_for("pool.test", RR_DNSKEY, now) >= 1);
    }
    answerer.snapshot.now = FIXTURE_NOW;
}

static void question_comes_back_as_it_was(void **)
{
    uint8_t out[1232];
    struct query query = query_of("aLiCe.PooL.tEsT", RR_A, true);
    query.flags = DNS_FLAG_RD | DNS_FLAG_CD | 0x20;
    size_t len = respond(&query, out, sizeof(out));
    assert_true(len > DNS_HEADER_LEN + 21);
    assert_memory_equal(out + DNS_HEADER_LEN, query.qname.wire, query.qname.len);
    assert_int_equal(out[2], 0x85); /* QR, AA, RD */
    assert_int_equal(out[3], 0);    /* RFC 4035 3.1.6: AD and CD clear */
}

/* Answers from the cache equal the first ones octet for octet. */
static void cached_answers_are_what_was_first_said(void **)
{
    static const struct {
        const char *name;
        uint16_t type;
    } rows[] = { { "alice.pool.test", RR_AAAA }, { "ALICE.pool.test", RR_CAA },
                 { "bob.pool.test", RR_AAAA },   { "nope.pool.test", RR_A },
                 { "x.alice.pool.test", RR_A },  { "x.er.pool.test", RR_A },
                 { "er.pool.test", RR_A },       { "*.pool.test", RR_A },
                 { "txt.pool.test", RR_A },      { "deep.er.pool.test", RR_NSEC },
                 { "pool.test", RR_A } };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t first[1232], second[1232];
        struct query query = query_of(rows[i / 2].name, rows[i / 2].type, i % 2 == 0);
        fixture_forget_answers(&answerer);
        size_t len = respond(&query, first, sizeof(first));
        assert_int_equal(respond(&query, second, sizeof(second)), len);
        assert_memory_equal(first, second, len);
        assert_true((first[2] & DNS_FLAG_TC >> 8) == 0);
    }
}

/* The second answer comes from the cache. After a change of the row an answer must not. */
static void cached_answers_follow_the_store(void **)
{
    uint8_t first[1232], second[1232];
    struct query query = query_of("Alice.pool.test", RR_A, true);
    size_t len = respond(&query, first, sizeof(first));
    assert_int_equal(respond(&query, second, sizeof(second)), len);
    assert_memory_equal(first, second, len);
    struct registry_change change;
    struct member member;
    struct diag diag;
    fixture_begin(pool.stores[0], &change, &diag);
    assert_ok(registry_member(change.txn, "alice", &member));
    assert_ok(address_parse(&member.addresses[0], "192.0.2.77"));
    assert_ok(registry_update(&change, &member, true));
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(answerer.snapshot.registry));
    decide_begin(&answerer);
    const struct answer *answer = decide(&query);
    assert_memory_equal(answer->sets[0].set.rdata, "\0\4\300\0\2\115", 6);
    query.qtype = RR_AAAA; /* cached separately by type */
    assert_int_equal(decide(&query)->sets[0].set.type, RR_AAAA);
    assert_int_equal(decide(&query)->sets[0].set.type, RR_AAAA);
    query.qtype = RR_TXT;
    assert_sections(decide(&query), "/ SOA NSEC ");
}

static void assert_denied_after(const char *name, const char *before)
{
    struct query query = query_of(name, RR_A, true);
    struct dname owner = name_of(before);
    const struct answer *answer = decide(&query);
    assert_int_equal(answer->rcode, RCODE_NXDOMAIN);
    assert_int_equal(answer->sets[1].set.type, RR_NSEC);
    assert_true(dname_equal(answer->sets[1].owner, &owner));
}

/* The zone state knows neither the new member nor the NSEC that belongs to it. */
static void new_member_answers_and_denies_before_the_next_zone_state(void **)
{
    struct registry_change change;
    struct member member;
    struct diag diag;
    assert_denied_after("bobby.pool.test", "bob.pool.test");
    assert_denied_after("bobcat.pool.test", "bob.pool.test");
    fixture_begin(pool.stores[0], &change, &diag);
    member_defaults(&member);
    (void)strcpy(member.label, "bobby");
    assert_ok(address_parse(&member.addresses[member.address_count++], "192.0.2.78"));
    assert_ok(registry_add(&change, &member, true));
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(answerer.snapshot.registry));
    decide_begin(&answerer);
    struct query query = query_of("bobby.pool.test", RR_A, true);
    assert_int_equal(decide(&query)->sets[0].set.type, RR_A);
    assert_denied_after("bobcat.pool.test", "bobby.pool.test");
    assert_denied_after("boba.pool.test", "bob.pool.test");
}

static void removed_member_leaves_srv_with_its_name(void **)
{
    struct registry_change change;
    struct diag diag;
    fixture_begin(pool.stores[0], &change, &diag);
    assert_ok(registry_remove(&change, "bob", FIXTURE_NOW + 100));
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(answerer.snapshot.registry)); /* the zone state is still the old one */
    decide_begin(&answerer);
    struct query name = query_of("bob.pool.test", RR_A, true);
    assert_int_equal(decide(&name)->rcode, RCODE_NXDOMAIN);
    struct dname bob = name_of("bob.pool.test");
    for (int i = 0; i < 2 * DECK_SETS_MAX; i++) {
        struct query query = query_of("_ntske._tcp.pool.test", RR_SRV, true);
        const struct rrset *set = &decide(&query)->sets[0].set;
        assert_int_equal(set->count, 2); /* the other members stay */
        size_t at = 0;
        const uint8_t *rdata = NULL;
        uint16_t len = 0;
        while (rrset_next(set, &at, &rdata, &len)) {
            assert_false(len == 6 + bob.len && memcmp(rdata + 6, bob.wire, bob.len) == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_name_has_its_answer),
        cmocka_unit_test(denials_cover_name_and_wildcard),
        cmocka_unit_test(srv_follows_the_client_and_tells_the_scope),
        cmocka_unit_test(only_srv_sets_are_due_to_be_counted),
        cmocka_unit_test(first_record_is_the_first_drawn),
        cmocka_unit_test(alias_to_the_service_is_followed),
        cmocka_unit_test(what_does_not_fit_is_truncated_whole),
        cmocka_unit_test(do_flag_comes_back),
        cmocka_unit_test(no_signature_is_sent_outside_of_its_times),
        cmocka_unit_test(question_comes_back_as_it_was),
        cmocka_unit_test(cached_answers_are_what_was_first_said),
        cmocka_unit_test(cached_answers_follow_the_store),
        cmocka_unit_test(new_member_answers_and_denies_before_the_next_zone_state),
        cmocka_unit_test(removed_member_leaves_srv_with_its_name), /* last: it changes the pool */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
