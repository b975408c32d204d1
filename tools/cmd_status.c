/* status: shows stores and counts, and warns of what needs the operator's attention. */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/concernview.h"
#include "tools/keyhealth.h"
#include "tools/recordhealth.h"
#include "tools/runview.h"
#include "tools/servertext.h"
#include "tools/vantagestatus.h"
#include "tools/vantageview.h"
#include "zone/steering/traffic.h"

enum {
    MAP_WARN_PERCENT = 70,
    READER_WARN_COMMITS = 1000,
    STATES_MAX = 16,
    NAMES_SHOWN = 5,
    DAY_S = 86400,
    GOOD_STALE_S = DAY_S /* beyond it, warnings of the last good probe don't count */
};

struct status {
    struct cli *cli;
    struct session session;
    struct memberview_source source;
    struct memberview view;
    struct vantageview vantages;
    uint64_t latest; /* the latest last_eligible_at of all members */
    uint64_t now;
    json_t *stores, *states, *offline;
    size_t members, eligible, expiring;
    uint64_t last_probe_at;
    char expiring_names[NAMES_SHOWN * (LABEL_ROOM + 2)];
    struct concerns *concerns;
    bool failed;         /* a store can't be read */
    bool runs;           /* ntspoold */
    bool follows;        /* the keys come from another machine */
    uint64_t keys_as_of; /* time of their last package */
};

/* Warns of an old reader, which makes the store grow, and of unsafe file modes. */
static void warn_of_store(struct status *status, enum store_kind kind,
                          const struct store_usage *usage)
{
    char path[STORE_EXPOSED_ROOM];
    if (usage->oldest_behind >= READER_WARN_COMMITS) {
        concern_add(status->concerns, CONCERN_STORE_READER, store_kind_text(kind), 0,
                    "process %ld has had state/%s open for %llu changes without looking again: the "
                    "file grows till it ends",
                    usage->oldest_pid, store_kind_text(kind),
                    (unsigned long long)usage->oldest_behind);
    }
    if (store_exposed(status->cli->state_dir, kind, path)) {
        concern_add(status->concerns, CONCERN_STORE_EXPOSED, store_kind_text(kind), 0,
                    "every user of this machine can change state/%s: take the right to write %s "
                    "from others (chmod o-w)",
                    store_kind_text(kind), path);
    }
}

static void add_store(struct status *status, enum store_kind kind)
{
    struct diag *diag = &status->cli->diag;
    const char *name = store_kind_text(kind);
    json_t *row = json_pack("{s:s}", "store", name);
    json_array_append_new(status->stores, row);
    enum result result = session_read(&status->session, status->cli, kind);
    if (result != RESULT_OK) {
        json_object_set_new(row, "error", json_text(diag->text));
        diag->text[0] = 0;
        return;
    }
    struct store_usage usage;
    store_usage(status->session.store[kind], &usage);
    uint64_t percent = usage.map_bytes > 0 ? usage.used_bytes * 100 / usage.map_bytes : 0;
    json_object_set_new(row, "used_bytes", json_integer((json_int_t)usage.used_bytes));
    json_object_set_new(row, "map_bytes", json_integer((json_int_t)usage.map_bytes));
    json_object_set_new(row, "used_percent", json_integer((json_int_t)percent));
    json_object_set_new(row, "readers", json_integer(usage.readers));
    json_object_set_new(row, "readers_max", json_integer(usage.readers_max));
    json_object_set_new(row, "oldest_reader_behind", json_integer((json_int_t)usage.oldest_behind));
    warn_of_store(status, kind, &usage);
    if (percent >= MAP_WARN_PERCENT) {
        concern_add(status->concerns, CONCERN_MAP_FULL, name, 0,
                    "the map of state/%s is %u %% full: it grows with the next change; check the "
                    "space on the disk",
                    name, (unsigned)percent);
    }
}

/* Warns of stores that can't be read. */
static void judge_stores(struct status *status)
{
    size_t kind = 0;
    const json_t *row = NULL;
    json_array_foreach(status->stores, kind, row)
    {
        const char *error = json_string_value(json_object_get(row, "error"));
        if (error != NULL) {
            concern_add(status->concerns, CONCERN_STORE_UNREADABLE,
                        json_string_value(json_object_get(row, "store")), 0, "%s", error);
            status->failed = true;
        }
    }
}

static void count_state(struct status *status, const char *state)
{
    json_t *count = json_object_get(status->states, state);
    json_int_t before = count != NULL ? json_integer_value(count) : 0;
    json_object_set_new(status->states, state, json_integer(before + 1));
}

/* True from the later of two times: that of the setting, and the last third of the certificate's
 * lifetime, since some certificates live for days only. The probe reports the latter by a warning,
 * which does not count if the last good probe was long ago. */
static bool ends_soon(const struct status *status, const struct address_health *seen)
{
    uint64_t end = seen->cert_not_after, now = status->now;
    bool by_life = (seen->warnings & WARNING_CERT_AGE) != 0 || end <= now ||
                   seen->last_good_at + GOOD_STALE_S < now;
    return end != 0 && end < now + status->source.settings.certificate_warning_s && by_life;
}

static void look_at_addresses(struct status *status)
{
    const struct memberview *view = &status->view;
    bool soon = false;
    for (unsigned i = 0; i < view->consensus.health.address_count; i++) {
        const struct address_health *seen = &view->consensus.health.addresses[i];
        if (seen->last_probe_at > status->last_probe_at) {
            status->last_probe_at = seen->last_probe_at;
        }
        soon = soon || ends_soon(status, seen);
    }
    if (!soon) {
        return;
    }
    if (status->expiring++ < NAMES_SHOWN) {
        size_t len = strlen(status->expiring_names);
        (void)snprintf(status->expiring_names + len, sizeof status->expiring_names - len, "%s%s",
                       len > 0 ? ", " : "", view->member.label);
    }
}

static enum result count_member(const struct member *member, void *arg)
{
    struct status *status = arg;
    TRY(memberview_make(&status->view, member, &status->source));
    status->members++;
    status->eligible += status->view.standing.eligible;
    count_state(status, status->view.standing.state);
    look_at_addresses(status);
    vantageview_count(&status->vantages, &status->view, &status->source.vantages, status->now);
    if (status->view.standing.last_eligible_at > status->latest) {
        status->latest = status->view.standing.last_eligible_at;
    }
    return RESULT_OK;
}

static void judge_vantages(struct status *status)
{
    struct store_txn *registry = status->session.txn[STORE_REGISTRY];
    struct vantage_keys named = { .count = 0 };
    vantageview_warn(&status->vantages, &status->source.vantages, status->concerns);
    if (registry != NULL && registry_vantages(registry, &named, NULL) == RESULT_OK) {
        vantageview_warn_of_named(&named, &status->source, status->now, status->concerns);
    }
}

static void judge_members(struct status *status)
{
    char within[16];
    if (status->members > 0 && status->eligible == 0) {
        if (status->latest != 0) {
            concern_add(status->concerns, CONCERN_LAST_GOOD_SERVED, NULL, status->latest,
                        "no member is eligible: SRV answers hold those who were until the last");
        } else {
            concern_add(status->concerns, CONCERN_NO_MEMBER_ELIGIBLE, NULL, 0,
                        "no member is eligible: SRV answers say that there is no service");
        }
    }
    if (status->session.txn[STORE_HEALTH] != NULL) {
        judge_vantages(status);
    }
    if (status->expiring > 0) {
        concern_add(status->concerns, CONCERN_CERTIFICATES_END, NULL, 0,
                    "the certificates of %zu members end within %s or have ended: %s%s",
                    status->expiring,
                    duration_text(status->source.settings.certificate_warning_s, within),
                    status->expiring_names, status->expiring > NAMES_SHOWN ? " ..." : "");
    }
}

/* The number of members whose removal waits, by reason. */
static json_t *held_json(const struct status *status)
{
    json_t *out = json_object();
    for (unsigned hold = HOLD_WAITING; hold <= HOLD_SILENT; hold++) {
        json_object_set_new(out, hold_text((enum hold)hold),
                            json_integer((json_int_t)status->vantages.held[hold]));
    }
    return out;
}

/* What the bundles of an offline KSK cover; null without an offline KSK. */
static json_t *offline_json(const struct key_timeline *timeline, const struct slices *slices,
                            uint64_t now)
{
    if (!rollover_has_offline_ksk(&timeline->keys)) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o}", "signed_until",
                     json_time(slices_signed_until(slices, &timeline->keys, now)), "bundle_ends",
                     json_time(slices_end(slices)), "next_change",
                     json_time(slices_next_change(slices, &timeline->keys, now)));
}

/* Warns if the delegation in the parent zone, as last confirmed, differs from the name servers. */
static void judge_delegation(struct status *status)
{
    json_t *changes = NULL;
    size_t i = 0;
    const json_t *change = NULL;
    struct store_txn *registry = status->session.txn[STORE_REGISTRY];
    if (registry == NULL ||
        servertext_changes(registry, &changes, &status->cli->diag) != RESULT_OK) {
        status->cli->diag.text[0] = 0;
        return;
    }
    json_array_foreach(changes, i, change)
    {
        concern_add(status->concerns, CONCERN_DELEGATION_DIFFERS, NULL, 0,
                    "the parent zone has to %.400s; `ntspool zone ns seen` says that it has",
                    json_string_value(change));
    }
    json_decref(changes);
}

static void judge_keys(struct status *status)
{
    struct store_txn *keys = status->session.txn[STORE_KEYS];
    struct diag *diag = &status->cli->diag;
    struct key_timeline timeline;
    struct slices slices = { .count = 0 };
    if (keys != NULL && key_timeline_read(&timeline, keys, diag) == RESULT_OK &&
        slices_read(&slices, keys, &timeline.keys, diag) == RESULT_OK) {
        keyhealth_warn(status->concerns, &timeline, &slices, status->now);
        status->offline = offline_json(&timeline, &slices, status->now);
        runview_seal(status->cli, &timeline, status->runs, status->concerns);
        status->follows = timeline.memory.follows;
        status->keys_as_of = timeline.memory.seen_at;
        slices_done(&slices);
    } else if (keys != NULL) {
        concern_add(status->concerns, CONCERN_STORE_UNREADABLE, store_kind_text(STORE_KEYS), 0,
                    "%s", diag->text);
        status->failed = true;
    }
}

/* The last day's flood of missing names that exceeded denial-budget; null if there was none. */
static json_t *over_budget_json(struct status *status)
{
    struct store_txn *txn = status->session.txn[STORE_TRAFFIC];
    struct diag *diag = &status->cli->diag;
    struct traffic traffic = { 0 };
    if (txn == NULL) {
        return json_null();
    }
    if (traffic_load(&traffic, txn, diag) != RESULT_OK) {
        concern_add(status->concerns, CONCERN_STORE_UNREADABLE, store_kind_text(STORE_TRAFFIC), 0,
                    "%s", diag->text);
        status->failed = true;
        return json_null();
    }
    const struct traffic_spell spell = traffic.over_budget;
    traffic_done(&traffic);
    if (spell.since == 0 || (spell.until < status->now && status->now - spell.until > DAY_S)) {
        return json_null();
    }
    json_t *out = json_pack("{s:I}", "answers", (json_int_t)spell.answers);
    json_object_set_new(out, "since", json_time(spell.since));
    json_object_set_new(out, "until", json_time(spell.until));
    concern_add(status->concerns, CONCERN_OVER_BUDGET, NULL, spell.since,
                "%llu missing names were denied by the zone's NSEC chain, from %s to %s: more "
                "were asked for than denial-budget has signatures",
                (unsigned long long)spell.answers, json_string_value(json_object_get(out, "since")),
                json_string_value(json_object_get(out, "until")));
    return out;
}

static void judge_exchange(struct status *status)
{
    char path[STORE_EXPOSED_ROOM];
    if (store_exchange_exposed(status->cli->state_dir, path)) {
        concern_add(status->concerns, CONCERN_STORE_EXPOSED, NULL, 0,
                    "every user of this machine can change what goes between server and probe: "
                    "take the right to write %s from others (chmod o-w)",
                    path);
    }
}

static json_t *build(struct status *status)
{
    struct cli *cli = status->cli;
    char apex[DNAME_TEXT_MAX];
    enum result result = RESULT_OK;
    for (enum store_kind kind = 0; kind < STORE_KINDS; kind++) {
        add_store(status, kind);
    }
    judge_stores(status);
    judge_exchange(status);
    json_t *out = json_object();
    json_object_set_new(out, "state", json_text(cli->state_dir));
    struct store_txn *registry = status->session.txn[STORE_REGISTRY];
    if (registry != NULL) {
        result = registry_settings(registry, &status->source.settings, &cli->diag);
    }
    status->source.health = status->session.txn[STORE_HEALTH];
    if (result == RESULT_OK) {
        result = memberview_begin(&status->source, status->now);
    }
    if (registry != NULL && result == RESULT_OK) {
        result = registry_each(registry, count_member, status);
        if (result == RESULT_OK) {
            result = recordhealth_warn(status->concerns, registry, &status->source.settings);
        }
        json_object_set_new(out, "apex",
                            json_text(dname_text(&status->source.settings.apex, apex)));
        json_object_set_new(out, "serial", json_integer(status->source.settings.serial));
    }
    if (result != RESULT_OK) {
        concern_add(status->concerns, CONCERN_STORE_UNREADABLE, store_kind_text(STORE_REGISTRY), 0,
                    "%s", cli->diag.text[0] != 0 ? cli->diag.text : result_text(result));
        status->failed = true;
    }
    struct store_txn *keys = status->session.txn[STORE_KEYS];
    json_t *server = runview_server(cli, status->concerns);
    status->runs = json_is_true(json_object_get(server, "running"));
    json_object_set_new(out, "server", server);
    json_object_set_new(
        out, "refusals",
        vantageview_refusals(status->session.txn[STORE_HEALTH], status->now, status->concerns));
    judge_members(status);
    judge_keys(status);
    judge_delegation(status);
    json_object_set_new(out, "members", json_integer((json_int_t)status->members));
    json_object_set_new(out, "eligible", json_integer((json_int_t)status->eligible));
    json_object_set_new(out, "states", status->states);
    json_object_set_new(out, "held", held_json(status));
    json_object_set_new(out, "vantages",
                        vantageview_json(&status->vantages, &status->source.vantages));
    json_object_set_new(out, "keys",
                        keys != NULL ? json_integer((json_int_t)store_count(keys, TABLE_KEYS))
                                     : json_null());
    json_object_set_new(out, "follows", json_boolean(status->follows));
    json_object_set_new(out, "keys_as_of",
                        status->follows ? json_time(status->keys_as_of) : json_null());
    json_object_set_new(out, "vantage_only", json_false());
    json_object_set_new(out, "over_budget", over_budget_json(status));
    json_object_set_new(out, "offline_ksk",
                        status->offline != NULL ? status->offline : json_null());
    json_object_set_new(out, "last_probe_at", json_time(status->last_probe_at));
    json_object_set_new(out, "last_probe_age_s",
                        status->last_probe_at != 0 && status->last_probe_at <= status->now
                            ? json_integer((json_int_t)(status->now - status->last_probe_at))
                            : json_null());
    json_object_set_new(out, "stores", status->stores);
    concernview_set(out, status->concerns);
    return out;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_status(json_t *out)
{
    static const char *const heads[] = { "STORE", "USED KIB", "MAP KIB", "USED %", "READERS" };
    const char *state = NULL;
    json_t *value = NULL;
    size_t i = 0;
    printf("pool        %s, serial %lld, in %s\n", text_of(out, "apex"), number_of(out, "serial"),
           text_of(out, "state"));
    runview_print(json_object_get(out, "server"));
    printf("members     %lld", number_of(out, "members"));
    const char *before = ": ";
    json_object_foreach(json_object_get(out, "states"), state, value)
    {
        printf("%s%lld %s", before, (long long)json_integer_value(value), state);
        before = ", ";
    }
    if (json_is_true(json_object_get(out, "follows"))) {
        printf("\nkeys        %lld, of another machine, which leads, as of %s\n",
               number_of(out, "keys"), text_of(out, "keys_as_of"));
    } else {
        printf("\nkeys        %lld\n", number_of(out, "keys"));
    }
    printf("last probe  %s\n\n", text_of(out, "last_probe_at"));
    vantageview_print(json_object_get(out, "vantages"));
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    json_array_foreach(json_object_get(out, "stores"), i, value)
    {
        table_cell(&table, text_of(value, "store"));
        if (json_object_get(value, "error") != NULL) {
            for (unsigned k = 1; k < table.columns; k++) {
                table_cell(&table, "");
            }
            continue;
        }
        table_cellf(&table, "%lld", number_of(value, "used_bytes") / 1024);
        table_cellf(&table, "%lld", number_of(value, "map_bytes") / 1024);
        table_cellf(&table, "%lld", number_of(value, "used_percent"));
        table_cellf(&table, "%lld/%lld", number_of(value, "readers"),
                    number_of(value, "readers_max"));
    }
    table_end(&table);
}

/* For `--check` and `--nagios`, the exit status is the answer. */
static int show_warnings(const struct cli *cli, json_t *out, const struct concerns *concerns)
{
    if (cli_flag(cli, "nagios")) {
        const json_t *eligible = json_object_get(out, "eligible");
        return concernview_nagios(concerns, number_of(out, "members"),
                                  eligible != NULL ? json_integer_value(eligible) : -1);
    }
    if (cli->json) {
        json_print(json_incref(out));
    } else {
        concernview_print(concerns);
    }
    return concernview_exit(concerns);
}

static void show(const struct cli *cli, json_t *out, const struct concerns *concerns)
{
    if (cli->json) {
        json_print(json_incref(out));
        return;
    }
    if (json_is_true(json_object_get(out, "vantage_only"))) {
        vantagestatus_print(cli, out);
    } else {
        print_status(out);
    }
    (void)fputs(concerns->count > 0 ? "\n" : "", stdout);
    concernview_print(concerns);
}

static enum result make(struct cli *cli, struct concerns *concerns, json_t **out, bool *failed)
{
    if (vantagestatus_applies(cli)) {
        return vantagestatus_make(cli, out, concerns, &cli->diag);
    }
    struct status status = { .cli = cli,
                             .now = session_now(),
                             .stores = json_array(),
                             .states = json_object(),
                             .concerns = concerns };
    *out = build(&status);
    *failed = status.failed;
    session_done(&status.session);
    return RESULT_OK;
}

int cmd_status(struct cli *cli, int, char **)
{
    struct concerns *concerns = xcalloc(1, sizeof *concerns);
    json_t *out = NULL;
    bool failed = false;
    int exit_status = CLI_DONE;
    enum result result = make(cli, concerns, &out, &failed);
    if (result != RESULT_OK) {
        exit_status = cli_flag(cli, "nagios") ? concernview_nagios_unknown(cli->diag.text)
                                              : cli_fail(cli, result);
    } else if (cli_flag(cli, "check") || cli_flag(cli, "nagios")) {
        exit_status = show_warnings(cli, out, concerns);
    } else {
        show(cli, out, concerns);
    }
    if (failed && exit_status == CLI_DONE) {
        (void)diag_fail(&cli->diag, RESULT_DAMAGED,
                        "a store of %s can't be read: the warnings above name it", cli->state_dir);
        exit_status = cli_fail(cli, RESULT_DAMAGED);
    }
    json_decref(out);
    free(concerns);
    return exit_status;
}
