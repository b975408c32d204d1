#include "tools/confirm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/output.h"

/* The commands to confirm; with an option, only if that option is given. `what` says what happens.
 */
static const struct {
    const char *command, *option, *what;
} questions[] = {
    { "member remove", NULL,
      "its name answers NXDOMAIN at once, and the quarantine bars it to other operators" },
    { "member override", "all", "this overrules the probe for all members" },
    { "record remove", NULL, "the records are deleted at once" },
    { "zone ns remove", NULL, "the zone and its delegation lose a name server" },
    { "restore", NULL, "the content of the stores is replaced by that of the backup" },
    { "vantage remove", NULL, "its verdicts no longer count" },
    { "health forget", NULL, "all results of the vantage point are deleted" },
    { "fleet evict", NULL, "its name in the fleet can't be used again" },
    { "fleet leave", NULL, "this machine gets no more changes of the fleet" },
    { "key insecure", NULL, "the zone is no longer secure when the parent has removed the DS" },
    { "key import", "in-use", "all keys of the zone are replaced at once" },
    { "key import", "package", "all keys of this machine are replaced at once" },
    { "key rotate-seal", NULL, "older backups still need the old sealing key" },
    { "key lead", NULL, "the zone fails if another machine that leads rolls the same keys" },
    { "key offline", NULL, "the private half of the key-signing key is removed from this machine" },
};

static const char *question_of(const struct cli *cli)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (strcmp(cli->command->name, questions[i].command) == 0 &&
            (questions[i].option == NULL || cli_flag(cli, questions[i].option))) {
            return questions[i].what;
        }
    }
    return NULL;
}

static bool is_asked(const struct cli *cli)
{
    return !cli_flag(cli, "yes") && isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
}

static bool ask(const char *what)
{
    char answer[16] = "";
    (void)fprintf(stderr, "%s.\nGo on? [y/N] ", what);
    (void)fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        (void)fputc('\n', stderr);
    }
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

bool confirm(const struct cli *cli, int argc, char **argv)
{
    char safe[256];
    const char *what = question_of(cli);
    if (what == NULL || cli_flag(cli, "dry-run") || !is_asked(cli)) {
        return true;
    }
    (void)fprintf(stderr, "%s", cli->command->name);
    for (int i = 0; i < argc; i++) {
        (void)fprintf(stderr, " %s", output_escape(safe, sizeof safe, argv[i]));
    }
    (void)fputs(": ", stderr);
    return ask(what);
}

bool confirm_that(const struct cli *cli, const char *what)
{
    return !is_asked(cli) || ask(what);
}
