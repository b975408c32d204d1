/* member list, show. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/commands.h"
#include "tools/memberreach.h"
#include "tools/membershow.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/base/suggest.h"
#include "zone/overview/census.h"
#include "zone/places/country.h"

enum {
    LIST_ADDRESSES = 2 /* shown in a row of the table */
};

struct listing {
    const struct cli *cli;
    struct memberview_source source;
    struct table table;
    struct memberview view;
    struct store_txn *history; /* NULL: without --reach */
    uint64_t now;
    uint64_t expiring_before; /* list members with a certificate that ends earlier; 0: all */
    uint64_t added_before;    /* list members that were registered earlier; 0: all */
    size_t count;
};

static bool passes(const char *filter, const char *value)
{
    return filter == NULL || strcasecmp(filter, value) == 0;
}

static bool expires(const struct memberview *view, uint64_t before)
{
    for (unsigned i = 0; i < view->consensus.health.address_count; i++) {
        uint64_t end = view->consensus.health.addresses[i].cert_not_after;
        if (end != 0 && end < before) {
            return true;
        }
    }
    return before == 0;
}

static void add_row(struct listing *listing, const char *reach)
{
    struct table *table = &listing->table;
    const struct memberview *view = &listing->view;
    const struct member *m = &view->member;
    char last[MEMBERREACH_ROOM];
    char text[LIST_ADDRESSES * (ADDRESS_TEXT_MAX + 1) + 16] = "";
    char name[DNAME_TEXT_MAX];
    size_t used = 0;
    int32_t score = 0;
    for (unsigned i = 0; i < m->address_count && i < LIST_ADDRESSES; i++) {
        char address[ADDRESS_TEXT_MAX];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                                 address_text(&m->addresses[i], address));
    }
    if (m->address_count > LIST_ADDRESSES) {
        (void)snprintf(text + used, sizeof text - used, " +%u", m->address_count - LIST_ADDRESSES);
    }
    table_cell(table, m->label);
    table_cell(table, view->standing.state);
    if (memberview_score(view, &score)) {
        table_cellf(table, "%.1f", score / 1000.0);
    } else {
        table_cell(table, "");
    }
    if (listing->history != NULL) {
        table_cell(table, reach);
    }
    table_cell(table, memberreach_last(view, listing->now, last));
    table_cell(table, m->target.len > 0 ? dname_text(&m->target, name) : text);
    table_cell(table, m->country);
    table_cell(table, m->operator_name);
    table_cellf(table, "%u", m->capacity_mbit);
    table_cell(table, view->standing.reason);
}

/* Prints objects one by one: a pool may have a hundred thousand. */
static void print_object(struct listing *listing, const char *reach)
{
    json_t *object = membershow_brief(&listing->view, &listing->source.settings.apex);
    if (listing->history != NULL) {
        json_object_set_new(object, "reach", json_text_or_null(reach));
    }
    (void)fputs(listing->count > 0 ? ",\n " : "[\n ", stdout);
    (void)json_dumpf(object, stdout, JSON_REAL_PRECISION(OUTPUT_DIGITS));
    json_decref(object);
}

static enum result list_member(const struct member *member, void *arg)
{
    struct listing *listing = arg;
    const struct cli *cli = listing->cli;
    char reach[MEMBERREACH_ROOM] = "";
    TRY(memberview_make(&listing->view, member, &listing->source));
    if (!passes(cli_value(cli, "in-state", 0), listing->view.standing.state) ||
        !passes(cli_value(cli, "country", 0), member->country) ||
        !passes(cli_value(cli, "operator", 0), member->operator_name) ||
        !expires(&listing->view, listing->expiring_before) ||
        (listing->added_before != 0 && member->added_at >= listing->added_before)) {
        return RESULT_OK;
    }
    if (listing->history != NULL) {
        TRY(memberreach_octal(&listing->view, &listing->source, listing->history, listing->now,
                              reach));
    }
    if (cli->json) {
        print_object(listing, reach);
    } else {
        add_row(listing, reach);
    }
    listing->count++;
    return RESULT_OK;
}

/* Opens the stores of both commands. */
static enum result begin(struct session *session, struct cli *cli, struct memberview_source *source)
{
    TRY(session_zone(session, cli, &source->settings));
    TRY(session_read(session, cli, STORE_HEALTH));
    source->health = session->txn[STORE_HEALTH];
    return memberview_begin(source, session_now());
}

/* USAGE for a state that no member is ever in. */
static enum result check_state(const char *state, struct diag *diag)
{
    char hint[SUGGEST_ROOM];
    struct suggest near = suggest_begin(state != NULL ? state : "");
    bool known = false;
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        known = known || passes(state, census_state_text(i));
        suggest_candidate(&near, census_state_text(i));
    }
    return known
               ? RESULT_OK
               : diag_fail(
                     diag, RESULT_USAGE,
                     "--in-state: there is no state '%.40s'%s; members are registered, "
                     "certified, operational, eligible, falling, ineligible, leaving or suspended",
                     state, suggest_text(&near, hint));
}

/* Members of an older state may have a code that is no country's. If no member has it, it is an
 * error. */
static enum result check_found(const struct listing *listing, struct cli *cli)
{
    char code[3];
    struct diag why;
    const char *country = cli_value(cli, "country", 0);
    return listing->count > 0 || country == NULL || country_parse(code, country, &why) == RESULT_OK
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_INVALID, "--country: %.200s", why.text);
}

static enum result read_times(struct listing *listing, struct cli *cli)
{
    const char *expiring = cli_value(cli, "expiring", 0);
    uint32_t within_s = 0;
    if (expiring != NULL && duration_parse(&within_s, expiring) != RESULT_OK) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "--expiring takes a time such as 14d, not \"%.40s\"", expiring);
    }
    listing->expiring_before = expiring != NULL ? listing->now + within_s : 0;
    return cli_time(cli, "older", listing->now, CLI_PAST, &listing->added_before);
}

int cmd_member_list(struct cli *cli, int, char **)
{
    enum result usable = check_state(cli_value(cli, "in-state", 0), &cli->diag);
    if (usable != RESULT_OK) {
        return cli_fail(cli, usable);
    }
    char code[3];
    const char *country = cli_value(cli, "country", 0);
    if (country != NULL && !country_code(code, country)) {
        return cli_usage(cli, "--country takes the two letters of ISO 3166, not \"%.40s\"",
                         country);
    }
    if (cli_flag(cli, "removed")) {
        return member_list_removed(cli);
    }
    static const char *const heads[] = { "NAME",    "STATE",    "SCORE",    "LAST",  "ADDRESSES",
                                         "COUNTRY", "OPERATOR", "CAPACITY", "REASON" };
    static const char *const reach_heads[] = { "NAME",     "STATE",     "SCORE",   "REACH",
                                               "LAST",     "ADDRESSES", "COUNTRY", "OPERATOR",
                                               "CAPACITY", "REASON" };
    struct session session = { 0 };
    struct listing listing = { .cli = cli, .now = session_now() };
    bool reach = cli_flag(cli, "reach");
    usable = read_times(&listing, cli);
    if (usable != RESULT_OK) {
        return cli_fail(cli, usable);
    }
    table_begin(&listing.table, reach ? reach_heads : heads,
                (reach ? sizeof reach_heads : sizeof heads) / sizeof heads[0]);
    enum result result = begin(&session, cli, &listing.source);
    if (result == RESULT_OK && reach) {
        result = session_read(&session, cli, STORE_HISTORY);
        listing.history = session.txn[STORE_HISTORY];
    }
    if (result == RESULT_OK) {
        result = registry_each(session.txn[STORE_REGISTRY], list_member, &listing);
    }
    if (result == RESULT_OK) {
        result = check_found(&listing, cli);
    }
    session_done(&session);
    if (result != RESULT_OK) {
        table_drop(&listing.table);
        return cli_fail(cli, result);
    }
    if (cli->json) {
        puts(listing.count > 0 ? "\n]" : "[]");
        table_drop(&listing.table);
    } else {
        table_end(&listing.table);
    }
    return CLI_DONE;
}

int cmd_member_show(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    struct memberview_source source = { 0 };
    struct member member;
    struct memberview view;
    char label[LABEL_ROOM];
    enum result result = label_check(label, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = begin(&session, cli, &source);
    }
    if (result == RESULT_OK) {
        result = session_member(&session, cli, label, &member);
    }
    if (result == RESULT_OK) {
        result = memberview_make(&view, &member, &source);
    }
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(membershow_full(&view, &source.settings.apex));
    } else {
        membershow_print(&view, &source.settings.apex);
    }
    return CLI_DONE;
}
