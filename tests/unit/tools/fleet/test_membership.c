#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/unit/store_fixture.h"
#include "tools/fleet/membership.h"

/* Made with `openssl genpkey -algorithm ed25519`; the seed with `openssl pkey -text`. */
static const char openssl_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n"; /* RFC 8410 10.3 */
static const uint8_t openssl_seed[] = { 0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a,
                                        0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad,
                                        0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb,
                                        0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42 };
static const uint8_t openssl_public[] = { 0x19, 0xbf, 0x44, 0x09, 0x69, 0x84, 0xcd, 0xfe,
                                          0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96,
                                          0xc8, 0x50, 0x86, 0xaa, 0x30, 0xb6, 0xb6, 0xcb,
                                          0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1 };

static const char certificate[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
static const char ca[] = "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n";

static struct membership sample(enum machine_role role)
{
    struct membership membership = { .name = "ams1", .role = role, .apex = "pool.example." };
    memset(membership.registry_id, 0xab, sizeof membership.registry_id);
    memset(membership.founder, 0xcd, sizeof membership.founder);
    membership.nodes[0] = (struct endpoint){ address_of("192.0.2.1"), 2379 };
    membership.nodes[1] = (struct endpoint){ address_of("2001:db8::2"), 12379 };
    membership.node_count = 2;
    CHECK(crypto_sign_seed_keypair((uint8_t[LEDGERHEAD_KEY]){ 0 }, membership.secret,
                                   openssl_seed) == 0);
    membership_complete(&membership);
    return membership;
}

static struct membership_papers sample_papers(enum machine_role role)
{
    struct membership_papers papers = { .ca_key = "" };
    (void)snprintf(papers.certificate, sizeof papers.certificate, "%s", certificate);
    (void)snprintf(papers.ca, sizeof papers.ca, "%s", ca);
    (void)snprintf(papers.key, sizeof papers.key, "%s", openssl_key);
    if (role == MACHINE_ADMIN) {
        (void)snprintf(papers.ca_key, sizeof papers.ca_key, "%s", openssl_key);
    }
    return papers;
}

static void assert_same(const struct membership *a, const struct membership *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->role, b->role);
    assert_string_equal(a->apex, b->apex);
    assert_memory_equal(a->registry_id, b->registry_id, sizeof a->registry_id);
    assert_int_equal(a->node_count, b->node_count);
    for (unsigned i = 0; i < a->node_count; i++) {
        assert_true(address_equal(&a->nodes[i].address, &b->nodes[i].address));
        assert_int_equal(a->nodes[i].port, b->nodes[i].port);
    }
    assert_memory_equal(a->secret, b->secret, sizeof a->secret);
    assert_memory_equal(a->founder, b->founder, sizeof a->founder);
    assert_string_equal(a->prefix, b->prefix);
    assert_string_equal(a->ledger, b->ledger);
}

static void keys_are_as_openssl_writes_them(void **)
{
    uint8_t secret[LEDGERHEAD_SECRET];
    char pem[MEMBERSHIP_KEY_PEM_ROOM], wrong[sizeof openssl_key];
    assert_ok(membership_key_of_pem(openssl_key, secret, NULL));
    assert_memory_equal(secret, openssl_seed, sizeof openssl_seed);
    assert_memory_equal(secret + sizeof openssl_seed, openssl_public, sizeof openssl_public);
    membership_key_pem(secret, pem);
    assert_string_equal(pem, openssl_key);
    for (size_t i = 0; i < sizeof openssl_key - 1; i++) { /* cut off, and one octet changed */
        memcpy(wrong, openssl_key, sizeof wrong);
        wrong[i] = '\0';
        assert_int_equal(membership_key_of_pem(wrong, secret, NULL), RESULT_INVALID);
        wrong[i] = '!';
        assert_int_equal(membership_key_of_pem(wrong, secret, NULL), RESULT_INVALID);
    }
}

static void names_of_keys_and_of_the_ledger_follow_from_the_registry(void **)
{
    struct membership membership = sample(MACHINE_EDGE);
    assert_string_equal(membership.prefix, "/ntspool/abababababababababababababababab/");
    assert_string_equal(membership.ledger, "pool.example./abababababababababababababababab");
}

static void a_token_is_read_as_it_was_written(void **)
{
    static const enum machine_role roles[] = { MACHINE_ADMIN, MACHINE_EDGE, MACHINE_VANTAGE };
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        struct membership membership = sample(roles[i]), read;
        struct membership_papers papers = sample_papers(roles[i]), papers_read;
        char token[MEMBERSHIP_TOKEN_MAX];
        size_t len = membership_token(&membership, &papers, token);
        assert_ok(membership_token_read(&read, &papers_read, token, len, NULL));
        assert_same(&read, &membership);
        assert_string_equal(papers_read.certificate, papers.certificate);
        assert_string_equal(papers_read.ca, papers.ca);
        assert_string_equal(papers_read.key, papers.key);
        assert_string_equal(papers_read.ca_key, papers.ca_key);
    }
}

static void a_token_that_is_cut_off_anywhere_is_refused(void **)
{
    struct membership membership = sample(MACHINE_ADMIN), read;
    struct membership_papers papers = sample_papers(MACHINE_ADMIN), papers_read;
    char token[MEMBERSHIP_TOKEN_MAX];
    size_t whole = membership_token(&membership, &papers, token);
    for (size_t len = 0; len < whole; len++) {
        char saved = token[len];
        token[len] = '\0';
        assert_int_not_equal(membership_token_read(&read, &papers_read, token, len, NULL),
                             RESULT_OK);
        token[len] = saved;
    }
}

static void refuse(const char *from, const char *to, enum result expected, const char *words)
{
    struct membership membership = sample(MACHINE_EDGE), read;
    struct membership_papers papers = sample_papers(MACHINE_EDGE), papers_read;
    struct diag diag = { "" };
    char token[MEMBERSHIP_TOKEN_MAX], changed[MEMBERSHIP_TOKEN_MAX];
    (void)membership_token(&membership, &papers, token);
    const char *at = strstr(token, from);
    assert_non_null(at);
    int len = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - token), token, to,
                       at + strlen(from));
    assert_int_equal(membership_token_read(&read, &papers_read, changed, (size_t)len, &diag),
                     expected);
    if (strstr(diag.text, words) == NULL) {
        fail_msg("\"%s\" does not have \"%s\"", diag.text, words);
    }
}

static void a_wrong_line_of_a_token_is_told(void **)
{
    refuse("ntspool-token 1", "ntspool-token 2", RESULT_NEWER, "newer");
    refuse("ntspool-token 1", "hello", RESULT_INVALID, "line 1");
    refuse("name ams1", "name Ams 1", RESULT_INVALID, "line 2");
    refuse("name ams1", "name ../x", RESULT_INVALID, "name");
    refuse("role edge", "role boss", RESULT_INVALID, "role");
    refuse("role edge", "role admin", RESULT_INVALID, "certificate or key"); /* it has no CA's */
    refuse("pool.example.", "a..b", RESULT_INVALID, "pool");
    refuse("registry abab", "registry ab", RESULT_INVALID, "registry");
    refuse("node 192.0.2.1@2379\n", "node 192.0.2.1@0\n", RESULT_INVALID, "node");
    refuse("node 192.0.2.1@2379\nnode 2001:db8::2@12379\n", "", RESULT_INVALID, "node");
    refuse("founder cd", "founder", RESULT_INVALID, "founder");
    refuse("MC4C", "MC4D", RESULT_INVALID, "private key");
    refuse("end\n", "end\nmore\n", RESULT_INVALID, "follows");
    refuse("end\n", "", RESULT_INVALID, "cut off");
}

static void nodes_are_replaced_and_all_else_stays(void **)
{
    struct membership membership = sample(MACHINE_EDGE), read;
    struct membership_papers papers = sample_papers(MACHINE_EDGE);
    struct stat st;
    char path[256];
    assert_int_equal(membership_mark(dir), 0);
    assert_int_equal(membership_write_nodes(dir, &membership, NULL), RESULT_SYSTEM);
    assert_ok(membership_write(dir, &membership, &papers, NULL));
    uint64_t mark = membership_mark(dir);
    assert_int_equal(membership_mark(dir), mark);
    run("touch machine/machine.new"); /* an interrupted run */
    membership.nodes[1].address = address_of("192.0.2.2");
    assert_ok(membership_write_nodes(dir, &membership, NULL));
    assert_ok(membership_read(&read, dir, NULL));
    assert_same(&read, &membership);
    assert_int_not_equal(membership_mark(dir), mark);
    (void)snprintf(path, sizeof path, "%s/machine/machine", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    run("touch machine/machine.new");
    assert_ok(membership_remove(dir, NULL));
}

static void a_machine_is_in_a_fleet_as_a_whole_or_not_at_all(void **)
{
    struct membership membership = sample(MACHINE_ADMIN), read;
    struct membership_papers papers = sample_papers(MACHINE_ADMIN), papers_read;
    struct etcd_config engine;
    char path[256];
    struct stat st;
    assert_int_equal(membership_read(&read, dir, NULL), RESULT_MISSING);
    assert_int_equal(membership_remove(dir, NULL), RESULT_MISSING);
    run("mkdir machine.new && touch machine.new/key.pem"); /* an interrupted run */
    assert_ok(membership_write(dir, &membership, &papers, NULL));
    assert_ok(membership_read(&read, dir, NULL));
    assert_same(&read, &membership);
    assert_ok(membership_read_papers(&papers_read, dir, NULL));
    assert_string_equal(papers_read.ca_key, papers.ca_key);
    engine = membership_engine(&read);
    assert_int_equal(engine.node_count, 2);
    assert_int_equal(access(engine.ca, R_OK) | access(engine.key, R_OK), 0);
    (void)snprintf(path, sizeof path, "%s/machine", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0750);
    assert_int_equal(stat(engine.key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    (void)snprintf(path, sizeof path, "%s/machine/ca-key.pem", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(membership_write(dir, &membership, &papers, NULL), RESULT_EXISTS);
    run("mkdir machine.old && touch machine.old/machine"); /* an interrupted run */
    assert_ok(membership_remove(dir, NULL));
    run("test \"$(echo *)\" = 'fleet packages'");
    membership = sample(MACHINE_EDGE);
    papers = sample_papers(MACHINE_EDGE);
    assert_ok(membership_write(dir, &membership, &papers, NULL));
    run("test ! -e machine/ca-key.pem");
    run("echo more >> machine/machine");
    assert_int_equal(membership_read(&read, dir, NULL), RESULT_INVALID);
    assert_ok(membership_remove(dir, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_as_openssl_writes_them),
        cmocka_unit_test(names_of_keys_and_of_the_ledger_follow_from_the_registry),
        cmocka_unit_test(a_token_is_read_as_it_was_written),
        cmocka_unit_test(a_token_that_is_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_wrong_line_of_a_token_is_told),
        cmocka_unit_test_setup_teardown(nodes_are_replaced_and_all_else_stays, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_machine_is_in_a_fleet_as_a_whole_or_not_at_all, make_dir,
                                        remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
