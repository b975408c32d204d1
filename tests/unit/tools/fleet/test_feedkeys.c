#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/unit/unit.h"
#include "tools/fleet/feedkeys.h"
#include "tools/fleet/membership.h"
#include "zone/fleet/keyfiles.h"

/* A machine whose engine does not answer. */
struct bench {
    char dir[32];
    struct membership membership;
    struct feeder feeder;
    uint8_t secret[LETTER_SECRET];
    void *channel;
};

static void log_nothing(int, const struct log_fields *, const char *)
{
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    char path[64];
    assert_non_null(b);
    static const char any[] = SOURCE_DIR "/LICENSE"; /* nobody reads it */
    struct etcd_config config = { .node_count = 1, .ca = any, .certificate = any, .key = any };
    (void)snprintf(b->dir, sizeof b->dir, "test_feedkeys.XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(path, sizeof path, "%s/" KEYFILES_DIR, b->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)crypto_sign_keypair(public_key, b->secret);
    assert_ok(endpoint_parse(&config.nodes[0], "127.0.0.1@1", ETCD_PORT));
    assert_ok(etcd_new(&b->feeder.etcd, &config, NULL));
    assert_ok(store_create(b->dir, STORE_FLEET, NULL));
    assert_ok(store_open(&b->feeder.fleet, b->dir, STORE_FLEET, true, NULL));
    b->membership.role = MACHINE_ADMIN;
    b->feeder.membership = &b->membership;
    b->feeder.machine = "admin1";
    b->feeder.prefix = "/ntspool/1/";
    b->feeder.ledger = "pool.test./1";
    b->feeder.secret = b->secret;
    b->feeder.state_dir = b->dir;
    b->feeder.log = log_nothing;
    b->feeder.now_ms = 1000;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[64];
    if (b->channel != NULL) {
        feedkeys_channel.end(b->channel);
    }
    store_close(b->feeder.fleet);
    etcd_free(b->feeder.etcd);
    (void)snprintf(command, sizeof command, "rm -rf %s", b->dir);
    int status = system(command); /* NOLINT(cert-env33-c): the test's own directory */
    free(b);
    return status;
}

static void put(struct bench *b, const char *name, const void *data, size_t len)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/" KEYFILES_DIR "/%s", b->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len && close(fd) == 0);
}

static void put_box(struct bench *b, const char *name, uint8_t number)
{
    uint8_t file[KEYFILES_HEAD + 100] = { 0 };
    file[7] = number;
    put(b, name, file, sizeof file);
}

/* How many letters a turn after that time has sealed. */
static uint64_t letters_after(struct bench *b, unsigned pause_ms)
{
    static uint64_t last;
    b->feeder.number = last = 1;
    b->feeder.now_ms += pause_ms;
    (void)feedkeys_channel.turn(b->channel);
    return b->feeder.number == last ? 0 : 1;
}

static uint64_t letters_of_turn(struct bench *b)
{
    return letters_after(b, FEEDKEYS_LOOK_MS);
}

/* The directory was changed at that time, as far as the kernel knows. */
static void age(const struct bench *b, time_t when)
{
    char path[64];
    const struct timespec times[] = { { .tv_sec = when }, { .tv_sec = when } };
    (void)snprintf(path, sizeof path, "%s/" KEYFILES_DIR, b->dir);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void a_package_is_sent_once(void **state)
{
    struct bench *b = *state;
    b->channel = feedkeys_channel.begin(&b->feeder);
    assert_int_equal(letters_of_turn(b), 0);
    put_box(b, "ams1.box", 1);
    assert_int_equal(letters_of_turn(b), 1);
    assert_int_equal(letters_of_turn(b), 0);
    put_box(b, "ams1.box", 2);
    assert_int_equal(letters_of_turn(b), 1);
    assert_int_equal(letters_of_turn(b), 0);
}

static void
a_package_is_seen_at_once_by_the_time_of_its_directory_and_a_second_later_without(void **state)
{
    struct bench *b = *state;
    b->channel = feedkeys_channel.begin(&b->feeder);
    age(b, 1000);
    assert_int_equal(letters_after(b, FEEDKEYS_GLANCE_MS), 0);
    put_box(b, "ams1.box", 1);
    age(b, 2000);
    assert_int_equal(letters_after(b, FEEDKEYS_GLANCE_MS), 1);
    put_box(b, "ams1.box", 2);
    age(b, 2000);
    assert_int_equal(letters_after(b, FEEDKEYS_GLANCE_MS), 0);
    assert_int_equal(letters_after(b, FEEDKEYS_LOOK_MS - FEEDKEYS_GLANCE_MS), 1);
}

static void what_is_no_package_is_not_sent(void **state)
{
    struct bench *b = *state;
    static const uint8_t long_one[KEYFILES_BOX_MAX + 1];
    b->channel = feedkeys_channel.begin(&b->feeder);
    put_box(b, "ams1.box.new", 1);
    put_box(b, "-bad-.box", 1);
    put_box(b, ".box", 1);
    put(b, "short.box", "x", 1);
    put(b, "long.box", long_one, sizeof long_one);
    assert_int_equal(letters_of_turn(b), 0);
}

static void only_an_admin_sends_packages(void **state)
{
    struct bench *b = *state;
    b->membership.role = MACHINE_EDGE;
    b->channel = feedkeys_channel.begin(&b->feeder);
    put_box(b, "ams1.box", 1);
    assert_int_equal(letters_of_turn(b), 0);
}

static void a_vantage_point_has_no_keys(void **state)
{
    struct bench *b = *state;
    b->membership.role = MACHINE_VANTAGE;
    assert_null(feedkeys_channel.begin(&b->feeder));
}

static void the_identity_is_told(void **state)
{
    struct bench *b = *state;
    uint8_t file[KEYFILES_IDENTITY_LEN] = { 7 };
    b->channel = feedkeys_channel.begin(&b->feeder);
    put(b, KEYFILES_IDENTITY, file, sizeof file - 1);
    (void)letters_of_turn(b);
    assert_false(b->feeder.has_identity);
    file[KEYFILES_IDENTITY_LEN - 1] = 5;
    put(b, KEYFILES_IDENTITY, file, sizeof file);
    (void)letters_of_turn(b);
    assert_true(b->feeder.has_identity && b->feeder.stirred);
    assert_int_equal(b->feeder.identity[0], 7);
    assert_int_equal(b->feeder.package, 5);
    b->feeder.stirred = false;
    (void)letters_of_turn(b);
    assert_false(b->feeder.stirred);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(a_package_is_sent_once),
        IN_DIR(a_package_is_seen_at_once_by_the_time_of_its_directory_and_a_second_later_without),
        IN_DIR(what_is_no_package_is_not_sent),
        IN_DIR(only_an_admin_sends_packages),
        IN_DIR(a_vantage_point_has_no_keys),
        IN_DIR(the_identity_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
