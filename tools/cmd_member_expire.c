/* member expire: removes the members whose time has come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/leader.h"
#include "tools/memberend.h"
#include "tools/membertext.h"
#include "tools/output.h"
#include "zone/base/array.h"
#include "zone/verdicts/departure.h"

struct departing {
    struct member member;
    enum departure why;
    uint64_t barred_until;
};

struct expiry {
    struct settings settings;
    struct memberend end;
    struct departure_sources sources;
    struct departing *list;
    size_t count, room;
};

static void open_verdicts(struct expiry *expiry, struct session *session, struct cli *cli)
{
    struct cli quiet = { .state_dir = cli->state_dir };
    memberend_begin(&expiry->end, session, cli, &expiry->settings);
    bool read = expiry->settings.registration_expiry_s != 0 &&
                session_read(session, &quiet, STORE_HISTORY) == RESULT_OK;
    expiry->sources = (struct departure_sources){
        .health = expiry->end.source.health,
        .history = read ? session->txn[STORE_HISTORY] : NULL,
        .settings = &expiry->settings,
        .vantages = &expiry->end.source.vantages,
        .now = session_now(),
    };
}

static enum result collect(const struct member *member, void *arg)
{
    struct expiry *expiry = arg;
    enum departure why = DEPARTURE_NONE;
    TRY(departure_of(&why, member, &expiry->sources));
    if (why != DEPARTURE_NONE) {
        ARRAY_PUSH(
            expiry->list, expiry->count, expiry->room,
            (struct departing){ *member, why, memberend_barred_until(&expiry->end, member) });
    }
    return RESULT_OK;
}

/* "no certificate was seen in 30d" */
static char *reason(const struct expiry *expiry, const struct departing *each, char out[80])
{
    char text[OUTPUT_TIME_ROOM];
    if (each->why == DEPARTURE_PLANNED) {
        (void)snprintf(out, 80, "as planned for %s", output_time(each->member.leave_at, text));
    } else {
        (void)snprintf(out, 80, "no certificate was seen in %s",
                       duration_text(expiry->settings.registration_expiry_s, text));
    }
    return out;
}

/* Also deletes what is kept of those that went long ago. Who is to go is found without a lock. Then
 * a member stays that was changed meanwhile. */
static enum result remove_all(struct expiry *expiry, struct session *session, struct cli *cli)
{
    size_t count = expiry->count;
    expiry->count = 0;
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(registry_purge_tombstones(&session->change));
    for (size_t i = 0; i < count; i++) {
        const struct departing *each = &expiry->list[i];
        const struct member *member = &each->member;
        char why[80], change[MEMBERTEXT_CHANGE_ROOM];
        struct member present;
        enum result result = registry_member(session->txn[STORE_REGISTRY], member->label, &present);
        if (result != RESULT_OK || present.id != member->id ||
            present.changed_at != member->changed_at) {
            continue;
        }
        TRY(registry_remove(&session->change, member->label, each->barred_until));
        auditnote_add(&session->notes, member->label, "%s: %s", reason(expiry, each, why),
                      membertext_change(member, NULL, change));
        expiry->list[expiry->count++] = *each;
    }
    if (expiry->count > 0 || session->fleet != NULL) {
        return session_commit(session, cli);
    }
    session->txn[STORE_REGISTRY] = NULL;
    return registry_commit_beside(&session->change);
}

static enum result expire(struct expiry *expiry, struct session *session, struct cli *cli)
{
    TRY(session_zone(session, cli, &expiry->settings));
    open_verdicts(expiry, session, cli);
    enum result result = registry_each(session->txn[STORE_REGISTRY], collect, expiry);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "a row of a member can't be read: %s",
                         result_text(result));
    }
    bool old = registry_has_old_tombstones(session->txn[STORE_REGISTRY], expiry->sources.now);
    if ((expiry->count == 0 && !old) || cli_flag(cli, "dry-run")) {
        return RESULT_OK;
    }
    store_abort(session->txn[STORE_REGISTRY]); /* to open the store for writing */
    session->txn[STORE_REGISTRY] = NULL;
    return remove_all(expiry, session, cli);
}

static json_t *expiry_json(const struct expiry *expiry, bool dry, bool follows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < expiry->count; i++) {
        const struct departing *each = &expiry->list[i];
        json_array_append_new(
            list, json_pack("{s:o, s:s, s:o}", "name", json_text(each->member.label), "why",
                            each->why == DEPARTURE_PLANNED ? "planned" : "uncertified",
                            "quarantined_until", json_time(each->barred_until)));
    }
    return json_pack("{s:b, s:b, s:o}", "dry_run", dry, "follows", follows, "removed", list);
}

static void print(const struct expiry *expiry, bool dry)
{
    char why[80];
    for (size_t i = 0; i < expiry->count; i++) {
        const struct departing *each = &expiry->list[i];
        printf("%s %s removed: %s\n", each->member.label, dry ? "would be" : "is",
               reason(expiry, each, why));
    }
}

int cmd_member_expire(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    struct expiry *expiry = xcalloc(1, sizeof *expiry);
    bool dry = cli_flag(cli, "dry-run"), follows = false;
    enum result result = leader_is_another(&session, cli, &follows);
    if (result == RESULT_OK && !follows) {
        result = expire(expiry, &session, cli);
    }
    session_done(&session);
    cli->note = expiry->count > 0 ? cli->note : NULL;
    if (result == RESULT_OK && cli->json) {
        json_print(expiry_json(expiry, dry, follows));
    } else if (result == RESULT_OK && follows) {
        puts("this machine follows: the one that leads removes members");
    } else if (result == RESULT_OK) {
        print(expiry, dry);
    }
    free(expiry->list);
    free(expiry);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
