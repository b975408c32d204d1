#include "tests/unit/journal_fixture.h"

/* -- the key -- */

static void key_is_made_once_for_its_owner_alone(void **)
{
    uint8_t secret[REPORT_SECRET_LEN], again[REPORT_SECRET_LEN], other[REPORT_SECRET_LEN];
    char path[128];
    struct stat st;
    assert_ok(journal_key(dir, "far", secret, &diag));
    assert_ok(journal_key(dir, "far", again, &diag));
    assert_ok(journal_key(dir, "near", other, &diag));
    assert_memory_equal(secret, again, sizeof(secret));
    assert_memory_not_equal(secret, other, sizeof(secret));
    assert_int_equal(stat(path_of("far.key", path), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct journal *journal = opened();
    assert_memory_equal(journal_public(journal), secret + crypto_sign_SEEDBYTES, VANTAGE_KEY_LEN);
    journal_free(journal);
}

static void key_that_others_may_read_is_refused(void **)
{
    static const mode_t modes[] = { 0640, 0604, 0620, 0601, 0666 };
    uint8_t secret[REPORT_SECRET_LEN];
    char path[128];
    assert_ok(journal_key(dir, "far", secret, &diag));
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct journal *journal = NULL;
        assert_int_equal(chmod(path_of("far.key", path), modes[i]), 0);
        assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_REFUSED);
        assert_non_null(strstr(diag.text, "chmod 600"));
        assert_int_equal(journal_open(&journal, dir, &whose_far, &nothing, NULL, &diag),
                         RESULT_REFUSED);
        assert_null(journal);
    }
}

static void an_invalid_key_is_reported_and_kept(void **)
{
    uint8_t secret[REPORT_SECRET_LEN];
    char good[80] = "", path[128];
    assert_ok(journal_key(dir, "far", secret, &diag));
    int fd = open(path_of("far.key", path), O_RDONLY);
    assert_true(fd >= 0 && read(fd, good, sizeof(good)) == 65);
    (void)close(fd);
    for (size_t len = 0; len < 65; len++) {
        put_file("far.key", good, len);
        assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_DAMAGED);
    }
    for (size_t at = 0; at < 65; at++) {
        char bad[66];
        memcpy(bad, good, 65);
        bad[65] = '\n';
        bad[at] = 'x';
        put_file("far.key", bad, 65);
        assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_DAMAGED);
    }
    good[65] = '\n';
    put_file("far.key", good, 66);
    assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_DAMAGED);
    put_file("far.key", good, 65);
    assert_ok(journal_key(dir, "far", secret, &diag));
}

static void other_kinds_of_key_files_never_block(void **)
{
    uint8_t secret[REPORT_SECRET_LEN];
    assert_ok(journal_key(dir, "far", secret, &diag));
    for (size_t i = 0; i < sizeof(stands) / sizeof(stands[0]); i++) {
        stand_in("far.key", stands[i]);
        assert_int_not_equal(journal_key(dir, "far", secret, &diag), RESULT_OK);
    }
}

static void text_of_a_key_is_read_again_and_other_texts_are_none(void **)
{
    static const char *const texts[] = {
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x01=",
    };
    uint8_t key[VANTAGE_KEY_LEN], found[VANTAGE_KEY_LEN];
    char text[JOURNAL_KEY_TEXT];
    for (int i = 0; i < 50; i++) {
        randombytes_buf(key, sizeof(key));
        assert_ok(journal_key_parse(found, journal_key_text(key, text)));
        assert_memory_equal(key, found, sizeof(key));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(journal_key_parse(found, texts[i]), RESULT_INVALID);
        assert_memory_equal(key, found, sizeof(key));
    }
}

/* -- writing and following -- */

static void follower_reads_what_is_written_once(void **)
{
    struct follower follower = follower_of();
    follow(&follower); /* no file yet */
    struct journal *journal = opened();
    for (uint64_t i = 1; i <= 40; i++) {
        assert_ok(write_event(journal, i));
        if (i % 3 == 0) {
            follow(&follower);
            assert_int_equal(follower.next, i + 1);
        }
    }
    follow(&follower);
    follow(&follower);
    assert_int_equal(follower.next, 41);
    assert_int_equal(follower.reports, 40);
    journal_free(journal);
    journal_reader_end(&follower.reader);
}

static void restart_begins_a_new_file_and_goes_on(void **)
{
    struct follower follower = follower_of(), late = follower_of();
    uint64_t number = 0;
    for (int run = 0; run < 5; run++) {
        struct journal *journal = opened();
        assert_true(journal_wants_all(journal));
        for (int i = 0; i < 4; i++) {
            assert_ok(write_event(journal, ++number));
            assert_false(journal_wants_all(journal));
        }
        journal_free(journal);
        follow(&follower);
        assert_int_equal(follower.next, number + 1);
        assert_int_equal(follower.reports, number);
    }
    late.any = true; /* a reader that starts now finds the last two files */
    follow(&late);
    assert_int_equal(late.reports, 8);
    assert_int_equal(late.next, number + 1);
    assert_true(late.position == follower.position);
    journal_reader_end(&follower.reader);
    journal_reader_end(&late.reader);
}

/* Two readers, one of them slow, while the files rotate by length. */
static void files_rotate_and_nothing_is_missed(void **)
{
    struct journal *journal = opened();
    struct follower often = follower_of(), seldom = follower_of();
    uint64_t number = 0;
    unsigned turns = 0, since = 0;
    while (turns < 4) {
        const struct vantage self = reports_vantage(REPORTS_NOW);
        bool turned = journal_wants_all(journal);
        if (since > 0 && turned) {
            follow(&seldom);
            since = 0;
        }
        turns += turned;
        since++;
        journal_begin(journal, &apex, REPORTS_NOW);
        journal_self(journal, &self);
        for (int i = 0; i < 6000; i++) {
            const struct history_event event = { .at = ++number, .text = "" };
            journal_event(journal, "alice", &event);
        }
        assert_ok(journal_end(journal, &diag));
        follow(&often);
        assert_int_equal(often.next, number + 1);
    }
    follow(&seldom);
    assert_int_equal(seldom.next, number + 1);
    assert_int_equal(seldom.reports, often.reports);
    assert_true(often.damaged == 0 && seldom.damaged == 0);
    char path[128];
    struct stat st;
    assert_int_equal(stat(path_of("far.verdicts.1", path), &st), 0);
    assert_true(st.st_size >= JOURNAL_ROTATE_LEN && st.st_size < (off_t)2 * JOURNAL_ROTATE_LEN);
    journal_free(journal);
    journal_reader_end(&often.reader);
    journal_reader_end(&seldom.reader);
}

static void recall(const char *label, const struct member_health *health, void *arg)
{
    assert_string_equal(label, "alice");
    *(struct member_health *)arg = *health;
}

static void opening_recalls_what_was_known_of_this_registry(void **)
{
    static const struct report_visit visit = { .verdict = recall };
    static const struct report_head other = { .vantage = "far", .registry = "another one" };
    struct member_health health = reports_verdict(7, "192.0.2.1"), found = { .member_id = 0 };
    struct journal *journal = opened();
    for (int i = 0; i < 3; i++) {
        journal_begin(journal, &apex, REPORTS_NOW);
        health.addresses[0].probes = 100U + (unsigned)i;
        journal_verdict(journal, "alice", &health);
        assert_ok(journal_end(journal, &diag));
    }
    journal_free(journal);
    assert_ok(journal_open(&journal, dir, &other, &visit, &found, &diag));
    assert_int_equal(found.member_id, 0);
    journal_free(journal);
    assert_ok(journal_open(&journal, dir, &whose_far, &visit, &found, &diag));
    assert_int_equal(found.member_id, 7);
    assert_int_equal(found.addresses[0].probes, 102);
    journal_free(journal);
}

static void numbers_go_on_after_a_loss(void **)
{
    char path[128];
    struct follower follower = follower_of();
    struct journal *journal = opened();
    assert_ok(write_event(journal, 1));
    journal_free(journal);
    follow(&follower);
    assert_int_equal(follower.position, (uint64_t)REPORTS_NOW * 1000 + 1);
    assert_int_equal(unlink(path_of("far.verdicts", path)), 0);
    journal = opened();
    const struct history_event event = { .at = 2, .text = "later" };
    journal_begin(journal, &apex, REPORTS_NOW + 10);
    journal_event(journal, "alice", &event);
    assert_ok(journal_end(journal, &diag));
    journal_free(journal);
    follow(&follower);
    assert_int_equal(follower.next, 3);
    assert_true(follower.position > (uint64_t)REPORTS_NOW * 1000 + 9000);
    journal_reader_end(&follower.reader);
}

static void write_later(struct journal *journal, uint64_t number, uint64_t at)
{
    const struct history_event event = { .at = number, .text = "later" };
    journal_begin(journal, &apex, at);
    journal_event(journal, "alice", &event);
    assert_ok(journal_end(journal, &diag));
}

/* A vantage point's machine was restored from a snapshot: its new reports are not taken for old
 * ones. */
static void numbers_go_on_with_an_older_journal(void **)
{
    char path[128], kept[128];
    struct follower follower = follower_of();
    struct journal *journal = opened();
    assert_ok(write_event(journal, 1));
    journal_free(journal);
    assert_int_equal(link(path_of("far.verdicts", path), path_of("kept", kept)), 0);
    journal = opened();
    for (uint64_t i = 2; i < 10; i++) {
        write_later(journal, i, REPORTS_NOW + i);
    }
    journal_free(journal);
    follow(&follower);
    assert_int_equal(follower.next, 10);
    assert_int_equal(rename(kept, path), 0);
    journal = opened();
    write_later(journal, 10, REPORTS_NOW + 10);
    journal_free(journal);
    follow(&follower);
    assert_int_equal(follower.next, 11);
    journal_reader_end(&follower.reader);
}

static void nothing_to_say_writes_no_report(void **)
{
    struct follower follower = follower_of();
    struct journal *journal = opened();
    journal_begin(journal, &apex, REPORTS_NOW);
    assert_ok(journal_end(journal, &diag));
    follow(&follower);
    assert_int_equal(follower.reports, 0);
    assert_ok(write_event(journal, 1));
    follow(&follower);
    assert_int_equal(follower.next, 2);
    journal_free(journal);
    journal_reader_end(&follower.reader);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(key_is_made_once_for_its_owner_alone),
        CASE(key_that_others_may_read_is_refused),
        CASE(an_invalid_key_is_reported_and_kept),
        CASE(other_kinds_of_key_files_never_block),
        CASE(text_of_a_key_is_read_again_and_other_texts_are_none),
        CASE(follower_reads_what_is_written_once),
        CASE(restart_begins_a_new_file_and_goes_on),
        CASE(files_rotate_and_nothing_is_missed),
        CASE(opening_recalls_what_was_known_of_this_registry),
        CASE(numbers_go_on_after_a_loss),
        CASE(numbers_go_on_with_an_older_journal),
        CASE(nothing_to_say_writes_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
