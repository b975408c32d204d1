/* ntspool: the pool operator's command line. This file is its table of commands. */
#include "tools/commands.h"

static const char *const GROUPS[] = {
    "member", "members of the pool",  /**/
    "key",    "DNSSEC keys",          /**/
    "zone",   "settings of the zone", /**/
    NULL,
};

#define MEMBER_OPTIONS                                                                             \
    { "address", 0, "ADDRESS", true, "IPv4 or IPv6 address; repeat for more" },                    \
        { "capacity", 0, "MBIT", false,                                                            \
          "how much it can serve, in Mbit/s (100); 0: never handed out" },                         \
        { "country", 0, "CC", false, "country it serves, two letters" },                           \
        { "operator", 0, "TEXT", false, "who runs it; one answer has one member of an operator" }, \
        { "port", 0, "PORT", false, "TCP port of NTS-KE (4460)" },                                 \
        { "target", 0, "NAME", false, "its own name outside the pool, instead of addresses" },     \
        { "accounturi", 0, "URI", false,                                                           \
          "its ACME account, the only one that may get certificates" },                            \
    {                                                                                              \
        "allow-private", 0, NULL, false, "take addresses that are not public (tests)"              \
    }

static const struct cli_option INIT[] = {
    {"ns",                                                          0, "NAME[=ADDRESS,...]", true,
     "name server of the zone; addresses if it is inside the pool" },
    { "algorithm",                                         0, "NAME", false, "ecdsap256 (preset) or ed25519" },
    { "denial", 0, "NAME", false, "how missing names are denied: nsec (preset)" },
    { "mailbox",                                                  0, "NAME", false, "whom to write to, user@domain or SOA form" },
    { 0                                                      },
};
static const struct cli_option KEY_DS[] = {
    {"dnskey", 0, NULL, false, "print DNSKEY lines instead, a trust anchor file for resolvers" },
    { 0   },
};
static const struct cli_option MEMBER_ADD[] = { MEMBER_OPTIONS, { 0 } };
static const struct cli_option MEMBER_SET[] = {
    MEMBER_OPTIONS,
    {"no-country",             0, NULL, false, "take the country away" },
    { "no-operator",                    0, NULL, false, "take the operator away" },
    { "no-target", 0, NULL, false, "take its own name away; needs --address" },
    { "no-accounturi",           0, NULL, false, "let any ACME account get certificates" },
    { 0                   },
};
static const struct cli_option MEMBER_LIST[] = {
    {"in-state",                                      0, "STATE", false, "only members in this state, such as eligible" },
    { "country",                                        0, "CC", false, "only members of this country" },
    { "operator", 0, "TEXT", false, "only members of this operator" },
    { 0                                     },
};
static const struct cli_option MEMBER_OVERRIDE[] = {
    {"all", 0, NULL, false, "all members" },
    { 0},
};

static const struct cli_option MEMBER_IMPORT[] = {
    {"allow-private", 0, NULL, false, "take addresses that are not public (tests)" },
    { 0          },
};

static const struct cli_command COMMANDS[] = {
    {"init",             "POOL --ns NAME=ADDRESS",              1, 1, "make the state of a new pool",                 NULL,                                       INIT,
     cmd_init                                                                                                                                                                                         },

    { "member add",      "NAME --address ADDRESS",              1, 1, "register a member, serve its name",
     "NAME is one label: the member is NAME.<pool>.",                                                                                                             MEMBER_ADD,      cmd_member_add     },
    { "member list",     "",                                    0, 0, "list members with state and score",            NULL,                                       MEMBER_LIST,
     cmd_member_list                                                                                                                                                                                  },
    { "member show",     "NAME",                                1, 1, "show all that is known of a member",           NULL,                                       NULL,
     cmd_member_show                                                                                                                                                                                  },
    { "member set",      "NAME",                                1, 1, "change a member",                              "Addresses given replace all that it has.",
     MEMBER_SET,                                                                                                                                                                   cmd_member_set     },
    { "member suspend",  "NAME",                                1, 1, "take a member out, keep its name",             NULL,                                       NULL,
     cmd_member_suspend                                                                                                                                                                               },
    { "member resume",   "NAME",                                1, 1, "end a suspension",                             NULL,                                       NULL,            cmd_member_resume  },
    { "member override", "NAME|--all eligible|ineligible|auto", 1, 2,
     "overrule the probe's verdict, or not (auto)",                                                                   NULL,                                       MEMBER_OVERRIDE, cmd_member_override},
    { "member remove",   "NAME",                                1, 1, "remove a member and break its name",
     "The name can't be taken by somebody else until the last certificate seen for it has "
      "expired.",                                                                                                                                                 NULL,            cmd_member_remove  },
    { "member import",   "FILE.csv",                            1, 1, "register the members of a table, all or none",
     "The first line names the columns, in any order: name, and as wanted country, ipv4, ipv6,\n"
      "capacity_mbit, operator, port, target, accounturi, override, suspended. Several addresses\n"
      "are separated by spaces. FILE - is the standard input.",                                                                                                   MEMBER_IMPORT,   cmd_member_import  },
    { "member export",   "[FILE.csv]",                          0, 1, "write the table that import reads",            NULL,                                       NULL,
     cmd_member_export                                                                                                                                                                                },

    { "key list",        "",                                    0, 0, "list the keys",                                NULL,                                       NULL,            cmd_key_list       },
    { "key ds",          "",                                    0, 0, "print the DS records for the parent zone",     NULL,                                       KEY_DS,          cmd_key_ds         },

    { "zone show",       "",                                    0, 0, "show the zone's settings",                     NULL,                                       NULL,            cmd_zone_show      },
    { "zone set",        "NAME VALUE",                          2, 2, "change a setting",
     "`ntspool zone show` lists the settings with their meaning.",                                                                                                NULL,            cmd_zone_set       },
};

int main(int argc, char **argv)
{
    return cli_main(COMMANDS, sizeof COMMANDS / sizeof COMMANDS[0], GROUPS, argc, argv);
}
