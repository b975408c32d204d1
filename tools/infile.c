#include "tools/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

enum {
    FIRST_ROOM = 65536
};

/* Reads up to one octet more than allowed, to detect a file that is too long. Returns errno. */
static int read_all(struct infile *in, int fd, size_t most)
{
    size_t room = FIRST_ROOM;
    in->text = xmalloc(room);
    while (in->len <= most) {
        if (in->len + 1 == room) {
            room *= 2;
            in->text = xrealloc(in->text, room);
        }
        ssize_t got = read(fd, in->text + in->len, room - 1 - in->len);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return errno;
        }
        in->len += got > 0 ? (size_t)got : 0;
    }
    in->text[in->len] = '\0';
    return 0;
}

static bool has_read_stdin;

bool infile_has_read_stdin(void)
{
    return has_read_stdin;
}

enum result infile_read(struct infile *in, const char *path, size_t most, struct diag *diag)
{
    bool standard = strcmp(path, "-") == 0;
    *in = (struct infile){ .path = standard ? "stdin" : path };
    has_read_stdin = has_read_stdin || standard;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : read_all(in, fd, most);
    if (!standard && fd >= 0) {
        (void)close(fd);
    }
    enum result result = RESULT_OK;
    if (error != 0) {
        result = diag_fail(diag, RESULT_SYSTEM, "can't read %s: %s", in->path, strerror(error));
    } else if (in->len > most) {
        result = diag_fail(diag, RESULT_TOO_LONG, "%s is longer than %zu octets", in->path, most);
    } else {
        in->file = fmemopen(in->text, in->len, "r");
        ASSERT(in->file != NULL);
        return RESULT_OK;
    }
    infile_done(in);
    return result;
}

void infile_done(struct infile *in)
{
    if (in->file != NULL) {
        (void)fclose(in->file);
    }
    if (in->text != NULL) {
        sodium_memzero(in->text, in->len); /* some files contain keys */
        free(in->text);
    }
    *in = (struct infile){ 0 };
}
