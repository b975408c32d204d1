#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnssec/keys/seal.h"
#include "tests/unit/unit.h"

static char directory[] = "test_seal.XXXXXX";

static const char *path_of(const char *file)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, file);
    return path;
}

static int make_directory(void **)
{
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **)
{
    const char *files[] = { "seal.key", "other.key", "short", "ntspool-seal", "link" };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlink(path_of(files[i]));
    }
    return rmdir(directory); /* fails if a temporary file is left behind */
}

static void read_file(const char *path, uint8_t out[32])
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(out, 1, 32, file), 32);
    assert_int_equal(fgetc(file), EOF);
    (void)fclose(file);
}

static void a_new_key_is_private_and_never_overwritten(void **)
{
    struct diag diag = { "" };
    assert_ok(seal_create(directory, NULL, &diag));
    struct stat status;
    assert_int_equal(stat(path_of("seal.key"), &status), 0);
    assert_int_equal(status.st_mode & 07777U, 0600);
    assert_int_equal(status.st_size, 32);
    uint8_t before[32], after[32];
    read_file(path_of("seal.key"), before);
    assert_int_equal(seal_create(directory, NULL, &diag), RESULT_EXISTS);
    assert_non_null(strstr(diag.text, "seal.key"));
    read_file(path_of("seal.key"), after);
    assert_memory_equal(before, after, 32);

    assert_ok(seal_create(directory, path_of("other.key"), &diag));
    read_file(path_of("other.key"), after);
    assert_memory_not_equal(before, after, 32);
    assert_int_equal(seal_create(directory, "/nonexistent/seal.key", &diag), RESULT_SYSTEM);
}

static void only_sealed_data_opens_again(void **)
{
    struct seal *seal = NULL, *other = NULL;
    struct diag diag = { "" };
    assert_ok(seal_open(&seal, directory, NULL, &diag));
    assert_ok(seal_open(&other, directory, path_of("other.key"), &diag));

    const uint8_t plain[] = "thirty-two octets of a private k";
    const uint8_t bound[] = "public record";
    enum {
        LEN = 32,
        SEALED = LEN + SEAL_OVERHEAD
    };
    uint8_t sealed[SEALED], again[SEALED], opened[LEN];
    assert_ok(seal_wrap(seal, plain, LEN, bound, sizeof bound, sealed));
    assert_ok(seal_wrap(seal, plain, LEN, bound, sizeof bound, again));
    assert_memory_not_equal(sealed, again, SEALED);
    assert_ok(seal_unwrap(seal, sealed, SEALED, bound, sizeof bound, opened));
    assert_memory_equal(opened, plain, LEN);

    assert_int_equal(seal_unwrap(other, sealed, SEALED, bound, sizeof bound, opened),
                     RESULT_UNSEALABLE);
    assert_int_equal(seal_unwrap(seal, sealed, SEALED, bound, sizeof bound - 1, opened),
                     RESULT_UNSEALABLE);
    for (size_t len = 0; len < SEALED; len++) {
        assert_int_equal(seal_unwrap(seal, sealed, len, bound, sizeof bound, opened),
                         RESULT_UNSEALABLE);
    }
    for (size_t bit = 0; bit < (size_t)SEALED * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(seal_unwrap(seal, sealed, SEALED, bound, sizeof bound, opened),
                         RESULT_UNSEALABLE);
        sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    seal_free(other);
    seal_free(seal);
}

static void a_key_file_that_others_may_use_is_refused(void **)
{
    struct seal *seal = NULL;
    struct diag diag = { "" };
    const mode_t modes[] = { 0640, 0604, 0620, 0610, 0601, 0644 };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path_of("other.key"), modes[i]), 0);
        assert_int_equal(seal_open(&seal, directory, path_of("other.key"), &diag), RESULT_REFUSED);
        assert_non_null(strstr(diag.text, "chmod 0600"));
    }
    assert_int_equal(chmod(path_of("other.key"), 0400), 0);
    assert_ok(seal_open(&seal, directory, path_of("other.key"), &diag));
    seal_free(seal);
}

static void what_is_no_key_file_is_refused(void **)
{
    struct seal *seal = NULL;
    struct diag diag = { "" };
    assert_int_equal(seal_open(&seal, directory, path_of("nothing"), &diag), RESULT_MISSING);
    assert_non_null(strstr(diag.text, "nothing"));
    assert_int_equal(seal_open(&seal, directory, directory, &diag), RESULT_INVALID);
    const size_t sizes[] = { 0, 31, 33 };
    for (size_t i = 0; i < 3; i++) {
        int fd = open(path_of("short"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef0", sizes[i]), sizes[i]);
        (void)close(fd);
        assert_int_equal(seal_open(&seal, directory, path_of("short"), &diag), RESULT_INVALID);
    }
    (void)unlink(path_of("short"));
    assert_int_equal(mkfifo(path_of("short"), 0600), 0);
    assert_int_equal(seal_open(&seal, directory, path_of("short"), &diag), RESULT_INVALID);
    assert_null(seal);
}

/* An open seal opens what the next key has sealed, and from then on seals with the next key. */
static void the_next_key_takes_over_while_the_old_is_open(void **)
{
    struct seal *running = NULL, *next = NULL, *again = NULL, *after = NULL;
    static const uint8_t plain[] = "a private key", bound[] = "public";
    uint8_t sealed[2][sizeof plain + SEAL_OVERHEAD], out[sizeof plain];
    assert_ok(seal_open(&running, directory, path_of("other.key"), NULL));
    assert_ok(seal_next(&next, running, NULL));
    assert_ok(seal_next(&again, running, NULL)); /* as after an interruption */
    assert_ok(seal_wrap(again, plain, sizeof plain, bound, sizeof bound, sealed[0]));
    assert_ok(seal_unwrap(running, sealed[0], sizeof sealed[0], bound, sizeof bound, out));
    assert_ok(seal_wrap(running, plain, sizeof plain, bound, sizeof bound, sealed[1]));
    assert_ok(seal_unwrap(next, sealed[1], sizeof sealed[1], bound, sizeof bound, out));
    assert_ok(seal_install(next, NULL));
    assert_ok(seal_open(&after, directory, path_of("other.key"), NULL));
    assert_ok(seal_unwrap(after, sealed[1], sizeof sealed[1], bound, sizeof bound, out));
    assert_memory_equal(out, plain, sizeof plain);
    seal_free(running);
    seal_free(next);
    seal_free(again);
    seal_free(after);
}

/* The operator chose the key's place by a link, so the file behind the link is replaced. */
static void a_link_to_the_key_stays(void **)
{
    struct seal *running = NULL, *next = NULL, *after = NULL;
    static const uint8_t plain[] = "a private key";
    uint8_t sealed[sizeof plain + SEAL_OVERHEAD], out[sizeof plain];
    struct stat status;
    char target[128];
    (void)snprintf(target, sizeof target, "%s", path_of("kept/real.key"));
    assert_int_equal(mkdir(path_of("kept"), 0700), 0);
    assert_ok(seal_create(NULL, target, NULL));
    assert_int_equal(symlink("kept/real.key", path_of("link.key")), 0);
    assert_ok(seal_open(&running, directory, path_of("link.key"), NULL));
    assert_ok(seal_next(&next, running, NULL));
    assert_ok(seal_wrap(next, plain, sizeof plain, NULL, 0, sealed));
    assert_ok(seal_unwrap(running, sealed, sizeof sealed, NULL, 0, out));
    assert_ok(seal_install(next, NULL));
    assert_int_equal(lstat(path_of("link.key"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_ok(seal_open(&after, directory, target, NULL));
    assert_ok(seal_unwrap(after, sealed, sizeof sealed, NULL, 0, out));
    seal_free(running);
    seal_free(next);
    seal_free(after);
    assert_int_equal(unlink(path_of("link.key")), 0);
    (void)unlink(target);
    (void)rmdir(path_of("kept"));
}

static void a_box_opens_for_its_recipient_and_tells_its_sender(void **)
{
    struct seal *mine = NULL, *other = NULL;
    static const uint8_t plain[] = "all keys", none[SEAL_PUBLIC_LEN] = { 0 };
    uint8_t identity[SEAL_PUBLIC_LEN], self[SEAL_PUBLIC_LEN], sender[SEAL_PUBLIC_LEN];
    uint8_t box[sizeof plain + SEAL_BOX_OVERHEAD], out[sizeof plain];
    assert_ok(seal_open(&mine, directory, NULL, NULL));
    assert_ok(seal_open(&other, directory, path_of("other.key"), NULL));
    seal_public(mine, self);
    seal_public(other, identity);
    assert_int_equal(seal_box(mine, none, plain, sizeof plain, box), RESULT_INVALID);
    assert_ok(seal_box(mine, identity, plain, sizeof plain, box));
    for (size_t len = 0; len < sizeof box; len++) {
        assert_int_equal(seal_unbox(other, box, len, out, sender), RESULT_UNSEALABLE);
    }
    assert_ok(seal_unbox(other, box, sizeof box, out, sender));
    assert_memory_equal(out, plain, sizeof plain);
    assert_memory_equal(sender, self, sizeof self);
    for (size_t i = 0; i < sizeof box; i++) { /* including the sender's name in front */
        box[i] ^= 1;
        assert_int_equal(seal_unbox(other, box, sizeof box, out, sender), RESULT_UNSEALABLE);
        box[i] ^= 1;
    }
    memcpy(box, identity, sizeof identity);
    assert_int_equal(seal_unbox(other, box, sizeof box, out, sender), RESULT_UNSEALABLE);
    seal_free(mine);
    seal_free(other);
}

static void a_systemd_credential_comes_before_the_state_directory(void **)
{
    const uint8_t plain[1] = { 7 };
    uint8_t sealed[1 + SEAL_OVERHEAD], opened[1];
    struct seal *seal = NULL;
    struct diag diag = { "" };
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
    /* A credentials directory without our key: the state directory's key is used. */
    assert_ok(seal_open(&seal, directory, NULL, &diag));
    assert_ok(seal_wrap(seal, plain, 1, NULL, 0, sealed));
    seal_free(seal);

    assert_ok(seal_create(directory, path_of("ntspool-seal"), &diag));
    assert_ok(seal_open(&seal, directory, NULL, &diag));
    assert_int_equal(seal_unwrap(seal, sealed, sizeof sealed, NULL, 0, opened), RESULT_UNSEALABLE);
    seal_free(seal);

    /* systemd gives the user its right by an access control list, which shows as the group's. */
    assert_int_equal(chmod(path_of("ntspool-seal"), 0440), 0);
    assert_ok(seal_open(&seal, directory, NULL, &diag));
    seal_free(seal);
    const mode_t modes[] = { 0444, 0460 };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path_of("ntspool-seal"), modes[i]), 0);
        assert_int_equal(seal_open(&seal, directory, NULL, &diag), RESULT_REFUSED);
    }
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(chmod(path_of("ntspool-seal"), 0440), 0);
    assert_int_equal(seal_open(&seal, directory, path_of("ntspool-seal"), &diag), RESULT_REFUSED);
    assert_ok(seal_open(&seal, directory, NULL, &diag));
    assert_ok(seal_unwrap(seal, sealed, sizeof sealed, NULL, 0, opened));
    assert_int_equal(opened[0], 7);
    seal_free(seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_private_and_never_overwritten),
        cmocka_unit_test(only_sealed_data_opens_again),
        cmocka_unit_test(a_key_file_that_others_may_use_is_refused),
        cmocka_unit_test(what_is_no_key_file_is_refused),
        cmocka_unit_test(the_next_key_takes_over_while_the_old_is_open),
        cmocka_unit_test(a_link_to_the_key_stays),
        cmocka_unit_test(a_box_opens_for_its_recipient_and_tells_its_sender),
        cmocka_unit_test(a_systemd_credential_comes_before_the_state_directory),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
