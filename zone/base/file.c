#include "zone/base/file.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

bool file_write_all(int fd, const void *data, size_t len)
{
    const uint8_t *next = data;
    while (len > 0) {
        ssize_t count = write(fd, next, len);
        if (count < 0 && errno == EAGAIN) {
            struct pollfd ready = { .fd = fd, .events = POLLOUT };
            (void)poll(&ready, 1, -1);
        } else if (count < 0 && errno != EINTR) {
            return false;
        } else if (count > 0) {
            next += count;
            len -= (size_t)count;
        }
    }
    return true;
}
