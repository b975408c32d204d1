/* The command line of `ntspool`. Parsing, usage errors and help come from one table of commands.
 *
 * A command's function receives its arguments; argv[0] is the first argument, and their number has
 * been checked against the table. It reads options by name. It returns an exit status: CLI_DONE, or
 * the result of cli_fail or cli_usage. */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/deferred.h"
#include "zone/base/arguments.h"
#include "zone/base/result.h"
#include "zone/registry/config.h"

enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNKNOWN = 3, /* it is not known whether the change was made */
    CLI_BEHIND = 4   /* the change is made, but --wait was in vain */
};

struct cli;

struct cli_command {
    const char *name;      /* "status", "member add" */
    const char *arguments; /* for the usage line, "" for none */
    int least, most;       /* number of arguments */
    const char *help;      /* one line */
    const char *notes;     /* further lines in the command's own help, or NULL */
    const struct option_row *options;
    int (*run)(struct cli *cli, int argc, char **argv);
};

/* The first word of two-word commands. */
struct cli_group {
    const char *name; /* NULL ends a list */
    const char *help; /* one line */
};

/* A parsed command line. */
struct cli {
    const struct cli_command *commands; /* the program's table */
    size_t command_count;
    const struct cli_group *groups;
    const struct cli_command *command; /* the one to run */
    int argc;
    char **argv;           /* the command's arguments */
    struct config *config; /* read from --config; empty without one */
    const char *state_dir;
    bool json;
    struct diag diag;
    struct deferred output;
    int output_errno; /* of the first failed write to stdout; 0: none */
    /* In a fleet, a change that another one forestalled is made again, on the newer state: the
     * command's function is called once more. */
    bool again;            /* it is to be called again: what it says now is not shown */
    unsigned tries;        /* calls so far */
    bool agreed;           /* a change of this command was made, */
    uint32_t agreed_epoch; /* ... the last one with this place in the ledger */
    uint64_t agreed_seq;
    const char *note; /* a line for stderr, printed after the output; or NULL */
    struct arguments arguments;
};

/* The last word of the name of a command or group that stands directly in the group (NULL: in
 * none); else NULL. */
const char *cli_word(const char *name, const char *group);
/* Takes a word of a command's name, behind those of *group. False if there is none like it. */
bool cli_take_word(struct cli *cli, const char **group, const char *word);

/* Parses and runs. Returns the exit status. */
int cli_main(const struct cli_command *commands, size_t count, const struct cli_group *groups,
             int argc, char **argv);

/* The option's value, from its `nth` use if it repeats; NULL if it was not given. */
const char *cli_value(const struct cli *cli, const char *name, size_t nth);
/* How many times the option was given. */
size_t cli_count(const struct cli *cli, const char *name);
static inline bool cli_flag(const struct cli *cli, const char *name)
{
    return cli_count(cli, name) > 0;
}
/* The command's arguments and its own options as typed, truncated to `room`. Returns `out`. */
char *cli_words(const struct cli *cli, char *out, size_t room);
/* True if any of the command's own options was given. */
bool cli_any(const struct cli *cli);
/* Reads an integer from `least` to `most`. Leaves `out` untouched if the option was not given.
 * USAGE with the bounds in the diag. */
enum result cli_number(struct cli *cli, const char *name, uint32_t least, uint32_t most,
                       uint32_t *out);

/* Writes the deferred output and stops deferring. For a command that has closed all stores and
 * still prints as it runs. */
void cli_show(struct cli *cli);

/* Reads a date, a time, or a duration before or after `now`. Leaves `out` untouched if the option
 * was not given. */
enum cli_direction {
    CLI_PAST,
    CLI_FUTURE
};
enum result cli_time(struct cli *cli, const char *name, uint64_t now, enum cli_direction direction,
                     uint64_t *out);

/* Prints `ntspool: <diag>` on stderr. Returns CLI_USAGE for USAGE, CLI_UNKNOWN for UNCERTAIN, else
 * CLI_FAILED. */
int cli_fail(struct cli *cli, enum result result);
/* Prints the line and the command that shows help. Returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
