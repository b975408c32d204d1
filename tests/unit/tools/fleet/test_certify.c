/* tests/system/test_fleet_setup.py shows the certificates to etcd and to another library. */
#include <sodium.h>

#include "tests/unit/unit.h"
#include "tools/fleet/certify.h"

static void make_key(uint8_t secret[LEDGERHEAD_SECRET], uint8_t fill)
{
    uint8_t seed[crypto_sign_SEEDBYTES], key[LEDGERHEAD_KEY];
    memset(seed, fill, sizeof seed);
    CHECK(crypto_sign_seed_keypair(key, secret, seed) == 0);
}

static void a_ca_follows_from_its_key(void **)
{
    uint8_t secret[LEDGERHEAD_SECRET], other[LEDGERHEAD_SECRET];
    char first[MEMBERSHIP_PEM_ROOM], second[MEMBERSHIP_PEM_ROOM];
    make_key(secret, 1);
    make_key(other, 2);
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_MACHINES, "pool.example", secret }, first, NULL));
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_MACHINES, "pool.example", secret }, second, NULL));
    assert_string_equal(first, second);
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_PEERS, "pool.example", secret }, second, NULL));
    assert_string_not_equal(first, second);
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_MACHINES, "pool.example", other }, second, NULL));
    assert_string_not_equal(first, second);
}

static void refuse(const char *certificate, const char *ca, const char *name,
                   const uint8_t secret[LEDGERHEAD_SECRET], const char *words)
{
    struct diag diag = { "" };
    assert_int_equal(certify_check(certificate, ca, name, secret, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, words));
}

static void a_certificate_is_good_for_its_machine_its_key_and_its_ca_only(void **)
{
    uint8_t ca_secret[LEDGERHEAD_SECRET], secret[LEDGERHEAD_SECRET], other[LEDGERHEAD_SECRET];
    char ca[MEMBERSHIP_PEM_ROOM], peers[MEMBERSHIP_PEM_ROOM], foreign[MEMBERSHIP_PEM_ROOM],
        certificate[MEMBERSHIP_PEM_ROOM];
    const struct certify_subject subject = { .name = "ams1", .unit = "edge" };
    make_key(ca_secret, 1);
    make_key(secret, 2);
    make_key(other, 3);
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_MACHINES, "pool.example", ca_secret }, ca, NULL));
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_PEERS, "pool.example", ca_secret }, peers, NULL));
    assert_ok(
        certify_ca(&(struct certify_ca){ CERTIFY_MACHINES, "pool.example", other }, foreign, NULL));
    assert_ok(certify_issue(&(struct certify_ca){ CERTIFY_MACHINES, "pool.example", ca_secret },
                            secret, &subject, certificate, NULL));
    assert_ok(certify_check(certificate, ca, "ams1", secret, NULL));
    refuse(certificate, ca, "ams2", secret, "another machine");
    refuse(certificate, ca, "ams1", other, "another key");
    refuse(certificate, peers, "ams1", secret, "another CA");
    refuse(certificate, foreign, "ams1", secret, "another CA");
    refuse("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", ca, "ams1", secret,
           "can't be read");
}

static void names_of_the_greatest_length_fit(void **)
{
    uint8_t secret[LEDGERHEAD_SECRET];
    char name[MACHINE_ROOM], ca[MEMBERSHIP_PEM_ROOM], certificate[MEMBERSHIP_PEM_ROOM];
    struct address nodes[ETCD_NODES_MAX];
    struct certify_subject subject = { name, "node", nodes, ETCD_NODES_MAX };
    make_key(secret, 1);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (unsigned i = 0; i < ETCD_NODES_MAX; i++) {
        nodes[i] = address_of("2001:db8:1111:2222:3333:4444:5555:6666");
        nodes[i].octets[15] = (uint8_t)i;
    }
    assert_ok(certify_ca(
        &(struct certify_ca){ CERTIFY_PEERS, "0123456789abcdef0123456789abcdef", secret }, ca,
        NULL));
    assert_ok(certify_issue(
        &(struct certify_ca){ CERTIFY_PEERS, "0123456789abcdef0123456789abcdef", secret }, secret,
        &subject, certificate, NULL));
    assert_ok(certify_check(certificate, ca, name, secret, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ca_follows_from_its_key),
        cmocka_unit_test(a_certificate_is_good_for_its_machine_its_key_and_its_ca_only),
        cmocka_unit_test(names_of_the_greatest_length_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
