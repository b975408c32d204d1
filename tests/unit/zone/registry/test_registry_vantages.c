#include "tests/unit/registry_fixture.h"

static struct vantage_key key_of(const char *name, int octet)
{
    struct vantage_key key = { .added_at = NOW, .released_at = 7 };
    (void)snprintf(key.name, sizeof(key.name), "%s", name);
    memset(key.key, octet, sizeof(key.key));
    return key;
}

static void named_vantage_points_are_found_and_listed_in_order(void **)
{
    struct vantage_key found, far = key_of("far", 1), near = key_of("a-near", 2);
    struct vantage_keys all;
    assert_int_equal(registry_vantage(txn, "far", &found), RESULT_NOT_FOUND);
    assert_ok(registry_vantages(txn, &all, &diag));
    assert_int_equal(all.count, 0);
    assert_ok(registry_put_vantage(&change, &far));
    assert_ok(registry_put_vantage(&change, &near));
    commit();
    assert_ok(registry_vantage(txn, "far", &found));
    assert_string_equal(found.name, "far");
    assert_memory_equal(found.key, far.key, sizeof(far.key));
    assert_true(found.added_at == NOW && found.released_at == 7);
    assert_ok(registry_vantages(txn, &all, &diag));
    assert_int_equal(all.count, 2);
    assert_string_equal(all.list[0].name, "a-near");
    assert_string_equal(all.list[1].name, "far");
}

static void key_is_replaced_and_removed(void **)
{
    struct vantage_key found, old = key_of("far", 1), new = key_of("far", 2);
    assert_ok(registry_put_vantage(&change, &old));
    assert_ok(registry_put_vantage(&change, &new));
    assert_ok(registry_vantage(txn, "far", &found));
    assert_memory_equal(found.key, new.key, sizeof(new.key));
    assert_ok(registry_remove_vantage(&change, "far"));
    assert_int_equal(registry_vantage(txn, "far", &found), RESULT_NOT_FOUND);
    assert_int_equal(registry_remove_vantage(&change, "far"), RESULT_NOT_FOUND);
}

static void one_key_is_one_vantage_point(void **)
{
    struct vantage_key far = key_of("far", 1), near = key_of("near", 1), other = key_of("near", 2);
    assert_ok(registry_put_vantage(&change, &far));
    assert_int_equal(registry_put_vantage(&change, &near), RESULT_EXISTS);
    assert_non_null(strstr(diag.text, "far has this key"));
    assert_ok(registry_put_vantage(&change, &other));
    assert_int_equal(registry_put_vantage(&change, &near), RESULT_EXISTS);
    far.released_at = 8;
    assert_ok(registry_put_vantage(&change, &far));
}

static void names_are_checked(void **)
{
    static const char *const names[] = { "", "-x", "Far", "a b", "../x", "a.b", "\xc3\xa4" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct vantage_key key = key_of(names[i], 1);
        assert_int_equal(registry_put_vantage(&change, &key), RESULT_INVALID);
        assert_non_null(strstr(diag.text, "hyphen"));
    }
    struct vantage_key longest = key_of("0123456789abcdef", 1);
    assert_ok(registry_put_vantage(&change, &longest));
}

static void there_are_so_many_and_each_may_still_change(void **)
{
    struct vantage_keys all;
    for (int i = 0; i < VANTAGES_MAX; i++) {
        char name[VANTAGE_ROOM];
        (void)snprintf(name, sizeof(name), "v%d", i);
        struct vantage_key key = key_of(name, i);
        assert_ok(registry_put_vantage(&change, &key));
    }
    struct vantage_key more = key_of("more", 98), first = key_of("v0", 99);
    assert_int_equal(registry_put_vantage(&change, &more), RESULT_FULL);
    assert_non_null(strstr(diag.text, "vantage remove"));
    assert_ok(registry_put_vantage(&change, &first));
    assert_ok(registry_vantages(txn, &all, &diag));
    assert_int_equal(all.count, VANTAGES_MAX);
    assert_ok(registry_remove_vantage(&change, "v31"));
    assert_ok(registry_put_vantage(&change, &more));
}

static void damaged_rows_are_told_and_leave_the_output(void **)
{
    struct vantage_key key = key_of("far", 1), found = key_of("before", 9);
    struct vantage_keys all = { .count = 3 };
    uint8_t row[64];
    struct store_item item = { .data = row, .room = sizeof(row) };
    assert_ok(registry_put_vantage(&change, &key));
    assert_ok(store_get(txn, TABLE_VANTAGE_KEYS, "far", 3, &item));
    size_t len = item.len;
    for (size_t cut = 0; cut < len; cut++) {
        assert_ok(store_put(txn, TABLE_VANTAGE_KEYS, "far", 3, row, cut));
        assert_int_equal(registry_vantage(txn, "far", &found), RESULT_DAMAGED);
        assert_int_equal(registry_vantages(txn, &all, &diag), RESULT_DAMAGED);
    }
    assert_ok(store_put(txn, TABLE_VANTAGE_KEYS, "far", 3, row, len + 1));
    assert_int_equal(registry_vantage(txn, "far", &found), RESULT_DAMAGED);
    row[0]++;
    assert_ok(store_put(txn, TABLE_VANTAGE_KEYS, "far", 3, row, len));
    assert_int_equal(registry_vantage(txn, "far", &found), RESULT_NEWER);
    row[0]--;
    assert_ok(store_put(txn, TABLE_VANTAGE_KEYS, "Not Fine", 8, row, len));
    assert_int_equal(registry_vantages(txn, &all, &diag), RESULT_DAMAGED);
    assert_string_equal(found.name, "before");
    assert_int_equal(all.count, 3);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(named_vantage_points_are_found_and_listed_in_order),
        CASE(key_is_replaced_and_removed),
        CASE(one_key_is_one_vantage_point),
        CASE(names_are_checked),
        CASE(there_are_so_many_and_each_may_still_change),
        CASE(damaged_rows_are_told_and_leave_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
