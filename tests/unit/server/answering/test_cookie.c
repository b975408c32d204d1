#include <sodium.h>

#include "server/answering/cookie.h"
#include "tests/unit/unit.h"

static void unhex(uint8_t *out, size_t room, const char *text)
{
    size_t len = 0;
    assert_int_equal(sodium_hex2bin(out, room, text, strlen(text), NULL, &len, NULL), 0);
    assert_int_equal(len, room);
}

static const char secret_a[] = "e5e973e5a6b2a43f48e7dc849e37bfcf";
static const char secret_b[] = "dd3bdf9344b678b185a6f5cb60fca715";
static const char secret_c[] = "445536bcd2513298075a5d379663c962";

/* RFC 9018 appendix A: the server's answer to a cookie at a given time. */
struct vector {
    const char *source, *current, *previous, *sent, *answered;
    uint64_t now;
    enum cookie_state state; /* of the cookie sent */
};

static const struct vector vectors[] = {
    /* A.1, a client cookie alone */
    { "198.51.100.100", secret_a, NULL, "2464c4abcf10c957",
      "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, COOKIE_BAD },
    /* A.2, the same client 40 minutes later */
    { "198.51.100.100", secret_a, NULL, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
      "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", 1559734385, COOKIE_AGING },
    /* A.3, reserved octets that are not zero */
    { "203.0.113.203", secret_a, NULL, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
      "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", 1559734700, COOKIE_BAD },
    /* A.4, IPv6 and a secret that was replaced */
    { "2001:db8:220:1:59de:d0f4:8769:82b8", secret_c, secret_b,
      "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
      "22681ab97d52c298010000005cf7c609a6bb79d16625507a", 1559741961, COOKIE_AGING },
};

static struct cookie_secrets secrets_of(const char *current, const char *previous, uint64_t at)
{
    struct cookie_secrets secrets = { .present = true, .changed_at = at };
    unhex(secrets.current, COOKIE_SECRET_LEN, current);
    if (previous != NULL) {
        secrets.has_previous = true;
        unhex(secrets.previous, COOKIE_SECRET_LEN, previous);
    }
    return secrets;
}

static void vectors_of_rfc_9018_are_met(void **)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        struct address source = address_of(v->source);
        struct cookie_secrets secrets = secrets_of(v->current, v->previous, v->now - 10);
        uint8_t sent[COOKIE_LEN], want[COOKIE_LEN], made[COOKIE_LEN];
        size_t sent_len = strlen(v->sent) / 2;
        unhex(sent, sent_len, v->sent);
        unhex(want, sizeof(want), v->answered);
        if (sent_len == COOKIE_LEN) {
            assert_int_equal(cookie_check(sent, &source, &secrets, v->now), v->state);
        }
        cookie_make(made, sent, &source, secrets.current, v->now);
        assert_memory_equal(made, want, sizeof(want));
        assert_int_equal(cookie_check(made, &source, &secrets, v->now), COOKIE_GOOD);
    }
}

/* The cookie of A.3 is genuine, including its reserved octets, but too old. */
static void reserved_octets_are_hashed_as_they_came(void **)
{
    struct address source = address_of("203.0.113.203");
    struct cookie_secrets secrets = secrets_of(secret_a, NULL, 0);
    uint8_t sent[COOKIE_LEN];
    unhex(sent, sizeof(sent), "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    assert_int_equal(cookie_check(sent, &source, &secrets, 0x5cf78f71), COOKIE_GOOD);
}

static void window_is_an_hour_back_and_five_minutes_ahead(void **)
{
    static const struct {
        int64_t age;
        enum cookie_state state;
    } rows[] = {
        { 0, COOKIE_GOOD },     { 1800, COOKIE_GOOD },   { 1801, COOKIE_AGING },
        { 3600, COOKIE_AGING }, { 3601, COOKIE_BAD },    { -300, COOKIE_GOOD },
        { -301, COOKIE_BAD },   { 1000000, COOKIE_BAD }, { -1000000, COOKIE_BAD },
    };
    /* From the second start, the 32-bit time wraps inside the window (RFC 1982). */
    static const uint64_t starts[] = { 1800000000, (UINT64_C(1) << 32) - 100 };
    struct address source = address_of("192.0.2.1");
    struct cookie_secrets secrets = secrets_of(secret_a, NULL, 0);
    for (size_t s = 0; s < 2; s++) {
        uint8_t cookie[COOKIE_LEN];
        cookie_make(cookie, (const uint8_t *)"12345678", &source, secrets.current, starts[s]);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            uint64_t now = (uint64_t)((int64_t)starts[s] + rows[i].age);
            assert_int_equal(cookie_check(cookie, &source, &secrets, now), rows[i].state);
        }
    }
}

static void any_flipped_bit_makes_it_bad(void **)
{
    struct address source = address_of("2001:db8::1");
    struct cookie_secrets secrets = secrets_of(secret_a, secret_b, 1800000000);
    uint8_t cookie[COOKIE_LEN];
    cookie_make(cookie, (const uint8_t *)"12345678", &source, secrets.current, 1800000000);
    for (size_t bit = 0; bit < (size_t)8 * COOKIE_LEN; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(cookie_check(cookie, &source, &secrets, 1800000000), COOKIE_BAD);
        cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    struct address other = address_of("2001:db8::2");
    assert_int_equal(cookie_check(cookie, &other, &secrets, 1800000000), COOKIE_BAD);
}

/* RFC 9018 5: at each step of a secret rollover, a server accepts cookies of servers that are one
 * step ahead or behind. */
static void servers_a_step_apart_take_each_other_s_cookies(void **)
{
    const uint64_t now = 1800000000;
    struct address source = address_of("192.0.2.1");
    struct cookie_secrets steps[3] = { secrets_of(secret_a, NULL, 0) };
    steps[1] = steps[0];
    steps[1].has_next = true;
    unhex(steps[1].next, COOKIE_SECRET_LEN, secret_b);
    steps[2] = steps[1];
    cookie_secrets_roll(&steps[2], now);
    for (int i = 0; i < 2; i++) {
        uint8_t here[COOKIE_LEN], there[COOKIE_LEN];
        cookie_make(here, (const uint8_t *)"12345678", &source, steps[i].current, now);
        cookie_make(there, (const uint8_t *)"12345678", &source, steps[i + 1].current, now);
        assert_int_not_equal(cookie_check(here, &source, &steps[i + 1], now), COOKIE_BAD);
        assert_int_not_equal(cookie_check(there, &source, &steps[i], now), COOKIE_BAD);
    }
    uint8_t old[COOKIE_LEN];
    cookie_make(old, (const uint8_t *)"12345678", &source, steps[0].current, now + 4000);
    assert_int_equal(cookie_check(old, &source, &steps[2], now + 3000 + 200), COOKIE_BAD);
    assert_int_equal(cookie_check(old, &source, &steps[2], now + 3899), COOKIE_AGING);
    assert_int_equal(cookie_check(old, &source, &steps[2], now + 3900), COOKIE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_9018_are_met),
        cmocka_unit_test(reserved_octets_are_hashed_as_they_came),
        cmocka_unit_test(window_is_an_hour_back_and_five_minutes_ahead),
        cmocka_unit_test(any_flipped_bit_makes_it_bad),
        cmocka_unit_test(servers_a_step_apart_take_each_other_s_cookies),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
