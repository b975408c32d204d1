#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/site/memberlist.h"

enum {
    NOW = 1764500000,
    COUNT = 1100
};

static char dir[] = "test_memberlist.XXXXXX";
static struct sitepool pool;

static int setup(void **)
{
    assert_non_null(mkdtemp(dir));
    pool.now = NOW;
    pool.options = (struct site_options){ .title = "", .url = "", .imprint = "" };
    (void)snprintf(pool.apex, sizeof(pool.apex), "pool.example");
    pool.members = calloc(COUNT, sizeof(*pool.members));
    pool.count = COUNT;
    for (unsigned i = 0; i < COUNT; i++) {
        struct sitepool_member *member = &pool.members[i];
        *member = (struct sitepool_member){
            .id = i + 1, .state = "eligible", .reason = "", .eligible = i % 2 == 0
        };
        (void)snprintf(member->label, sizeof(member->label), "m%04u", i);
        (void)snprintf(member->country, sizeof(member->country), "%s", i < 3 ? "NL" : "US");
        (void)snprintf(member->operator_name, sizeof(member->operator_name), "%s",
                       i % 3 == 0   ? "Op & <b>"
                       : i % 3 == 1 ? "plain one"
                                    : "");
        member->family[ADDRESS_IPV6] = i == 0;
    }
    pool.members[1].unlisted = true;
    return 0;
}

static int teardown(void **)
{
    char command[64];
    free(pool.members);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(concurrency-mt-unsafe,cert-env33-c) */
}

static void put(void)
{
    const struct site_terms terms = { .apex = "pool.example", .now = NOW, .all = true };
    struct site *site = NULL;
    struct site_totals totals;
    struct diag diag;
    assert_ok(site_open(&site, dir, &terms, &diag));
    assert_ok(memberlist_put(site, &pool));
    assert_ok(site_close(site, true, &totals));
}

/* The text of a file of the site; NULL if there is none. The caller frees it. */
static char *text_of(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    (void)fclose(file);
    return text;
}

static void has(const char *name, const char *what, bool expected)
{
    char *text = text_of(name);
    assert_non_null(text);
    if ((strstr(text, what) != NULL) != expected) {
        fail_msg("%s %s: %s", name, expected ? "lacks" : "has", what);
    }
    free(text);
}

static void long_lists_have_pages_of_five_hundred_members(void **)
{
    put();
    has("members.html", ">m0000</a>", true);
    has("members.html", ">m0500</a>", true); /* as the 500th: one is unlisted */
    has("members.html", "<a href=\"members/m0501.html\">", false);
    has("members.2.html", "<a href=\"members/m0501.html\">", true);
    has("members.3.html", "<a href=\"members/m1099.html\">", true);
    has("members.3.html", "<a href=\"members.2.html\">", true);
    has("members.3.html", "<a href=\"members.3.html\" aria-current=\"page\">", true);
    assert_null(text_of("members.4.html"));
}

static void a_country_has_a_list_and_a_row_with_its_counts(void **)
{
    put();
    has("countries/nl.html", "<h1>Members in Netherlands</h1>", true);
    has("countries/nl.html", "<a href=\"../members/m0002.html\">", true);
    has("countries/nl.html", "m0003", false);
    has("countries.html",
        "<a href=\"countries/nl.html\">Netherlands</a></th><td class=\"number\">2</td>"
        "<td class=\"number\">2</td><td class=\"number\">0</td><td class=\"number\">1</td>",
        true);
}

static void an_unlisted_member_is_in_no_list(void **)
{
    put();
    has("members.html", "m0001", false);
    has("countries/nl.html", "m0001", false);
}

static void operators_are_listed_only_if_that_is_published(void **)
{
    put();
    assert_null(text_of("operators.html"));
    pool.source.settings.publish = PUBLISH_OPERATOR;
    put();
    has("operators.html", "<a href=\"operators/plain-one.html\">plain one</a>", true);
    has("operators.html", ">Op &amp; &lt;b&gt;</a>", true);
    has("operators/plain-one.html", "<a href=\"../members/m0004.html\">", true);
    has("operators/plain-one.html", "m0003", false);
    pool.source.settings.publish = 0;
}

static void slug_is(const char *name, const char *expected)
{
    char slug[MEMBERLIST_SLUG_ROOM];
    assert_string_equal(memberlist_slug(slug, name), expected);
}

static void names_differ_in_their_slugs_unless_only_case_differs(void **)
{
    static const char *const names[] = { "A&B",  "A B",      "A-B",      "A  B", " A B",
                                         "A B ", "\xc3\xa4", "\xc3\xb6", "...",  "a.b" };
    char left[MEMBERLIST_SLUG_ROOM], right[MEMBERLIST_SLUG_ROOM];
    slug_is("Example Org 7", "example-org-7");
    slug_is("example ORG 7", "example-org-7");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        memberlist_slug(left, names[i]);
        assert_int_equal(strspn(left, "abcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(left));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(left, memberlist_slug(right, names[j]));
        }
    }
}

static void no_name_has_the_slug_of_one_with_a_sum(void **)
{
    char slug[MEMBERLIST_SLUG_ROOM], other[MEMBERLIST_SLUG_ROOM];
    memberlist_slug(slug, "Foo!");
    for (const char *space = " -_"; *space != 0; space++) {
        char imitation[MEMBERLIST_SLUG_ROOM];
        (void)snprintf(imitation, sizeof(imitation), "Foo%c%s", *space, slug + strlen("foo_"));
        assert_string_not_equal(memberlist_slug(other, imitation), slug);
    }
}

static void the_longest_name_has_a_slug(void **)
{
    char name[MEMBER_OPERATOR_ROOM], slug[MEMBERLIST_SLUG_ROOM];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    assert_string_equal(memberlist_slug(slug, name), name);
    name[sizeof(name) - 2] = '!';
    assert_int_equal(strlen(memberlist_slug(slug, name)),
                     sizeof(name) - 2 + strlen("_0123456789abcdef"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lists_have_pages_of_five_hundred_members),
        cmocka_unit_test(a_country_has_a_list_and_a_row_with_its_counts),
        cmocka_unit_test(an_unlisted_member_is_in_no_list),
        cmocka_unit_test(operators_are_listed_only_if_that_is_published),
        cmocka_unit_test(names_differ_in_their_slugs_unless_only_case_differs),
        cmocka_unit_test(no_name_has_the_slug_of_one_with_a_sum),
        cmocka_unit_test(the_longest_name_has_a_slug),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
