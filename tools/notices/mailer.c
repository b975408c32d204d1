#include "tools/notices/mailer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/deferred.h"
#include "zone/base/file.h"

enum result mailer_init(struct mailer *out, const char *command, unsigned wait_s, struct diag *diag)
{
    unsigned count = 0;
    char *rest = NULL;
    *out = (struct mailer){ .wait_s = wait_s };
    if (strlen(command) >= sizeof out->text) {
        return diag_fail(diag, RESULT_USAGE, "the command of --send is too long");
    }
    memcpy(out->text, command, strlen(command) + 1);
    for (char *word = strtok_r(out->text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (count == MAILER_WORDS) {
            return diag_fail(diag, RESULT_USAGE, "the command of --send has more than %d words",
                             MAILER_WORDS);
        }
        out->words[count++] = word;
    }
    return count > 0 ? RESULT_OK
                     : diag_fail(diag, RESULT_USAGE,
                                 "--send takes a command, such as \"/usr/sbin/sendmail -i -t\"");
}

/* Our signals may be ignored or blocked; its are not. Only the three standard files are its. */
static int spawn(const struct mailer *mailer, int input, pid_t *child)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    CHECK(posix_spawn_file_actions_init(&files) == 0 && posix_spawnattr_init(&attributes) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO) == 0);
    CHECK(posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1) == 0);
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    CHECK(posix_spawnattr_setsigdefault(&attributes, &all) == 0);
    CHECK(posix_spawnattr_setsigmask(&attributes, &none) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSIGMASK) == 0);
    int error = posix_spawnp(child, mailer->words[0], &files, &attributes, mailer->words, environ);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&attributes);
    return error;
}

/* True if the child ended in time. Its exit status is then still to be taken. */
static bool wait_for(pid_t child, unsigned wait_s)
{
    struct pollfd ended = { .fd = pidfd_open(child, 0), .events = POLLIN };
    int got = -1;
    if (ended.fd < 0) {
        return false;
    }
    do {
        got = poll(&ended, 1, (int)wait_s * 1000);
    } while (got < 0 && errno == EINTR);
    (void)close(ended.fd);
    return got > 0;
}

static enum result run(const struct mailer *mailer, int input, struct diag *diag)
{
    pid_t child = -1;
    int status = 0;
    int error = spawn(mailer, input, &child);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%.200s can't be run: %s", mailer->words[0],
                         strerror(error));
    }
    bool in_time = wait_for(child, mailer->wait_s);
    if (!in_time) {
        (void)kill(-child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        return diag_fail(diag, RESULT_EXHAUSTED, "%.200s did not end within %u seconds",
                         mailer->words[0], mailer->wait_s);
    }
    if (WIFSIGNALED(status)) {
        return diag_fail(diag, RESULT_REFUSED, "%.200s was ended by signal %d", mailer->words[0],
                         WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? RESULT_OK
                                    : diag_fail(diag, RESULT_REFUSED, "%.200s exited with %d",
                                                mailer->words[0], WEXITSTATUS(status));
}

/* The mail is a file, so the program can read it at its own pace, or not at all. */
enum result mailer_send(const struct mailer *mailer, const char *mail, size_t len,
                        struct diag *diag)
{
    int file = deferred_file();
    enum result result = RESULT_OK;
    if (file < 0 || !file_write_all(file, mail, len) || lseek(file, 0, SEEK_SET) != 0) {
        result = diag_fail(diag, RESULT_SYSTEM, "there is no room for a mail in memory: %s",
                           strerror(errno));
    } else {
        result = run(mailer, file, diag);
    }
    if (file >= 0) {
        (void)close(file);
    }
    return result;
}
