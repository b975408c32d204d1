#include <unistd.h>

#include "unit.h"
#include "zone/clock.h"
#include "zone/log.h"

/* What is written to stderr with the journal, or without. */
static void written(char out[256], const char *journal)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fflush(stderr);
    int old = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    if (journal != NULL) {
        setenv("JOURNAL_STREAM", journal, 1);
    } else {
        unsetenv("JOURNAL_STREAM");
    }
    log_write("ntspoold", LOG_WARNING, "the %s is %d", "answer", 42);
    (void)fflush(stderr);
    dup2(old, STDERR_FILENO);
    (void)close(old);
    rewind(file);
    out[fread(out, 1, 255, file)] = '\0';
    (void)fclose(file);
}

static void journal_gets_the_priority(void **state)
{
    (void)state;
    char line[256];
    written(line, "9:42");
    assert_string_equal(line, "<4>the answer is 42\n");
}

static void other_readers_get_time_and_program(void **state)
{
    (void)state;
    char line[256];
    written(line, NULL);
    int year = 0, seconds = 0, used = 0;
    assert_int_equal(
        sscanf(line, "%4d-%*2d-%*2dT%*2d:%*2d:%2dZ ntspoold: %n", &year, &seconds, &used), 2);
    assert_true(year > 1999);
    assert_string_equal(line + used, "the answer is 42\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(journal_gets_the_priority),
        cmocka_unit_test(other_readers_get_time_and_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
