/* The values that completion offers for arguments and options: from tables of the program, and from
 * the registry, which is only read. A store that can't be read has none. */
#ifndef TOOLS_CLI_VALUES_H
#define TOOLS_CLI_VALUES_H

#include "tools/cli.h"
#include "zone/base/complete.h"

enum cli_source {
    SOURCE_NONE,
    SOURCE_FILES,
    SOURCE_MEMBERS,
    SOURCE_REMOVED, /* members in quarantine */
    SOURCE_OPERATORS,
    SOURCE_COUNTRIES,
    SOURCE_STATES,
    SOURCE_SETTINGS,
    SOURCE_SETTING_VALUES, /* of the setting that stands before */
    SOURCE_SERVERS,
    SOURCE_RECORDS,      /* names with static records */
    SOURCE_RECORD_TYPES, /* of the name that stands before */
    SOURCE_VANTAGES,
    SOURCE_STORES,
    SOURCE_ALGORITHMS,
    SOURCE_CHECK_GROUPS,
    SOURCE_EXPLAINED /* what the command explains: warnings of `status`, checks and their groups */
};

/* Prints them. `before`: the argument in front of the current word, "" if there is none. */
void cli_values(struct cli *cli, const struct complete *complete, enum cli_source source,
                const char *before);

#endif
