/* Any octets as a pool's feed, as they are and with a correct digest: every member read from it can
 * be probed. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/verdicts/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char state[] = "ntspool-test-XXXXXX";
static char path[sizeof(state) + 32];

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status, (void)type, (void)ftw;
    return remove(name);
}

static void tidy(void)
{
    ASSERT(nftw(state, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

static void set_up(void)
{
    ASSERT(sodium_init() >= 0 && mkdtemp(state) != NULL && atexit(tidy) == 0);
    (void)snprintf(path, sizeof(path), "%s/" FEED_DIR, state);
    ASSERT(mkdir(path, 0700) == 0);
    (void)snprintf(path, sizeof(path), "%s/" FEED_DIR "/" FEED_FILE, state);
}

static void check(const uint8_t *data, size_t size)
{
    struct feed *feed = NULL;
    struct diag diag = { "" };
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
    if (feed_read(&feed, state, &diag) != RESULT_OK) {
        ASSERT(feed == NULL && diag.text[0] != '\0');
        return;
    }
    ASSERT(feed->vantages.count <= VANTAGES_MAX);
    for (size_t i = 0; i < feed->member_count; i++) {
        struct dname name;
        member_target(&name, &feed->members[i], &feed->settings.apex);
        ASSERT(feed->members[i].address_count <= MEMBER_ADDRESSES_MAX);
    }
    feed_free(feed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        DIGEST_LEN = 32
    };
    if (path[0] == '\0') {
        set_up();
    }
    uint8_t *summed = xmalloc(size + DIGEST_LEN);
    memcpy(summed, data, size);
    ASSERT(crypto_generichash(summed + size, DIGEST_LEN, summed, size, NULL, 0) == 0);
    check(data, size);
    check(summed, size + DIGEST_LEN);
    free(summed);
    return 0;
}
