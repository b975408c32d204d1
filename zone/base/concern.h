/* What needs the operator's attention: warnings with an id that scripts and alert rules can rely
 * on. The table is the only list of ids; ntspool-troubleshooting(7) explains each. */
#ifndef ZONE_CONCERN_H
#define ZONE_CONCERN_H

#include <stddef.h>
#include <stdint.h>

/* X(enumerator, id, severity, advice). URGENT: clients are affected, or will be without action. */
#define CONCERN_LIST(X)                                                                            \
    X(STORE_UNREADABLE, "store-unreadable", URGENT, "Restore the store from a backup")             \
    X(STORE_READER, "store-reader", WARNING, "End the process that hangs")                         \
    X(STORE_EXPOSED, "store-exposed", WARNING,                                                     \
      "Take the right to write from others, and check by `ntspool log` what changed")              \
    X(MAP_FULL, "map-full", WARNING, "Check the free space of the disk")                           \
    X(RECORDS_MALFORMED, "records-malformed", WARNING,                                             \
      "Load the records anew, or remove them by `ntspool record remove`")                          \
    X(SETTING_UNKNOWN, "setting-unknown", WARNING, "Upgrade ntspool on this machine")              \
    X(DISK_LOW, "disk-low", WARNING, "Make room on the disk")                                      \
    X(BACKUP_OLD, "backup-old", WARNING, "Make a backup, or start the timer that does")            \
    X(SERVER_DOWN, "server-down", URGENT, "Start ntspoold")                                        \
    X(SERVER_HANGS, "server-hangs", URGENT,                                                        \
      "See whether ntspoold is stopped, the machine overloaded, or a disk silent")                 \
    X(LOCATIONS_OLD, "locations-old", WARNING, "Make new location files")                          \
    X(OVER_BUDGET, "over-budget", WARNING,                                                         \
      "Raise denial-budget, and find who asks for names that do not exist")                        \
    X(NO_MEMBER_ELIGIBLE, "no-member-eligible", URGENT,                                            \
      "See by `ntspool member list` what each member lacks")                                       \
    X(LAST_GOOD_SERVED, "last-good-served", URGENT, "Look at the vantage points first")            \
    X(CERTIFICATES_END, "certificates-end", WARNING, "Write to the operators of these members")    \
    X(MEMBERS_OVERDUE, "members-overdue", WARNING,                                                 \
      "Start ntspool-expire.timer, or do `ntspool member expire`")                                 \
    X(REPORTS_REFUSED, "reports-refused", WARNING, "Do what the reason says")                      \
    X(PROBE_SILENT, "probe-silent", URGENT, "Start ntspool-probed, or see its log")                \
    X(PROBE_DOWN, "probe-down", WARNING, "Start ntspool-probed, or see its log")                   \
    X(PROBE_HANGS, "probe-hangs", WARNING,                                                         \
      "See whether ntspool-probed is stopped, the machine overloaded, or a disk silent")           \
    X(VANTAGE_ASIDE, "vantage-aside", WARNING, "Mend the clock, network or load of that machine")  \
    X(VANTAGE_SILENT, "vantage-silent", WARNING,                                                   \
      "Start its probe, see that its machine follows the fleet, or forget it")                     \
    X(VANTAGE_CLOCK, "vantage-clock", WARNING, "Run an NTP client there")                          \
    X(VANTAGE_BLIND, "vantage-blind", WARNING, "Check its firewall: TCP 4460 and UDP 123")         \
    X(VANTAGE_FAMILY_OFF, "vantage-family-off", WARNING, "Check its routes of that family")        \
    X(VANTAGE_FAMILY_UNSEEN, "vantage-family-unseen", WARNING,                                     \
      "Give it that family, or have another vantage point with it")                                \
    X(VANTAGE_FROZEN, "vantage-frozen", URGENT,                                                    \
      "Check its network; if the members are down, do `ntspool health release`")                   \
    X(VANTAGE_FAMILY_FROZEN, "vantage-family-frozen", WARNING,                                     \
      "Check its network; if the addresses are down, do `ntspool health release`")                 \
    X(VANTAGE_DISSENTS, "vantage-dissents", WARNING, "Look at its network")                        \
    X(VANTAGE_ABSENT, "vantage-absent", WARNING, "Start its probe, or remove it")                  \
    X(VANTAGE_UNKNOWN, "vantage-unknown", WARNING, "Name it to the pool by `ntspool vantage add`") \
    X(BUNDLE_SOON, "bundle-soon", WARNING, "Bring the next bundle")                                \
    X(BUNDLE_LATE, "bundle-late", URGENT, "Bring the next bundle now")                             \
    X(BUNDLE_ENDED, "bundle-ended", URGENT, "Bring a bundle now, or the KSK by `key online`")      \
    X(FOLLOWER_EMPTY, "follower-empty", URGENT, "Bring a package of keys")                         \
    X(FOLLOWER_OLD, "follower-old", WARNING, "Bring a new package of keys")                        \
    X(FEED_DOWN, "feed-down", WARNING, "Start ntspool-feedd, or see its log")                      \
    X(FLEET_AWAY, "fleet-away", WARNING, "Check the engine's nodes, and the network to them")      \
    X(FLEET_REFUSES, "fleet-refuses", WARNING, "See whether this machine was evicted")             \
    X(FLEET_FORKED, "fleet-forked", URGENT, "Find out what the engine was restored from")          \
    X(FLEET_NEWER, "fleet-newer", WARNING, "Upgrade ntspool on this machine")                      \
    X(FLEET_BEHIND, "fleet-behind", WARNING, "See the log of ntspool-feedd")                       \
    X(MACHINE_SILENT, "machine-silent", WARNING, "Start its ntspool-feedd, or evict it")           \
    X(CLOCK_BEHIND, "clock-behind", WARNING, "Set the clock, or do `ntspool key trust-clock`")     \
    X(KEEPER_SILENT, "keeper-silent", WARNING, "Start ntspoold, and let it write state/keys")      \
    X(KEYS_WAIT, "keys-wait", WARNING, "Bring that machine back, or go on without it")             \
    X(PARENT_SLOW, "parent-slow", WARNING, "Give the DS records to the registrar")                 \
    X(KEYS_UNSAFE, "keys-unsafe", URGENT, "Restore a backup of state/keys")                        \
    X(SEAL_UNUSABLE, "seal-unusable", URGENT, "Put the right sealing key back before a restart")   \
    X(DELEGATION_DIFFERS, "delegation-differs", WARNING, "Give the change to the registrar")

#define CONCERN_ENUM(enumerator, id, severity, advice) CONCERN_##enumerator,
enum concern_id {
    CONCERN_LIST(CONCERN_ENUM) CONCERN_IDS
};
#undef CONCERN_ENUM

enum concern_severity {
    CONCERN_WARNING,
    CONCERN_URGENT
};

enum {
    CONCERNS_MAX = 768, /* over what vantage points, name servers and machines can cause */
    CONCERN_TEXT_ROOM = 640,
    CONCERN_SUBJECT_ROOM = 64
};

struct concern {
    enum concern_id id;
    uint64_t since;                     /* Unix seconds, 0 if not known */
    char subject[CONCERN_SUBJECT_ROOM]; /* vantage point or store, "" for the pool */
    char text[CONCERN_TEXT_ROOM];
};

/* Start from `{ 0 }`. Once it is full, further ones are only counted. */
struct concerns {
    size_t count, left_out, urgent; /* `urgent` includes those left out */
    struct concern list[CONCERNS_MAX];
};

/* `subject` may be NULL. */
void concern_add(struct concerns *concerns, enum concern_id id, const char *subject, uint64_t since,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
const char *concern_id_text(enum concern_id id);
enum concern_severity concern_severity(enum concern_id id);
const char *concern_severity_text(enum concern_severity severity);
/* One sentence without a full stop. */
const char *concern_advice(enum concern_id id);

#endif
