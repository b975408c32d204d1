/* What a site remembers from run to run, in its file `.state`: which files were made, of what,
 * when, and what decided on their content. A file that can't be read counts as none, and then all
 * is made anew. */
#ifndef TOOLS_SITEROWS_H
#define TOOLS_SITEROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/site/markup.h"

enum {
    SITEROWS_PATH_MAX = 200
};

/* The files made of one subject, such as a member. */
struct siterow {
    char *subject;
    uint64_t made_at;     /* Unix seconds */
    uint64_t fingerprint; /* of what it was made from */
    bool asked, kept;     /* this run asked for it; its files stay as they are */
    char **files;         /* paths from the directory of the site */
    size_t count, room;
};

/* Start from `{ 0 }`, end with siterows_done. */
struct siterows {
    char apex[256];
    uint64_t edition;
    struct siterow *list; /* sorted by subject */
    size_t count, room;
};

void siterows_done(struct siterows *rows);
/* Adds a row at the end. */
struct siterow *siterows_add(struct siterows *rows, const char *subject, uint64_t made_at,
                             uint64_t fingerprint);
void siterow_add_file(struct siterow *row, const char *path);
void siterows_sort(struct siterows *rows);
/* In sorted rows. NULL: there is none. */
struct siterow *siterows_find(const struct siterows *rows, const char *subject);

/* The text of sorted rows. */
void siterows_write(struct markup *m, const struct siterows *rows);
/* False if the text is not what siterows_write wrote; then `rows` is empty. */
bool siterows_read(struct siterows *rows, const char *text, size_t len);

/* True of a path that a site may have: components of A-Z a-z 0-9 . _ : - that don't begin with a
 * dot, separated by single slashes. */
bool siterows_is_path(const char *path);

#endif
