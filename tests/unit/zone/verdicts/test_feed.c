#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/unit/registry_fixture.h"
#include "zone/verdicts/feed.h"

static char *path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/" FEED_DIR "/%s", dir, name);
    return out;
}

/* The file's octets; the caller frees them. */
static uint8_t *octets_of_file(size_t *len)
{
    char path[128];
    struct stat st = { .st_size = 0 };
    int fd = open(path_of(FEED_FILE, path), O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *data = malloc((size_t)st.st_size + 64);
    assert_non_null(data);
    assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
    (void)close(fd);
    *len = (size_t)st.st_size;
    return data;
}

static void write_file(const uint8_t *data, size_t len)
{
    char path[128];
    (void)unlink(path_of(FEED_FILE, path)); /* a new file is not flushed, one that is cut may be */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    (void)close(fd);
}

enum {
    SUM_LEN = 32
};

/* Writes the file with a correct digest, which anyone can make. */
static void write_summed(uint8_t *data, size_t len)
{
    assert_int_equal(crypto_generichash(data + len, SUM_LEN, data, len, NULL, 0), 0);
    write_file(data, len + SUM_LEN);
}

static void fill(void)
{
    struct vantage_key key = { .name = "far", .key = { 1, 2, 3 }, .added_at = 5, .released_at = 6 };
    struct member both = member_of("both", "192.0.2.1");
    both.address_count = 2;
    assert_ok(address_parse(&both.addresses[1], "2001:db8::1"));
    (void)snprintf(both.accounturi, sizeof(both.accounturi), "https://ca.example/acct/1");
    (void)snprintf(both.contact, sizeof(both.contact), "ops@example.net");
    both.leave_at = NOW + 1;
    both.unlisted = true;
    assert_ok(registry_add(at(NOW), &both, true));
    struct member own = member_of("own", NULL);
    own.target = name_of("ntp.example.net");
    own.port = 4461;
    assert_ok(registry_add(at(NOW), &own, true));
    struct member placed = member_of("a-placed", "192.0.2.3");
    placed.placed = true;
    placed.suspended = true;
    placed.override = OVERRIDE_INELIGIBLE;
    assert_ok(registry_add(at(NOW), &placed, true));
    assert_ok(registry_put_vantage(&change, &key));
    commit();
}

static void what_is_published_is_read(void **)
{
    struct feed *feed = NULL;
    uint8_t id[REGISTRY_ID_LEN];
    fill();
    assert_ok(feed_publish(dir, txn, &diag));
    assert_ok(feed_read(&feed, dir, &diag));
    assert_ok(registry_id(txn, id, &diag));
    assert_memory_equal(feed->registry, id, sizeof(id));
    assert_int_equal(feed->version, store_version(txn));
    const struct dname apex = name_of("pool.test");
    assert_true(dname_equal(&feed->settings.apex, &apex));
    assert_int_equal(feed->vantages.count, 1);
    assert_string_equal(feed->vantages.list[0].name, "far");
    assert_int_equal(feed->vantages.list[0].key[2], 3);
    assert_true(feed->vantages.list[0].added_at == 5 && feed->vantages.list[0].released_at == 6);
    assert_int_equal(feed->member_count, 3);
    static const char *const labels[] = { "a-placed", "both", "own" };
    for (size_t i = 0; i < 3; i++) {
        struct member member = feed->members[i], there;
        assert_string_equal(member.label, labels[i]);
        assert_ok(registry_member(txn, labels[i], &there));
        assert_true(member.id == there.id && member.port == there.port);
        assert_true(member.suspended == there.suspended && member.override == there.override);
        assert_int_equal(member.address_count, there.address_count);
        assert_memory_equal(member.addresses, there.addresses, sizeof(there.addresses));
        assert_true(dname_equal(&member.target, &there.target));
        assert_int_equal(member.placed, there.placed);
        assert_true(member.operator_name[0] == '\0' && member.accounturi[0] == '\0');
    }
    feed_free(feed);
}

/* A remote probe of an earlier version reads the feed; and contacts stay on the machine. */
static void a_contact_is_not_published_nor_the_layout_that_has_it(void **)
{
    size_t len = 0;
    static const char row[] = "\0\0\0\0\0\0\0\1\0\4both"; /* id, label */
    fill();
    assert_ok(feed_publish(dir, txn, &diag));
    uint8_t *data = octets_of_file(&len);
    assert_null(memmem(data, len, "ops@", 4));
    const uint8_t *found = memmem(data, len, row, sizeof(row) - 1);
    assert_non_null(found);
    assert_int_equal(found[-1], 2);
    free(data);
}

static void settings_of_all_kinds_arrive(void **)
{
    static const struct {
        const char *name, *value;
    } changed[] = {
        { "entry-score", "15.5" },  { "ds-resolver", "192.0.2.53" }, { "denial", "compact" },
        { "verdict-fresh", "20m" }, { "publish", "capacity" },
    };
    struct settings settings;
    struct feed *feed = NULL;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        assert_ok(registry_set(&change, changed[i].name, changed[i].value));
    }
    commit();
    assert_ok(registry_settings(txn, &settings, &diag));
    assert_ok(feed_publish(dir, txn, &diag));
    assert_ok(feed_read(&feed, dir, &diag));
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; i < count; i++) {
        char here[SETTING_VALUE_MAX], there[SETTING_VALUE_MAX];
        assert_ok(settings_text(&settings, list[i].name, here));
        assert_ok(settings_text(&feed->settings, list[i].name, there));
        assert_string_equal(here, there);
    }
    feed_free(feed);
}

static void empty_pool_has_a_feed(void **)
{
    struct feed *feed = NULL;
    assert_ok(feed_publish(dir, txn, &diag));
    assert_ok(feed_read(&feed, dir, &diag));
    assert_true(feed->member_count == 0 && feed->vantages.count == 0);
    feed_free(feed);
}

static void unchanged_feed_stays_the_same_file(void **)
{
    char path[128];
    struct stat before, after;
    struct feed_mark mark = feed_mark_none;
    assert_true(feed_changed(&mark, dir)); /* no file */
    assert_false(feed_changed(&mark, dir));
    assert_ok(feed_publish(dir, txn, &diag));
    assert_true(feed_changed(&mark, dir));
    assert_int_equal(stat(path_of(FEED_FILE, path), &before), 0);
    assert_int_equal(before.st_mode & 0777, 0644);
    assert_ok(feed_publish(dir, txn, &diag));
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_false(feed_changed(&mark, dir));
    (void)added("alice", "192.0.2.1");
    commit();
    assert_ok(feed_publish(dir, txn, &diag));
    assert_true(feed_changed(&mark, dir));
    assert_int_equal(unlink(path), 0);
    assert_true(feed_changed(&mark, dir));
}

/* The file is another one of the same length. */
static void damaged_feed_is_written_anew(void **)
{
    size_t len = 0;
    struct feed *feed = NULL;
    fill();
    assert_ok(feed_publish(dir, txn, &diag));
    uint8_t *data = octets_of_file(&len);
    data[len - 1] ^= 1;
    write_file(data, len);
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    assert_ok(feed_publish(dir, txn, &diag));
    assert_ok(feed_read(&feed, dir, &diag));
    feed_free(feed);
    free(data);
}

static void a_missing_feed_is_reported_with_what_makes_it(void **)
{
    struct feed *feed = NULL;
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_MISSING);
    assert_non_null(strstr(diag.text, "ntspoold"));
    assert_null(feed);
}

static void no_prefix_is_a_feed(void **)
{
    size_t len = 0;
    struct feed *feed = NULL;
    fill();
    assert_ok(feed_publish(dir, txn, &diag));
    uint8_t *data = octets_of_file(&len);
    for (size_t cut = 0; cut < len; cut++) {
        write_file(data, cut);
        assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    }
    size_t body = len - SUM_LEN;
    for (size_t cut = 0; cut < body; cut++) {
        uint8_t *copy = malloc(cut + SUM_LEN);
        assert_non_null(copy);
        memcpy(copy, data, cut);
        write_summed(copy, cut);
        free(copy);
        assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    }
    data[body] = 0;
    write_summed(data, body + 1);
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    assert_null(feed);
    free(data);
}

static void flipped_bits_are_seen_and_summed_ones_stay_in_bounds(void **)
{
    size_t len = 0;
    unsigned fine = 0;
    fill();
    assert_ok(feed_publish(dir, txn, &diag));
    uint8_t *data = octets_of_file(&len);
    size_t body = len - SUM_LEN;
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct feed *feed = NULL;
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (bit % 8 == 3) {
            write_file(data, len);
            assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
        }
        if (bit / 8 < body) {
            uint8_t sum[SUM_LEN];
            memcpy(sum, data + body, SUM_LEN);
            write_summed(data, body);
            memcpy(data + body, sum, SUM_LEN);
            fine += feed_read(&feed, dir, &diag) == RESULT_OK;
            for (size_t i = 0; feed != NULL && i < feed->member_count; i++) {
                struct dname name; /* as in the probe */
                member_target(&name, &feed->members[i], &feed->settings.apex);
            }
            feed_free(feed);
        }
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(fine > 0);
    free(data);
}

static void a_newer_layout_is_reported(void **)
{
    size_t len = 0;
    struct feed *feed = NULL;
    assert_ok(feed_publish(dir, txn, &diag));
    uint8_t *data = octets_of_file(&len);
    data[sizeof("ntspool-feed")]++;
    write_summed(data, len - SUM_LEN);
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_NEWER);
    assert_non_null(strstr(diag.text, "upgrade"));
    free(data);
}

/* An empty pool's feed ends with the number of members. */
static void counts_that_can_not_be_are_damaged(void **)
{
    static const uint32_t counts[] = { 1, 1000, UINT32_MAX, UINT32_MAX / 2, 1U << 31 };
    size_t len = 0;
    struct feed *feed = NULL;
    assert_ok(feed_publish(dir, txn, &diag));
    uint8_t *data = octets_of_file(&len);
    size_t body = len - SUM_LEN;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        wire_put_u32(data + body - 4, counts[i]);
        write_summed(data, body);
        assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    }
    wire_put_u32(data + body - 4, 0);
    wire_put_u16(data + body - 6, VANTAGES_MAX + 1);
    write_summed(data, body);
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    assert_null(feed);
    free(data);
}

static void other_kinds_of_files_are_refused(void **)
{
    char path[128];
    struct feed *feed = NULL;
    assert_ok(feed_publish(dir, txn, &diag));
    assert_int_equal(unlink(path_of(FEED_FILE, path)), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    assert_ok(feed_publish(dir, txn, &diag)); /* replaces it */
    assert_ok(feed_read(&feed, dir, &diag));
    feed_free(feed);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    feed = NULL;
    assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
    assert_int_equal(feed_publish(dir, txn, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, FEED_FILE));
}

/* An invalid label in a feed with a correct digest would end a probe that makes a domain name of
 * it. */
static void members_without_a_valid_name_are_damaged(void **)
{
    static const char *const labels[] = { "", "a.b", "a b", "\x1b[2J!", "-x" };
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        size_t len = 0;
        struct feed *feed = NULL;
        uint8_t row[MEMBER_ENCODED_MAX];
        struct member member = member_of(labels[i], "192.0.2.1");
        assert_ok(feed_publish(dir, txn, &diag));
        uint8_t *data = octets_of_file(&len);
        size_t body = len - SUM_LEN;
        struct writer w = writer_of(row, sizeof(row));
        member_encode(&w, &member);
        assert_true(!w.failed);
        data = realloc(data, len + 2 + w.at);
        assert_non_null(data);
        wire_put_u32(data + body - 4, 1);
        wire_put_u16(data + body, (uint16_t)w.at);
        memcpy(data + body + 2, row, w.at);
        write_summed(data, body + 2 + w.at);
        assert_int_equal(feed_read(&feed, dir, &diag), RESULT_DAMAGED);
        free(data);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_published_is_read),
        CASE(a_contact_is_not_published_nor_the_layout_that_has_it),
        CASE(settings_of_all_kinds_arrive),
        CASE(empty_pool_has_a_feed),
        CASE(unchanged_feed_stays_the_same_file),
        CASE(damaged_feed_is_written_anew),
        CASE(a_missing_feed_is_reported_with_what_makes_it),
        CASE(no_prefix_is_a_feed),
        CASE(flipped_bits_are_seen_and_summed_ones_stay_in_bounds),
        CASE(a_newer_layout_is_reported),
        CASE(counts_that_can_not_be_are_damaged),
        CASE(other_kinds_of_files_are_refused),
        CASE(members_without_a_valid_name_are_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
