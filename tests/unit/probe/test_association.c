#include "probe/association.h"
#include "tests/unit/unit.h"
#include "zone/base/clock.h"

enum {
    LIFE_S = 3600
};

static struct ke_result result_of(unsigned cookies)
{
    struct ke_result result = { .certificate = { .not_after = clock_now() + 86400 } };
    result.answer.aead = AEAD_SIV_CMAC_512;
    result.answer.port = 1123;
    result.answer.cookie_count = cookies;
    for (unsigned i = 0; i < cookies; i++) {
        result.answer.cookies[i] = (struct nts_cookie){ 1, { (uint8_t)i } };
    }
    result.keys.c2s.octets[5] = 7;
    return result;
}

static struct association *association_of(unsigned cookies)
{
    const struct ke_result result = result_of(cookies);
    const struct address address = address_from_ipv4((const uint8_t[]){ 192, 0, 2, 1 });
    return association_new(&result, &address);
}

static void key_establishment_is_stored(void **)
{
    struct association *association = association_of(3);
    assert_int_equal(association->aead, AEAD_SIV_CMAC_512);
    assert_int_equal(association->ntp.port, 1123);
    assert_true(address_is_ipv4(&association->ntp.address));
    assert_int_equal(association->keys.c2s.octets[5], 7);
    assert_int_equal(association->cookie_count, 3);
    association_free(association);
    association_free(NULL);
}

static void each_cookie_is_used_once_the_newest_first(void **)
{
    struct association *association = association_of(3);
    for (unsigned i = 3; i-- > 0;) {
        assert_int_equal(association_take_cookie(association).octets[0], i);
    }
    assert_int_equal(association->cookie_count, 0);
    association_free(association);
}

static void oldest_of_too_many_cookies_are_dropped(void **)
{
    struct association *association = association_of(NTS_COOKIES - 1);
    struct nts_reply reply = { .cookie_count = 3 };
    for (unsigned i = 0; i < 3; i++) {
        reply.cookies[i] = (struct nts_cookie){ 1, { (uint8_t)(100 + i) } };
    }
    association_add_cookies(association, &reply);
    assert_int_equal(association->cookie_count, NTS_COOKIES);
    assert_int_equal(association->cookies[0].octets[0], 2);
    assert_int_equal(association_take_cookie(association).octets[0], 102);
    assert_int_equal(association_take_cookie(association).octets[0], 101);
    association_free(association);
}

static void association_is_in_force_while_young_certified_and_with_a_cookie(void **)
{
    assert_false(association_is_in_force(NULL, LIFE_S));
    struct association *association = association_of(1);
    assert_true(association_is_in_force(association, LIFE_S));
    association->established_at -= LIFE_S + 1;
    assert_false(association_is_in_force(association, LIFE_S));
    association->established_at = clock_now() + LIFE_S; /* the clock was set back */
    assert_false(association_is_in_force(association, LIFE_S));
    association->established_at = clock_now();
    association->certificate.not_after = clock_now() - 1;
    assert_false(association_is_in_force(association, LIFE_S));
    association->certificate.not_after = clock_now() + 100;
    (void)association_take_cookie(association);
    assert_false(association_is_in_force(association, LIFE_S));
    association_free(association);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_establishment_is_stored),
        cmocka_unit_test(each_cookie_is_used_once_the_newest_first),
        cmocka_unit_test(oldest_of_too_many_cookies_are_dropped),
        cmocka_unit_test(association_is_in_force_while_young_certified_and_with_a_cookie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
