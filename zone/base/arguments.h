/* The options of a command line, read by a table. All three programs use it.
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`; flags without a value may share a hyphen
 * (`-ab`). Values point into argv. */
#ifndef ZONE_ARGUMENTS_H
#define ZONE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/result.h"

struct option_row {
    const char *name;  /* long name without hyphens; NULL ends a table */
    char letter;       /* short name, 0: none */
    const char *value; /* name of the value in the help; NULL: a flag */
    bool repeats;      /* it may be given more than once */
    const char *help;  /* lines; the program that prints them indents the later ones */
};

struct arguments {
    const struct option_row *tables[3]; /* looked up in this order; NULL: none */
    struct given_option {
        const struct option_row *option;
        const char *value; /* NULL for a flag */
    } * given;             /* in order */
    size_t count, room;
    bool last_wins; /* of an option that does not repeat; else the second use is an error */
};

/* Takes the option at *next, in an argv that ends with NULL, and its value. Moves *next behind
 * them. USAGE if no table has it, a
 * value is missing or not wanted, or one that does not repeat is given twice without `last_wins`.
 */
enum result arguments_take(struct arguments *arguments, char ***next, struct diag *diag);
void arguments_free(struct arguments *arguments);

/* The option that a word is meant to give: `--name`, `--name=VALUE`, or the last letter of `-abc`.
 * NULL if no table has it. */
const struct option_row *arguments_find(const struct arguments *arguments, const char *word);
/* True if one of the tables has an option of that long name. */
bool arguments_has(const struct arguments *arguments, const char *name);
/* The value of the `nth` use of an option; NULL: it is not given so often. A table must have it. */
const char *arguments_value(const struct arguments *arguments, const char *name, size_t nth);
/* The value of an option: the command line's, else the configuration file's, else the preset; each
 * may be NULL. */
const char *arguments_text(const struct arguments *arguments, const char *name, const char *in_file,
                           const char *preset);
/* How often an option is given. A table must have it. */
size_t arguments_count(const struct arguments *arguments, const char *name);

/* Prints the rows of a help text; the left column has `width` characters. */
void arguments_print(const struct option_row *options, int width);

/* A program without commands, as its help and version show it. */
struct program_text {
    const char *name, *intro, *outro; /* in front of the options' help and behind it */
    int width;                        /* of its left column */
};
/* Reads the whole command line of such a program by tables[0], which has `help` and `version`. The
 * last use of an option wins.
 * False if the program is to end now with *exit_code: help was printed, or what is wrong. */
bool arguments_read(struct arguments *arguments, const struct program_text *program, char **argv,
                    int *exit_code);

#endif
