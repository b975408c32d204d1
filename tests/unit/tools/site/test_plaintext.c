#include "tests/unit/unit.h"
#include "tools/site/plaintext.h"

static void assert_becomes(const char *text, const char *expected)
{
    struct markup m = { 0 };
    plaintext_write(&m, text);
    assert_string_equal(m.text, expected);
    markup_done(&m);
}

static void lines_become_headings_paragraphs_and_literal_blocks(void **)
{
    assert_becomes("Do this.\nThen that.\n", "<p>Do this.\nThen that.</p>\n");
    assert_becomes("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>\n");
    assert_becomes("12. Ports\n\n    TCP\n", "<h2>Ports</h2>\n<pre><code>TCP</code></pre>\n");
    assert_becomes("Run\n    a\n    b\nor\n",
                   "<p>Run</p>\n<pre><code>a\nb</code></pre>\n<p>or</p>\n");
    /* an empty line inside of a block stays, one behind it goes */
    assert_becomes("    a\n\n      b\n\nEnd.\n", "<pre><code>a\n\n  b</code></pre>\n<p>End.</p>\n");
    assert_becomes("4.5 s is no heading", "<p>4.5 s is no heading</p>\n");
    assert_becomes("\n\n", "");
}

static void texts_are_escaped(void **)
{
    assert_becomes(
        "1. <b>\n    a && b\n'x'\n",
        "<h2>&lt;b&gt;</h2>\n<pre><code>a &amp;&amp; b</code></pre>\n<p>&#39;x&#39;</p>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_headings_paragraphs_and_literal_blocks),
        cmocka_unit_test(texts_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
