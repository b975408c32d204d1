#include "tools/scrape.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zone/base/array.h"
#include "zone/base/clock.h"
#include "zone/base/unixsocket.h"

#define NAME_SIGNS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"

static const char request[] = "GET /metrics HTTP/1.0\r\nAccept: text/plain\r\n\r\n";

void scrape_free(struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++) {
        free(scrape->samples[i].labels);
    }
    free(scrape->samples);
    free(scrape->text);
    *scrape = (struct scrape){ .text = NULL };
}

bool scrape_is_bucket(const struct scrape_sample *sample)
{
    static const char end[] = "_bucket";
    size_t len = strlen(sample->name), end_len = sizeof(end) - 1;
    return len > end_len && strcmp(sample->name + len - end_len, end) == 0;
}

/* Takes a name from *at, ends it with NUL, and returns the sign that stood behind it; NUL if there
 * is no name. */
static char take_name(char **at, const char **out)
{
    char *end = *at + strspn(*at, NAME_SIGNS);
    char sign = *end;
    if (end == *at || sign == '\0') {
        return '\0';
    }
    *end = '\0';
    *out = *at;
    *at = end + 1;
    return sign;
}

/* Takes the text in quotes that *at begins with, without its escapes. */
static bool take_value(char **at, const char **out)
{
    char *from = *at, *to = *at;
    if (*from != '"') {
        return false;
    }
    *out = to;
    for (from++; *from != '"'; from++) {
        bool escaped = *from == '\\';
        from += escaped;
        if (*from == '\0') {
            return false;
        }
        *to = *from;
        if (escaped && *from == 'n') {
            *to = '\n';
        }
        to++;
    }
    *to = '\0';
    *at = from + 1;
    return true;
}

/* Takes labels up to the closing brace. */
static bool take_labels(char **at, struct scrape_sample *sample)
{
    struct scrape_label labels[SCRAPE_LABELS];
    size_t count = 0;
    while (**at != '}') {
        struct scrape_label *label = &labels[count];
        if (count == SCRAPE_LABELS || take_name(at, &label->name) != '=' ||
            !take_value(at, &label->value) || (**at != ',' && **at != '}')) {
            return false;
        }
        *at += **at == ',';
        count++;
    }
    *at += 1;
    sample->labels = xcalloc(count + 1, sizeof(labels[0]));
    memcpy(sample->labels, labels, count * sizeof(labels[0]));
    sample->label_count = count;
    return true;
}

/* One line of a sample. What is behind the value, a time, is not read. */
static bool take_sample(char *line, struct scrape_sample *out)
{
    char *end = NULL;
    char sign = take_name(&line, &out->name);
    if (sign == '{' ? !take_labels(&line, out) : sign != ' ') {
        return false;
    }
    line += strspn(line, " ");
    out->value = strtod(line, &end);
    return end != line && (*end == '\0' || *end == ' ');
}

enum result scrape_parse(struct scrape *out, char *text, struct diag *diag)
{
    struct scrape scrape = { .text = text };
    unsigned number = 0;
    for (char *line = text, *next; *line != '\0'; line = next) {
        struct scrape_sample sample = { .name = NULL };
        size_t len = strcspn(line, "\n");
        bool ended = line[len] == '\n';
        next = line + len + ended;
        line[len] = '\0';
        number++;
        if (*line == '#' || *line == '\0') {
            continue;
        }
        if (!ended || scrape.count == SCRAPE_SAMPLES || !take_sample(line, &sample)) {
            free(sample.labels);
            scrape_free(&scrape);
            return diag_fail(diag, RESULT_INVALID, "line %u of the metrics can't be read", number);
        }
        ARRAY_PUSH(scrape.samples, scrape.count, scrape.room, sample);
    }
    *out = scrape;
    return RESULT_OK;
}

/* Reads until the end. NULL if it does not come in time, or is too far away. */
static char *read_all(int fd)
{
    char *text = xmalloc(SCRAPE_MAX + 1);
    uint64_t end = clock_steady_ms() + SCRAPE_WAIT_MS;
    size_t len = 0;
    while (len < SCRAPE_MAX) {
        uint64_t now = clock_steady_ms();
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (now >= end || poll(&wait, 1, (int)(end - now)) <= 0) {
            break;
        }
        ssize_t got = read(fd, text + len, SCRAPE_MAX - len);
        if (got == 0) {
            text[len] = '\0';
            return text;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        }
        len += got < 0 ? 0 : (size_t)got;
    }
    free(text);
    return NULL;
}

static enum result connect_to(int *out, const char *path, struct diag *diag)
{
    struct sockaddr_un address;
    if (unixsocket_address(&address, path, diag) != RESULT_OK) {
        return RESULT_USAGE;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return diag_fail(diag, RESULT_SYSTEM, "no server answers on %s: %s", path, strerror(error));
    }
    *out = fd;
    return RESULT_OK;
}

enum result scrape_get(struct scrape *out, const char *path, struct diag *diag)
{
    int fd = -1;
    TRY(connect_to(&fd, path, diag));
    /* The socket's buffer has room for all of it: this waits for nobody. A peer that has hung up
     * already must not end us by SIGPIPE. */
    ssize_t sent = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
    char *text = sent == sizeof(request) - 1 ? read_all(fd) : NULL;
    (void)close(fd);
    if (text == NULL) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: no whole answer within %d s", path,
                         SCRAPE_WAIT_MS / 1000);
    }
    const char *body = strstr(text, "\r\n\r\n");
    size_t status = strcspn(text, " ");
    if (strncmp(text, "HTTP/1.", 7) != 0 || strncmp(text + status, " 200", 4) != 0 ||
        body == NULL) {
        free(text);
        return diag_fail(diag, RESULT_INVALID, "%s: is no socket with metrics", path);
    }
    memmove(text, body + 4, strlen(body + 4) + 1);
    struct scrape scrape = { .text = NULL };
    TRY(scrape_parse(&scrape, text, diag));
    if (scrape.count == 0) {
        scrape_free(&scrape);
        return diag_fail(diag, RESULT_INVALID, "%s: sends no metrics", path);
    }
    *out = scrape;
    return RESULT_OK;
}
