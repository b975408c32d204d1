#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/overview/supplies.h"

enum {
    NOW = 2000000000,
    DAY_S = 86400
};

static char dir[] = "test_supplies.XXXXXX";
static struct concerns concerns;

static const char *mark(void)
{
    static char path[64];
    (void)snprintf(path, sizeof(path), "%s/" SUPPLIES_BACKUP_FILE, dir);
    return path;
}

static int set_up(void **)
{
    return mkdtemp(dir) == NULL;
}

static int tear_down(void **)
{
    (void)unlink(mark());
    return rmdir(dir);
}

static void write_mark(const char *text)
{
    FILE *file = fopen(mark(), "we");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static struct supplies read_all(const struct storeview *stores, const struct runview *run)
{
    static const struct runview none = { .known = true };
    struct supplies supplies;
    supplies_read(&supplies, dir, stores, run != NULL ? run : &none);
    return supplies;
}

static const struct concern *warned(struct supplies supplies)
{
    concerns = (struct concerns){ 0 };
    supplies_warn(&supplies, NOW, &concerns);
    assert_true(concerns.count <= 1);
    return concerns.count == 1 ? &concerns.list[0] : NULL;
}

static void the_disk_has_to_hold_the_largest_store_once_more(void **)
{
    struct storeview stores[STORE_KINDS] = { { .readable = true } };
    struct supplies supplies = read_all(NULL, NULL);
    assert_true(supplies.disk_free > 0 && supplies.disk_free < UINT64_MAX);
    assert_int_equal(supplies.disk_needed, SUPPLIES_DISK_LEAST);
    stores[STORE_HISTORY].usage.used_bytes = UINT64_C(3) << 60;
    supplies = read_all(stores, NULL);
    assert_true(supplies.disk_needed == UINT64_C(3) << 60);
    assert_int_equal(warned(supplies)->id, CONCERN_DISK_LOW);
    supplies.disk_free = supplies.disk_needed;
    assert_null(warned(supplies));
    supplies.disk_free--;
    assert_int_equal(warned(supplies)->id, CONCERN_DISK_LOW);
}

static void a_disk_that_cannot_be_asked_is_not_full(void **)
{
    static const struct runview none = { .known = true };
    struct supplies supplies;
    supplies_read(&supplies, "there/is/none", NULL, &none);
    assert_null(warned(supplies));
}

static void location_files_are_old_after_sixty_days(void **)
{
    struct runview run = { .known = true, .server = { .running = true } };
    run.server.locations_at = NOW - 60 * DAY_S;
    assert_null(warned(read_all(NULL, &run)));
    run.server.locations_at--;
    const struct concern *concern = warned(read_all(NULL, &run));
    assert_int_equal(concern->id, CONCERN_LOCATIONS_OLD);
    assert_int_equal(concern->since, NOW - 1);
    run.server.running = false; /* who knows what it uses when it is started */
    assert_null(warned(read_all(NULL, &run)));
}

static void a_backup_is_old_when_a_weekly_one_was_left_out(void **)
{
    assert_null(warned(read_all(NULL, NULL))); /* there may be other means than ours */
    write_mark("2033-05-10T03:33:20Z\n");
    struct supplies supplies = read_all(NULL, NULL);
    assert_int_equal(supplies.backup_at, NOW - 8 * DAY_S);
    assert_null(warned(supplies));
    write_mark("2033-05-10T03:33:19Z\n");
    const struct concern *concern = warned(read_all(NULL, NULL));
    assert_int_equal(concern->id, CONCERN_BACKUP_OLD);
    assert_int_equal(concern->since, NOW - 1);
}

static void a_mark_of_another_kind_is_no_time(void **)
{
    static const char *const texts[] = {
        "",
        "\n",
        "yesterday\n",
        "2033-05-10T03:33:19Z",
        "2033-05-10T03:33:19Z \n",
        "1033-05-10T03:33:19Z\n",
        "2033-05-10T03:33:19Z\n2033-05-10T03:33:19Z\n2033-05-10T03:33:19Z\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_mark(texts[i]);
        assert_int_equal(read_all(NULL, NULL).backup_at, 0);
    }
    (void)unlink(mark());
    assert_int_equal(mkfifo(mark(), 0600), 0);
    assert_int_equal(read_all(NULL, NULL).backup_at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_disk_has_to_hold_the_largest_store_once_more),
        cmocka_unit_test(a_disk_that_cannot_be_asked_is_not_full),
        cmocka_unit_test(location_files_are_old_after_sixty_days),
        cmocka_unit_test(a_backup_is_old_when_a_weekly_one_was_left_out),
        cmocka_unit_test(a_mark_of_another_kind_is_no_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
