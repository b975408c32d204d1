/* Messages to the service manager that started a daemon, by the protocol of sd_notify(3). Without a
 * service manager, everything here does nothing. */
#ifndef ZONE_NOTIFY_H
#define ZONE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    NOTIFY_MESSAGE_MAX = 1024,
    NOTIFY_FDS_MAX = 128,     /* of one message */
    NOTIFY_ROOM_MS = 1000,    /* what notify_send_fds waits at most */
    NOTIFY_BARRIER_MS = 5000, /* what notify_barrier waits at most */
};

struct notify {
    int fd; /* connected; -1: there is no service manager */
    struct sockaddr_un address;
    socklen_t address_len;
};

/* Connects to $NOTIFY_SOCKET. Call it before sandbox_enter, which keeps a process from connecting
 * to an abstract socket. */
void notify_open(struct notify *out);
void notify_close(struct notify *notify);

/* Sends assignments like "READY=1", one a line. Control characters of a formatted text become
 * spaces, except newlines. Does not wait. False: nothing was sent. */
bool notify_send(const struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, with descriptors. Waits for room in the service manager's queue. */
bool notify_send_fds(const struct notify *notify, const int *fds, size_t count, const char *text);
/* Waits until the service manager has read all messages so far. False: it has not in time. */
bool notify_barrier(const struct notify *notify);

#endif
