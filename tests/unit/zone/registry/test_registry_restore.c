#include "tests/unit/registry_fixture.h"

enum {
    DAY = 86400
};

static struct member full(const char *label)
{
    struct member member = member_of(label, "192.0.2.1");
    memcpy(member.country, "NL", 3);
    member.capacity_mbit = 250;
    member.port = 4461;
    member.suspended = true;
    member.override = OVERRIDE_ELIGIBLE;
    (void)snprintf(member.accounturi, sizeof(member.accounturi), "https://ca.example/acct/1");
    assert_ok(registry_add(at(NOW), &member, true));
    return member;
}

static void removed(const char *label)
{
    assert_ok(registry_remove(at(NOW + 5), label, NOW + 100 * DAY));
}

static void refused(const char *label, enum result wanted, const char *reason)
{
    struct member member;
    assert_int_equal(registry_restore(at(NOW + 9), label, &member), wanted);
    if (strstr(diag.text, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", diag.text, reason);
    }
}

static void member_comes_back_as_it_was(void **)
{
    const struct member before = full("alice");
    struct member after, read;
    removed("alice");
    assert_int_equal(registry_member(txn, "alice", &read), RESULT_NOT_FOUND);
    assert_ok(registry_restore(at(NOW + 9), "alice", &after));
    assert_ok(registry_member(txn, "alice", &read));
    assert_int_equal(read.id, before.id);
    assert_int_equal(read.added_at, NOW);
    assert_int_equal(read.changed_at, NOW + 9);
    read.changed_at = before.changed_at;
    uint8_t first[MEMBER_ENCODED_MAX], second[MEMBER_ENCODED_MAX];
    struct writer a = writer_of(first, sizeof(first)), b = writer_of(second, sizeof(second));
    member_encode(&a, &before);
    member_encode(&b, &read);
    assert_true(a.at == b.at && memcmp(first, second, a.at) == 0);
    static uint8_t buffer[NODE_ENCODED_MAX];
    struct node node;
    struct dname apex = name_of("pool.test"), name = name_of("alice.pool.test");
    struct dname region = name_of("_ntske._tcp.nl.pool.test");
    struct dname_key key;
    dname_key_of(&key, &name, &apex);
    assert_ok(registry_node(txn, &key, buffer, &node));
    dname_key_of(&key, &region, &apex);
    assert_ok(registry_node(txn, &key, buffer, &node));
    refused("alice", RESULT_EXISTS, "a member already");
}

static void taken_label_or_address_stays_where_it_is(void **)
{
    (void)full("alice");
    removed("alice");
    refused("bob", RESULT_NOT_FOUND, "no removed member");
    struct member bob = added("bob", "192.0.2.1");
    refused("alice", RESULT_EXISTS, "belongs to the member bob");
    assert_ok(registry_remove(at(NOW), bob.label, NOW + DAY));
    struct member again = member_of("alice", "192.0.2.9");
    assert_ok(registry_add(at(NOW), &again, true));
    refused("alice", RESULT_EXISTS, "a member already");
}

/* A tombstone of schema 2 ends after the operator. */
static void tombstone_of_before_is_read_and_keeps_nothing(void **)
{
    uint8_t row[64];
    struct writer w = writer_of(row, sizeof(row));
    struct tombstone tombstone;
    write_u64(&w, NOW);
    write_u64(&w, NOW + DAY);
    write_text(&w, "example");
    assert_ok(store_put(txn, TABLE_TOMBSTONES, "old", 3, row, w.at));
    assert_ok(registry_tombstone(txn, "old", &tombstone));
    assert_false(tombstone.kept);
    assert_int_equal(tombstone.quarantined_until, NOW + DAY);
    refused("old", RESULT_REFUSED, "add it again");
    struct member stranger = member_of("old", "192.0.2.7");
    (void)snprintf(stranger.operator_name, sizeof(stranger.operator_name), "other");
    assert_int_equal(registry_add(at(NOW), &stranger, true), RESULT_REFUSED);
}

static enum result count_one(const char *label, const struct tombstone *tombstone, void *arg)
{
    assert_true(tombstone->kept && strcmp(label, tombstone->member.label) == 0);
    *(unsigned *)arg += 1;
    return RESULT_OK;
}

static void tombstones_are_listed(void **)
{
    unsigned count = 0;
    (void)full("alice");
    (void)added("bob", "192.0.2.2");
    removed("alice");
    removed("bob");
    assert_ok(registry_tombstones(txn, count_one, &count));
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(member_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken_label_or_address_stays_where_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tombstone_of_before_is_read_and_keeps_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tombstones_are_listed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
