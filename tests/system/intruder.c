/* Preloaded into a daemon, for whoever has taken it over: when it waits in its loop, it tries to
 * open what INTRUDER names, paths parted by colons, for reading and for writing, then to execute a
 * program, and says in the log what came of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CALLS = 50 /* of poll: by then it is in its loop */
};

static void say(const char *what, const char *path, int error)
{
    char line[1024];
    int len = snprintf(line, sizeof(line), "intruder: %s %s: %s\n", what, path,
                       error == 0 ? "done" : strerrorname_np(error));
    (void)!write(STDERR_FILENO, line, (size_t)len);
}

static void try_open(const char *what, const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    say(what, path, fd >= 0 ? 0 : errno);
    if (fd >= 0) {
        close(fd);
    }
}

static void intrude(void)
{
    char *paths = strdup(getenv("INTRUDER")), *rest = paths, *path = NULL;
    while ((path = strsep(&rest, ":")) != NULL) {
        try_open("read", path, O_RDONLY);
        try_open("write", path, O_WRONLY);
    }
    free(paths);
    char *const words[] = { "true", NULL };
    execv("/bin/true", words);
    say("execute", "/bin/true", errno);
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
    static int calls;
    if (++calls == CALLS) {
        intrude();
    }
    int (*theirs)(struct pollfd *, nfds_t, int) =
        (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    return theirs(fds, count, wait_ms);
}
