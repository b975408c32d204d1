#include "tests/unit/unit.h"
#include "zone/fleet/ack.h"
#include "zone/fleet/hello.h"

static const struct hello sample = { .version = "1.2.3",
                                     .started_at = 1700000000,
                                     .schema = 5,
                                     .epoch = 2,
                                     .seq = 1ULL << 33,
                                     .answers = true,
                                     .has_identity = true,
                                     .identity = { 1, 2, 3 },
                                     .package = 7 };

static void a_hello_is_read_back(void **)
{
    uint8_t octets[HELLO_MAX];
    struct hello again;
    size_t len = hello_encode(&sample, octets);
    assert_ok(hello_decode(&again, (struct octets){ octets, len }));
    assert_string_equal(again.version, "1.2.3");
    assert_true(again.started_at == 1700000000 && again.schema == 5 && again.package == 7);
    assert_true(again.epoch == 2 && again.seq == 1ULL << 33);
    assert_true(again.answers && again.has_identity);
    assert_memory_equal(again.identity, sample.identity, HELLO_IDENTITY);
}

static void a_newer_hello_is_read_as_far_as_it_is_known(void **)
{
    uint8_t octets[HELLO_MAX + 4];
    struct hello again;
    size_t len = hello_encode(&sample, octets);
    memset(octets + len, 9, 4);
    assert_int_equal(hello_decode(&again, (struct octets){ octets, len + 4 }), RESULT_INVALID);
    octets[0] = 2;
    assert_ok(hello_decode(&again, (struct octets){ octets, len + 4 }));
    assert_int_equal(again.package, 7);
}

static void a_hello_that_is_cut_is_refused(void **)
{
    uint8_t octets[HELLO_MAX];
    struct hello again;
    size_t len = hello_encode(&sample, octets);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(hello_decode(&again, (struct octets){ octets, cut }), RESULT_INVALID);
    }
    octets[0] = 0;
    assert_int_equal(hello_decode(&again, (struct octets){ octets, len }), RESULT_INVALID);
}

static void an_ack_is_read_back_and_says_what_it_has(void **)
{
    uint8_t octets[ACK_MAX + 1] = { 0 };
    struct ack ack = { .epoch = 2, .seq = 7 }, again;
    size_t len = ack_encode(&ack, octets);
    assert_ok(ack_decode(&again, (struct octets){ octets, len }));
    assert_true(ack_has(&again, 2, 7) && ack_has(&again, 2, 6) && ack_has(&again, 1, 99));
    assert_false(ack_has(&again, 2, 8) || ack_has(&again, 3, 1));
    assert_int_equal(ack_decode(&again, (struct octets){ octets, len + 1 }), RESULT_INVALID);
    assert_int_equal(ack_decode(&again, (struct octets){ octets, len - 1 }), RESULT_INVALID);
    octets[0] = 2;
    assert_ok(ack_decode(&again, (struct octets){ octets, len + 1 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_is_read_back),
        cmocka_unit_test(a_newer_hello_is_read_as_far_as_it_is_known),
        cmocka_unit_test(a_hello_that_is_cut_is_refused),
        cmocka_unit_test(an_ack_is_read_back_and_says_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
