#include "tests/unit/unit.h"
#include "tools/csv.h"

/* Reads all records of `data` as "field|field;field". */
static enum result parse(const char *data, size_t len, char *out, size_t room, struct diag *diag)
{
    static struct csv csv;
    char *copy = xmalloc(len + 1);
    memcpy(copy, data, len);
    FILE *file = fmemopen(copy, len, "r");
    assert_non_null(file);
    csv_begin(&csv, file, "t.csv");
    size_t at = 0;
    out[0] = 0;
    enum result result = RESULT_OK;
    while ((result = csv_next(&csv, diag)) == RESULT_OK) {
        for (size_t i = 0; i < csv.count; i++) {
            at += (size_t)snprintf(out + at, room - at, "%s%s", i > 0 ? "|" : "", csv.fields[i]);
            assert_true(at < room);
        }
        at += (size_t)snprintf(out + at, room - at, ";");
    }
    (void)fclose(file);
    free(copy);
    return result;
}

static void reads(const char *data, const char *expected)
{
    static char out[1 << 16];
    struct diag diag = { 0 };
    assert_int_equal(parse(data, strlen(data), out, sizeof out, &diag), RESULT_NOT_FOUND);
    assert_string_equal(out, expected);
}

static void fails(const char *data, size_t len, const char *where)
{
    static char out[1 << 16];
    struct diag diag = { 0 };
    assert_int_equal(parse(data, len, out, sizeof out, &diag), RESULT_INVALID);
    assert_memory_equal(diag.text, where, strlen(where));
}

static void lines_end_in_lf_or_crlf_and_the_last_may_have_no_end(void **)
{
    reads("a,b\nc,d\n", "a|b;c|d;");
    reads("a,b\r\nc,d\r\n", "a|b;c|d;");
    reads("a,b\nc,d", "a|b;c|d;");
    reads("a,,\n", "a||;");
}

static void a_byte_order_mark_is_skipped(void **)
{
    reads("\xef\xbb\xbf"
          "name\nx\n",
          "name;x;");
}

static void empty_lines_are_skipped(void **)
{
    reads("\n\na\n\r\nb\n\n", "a;b;");
    reads("\n", "");
}

/* RFC 4180 2.5 to 2.7 */
static void quoted_fields_hold_commas_quotes_and_line_ends(void **)
{
    reads("\"a,b\",\"say \"\"hi\"\"\",\"x\ny\"\nz,,\n", "a,b|say \"hi\"|x\ny;z||;");
    reads("\"\",a\n", "|a;");
    reads("\"x\r\ny\r\"\r\n", "x\r\ny\r;");
}

static void an_error_of_quoting_names_the_line(void **)
{
    fails("a\nb\n\"c", 7, "t.csv:3: ");
    fails("a\n\"x\"y\n", 7, "t.csv:2: ");
    fails("a\nb\nc\nx\"y\n", 10, "t.csv:4: ");
}

static void quoted_line_ends_count_as_lines(void **)
{
    fails("\"a\nb\nc\"\nx\"\n", 11, "t.csv:4: ");
}

static void control_characters_are_refused(void **)
{
    fails("a\nb\0c\n", 6, "t.csv:2: ");
    fails("a\n\"b\0c\"\n", 8, "t.csv:2: ");
    fails("a\rb\n", 4, "t.csv:1: ");
}

static void records_are_bounded(void **)
{
    static char big[CSV_RECORD_MAX + 10];
    memset(big, 'x', sizeof big);
    fails(big, sizeof big, "t.csv:1: the line is too long");
    big[0] = '"';
    fails(big, sizeof big, "t.csv:1: the line is too long");
    memset(big, ',', CSV_FIELDS_MAX);
    fails(big, CSV_FIELDS_MAX, "t.csv:1: there are too many fields");
    static char out[1 << 16];
    struct diag diag = { 0 };
    memset(big, 'x', sizeof big);
    assert_int_equal(parse(big, CSV_RECORD_MAX - 1, out, sizeof out, &diag), RESULT_NOT_FOUND);
    assert_int_equal(strlen(out), CSV_RECORD_MAX);
}

/* Every prefix and every bit flip gives the end or an error with its line, never a crash. */
static void damaged_input_gives_an_error_or_the_end(void **)
{
    static const char text[] = "name,operator\n\"a\",\"x, \"\"y\"\"\"\r\nb,\xc3\xa4\n";
    static char out[1 << 12];
    char data[sizeof text];
    for (size_t len = 1; len < sizeof text; len++) {
        struct diag diag = { 0 };
        enum result result = parse(text, len, out, sizeof out, &diag);
        assert_true(result == RESULT_NOT_FOUND || strncmp(diag.text, "t.csv:", 6) == 0);
    }
    for (size_t bit = 0; bit < (sizeof text - 1) * 8; bit++) {
        memcpy(data, text, sizeof text);
        data[bit / 8] = (char)(data[bit / 8] ^ (1 << bit % 8));
        struct diag diag = { 0 };
        enum result result = parse(data, sizeof text - 1, out, sizeof out, &diag);
        assert_true(result == RESULT_NOT_FOUND || strncmp(diag.text, "t.csv:", 6) == 0);
    }
}

static void a_written_field_is_read_back(void **)
{
    static const char *const fields[] = { "plain", "",           " led",       "trailed ",
                                          "a,b",   "say \"hi\"", "two\nlines", "\xc3\xa4" };
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    assert_non_null(file);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (i > 0) {
            (void)putc(',', file);
        }
        csv_put(file, fields[i]);
    }
    (void)fclose(file);
    reads(text, "plain|| led|trailed |a,b|say \"hi\"|two\nlines|\xc3\xa4;");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_in_lf_or_crlf_and_the_last_may_have_no_end),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(empty_lines_are_skipped),
        cmocka_unit_test(quoted_fields_hold_commas_quotes_and_line_ends),
        cmocka_unit_test(an_error_of_quoting_names_the_line),
        cmocka_unit_test(quoted_line_ends_count_as_lines),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(records_are_bounded),
        cmocka_unit_test(damaged_input_gives_an_error_or_the_end),
        cmocka_unit_test(a_written_field_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
