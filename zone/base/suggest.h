/* "Do you mean ...?" for mistyped words: commands, options, settings, keys of the configuration. */
#ifndef ZONE_SUGGEST_H
#define ZONE_SUGGEST_H

#include <stddef.h>

enum {
    SUGGEST_ROOM = 64
};

/* The nearest candidate so far. Starts with suggest_begin. */
struct suggest {
    const char *word;
    const char *best; /* NULL: none is near enough */
    size_t edits;     /* from the word to the best */
};

struct suggest suggest_begin(const char *word);
/* Keeps the candidate if it is nearer than all before. */
void suggest_candidate(struct suggest *suggest, const char *candidate);
/* " (do you mean 'X'?)", or an empty text. Returns `out`. */
char *suggest_text(const struct suggest *suggest, char out[SUGGEST_ROOM]);

#endif
