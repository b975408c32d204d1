/* The octets were made by hand from rpc.proto of etcd 3.4; the comments are their text format.
 * tests/system/test_etcd.py sends such messages to real etcd. */
#include "tests/unit/unit.h"
#include "tools/fleet/etcdrequest.h"

#define ASSERT_OCTETS(message, octets)                                                             \
    do {                                                                                           \
        assert_int_equal((message).len, sizeof(octets) - 1);                                       \
        assert_memory_equal((message).data, octets, sizeof(octets) - 1);                           \
        protobuf_free(&(message));                                                                 \
    } while (0)

static void a_range_is_written_with_what_differs_from_the_defaults(void **)
{
    struct protobuf message = { .data = NULL };
    struct etcdrequest_range range = { .keys.from = etcdrequest_text("k") };
    etcdrequest_range(&message, &range);
    ASSERT_OCTETS(message, "\x0a\x01k"); /* key: "k" */
    range = (struct etcdrequest_range){
        .keys = { etcdrequest_text("a"), etcdrequest_text("b") },
        .revision = 300,
        .limit = 5,
        .serializable = true,
        .count_only = true,
        .keys_only = true,
    };
    etcdrequest_range(&message, &range);
    /* key: "a" range_end: "b" limit: 5 revision: 300 serializable: true keys_only: true
     * count_only: true */
    ASSERT_OCTETS(message, "\x0a\x01"
                           "a\x12\x01"
                           "b\x18\x05\x20\xac\x02\x38\x01\x40\x01\x48\x01");
}

static void a_transaction_has_conditions_and_two_lists(void **)
{
    struct protobuf message = { .data = NULL };
    struct etcdrequest_condition fresh = { .key = etcdrequest_text("h") };
    struct etcdrequest_keys gone = { .from = etcdrequest_text("g") };
    struct etcdrequest_range head = { .keys.from = etcdrequest_text("h") };
    etcdrequest_if(&message, &fresh);
    etcdrequest_put(&message, false, etcdrequest_text("h"), etcdrequest_text("v"));
    etcdrequest_delete(&message, false, &gone);
    etcdrequest_get(&message, true, &head);
    /* compare { target: MOD key: "h" mod_revision: 0 }
     * success { request_put { key: "h" value: "v" } }
     * success { request_delete_range { key: "g" } }
     * failure { request_range { key: "h" } } */
    ASSERT_OCTETS(message, "\x0a\x07\x10\x02\x1a\x01h\x30\x00"
                           "\x12\x08\x12\x06\x0a\x01h\x12\x01v"
                           "\x12\x05\x1a\x03\x0a\x01g"
                           "\x1a\x05\x0a\x03\x0a\x01h");
    fresh.test = ETCDREQUEST_NOT_EQUAL;
    fresh.modified = 5;
    etcdrequest_if(&message, &fresh);
    ASSERT_OCTETS(message, "\x0a\x09\x08\x03\x10\x02\x1a\x01h\x30\x05");
    struct etcdrequest_condition same = { .key = etcdrequest_text("h"),
                                          .value = etcdrequest_text("v") };
    etcdrequest_if(&message, &same);
    /* compare { target: VALUE key: "h" value: "v" } */
    ASSERT_OCTETS(message, "\x0a\x08\x10\x03\x1a\x01h\x3a\x01v");
}

static void a_watch_asks_for_fragments(void **)
{
    struct protobuf message = { .data = NULL };
    struct etcdrequest_watch watch = {
        .keys = { etcdrequest_text("r/"), etcdrequest_text("r0") },
        .revision = 7,
        .progress = true,
    };
    etcdrequest_watch(&message, &watch);
    /* create_request { key: "r/" range_end: "r0" start_revision: 7 progress_notify: true
     * fragment: true } */
    ASSERT_OCTETS(message, "\x0a\x0e\x0a\x02r/\x12\x02r0\x18\x07\x20\x01\x40\x01");
}

static void the_end_of_a_prefix_is_the_first_key_behind_it(void **)
{
    uint8_t end[4];
    struct etcdrequest_keys keys = etcdrequest_prefix(etcdrequest_text("r/"), end);
    assert_int_equal(keys.to.len, 2);
    assert_memory_equal(keys.to.data, "r0", 2);
    keys = etcdrequest_prefix(etcdrequest_text("a\xff\xff"), end);
    assert_int_equal(keys.to.len, 1);
    assert_memory_equal(keys.to.data, "b", 1);
    keys = etcdrequest_prefix(etcdrequest_text("\xff"), end);
    assert_int_equal(keys.to.len, 1);
    assert_memory_equal(keys.to.data, "\0", 1);
    keys = etcdrequest_prefix(etcdrequest_text(""), end);
    assert_memory_equal(keys.to.data, "\0", 1);
}

static void upkeep_and_rights_are_written_as_the_engine_expects_them(void **)
{
    struct protobuf message = { .data = NULL };
    struct etcdrequest_keys keys = { etcdrequest_text("a"), etcdrequest_text("b") };
    etcdrequest_compact(&message, 9, true);
    ASSERT_OCTETS(message, "\x08\x09\x10\x01");
    etcdrequest_disarm(&message, 3, 1);
    ASSERT_OCTETS(message, "\x08\x02\x10\x03\x18\x01");
    etcdrequest_user(&message, "u"); /* name: "u" options { no_password: true } */
    ASSERT_OCTETS(message, "\x0a\x01u\x1a\x02\x08\x01");
    etcdrequest_user_role(&message, "u", "r");
    ASSERT_OCTETS(message, "\x0a\x01u\x12\x01r");
    etcdrequest_role_right(&message, "r", ETCDREQUEST_READ_WRITE, &keys);
    /* name: "r" perm { permType: READWRITE key: "a" range_end: "b" } */
    ASSERT_OCTETS(message, "\x0a\x01r\x12\x08\x08\x02\x12\x01"
                           "a\x1a\x01"
                           "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_written_with_what_differs_from_the_defaults),
        cmocka_unit_test(a_transaction_has_conditions_and_two_lists),
        cmocka_unit_test(a_watch_asks_for_fragments),
        cmocka_unit_test(the_end_of_a_prefix_is_the_first_key_behind_it),
        cmocka_unit_test(upkeep_and_rights_are_written_as_the_engine_expects_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
