/* The registry of the fixture makes changes; others take them over. */
#include "tests/unit/registry_fixture.h"
#include "zone/base/array.h"
#include "zone/base/splitmix.h"
#include "zone/registry/machine.h"
#include "zone/registry/registry_fleet.h"
#include "zone/registry/registry_ledger.h"

enum {
    ROWS_MAX = 4000,
    LABELS = 12,
    CHANGES = 400
};

static const enum store_table all_tables[] = { TABLE_SETTINGS,   TABLE_NAMES,
                                               TABLE_MEMBERS,    TABLE_ADDRESSES,
                                               TABLE_TOMBSTONES, TABLE_VANTAGE_KEYS,
                                               TABLE_MACHINES,   TABLE_LEDGER };

/* What was collected and not yet taken. */
static struct registry_fleet_row rows[ROWS_MAX];
static size_t row_count;

static struct registry_fleet fleet;

static enum result keep(const struct registry_fleet_row *row, void *)
{
    assert_true(row_count < ROWS_MAX);
    struct registry_fleet_row *copy = &rows[row_count++];
    *copy = *row;
    uint8_t *value = xmalloc(row->value.len + row->name.len);
    size_t len = row->value.len;
    copy->value.data = len > 0 ? memcpy(value, row->value.data, len) : value;
    copy->name.octets = memcpy(value + row->value.len, row->name.octets, row->name.len);
    return RESULT_OK;
}

static void forget_rows(void)
{
    for (size_t i = 0; i < row_count; i++) {
        union {
            const uint8_t *in;
            void *out;
        } value = { .in = rows[i].value.data };
        free(value.out);
    }
    row_count = 0;
}

/* Commits the change under way, as a fleet would, and keeps its rows. */
static void publish(void)
{
    size_t first = row_count;
    assert_ok(registry_fleet_collect(&fleet, &change, keep, NULL));
    assert_ok(registry_ledger_note(&change, rows + first, row_count - first));
    assert_ok(store_commit(txn, &diag));
    registry_fleet_free(&fleet);
    begin();
    registry_fleet_note(&fleet, txn);
}

/* Another machine's registry. */
struct other {
    char dir[64];
    struct store *store;
};

static void other_open(struct other *other)
{
    (void)snprintf(other->dir, sizeof(other->dir), "test_fleet.XXXXXX");
    assert_non_null(mkdtemp(other->dir));
    assert_ok(store_create(other->dir, STORE_REGISTRY, &diag));
    assert_ok(store_open(&other->store, other->dir, STORE_REGISTRY, true, &diag));
}

static void other_close(struct other *other)
{
    char command[128];
    store_close(other->store);
    (void)snprintf(command, sizeof(command), "rm -rf %s", other->dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own directory */
}

static enum result other_take(struct other *other, bool whole)
{
    struct store_txn *theirs;
    struct registry_change taking;
    struct diag why = { "" };
    assert_ok(store_write(other->store, &theirs, &why));
    registry_begin(&taking, theirs, NOW, &why);
    enum result result = registry_fleet_take(&taking, rows, row_count, whole);
    if (result == RESULT_OK) {
        result =
            whole ? registry_ledger_build(&taking) : registry_ledger_note(&taking, rows, row_count);
    }
    if (result != RESULT_OK) {
        store_abort(theirs);
        return result;
    }
    return store_commit(theirs, &why);
}

/* All rows at once. */
static void other_join(struct other *other)
{
    forget_rows();
    assert_ok(registry_fleet_each(txn, keep, NULL));
    assert_ok(other_take(other, true));
    forget_rows();
}

struct sum {
    uint64_t octets;
    size_t rows;
};

static enum result add_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                           size_t value_len, void *arg)
{
    struct sum *sum = arg;
    sum->rows++;
    for (size_t i = 0; i < key_len + value_len; i++) {
        uint8_t octet = i < key_len ? key[i] : value[i - key_len];
        sum->octets = (sum->octets ^ octet) * 0x100000001b3; /* FNV-1a */
    }
    sum->octets ^= key_len << 32 ^ value_len;
    return RESULT_OK;
}

static void assert_equal(struct other *other)
{
    struct store_txn *theirs;
    assert_ok(store_read(other->store, &theirs, &diag));
    for (size_t i = 0; i < sizeof(all_tables) / sizeof(all_tables[0]); i++) {
        struct sum mine = { 0 }, other_sum = { 0 };
        assert_ok(store_each(txn, all_tables[i], add_row, &mine));
        assert_ok(store_each(theirs, all_tables[i], add_row, &other_sum));
        if (mine.rows != other_sum.rows || mine.octets != other_sum.octets) {
            fail_msg("table %d: %zu rows here, %zu there", (int)all_tables[i], mine.rows,
                     other_sum.rows);
        }
    }
    store_abort(theirs);
}

static uint64_t state = 1;

static unsigned any(unsigned below)
{
    return (unsigned)(splitmix(&state) % below);
}

/* A random member: labels and addresses are few, so that they meet. */
static struct member random_member(void)
{
    static const char *const countries[] = { "", "DE", "NL", "BR", "JP" };
    char label[16], address[32];
    (void)snprintf(label, sizeof(label), "m%u", any(LABELS));
    (void)snprintf(address, sizeof(address), "192.0.2.%u", any(LABELS));
    struct member member = member_of(label, any(4) > 0 ? address : NULL);
    if (member.address_count == 0) {
        (void)snprintf(address, sizeof(address), "t%u.example.net", any(LABELS));
        member.target = name_of(address);
    } else if (any(2) == 0) {
        (void)snprintf(address, sizeof(address), "2001:db8::%u", 1 + any(LABELS));
        member.addresses[member.address_count++] = address_of(address);
    }
    (void)snprintf(member.country, sizeof(member.country), "%s", countries[any(5)]);
    return member;
}

static enum result change_record(void)
{
    static const char *const names[] = { "m1.pool.test", "www.pool.test", "a.b.pool.test",
                                         "pool.test", "_whoami.pool.test" };
    static const uint8_t txt[] = { 0, 2, 1, 'a', 0, 3, 2, 'b', 'c' };
    struct dname owner = name_of(names[any(5)]);
    struct rrset set = { .type = RR_TXT, .ttl = 60 };
    if (any(3) > 0) {
        set.count = 1;
        set.rdata = any(2) == 0 ? txt : txt + 4;
        set.rdata_len = set.rdata == txt ? 4 : 5;
    }
    return registry_record_set(&change, &owner, &set);
}

static enum result change_server(void)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "ns%u.pool.test", any(4));
    struct name_server ns = server_of(name, any(2) == 0 ? "192.0.2.200" : "2001:db8::1:1");
    switch (any(3)) {
    case 0:
        return registry_server_add(&change, &ns);
    case 1:
        return registry_server_set(&change, &ns);
    default:
        return registry_server_remove(&change, &ns.name);
    }
}

static enum result change_vantage(void)
{
    struct vantage_key key = { .added_at = NOW };
    (void)snprintf(key.name, sizeof(key.name), "v%u", any(4));
    memset(key.key, (int)any(200), sizeof(key.key));
    return any(3) > 0 ? registry_put_vantage(&change, &key)
                      : registry_remove_vantage(&change, key.name);
}

static enum result change_machine(void)
{
    struct machine machine = { .role = MACHINE_EDGE, .added_at = NOW, .voucher_of = "admin" };
    (void)snprintf(machine.name, sizeof(machine.name), "edge%u", any(4));
    machine.key[0] = (uint8_t)any(200);
    machine.evicted_at = any(2);
    return any(3) > 0 ? registry_put_machine(&change, &machine)
                      : registry_remove_machine(&change, machine.name);
}

static enum result change_setting(void)
{
    return any(2) == 0 ? registry_set(&change, "whoami", any(2) == 0 ? "on" : "off")
                       : registry_set(&change, "srv-ttl", any(2) == 0 ? "2m" : "5m");
}

static enum result operate(void)
{
    struct member member = random_member();
    switch (any(11)) {
    case 0:
    case 1:
    case 2:
        return registry_add(&change, &member, true);
    case 3:
        return registry_update(&change, &member, true);
    case 4:
        return registry_remove(&change, member.label, change.now + 86400);
    case 5:
        return registry_restore(&change, member.label, &member);
    case 6:
        return change_record();
    case 7:
        return change_server();
    case 8:
        return change_vantage();
    case 9:
        return change_machine();
    default:
        return change_setting();
    }
}

/* Some operations in one change. One that fails takes the others with it, as in a command. */
static void make_change(uint64_t now)
{
    unsigned operations = 1 + any(4);
    change.now = now;
    while (operations > 0) {
        if (operate() == RESULT_OK) {
            operations--;
            continue;
        }
        store_abort(txn);
        registry_fleet_free(&fleet);
        begin();
        registry_fleet_note(&fleet, txn);
        change.now = now;
    }
}

static int set_up_fleet(void **arg)
{
    int failed = set_up(arg);
    assert_ok(registry_ledger_build(&change));
    registry_fleet_note(&fleet, txn);
    return failed;
}

static int tear_down_fleet(void **arg)
{
    forget_rows();
    registry_fleet_free(&fleet);
    return tear_down(arg);
}

static void any_changes_that_are_taken_elsewhere_make_the_same_tables(void **)
{
    struct other follower, batcher, visitor;
    other_open(&follower);
    other_open(&batcher);
    other_open(&visitor);
    other_join(&follower);
    other_join(&batcher);
    assert_equal(&follower);
    for (unsigned i = 0; i < CHANGES; i++) {
        make_change(NOW + (uint64_t)i * 40000); /* tombstones are purged after days */
        size_t first = row_count;
        publish();
        /* one at once: the others wait in `rows` for the batch */
        struct store_txn *theirs;
        struct registry_change taking;
        assert_ok(store_write(follower.store, &theirs, &diag));
        registry_begin(&taking, theirs, NOW, &diag);
        assert_ok(registry_fleet_take(&taking, rows + first, row_count - first, false));
        assert_ok(registry_ledger_note(&taking, rows + first, row_count - first));
        assert_ok(store_commit(theirs, &diag));
        assert_equal(&follower);
        if (any(8) == 0) {
            assert_ok(other_take(&batcher, false));
            forget_rows();
            assert_equal(&batcher);
        }
        if (any(32) == 0) { /* beyond compaction */
            assert_ok(other_take(&batcher, false));
            other_join(&visitor);
            assert_equal(&visitor);
        }
    }
    other_close(&follower);
    other_close(&batcher);
    other_close(&visitor);
}

static bool collected(const char *label, enum ledgerrow_kind kind, bool gone)
{
    bool found = false;
    for (size_t i = 0; i < row_count; i++) {
        found = found || (rows[i].name.kind == kind && rows[i].gone == gone &&
                          rows[i].name.len == strlen(label) &&
                          memcmp(rows[i].name.octets, label, rows[i].name.len) == 0);
    }
    return found;
}

static void a_change_has_the_rows_that_it_touched_once_and_no_derived_ones(void **)
{
    (void)added("ams1", "192.0.2.1");
    publish();
    assert_true(collected("ams1", LEDGERROW_MEMBER, false));
    assert_true(collected(".next-id", LEDGERROW_SETTING, false));
    assert_true(collected(".serial", LEDGERROW_SETTING, false));
    assert_int_equal(row_count, 3);
    forget_rows();
    assert_ok(registry_remove(&change, "ams1", NOW + 1));
    (void)added("fra1", "192.0.2.1");
    publish();
    assert_true(collected("ams1", LEDGERROW_MEMBER, true));
    assert_true(collected("ams1", LEDGERROW_TOMBSTONE, false));
    assert_true(collected("fra1", LEDGERROW_MEMBER, false));
    assert_int_equal(row_count, 5);
    for (size_t i = 1; i < row_count; i++) {
        assert_true(ledgerrow_order(&rows[i - 1].name, &rows[i].name) < 0);
    }
}

static void the_last_word_about_a_row_counts(void **)
{
    struct other other;
    other_open(&other);
    other_join(&other);
    (void)added("ams1", "192.0.2.1");
    publish();
    assert_ok(registry_remove(&change, "ams1", NOW + 1));
    publish();
    assert_ok(other_take(&other, false));
    assert_equal(&other);
    struct store_txn *theirs;
    struct member member;
    assert_ok(store_read(other.store, &theirs, &diag));
    assert_int_equal(registry_member(theirs, "ams1", &member), RESULT_NOT_FOUND);
    store_abort(theirs);
    other_close(&other);
}

static void rows_of_another_zone_and_damaged_rows_are_refused_whole(void **)
{
    struct other other;
    other_open(&other);
    other_join(&other);
    static const uint8_t wrong[] = { 5, 'o', 't', 'h', 'e', 'r', 0 }, damaged[] = { 0 };
    assert_ok(ledgerrow_name(&rows[0].name, LEDGERROW_SETTING, ".apex", 5));
    rows[0] = (struct registry_fleet_row){ .name = rows[0].name, .value = { wrong, 7 } };
    row_count = 1;
    assert_int_equal(other_take(&other, false), RESULT_REFUSED);
    rows[0].value = (struct octets){ damaged, 1 };
    assert_ok(ledgerrow_name(&rows[0].name, LEDGERROW_MEMBER, "ams1", 4));
    assert_int_equal(other_take(&other, false), RESULT_DAMAGED);
    static const enum ledgerrow_kind plain[] = { LEDGERROW_TOMBSTONE, LEDGERROW_VANTAGE,
                                                 LEDGERROW_MACHINE };
    for (size_t i = 0; i < 3; i++) {
        assert_ok(ledgerrow_name(&rows[0].name, plain[i], "ams1", 4));
        assert_int_equal(other_take(&other, false), RESULT_DAMAGED);
    }
    static const uint8_t to_come[] = { 200, 'a' };
    rows[0].value = (struct octets){ to_come, 2 }; /* of a newer layout */
    assert_int_equal(other_take(&other, false), RESULT_NEWER);
    assert_ok(ledgerrow_name(&rows[0].name, LEDGERROW_VANTAGE, "ams1", 4));
    assert_int_equal(other_take(&other, false), RESULT_NEWER);
    assert_ok(ledgerrow_name(&rows[0].name, LEDGERROW_MEMBER, "ams1", 4));
    assert_int_equal(other_take(&other, false), RESULT_NEWER);
    rows[0].value = (struct octets){ damaged, 1 };
    assert_ok(ledgerrow_name(&rows[0].name, LEDGERROW_NODE, "\1", 1));
    assert_int_equal(other_take(&other, false), RESULT_DAMAGED);
    row_count = 0;
    assert_equal(&other);
    other_close(&other);
}

static void give_setting(const char *name, const char *value)
{
    assert_ok(ledgerrow_name(&rows[0].name, LEDGERROW_SETTING, name, strlen(name)));
    rows[0] = (struct registry_fleet_row){ .name = rows[0].name,
                                           .value = { (const uint8_t *)value, strlen(value) } };
    row_count = 1;
}

static void keep_name(const char *name, void *arg)
{
    (void)snprintf(arg, SETTING_NAME_ROOM, "%s", name);
}

static void a_setting_of_a_newer_version_is_kept_and_ignored(void **)
{
    struct other other;
    struct store_txn *theirs;
    struct settings settings;
    char unknown[SETTING_NAME_ROOM] = "", none[SETTING_NAME_ROOM] = "";
    other_open(&other);
    other_join(&other);
    give_setting("of-tomorrow", "7 ways");
    assert_ok(other_take(&other, false));
    row_count = 0;
    assert_ok(store_read(other.store, &theirs, &diag));
    assert_ok(registry_settings(theirs, &settings, &diag));
    assert_ok(registry_unknown_settings(theirs, keep_name, unknown));
    assert_string_equal(unknown, "of-tomorrow");
    store_abort(theirs);
    assert_ok(registry_unknown_settings(txn, keep_name, none));
    assert_string_equal(none, "");
    other_close(&other);
}

static void a_value_that_only_a_newer_version_takes_is_refused(void **)
{
    struct other other;
    char longest[SETTING_VALUE_MAX + 2], name[2 * SETTING_NAME_ROOM];
    other_open(&other);
    other_join(&other);
    give_setting("denial", "by-oracle");
    assert_int_equal(other_take(&other, false), RESULT_NEWER);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    give_setting("mailbox", longest);
    assert_int_equal(other_take(&other, false), RESULT_NEWER);
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    give_setting(name, "1");
    assert_int_equal(other_take(&other, false), RESULT_NEWER);
    row_count = 0;
    assert_equal(&other);
    other_close(&other);
}

static void rows_that_are_here_already_drop_no_cached_answer(void **)
{
    struct other other;
    uint64_t changed[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    (void)added("ams1", "192.0.2.1");
    publish();
    other_open(&other);
    other_join(&other);
    struct store_txn *theirs;
    assert_ok(store_read(other.store, &theirs, &diag));
    uint64_t before = store_version(theirs);
    other_join(&other);
    assert_ok(store_renew(theirs));
    assert_ok(registry_changes(theirs, before, changed, &count));
    assert_int_equal(count, 0);
    store_abort(theirs);
    other_close(&other);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up_fleet, tear_down_fleet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(any_changes_that_are_taken_elsewhere_make_the_same_tables),
        CASE(a_change_has_the_rows_that_it_touched_once_and_no_derived_ones),
        CASE(the_last_word_about_a_row_counts),
        CASE(rows_of_another_zone_and_damaged_rows_are_refused_whole),
        CASE(a_setting_of_a_newer_version_is_kept_and_ignored),
        CASE(a_value_that_only_a_newer_version_takes_is_refused),
        CASE(rows_that_are_here_already_drop_no_cached_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
