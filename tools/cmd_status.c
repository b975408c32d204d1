/* status: shows stores and counts, and warns of what needs the operator's attention. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/concernview.h"
#include "tools/nagios.h"
#include "tools/output.h"
#include "tools/poolsurvey.h"
#include "tools/runshow.h"
#include "tools/session.h"
#include "tools/vantageshow.h"
#include "tools/vantagestatus.h"

static json_t *store_json(enum store_kind kind, const struct storeview *view)
{
    const struct store_usage *usage = &view->usage;
    json_t *row = json_pack("{s:s}", "store", store_kind_text(kind));
    if (!view->readable) {
        json_object_set_new(row, "error", json_text(view->error.text));
        return row;
    }
    json_object_set_new(row, "used_bytes", json_integer((json_int_t)usage->used_bytes));
    json_object_set_new(row, "map_bytes", json_integer((json_int_t)usage->map_bytes));
    json_object_set_new(row, "used_percent", json_integer(view->used_percent));
    json_object_set_new(row, "readers", json_integer(usage->readers));
    json_object_set_new(row, "readers_max", json_integer(usage->readers_max));
    json_object_set_new(row, "oldest_reader_behind",
                        json_integer((json_int_t)usage->oldest_behind));
    return row;
}

static json_t *states_json(const struct overview *pool)
{
    const struct census *census = &pool->census;
    if (!pool->judged) {
        return json_null();
    }
    json_t *out = json_object();
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        if (census->states[i] > 0) {
            json_object_set_new(out, census_state_text(i),
                                json_integer((json_int_t)census->states[i]));
        }
    }
    return out;
}

/* The number of members whose removal waits, by reason. */
static json_t *held_json(const struct vantageview *view)
{
    json_t *out = json_object();
    for (unsigned hold = HOLD_WAITING; hold < HOLDS; hold++) {
        json_object_set_new(out, hold_text((enum hold)hold),
                            json_integer((json_int_t)view->held[hold]));
    }
    return out;
}

/* What the bundles of an offline KSK cover; null without an offline KSK. */
static json_t *offline_json(const struct keyview *keys)
{
    return !keys->offline
               ? json_null()
               : json_pack("{s:o, s:o, s:o}", "signed_until", json_time(keys->signed_until),
                           "bundle_ends", json_time(keys->bundle_ends), "next_change",
                           json_time(keys->next_change));
}

/* Which machines of the fleet lack the last package of keys; null if none does. */
static json_t *waiting_json(const struct fleetkeys *fleet)
{
    char who[FLEETKEYS_WHO_ROOM], what[FLEETKEYS_WHAT_ROOM];
    return !fleetkeys_waits(fleet)
               ? json_null()
               : json_pack("{s:o, s:s, s:i, s:s}", "since", json_time(fleet->decided_at),
                           "machines", fleetkeys_who_text(fleet, who), "count", (int)fleet->missing,
                           "held_up", fleetkeys_what_text(fleet, what));
}

static json_t *over_budget_json(const struct traffic_spell *spell)
{
    return spell->since == 0
               ? json_null()
               : json_pack("{s:I, s:o, s:o}", "answers", (json_int_t)spell->answers, "since",
                           json_time(spell->since), "until", json_time(spell->until));
}

static json_t *stores_json(const struct storeview stores[STORE_KINDS])
{
    json_t *out = json_array();
    for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
        if (storeview_applies(&stores[kind], (enum store_kind)kind)) {
            json_array_append_new(out, store_json((enum store_kind)kind, &stores[kind]));
        }
    }
    return out;
}

static json_t *count_json(size_t count)
{
    return json_integer((json_int_t)count);
}

static json_t *build(const struct survey *survey, const char *state_dir)
{
    const struct overview *pool = &survey->pool;
    const struct settings *settings = &pool->source.settings;
    const struct keyview *keys = &survey->keys;
    const uint64_t probed_at = pool->census.last_probe_at, now = session_now();
    char apex[DNAME_TEXT_MAX];
    json_t *out = json_object();
    json_object_set_new(out, "state", json_text(state_dir));
    if (pool->zone) {
        json_object_set_new(out, "apex", json_text(dname_text(&settings->apex, apex)));
        json_object_set_new(out, "serial", json_integer(settings->serial));
    }
    json_object_set_new(out, "server", runshow_server(&pool->run));
    json_object_set_new(out, "probes", runshow_probes(&pool->run));
    json_object_set_new(out, "refusals", vantageshow_refusals(pool->refusals, pool->refusal_count));
    json_object_set_new(out, "members", count_json(pool->census.members));
    json_object_set_new(out, "eligible",
                        pool->judged ? count_json(pool->census.eligible) : json_null());
    json_object_set_new(out, "states", states_json(pool));
    json_object_set_new(out, "held", held_json(&pool->census.vantages));
    json_object_set_new(out, "vantages",
                        vantageshow_json(&pool->census.vantages, &pool->source.vantages));
    json_object_set_new(out, "keys", keys->known ? count_json(keys->count) : json_null());
    json_object_set_new(out, "follows", json_boolean(keys->follows));
    json_object_set_new(out, "keys_as_of", keys->follows ? json_time(keys->as_of) : json_null());
    json_object_set_new(out, "keys_wait_for", waiting_json(&keys->fleet));
    json_object_set_new(out, "vantage_only", json_false());
    json_object_set_new(out, "over_budget", over_budget_json(&pool->over_budget));
    json_object_set_new(out, "offline_ksk", offline_json(keys));
    json_object_set_new(out, "last_probe_at", json_time(probed_at));
    json_object_set_new(out, "last_probe_age_s",
                        probed_at != 0 && probed_at <= now ? count_json(now - probed_at)
                                                           : json_null());
    json_object_set_new(out, "stores", stores_json(pool->stores));
    runshow_supplies(out, &pool->supplies);
    return out;
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
    printf("pool        %s, serial %lld, in %s\n", json_text_of(out, "apex"),
           number_of(out, "serial"), json_text_of(out, "state"));
    runshow_print_server(json_object_get(out, "server"));
    runshow_print_probes(json_object_get(out, "probes"));
    printf("members     %lld", number_of(out, "members"));
    const char *before = ": ";
    json_object_foreach(json_object_get(out, "states"), state, value)
    {
        printf("%s%lld %s", before, (long long)json_integer_value(value), state);
        before = ", ";
    }
    if (json_is_true(json_object_get(out, "follows"))) {
        printf("\nkeys        %lld, of another machine, which leads, as of %s\n",
               number_of(out, "keys"), json_text_of(out, "keys_as_of"));
    } else {
        const json_t *waiting = json_object_get(out, "keys_wait_for");
        printf("\nkeys        %lld%s%s\n", number_of(out, "keys"),
               json_is_null(waiting) ? "" : ", waiting for ",
               json_is_null(waiting) ? "" : json_text_of(waiting, "machines"));
    }
    printf("last probe  %s\n\n", json_text_of(out, "last_probe_at"));
    vantageshow_print(json_object_get(out, "vantages"));
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    json_array_foreach(json_object_get(out, "stores"), i, value)
    {
        table_cell(&table, json_text_of(value, "store"));
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
                                  json_is_integer(eligible) ? json_integer_value(eligible) : -1);
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

static enum result make(struct cli *cli, struct survey *survey, json_t **out)
{
    if (vantagestatus_applies(cli)) {
        struct localview *view = xcalloc(1, sizeof *view);
        enum result result =
            localview_read(view, cli->state_dir, session_now(), &survey->concerns, &cli->diag);
        *out = result == RESULT_OK ? vantagestatus_json(view, cli->state_dir) : NULL;
        free(view);
        TRY(result);
    } else {
        poolsurvey_read(survey, cli);
        *out = build(survey, cli->state_dir);
    }
    concernview_set(*out, &survey->concerns);
    return RESULT_OK;
}

int cmd_status(struct cli *cli, int, char **)
{
    const char *explained = cli_value(cli, "explain", 0);
    if (explained != NULL) {
        return concernview_explain(explained, cli->json)
                   ? CLI_DONE
                   : cli_usage(cli, "--explain %.40s: status has no such warning", explained);
    }
    struct survey *survey = xcalloc(1, sizeof *survey);
    json_t *out = NULL;
    int exit_status = CLI_DONE;
    enum result result = make(cli, survey, &out);
    if (result != RESULT_OK) {
        exit_status = cli_flag(cli, "nagios")
                          ? nagios_print(NAGIOS_UNKNOWN, cli->diag.text, NULL, 0)
                          : cli_fail(cli, result);
    } else if (cli_flag(cli, "check") || cli_flag(cli, "nagios")) {
        exit_status = show_warnings(cli, out, &survey->concerns);
    } else {
        show(cli, out, &survey->concerns);
    }
    if ((survey->pool.failed || survey->keys.failed) && exit_status == CLI_DONE) {
        (void)diag_fail(&cli->diag, RESULT_DAMAGED,
                        "a store of %s can't be read: the warnings above name it", cli->state_dir);
        exit_status = cli_fail(cli, RESULT_DAMAGED);
    }
    json_decref(out);
    free(survey);
    return exit_status;
}
