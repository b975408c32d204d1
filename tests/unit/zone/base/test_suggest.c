#include "tests/unit/unit.h"
#include "zone/base/suggest.h"

static const char *best_of(const char *word)
{
    static const char *const known[] = { "listen", "locations", "state", "id" };
    struct suggest near = suggest_begin(word);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        suggest_candidate(&near, known[i]);
    }
    return near.best;
}

static void nearest_word_is_meant(void **)
{
    assert_string_equal(best_of("listne"), "listen");
    assert_string_equal(best_of("locaton"), "locations");
    assert_string_equal(best_of("State"), "state");
    assert_string_equal(best_of("state"), "state");
}

static void far_words_are_not_meant(void **)
{
    static const char *const words[] = {
        "", "x", "xy", "colour", "stat-directory", "a word far longer than any that is compared"
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_null(best_of(words[i]));
    }
}

static void text_names_it_or_is_empty(void **)
{
    char text[SUGGEST_ROOM];
    struct suggest near = suggest_begin("listn");
    assert_string_equal(suggest_text(&near, text), "");
    suggest_candidate(&near, "listen");
    assert_string_equal(suggest_text(&near, text), " (do you mean 'listen'?)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_word_is_meant),
        cmocka_unit_test(far_words_are_not_meant),
        cmocka_unit_test(text_names_it_or_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
