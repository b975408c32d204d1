#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/outfile.h"

static char dir[] = "test_outfile.XXXXXX";
static char path[64];

static int setup(void **)
{
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    return 0;
}

static int teardown(void **)
{
    (void)unlink(path);
    return rmdir(dir); /* fails if the directory is not empty */
}

static void holds(const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen(expected));
    (void)fclose(file);
    assert_string_equal(text, expected);
}

static void write_file(const char *text, bool good)
{
    struct outfile out;
    assert_ok(outfile_begin(&out, path, NULL));
    assert_true(fputs(text, out.file) >= 0);
    assert_ok(outfile_end(&out, good, NULL));
}

static void the_file_appears_at_the_end_and_replaces_the_old_one(void **)
{
    struct outfile out;
    assert_ok(outfile_begin(&out, path, NULL));
    assert_int_equal(access(path, F_OK), -1);
    assert_true(fputs("one", out.file) >= 0);
    assert_ok(outfile_end(&out, true, NULL));
    holds("one");
    write_file("two", true);
    holds("two");
}

static void a_failure_leaves_the_old_file_and_no_other(void **)
{
    write_file("old", true);
    write_file("half", false);
    holds("old");
}

static void the_mode_follows_the_umask(void **)
{
    struct stat st;
    mode_t mask = umask(027);
    write_file("x", true);
    (void)umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void the_error_names_a_path_that_can_not_be_written(void **)
{
    struct outfile out;
    struct diag diag = { 0 };
    assert_int_equal(outfile_begin(&out, "/nonexistent/file", &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent/file"));
    assert_int_equal(outfile_begin(&out, dir, &diag), RESULT_SYSTEM);
}

static void a_device_is_written_directly_and_its_failure_reported(void **)
{
    struct outfile out;
    struct diag diag = { 0 };
    assert_ok(outfile_begin(&out, "/dev/full", &diag));
    assert_true(fputs("x", out.file) >= 0);
    assert_int_equal(outfile_end(&out, true, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/dev/full"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_appears_at_the_end_and_replaces_the_old_one),
        cmocka_unit_test(a_failure_leaves_the_old_file_and_no_other),
        cmocka_unit_test(the_mode_follows_the_umask),
        cmocka_unit_test(the_error_names_a_path_that_can_not_be_written),
        cmocka_unit_test(a_device_is_written_directly_and_its_failure_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
