/* Preloaded into the probe: the kernel's clock state is the digit in the file that KEPT_CLOCK
 * names. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <unistd.h>

static int fd = -1;

__attribute__((constructor)) static void open_word(void)
{
    const char *path = getenv("KEPT_CLOCK");
    fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

int adjtimex(struct timex *)
{
    char word = '0';
    return pread(fd, &word, 1, 0) == 1 ? word - '0' : TIME_OK;
}
