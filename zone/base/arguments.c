#include "zone/base/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"
#include "zone/base/suggest.h"
#include "zone/base/version.h"

enum {
    NAME_ROOM = 64
};

/* Finds a row by its long name, else, where `name` is NULL, by its letter. */
static const struct option_row *find(const struct arguments *arguments, const char *name,
                                     char letter, struct suggest *near)
{
    for (size_t i = 0; i < sizeof(arguments->tables) / sizeof(arguments->tables[0]); i++) {
        for (const struct option_row *o = arguments->tables[i]; o != NULL && o->name != NULL; o++) {
            if (name != NULL ? strcmp(o->name, name) == 0 : o->letter == letter) {
                return o;
            }
            if (near != NULL) {
                suggest_candidate(near, o->name);
            }
        }
    }
    return NULL;
}

static struct given_option *find_given(const struct arguments *arguments,
                                       const struct option_row *option)
{
    for (size_t i = 0; i < arguments->count; i++) {
        if (arguments->given[i].option == option) {
            return &arguments->given[i];
        }
    }
    return NULL;
}

/* Adds an option. A value that does not hang on it is the word at *next, which is moved on. */
static enum result add(struct arguments *arguments, const struct option_row *option,
                       const char *value, char ***next, struct diag *diag)
{
    struct given_option *before = option->repeats ? NULL : find_given(arguments, option);
    if (option->value == NULL && value != NULL) {
        return diag_fail(diag, RESULT_USAGE, "option --%s takes no value", option->name);
    }
    if (option->value != NULL && value == NULL && **next == NULL) {
        return diag_fail(diag, RESULT_USAGE, "option --%s needs a value: %s", option->name,
                         option->value);
    }
    if (option->value != NULL && before != NULL && !arguments->last_wins) {
        return diag_fail(diag, RESULT_USAGE, "option --%s is given twice", option->name);
    }
    if (option->value != NULL && value == NULL) {
        value = *(*next)++;
    }
    if (before != NULL) {
        before->value = value;
        return RESULT_OK;
    }
    ARRAY_PUSH(arguments->given, arguments->count, arguments->room,
               (struct given_option){ option, value });
    return RESULT_OK;
}

static enum result fail_unknown(const char *word, const struct suggest *near, struct diag *diag)
{
    char hint[SUGGEST_ROOM] = "";
    return diag_fail(diag, RESULT_USAGE, "unknown option '%.100s'%s", word,
                     near != NULL ? suggest_text(near, hint) : hint);
}

/* The long name in a word `--name` or `--name=VALUE`. Returns its length. */
static size_t long_name(char out[NAME_ROOM], const char *word)
{
    size_t len = strcspn(word + 2, "=");
    (void)snprintf(out, NAME_ROOM, "%.*s", (int)len, word + 2);
    return len;
}

const struct option_row *arguments_find(const struct arguments *arguments, const char *word)
{
    char name[NAME_ROOM];
    if (word[0] != '-' || word[1] == '\0') {
        return NULL;
    }
    if (word[1] != '-') {
        return find(arguments, NULL, word[strlen(word) - 1], NULL);
    }
    (void)long_name(name, word);
    return find(arguments, name, 0, NULL);
}

static enum result take_long(struct arguments *arguments, const char *word, char ***next,
                             struct diag *diag)
{
    char name[NAME_ROOM];
    size_t len = long_name(name, word);
    struct suggest near = suggest_begin(name);
    const struct option_row *option = find(arguments, name, 0, &near);
    if (option == NULL) {
        return fail_unknown(word, &near, diag);
    }
    return add(arguments, option, word[2 + len] == '=' ? word + 2 + len + 1 : NULL, next, diag);
}

/* The letters behind one hyphen: flags, and at the end perhaps one that takes what follows. */
static enum result take_letters(struct arguments *arguments, const char *word, char ***next,
                                struct diag *diag)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct option_row *option = find(arguments, NULL, *letter, NULL);
        if (option == NULL) {
            return fail_unknown(word, NULL, diag);
        }
        if (option->value != NULL) {
            return add(arguments, option, letter[1] != '\0' ? letter + 1 : NULL, next, diag);
        }
        TRY(add(arguments, option, NULL, next, diag));
    }
    return RESULT_OK;
}

enum result arguments_take(struct arguments *arguments, char ***next, struct diag *diag)
{
    const char *word = *(*next)++;
    return word[1] == '-' ? take_long(arguments, word, next, diag)
                          : take_letters(arguments, word, next, diag);
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->given);
    arguments->given = NULL;
    arguments->count = arguments->room = 0;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
    return find(arguments, name, 0, NULL) != NULL;
}

static const struct option_row *known(const struct arguments *arguments, const char *name)
{
    const struct option_row *option = find(arguments, name, 0, NULL);
    ASSERT(option != NULL);
    return option;
}

const char *arguments_value(const struct arguments *arguments, const char *name, size_t nth)
{
    const struct option_row *option = known(arguments, name);
    for (size_t i = 0; i < arguments->count; i++) {
        if (arguments->given[i].option == option && nth-- == 0) {
            return arguments->given[i].value;
        }
    }
    return NULL;
}

const char *arguments_text(const struct arguments *arguments, const char *name, const char *in_file,
                           const char *preset)
{
    const char *text = arguments_value(arguments, name, 0);
    text = text != NULL ? text : in_file;
    return text != NULL ? text : preset;
}

size_t arguments_count(const struct arguments *arguments, const char *name)
{
    const struct option_row *option = known(arguments, name);
    size_t count = 0;
    for (size_t i = 0; i < arguments->count; i++) {
        count += arguments->given[i].option == option;
    }
    return count;
}

/* A help's later lines stand under its first one. */
static void print_help(const char *help, int indent)
{
    for (size_t len = strcspn(help, "\n"); help[len] != '\0'; len = strcspn(help, "\n")) {
        (void)printf("%.*s\n%*s", (int)len, help, indent, "");
        help += len + 1;
    }
    (void)printf("%s\n", help);
}

void arguments_print(const struct option_row *options, int width)
{
    for (const struct option_row *o = options; o != NULL && o->name != NULL; o++) {
        char left[NAME_ROOM];
        int len = snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter != 0 ? '-' : ' ',
                           o->letter != 0 ? o->letter : ' ', o->letter != 0 ? ", " : "  ", o->name,
                           o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        (void)printf("  %-*s%s%*s", width, left, len > width ? "\n" : "  ",
                     len > width ? width + 4 : 0, "");
        print_help(o->help, width + 4);
    }
}

static void print_program(const struct arguments *arguments, const struct program_text *program)
{
    (void)printf("usage: %s [options]\n%s\n\n", program->name, program->intro);
    arguments_print(arguments->tables[0], program->width);
    (void)fputs(program->outro, stdout);
}

bool arguments_read(struct arguments *arguments, const struct program_text *program, char **argv,
                    int *exit_code)
{
    struct diag diag = { "" };
    enum result result = RESULT_OK;
    arguments->last_wins = true; /* as getopt has it: a unit's line is extended at its end */
    for (char **next = argv + 1; *next != NULL && result == RESULT_OK;) {
        const char *word = *next;
        result = word[0] == '-' && word[1] != '\0'
                     ? arguments_take(arguments, &next, &diag)
                     : diag_fail(&diag, RESULT_USAGE, "\"%.100s\" is not an option", word);
        if (result == RESULT_OK && arguments_count(arguments, "help") > 0) {
            print_program(arguments, program);
            *exit_code = 0;
            return false;
        }
        if (result == RESULT_OK && arguments_count(arguments, "version") > 0) {
            (void)printf("%s %s\n", program->name, version_text());
            *exit_code = 0;
            return false;
        }
    }
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "%s: %s; see --help\n", program->name, diag.text);
        *exit_code = 2;
    }
    return result == RESULT_OK;
}
