#include "tools/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli_complete.h"
#include "tools/confirm.h"
#include "tools/fleetwait.h"
#include "tools/output.h"
#include "zone/base/complete.h"
#include "zone/base/suggest.h"
#include "zone/base/version.h"
#include "zone/registry/settings.h"

static const struct option_row common[] = {
    { "state", 's', "DIR", false, "state directory (" CONFIG_STATE_PRESET ")" },
    { "config", 'c', "FILE", false, "configuration file" },
    { "json", 0, NULL, false, "print JSON where something is listed or shown" },
    { "yes", 'y', NULL, false, "don't ask before what can't be taken back" },
    { "help", 'h', NULL, false, "print this help" },
    { "version", 'V', NULL, false, "print the version" },
    { 0 },
};

/* State of the parser. */
struct parse {
    const char *group; /* the words read so far of a command with several */
    bool help;         /* `help` preceded the command */
    int argc;
    char **argv;
    int at;
    int arguments; /* their number; they are moved to the front of argv */
    bool literal;  /* `--` was read */
};

/* A parsing step returns GO_ON, or the program's exit status. */
enum {
    GO_ON = -1
};

enum {
    WIDTH = 28 /* of the left column of the help text */
};

const char *cli_word(const char *name, const char *group)
{
    size_t len = group != NULL ? strlen(group) + 1 : 0;
    if (len > 0 && (strncmp(name, group, len - 1) != 0 || name[len - 1] != ' ')) {
        return NULL;
    }
    return strchr(name + len, ' ') == NULL ? name + len : NULL;
}

static void print_command_help(const struct cli_command *command)
{
    bool options = command->options != NULL;
    printf("usage: ntspool %s%s%s%s\n\n%s\n", command->name, command->arguments[0] != 0 ? " " : "",
           command->arguments, options ? " [options]" : "", command->help);
    if (command->notes != NULL) {
        printf("%s\n", command->notes);
    }
    if (options) {
        printf("\noptions:\n");
        arguments_print(command->options, WIDTH);
    }
    printf("\ncommon options:\n");
    arguments_print(common, WIDTH);
    if (fleetwait_options(command) != NULL) {
        arguments_print(fleetwait_options(command), WIDTH);
    }
}

static void print_rows(const struct cli *cli, const struct parse *p)
{
    for (size_t i = 0; i < cli->command_count; i++) {
        const struct cli_command *c = &cli->commands[i];
        if (cli_word(c->name, p->group) != NULL) {
            printf("  %-18s %s\n", c->name, c->help);
        }
    }
    for (const struct cli_group *g = cli->groups; g->name != NULL; g++) {
        if (cli_word(g->name, p->group) != NULL) {
            printf("  %-18s %s\n", g->name, g->help);
        }
    }
}

static void print_overview(const struct cli *cli, const struct parse *p)
{
    if (p->group != NULL) {
        printf("usage: ntspool %s COMMAND ...\n\ncommands:\n", p->group);
        print_rows(cli, p);
        printf("\n`ntspool %s COMMAND --help` tells more.\n", p->group);
        return;
    }
    printf("usage: ntspool [options] COMMAND ...\n\n"
           "Runs the name service of a pool of NTS time servers.\n\ncommands:\n");
    print_rows(cli, p);
    printf("\noptions:\n");
    arguments_print(common, WIDTH);
    printf("\n`ntspool COMMAND --help` tells more.\n");
}

/* Prints the diag's text and the command that shows help. */
static int fail_usage(const struct cli *cli, const struct parse *p)
{
    const char *where = cli->command != NULL ? cli->command->name : p->group;
    char safe[2 * sizeof cli->diag.text];
    (void)fprintf(stderr, "ntspool: %s; see ntspool%s%s --help\n",
                  output_escape(safe, sizeof safe, cli->diag.text), where != NULL ? " " : "",
                  where != NULL ? where : "");
    return CLI_USAGE;
}

static int fail_unknown_command(struct cli *cli, const struct parse *p, const char *word)
{
    struct suggest near = suggest_begin(word);
    for (size_t i = 0; i < cli->command_count; i++) {
        const char *candidate = cli_word(cli->commands[i].name, p->group);
        if (candidate != NULL) {
            suggest_candidate(&near, candidate);
        }
    }
    for (const struct cli_group *g = cli->groups; g->name != NULL; g++) {
        const char *candidate = cli_word(g->name, p->group);
        if (candidate != NULL) {
            suggest_candidate(&near, candidate);
        }
    }
    char hint[SUGGEST_ROOM];
    (void)diag_fail(&cli->diag, RESULT_USAGE, "unknown command '%.100s'%s", word,
                    suggest_text(&near, hint));
    return fail_usage(cli, p);
}

static bool is_word(const char *name, const char *group, const char *word)
{
    const char *own = cli_word(name, group);
    return own != NULL && strcmp(own, word) == 0;
}

bool cli_take_word(struct cli *cli, const char **group, const char *word)
{
    for (size_t i = 0; i < cli->command_count; i++) {
        if (is_word(cli->commands[i].name, *group, word)) {
            cli->command = &cli->commands[i];
            cli->arguments.tables[0] = cli->command->options;
            cli->arguments.tables[2] = fleetwait_options(cli->command);
            return true;
        }
    }
    for (const struct cli_group *g = cli->groups; g->name != NULL; g++) {
        if (is_word(g->name, *group, word)) {
            *group = g->name;
            return true;
        }
    }
    return false;
}

static int take_word(struct cli *cli, struct parse *p, const char *word)
{
    if (cli_take_word(cli, &p->group, word)) {
        return GO_ON;
    }
    if (strcmp(word, "help") == 0) {
        p->help = true;
        return GO_ON;
    }
    return fail_unknown_command(cli, p, word);
}

static int print_help(const struct cli *cli, const struct parse *p)
{
    if (cli->command != NULL) {
        print_command_help(cli->command);
    } else {
        print_overview(cli, p);
    }
    return CLI_DONE;
}

static int take_option(struct cli *cli, struct parse *p)
{
    char **next = p->argv + p->at - 1;
    if (arguments_take(&cli->arguments, &next, &cli->diag) != RESULT_OK) {
        return fail_usage(cli, p);
    }
    p->at = (int)(next - p->argv);
    if (cli_flag(cli, "help")) {
        return print_help(cli, p);
    }
    if (cli_flag(cli, "version")) {
        printf("ntspool %s\n", version_text());
        return CLI_DONE;
    }
    return GO_ON;
}

static int take_next(struct cli *cli, struct parse *p)
{
    char *text = p->argv[p->at++];
    if (!p->literal && strcmp(text, "--") == 0) {
        p->literal = true;
        return GO_ON;
    }
    bool number = text[0] == '-' && text[1] >= '0' && text[1] <= '9';
    if (!p->literal && text[0] == '-' && text[1] != 0 && !number) {
        return take_option(cli, p);
    }
    if (cli->command == NULL) {
        return take_word(cli, p, text);
    }
    p->argv[p->arguments++] = text;
    return GO_ON;
}

static int check_arguments(struct cli *cli, const struct parse *p)
{
    if (cli->command == NULL) {
        (void)fprintf(stderr, "ntspool: a command is missing; see ntspool%s%s --help\n",
                      p->group != NULL ? " " : "", p->group != NULL ? p->group : "");
        return CLI_USAGE;
    }
    if (p->arguments < cli->command->least) {
        return cli_usage(cli, "an argument is missing: ntspool %s %s", cli->command->name,
                         cli->command->arguments);
    }
    if (p->arguments > cli->command->most) {
        return cli_usage(cli, "unexpected argument '%.80s'", p->argv[cli->command->most]);
    }
    return GO_ON;
}

static int call(struct cli *cli, const struct parse *p)
{
    int status;
    if (fleetwait_check(cli) != RESULT_OK) {
        return cli_fail(cli, RESULT_USAGE);
    }
    do {
        cli->again = false;
        cli->diag.text[0] = '\0';
        cli->tries++;
        status = cli->command->run(cli, p->arguments, p->argv);
    } while (cli->again);
    return status == CLI_DONE && cli->agreed ? fleetwait(cli) : status;
}

static int run(struct cli *cli, const struct parse *p)
{
    enum result result = config_load(&cli->config, cli_value(cli, "config", 0), &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    cli->state_dir =
        arguments_text(&cli->arguments, "state", cli->config->state, CONFIG_STATE_PRESET);
    cli->json = cli_flag(cli, "json");
    cli->argc = p->arguments;
    cli->argv = p->argv;
    if (!confirm(cli, p->arguments, p->argv)) {
        return cli_fail(cli, diag_fail(&cli->diag, RESULT_REFUSED, "nothing was changed"));
    }
    deferred_begin(&cli->output);
    return call(cli, p);
}

int cli_main(const struct cli_command *commands, size_t count, const struct cli_group *groups,
             int argc, char **argv)
{
    struct cli cli = { .commands = commands,
                       .command_count = count,
                       .groups = groups,
                       .arguments = { .tables = { NULL, common } } };
    struct parse p = { .argc = argc > 0 ? argc - 1 : 0, .argv = argv + 1 };
    int status = complete_is_asked(argv) ? cli_complete(&cli, argv + 2) : GO_ON;
    while (status == GO_ON && p.at < p.argc) {
        status = take_next(&cli, &p);
    }
    if (status == GO_ON) {
        status = p.help ? print_help(&cli, &p) : check_arguments(&cli, &p);
    }
    if (status == GO_ON) {
        status = run(&cli, &p);
    }
    cli_show(&cli);
    if (cli.note != NULL) {
        (void)fprintf(stderr, "ntspool: %s\n", cli.note);
    }
    if (cli.output_errno != 0 && status == CLI_DONE) {
        (void)fprintf(stderr, "ntspool: can't write the output: %s\n", strerror(cli.output_errno));
        status = CLI_FAILED;
    }
    config_free(cli.config);
    arguments_free(&cli.arguments);
    return status;
}

void cli_show(struct cli *cli)
{
    bool written = deferred_end(&cli->output) && fflush(stdout) == 0 && !ferror(stdout);
    if (!written && cli->output_errno == 0) {
        cli->output_errno = errno;
    }
}

/* False if only other commands have the option: commands share code that reads options which only
 * some of them have. An option that no command has is a typo in the code. */
static bool is_option(const struct cli *cli, const char *name)
{
    bool known = arguments_has(&cli->arguments, name);
    for (size_t i = 0; i < cli->command_count && !known; i++) {
        const struct arguments theirs = { .tables = { cli->commands[i].options } };
        if (arguments_has(&theirs, name)) {
            return false;
        }
    }
    ASSERT(known);
    return true;
}

const char *cli_value(const struct cli *cli, const char *name, size_t nth)
{
    return is_option(cli, name) ? arguments_value(&cli->arguments, name, nth) : NULL;
}

size_t cli_count(const struct cli *cli, const char *name)
{
    return is_option(cli, name) ? arguments_count(&cli->arguments, name) : 0;
}

static bool is_own(const struct cli *cli, const struct option_row *option)
{
    const struct option_row *own = cli->command->options;
    while (own != NULL && own->name != NULL && own != option) {
        own++;
    }
    return own != NULL && own->name != NULL;
}

char *cli_words(const struct cli *cli, char *out, size_t room)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < cli->argc && used < room; i++) {
        used +=
            (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? " " : "", cli->argv[i]);
    }
    for (size_t i = 0; i < cli->arguments.count && used < room; i++) {
        const struct given_option *given = &cli->arguments.given[i];
        if (is_own(cli, given->option)) {
            used += (size_t)snprintf(out + used, room - used, "%s--%s%s%s", used > 0 ? " " : "",
                                     given->option->name, given->value != NULL ? " " : "",
                                     given->value != NULL ? given->value : "");
        }
    }
    return out;
}

bool cli_any(const struct cli *cli)
{
    for (const struct option_row *o = cli->command->options; o != NULL && o->name != NULL; o++) {
        if (cli_flag(cli, o->name)) {
            return true;
        }
    }
    return false;
}

enum result cli_number(struct cli *cli, const char *name, uint32_t least, uint32_t most,
                       uint32_t *out)
{
    const char *text = cli_value(cli, name, 0);
    if (text == NULL) {
        return RESULT_OK;
    }
    if (!output_number(text, least, most, out)) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "--%s %s: a whole number from %u to %u is needed", name, text, least,
                         most);
    }
    return RESULT_OK;
}

enum result cli_time(struct cli *cli, const char *name, uint64_t now, enum cli_direction direction,
                     uint64_t *out)
{
    const char *text = cli_value(cli, name, 0);
    uint32_t seconds = 0;
    if (text == NULL) {
        return RESULT_OK;
    }
    if (isotime_parse_day(text, out) == RESULT_OK) {
        return RESULT_OK;
    }
    if (duration_parse(&seconds, text) == RESULT_OK) {
        bool past = direction == CLI_PAST;
        *out = !past ? now + seconds : seconds < now ? now - seconds : 0;
        return RESULT_OK;
    }
    return diag_fail(&cli->diag, RESULT_USAGE,
                     "--%s takes 2027-11-23, 2027-11-23T10:00:00Z, or how long %s (365d), not "
                     "\"%.40s\"",
                     name, direction == CLI_PAST ? "ago" : "from now", text);
}

int cli_fail(struct cli *cli, enum result result)
{
    char safe[2 * sizeof cli->diag.text];
    if (cli->again) {
        return CLI_FAILED;
    }
    (void)fflush(stdout);
    (void)fprintf(stderr, "ntspool: %s\n",
                  cli->diag.text[0] != 0 ? output_escape(safe, sizeof safe, cli->diag.text)
                                         : result_text(result));
    return result == RESULT_USAGE       ? CLI_USAGE
           : result == RESULT_UNCERTAIN ? CLI_UNKNOWN
                                        : CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    char text[sizeof cli->diag.text];
    char safe[2 * sizeof text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, "ntspool: %s; see ntspool%s%s --help\n",
                  output_escape(safe, sizeof safe, text), cli->command != NULL ? " " : "",
                  cli->command != NULL ? cli->command->name : "");
    return CLI_USAGE;
}
