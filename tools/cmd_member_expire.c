/* member expire: removes the members whose time has come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/changeparts.h"
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
    bool removed;
};

struct expiry {
    struct settings settings;
    struct memberend end;
    struct departure_sources sources;
    struct departing *list;
    size_t count, room;
    size_t done; /* so many, by earlier parts */
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
        ARRAY_PUSH(expiry->list, expiry->count, expiry->room,
                   (struct departing){ *member, why, memberend_barred_until(&expiry->end, member),
                                       false });
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

static size_t end_of_part(const struct expiry *expiry)
{
    size_t left = expiry->count - expiry->done;
    return expiry->done + (left < CHANGEPARTS_MEMBERS ? left : CHANGEPARTS_MEMBERS);
}

/* Who is to go was found without a lock. Then a member stays that was changed meanwhile. */
static enum result remove_one(struct expiry *expiry, struct departing *each,
                              struct session *session)
{
    const struct member *member = &each->member;
    char why[80], change[MEMBERTEXT_CHANGE_ROOM];
    struct member present;
    enum result result = registry_member(session->txn[STORE_REGISTRY], member->label, &present);
    each->removed =
        result == RESULT_OK && present.id == member->id && present.changed_at == member->changed_at;
    if (!each->removed) {
        return RESULT_OK;
    }
    auditnote_add(&session->notes, member->label, "%s: %s", reason(expiry, each, why),
                  membertext_change(member, NULL, change));
    return registry_remove(&session->change, member->label, each->barred_until);
}

/* Also deletes what is kept of those that went long ago. */
static enum result remove_part(struct session *session, struct cli *, void *arg)
{
    struct expiry *expiry = arg;
    session->beside = expiry->count == 0;
    TRY(registry_purge_tombstones(&session->change));
    for (size_t i = expiry->done; i < end_of_part(expiry); i++) {
        TRY(remove_one(expiry, &expiry->list[i], session));
    }
    return RESULT_OK;
}

static enum result remove_all(struct expiry *expiry, struct cli *cli)
{
    do {
        enum result result = changeparts_commit(cli, remove_part, expiry);
        if (result != RESULT_OK) {
            const struct diag why = cli->diag;
            return expiry->done == 0
                       ? result
                       : diag_fail(&cli->diag, result, "%zu of %zu members are removed; then: %s",
                                   expiry->done, expiry->count, why.text);
        }
        expiry->done = end_of_part(expiry);
    } while (expiry->done < expiry->count);
    return RESULT_OK;
}

/* Forgets those that stayed. */
static void drop_stayers(struct expiry *expiry)
{
    size_t count = 0;
    for (size_t i = 0; i < expiry->count; i++) {
        if (expiry->list[i].removed) {
            expiry->list[count++] = expiry->list[i];
        }
    }
    expiry->count = count;
}

static enum result find(struct expiry *expiry, struct session *session, struct cli *cli, bool *old)
{
    TRY(session_zone(session, cli, &expiry->settings));
    open_verdicts(expiry, session, cli);
    enum result result = registry_each(session->txn[STORE_REGISTRY], collect, expiry);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "a row of a member can't be read: %s",
                         result_text(result));
    }
    *old = registry_has_old_tombstones(session->txn[STORE_REGISTRY], expiry->sources.now);
    return RESULT_OK;
}

static enum result expire(struct expiry *expiry, struct session *session, struct cli *cli)
{
    bool old = false;
    TRY(find(expiry, session, cli, &old));
    session_done(session); /* each part has a session of its own */
    if ((expiry->count == 0 && !old) || cli_flag(cli, "dry-run")) {
        return RESULT_OK;
    }
    TRY(remove_all(expiry, cli));
    drop_stayers(expiry);
    return RESULT_OK;
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
