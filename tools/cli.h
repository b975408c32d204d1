/* The command line of `ntspool`: one table of commands gives parsing, usage errors and help on
 * every level.
 *
 * A command's function gets its arguments (argv[0] is the first one, not a name) checked in number
 * against the table, and asks for the options by name. It returns an exit status: CLI_DONE, or what
 * cli_fail or cli_usage returned. */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/held.h"
#include "zone/base/arguments.h"
#include "zone/base/result.h"
#include "zone/registry/config.h"

enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2
};

struct cli;

struct cli_command {
    const char *name;      /* "status", "member add" */
    const char *arguments; /* as in the usage line, "" for none */
    int least, most;       /* number of arguments */
    const char *help;      /* one line */
    const char *notes;     /* more lines for the command's own help, or NULL */
    const struct option_row *options;
    int (*run)(struct cli *cli, int argc, char **argv);
};

/* First word of commands with two. */
struct cli_group {
    const char *name; /* NULL ends a list */
    const char *help; /* one line */
};

/* A command line that was understood. */
struct cli {
    const struct cli_command *commands; /* all of the program */
    size_t command_count;
    const struct cli_command *command; /* the one that is run */
    int argc;
    char **argv;           /* the command's arguments */
    struct config *config; /* of --config; empty without one */
    const char *state_dir;
    bool json;
    struct diag diag;
    struct held output; /* kept until the command has ended, */
    int unwritten;      /* and the error if it could not be written then */
    const char *note;   /* a line that then follows on stderr, or NULL */
    struct arguments arguments;
};

/* Parses and runs. Returns the exit status. */
int cli_main(const struct cli_command *commands, size_t count, const struct cli_group *groups,
             int argc, char **argv);

/* The value of the option, of its `nth` use for one that repeats; NULL if it was not given. */
const char *cli_value(const struct cli *cli, const char *name, size_t nth);
/* How often the option was given. */
size_t cli_count(const struct cli *cli, const char *name);
static inline bool cli_flag(const struct cli *cli, const char *name)
{
    return cli_count(cli, name) > 0;
}
/* The command's arguments and own options as they were typed, cut at `room`. Returns `out`. */
char *cli_words(const struct cli *cli, char *out, size_t room);
/* True if any of the command's own options was given. */
bool cli_any(const struct cli *cli);
/* A whole number in range, left alone if the option was not given. USAGE with the bounds in the
 * diag. */
enum result cli_number(struct cli *cli, const char *name, uint32_t least, uint32_t most,
                       uint32_t *out);

/* For a command that has all stores closed, and goes on talking: what it printed appears, and from
 * now on everything at once. */
void cli_show(struct cli *cli);

/* A day, a moment, or how long from now: before or after it. Left alone if the option was not
 * given. */
enum cli_direction {
    CLI_PAST,
    CLI_FUTURE
};
enum result cli_time(struct cli *cli, const char *name, uint64_t now, enum cli_direction direction,
                     uint64_t *out);

/* Prints `ntspool: <diag>` on stderr; CLI_USAGE for USAGE, CLI_FAILED for any other result. */
int cli_fail(struct cli *cli, enum result result);
/* Prints the line and where the help is; returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
