#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/registry_fixture.h"
#include "tools/site/sitemembers.h"
#include "zone/verdicts/history.h"

static struct sitepool pool;
static char site_dir[96];

static void add_member(const char *label, const char *address, bool unlisted)
{
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "%s", label);
    member.addresses[member.address_count++] = address_of(address);
    member.unlisted = unlisted;
    assert_ok(registry_add(&change, &member, true));
}

static enum result take_member(const struct member *member, void *)
{
    struct sitepool_member *out = &pool.members[pool.count++];
    *out = (struct sitepool_member){ .id = member->id,
                                     .state = "registered",
                                     .fingerprint = member->changed_at,
                                     .unlisted = member->unlisted };
    memcpy(out->label, member->label, sizeof(out->label));
    return RESULT_OK;
}

/* Reads the members as a run does. */
static void read_pool(uint64_t now)
{
    pool.now = now;
    pool.count = 0;
    assert_ok(registry_each(txn, take_member, NULL));
}

static int begin_members(void **state)
{
    (void)set_up(state);
    assert_ok(store_create(dir, STORE_HEALTH, &diag));
    assert_ok(store_create(dir, STORE_HISTORY, &diag));
    (void)snprintf(site_dir, sizeof(site_dir), "%s/site", dir);
    pool = (struct sitepool){ .apex = "pool.test",
                              .options = { .title = "", .url = "", .imprint = "" },
                              .members = xcalloc(8, sizeof(struct sitepool_member)) };
    pool.source.settings = settings_of_test();
    add_member("alice", "192.0.2.1", false);
    add_member("secret", "192.0.2.2", true);
    commit();
    read_pool(NOW);
    return 0;
}

static int end_members(void **state)
{
    free(pool.members);
    return tear_down(state);
}

static struct site_totals put_all(void)
{
    const struct site_terms terms = { .apex = "pool.test", .now = pool.now, .warm_s = 900 };
    struct site *site = NULL;
    struct site_totals totals;
    assert_ok(site_open(&site, site_dir, &terms, &diag));
    assert_ok(sitemembers_put(site, &pool, dir, &diag));
    assert_ok(site_close(site, true, &totals));
    return totals;
}

static bool has(const char *path)
{
    char whole[256];
    (void)snprintf(whole, sizeof(whole), "%s/%s", site_dir, path);
    return access(whole, F_OK) == 0;
}

static bool says(const char *path, const char *text)
{
    char whole[256], content[8192];
    (void)snprintf(whole, sizeof(whole), "%s/%s", site_dir, path);
    FILE *file = fopen(whole, "re");
    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = 0;
    (void)fclose(file);
    return strstr(content, text) != NULL;
}

static void a_member_has_a_page_and_its_files(void **)
{
    static const char *const paths[] = { "members/alice.html",         "members/alice.json",
                                         "members/alice.svg",          "members/alice.atom",
                                         "members/alice.days.csv",     "members/alice.year.svg",
                                         "scores/192.0.2.1/json",      "scores/192.0.2.1/log",
                                         "scores/192.0.2.1/index.html" };
    put_all();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_true(has(paths[i]));
    }
    assert_true(says("members/alice.html", "not probed yet"));
}

static void an_unlisted_member_has_no_file_with_more_than_its_state(void **)
{
    static const char *const paths[] = { "members/secret.atom", "members/secret.days.csv",
                                         "members/secret.year.svg", "scores/192.0.2.2/json" };
    put_all();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_false(has(paths[i]));
    }
    assert_true(says("members/secret.html", "registered"));
    assert_false(says("members/secret.html", "192.0.2.2"));
    assert_false(says("members/secret.json", "192.0.2.2"));
}

static void what_is_not_due_stays_as_it_is(void **)
{
    put_all();
    read_pool(NOW + 1);
    assert_int_equal(put_all().written, 0);
    pool.members[0].fingerprint++;
    struct site_totals totals = put_all();
    assert_int_equal(totals.removed, 0);
    assert_true(totals.written > 0);
    assert_true(says("members/alice.html", "2023-11-14 22:13"));
}

/* How often alice's data are made in two hours, beside so many members that are gone. */
static unsigned data_made_beside(size_t others)
{
    unsigned made = 0;
    put_all();
    for (uint64_t now = NOW + 60; now <= NOW + 7200; now += 60) {
        struct stat before, after;
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/members/alice.json", site_dir);
        assert_int_equal(stat(path, &before), 0);
        read_pool(now);
        pool.members = xrealloc(pool.members, (pool.count + others) * sizeof(pool.members[0]));
        for (size_t i = 0; i < others; i++) {
            struct sitepool_member *gone = &pool.members[pool.count++];
            *gone = (struct sitepool_member){ .id = 1000 + i, .state = "registered" };
            (void)snprintf(gone->label, sizeof(gone->label), "zz%04zu", i);
        }
        put_all();
        assert_int_equal(stat(path, &after), 0);
        made += before.st_ino != after.st_ino;
    }
    return made;
}

static void data_are_made_with_the_page(void **)
{
    assert_int_equal(data_made_beside(0), 8);
}

static void data_of_a_large_pool_are_made_each_hour(void **)
{
    assert_int_equal(data_made_beside(1000), 2 + 1); /* once because the pool grew */
}

static void a_member_that_lists_itself_no_more_loses_its_files(void **)
{
    struct member member;
    put_all();
    assert_ok(registry_member(txn, "alice", &member));
    member.unlisted = true;
    assert_ok(registry_update(at(NOW + 5), &member, true));
    commit();
    read_pool(NOW + 10);
    pool.members[0].fingerprint++;
    put_all();
    assert_false(has("scores/192.0.2.1/json"));
    assert_false(has("members/alice.atom"));
    assert_false(has("members/alice.year.svg"));
    assert_true(has("members/alice.html"));
}

static void a_removed_members_page_says_so_for_half_a_year(void **)
{
    put_all();
    assert_ok(registry_remove(at(NOW), "alice", NOW + 86400));
    commit();
    read_pool(NOW + 10);
    put_all();
    assert_true(says("members/alice.html", "Removed from the pool"));
    assert_false(has("members/alice.json"));
    assert_false(has("scores/192.0.2.1/json"));
    read_pool(NOW + SITEMEMBERS_REMOVED_S - 86400);
    put_all();
    assert_true(has("members/alice.html"));
    read_pool(NOW + SITEMEMBERS_REMOVED_S + 86400);
    put_all();
    assert_false(has("members/alice.html"));
}

static void a_member_that_came_back_has_its_page_again(void **)
{
    put_all();
    assert_ok(registry_remove(at(NOW), "alice", NOW));
    commit();
    read_pool(NOW + 10);
    put_all();
    add_member("alice", "192.0.2.1", false);
    commit();
    read_pool(NOW + 20);
    put_all();
    assert_false(says("members/alice.html", "Removed"));
    read_pool(NOW + SITEMEMBERS_REMOVED_S + 86400);
    put_all();
    assert_true(has("members/alice.html"));
}

static void a_member_removed_since_the_pool_was_read_is_left_out(void **)
{
    assert_ok(registry_remove(at(NOW), "alice", NOW));
    commit();
    put_all();
    assert_false(has("members/alice.json"));
    assert_true(has("members/secret.html"));
}

static void one_page_can_be_had_alone(void **)
{
    struct markup m = { 0 };
    assert_ok(sitemembers_page(&m, &pool, "alice", dir, &diag));
    assert_non_null(strstr(m.text, "<h1>alice</h1>"));
    assert_int_equal(sitemembers_page(&m, &pool, "nobody", dir, &diag), RESULT_NOT_FOUND);
    assert_non_null(strstr(diag.text, "there is no member nobody"));
    markup_done(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_members, end_members)
    const struct CMUnitTest tests[] = {
        TEST(a_member_has_a_page_and_its_files),
        TEST(an_unlisted_member_has_no_file_with_more_than_its_state),
        TEST(what_is_not_due_stays_as_it_is),
        TEST(data_are_made_with_the_page),
        TEST(data_of_a_large_pool_are_made_each_hour),
        TEST(a_member_that_lists_itself_no_more_loses_its_files),
        TEST(a_removed_members_page_says_so_for_half_a_year),
        TEST(a_member_that_came_back_has_its_page_again),
        TEST(a_member_removed_since_the_pool_was_read_is_left_out),
        TEST(one_page_can_be_had_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
