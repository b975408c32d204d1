#include "server/io/kept.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/io/listen.h"

enum {
    FIRST_FD = 3 /* of those that a service manager passes */
};

static const char prefix[] = "worker-";

/* A decimal number from the environment, at most `max`. */
static bool read_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end = NULL;
    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    *out = strtoul(text, &end, 10);
    return *end == '\0' && *out <= max;
}

/* The worker in a name of `len` octets. */
static bool read_worker(const char *name, size_t len, unsigned *out)
{
    char text[32];
    unsigned long number = 0;
    size_t head = sizeof(prefix) - 1;
    if (len >= sizeof(text) || strncmp(name, prefix, head) != 0) {
        return false;
    }
    memcpy(text, name, len);
    text[len] = '\0';
    if (!read_number(text + head, KEPT_WORKERS_MAX - 1, &number)) {
        return false;
    }
    *out = (unsigned)number;
    return true;
}

static void add(struct kept *kept, int fd, const char *name, size_t len)
{
    struct kept_socket *socket = &kept->sockets[kept->count];
    socket->fd = fd;
    if (!read_worker(name, len, &socket->worker)) {
        (void)close(fd);
        return;
    }
    if (socket->worker >= kept->workers) {
        kept->workers = socket->worker + 1; /* its name is known, whatever the socket is */
    }
    if (listen_look(&socket->endpoint, &socket->type, fd)) {
        kept->count++;
    } else {
        (void)close(fd);
    }
}

void kept_open(struct kept *out)
{
    const char *names = getenv("LISTEN_FDNAMES");
    unsigned long pid = 0, count = 0;
    *out = (struct kept){ .sockets = NULL };
    if (names != NULL && read_number(getenv("LISTEN_PID"), LONG_MAX, &pid) &&
        pid == (unsigned long)getpid() && read_number(getenv("LISTEN_FDS"), KEPT_MAX, &count)) {
        out->sockets = xcalloc(count, sizeof(*out->sockets));
        for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
            size_t len = strcspn(names, ":");
            if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
                add(out, fd, names, len);
            }
            names += len + (names[len] == ':');
        }
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

void kept_close(struct kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        if (kept->sockets[i].fd >= 0) {
            (void)close(kept->sockets[i].fd);
        }
    }
    free(kept->sockets);
    *kept = (struct kept){ .sockets = NULL, .workers = kept->workers };
}

static bool is_of(const struct kept_socket *socket, const struct endpoint *endpoint, int type)
{
    return socket->fd >= 0 && socket->type == type && socket->endpoint.port == endpoint->port &&
           address_equal(&socket->endpoint.address, &endpoint->address);
}

size_t kept_count(const struct kept *kept, const struct endpoint *endpoint, int type)
{
    size_t count = 0;
    for (size_t i = 0; i < kept->count; i++) {
        count += is_of(&kept->sockets[i], endpoint, type);
    }
    return count;
}

/* `worker` NULL: of any. */
static int take(struct kept *kept, const struct endpoint *endpoint, int type,
                const unsigned *worker)
{
    for (size_t i = 0; i < kept->count; i++) {
        struct kept_socket *socket = &kept->sockets[i];
        if ((worker == NULL || socket->worker == *worker) && is_of(socket, endpoint, type)) {
            int fd = socket->fd;
            socket->fd = -1;
            return fd;
        }
    }
    return -1;
}

int kept_take(struct kept *kept, const struct endpoint *endpoint, int type, unsigned worker)
{
    return take(kept, endpoint, type, &worker);
}

int kept_take_left(struct kept *kept, const struct endpoint *endpoint, int type)
{
    return take(kept, endpoint, type, NULL);
}

bool kept_store(const struct notify *notify, unsigned worker, const int *fds, size_t count)
{
    char text[64];
    /* Without FDPOLL=0, systemd would drop a socket on which it sees an error. */
    (void)snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s%u", prefix, worker);
    return count == 0 || notify_send_fds(notify, fds, count, text);
}

bool kept_forget(const struct notify *notify, unsigned worker)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s%u", prefix, worker);
    return notify_send_fds(notify, NULL, 0, text);
}
