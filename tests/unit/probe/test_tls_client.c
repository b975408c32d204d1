#include "probe/tls_client.h"
#include "tests/tls_peer.h"
#include "tests/unit/unit.h"

static const long day_s = 86400;

/* A client and a server, and the result of the client's handshake. */
struct pair {
    struct tls_peer peer;
    struct tls_trust *trust;
    struct tls_client *client;
    enum tls_progress progress;
    enum failure failure;
    char detail[NTS_DETAIL_ROOM];
};

static void pair_connect(struct pair *pair, const char *name)
{
    struct diag diag = { "" };
    assert_ok(tls_trust_new(&pair->trust, pair->peer.trust_file, &diag));
    pair->client = tls_client_new(pair->trust, name);
    assert_non_null(pair->client);
    tls_peer_accept(&pair->peer);
    pair->progress = tls_peer_handshake(&pair->peer, pair->client, &pair->failure, pair->detail);
}

static struct pair *pair_new(const char *name, long first_s, long last_s)
{
    struct pair *pair = xcalloc(1, sizeof(*pair));
    tls_peer_init(&pair->peer, first_s, last_s);
    pair_connect(pair, name);
    return pair;
}

static void pair_free(struct pair *pair)
{
    tls_client_free(pair->client);
    tls_trust_free(pair->trust);
    tls_peer_done(&pair->peer);
    free(pair);
}

static enum failure judged(const char *name, long first_s, long last_s,
                           struct tls_certificate *certificate)
{
    struct pair *pair = pair_new(name, first_s, last_s);
    assert_int_equal(pair->progress, TLS_DONE);
    enum failure failure = tls_client_judge(pair->client, certificate, pair->detail);
    assert_true(failure == FAILURE_NONE || pair->detail[0] != '\0');
    pair_free(pair);
    return failure;
}

static void valid_certificate_is_accepted_and_described(void **)
{
    struct tls_certificate certificate;
    assert_int_equal(judged(TLS_PEER_NAME, -day_s, day_s, &certificate), FAILURE_NONE);
    assert_true(certificate.for_name);
    assert_string_equal(certificate.subject, TLS_PEER_NAME);
    assert_int_equal(certificate.not_after - certificate.not_before, 2 * day_s);
}

static void each_fault_of_a_certificate_has_its_class_and_not_after_is_known(void **)
{
    struct tls_certificate certificate;
    assert_int_equal(judged("bob.example.net", -day_s, day_s, &certificate), FAILURE_CERT_NAME);
    assert_false(certificate.for_name);
    assert_int_not_equal(certificate.not_after, 0);
    assert_int_equal(judged(TLS_PEER_NAME, -2 * day_s, -day_s, &certificate), FAILURE_CERT_EXPIRED);
    assert_true(certificate.for_name);
    assert_int_equal(judged(TLS_PEER_NAME, day_s, 2 * day_s, &certificate), FAILURE_CERT_NOT_YET);
    assert_int_not_equal(certificate.not_after, 0);
}

static void name_is_compared_without_case(void **)
{
    struct tls_certificate certificate;
    assert_int_equal(judged("ALICE.Example.net", -day_s, day_s, &certificate), FAILURE_NONE);
}

static void untrusted_ca_fails(void **)
{
    struct pair *pair = pair_new(TLS_PEER_NAME, -day_s, day_s);
    struct pair *other = pair_new(TLS_PEER_NAME, -day_s, day_s);
    struct tls_client *client = tls_client_new(other->trust, TLS_PEER_NAME);
    struct tls_certificate certificate;
    enum failure failure = FAILURE_NONE;
    tls_peer_accept(&pair->peer);
    assert_int_equal(tls_peer_handshake(&pair->peer, client, &failure, pair->detail), TLS_DONE);
    assert_int_equal(tls_client_judge(client, &certificate, pair->detail), FAILURE_CERT_CHAIN);
    assert_false(certificate.for_name);
    tls_client_free(client);
    pair_free(other);
    pair_free(pair);
}

static enum failure refused(const char *alpn, int version)
{
    struct pair *pair = xcalloc(1, sizeof(*pair));
    tls_peer_init(&pair->peer, -day_s, day_s);
    pair->peer.alpn = alpn;
    assert_int_equal(SSL_CTX_set_max_proto_version(pair->peer.context, version), 1);
    pair_connect(pair, TLS_PEER_NAME);
    assert_int_equal(pair->progress, TLS_FAILED);
    assert_true(pair->detail[0] != '\0');
    enum failure failure = pair->failure;
    pair_free(pair);
    return failure;
}

static void other_protocols_and_versions_have_their_class(void **)
{
    assert_int_equal(refused("\x08http/1.1", TLS1_3_VERSION), FAILURE_TLS_ALPN);
    assert_int_equal(refused(NULL, TLS1_3_VERSION), FAILURE_TLS_ALPN);
    assert_int_equal(refused("\x07" NTS_KE_ALPN, TLS1_2_VERSION), FAILURE_TLS_VERSION);
}

static void octets_other_than_tls_fail_the_handshake(void **)
{
    static const char junk[] = "SSH-2.0-OpenSSH_9.2\r\n";
    struct pair *pair = pair_new(TLS_PEER_NAME, -day_s, day_s);
    struct tls_client *client = tls_client_new(pair->trust, TLS_PEER_NAME);
    enum failure failure = FAILURE_NONE;
    assert_int_equal(tls_client_handshake(client, &failure, pair->detail), TLS_WAITING);
    assert_true(tls_client_put(client, (const uint8_t *)junk, sizeof(junk) - 1));
    assert_int_equal(tls_client_handshake(client, &failure, pair->detail), TLS_FAILED);
    assert_int_equal(failure, FAILURE_TLS_HANDSHAKE);
    tls_client_free(client);
    pair_free(pair);
}

/* RFC 8915 5.1: both ends export the same keys, one for each direction */
static void both_ends_export_the_same_keys(void **)
{
    static const uint8_t contexts[2][5] = { { 0, 0, 0, AEAD_SIV_CMAC_256, 0 },
                                            { 0, 0, 0, AEAD_SIV_CMAC_256, 1 } };
    struct pair *pair = pair_new(TLS_PEER_NAME, -day_s, day_s);
    struct nts_keys keys;
    uint8_t theirs[2][32];
    assert_true(tls_client_keys(pair->client, AEAD_SIV_CMAC_256, &keys));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(SSL_export_keying_material(pair->peer.ssl, theirs[i], sizeof(theirs[i]),
                                                    "EXPORTER-network-time-security",
                                                    strlen("EXPORTER-network-time-security"),
                                                    contexts[i], 5, 1),
                         1);
    }
    assert_memory_equal(keys.c2s.octets, theirs[0], sizeof(theirs[0]));
    assert_memory_equal(keys.s2c.octets, theirs[1], sizeof(theirs[1]));
    assert_int_equal(keys.c2s.algorithm, AEAD_SIV_CMAC_256);
    assert_int_equal(keys.s2c.algorithm, AEAD_SIV_CMAC_256);
    assert_memory_not_equal(keys.c2s.octets, keys.s2c.octets, sizeof(theirs[0]));
    pair_free(pair);
}

static void keys_have_the_length_of_the_algorithm(void **)
{
    struct pair *pair = pair_new(TLS_PEER_NAME, -day_s, day_s);
    struct nts_keys keys = { 0 };
    const uint8_t nothing[16] = { 0 };
    assert_true(tls_client_keys(pair->client, AEAD_GCM_SIV_128, &keys));
    assert_memory_not_equal(keys.c2s.octets, nothing, sizeof(nothing));
    assert_memory_equal(keys.c2s.octets + 16, nothing, sizeof(nothing));
    assert_true(tls_client_keys(pair->client, AEAD_SIV_CMAC_512, &keys));
    assert_memory_not_equal(keys.s2c.octets + 48, nothing, sizeof(nothing));
    assert_false(tls_client_keys(pair->client, 1, &keys));
    pair_free(pair);
}

static void data_flows_both_ways_and_close_notify_is_seen(void **)
{
    struct pair *pair = pair_new(TLS_PEER_NAME, -day_s, day_s);
    uint8_t octets[4096];
    size_t len = 0;
    assert_true(tls_client_write(pair->client, (const uint8_t *)"ask", 3));
    tls_peer_hear(&pair->peer, pair->client);
    assert_int_equal(SSL_read(pair->peer.ssl, octets, sizeof(octets)), 3);
    assert_int_equal(SSL_write(pair->peer.ssl, "tell", 4), 4);
    (void)SSL_shutdown(pair->peer.ssl);
    size_t said = tls_peer_say(&pair->peer, octets, sizeof(octets));
    assert_true(tls_client_put(pair->client, octets, said));
    assert_int_equal(tls_client_read(pair->client, octets, sizeof(octets), &len), TLS_DONE);
    assert_int_equal(len, 4);
    assert_int_equal(tls_client_read(pair->client, octets, sizeof(octets), &len), TLS_CLOSED);
    assert_int_equal(len, 0);
    pair_free(pair);
}

static void trust_file_without_certificates_is_refused_by_name(void **)
{
    struct tls_trust *trust = NULL;
    struct diag diag = { "" };
    assert_int_equal(tls_trust_new(&trust, "/dev/null", &diag), RESULT_INVALID);
    assert_null(trust);
    assert_non_null(strstr(diag.text, "/dev/null"));
}

/* Otherwise every member would be advised to use a public CA. */
static void machine_without_cas_is_reported(void **)
{
    struct tls_trust *trust = NULL;
    struct diag diag = { "" };
    assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", "/nonexistent", 1), 0);
    assert_int_equal(tls_trust_new(&trust, NULL, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "ca-certificates"));
    assert_int_equal(setenv("SSL_CERT_FILE", "/dev/null", 1), 0);
    assert_ok(tls_trust_new(&trust, NULL, &diag));
    tls_trust_free(trust);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    assert_int_equal(unsetenv("SSL_CERT_DIR"), 0);
}

/* A key exchange with such a group may take a fifth of a second. */
static void server_with_finite_field_groups_alone_fails(void **)
{
    struct pair *pair = xcalloc(1, sizeof(*pair));
    tls_peer_init(&pair->peer, -day_s, day_s);
    assert_int_equal(SSL_CTX_set1_groups_list(pair->peer.context, "ffdhe2048"), 1);
    pair_connect(pair, TLS_PEER_NAME);
    assert_int_equal(pair->progress, TLS_FAILED);
    assert_int_equal(pair->failure, FAILURE_TLS_HANDSHAKE);
    pair_free(pair);
}

/* RFC 8446 4.4.2.4: the alert comes after the client's handshake. */
static void server_that_requires_a_client_certificate_is_recognised(void **)
{
    struct pair *pair = xcalloc(1, sizeof(*pair));
    tls_peer_init(&pair->peer, -day_s, day_s);
    SSL_CTX_set_verify(pair->peer.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    pair_connect(pair, TLS_PEER_NAME);
    assert_int_equal(pair->progress, TLS_DONE);
    tls_peer_hear(&pair->peer, pair->client);
    assert_int_not_equal(SSL_do_handshake(pair->peer.ssl), 1);
    uint8_t octets[4096];
    size_t len = tls_peer_say(&pair->peer, octets, sizeof(octets));
    assert_true(tls_client_put(pair->client, octets, len));
    assert_int_equal(tls_client_read(pair->client, octets, sizeof(octets), &len), TLS_FAILED);
    assert_non_null(tls_client_error(pair->client));
    assert_non_null(strstr(tls_client_error(pair->client), "certificate required"));
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_certificate_is_accepted_and_described),
        cmocka_unit_test(each_fault_of_a_certificate_has_its_class_and_not_after_is_known),
        cmocka_unit_test(name_is_compared_without_case),
        cmocka_unit_test(untrusted_ca_fails),
        cmocka_unit_test(other_protocols_and_versions_have_their_class),
        cmocka_unit_test(octets_other_than_tls_fail_the_handshake),
        cmocka_unit_test(both_ends_export_the_same_keys),
        cmocka_unit_test(keys_have_the_length_of_the_algorithm),
        cmocka_unit_test(data_flows_both_ways_and_close_notify_is_seen),
        cmocka_unit_test(trust_file_without_certificates_is_refused_by_name),
        cmocka_unit_test(machine_without_cas_is_reported),
        cmocka_unit_test(server_with_finite_field_groups_alone_fails),
        cmocka_unit_test(server_that_requires_a_client_certificate_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
