#include "zone/base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/result.h"

static bool connect_to(const struct notify *notify)
{
    return connect(notify->fd, (const struct sockaddr *)&notify->address, notify->address_len) == 0;
}

void notify_open(struct notify *out)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);
    *out = (struct notify){ .fd = -1, .address = { .sun_family = AF_UNIX } };
    if (len < 2 || len >= sizeof(out->address.sun_path) || (*path != '/' && *path != '@')) {
        return;
    }
    memcpy(out->address.sun_path, path, len);
    if (*path == '@') { /* an abstract name begins with NUL and has no end mark */
        out->address.sun_path[0] = '\0';
    }
    out->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path == '/'));
    out->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->fd >= 0 && !connect_to(out)) {
        notify_close(out);
    }
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0) {
        (void)close(notify->fd);
        notify->fd = -1;
    }
}

/* Once more if the service manager was restarted. */
static bool send_message(const struct notify *notify, const struct msghdr *message)
{
    ssize_t sent = sendmsg(notify->fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == ECONNREFUSED || errno == ENOTCONN) && connect_to(notify)) {
        sent = sendmsg(notify->fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return sent >= 0;
}

bool notify_send_fds(const struct notify *notify, const int *fds, size_t count, const char *text)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    } control = { .room = { 0 } };
    char copy[NOTIFY_MESSAGE_MAX];
    size_t len = strnlen(text, sizeof(copy));
    memcpy(copy, text, len);
    struct iovec part = { .iov_base = copy, .iov_len = len };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    struct pollfd room = { .fd = notify->fd, .events = POLLOUT };
    ASSERT(count <= NOTIFY_FDS_MAX);
    if (notify->fd < 0) {
        return false;
    }
    if (count > 0) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                         .cmsg_type = SCM_RIGHTS,
                                         .cmsg_len = CMSG_LEN(count * sizeof(int)) };
        memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
    }
    return send_message(notify, &message) ||
           (errno == EAGAIN && poll(&room, 1, NOTIFY_ROOM_MS) == 1 &&
            send_message(notify, &message));
}

bool notify_send(const struct notify *notify, const char *format, ...)
{
    char text[NOTIFY_MESSAGE_MAX];
    struct iovec part = { .iov_base = text };
    const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    va_list args;
    if (notify->fd < 0) {
        return false;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' && *at != '\n') {
            *at = ' ';
        }
    }
    part.iov_len = strlen(text);
    return send_message(notify, &message);
}

/* The service manager closes the descriptor when it comes to the message. */
bool notify_barrier(const struct notify *notify)
{
    int ends[2];
    if (notify->fd < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    bool sent = notify_send_fds(notify, &ends[1], 1, "BARRIER=1");
    (void)close(ends[1]);
    struct pollfd closed = { .fd = ends[0] };
    bool done = sent && poll(&closed, 1, NOTIFY_BARRIER_MS) == 1;
    (void)close(ends[0]);
    return done;
}
