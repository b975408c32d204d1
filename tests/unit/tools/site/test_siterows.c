#include "tests/unit/unit.h"
#include "tools/site/siterows.h"

static struct siterows made(void)
{
    struct siterows rows = { .apex = "odd&\\032.pool.example", .edition = UINT64_MAX };
    struct siterow *row = siterows_add(&rows, "member/bob", 1764500000, 7);
    siterow_add_file(row, "members/bob.html");
    siterow_add_file(row, "members/bob.svg");
    siterow_add_file(row, "scores/2001:db8::1/json");
    (void)siterows_add(&rows, "member/alice", 0, 0);
    siterows_sort(&rows);
    return rows;
}

static void flip(char *text, size_t bit)
{
    text[bit / 8] = (char)((unsigned char)text[bit / 8] ^ 1U << bit % 8);
}

static void what_was_written_is_read(void **)
{
    struct siterows rows = made(), back = { 0 };
    struct markup text = { 0 };
    siterows_write(&text, &rows);
    assert_true(siterows_read(&back, text.text, text.len));
    assert_string_equal(back.apex, rows.apex);
    assert_true(back.edition == UINT64_MAX);
    assert_int_equal(back.count, 2);
    const struct siterow *row = siterows_find(&back, "member/bob");
    assert_non_null(row);
    assert_int_equal(row->made_at, 1764500000);
    assert_int_equal(row->fingerprint, 7);
    assert_int_equal(row->count, 3);
    assert_string_equal(row->files[0], "members/bob.html");
    assert_string_equal(row->files[1], "members/bob.svg");
    assert_string_equal(row->files[2], "scores/2001:db8::1/json");
    assert_int_equal(siterows_find(&back, "member/alice")->count, 0);
    assert_null(siterows_find(&back, "member/carol"));
    siterows_done(&rows);
    siterows_done(&back);
    markup_done(&text);
}

static void no_rows_are_found_in_none(void **)
{
    const struct siterows none = { 0 };
    assert_null(siterows_find(&none, "member/bob"));
}

static void a_text_that_is_cut_or_changed_is_refused_and_leaves_nothing(void **)
{
    struct siterows rows = made(), back = { 0 };
    struct markup text = { 0 };
    siterows_write(&text, &rows);
    for (size_t len = 0; len < text.len; len++) {
        assert_false(siterows_read(&back, text.text, len));
        assert_int_equal(back.count, 0);
    }
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        flip(text.text, bit);
        assert_false(siterows_read(&back, text.text, text.len));
        assert_int_equal(back.count, 0);
        flip(text.text, bit);
    }
    markup_raw(&text, "\n");
    assert_false(siterows_read(&back, text.text, text.len));
    siterows_done(&rows);
    markup_done(&text);
}

static void only_plain_paths_below_the_directory_count(void **)
{
    static const char *const good[] = { "index.html", "members/alice.days.csv",
                                        "scores/2001:db8::1/json", "a/b-c_d.E" };
    static const char *const bad[] = { "",       "/etc/passwd", "../x",   "a/../b", "a//b",
                                       ".state", "a/.b",        "a/",     "a b",    "a\n",
                                       "a\\b",   "\xc3\xa4",    "a/b/./c" };
    char path[SITEROWS_PATH_MAX + 2];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(siterows_is_path(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(siterows_is_path(bad[i]));
    }
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = 0;
    assert_false(siterows_is_path(path));
    path[SITEROWS_PATH_MAX] = 0;
    assert_true(siterows_is_path(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(no_rows_are_found_in_none),
        cmocka_unit_test(a_text_that_is_cut_or_changed_is_refused_and_leaves_nothing),
        cmocka_unit_test(only_plain_paths_below_the_directory_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
