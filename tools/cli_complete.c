#include "tools/cli_complete.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_values.h"

enum {
    SPECS_MAX = 8,
    SPEC_ROOM = 64
};

/* What a word in upper case stands for, in the usage line of a command, or as the value of an
 * option. The first row that fits counts. */
static const struct {
    const char *where; /* the first words of the command's name; --NAME: the option; "": anywhere */
    const char *word;  /* NULL: any */
    enum cli_source source;
} meanings[] = {
    { "member add", "NAME", SOURCE_NONE },       { "member restore", "NAME", SOURCE_REMOVED },
    { "member", "NAME", SOURCE_MEMBERS },        { "history", "NAME", SOURCE_MEMBERS },
    { "log", "NAME", SOURCE_MEMBERS },           { "probe", "NAME", SOURCE_MEMBERS },
    { "zone ns add", "NAME", SOURCE_NONE },      { "zone ns", "NAME", SOURCE_SERVERS },
    { "zone", "NAME", SOURCE_SETTINGS },         { "zone", "VALUE", SOURCE_SETTING_VALUES },
    { "record", "NAME", SOURCE_RECORDS },        { "record", "TYPE", SOURCE_RECORD_TYPES },
    { "vantage add", "NAME", SOURCE_NONE },      { "vantage", "NAME", SOURCE_VANTAGES },
    { "health", "VANTAGE", SOURCE_VANTAGES },    { "key", "ALGORITHM", SOURCE_ALGORITHMS },
    { "--in-state", NULL, SOURCE_STATES },       { "--country", NULL, SOURCE_COUNTRIES },
    { "--operator", NULL, SOURCE_OPERATORS },    { "--algorithm", NULL, SOURCE_ALGORITHMS },
    { "--denial", NULL, SOURCE_SETTING_VALUES }, { "--store", NULL, SOURCE_STORES },
    { "--id", NULL, SOURCE_VANTAGES },           { "--only", NULL, SOURCE_CHECK_GROUPS },
    { "--name", NULL, SOURCE_MEMBERS },          { "--explain", NULL, SOURCE_EXPLAINED },
};

static enum cli_source meaning(const char *where, const char *word)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        size_t len = strlen(meanings[i].where);
        bool there = strncmp(where, meanings[i].where, len) == 0 &&
                     (where[len] == '\0' || where[len] == ' ');
        if (there && (meanings[i].word == NULL || strcmp(meanings[i].word, word) == 0)) {
            return meanings[i].source;
        }
    }
    return complete_is_file(word) ? SOURCE_FILES : SOURCE_NONE;
}

/* A usage line's words for arguments. */
struct specs {
    unsigned count;
    bool repeat; /* "...": all of them again */
    char list[SPECS_MAX][SPEC_ROOM];
};

/* "NAME --address ADDRESS" has one argument, and so has "NAME|--all eligible|auto" with --all. */
static void read_specs(struct specs *out, const struct cli *cli)
{
    bool of_option = false;
    char word[SPEC_ROOM];
    *out = (struct specs){ .count = 0 };
    for (const char *at = cli->command->arguments; *at != '\0';) {
        size_t len = strcspn(at, " ");
        (void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
        at += len + (at[len] == ' ');
        const char *instead = strstr(word, "|--");
        bool given = instead != NULL && arguments_has(&cli->arguments, instead + 3) &&
                     arguments_count(&cli->arguments, instead + 3) > 0;
        bool skip = of_option || given;
        of_option = strncmp(word, "--", 2) == 0;
        if (strcmp(word, "...") == 0) {
            out->repeat = true;
        } else if (!skip && !of_option && out->count < SPECS_MAX) {
            memcpy(out->list[out->count++], word, sizeof(word));
        }
    }
}

/* Prints what a word such as "NAME", "[zsk|ksk]" or "FILE..." allows. Returns the exit status. */
static int print_spec(struct cli *cli, const struct complete *complete, const char *where,
                      const char *spec, const char *before)
{
    int status = COMPLETE_DONE;
    while (*spec != '\0') {
        char word[SPEC_ROOM];
        bool upper = *spec >= 'A' && *spec <= 'Z';
        size_t len = strspn(spec, upper ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        : "abcdefghijklmnopqrstuvwxyz0123456789-");
        (void)snprintf(word, sizeof(word), "%.*s", (int)len, spec);
        enum cli_source source = upper ? meaning(where, word) : SOURCE_NONE;
        if (source == SOURCE_FILES) {
            status = COMPLETE_FILES;
        } else if (upper) {
            cli_values(cli, complete, source, before);
        } else if (len > 1 && word[0] != '-') {
            complete_print(stdout, complete, word, "");
        }
        /* The next alternative, or what is in brackets from the start. */
        spec += len;
        spec += *spec == '[' && len == 0 ? 1 : strcspn(spec, "|");
        spec += *spec == '|';
    }
    return status;
}

/* The words that may follow in a command's name. */
static void print_words(const struct cli *cli, const struct complete *complete, const char *group)
{
    for (size_t i = 0; i < cli->command_count; i++) {
        const char *word = cli_word(cli->commands[i].name, group);
        if (word != NULL) {
            complete_print(stdout, complete, word, cli->commands[i].help);
        }
    }
    for (const struct cli_group *g = cli->groups; g->name != NULL; g++) {
        const char *word = cli_word(g->name, group);
        if (word != NULL) {
            complete_print(stdout, complete, word, g->help);
        }
    }
}

static int print_option_value(struct cli *cli, const struct complete *complete)
{
    char where[SPEC_ROOM];
    const struct option_row *option = complete->option;
    (void)snprintf(where, sizeof(where), "--%s", option->name);
    return print_spec(cli, complete, where, option->value, option->name);
}

/* An argument; where there is no more, an option. */
static int print_argument(struct cli *cli, const struct complete *complete, unsigned position,
                          const char *before)
{
    struct specs specs;
    read_specs(&specs, cli);
    if (specs.repeat && specs.count > 0) {
        position %= specs.count;
    } else if (position >= specs.count && position < (unsigned)cli->command->most) {
        position = specs.count - 1; /* FILE... */
    }
    if (complete_is_option(complete) || position >= specs.count) {
        complete_options(stdout, complete);
        return COMPLETE_DONE;
    }
    return print_spec(cli, complete, cli->command->name, specs.list[position], before);
}

int cli_complete(struct cli *cli, char **words)
{
    struct complete complete = complete_begin(&cli->arguments, words);
    const char *group = NULL, *before = "", *word = NULL;
    unsigned position = 0;
    while ((word = complete_next(&complete)) != NULL) {
        if (cli->command != NULL) {
            before = word;
            position++;
        } else if (!cli_take_word(cli, &group, word) && strcmp(word, "help") != 0) {
            return COMPLETE_DONE;
        }
    }
    if (complete.option != NULL) {
        return print_option_value(cli, &complete);
    }
    if (cli->command != NULL) {
        return print_argument(cli, &complete, position, before);
    }
    if (complete_is_option(&complete)) {
        complete_options(stdout, &complete);
    } else {
        print_words(cli, &complete, group);
    }
    return COMPLETE_DONE;
}
