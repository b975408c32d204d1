/* ntspool: the pool operator's command line. This file is its table of commands. */
#include "tools/commands.h"

/* clang-format off */
static const struct cli_group groups[] = {
    { "member", "members of the pool" },
    { "record", "static records of the zone" },
    { "key", "DNSSEC keys" },
    { "cookie", "secrets of DNS cookies" },
    { "zone", "the zone and its settings" },
    { "zone ns", "the zone's name servers" },
    { "health", "what the vantage points say of the members" },
    { "vantage", "the vantage points themselves" },
    { "fleet", "several machines that answer for one pool" },
    { 0 },
};

#define ALLOW_PRIVATE                                                                              \
    { "allow-private", 0, NULL, false, "take addresses that are not public (tests)" }

#define MEMBER_OPTIONS                                                                             \
    { "address", 0, "ADDRESS", true, "IPv4 or IPv6 address; repeat for more" },                    \
    { "capacity", 0, "MBIT", false, "what it can serve, in Mbit/s (100); 0: never handed out" },   \
    { "country", 0, "CC", false, "country it serves, two letters" },                               \
    { "position", 0, "LAT,LON", false, "where it is, in degrees (by its addresses or country)" },      \
    { "operator", 0, "TEXT", false, "who runs it; only they get a removed name back early" },      \
    { "port", 0, "PORT", false, "TCP port of NTS-KE (4460)" },                                     \
    { "target", 0, "NAME", false, "its own name outside the pool, instead of addresses" },         \
    { "accounturi", 0, "URI", false, "its ACME account, the only one that may get certificates" }, \
    { "contact", 0, "MAIL", false, "mail address of its operator; it is never published" },        \
    { "unlisted", 0, NULL, false, "publish its state and the reason only" },                       \
    ALLOW_PRIVATE

#define LEAVE { "leave", 0, "TIME", false, "when it leaves the pool, as in 2027-01-31 or 90d" }

#define FORCE                                                                                      \
    { "force", 0, NULL, false, "even if too many of its operator wait for a first certificate" }

#define TRIAL_OPTIONS                                                                              \
    { "no-probe", 0, NULL, false, "don't probe its addresses first" },                             \
    { "trust", 0, "FILE", false, "PEM file of the CAs to believe (the system's)" }

static const struct option_row init[] = {
    { "ns", 0, "NAME[=ADDRESS,...]", true, "name server; with its addresses if inside the pool" },
    { "algorithm", 0, "NAME", false, "ecdsap256 (preset) or ed25519" },
    { "csk", 0, NULL, false, "one key instead of a key-signing and a zone-signing key" },
    { "follow", 0, NULL, false, "make no keys: another machine leads and sends its own" },
    { "denial", 0, "NAME", false, "how missing names are denied: nsec or compact" },
    { "mailbox", 0, "NAME", false, "whom to write to, user@domain or SOA form" },
    { 0 },
};
static const struct option_row member_add[] = {
    MEMBER_OPTIONS, LEAVE, FORCE, { 0 },
};
static const struct option_row member_apply[] = { MEMBER_OPTIONS, TRIAL_OPTIONS, { 0 } };
static const struct option_row member_admit[] = { TRIAL_OPTIONS, FORCE, ALLOW_PRIVATE, { 0 } };
static const struct option_row member_set[] = {
    MEMBER_OPTIONS,
    LEAVE,
    { "no-country", 0, NULL, false, "take the country away" },
    { "no-position", 0, NULL, false, "take the position away" },
    { "no-operator", 0, NULL, false, "take the operator away" },
    { "no-target", 0, NULL, false, "take its own name away; needs --address" },
    { "no-accounturi", 0, NULL, false, "let any ACME account get certificates" },
    { "no-contact", 0, NULL, false, "take the mail address away" },
    { "no-leave", 0, NULL, false, "let it stay" },
    { "listed", 0, NULL, false, "publish of it what is published of others" },
    { 0 },
};
static const struct option_row member_list[] = {
    { "in-state", 0, "STATE", false, "only members in this state, such as eligible" },
    { "country", 0, "CC", false, "only members of this country" },
    { "operator", 0, "TEXT", false, "only members of this operator" },
    { "expiring", 0, "TIME", false, "only members whose certificate ends within that time (14d)" },
    { "older", 0, "TIME", false, "only members registered before that time, or for longer (7d)" },
    { "reach", 0, NULL, false, "also the outcomes of the last eight probes, in octal as in chronyc" },
    { "removed", 0, NULL, false, "instead, the removed ones whose names are in quarantine" },
    { 0 },
};
static const struct option_row member_override[] = {
    { "all", 0, NULL, false, "all members" },
    { 0 },
};
static const struct option_row member_expire[] = {
    { "dry-run", 0, NULL, false, "say who would be removed, but change nothing" },
    { 0 },
};
static const struct option_row member_import[] = {
    ALLOW_PRIVATE,
    { "dry-run", 0, NULL, false, "check the table and say what would be done, but change nothing" },
    { 0 },
};
static const struct option_row zone_set[] = {
    { "dry-run", 0, NULL, false, "say what would change, but change nothing" },
    { 0 },
};
static const struct option_row record_load[] = {
    { "skip-own", 0, NULL, false, "leave out what is the pool's own (SOA, NS, DNSSEC), or not served, and list it" },
    { "dry-run", 0, NULL, false, "check the file and show what would be done, but change nothing" },
    { 0 },
};
static const struct option_row key_ds[] = {
    { "dnskey", 0, NULL, false, "print DNSKEY lines instead, a trust anchor file for resolvers" },
    { 0 },
};
static const struct option_row key_roll[] = {
    { "emergency", 0, NULL, false, "also replace keys that are only just coming" },
    { 0 },
};
static const struct option_row key_import[] = {
    { "csk", 0, NULL, false, "a key with the SEP flag is for both roles" },
    { "in-use", 0, NULL, false, "the zone is signed with these keys elsewhere: replace all others now" },
    { "package", 0, NULL, false, "the file is one that key export --to made" },
    { "from", 0, "IDENTITY", false, "who must have made the package, and is followed from now on" },
    { "replace", 0, NULL, false, "also where keys would go that the zone may be signed with" },
    { "public", 0, NULL, false, "the .key file of a KSK alone, whose private half stays elsewhere" },
    { 0 },
};
static const struct option_row key_request[] = {
    { "from", 0, "TIME", false, "when the period begins (now)" },
    { "until", 0, "TIME", false, "when it ends (365d)" },
    { "roll-zsk", 0, NULL, false, "replace the zone-signing key at its begin" },
    { 0 },
};
static const struct option_row key_export[] = {
    { "to", 0, "IDENTITY", false, "make a package of all keys that only this machine can open" },
    { "zsk-only", 0, NULL, false, "a package without private halves of KSKs, but with what they sign now" },
    { "public", 0, NULL, false, "the .key files alone, without private halves" },
    { 0 },
};
static const struct option_row cookie_show[] = {
    { "secrets", 0, NULL, false, "print the secrets themselves, to give them to another server" },
    { 0 },
};
static const struct option_row zone_export[] = {
    { "signed", 0, NULL, false, "with keys, NSEC and signatures; needs the seal" },
    { 0 },
};

static const struct option_row stats_options[] = {
    { "socket", 0, "PATH", false, "the server's UNIX socket of --metrics" },
    { "all", 0, NULL, false, "also zeros and the buckets of histograms" },
    { "quiet", 0, NULL, false, "print nothing: the exit status says whether the server answers" },
    { 0 },
};
static const struct option_row metrics_options[] = {
    { "members", 0, "N", false, "also series of each member, unless the pool has more than N" },
    { 0 },
};
#define LOCATIONS_OPTION                                                                           \
    { "locations", 0, "FILE", true, "location file (.mmdb), as the server has it; repeat for more" }
#define EDGE_OPTION                                                                                \
    { "edge", 0, "NAME", false, "by what this machine of the fleet counted, not by all of them" }

static const struct option_row report_options[] = {
    { "url", 0, "URL", false, "the site's address, for links in feeds: https://pool.example" },
    { "title", 0, "TEXT", false, "what the pool is called (its name)" },
    { "imprint", 0, "FILE", false, "HTML for the foot of each page: who runs the pool" },
    { "no-map", 0, NULL, false, "no map of the world" },
    { "member", 0, "NAME", false, "instead of all this, print the page of one member" },
    { "all", 0, NULL, false, "make all pages anew, also those that are not due" },
    LOCATIONS_OPTION,
    { 0 },
};
static const struct option_row restore[] = {
    { "store", 0, "NAME", true, "only this one: registry, health, keys, traffic or history" },
    { "dry-run", 0, NULL, false, "check the backup and show what would be done" },
    { 0 },
};
static const struct option_row vantage_add[] = {
    { "replace", 0, NULL, false, "take this key instead of the one that was named" },
    { 0 },
};
static const struct option_row vantage_key[] = {
    { "id", 0, "NAME", false, "the vantage point (local)" },
    { 0 },
};
static const struct option_row fleet_create[] = {
    { "name", 0, "NAME", false, "what this machine is called in the fleet" },
    { "node", 0, "NODE=ADDRESS[@PORT]", true, "node of the engine; repeat for each" },
    { "out", 0, "DIRECTORY", false, "where the nodes' directories are made (.)" },
    { "from-state", 0, NULL, false, "the engine is lost: make a new one of what this machine has" },
    { 0 },
};
static const struct option_row fleet_token[] = {
    { "role", 0, "ROLE", false, "edge (preset), vantage or admin" },
    { 0 },
};
static const struct option_row fleet_join[] = {
    { "accept", 0, NULL, false, "also rows that lack changes which this machine has" },
    { 0 },
};
static const struct option_row probe[] = {
    { "name", 0, "NAME", false, "probe the address HOST as this member, registered or not" },
    { "trust", 0, "FILE", false, "PEM file of the CAs to believe (the system's)" },
    { "allow-private", 0, NULL, false, "probe addresses that are not public (tests)" },
    { 0 },
};

static const struct option_row check[] = {
    { "only", 0, "GROUP", true, "only this group of checks: parent, servers, steering, ..." },
    { "server", 0, "NAME=ADDRESS[@PORT]", true, "check this name server, not those that are delegated" },
    { "parent", 0, "ADDRESS[@PORT]", true, "server of the parent zone (found from the root)" },
    { "root-hints", 0, "FILE", false, "root servers to start from (the internet's)" },
    { "resolver", 0, "ADDRESS[@PORT],...", true, "resolver to check, and to look up names by" },
    { "anchor", 0, "FILE", false, "trust anchor of the root" },
    { "subnet", 0, "PREFIX", true, "client subnet to ask for; repeat for more" },
    { "members", 0, "N|all", false, "probe so many members (all in the answers seen)" },
    LOCATIONS_OPTION,
    { "trust", 0, "FILE", false, "PEM file of the CAs to believe (the system's)" },
    { "allow-private", 0, NULL, false, "probe addresses that are not public (tests)" },
    { "wait", 0, "SECONDS", false, "how long to wait for an answer (5)" },
    { "timeout", 0, "SECONDS", false, "how long to check (600)" },
    { "explain", 0, "ID", false, "instead, say what a check or a group of checks means" },
    { "nagios", 0, NULL, false, "one line and the exit status of a Nagios plugin" },
    { "metrics", 0, "FILE", false, "also write the results for Prometheus" },
    { 0 },
};

static const struct option_row explain[] = {
    { "client", 0, "ADDRESS", false, "who asks: a resolver, or the subnet that it tells (ECS)" },
    LOCATIONS_OPTION,
    EDGE_OPTION,
    { 0 },
};
static const struct option_row status_options[] = {
    { "explain", 0, "ID", false, "instead, say what the id of a warning means, and what to do" },
    { "check", 0, NULL, false, "print the warnings only; exit 1 if there is one, 3 if urgent" },
    { "nagios", 0, NULL, false, "one line and the exit status of a Nagios plugin" },
    { 0 },
};
static const struct option_row history_options[] = {
    { "since", 0, "TIME", false, "only what is newer: 2027-11-23, or how long ago (7d)" },
    { 0 },
};
static const struct option_row log_options[] = {
    { "limit", 0, "N", false, "the newest N lines only" },
    { "since", 0, "TIME", false, "only what is newer: 2027-11-23, or how long ago (7d)" },
    { 0 },
};
static const struct option_row notices[] = {
    { "send", 0, "COMMAND", false, "send the mails by this command, such as \"/usr/sbin/sendmail -i -t\"" },
    { "from", 0, "ADDRESS", false, "who sends them (the mailbox of the pool's SOA)" },
    { "url", 0, "URL", false, "the pool's site, for links to the members' pages" },
    { "wait", 0, "SECONDS", false, "how long the command may take for a mail (30)" },
    { 0 },
};
static const struct option_row share[] = { LOCATIONS_OPTION, EDGE_OPTION, { 0 } };

static const struct cli_command commands[] = {
    { "init", "POOL --ns NAME=ADDRESS", 1, 1, "make the state of a new pool", NULL,
      init, cmd_init },

    { "member add", "NAME --address ADDRESS", 1, 1, "register a member, serve its name",
      "NAME is one label: the member is NAME.<pool>.", member_add, cmd_member_add },
    { "member list", "", 0, 0, "list members with state and score", NULL,
      member_list, cmd_member_list },
    { "member show", "NAME", 1, 1, "show all that is known of a member", NULL,
      NULL, cmd_member_show },
    { "member welcome", "NAME", 1, 1, "write what the operator of a new member has to do",
      "A text to send: certificate, ports, lines for its NTS server, and what happens next.", NULL,
      cmd_member_welcome },
    { "member apply", "NAME.POOL [FILE]", 1, 2, "write an application to a pool, for its operator",
      "For whoever runs a server: it is probed once, and what the pool has to know is written to FILE, to be\n"
      "sent. A missing certificate is no fault yet. Needs no pool on this machine.",
      member_apply, cmd_member_apply },
    { "member admit", "FILE", 1, 1, "register the member of an application, after a look at it",
      "FILE is what `member apply` wrote, or the mail with it; - is the standard input. The member is probed once.",
      member_admit, cmd_member_admit },
    { "member set", "NAME", 1, 1, "change a member", "Addresses given replace all that it has.",
      member_set, cmd_member_set },
    { "member suspend", "NAME", 1, 1, "take a member out of the answers, keep its name", NULL,
      NULL, cmd_member_suspend },
    { "member resume", "NAME", 1, 1, "end a suspension", NULL, NULL, cmd_member_resume },
    { "member override", "NAME|--all eligible|ineligible|auto", 1, 2,
      "overrule the probe's verdict, or not (auto)", NULL, member_override, cmd_member_override },
    { "member remove", "NAME", 1, 1, "remove a member and break its name",
      "Nobody else can take the name before the last certificate seen for it has expired.",
      NULL, cmd_member_remove },
    { "member expire", "", 0, 0, "remove the members whose time has come",
      "Those whose time to leave is over, and those that never got a certificate.",
      member_expire, cmd_member_expire },
    { "member restore", "NAME", 1, 1, "bring a removed member back as it was",
      "Possible as long as its name is in quarantine and its addresses are no other member's.", NULL,
      cmd_member_restore },
    { "member import", "FILE.csv", 1, 1, "register the members of a table, all or none",
      "The first line names the columns, in any order: name, and as wanted country, ipv4, ipv6,\n"
      "capacity_mbit, operator, port, target, accounturi, override, suspended, position, contact,\n"
      "leave, unlisted. Several addresses are separated by spaces. FILE - is the standard input.",
      member_import, cmd_member_import },
    { "member export", "[FILE.csv]", 0, 1, "write the table that import reads", NULL,
      NULL, cmd_member_export },

    { "record load", "FILE.zone", 1, 1, "put static records into the zone",
      "Each record set (name and type) of the file replaces the one that is there; all others "
      "stay.\nFILE - is the standard input.",
      record_load, cmd_record_load },
    { "record list", "", 0, 0, "list the static records", NULL, NULL, cmd_record_list },
    { "record remove", "NAME [TYPE]", 1, 2, "remove static records", "@ is the zone's apex.",
      NULL, cmd_record_remove },

    { "key list", "", 0, 0, "list the keys, with their states and next steps", NULL, NULL,
      cmd_key_list },
    { "key ds", "", 0, 0, "print the DS records for the parent zone", NULL, key_ds, cmd_key_ds },
    { "key ds-seen", "", 0, 0, "say that the parent zone has these DS records and no others", NULL,
      NULL, cmd_key_ds_seen },
    { "key trust-clock", "", 0, 0, "say that the clock is right, and was ahead before",
      "For keys that wait until a time that a server has seen while the machine's clock was wrong.",
      NULL, cmd_key_trust_clock },
    { "key roll", "zsk|ksk|csk|split|algorithm [ALGORITHM]", 1, 2, "replace keys by new ones",
      "zsk, ksk or csk is replaced by its like; csk also takes over from a KSK and a ZSK, split does "
      "the\nopposite. algorithm takes ecdsap256 or ed25519 and replaces all keys. A ksk, csk or "
      "algorithm waits\nfor the parent zone's DS: see key ds-seen.",
      key_roll, cmd_key_roll },
    { "key abort", "[zsk|ksk]", 0, 1, "take a rollover back",
      "Possible as long as the old key is in full use.", NULL, cmd_key_abort },
    { "key insecure", "", 0, 0, "ask the parent zone to remove the DS",
      "The zone goes on to be signed. Resolvers no longer check it when the DS is gone.", NULL,
      cmd_key_insecure },
    { "key import", "FILE...", 1, 8, "take keys from BIND-format files, or from another machine",
      "FILE is one of a pair K<zone>+<algorithm>+<tag>.key and .private. Without --in-use, a "
      "rollover to these\nkeys begins. With --package, FILE (or -) replaces all keys, and no key is "
      "rolled here any longer.",
      key_import, cmd_key_import },
    { "key export", "[DIRECTORY|FILE]", 0, 1, "write the keys to files, or for another machine",
      "Without --to the private keys are written as they are, in BIND's format.", key_export,
      cmd_key_export },
    { "key identity", "", 0, 0, "print what another machine needs for key export --to", NULL, NULL,
      cmd_key_identity },
    { "key lead", "", 0, 0, "roll keys here, after they came from another machine", NULL, NULL,
      cmd_key_lead },
    { "key without", "MACHINE...", 1, 32, "don't wait for machines of the fleet",
      "Rollovers and secrets of cookies go on without them until they have all keys again.", NULL,
      cmd_key_without },
    { "key request", "FILE", 1, 1, "ask for signatures of a KSK that is kept offline",
      "Plans which keys are served in the period, makes the ZSKs for it, and writes what the KSK is to "
      "sign.\nTIME is 2027-11-23, 2027-11-23T10:00:00Z, or how long from now, such as 180d. FILE - is "
      "the standard output.",
      key_request, cmd_key_request },
    { "key sign-request", "REQUEST BUNDLE", 2, 2, "sign a request with the KSKs of this state",
      "For the machine that has the KSK. Compare the sum that is shown with the one that key request "
      "showed.",
      NULL, cmd_key_sign_request },
    { "key import-bundle", "FILE", 1, 1, "take the signed sets of a coming period", NULL, NULL,
      cmd_key_import_bundle },
    { "key offline", "", 0, 0, "forget the private half of the KSK, which bundles stand in for", NULL,
      NULL, cmd_key_offline },
    { "key online", "FILE...", 1, 8, "take the private half of the KSK back, from BIND-format files",
      NULL, NULL, cmd_key_online },
    { "key rotate-seal", "", 0, 0, "replace the sealing key", NULL, NULL, cmd_key_rotate_seal },
    { "key secure", "", 0, 0, "ask the parent zone for the DS again", NULL, NULL, cmd_key_secure },

    { "cookie show", "", 0, 0, "show which cookie secrets there are", NULL,
      cookie_show, cmd_cookie_show },
    { "cookie set", "HEX|random|-", 1, 1, "make this the only cookie secret, at once",
      "Servers that share an address need the same secret. To replace it without a gap, use stage "
      "and roll.",
      NULL, cmd_cookie_set },
    { "cookie stage", "HEX|random|-", 1, 1, "accept a next secret, beside the one in use",
      "Stage the same one on all servers that share an address, then roll each of them.",
      NULL, cmd_cookie_stage },
    { "cookie roll", "", 0, 0, "use the staged secret, or a random one if none is staged",
      "Cookies made with the one before are accepted for another hour.", NULL, cmd_cookie_roll },

    { "zone show", "", 0, 0, "show the zone's settings", NULL, NULL, cmd_zone_show },
    { "zone set", "NAME VALUE ...", 2, 2 * 32, "change settings, all or none",
      "`ntspool zone show` lists the settings with their meaning.", zone_set, cmd_zone_set },
    { "zone unset", "NAME ...", 1, 32, "give settings the value that a new zone gets", NULL,
      zone_set, cmd_zone_unset },
    { "zone ns list", "", 0, 0, "list the name servers, and what the parent zone has to change",
      NULL, NULL, cmd_zone_ns_list },
    { "zone ns add", "NAME[=ADDRESS,...]", 1, 1, "add a name server",
      "A name inside the pool needs its addresses. To rename a name server, add it by its new name "
      "and\nremove the old one.",
      NULL, cmd_zone_ns_add },
    { "zone ns set", "NAME=ADDRESS,...", 1, 1, "give a name server inside the pool other addresses",
      NULL, NULL, cmd_zone_ns_set },
    { "zone ns remove", "NAME", 1, 1, "remove a name server, with its addresses",
      "Let it answer until the parent zone has changed and the TTLs of both are over.\n"
      "If it was the primary one of the SOA, the first of the others is now.",
      NULL, cmd_zone_ns_remove },
    { "zone ns seen", "", 0, 0, "say that the parent zone has these name servers and no others",
      NULL, NULL, cmd_zone_ns_seen },
    { "zone export", "[FILE.zone]", 0, 1, "write the zone as the server has it", NULL,
      zone_export, cmd_zone_export },

    { "probe", "NAME|HOST[:PORT]", 1, 1, "probe a server once and show every step",
      "NAME is a member: all its addresses are probed. HOST needs no pool.\n"
      "With --name, HOST is an address, which need not be that of the name.", probe, cmd_probe },

    { "check", "[POOL]", 0, 1, "check the pool from outside, as its clients see it",
      "POOL is a domain name; without one, the pool of the state. A check needs no state; if POOL is "
      "that of the\nstate, what is seen is compared with it.",
      check, cmd_check },

    { "explain", "--client ADDRESS", 0, 0, "show what a client is answered, and why",
      "Computed like the server's answers, from the stores and the location files.",
      explain, cmd_explain },
    { "share", "", 0, 0, "show what each member gets of the answers, worst first",
      "FAIR is its part of the capacity, EXPECTED that of all answers; RATIO says how much of the\n"
      "fair part it got in the last day. Counts of this machine, or of all in its fleet, of each minute.",
      share, cmd_share },

    { "vantage list", "", 0, 0, "list the vantage points whose verdicts count, with their keys", NULL,
      NULL, cmd_vantage_list },
    { "vantage add", "NAME [KEY]", 1, 2, "let the verdicts of a vantage point count",
      "KEY is what `ntspool vantage key` prints on its machine. Without KEY the vantage point is one of this machine.",
      vantage_add, cmd_vantage_add },
    { "vantage remove", "NAME", 1, 1, "let the verdicts of a vantage point count no more", NULL,
      NULL, cmd_vantage_remove },
    { "vantage key", "", 0, 0, "print the public key of a vantage point on this machine", NULL,
      vantage_key, cmd_vantage_key },
    { "fleet create", "--name NAME --node NODE=ADDRESS", 0, 0, "make a fleet of this machine's pool",
      "Run it again when the nodes of the engine have started: it goes on where it ended.",
      fleet_create, cmd_fleet_create },
    { "fleet token", "NAME", 1, 1, "let a machine join, and print its token",
      "The token is a secret: who has it is that machine. A name is used once.",
      fleet_token, cmd_fleet_token },
    { "fleet join", "[FILE]", 0, 1, "join a fleet with a token",
      "Without FILE the token is read from the standard input.", fleet_join, cmd_fleet_join },
    { "fleet status", "", 0, 0, "show how far this machine is, and the engine's nodes",
      "The exit status is 1 unless this machine has all changes.", NULL, cmd_fleet_status },
    { "fleet edges", "", 0, 0, "list the machines of the fleet, and how far each is",
      "The exit status is 1 if one is behind or silent.", NULL, cmd_fleet_edges },
    { "fleet evict", "NAME", 1, 1, "take a machine out of the fleet", NULL, NULL, cmd_fleet_evict },
    { "fleet nodes", "ADDRESS...", 1, 9, "ask the engine at other addresses from now on",
      "After a node got another address. It is for this machine alone: run it on each.", NULL, cmd_fleet_nodes },
    { "fleet leave", "", 0, 0, "make what this machine has a pool of its own", NULL, NULL,
      cmd_fleet_leave },
    { "fleet accept", "", 0, 0, "take a ledger that was made anew, even if it lacks changes",
      "It is refused if a member that was removed would come back by that, unless --yes is given.",
      NULL, cmd_fleet_accept },
    { "health release", "", 0, 0, "let the members go that fell all at once", NULL,
      NULL, cmd_health_release },
    { "health forget", "VANTAGE", 1, 1, "forget a vantage point that is gone, and what it saw", NULL,
      NULL, cmd_health_forget },

    { "history", "[NAME]", 0, 1, "show the pool, or the scores of a member, over time", NULL,
      history_options, cmd_history },
    { "log", "[NAME]", 0, 1, "show who changed what, or what happened to a member, and why", NULL,
      log_options, cmd_log },
    { "notices", "", 0, 0, "write the mails to members' contacts: out, back, certificate ends",
      "Without --send the mails are printed, and nothing is noted. With it, each is noted once the command "
      "has\ntaken it, so that nobody is told twice.",
      notices, cmd_notices },
    { "status", "", 0, 0, "show stores, members, keys, and what needs attention", NULL,
      status_options, cmd_status },
    { "stats", "", 0, 0, "show the counters of the server that runs here",
      "Read from its metrics socket: --socket, else `metrics` of the configuration file, else\n"
      "/run/ntspool/ntspoold.sock. Zeros and histograms are left out.",
      stats_options, cmd_stats },
    { "metrics", "[FILE]", 0, 1, "write the metrics of pool, vantage points, keys and stores",
      "For the textfile collector of node_exporter: FILE appears whole. A server that runs here has\n"
      "the same in its own metrics.",
      metrics_options, cmd_metrics },
    { "report", "DIR", 0, 1, "write the pool's website into a directory",
      "Static pages for any web server. Each run, such as one a minute, makes what is due; a member's\n"
      "page each quarter of an hour, and at once when its state changes.",
      report_options, cmd_report },
    { "backup", "DIR", 1, 1, "copy the stores while everything runs", NULL, NULL, cmd_backup },
    { "restore", "DIR", 1, 1, "put back what a backup holds, also while everything runs",
      "Stores that are missing or damaged are made anew. The sealing key must be that of the backup.",
      restore, cmd_restore },
};
/* clang-format on */

int main(int argc, char **argv)
{
    return cli_main(commands, sizeof commands / sizeof commands[0], groups, argc, argv);
}
