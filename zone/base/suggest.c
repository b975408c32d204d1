#include "zone/base/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    WORD_MAX = 31,
    EDITS_MAX = 2
};

/* The Levenshtein distance of two words. */
static size_t distance(const char *a, const char *b)
{
    size_t len_a = strlen(a);
    size_t len_b = strlen(b);
    if (len_a > WORD_MAX || len_b > WORD_MAX) {
        return SIZE_MAX;
    }
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= len_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t edit = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < edit ? change : edit;
        }
    }
    return row[len_b];
}

struct suggest suggest_begin(const char *word)
{
    return (struct suggest){ .word = word, .edits = EDITS_MAX + 1 };
}

void suggest_candidate(struct suggest *suggest, const char *candidate)
{
    size_t edits = distance(suggest->word, candidate);
    if (edits < suggest->edits && edits < strlen(suggest->word)) {
        suggest->best = candidate;
        suggest->edits = edits;
    }
}

char *suggest_text(const struct suggest *suggest, char out[SUGGEST_ROOM])
{
    out[0] = '\0';
    if (suggest->best != NULL) {
        (void)snprintf(out, SUGGEST_ROOM, " (do you mean '%s'?)", suggest->best);
    }
    return out;
}
