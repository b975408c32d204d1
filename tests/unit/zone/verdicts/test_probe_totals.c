#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store_fixture.h"
#include "zone/verdicts/journal.h"
#include "zone/verdicts/probe_totals.h"

static struct probe_totals sample(void)
{
    struct probe_totals totals = { 0 };
    probe_totals_result(&totals, FAILURE_NONE);
    probe_totals_result(&totals, FAILURE_NONE);
    probe_totals_result(&totals, FAILURE_CERT_STAPLE);
    probe_totals_step(&totals, PROBE_TLS, 3000);
    probe_totals_step(&totals, PROBE_TLS, 3001);
    probe_totals_step(&totals, PROBE_NTP, 0);
    probe_totals_step(&totals, PROBE_NTP, 10000001);
    return totals;
}

static void probes_are_counted_by_result_and_by_time(void **)
{
    const struct probe_totals totals = sample();
    assert_int_equal(totals.results[FAILURE_NONE], 2);
    assert_int_equal(totals.results[FAILURE_CERT_STAPLE], 1);
    assert_int_equal(totals.steps[PROBE_TLS].buckets[1], 1);
    assert_int_equal(totals.steps[PROBE_TLS].buckets[2], 1);
    assert_int_equal(totals.steps[PROBE_TLS].sum_us, 6001);
    assert_int_equal(totals.steps[PROBE_NTP].buckets[0], 1);
    assert_int_equal(totals.steps[PROBE_NTP].buckets[PROBE_BUCKETS], 1);
    assert_string_equal(probe_step_text(PROBE_KE), "ke");
}

static void what_is_written_is_read(void **)
{
    const struct probe_totals totals = sample();
    struct probe_totals read;
    struct stat status;
    char path[128];
    int file = -1;
    run("mkdir " JOURNAL_DIR);
    assert_int_equal(probe_totals_read(&read, dir, "far"), RESULT_NOT_FOUND);
    assert_ok(probe_totals_open(&file, dir, "far", NULL));
    assert_int_equal(probe_totals_read(&read, dir, "far"), RESULT_INVALID); /* empty yet */
    probe_totals_write(&(struct probe_totals){ 0 }, file);
    probe_totals_write(&totals, file);
    assert_ok(probe_totals_read(&read, dir, "far"));
    assert_memory_equal(&read, &totals, sizeof(totals));
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_DIR "/far.totals", dir);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(pwrite(file, "longer", 6, status.st_size), 6);
    assert_int_equal(probe_totals_read(&read, dir, "far"), RESULT_INVALID);
    probe_totals_write(&totals, file);
    assert_ok(probe_totals_read(&read, dir, "far"));
    (void)close(file);
    probe_totals_write(&totals, -1);
}

static void nothing_but_a_plain_file_is_written(void **)
{
    int file = -1;
    struct diag diag = { "" };
    run("mkdir " JOURNAL_DIR " && ln -s /dev/null " JOURNAL_DIR
        "/link.totals && mkfifo " JOURNAL_DIR "/pipe.totals && touch " JOURNAL_DIR
        "/two.totals && ln " JOURNAL_DIR "/two.totals " JOURNAL_DIR "/again");
    assert_int_equal(probe_totals_open(&file, dir, "link", &diag), RESULT_SYSTEM);
    assert_int_equal(probe_totals_open(&file, dir, "pipe", &diag), RESULT_SYSTEM);
    assert_int_equal(probe_totals_open(&file, dir, "two", &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "no plain file"));
    assert_int_equal(file, -1);
}

static void what_no_probe_wrote_is_refused(void **)
{
    const struct probe_totals totals = sample();
    uint8_t octets[PROBE_TOTALS_MAX + 16] = { 0 };
    struct probe_totals read;
    size_t len = probe_totals_encode(&totals, octets);
    assert_int_equal(len, PROBE_TOTALS_MAX);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(probe_totals_decode(&read, octets, cut), RESULT_INVALID);
    }
    assert_int_equal(probe_totals_decode(&read, octets, len + 1), RESULT_INVALID);
    octets[7]++; /* the layout */
    assert_int_equal(probe_totals_decode(&read, octets, len), RESULT_INVALID);
    octets[7]--;
    memset(octets + 8, 0xff, 4); /* the number of classes */
    assert_int_equal(probe_totals_decode(&read, octets, len), RESULT_INVALID);
}

static void a_newer_probe_may_know_more_classes(void **)
{
    const struct probe_totals totals = sample();
    uint8_t octets[PROBE_TOTALS_MAX], newer[PROBE_TOTALS_MAX + 8] = { 0 };
    struct probe_totals read;
    size_t head = 16 + 8 * FAILURE_COUNT, len = probe_totals_encode(&totals, octets);
    memcpy(newer, octets, head);
    memcpy(newer + head + 8, octets + head, len - head);
    newer[11]++;
    newer[head] = 1; /* a count of the class that is not known here */
    assert_ok(probe_totals_decode(&read, newer, len + 8));
    assert_memory_equal(&read, &totals, sizeof(totals));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_are_counted_by_result_and_by_time),
        cmocka_unit_test_setup_teardown(what_is_written_is_read, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(nothing_but_a_plain_file_is_written, make_dir, remove_dir),
        cmocka_unit_test(what_no_probe_wrote_is_refused),
        cmocka_unit_test(a_newer_probe_may_know_more_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
