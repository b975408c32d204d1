/* member add, set, suspend, resume, override, remove. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/changeparts.h"
#include "tools/commands.h"
#include "tools/memberadd.h"
#include "tools/memberend.h"
#include "tools/memberoptions.h"
#include "tools/membershow.h"
#include "tools/membertext.h"
#include "tools/output.h"
#include "tools/session.h"

/* Checks the member's name and opens the registry for a change. */
static enum result begin_change(struct session *session, struct cli *cli, const char *name,
                                char label[LABEL_ROOM], struct settings *settings)
{
    TRY(label_check(label, name, &cli->diag));
    TRY(session_write(session, cli, STORE_REGISTRY));
    return registry_settings(session->txn[STORE_REGISTRY], settings, &cli->diag);
}

/* Commits if `result` is OK, and closes the session. */
static enum result end_change(struct session *session, struct cli *cli, enum result result)
{
    if (result == RESULT_OK) {
        result = session_commit(session, cli);
    }
    session_done(session);
    return result;
}

/* Notes a change of the member for the audit trail. */
static void note_change(struct session *session, const struct member *before,
                        const struct member *after)
{
    char change[MEMBERTEXT_CHANGE_ROOM];
    auditnote_add(&session->notes, after != NULL ? after->label : before->label, "%s",
                  membertext_change(before, after, change));
}

static void show_member(const struct cli *cli, const struct member *member,
                        const struct settings *settings)
{
    struct memberview view;
    const struct memberview_source unseen = { .settings = *settings, .now = session_now() };
    if (cli->json && memberview_make(&view, member, &unseen) == RESULT_OK) {
        json_print(membershow_full(&view, &settings->apex));
    }
}

int cmd_member_add(struct cli *cli, int, char **argv)
{
    struct settings settings;
    struct member member;
    member_defaults(&member);
    enum result result = memberoptions_fill(cli, &member);
    if (result == RESULT_OK) {
        result = label_check(member.label, argv[0], &cli->diag);
    }
    if (result == RESULT_OK) {
        result = memberadd(cli, &member, false, &settings);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    memberadd_tell(cli, &member, &settings, NULL);
    return CLI_DONE;
}

int cmd_member_set(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    struct settings settings;
    struct member before, member;
    char label[LABEL_ROOM];
    const char *other = NULL, *twice = memberoptions_contradiction(cli, &other);
    if (twice != NULL) {
        return cli_usage(cli, "--%s and --%s exclude each other", twice, other);
    }
    if (!cli_any(cli)) {
        return cli_usage(cli, "nothing to set");
    }
    enum result result = begin_change(&session, cli, argv[0], label, &settings);
    if (result == RESULT_OK) {
        result = session_member(&session, cli, label, &before);
    }
    if (result == RESULT_OK) {
        member = before;
        memberoptions_clear(cli, &member);
        result = memberoptions_fill(cli, &member);
    }
    if (result == RESULT_OK) {
        /* Addresses that don't change were checked when they were set. */
        bool allow = cli_flag(cli, "allow-private") || !cli_flag(cli, "address");
        result = registry_update(&session.change, &member, allow);
        note_change(&session, &before, &member);
    }
    result = end_change(&session, cli, result);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    show_member(cli, &member, &settings);
    return CLI_DONE;
}

/* A change of the operator's decision on a member. NULL: no change. */
struct decision {
    bool *suspended;
    enum override *override;
};

static enum result put_decision(struct session *session, struct cli *cli, const char *label,
                                const struct decision *decision, struct member *member)
{
    TRY(session_member(session, cli, label, member));
    bool suspended = decision->suspended != NULL ? *decision->suspended : member->suspended;
    enum override override = decision->override != NULL ? *decision->override : member->override;
    if (suspended == member->suspended && override == member->override) {
        return RESULT_OK;
    }
    const struct member before = *member;
    member->suspended = suspended;
    member->override = override;
    note_change(session, &before, member);
    return registry_update(&session->change, member, true);
}

static int change_decision(struct cli *cli, const char *name, const struct decision *decision,
                           const char *done)
{
    struct session session = { 0 };
    struct settings settings;
    struct member member;
    char label[LABEL_ROOM];
    enum result result = begin_change(&session, cli, name, label, &settings);
    if (result == RESULT_OK) {
        result = put_decision(&session, cli, label, decision, &member);
    }
    result = end_change(&session, cli, result);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    show_member(cli, &member, &settings);
    if (!cli->json) {
        printf("%s %s\n", label, done);
    }
    return CLI_DONE;
}

int cmd_member_suspend(struct cli *cli, int, char **argv)
{
    bool suspended = true;
    return change_decision(cli, argv[0], &(struct decision){ .suspended = &suspended },
                           "is suspended: out of the pool's answers, its name stays.");
}

int cmd_member_resume(struct cli *cli, int, char **argv)
{
    bool suspended = false;
    return change_decision(cli, argv[0], &(struct decision){ .suspended = &suspended },
                           "is no longer suspended: the probe's verdict counts again.");
}

/* The labels of all members. A table must not change while it is walked. */
struct labels {
    char (*list)[LABEL_ROOM];
    size_t count, room;
    struct decision decision; /* on all of them */
    size_t done;              /* so many, by earlier parts */
};

static enum result collect_label(const struct member *member, void *arg)
{
    struct labels *labels = arg;
    if (labels->count == labels->room) {
        labels->room = labels->room * 2 + 64;
        labels->list = xrealloc(labels->list, labels->room * sizeof *labels->list);
    }
    memcpy(labels->list[labels->count++], member->label, LABEL_ROOM);
    return RESULT_OK;
}

static size_t end_of_part(const struct labels *labels)
{
    size_t left = labels->count - labels->done;
    return labels->done + (left < CHANGEPARTS_MEMBERS ? left : CHANGEPARTS_MEMBERS);
}

static enum result override_part(struct session *session, struct cli *cli, void *arg)
{
    const struct labels *labels = arg;
    struct member member;
    for (size_t i = labels->done; i < end_of_part(labels); i++) {
        enum result result =
            put_decision(session, cli, labels->list[i], &labels->decision, &member);
        if (result != RESULT_OK && result != RESULT_NOT_FOUND) { /* removed meanwhile */
            return result;
        }
    }
    return RESULT_OK;
}

static enum result override_parts(struct cli *cli, struct labels *labels)
{
    while (labels->done < labels->count) {
        enum result result = changeparts_commit(cli, override_part, labels);
        if (result != RESULT_OK) {
            const struct diag why = cli->diag;
            return labels->done == 0
                       ? result
                       : diag_fail(&cli->diag, result, "%zu of %zu members are changed; then: %s",
                                   labels->done, labels->count, why.text);
        }
        labels->done = end_of_part(labels);
    }
    return RESULT_OK;
}

static int override_all(struct cli *cli, enum override override)
{
    struct session session = { 0 };
    struct labels labels = { .decision = { .override = &override } };
    struct member member;
    enum result result = session_write(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_each(session.txn[STORE_REGISTRY], collect_label, &labels);
    }
    for (size_t i = 0; i < labels.count && result == RESULT_OK; i++) {
        result = put_decision(&session, cli, labels.list[i], &labels.decision, &member);
    }
    if (result == RESULT_OK) {
        result = session_commit(&session, cli);
    }
    bool in_parts = changeparts_are_needed(&session, result);
    session_done(&session);
    if (in_parts) {
        result = override_parts(cli, &labels);
    }
    free(labels.list);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:I, s:s}", "members", (json_int_t)labels.count, "override",
                             override_text(override)));
    } else {
        printf("override of %zu members: %s\n", labels.count, override_text(override));
    }
    return CLI_DONE;
}

int cmd_member_override(struct cli *cli, int argc, char **argv)
{
    enum override override = OVERRIDE_AUTO;
    bool all = cli_flag(cli, "all");
    if (argc != (all ? 1 : 2)) {
        return cli_usage(cli, "give a member's name or --all, and eligible, ineligible or auto");
    }
    if (override_parse(&override, argv[argc - 1]) != RESULT_OK) {
        return cli_usage(cli, "an override is eligible, ineligible or auto");
    }
    if (all) {
        return override_all(cli, override);
    }
    static const char *const done[] = {
        [OVERRIDE_AUTO] = "follows the probe's verdict.",
        [OVERRIDE_ELIGIBLE] = "is handed out, whatever the probe says.",
        [OVERRIDE_INELIGIBLE] = "is not handed out, whatever the probe says.",
    };
    return change_decision(cli, argv[0], &(struct decision){ .override = &override },
                           done[override]);
}

int cmd_member_remove(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    struct settings settings;
    struct member member;
    char label[LABEL_ROOM];
    char until[OUTPUT_TIME_ROOM] = "";
    enum result result = begin_change(&session, cli, argv[0], label, &settings);
    if (result == RESULT_OK) {
        result = session_member(&session, cli, label, &member);
    }
    if (result == RESULT_OK) {
        struct memberend end;
        memberend_begin(&end, &session, cli, &settings);
        uint64_t barred_until = memberend_barred_until(&end, &member);
        output_time(barred_until, until);
        result = registry_remove(&session.change, label, barred_until);
        note_change(&session, &member, NULL);
    }
    result = end_change(&session, cli, result);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:s, s:s}", "name", label, "quarantined_until", until));
    } else {
        printf("%s is removed: its name answers NXDOMAIN now. Nobody else may take the name before "
               "%s.\n",
               label, until);
    }
    return CLI_DONE;
}
