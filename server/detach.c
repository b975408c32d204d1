#include "server/detach.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zone/base/notify.h"

static ssize_t receive(int line, void *out, size_t len)
{
    ssize_t got = 0;
    do {
        got = recv(line, out, len, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool send_all(int line, const void *data, size_t len)
{
    return send(line, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Tells the service manager, if there is one. False: it does not listen, and would take the end of
 * the server before this one for the end of the service. */
static bool name_main_process(pid_t server, log_sink *log)
{
    struct notify notify;
    notify_open(&notify);
    bool told = notify.fd < 0 ||
                (notify_send(&notify, "MAINPID=%jd", (intmax_t)server) && notify_barrier(&notify));
    notify_close(&notify);
    if (!told) {
        log_say(log, LOG_ERR, "the service manager does not listen: nothing is changed");
    }
    return told;
}

/* The process that was started. True once the server answers. */
static bool wait_for_server(int line, log_sink *log)
{
    pid_t server = 0;
    char done = 0;
    return receive(line, &server, sizeof(server)) == sizeof(server) &&
           name_main_process(server, log) && send_all(line, &done, 1) &&
           receive(line, &done, 1) == 1;
}

/* The child ends at once, so that the grandchild is nobody's child when it is named: a service
 * manager does not hear of the end of a process that is another one's child. */
static bool fork_twice(int parent_end, log_sink *log)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        (void)close(parent_end);
        (void)setsid();
        pid_t server = fork();
        if (server != 0) {
            _exit(server < 0 ? errno : 0);
        }
        return true;
    }
    if (child > 0 && waitpid(child, &status, 0) == child) {
        errno = WEXITSTATUS(status); /* of the second fork */
    }
    if (child < 0 || status != 0) {
        log_say(log, LOG_ERR, "can't start another process: %s", strerror(errno));
    }
    return false;
}

bool detach_begin(struct detach *out, log_sink *log, int *exit_code)
{
    int ends[2];
    *exit_code = 1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        log_say(log, LOG_ERR, "can't start another process: %s", strerror(errno));
        return false;
    }
    if (fork_twice(ends[0], log)) {
        *out = (struct detach){ .line = ends[1] };
        return true;
    }
    (void)close(ends[1]);
    *exit_code = wait_for_server(ends[0], log) ? 0 : 1;
    (void)close(ends[0]);
    return false;
}

enum result detach_announce(const struct detach *detach, struct diag *diag)
{
    const pid_t self = getpid();
    char done = 0;
    if (detach->line >= 0 &&
        (!send_all(detach->line, &self, sizeof(self)) || receive(detach->line, &done, 1) != 1)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the process that started this one has ended: this one ends too");
    }
    return RESULT_OK;
}

void detach_finish(struct detach *detach)
{
    const char done = 0;
    if (detach->line >= 0) {
        (void)send_all(detach->line, &done, 1);
        (void)close(detach->line);
        detach->line = -1;
    }
}
