#include "tools/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/held.h"

static enum result fail(const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", path, strerror(errno));
}

static enum result begin_in_place(struct outfile *out, struct diag *diag)
{
    out->place = open(out->path, O_WRONLY | O_CLOEXEC);
    int kept = out->place >= 0 ? held_file() : -1;
    out->file = kept >= 0 ? fdopen(kept, "w") : NULL;
    if (out->file != NULL) {
        return RESULT_OK;
    }
    enum result result = fail(out->path, diag);
    if (out->place >= 0) {
        (void)close(out->place);
    }
    return result;
}

enum result outfile_begin(struct outfile *out, const char *path, struct diag *diag)
{
    *out = (struct outfile){ .file = stdout, .path = path, .place = -1 };
    struct stat st;
    if (path == NULL || strcmp(path, "-") == 0) {
        out->path = "the output";
        return RESULT_OK;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return begin_in_place(out, diag);
    }
    static const char ending[] = ".XXXXXX";
    size_t len = strlen(path);
    out->made = xmalloc(len + sizeof ending);
    memcpy(out->made, path, len);
    memcpy(out->made + len, ending, sizeof ending);
    int fd = mkstemp(out->made);
    if (fd < 0) {
        enum result result = fail(path, diag);
        free(out->made);
        return result;
    }
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
    out->file = fdopen(fd, "w");
    ASSERT(out->file != NULL);
    return RESULT_OK;
}

enum result outfile_end(struct outfile *out, bool good, struct diag *diag)
{
    bool written = fflush(out->file) == 0 && !ferror(out->file);
    if (out->made != NULL && good) {
        written = written && fsync(fileno(out->file)) == 0;
    }
    if (out->place >= 0) {
        written = written && (!good || held_copy(fileno(out->file), out->place));
        written = close(out->place) == 0 && written;
    }
    enum result result = good && !written ? fail(out->path, diag) : RESULT_OK;
    if (out->file != stdout) {
        (void)fclose(out->file);
    }
    if (out->made != NULL) {
        if (good && result == RESULT_OK && rename(out->made, out->path) != 0) {
            result = fail(out->path, diag);
        }
        if (!good || result != RESULT_OK) {
            (void)unlink(out->made);
        }
        free(out->made);
    }
    *out = (struct outfile){ 0 };
    return result;
}
