#include "tools/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/deferred.h"

static enum result fail(const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", path, strerror(errno));
}

static enum result begin_special(struct outfile *out, struct diag *diag)
{
    out->special = open(out->path, O_WRONLY | O_CLOEXEC);
    int file = out->special >= 0 ? deferred_file() : -1;
    out->file = file >= 0 ? fdopen(file, "w") : NULL;
    if (out->file != NULL) {
        return RESULT_OK;
    }
    enum result result = fail(out->path, diag);
    if (out->special >= 0) {
        (void)close(out->special);
    }
    return result;
}

enum result outfile_begin(struct outfile *out, const char *path, struct diag *diag)
{
    *out = (struct outfile){ .file = stdout, .path = path, .special = -1 };
    struct stat st;
    if (path == NULL || strcmp(path, "-") == 0) {
        out->path = "the output";
        return RESULT_OK;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return begin_special(out, diag);
    }
    static const char ending[] = ".XXXXXX";
    size_t len = strlen(path);
    out->temporary = xmalloc(len + sizeof ending);
    memcpy(out->temporary, path, len);
    memcpy(out->temporary + len, ending, sizeof ending);
    int fd = mkstemp(out->temporary);
    if (fd < 0) {
        enum result result = fail(path, diag);
        free(out->temporary);
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
    if (out->temporary != NULL && good) {
        written = written && fsync(fileno(out->file)) == 0;
    }
    if (out->special >= 0) {
        written = written && (!good || deferred_copy(fileno(out->file), out->special));
        written = close(out->special) == 0 && written;
    }
    enum result result = good && !written ? fail(out->path, diag) : RESULT_OK;
    if (out->file != stdout) {
        (void)fclose(out->file);
    }
    if (out->temporary != NULL) {
        if (good && result == RESULT_OK && rename(out->temporary, out->path) != 0) {
            result = fail(out->path, diag);
        }
        if (!good || result != RESULT_OK) {
            (void)unlink(out->temporary);
        }
        free(out->temporary);
    }
    *out = (struct outfile){ 0 };
    return result;
}
