#include "tools/site/siterows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"
#include "zone/base/splitmix.h"

enum {
    LINE_ROOM = 512,
    NUMBER_DIGITS_MAX = 20
};

/* The first line; the last one has a sum over all before it. Between them, a line "s" for each
 * subject and behind it a line "f" for each of its files, which begins like the file before. */
static const char head[] = "ntspool-site 1";

static void clear_row(struct siterow *row)
{
    for (size_t i = 0; i < row->count; i++) {
        free(row->files[i]);
    }
    free(row->files);
    free(row->subject);
}

void siterows_done(struct siterows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        clear_row(&rows->list[i]);
    }
    free(rows->list);
    *rows = (struct siterows){ 0 };
}

struct siterow *siterows_add(struct siterows *rows, const char *subject, uint64_t made_at,
                             uint64_t fingerprint)
{
    ARRAY_PUSH(rows->list, rows->count, rows->room,
               (struct siterow){
                   .subject = xstrdup(subject), .made_at = made_at, .fingerprint = fingerprint });
    return &rows->list[rows->count - 1];
}

void siterow_add_file(struct siterow *row, const char *path)
{
    ARRAY_PUSH(row->files, row->count, row->room, xstrdup(path));
}

static int by_subject(const void *a, const void *b)
{
    const struct siterow *left = a, *right = b;
    return strcmp(left->subject, right->subject);
}

void siterows_sort(struct siterows *rows)
{
    if (rows->count > 0) {
        qsort(rows->list, rows->count, sizeof(rows->list[0]), by_subject);
    }
}

static int compare_subject(const void *subject, const void *row)
{
    return strcmp(subject, ((const struct siterow *)row)->subject);
}

struct siterow *siterows_find(const struct siterows *rows, const char *subject)
{
    return rows->count == 0
               ? NULL
               : bsearch(subject, rows->list, rows->count, sizeof(rows->list[0]), compare_subject);
}

bool siterows_is_path(const char *path)
{
    if (strlen(path) > SITEROWS_PATH_MAX) {
        return false;
    }
    char before = '/';
    for (const char *p = path; *p != 0; p++) {
        bool good = *p == '/'   ? before != '/'
                    : *p == '.' ? before != '/'
                                : isalnum((unsigned char)*p) || strchr("_:-", *p) != NULL;
        if (!good) {
            return false;
        }
        before = *p;
    }
    return before != '/';
}

static uint64_t sum_of(const char *text, size_t len)
{
    uint64_t sum = len;
    for (size_t i = 0; i < len; i++) {
        splitmix_add(&sum, (unsigned char)text[i]);
    }
    return sum;
}

static size_t common(const char *a, const char *b)
{
    size_t len = 0;
    while (a[len] != 0 && a[len] == b[len]) {
        len++;
    }
    return len;
}

/* No text is escaped: paths need no escape, nor does a name as the DNS writes it. */
void siterows_write(struct markup *m, const struct siterows *rows)
{
    markup_put(m, "%s %016llx ", head, (unsigned long long)rows->edition);
    markup_raw(m, rows->apex);
    markup_raw(m, "\n");
    const char *before = "";
    for (size_t i = 0; i < rows->count; i++) {
        const struct siterow *row = &rows->list[i];
        markup_put(m, "s %llu %016llx %s\n", (unsigned long long)row->made_at,
                   (unsigned long long)row->fingerprint, row->subject);
        for (size_t j = 0; j < row->count; j++) {
            size_t same = common(before, row->files[j]);
            markup_put(m, "f %zu %s\n", same, row->files[j] + same);
            before = row->files[j];
        }
    }
    markup_put(m, "end %016llx\n", (unsigned long long)sum_of(m->text, m->len));
}

struct parse {
    struct siterows *rows;
    const char *at, *end;
    char line[LINE_ROOM];
    char path[SITEROWS_PATH_MAX + 1]; /* of the last file */
};

static bool next_line(struct parse *p)
{
    const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
    size_t len = newline != NULL ? (size_t)(newline - p->at) : LINE_ROOM;
    if (len >= LINE_ROOM || memchr(p->at, 0, len) != NULL) {
        return false;
    }
    memcpy(p->line, p->at, len);
    p->line[len] = 0;
    p->at = newline + 1;
    return true;
}

/* Reads a number and the space behind it. */
static bool take_number(char **at, int base, uint64_t *out)
{
    char *end;
    size_t digits = strspn(*at, base == 10 ? "0123456789" : "0123456789abcdef");
    if (digits == 0 || digits > NUMBER_DIGITS_MAX || (*at)[digits] != ' ') {
        return false;
    }
    *out = strtoull(*at, &end, base);
    *at = end + 1;
    return true;
}

static bool take_head(struct parse *p)
{
    char *at = p->line + strlen(head);
    if (!next_line(p) || strncmp(p->line, head, strlen(head)) != 0 || *at++ != ' ' ||
        !take_number(&at, 16, &p->rows->edition) || strlen(at) >= sizeof(p->rows->apex)) {
        return false;
    }
    memcpy(p->rows->apex, at, strlen(at) + 1);
    return true;
}

/* They are in order. */
static bool take_subject(struct parse *p)
{
    char *at = p->line + 2;
    uint64_t made_at, fingerprint;
    const struct siterows *rows = p->rows;
    if (!take_number(&at, 10, &made_at) || !take_number(&at, 16, &fingerprint) ||
        !siterows_is_path(at) ||
        (rows->count > 0 && strcmp(rows->list[rows->count - 1].subject, at) >= 0)) {
        return false;
    }
    (void)siterows_add(p->rows, at, made_at, fingerprint);
    return true;
}

static bool take_file(struct parse *p)
{
    char *at = p->line + 2;
    uint64_t same;
    if (p->rows->count == 0 || !take_number(&at, 10, &same) || same > strlen(p->path) ||
        same + strlen(at) > SITEROWS_PATH_MAX) {
        return false;
    }
    memcpy(p->path + same, at, strlen(at) + 1);
    if (!siterows_is_path(p->path)) {
        return false;
    }
    siterow_add_file(&p->rows->list[p->rows->count - 1], p->path);
    return true;
}

static bool take_all(struct parse *p)
{
    const char *begin = p->at, *line;
    if (!take_head(p)) {
        return false;
    }
    for (line = p->at; next_line(p); line = p->at) {
        if (strncmp(p->line, "s ", 2) == 0   ? !take_subject(p)
            : strncmp(p->line, "f ", 2) == 0 ? !take_file(p)
                                             : true) {
            break;
        }
    }
    char last[LINE_ROOM];
    (void)snprintf(last, sizeof(last), "end %016" PRIx64, sum_of(begin, (size_t)(line - begin)));
    return p->at == p->end && strcmp(p->line, last) == 0;
}

bool siterows_read(struct siterows *rows, const char *text, size_t len)
{
    struct parse parse = { .rows = rows, .at = text, .end = text + len };
    if (!take_all(&parse)) {
        siterows_done(rows);
        return false;
    }
    return true;
}
