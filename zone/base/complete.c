#include "zone/base/complete.h"

#include <string.h>

#include "zone/base/printable.h"

struct complete complete_begin(struct arguments *arguments, char **words)
{
    struct complete complete = { .arguments = arguments, .next = words, .current = "" };
    size_t count = 0;
    while (words[count] != NULL) {
        count++;
    }
    if (count > 0) {
        complete.current = words[count - 1];
        words[count - 1] = NULL;
    }
    arguments->last_wins = true;
    return complete;
}

static bool is_option(const struct complete *complete, const char *word)
{
    bool number = word[0] == '-' && word[1] >= '0' && word[1] <= '9';
    return !complete->literal && word[0] == '-' && word[1] != '\0' && !number;
}

bool complete_is_option(const struct complete *complete)
{
    return !complete->literal && complete->current[0] == '-';
}

/* The current word may be the value of the last option, or hold both. */
static void find_value(struct complete *complete, const char *before)
{
    const char *value = strchr(complete->current, '=');
    if (before != NULL) {
        complete->option = arguments_find(complete->arguments, before);
    } else if (is_option(complete, complete->current) && value != NULL) {
        complete->option = arguments_find(complete->arguments, complete->current);
        complete->prefix = (size_t)(value + 1 - complete->current);
    }
    if (complete->option != NULL && complete->option->value == NULL) {
        complete->option = NULL;
    }
}

const char *complete_next(struct complete *complete)
{
    const char *unfinished = NULL;
    while (*complete->next != NULL) {
        const char *word = *complete->next;
        if (!is_option(complete, word)) {
            complete->next++;
            return word;
        }
        if (strcmp(word, "--") == 0) {
            complete->next++;
            complete->literal = true;
            continue;
        }
        enum result result = arguments_take(complete->arguments, &complete->next, NULL);
        unfinished = result != RESULT_OK && *complete->next == NULL ? word : NULL;
    }
    find_value(complete, unfinished);
    return NULL;
}

void complete_print(FILE *out, const struct complete *complete, const char *value,
                    const char *meaning)
{
    char safe[512];
    if (strcmp(printable_escape(safe, sizeof(safe), value), value) != 0) {
        return;
    }
    (void)fprintf(out, "%.*s%s\t%.*s\n", (int)complete->prefix, complete->current, value,
                  (int)strcspn(meaning, "\n"), meaning);
}

void complete_options(FILE *out, const struct complete *complete)
{
    const struct arguments *arguments = complete->arguments;
    for (size_t i = 0; i < sizeof(arguments->tables) / sizeof(arguments->tables[0]); i++) {
        for (const struct option_row *o = arguments->tables[i]; o != NULL && o->name != NULL; o++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "--%s", o->name);
            if (o->repeats || arguments_count(arguments, o->name) == 0) {
                complete_print(out, complete, name, o->help);
            }
        }
    }
}

bool complete_is_file(const char *text)
{
    static const char *const words[] = { "FILE", "DIR", "DIRECTORY", "PATH", "REQUEST", "BUNDLE" };
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == len && strncmp(words[i], text, len) == 0) {
            return true;
        }
    }
    return false;
}

bool complete_is_asked(char **argv)
{
    return argv[0] != NULL && argv[1] != NULL && strcmp(argv[1], COMPLETE_COMMAND) == 0;
}

bool complete_program(struct arguments *arguments, char **argv, int *exit_code)
{
    if (!complete_is_asked(argv)) {
        return false;
    }
    struct complete complete = complete_begin(arguments, argv + 2);
    while (complete_next(&complete) != NULL) {
    }
    *exit_code = COMPLETE_DONE;
    if (complete.option == NULL) {
        complete_options(stdout, &complete);
    } else if (complete_is_file(complete.option->value)) {
        *exit_code = COMPLETE_FILES;
    }
    return true;
}
