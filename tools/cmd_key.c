/* key list, ds. */
#include <stdio.h>

#include "dnssec/offline/alarm.h"
#include "dnssec/offline/fleetkeys.h"
#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/keystate.h"
#include "tools/commands.h"
#include "tools/keytext.h"
#include "tools/output.h"
#include "tools/session.h"

struct listing {
    struct key_timeline timeline;
    struct settings settings;
    struct rollover_timing timing;
    struct slices slices;
    uint64_t now;
    char leader[KEYTEXT_IDENTITY_ROOM]; /* the machine that leads; empty: unknown */
    struct fleetkeys fleet;             /* what this one remembers if it leads */
    char named[MACHINE_ROOM];           /* the machine that the fleet has named to lead; "" */
};

/* True if the key or its DS is to be published or withdrawn, and no slice does that. */
static bool awaits_bundle(const struct listing *listing, const struct key_record *key)
{
    const struct key_life *life = &key->life;
    bool other_ds = (key->role & KEY_KSK) != 0 && life->wanted &&
                    record_state_is_published(&life->ds) == listing->timeline.memory.insecure;
    return !life->planned && (life->wanted != record_state_is_published(&life->dnskey) || other_ds);
}

/* The key's next step, including a rollover that is due by its age. */
static struct key_next next_of(const struct listing *listing, size_t i, const char **text)
{
    const struct key_record *key = &listing->timeline.keys.list[i];
    if (listing->timeline.memory.follows) {
        *text = ""; /* the machine that leads takes the steps */
        return (struct key_next){ .step = STEP_NONE };
    }
    struct key_next next =
        keystate_next(&listing->timeline.keys, i, &listing->slices, &listing->timing, listing->now);
    *text = keystate_step_text(next.step);
    if (listing->timing.offline_ksk && next.step == STEP_NONE && awaits_bundle(listing, key)) {
        *text = "waits for a bundle";
    }
    uint64_t due_at = key_timeline_due_at(&listing->timeline, &listing->settings,
                                          key->role == KEY_ZSK ? KEY_ZSK : KEY_KSK);
    if (next.step == STEP_NONE && key->life.wanted && due_at != 0 && !listing->timing.offline_ksk) {
        *text = "be replaced";
        next.at = due_at > listing->now ? due_at : listing->now;
    }
    return next;
}

/* The time of the key's last change of state. */
static uint64_t since(const struct key_record *key, uint64_t now)
{
    const struct key_life *life = &key->life;
    const uint64_t times[] = { life->dnskey.introduced_at, life->dnskey.withdrawn_at,
                               life->zone.introduced_at, life->zone.withdrawn_at,
                               life->ds.omnipresent_at };
    uint64_t last = key->created_at;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        last = times[i] > last && times[i] <= now ? times[i] : last;
    }
    return last;
}

static json_t *record_state_json(const struct record_state *state)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "on", json_time(state->introduced_at), "everywhere",
                     json_time(state->omnipresent_at), "off", json_time(state->withdrawn_at),
                     "nowhere", json_time(state->hidden_at));
}

static json_t *key_json(const struct listing *listing, size_t i)
{
    const struct key_record *key = &listing->timeline.keys.list[i];
    const char *step = "";
    struct key_next next = next_of(listing, i, &step);
    return json_pack("{s:i, s:s, s:s, s:i, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "tag", key->tag, "role", key_role_text(key->role), "algorithm",
                     algorithm_text(key->algorithm), "algorithm_number", (int)key->algorithm,
                     "state", keystate_text(keystate_of(key, listing->now)), "wanted",
                     key->life.wanted, "planned", key->life.planned, "offline", key->offline,
                     "created", json_time(key->created_at), "dnskey",
                     record_state_json(&key->life.dnskey), "signs_zone",
                     record_state_json(&key->life.zone), "ds", record_state_json(&key->life.ds),
                     "next", json_text_or_null(step), "next_at", json_time(next.at));
}

static void print_bundle(const struct listing *listing)
{
    char until[OUTPUT_TIME_ROOM], end[OUTPUT_TIME_ROOM], change[OUTPUT_TIME_ROOM], text[ALARM_ROOM];
    const struct slices *slices = &listing->slices;
    const struct key_set *keys = &listing->timeline.keys;
    if (slices->count == 0 && !listing->timing.offline_ksk) {
        return;
    }
    puts("");
    if (slices->count > 0) {
        printf("Presigned: what is served now until %s, all until %s",
               output_time(slices_signed_until(slices, keys, listing->now), until),
               output_time(slices_end(slices), end));
        uint64_t change_at = slices_next_change(slices, keys, listing->now);
        if (change_at != 0) {
            printf("; other keys from %s on", output_time(change_at, change));
        }
        puts(".");
    }
    enum alarm_level level = alarm_of(&listing->timeline, slices, listing->now);
    if (level != ALARM_NONE) {
        printf("warning: %s\n", alarm_text(level, slices, text));
    }
}

/* Prints the progress of going insecure, or secure again, and what the parent zone is asked. */
static void print_parent(const struct listing *listing)
{
    const struct key_set *keys = &listing->timeline.keys;
    char time[OUTPUT_TIME_ROOM];
    const char *at = output_time(rollover_asked_at(keys), time);
    bool asks = rollover_as_is(keys).ds != 0;
    const char *who = listing->timing.offline_ksk ? "the next bundle" : "ntspoold";
    if (listing->timeline.memory.insecure && asks) {
        printf("\nThe zone is to be insecure: %s asks the parent zone to remove the DS.\n", who);
    } else if (listing->timeline.memory.insecure && rollover_awaits_parent(keys)) {
        printf("\nThe zone is to be insecure. The parent zone is asked to remove the DS since %s:\n"
               "`ntspool key ds-seen` says that it has none.\n",
               at);
    } else if (listing->timeline.memory.insecure) {
        puts(
            "\nThe zone is insecure, the parent zone has no DS: `ntspool key secure` asks for it.");
    } else if (!asks) {
        printf("\nThe zone is to be secure: %s asks the parent zone for the DS.\n", who);
    } else if (rollover_awaits_parent(keys)) {
        printf("\nThe parent zone is asked for other DS records since %s: `ntspool key ds` shows "
               "them,\n`ntspool key ds-seen` says that they are there, and no others.\n",
               at);
    }
}

/* Prints where a follower's keys come from, and how old they are. */
static void print_leader(const struct listing *listing)
{
    uint64_t seen_at = listing->timeline.memory.seen_at;
    char at[OUTPUT_TIME_ROOM], age[16];
    if (seen_at == 0) {
        puts("\nThis machine follows, and has had no package of keys yet.");
        return;
    }
    uint32_t age_s = listing->now > seen_at ? (uint32_t)(listing->now - seen_at) : 0;
    printf("\nThis machine follows%s%s: the keys, and what becomes of them, come from another one. "
           "The last package\ndates from %s, %s ago.\n",
           listing->named[0] != 0 ? " " : "", listing->named, output_time(seen_at, at),
           duration_text(age_s, age));
    if (listing->leader[0] != 0) {
        printf("It was made by %s.\n", listing->leader);
    }
}

/* Prints which machines of the fleet hold up what. */
static void print_waiting(const struct listing *listing)
{
    char at[OUTPUT_TIME_ROOM], who[FLEETKEYS_WHO_ROOM], what[FLEETKEYS_WHAT_ROOM];
    const struct fleetkeys *fleet = &listing->fleet;
    if (fleetkeys_waits(fleet)) {
        printf("\nWaiting since %s for %s to take the last package of keys. Held up: %s.\n",
               output_time(fleet->decided_at, at), fleetkeys_who_text(fleet, who),
               fleetkeys_what_text(fleet, what));
    }
}

static void print_keys(const struct listing *listing)
{
    static const char *const heads[] = { "TAG",   "ROLE", "ALGORITHM", "STATE",
                                         "SINCE", "NEXT", "WHEN" };
    struct table table;
    char at[OUTPUT_TIME_ROOM];
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < listing->timeline.keys.count; i++) {
        const struct key_record *key = &listing->timeline.keys.list[i];
        const char *step = "";
        struct key_next next = next_of(listing, i, &step);
        table_cellf(&table, "%u", key->tag);
        table_cellf(&table, "%s%s", key_role_text(key->role), key->offline ? " offline" : "");
        table_cell(&table, algorithm_text(key->algorithm));
        table_cell(&table,
                   key->life.planned ? "planned" : keystate_text(keystate_of(key, listing->now)));
        table_cell(&table, output_time(since(key, listing->now), at));
        table_cell(&table, step);
        table_cell(&table, output_time(next.at, at));
    }
    table_end(&table);
    if (listing->timeline.memory.follows) {
        print_leader(listing);
        return;
    }
    print_bundle(listing);
    print_parent(listing);
    print_waiting(listing);
}

static enum result read_keys(struct listing *listing, struct session *session, struct cli *cli)
{
    uint8_t leader[SEAL_PUBLIC_LEN];
    TRY(session_zone(session, cli, &listing->settings));
    if (registry_key_leader(session->txn[STORE_REGISTRY], listing->named) != RESULT_OK) {
        listing->named[0] = 0;
    }
    TRY(session_read(session, cli, STORE_KEYS));
    struct store_txn *keys = session->txn[STORE_KEYS];
    TRY(key_timeline_read(&listing->timeline, keys, &cli->diag));
    TRY(slices_read(&listing->slices, keys, &listing->timeline.keys, &cli->diag));
    if (keytransfer_leader(keys, leader) == RESULT_OK) {
        (void)keytransfer_identity_text(leader, listing->leader);
    }
    return fleetkeys_get(keys, &listing->fleet);
}

int cmd_key_list(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    struct listing listing = { .now = session_now() };
    enum result result = read_keys(&listing, &session, cli);
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    listing.timing = key_timeline_timing(&listing.timeline, &listing.settings);
    if (!cli->json) {
        print_keys(&listing);
        slices_done(&listing.slices);
        return CLI_DONE;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < listing.timeline.keys.count; i++) {
        json_array_append_new(list, key_json(&listing, i));
    }
    slices_done(&listing.slices);
    json_print(list);
    return CLI_DONE;
}

int cmd_key_ds(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    struct settings settings;
    json_t *list = NULL;
    enum result result = session_zone(&session, cli, &settings);
    if (result == RESULT_OK) {
        result = session_read(&session, cli, STORE_KEYS);
    }
    if (result == RESULT_OK) {
        struct store_txn *keys = session.txn[STORE_KEYS];
        result = cli->json
                     ? keytext_json(keys, &settings.apex, &list)
                     : keytext_print(keys, &settings.apex, cli_flag(cli, "dnskey"), &cli->note);
    }
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(list);
    }
    return CLI_DONE;
}
