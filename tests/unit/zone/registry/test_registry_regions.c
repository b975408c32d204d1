#include "tests/unit/registry_fixture.h"
#include "zone/places/region.h"

/* The number of members that a region's name counts; -1 if the name does not exist. */
static int counted(const char *label)
{
    char text[64];
    struct dname apex = name_of("pool.test"), name;
    struct dname_key key;
    struct node node;
    uint8_t buffer[NODE_ENCODED_MAX];
    (void)snprintf(text, sizeof(text), "_ntske._tcp.%s.pool.test", label);
    name = name_of(text);
    dname_key_of(&key, &name, &apex);
    enum result result = registry_node(txn, &key, buffer, &node);
    if (result == RESULT_NOT_FOUND) {
        return -1;
    }
    assert_ok(result);
    assert_int_equal(node.kind, NODE_SERVICE);
    return (int)node.members;
}

static void add_from(const char *label, const char *address, const char *country)
{
    struct member member = member_of(label, address);
    (void)snprintf(member.country, sizeof(member.country), "%s", country);
    assert_ok(registry_add(at(NOW), &member, true));
}

static void a_region_has_its_name_while_a_member_is_registered_there(void **)
{
    assert_int_equal(counted("nl"), -1);
    add_from("amy", "10.0.0.1", "NL");
    add_from("bob", "10.0.0.2", "DE");
    add_from("zoe", "10.0.0.3", "DE");
    add_from("nowhere", "10.0.0.4", "");
    assert_int_equal(counted("nl"), 1);
    assert_int_equal(counted("de"), 2);
    assert_int_equal(counted("europe"), 3);
    assert_int_equal(counted("asia"), -1);
    assert_ok(registry_remove(at(NOW), "amy", NOW));
    assert_int_equal(counted("nl"), -1);
    assert_int_equal(counted("europe"), 2);
    assert_ok(registry_remove(at(NOW), "nowhere", NOW));
    assert_ok(registry_remove(at(NOW), "bob", NOW));
    assert_ok(registry_remove(at(NOW), "zoe", NOW));
    assert_int_equal(counted("de"), -1);
    assert_int_equal(counted("europe"), -1);
}

static void a_member_that_moves_takes_its_region_along(void **)
{
    struct member member;
    add_from("amy", "10.0.0.1", "NL");
    assert_ok(registry_member(txn, "amy", &member));
    memcpy(member.country, "JP", sizeof(member.country));
    assert_ok(registry_update(at(NOW), &member, true));
    assert_int_equal(counted("nl"), -1);
    assert_int_equal(counted("europe"), -1);
    assert_int_equal(counted("jp"), 1);
    assert_int_equal(counted("asia"), 1);
    member.capacity_mbit = 7; /* nothing moved, so nothing is counted */
    assert_ok(registry_update(at(NOW), &member, true));
    assert_int_equal(counted("jp"), 1);
}

/* The number of names that a new member changes, for answer caches. */
static size_t changes_by(const char *label, const char *address)
{
    uint64_t changes[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    struct store_txn *read = NULL;
    assert_ok(store_read(store, &read, &diag));
    uint64_t since = store_version(read);
    store_rest(read);
    add_from(label, address, "NL");
    commit();
    assert_ok(store_renew(read));
    assert_ok(registry_changes(read, since, changes, &count));
    store_abort(read);
    return count;
}

/* A count that shows in no answer is no change. */
static void a_second_member_changes_no_name_but_its_own(void **)
{
    assert_true(changes_by("amy", "10.0.0.1") > 2);
    assert_int_equal(changes_by("bob", "10.0.0.2"), 2); /* the name, and the one before it */
}

/* A registry of schema 1: the row of an unknown region is missing, and another region's count is
 * too low. */
static void make_old(const char *missing, const char *counted_too_few)
{
    uint8_t format[13] = "ntspool", row[16];
    struct dname apex = name_of("pool.test"), name;
    struct dname_key key;
    char text[64];
    (void)snprintf(text, sizeof(text), "_ntske._tcp.%s.pool.test", missing);
    name = name_of(text);
    dname_key_of(&key, &name, &apex);
    assert_ok(store_delete(txn, TABLE_NAMES, key.octets, key.len));
    (void)snprintf(text, sizeof(text), "_ntske._tcp.%s.pool.test", counted_too_few);
    name = name_of(text);
    dname_key_of(&key, &name, &apex);
    const struct node node = { .kind = NODE_SERVICE, .members = 1 };
    struct writer w = writer_of(row, sizeof(row));
    node_encode(&w, &node);
    assert_ok(store_put(txn, TABLE_NAMES, key.octets, key.len, row, w.at));
    format[8] = STORE_REGISTRY;
    wire_put_u32(format + 9, 1);
    assert_ok(store_put(txn, TABLE_META, "format", sizeof("format"), format, sizeof(format)));
    assert_ok(store_commit(txn, &diag));
    store_close(store);
}

static uint32_t serial(void)
{
    struct settings settings;
    assert_ok(registry_settings(txn, &settings, &diag));
    return settings.serial;
}

static void reopen(bool writable)
{
    assert_ok(store_open(&store, dir, STORE_REGISTRY, writable, &diag));
    assert_ok(writable ? store_write(store, &txn, &diag) : store_read(store, &txn, &diag));
    if (writable) {
        registry_begin(&change, txn, NOW, &diag);
    }
}

static void a_registry_from_before_gets_its_regions_when_it_is_opened(void **)
{
    uint64_t changes[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    add_from("amy", "10.0.0.1", "NL");
    add_from("bob", "10.0.0.2", "DE");
    add_from("zoe", "10.0.0.3", "DE");
    add_from("jun", "10.0.0.4", "JP");
    add_from("nowhere", "10.0.0.5", "");
    commit();
    uint32_t before = serial();
    uint64_t since = store_version(txn);
    make_old("de", "europe");

    reopen(false);
    assert_int_equal(counted("nl"), 1);
    assert_int_equal(counted("de"), 2);
    assert_int_equal(counted("europe"), 3);
    assert_int_equal(counted("jp"), 1);
    assert_int_equal(counted("asia"), 1);
    assert_int_equal(counted("fr"), -1);
    uint32_t after = serial();
    assert_true(after - before > 0 && after - before < UINT32_C(1) << 31); /* RFC 1982 */
    store_abort(txn);
    store_close(store);

    reopen(true); /* once */
    assert_int_equal(serial(), after);
    assert_ok(registry_remove(at(NOW), "bob", NOW));
    assert_ok(registry_remove(at(NOW), "zoe", NOW));
    assert_int_equal(counted("de"), -1);
    assert_int_equal(counted("europe"), 1);
    store_abort(txn);
    assert_ok(store_read(store, &txn, &diag));
    assert_ok(
        registry_changes(txn, since, changes, &count)); /* servers drop their cached answers */
    assert_int_equal(count, 2);                         /* _ntske._tcp.de, and the name before it */
}

/* If the names can't be counted, nothing is changed. */
static void a_damaged_registry_from_before_stays_as_it_is(void **state)
{
    struct store *none = NULL;
    add_from("amy", "10.0.0.1", "NL");
    assert_ok(store_put(txn, TABLE_MEMBERS, "bob", 3, "junk", 4));
    make_old("nl", "europe");
    assert_int_equal(store_open(&none, dir, STORE_REGISTRY, true, &diag), RESULT_DAMAGED);
    assert_non_null(strstr(diag.text, "a member"));
    assert_int_equal(store_open(&none, dir, STORE_REGISTRY, false, &diag), RESULT_DAMAGED);
    (void)remove_dir();
    (void)set_up_empty(state); /* for tear_down */
}

static void a_registry_without_a_zone_is_renewed_too(void **)
{
    uint8_t format[13] = "ntspool";
    format[8] = STORE_REGISTRY;
    wire_put_u32(format + 9, 1);
    assert_ok(store_put(txn, TABLE_META, "format", sizeof("format"), format, sizeof(format)));
    assert_ok(store_commit(txn, &diag));
    store_close(store);
    reopen(true);
    assert_int_equal(store_count(txn, TABLE_NAMES), 0);
    assert_int_equal(store_count(txn, TABLE_SETTINGS), 0);
}

static void names_of_regions_are_not_for_records(void **)
{
    uint8_t room[64];
    struct rrset_builder b;
    struct rrset set;
    rrset_begin(&b, RR_TXT, 60, room, sizeof(room));
    rrset_add(&b, "\2hi", 3);
    assert_true(rrset_end(&b, &set));
    static const struct {
        const char *name;
        enum result result;
    } rows[] = { { "_ntske._tcp.fr.pool.test", RESULT_REFUSED },
                 { "x._ntske._tcp.europe.pool.test", RESULT_REFUSED },
                 { "fr.pool.test", RESULT_OK },
                 { "_ntske._tcp.fra.pool.test", RESULT_OK } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dname name = name_of(rows[i].name);
        assert_int_equal(registry_record_set(&change, &name, &set), rows[i].result);
    }
}

static void labels_and_regions_belong_together(void **)
{
    char label[REGION_LABEL_ROOM];
    for (uint16_t region = 1; region < (uint16_t)REGIONS; region++) {
        (void)region_label(region, label);
        assert_int_equal(region_of_label(label, strlen(label)), region);
    }
    assert_int_equal(region_of_label("NL", 2), REGION_NONE);
    assert_int_equal(region_of_label("n", 1), REGION_NONE);
    assert_int_equal(region_of_label("", 0), REGION_NONE);
    assert_int_equal(region_of_label("eu", 2), region_of_country("EU"));
    assert_int_equal(region_of_label("europe", 5), REGION_NONE);
    assert_int_equal(region_of_country("nl"), REGION_NONE);
    assert_int_equal(region_of_country(""), REGION_NONE);
    assert_int_equal(region_around("NL"), region_of_label("europe", 6));
    assert_int_equal(region_around("ZZ"), REGION_NONE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_region_has_its_name_while_a_member_is_registered_there),
        CASE(a_member_that_moves_takes_its_region_along),
        CASE(a_second_member_changes_no_name_but_its_own),
        CASE(a_registry_from_before_gets_its_regions_when_it_is_opened),
        CASE(a_damaged_registry_from_before_stays_as_it_is),
        cmocka_unit_test_setup_teardown(a_registry_without_a_zone_is_renewed_too, set_up_empty,
                                        tear_down),
        CASE(names_of_regions_are_not_for_records),
        CASE(labels_and_regions_belong_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
