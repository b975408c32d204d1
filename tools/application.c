#include "tools/application.h"

#include <string.h>

#include "tools/membertext.h"

enum {
    LINE_ROOM = MEMBERTEXT_ROOM + 32
};

#define HEAD    "ntspool-application:"
#define VERSION "1"
#define END     "end"
#define POOL    "pool"

/* What the operator of a server may say of it. */
static const enum column columns[] = {
    COLUMN_NAME,     COLUMN_IPV4,    COLUMN_IPV6,       COLUMN_TARGET,
    COLUMN_PORT,     COLUMN_COUNTRY, COLUMN_POSITION,   COLUMN_OPERATOR,
    COLUMN_CAPACITY, COLUMN_CONTACT, COLUMN_ACCOUNTURI, COLUMN_UNLISTED,
};

enum {
    COLUMNS = sizeof columns / sizeof columns[0],
    POOL_BIT = COLUMN_COUNT
};

/* -- writing -- */

void application_write(FILE *out, const struct application *application)
{
    char text[MEMBERTEXT_ROOM], pool[DNAME_TEXT_MAX];
    dname_text(&application->pool, pool);
    (void)fprintf(out, HEAD " " VERSION "\n" POOL ": %.*s\n", (int)strlen(pool) - 1, pool);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (*membertext(&application->member, columns[i], text) != 0) {
            (void)fprintf(out, "%s: %s\n", column_name(columns[i]), text);
        }
    }
    (void)fputs(END "\n", out);
}

/* -- reading -- */

struct reading {
    const char *at;
    unsigned number;      /* of the line */
    char line[LINE_ROOM]; /* without white space around it */
    bool cut;             /* it was longer */
    struct diag *diag;
};

static bool next_line(struct reading *in)
{
    static const char white[] = " \t\r";
    size_t len = strcspn(in->at, "\n");
    const char *from = in->at, *end = from + len;
    if (*in->at == 0) {
        return false;
    }
    in->at = *end == 0 ? end : end + 1;
    in->number++;
    while (from < end && strchr(white, *from) != NULL) {
        from++;
    }
    while (end > from && strchr(white, end[-1]) != NULL) {
        end--;
    }
    len = (size_t)(end - from);
    in->cut = len >= sizeof in->line;
    len = in->cut ? sizeof in->line - 1 : len;
    memcpy(in->line, from, len);
    in->line[len] = 0;
    return true;
}

static enum result fail(const struct reading *in, const char *why)
{
    char text[sizeof in->diag->text];
    (void)snprintf(text, sizeof text, "%s", why);
    return diag_fail(in->diag, RESULT_INVALID, "line %u: %.200s", in->number, text);
}

/* Reads on to the first line of an application. NOT_FOUND if there is none. */
static enum result find_head(struct reading *in)
{
    while (next_line(in)) {
        if (strncmp(in->line, HEAD, sizeof HEAD - 1) == 0) {
            const char *version = in->line + sizeof HEAD - 1;
            return strcmp(version + strspn(version, " \t"), VERSION) == 0
                       ? RESULT_OK
                       : diag_fail(in->diag, RESULT_NEWER,
                                   "line %u: this program reads applications of version " VERSION
                                   " only",
                                   in->number);
        }
    }
    return RESULT_NOT_FOUND;
}

static enum result read_pool(const struct reading *in, const char *value, struct dname *out)
{
    if (dname_parse(out, value, NULL) != RESULT_OK || out->len == 1) {
        return fail(in, POOL " is the domain name of the pool");
    }
    dname_lower(out);
    return RESULT_OK;
}

/* The bit of a key; COLUMN_COUNT + 1 for an unknown one. */
static unsigned bit_of(const char *key, size_t len)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *name = column_name(columns[i]);
        if (strlen(name) == len && memcmp(name, key, len) == 0) {
            return columns[i];
        }
    }
    bool pool = len == sizeof POOL - 1 && memcmp(key, POOL, len) == 0;
    return pool ? POOL_BIT : POOL_BIT + 1;
}

/* Reads a line `key: value`. */
static enum result read_line(const struct reading *in, struct application *out, unsigned *seen)
{
    struct diag why;
    const char *colon = strchr(in->line, ':');
    if (in->cut || colon == NULL) {
        return fail(in, in->cut ? "the line is too long"
                                : "not \"key: value\", as each line before \"" END "\" is");
    }
    unsigned bit = bit_of(in->line, (size_t)(colon - in->line));
    if (bit > POOL_BIT) {
        return fail(in, "unknown key");
    }
    if ((*seen & 1U << bit) != 0) {
        return fail(in, "the key is there twice");
    }
    *seen |= 1U << bit;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (bit == POOL_BIT) {
        return read_pool(in, value, &out->pool);
    }
    enum result result = membertext_set(&out->member, (enum column)bit, value, &why);
    return result == RESULT_OK ? RESULT_OK : fail(in, why.text);
}

static enum result read_lines(struct reading *in, struct application *out)
{
    unsigned seen = 0;
    bool ended = false;
    while (!ended && next_line(in)) {
        ended = strcmp(in->line, END) == 0;
        if (!ended && in->line[0] != 0) {
            TRY(read_line(in, out, &seen));
        }
    }
    if (!ended) {
        return fail(in, "the application is cut off: its last line is \"" END "\"");
    }
    if ((seen & 1U << POOL_BIT) == 0 || (seen & 1U << COLUMN_NAME) == 0) {
        return fail(in, "an application has a pool and a name");
    }
    return RESULT_OK;
}

enum result application_read(struct application *out, const char *text, size_t len,
                             bool allow_private, struct diag *diag)
{
    struct reading in = { .at = text, .diag = diag };
    struct application read = { .pool = { .len = 0 } };
    member_defaults(&read.member);
    if (memchr(text, 0, len) != NULL) {
        return diag_fail(diag, RESULT_INVALID, "this is no text: it has a NUL");
    }
    enum result result = find_head(&in);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(diag, RESULT_INVALID,
                         "there is no application in it: its first line is \"" HEAD " " VERSION
                         "\"");
    }
    TRY(result);
    TRY(read_lines(&in, &read));
    if (find_head(&in) != RESULT_NOT_FOUND) {
        return fail(&in, "a second application begins: admit one at a time");
    }
    TRY(member_check(&read.member, &read.pool, allow_private, diag));
    *out = read;
    return RESULT_OK;
}
