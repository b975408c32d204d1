/* ntspool: the pool operator's command line. This file is its table of commands. */
#include "tools/commands.h"

static const char *const GROUPS[] = { "zone", "settings of the zone", NULL };

static const struct cli_command COMMANDS[] = {
    {"zone show", "",           0, 0, "show the zone's settings", NULL, NULL, cmd_zone_show},
    { "zone set", "NAME VALUE", 2, 2, "change a setting",
     "`ntspool zone show` lists the settings with their meaning.",      NULL, cmd_zone_set },
};

int main(int argc, char **argv)
{
    return cli_main(COMMANDS, sizeof COMMANDS / sizeof COMMANDS[0], GROUPS, argc, argv);
}
