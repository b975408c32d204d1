#include <stdio.h>

#include "tests/unit/unit.h"
#include "zone/registry/contact.h"

static void addresses_that_people_have_are_taken(void **)
{
    static const char *const good[] = { "ops@example.net", "first.last@sub.example.net",
                                        "time+pool=nts@example.net", "0_a-b@xn--zge-hoa.example",
                                        "A.B@Example.NET" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(contact_fits(good[i]));
    }
}

/* What a shell, sendmail or the header of a mail would read as more than an address. */
static void nothing_but_one_address_is_taken(void **)
{
    static const char *const bad[] = { "",
                                       "ops",
                                       "ops@",
                                       "@example.net",
                                       "ops@localhost",
                                       "ops@example.net.",
                                       "ops@192.0.2.1",
                                       "ops@[192.0.2.1]",
                                       "ops@@example.net",
                                       "ops@a@example.net",
                                       "-ops@example.net",
                                       ".ops@example.net",
                                       "ops.@example.net",
                                       "a..b@example.net",
                                       "\"a b\"@example.net",
                                       "Ops <ops@example.net>",
                                       "ops@example.net, x@example.net",
                                       "ops@example.net,x@example.net",
                                       "ops@example.net\nBcc: x@example.net",
                                       "ops\r\nBcc: x@example.net",
                                       "ops@example.net ",
                                       " ops@example.net",
                                       "ops@exa mple.net",
                                       "ops@exa\\mple.net",
                                       "$(id)@example.net",
                                       "`id`@example.net",
                                       "|id@example.net",
                                       "a'b@example.net",
                                       "a;b@example.net",
                                       "a%b@example.net",
                                       "a!b@example.net",
                                       "ops@-example.net",
                                       "ops@example.local",
                                       "\xc3\xa9@example.net",
                                       "ops@z\xc3\xbcge.example" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(contact_fits(bad[i]));
    }
}

/* RFC 5321 4.5.3.1: 64 octets before the @; an address has at most 254. */
static void lengths_have_bounds(void **)
{
    char text[400];
    for (int more = 0; more < 2; more++) {
        (void)snprintf(text, sizeof(text), "%0*d@example.net", 64 + more, 0);
        assert_int_equal(contact_fits(text), more == 0);
        (void)snprintf(text, sizeof(text), "%0*d@%060d.%060d.%060d.example", 63 + more, 0, 0, 0, 0);
        assert_int_equal(strlen(text), CONTACT_MAX + more);
        assert_int_equal(contact_fits(text), more == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_people_have_are_taken),
        cmocka_unit_test(nothing_but_one_address_is_taken),
        cmocka_unit_test(lengths_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
