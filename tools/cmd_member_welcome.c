/* member welcome. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/memberwelcome.h"
#include "tools/output.h"
#include "tools/session.h"

int cmd_member_welcome(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    struct settings settings;
    struct member member;
    char label[LABEL_ROOM];
    char *text = NULL;
    enum result result = label_check(label, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = session_zone(&session, cli, &settings);
    }
    if (result == RESULT_OK) {
        result = session_member(&session, cli, label, &member);
    }
    session_done(&session);
    if (result == RESULT_OK) {
        result = memberwelcome_text(&member, &settings, &text, &cli->diag);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(memberwelcome_json(&member, &settings, text));
    } else {
        (void)fputs(text, stdout);
        free(text);
    }
    return CLI_DONE;
}
