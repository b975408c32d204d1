#include "tests/unit/registry_fixture.h"

enum {
    DAY = 86400,
    LABELS_ROOM = 64
};

static void refused(struct member member, uint64_t now, enum result wanted, const char *reason)
{
    diag.text[0] = '\0';
    assert_int_equal(registry_add(at(now), &member, true), wanted);
    assert_true(member.id == 0);
    if (strstr(diag.text, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", diag.text, reason);
    }
}

static enum result node_at(const char *name, struct node *out)
{
    static uint8_t buffer[NODE_ENCODED_MAX];
    struct dname owner = name_of(name), apex = name_of("pool.test");
    struct dname_key key;
    dname_key_of(&key, &owner, &apex);
    return registry_node(txn, &key, buffer, out);
}

static void new_zone_has_its_names_and_settings(void **)
{
    struct settings settings;
    struct node node;
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_int_equal(settings.serial, NOW);
    struct dname apex = name_of("pool.test"), primary = name_of("ns1.pool.test");
    assert_memory_equal(settings.apex.wire, apex.wire, apex.len);
    assert_memory_equal(settings.primary.wire, primary.wire, primary.len);
    assert_int_equal(settings.srv_count, 4);
    assert_ok(node_at("pool.test", &node));
    assert_int_equal(node.kind, NODE_APEX);
    assert_int_equal(node.rrset_count, 1);
    assert_int_equal(node.rrsets[0].type, RR_NS);
    assert_int_equal(node.rrsets[0].count, 2);
    assert_ok(node_at("ns1.pool.test", &node));
    assert_int_equal(node.kind, NODE_STATIC);
    assert_int_equal(node.rrset_count, 2);
    assert_int_equal(node.rrsets[0].type, RR_A);
    assert_int_equal(node.rrsets[1].type, RR_AAAA);
    assert_ok(node_at("_ntske._tcp.pool.test", &node));
    assert_int_equal(node.kind, NODE_SERVICE);
    assert_int_equal(node_at("_tcp.pool.test", &node), RESULT_NOT_FOUND);
}

static void zone_is_made_once(void **)
{
    struct settings settings = settings_of_test();
    struct name_server ns = server_of("ns1.pool.test", "127.0.0.1");
    assert_int_equal(registry_init(&change, &settings, &ns, 1), RESULT_EXISTS);
}

static void registry_without_a_zone_says_so(void **)
{
    struct settings settings;
    struct member member = member_of("alice", "192.0.2.1");
    assert_int_equal(registry_settings(txn, &settings, &diag), RESULT_MISSING);
    assert_non_null(strstr(diag.text, "ntspool init"));
    assert_int_equal(registry_add(at(NOW), &member, true), RESULT_MISSING);
}

static void name_servers_that_can_not_be_are_refused(void **)
{
    struct settings settings = settings_of_test();
    static const struct {
        const char *name, *address, *reason;
    } cases[] = {
        { "pool.test", "127.0.0.1", "zone's own name" },
        { "ns1.pool.test", NULL, "give it 1 to" },
        { "ns.example.net", "192.0.2.1", "without addresses" },
        { "a._ntske._tcp.pool.test", "127.0.0.1", "can't be" },
        { "*.pool.test", "127.0.0.1", "can't be" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct name_server ns = server_of(cases[i].name, cases[i].address);
        assert_int_equal(registry_init(&change, &settings, &ns, 1), RESULT_REFUSED);
        assert_non_null(strstr(diag.text, cases[i].reason));
    }
    struct name_server twice[] = { server_of("ns1.pool.test", "127.0.0.1"),
                                   server_of("NS1.pool.test", "127.0.0.2") };
    assert_int_equal(registry_init(&change, &settings, twice, 2), RESULT_INVALID);
    assert_int_equal(registry_init(&change, &settings, twice, 0), RESULT_INVALID);
    assert_int_equal(store_count(txn, TABLE_NAMES), 0);
}

/* RFC 1982 3: also across the wrap */
static void serial_always_moves_on(void **)
{
    struct settings settings;
    static const struct {
        uint32_t before;
        uint64_t now;
        uint32_t after;
    } cases[] = {
        { NOW, NOW + 5, NOW + 5 },
        { NOW, NOW, NOW + 1 },
        { NOW + 50, NOW, NOW + 51 },
        { UINT32_MAX, UINT32_MAX, 0 },
        { UINT32_MAX, UINT64_C(0x100000007), 7 },
        { 5, UINT32_C(0x80000006), UINT32_C(6) },
        { 5, UINT32_C(0x80000005), UINT32_C(0x80000005) },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t row[4];
        wire_put_u32(row, cases[i].before);
        assert_ok(store_put(txn, TABLE_SETTINGS, ".serial", 7, row, 4));
        assert_ok(registry_commit(at(cases[i].now)));
        begin();
        assert_ok(registry_settings(txn, &settings, &diag));
        assert_int_equal(settings.serial, cases[i].after);
    }
}

static void setting_is_checked_and_kept(void **)
{
    struct settings settings;
    assert_ok(registry_set(&change, "srv-count", "8"));
    assert_int_equal(registry_set(&change, "srv-count", "9"), RESULT_INVALID);
    assert_int_equal(registry_set(&change, ".serial", "9"), RESULT_NOT_FOUND);
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_int_equal(settings.srv_count, 8);
}

static void unreadable_settings_are_damage(void **)
{
    struct settings settings;
    assert_ok(store_put(txn, TABLE_SETTINGS, "later", 5, "?", 1));
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_ok(store_put(txn, TABLE_SETTINGS, "srv-count", 9, "99", 2));
    assert_int_equal(registry_settings(txn, &settings, &diag), RESULT_DAMAGED);
    assert_non_null(strstr(diag.text, "srv-count"));
    assert_ok(store_put(txn, TABLE_SETTINGS, "srv-count", 9, "4", 1));
    assert_ok(store_put(txn, TABLE_SETTINGS, ".apex", 5, "\4pool", 5));
    assert_int_equal(registry_settings(txn, &settings, &diag), RESULT_DAMAGED);
}

static void member_is_added_with_its_name(void **)
{
    struct member alice = added("Alice", "192.0.2.1"), bob = added("bob", "2001:db8::1"), found;
    struct node node;
    assert_string_equal(alice.label, "alice");
    assert_true(alice.id != 0 && bob.id == alice.id + 1);
    assert_true(alice.added_at == NOW && alice.changed_at == NOW);
    assert_ok(registry_member(txn, "ALICE", &found));
    assert_true(found.id == alice.id);
    assert_ok(node_at("alice.pool.test", &node));
    assert_int_equal(node.kind, NODE_MEMBER);
    assert_true(node.member_id == alice.id);
    assert_int_equal(node.address_count, 1);
    assert_true(address_equal(&node.addresses[0], &alice.addresses[0]));
}

static void labels_and_addresses_in_use_are_refused(void **)
{
    (void)added("alice", "192.0.2.1");
    refused(member_of("ALICE", "192.0.2.2"), NOW, RESULT_EXISTS, "member already");
    refused(member_of("bob", "192.0.2.1"), NOW, RESULT_EXISTS, "belongs to the member alice");
    refused(member_of("ns1", "192.0.2.2"), NOW, RESULT_REFUSED, "record of the zone");
    refused(member_of("_tcp", "192.0.2.2"), NOW, RESULT_INVALID, "hyphens");
    refused(member_of("nl", "192.0.2.2"), NOW, RESULT_INVALID, "region");
    struct member dave = member_of("dave", "192.0.2.2");
    assert_int_equal(registry_add(at(NOW), &dave, false), RESULT_INVALID);
    assert_int_equal(store_count(txn, TABLE_MEMBERS), 1);
    assert_int_equal(store_count(txn, TABLE_ADDRESSES), 1);
}

static void member_with_its_own_name_has_no_node(void **)
{
    struct member member = member_of("alice", NULL);
    struct node node;
    member.target = name_of("ntp1.example.net");
    assert_ok(registry_add(at(NOW), &member, false));
    assert_int_equal(node_at("alice.pool.test", &node), RESULT_NOT_FOUND);
    refused(member_of("alice", "192.0.2.1"), NOW, RESULT_EXISTS, "member already");
    /* and back to addresses and again */
    member.target.len = 0;
    member.address_count = 1;
    assert_ok(address_parse(&member.addresses[0], "192.0.2.1"));
    assert_ok(registry_update(at(NOW), &member, true));
    assert_ok(node_at("alice.pool.test", &node));
    member.target = name_of("ntp1.example.net");
    member.address_count = 0;
    assert_ok(registry_update(at(NOW), &member, true));
    assert_int_equal(node_at("alice.pool.test", &node), RESULT_NOT_FOUND);
    assert_int_equal(store_count(txn, TABLE_ADDRESSES), 1);
}

static struct member member_at(const char *label, const char *target)
{
    struct member member = member_of(label, NULL);
    member.target = name_of(target);
    return member;
}

static void target_has_one_owner(void **)
{
    struct member alice = member_at("alice", "ntp1.example.net"),
                  bob = member_at("bob", "b.example");
    assert_ok(registry_add(at(NOW), &alice, false));
    refused(member_at("carol", "NTP1.example.net"), NOW, RESULT_EXISTS, "the member alice");
    assert_ok(registry_add(at(NOW), &bob, false));
    bob.target = name_of("ntp1.example.net");
    assert_int_equal(registry_update(at(NOW), &bob, false), RESULT_EXISTS);
    alice.target = name_of("ntp2.example.net");
    assert_ok(registry_update(at(NOW), &alice, false));
    assert_ok(registry_update(at(NOW), &bob, false));
    assert_ok(registry_remove(at(NOW), "bob", NOW));
    struct member carol = member_at("carol", "ntp1.example.net");
    assert_ok(registry_add(at(NOW), &carol, false));
    assert_int_equal(store_count(txn, TABLE_ADDRESSES), 2);
}

/* An upgrade takes no member out: what would do so is off until it is set. */
static void settings_of_an_earlier_zone_take_nobody_out(void **)
{
    static const char *const names[] = { "registration-expiry", "target-consent", "leave-lead" };
    struct settings settings;
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_true(settings.registration_expiry_s == 30 * 86400 && settings.target_consent);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_ok(store_delete(txn, TABLE_SETTINGS, names[i], strlen(names[i])));
    }
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_true(settings.registration_expiry_s == 0 && !settings.target_consent);
    assert_int_equal(settings.leave_lead_s, 14 * 86400);
    assert_ok(registry_set(&change, "target-consent", "on"));
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_true(settings.target_consent);
}

/* An earlier program allowed one target for two members: both keep it, and each may be removed. */
static void target_of_two_from_before_stays_with_both(void **)
{
    struct member alice = member_at("alice", "a.example"), bob = member_at("bob", "b.example");
    uint8_t data[MEMBER_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    assert_ok(registry_add(at(NOW), &alice, false));
    assert_ok(registry_add(at(NOW), &bob, false));
    bob.target = alice.target;
    member_encode(&w, &bob);
    assert_ok(store_put(txn, TABLE_MEMBERS, "bob", 3, data, w.at));
    uint8_t octets[STORE_KEY_MAX];
    struct store_item key = { .data = octets, .room = sizeof(octets) };
    while (store_find(txn, TABLE_ADDRESSES, SEEK_FIRST, &key, NULL) == RESULT_OK) {
        assert_ok(store_delete(txn, TABLE_ADDRESSES, octets, key.len));
    }
    assert_ok(registry_migrate_2(txn, NOW, &diag));
    assert_int_equal(store_count(txn, TABLE_ADDRESSES), 1);
    bob.suspended = true;
    assert_ok(registry_update(at(NOW), &bob, false));
    refused(member_at("carol", "a.example"), NOW, RESULT_EXISTS, "the member alice");
    assert_ok(registry_remove(at(NOW), "bob", NOW));
    refused(member_at("carol", "a.example"), NOW, RESULT_EXISTS, "the member alice");
}

static void update_replaces_addresses_and_keeps_identity(void **)
{
    struct member alice = added("alice", "192.0.2.1"), changed = alice, found;
    struct node node;
    (void)added("bob", "192.0.2.9");
    changed.id = 4711;
    changed.added_at = 1;
    assert_ok(address_parse(&changed.addresses[0], "192.0.2.2"));
    assert_ok(registry_update(at(NOW + 7), &changed, true));
    assert_ok(registry_member(txn, "alice", &found));
    assert_true(found.id == alice.id && found.added_at == NOW && found.changed_at == NOW + 7);
    assert_ok(node_at("alice.pool.test", &node));
    assert_true(address_equal(&node.addresses[0], &changed.addresses[0]));
    (void)added("carol", "192.0.2.1"); /* released by the update */
    assert_ok(address_parse(&changed.addresses[0], "192.0.2.9"));
    assert_int_equal(registry_update(at(NOW), &changed, true), RESULT_EXISTS);
    (void)snprintf(changed.label, sizeof(changed.label), "nobody");
    assert_int_equal(registry_update(at(NOW), &changed, true), RESULT_NOT_FOUND);
}

static void removed_name_is_broken_and_quarantined(void **)
{
    struct member alice = added("alice", "192.0.2.1"), found;
    struct node node;
    struct tombstone tombstone;
    assert_ok(registry_remove(at(NOW), "alice", NOW + 100 * DAY));
    assert_int_equal(registry_member(txn, "alice", &found), RESULT_NOT_FOUND);
    assert_int_equal(node_at("alice.pool.test", &node), RESULT_NOT_FOUND);
    assert_int_equal(store_count(txn, TABLE_ADDRESSES), 0);
    assert_ok(registry_tombstone(txn, "alice", &tombstone));
    assert_true(tombstone.removed_at == NOW);
    struct member other = member_of("alice", "192.0.2.1");
    (void)snprintf(other.operator_name, sizeof(other.operator_name), "somebody else");
    refused(other, NOW + 100 * DAY - 1, RESULT_REFUSED, "2024-02-22T22:13:20Z");
    other.operator_name[0] = '\0';
    refused(other, NOW, RESULT_REFUSED, "quarantined");
    /* the operator adds the member anew, and its quarantine continues */
    struct member again = added("alice", "192.0.2.1");
    assert_true(again.id > alice.id);
    assert_ok(registry_remove(at(NOW), "alice", NOW + DAY));
    assert_ok(registry_tombstone(txn, "alice", &tombstone));
    assert_true(tombstone.quarantined_until == NOW + 100 * DAY);
    assert_ok(registry_add(at(NOW + 100 * DAY), &other, true));
    assert_int_equal(registry_remove(at(NOW), "nobody", NOW), RESULT_NOT_FOUND);
}

static void tombstones_whose_time_is_over_go(void **)
{
    struct tombstone tombstone;
    const char *const labels[] = { "alice", "bob", "carol", "dan" };
    const char *const addresses[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4" };
    for (unsigned i = 0; i < 4; i++) {
        (void)added(labels[i], addresses[i]);
    }
    assert_ok(registry_remove(at(NOW), "alice", NOW + DAY));
    assert_ok(registry_remove(at(NOW), "bob", NOW + 3 * DAY));
    assert_ok(registry_remove(at(NOW), "carol", NOW + DAY));
    assert_ok(store_put(txn, TABLE_TOMBSTONES, "eve", 3, "x", 1));
    assert_false(registry_has_old_tombstones(txn, NOW + DAY));
    assert_ok(registry_purge_tombstones(at(NOW + DAY)));
    assert_ok(registry_tombstone(txn, "alice", &tombstone)); /* it stays for two days */
    assert_true(registry_has_old_tombstones(txn, NOW + 2 * DAY));
    assert_ok(registry_remove(at(NOW + 2 * DAY), "dan", NOW + 3 * DAY));
    assert_false(registry_has_old_tombstones(txn, NOW + 2 * DAY));
    assert_int_equal(registry_tombstone(txn, "alice", &tombstone), RESULT_NOT_FOUND);
    assert_ok(registry_tombstone(txn, "bob", &tombstone));
    assert_int_equal(registry_tombstone(txn, "carol", &tombstone), RESULT_NOT_FOUND);
    assert_ok(registry_tombstone(txn, "dan", &tombstone));
    assert_int_equal(registry_tombstone(txn, "eve", &tombstone), RESULT_DAMAGED);
}

static void change_deletes_a_limited_number_of_tombstones(void **)
{
    uint8_t row[2048];
    struct store_item item = { .data = row, .room = sizeof(row) };
    (void)added("alice", "192.0.2.1");
    assert_ok(registry_remove(at(NOW), "alice", NOW));
    assert_ok(store_get(txn, TABLE_TOMBSTONES, "alice", 5, &item));
    for (int i = 0; i < REGISTRY_PURGE_MAX; i++) {
        char label[LABEL_ROOM];
        int len = snprintf(label, sizeof(label), "m%d", i);
        assert_ok(store_put(txn, TABLE_TOMBSTONES, label, (size_t)len, row, item.len));
    }
    assert_ok(registry_purge_tombstones(at(NOW + 9 * DAY)));
    assert_int_equal(store_count(txn, TABLE_TOMBSTONES), 1);
    assert_true(registry_has_old_tombstones(txn, NOW + 9 * DAY));
    assert_ok(registry_purge_tombstones(at(NOW + 9 * DAY + 1)));
    assert_int_equal(store_count(txn, TABLE_TOMBSTONES), 0);
}

static void members_that_go_together_all_leave_tombstones(void **)
{
    struct tombstone tombstone;
    (void)added("alice", "192.0.2.1");
    (void)added("bob", "192.0.2.2");
    assert_ok(registry_remove(at(NOW), "alice", NOW));
    assert_ok(registry_remove(at(NOW), "bob", NOW));
    assert_ok(registry_tombstone(txn, "alice", &tombstone));
    assert_ok(registry_tombstone(txn, "bob", &tombstone));
}

static void nobody_returns_by_an_empty_operator_name(void **)
{
    struct member member = member_of("alice", "192.0.2.1");
    member.operator_name[0] = '\0';
    assert_ok(registry_add(at(NOW), &member, true));
    assert_ok(registry_remove(at(NOW), "alice", NOW + DAY));
    member.id = 0;
    refused(member, NOW, RESULT_REFUSED, "quarantined");
}

static enum result collect(const struct member *member, void *arg)
{
    char *labels = arg;
    size_t used = strlen(labels);
    (void)snprintf(labels + used, LABELS_ROOM - used, "%s", member->label);
    return RESULT_OK;
}

static void members_are_visited_in_order_of_label(void **)
{
    char labels[LABELS_ROOM] = "";
    (void)added("carol", "192.0.2.3");
    (void)added("alice", "192.0.2.1");
    (void)added("bob", "192.0.2.2");
    assert_ok(registry_each(txn, collect, labels));
    assert_string_equal(labels, "alicebobcarol");
}

static void unreadable_rows_are_damage(void **)
{
    struct member found;
    struct tombstone tombstone;
    struct node node;
    char labels[LABELS_ROOM] = "";
    (void)added("alice", "192.0.2.1");
    assert_ok(store_put(txn, TABLE_MEMBERS, "alice", 5, "\0xxxxx", 6));
    assert_int_equal(registry_member(txn, "alice", &found), RESULT_DAMAGED);
    assert_int_equal(registry_each(txn, collect, labels), RESULT_DAMAGED);
    assert_int_equal(registry_remove(at(NOW), "alice", NOW), RESULT_DAMAGED);
    assert_ok(store_put(txn, TABLE_TOMBSTONES, "eve", 3, "x", 1));
    assert_int_equal(registry_tombstone(txn, "eve", &tombstone), RESULT_DAMAGED);
    refused(member_of("eve", "192.0.2.2"), NOW, RESULT_DAMAGED, "eve");
    assert_ok(store_put(txn, TABLE_NAMES, "alice", 6, "", 1));
    assert_int_equal(node_at("alice.pool.test", &node), RESULT_DAMAGED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define BARE(f) cmocka_unit_test_setup_teardown(f, set_up_empty, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(new_zone_has_its_names_and_settings),
        CASE(zone_is_made_once),
        BARE(registry_without_a_zone_says_so),
        BARE(name_servers_that_can_not_be_are_refused),
        CASE(serial_always_moves_on),
        CASE(setting_is_checked_and_kept),
        CASE(unreadable_settings_are_damage),
        CASE(member_is_added_with_its_name),
        CASE(labels_and_addresses_in_use_are_refused),
        CASE(member_with_its_own_name_has_no_node),
        CASE(target_has_one_owner),
        CASE(settings_of_an_earlier_zone_take_nobody_out),
        CASE(target_of_two_from_before_stays_with_both),
        CASE(update_replaces_addresses_and_keeps_identity),
        CASE(tombstones_whose_time_is_over_go),
        CASE(change_deletes_a_limited_number_of_tombstones),
        CASE(members_that_go_together_all_leave_tombstones),
        CASE(removed_name_is_broken_and_quarantined),
        CASE(nobody_returns_by_an_empty_operator_name),
        CASE(members_are_visited_in_order_of_label),
        CASE(unreadable_rows_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
