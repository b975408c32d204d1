#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/infile.h"

static char dir[] = "test_infile.XXXXXX";
static char path[64];

static int make_dir(void **)
{
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/file", dir);
    return 0;
}

static int remove_dir(void **)
{
    (void)unlink(path);
    return rmdir(dir);
}

static void write_file(const char *text, size_t times)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < times; i++) {
        assert_true(fputs(text, file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
}

static void the_whole_file_is_read_as_text_and_as_stream(void **)
{
    char line[16] = "";
    struct infile in;
    write_file("0123456789", 100000);
    assert_ok(infile_read(&in, path, 1000000, NULL));
    assert_int_equal(in.len, 1000000);
    assert_string_equal(in.text + 999990, "0123456789");
    assert_non_null(fgets(line, 11, in.file));
    assert_string_equal(line, "0123456789");
    infile_done(&in);
    infile_done(&in);
}

static void an_empty_file_gives_an_empty_text(void **)
{
    struct infile in;
    write_file("", 0);
    assert_ok(infile_read(&in, path, 10, NULL));
    assert_int_equal(in.len, 0);
    assert_int_equal(getc(in.file), EOF);
    assert_int_equal(ferror(in.file), 0);
    infile_done(&in);
}

static void a_file_over_the_bound_is_refused(void **)
{
    struct infile in;
    struct diag diag;
    write_file("x", 11);
    assert_int_equal(infile_read(&in, path, 10, &diag), RESULT_TOO_LONG);
    assert_non_null(strstr(diag.text, path));
    assert_non_null(strstr(diag.text, "10 octets"));
    assert_ok(infile_read(&in, path, 11, &diag));
    infile_done(&in);
    assert_int_equal(infile_read(&in, "/dev/zero", 1 << 20, &diag), RESULT_TOO_LONG);
}

static void the_error_names_the_file(void **)
{
    struct infile in;
    struct diag diag;
    assert_int_equal(infile_read(&in, "/nowhere/at/all", 10, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/nowhere/at/all"));
    assert_int_equal(infile_read(&in, dir, 10, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, dir));
}

static void *write_slowly(void *arg)
{
    FILE *pipe = fopen(arg, "we");
    assert_non_null(pipe);
    for (int i = 0; i < 1000; i++) {
        assert_true(fputs("piece", pipe) >= 0 && fflush(pipe) == 0);
    }
    assert_int_equal(fclose(pipe), 0);
    return NULL;
}

static void a_pipe_is_read_to_its_end(void **)
{
    struct infile in;
    pthread_t writer;
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, path), 0);
    assert_ok(infile_read(&in, path, INFILE_MAX, NULL));
    assert_int_equal(in.len, 5000);
    assert_int_equal(pthread_join(writer, NULL), 0);
    infile_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_file_is_read_as_text_and_as_stream),
        cmocka_unit_test(an_empty_file_gives_an_empty_text),
        cmocka_unit_test(a_file_over_the_bound_is_refused),
        cmocka_unit_test(the_error_names_the_file),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
