/* What may stand at a place of a command line, for the completion of shells (tools/completion).
 *
 * `PROGRAM __complete WORD... CURRENT` prints what may take the place of the word CURRENT, whatever
 * is typed of it so far: a line each, the value, a tab, and its meaning. The shell chooses those
 * that fit. Nothing is printed of what is wrong in the words. */
#ifndef ZONE_COMPLETE_H
#define ZONE_COMPLETE_H

#include <stdio.h>

#include "zone/base/arguments.h"

#define COMPLETE_COMMAND "__complete"

/* Exit status. */
enum {
    COMPLETE_DONE = 0,
    COMPLETE_FILES = 3 /* names of files may stand there */
};

/* The words of a command line, being read. */
struct complete {
    struct arguments *arguments; /* get the options; the last use of one wins */
    char **next;
    const char *current;
    bool literal; /* `--` was read */
    /* When all words were read: the current one is this option's value; NULL: it is none. */
    const struct option_row *option;
    size_t prefix; /* octets of the current word in front of that value: `--name=` */
};

/* The words behind COMPLETE_COMMAND, in an argv that ends with NULL; their array is changed. */
struct complete complete_begin(struct arguments *arguments, char **words);
/* The next word before the current one that is no option; NULL: there are no more. */
const char *complete_next(struct complete *complete);
/* True if an option may stand there, and one was begun. */
bool complete_is_option(const struct complete *complete);

/* Prints a value with its meaning, of which only the first line counts. Leaves it out if it would
 * control a terminal. */
void complete_print(FILE *out, const struct complete *complete, const char *value,
                    const char *meaning);
/* Prints the options that may be given, again if they repeat. */
void complete_options(FILE *out, const struct complete *complete);
/* True if the text, of an option's value or an argument, stands for the name of a file. */
bool complete_is_file(const char *text);

/* True if the command line asks for it. */
bool complete_is_asked(char **argv);
/* For a program without commands: if asked for, prints options. Then true, and it is to end with
 * *exit_code. */
bool complete_program(struct arguments *arguments, char **argv, int *exit_code);

#endif
