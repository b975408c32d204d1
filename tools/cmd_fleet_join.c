/* fleet join, leave, accept: how this machine's copy becomes one of a fleet's, and its own again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tools/commands.h"
#include "tools/confirm.h"
#include "tools/fleet/certify.h"
#include "tools/fleet/joining.h"
#include "tools/fleetlink.h"
#include "tools/infile.h"
#include "tools/newstate.h"
#include "tools/output.h"
#include "zone/base/instance.h"
#include "zone/registry/registry_ledger.h"
#include "zone/verdicts/feed.h"

enum {
    DROPPED_SHOWN = 5
};

/* What the machine is, and what becomes of it. */
struct entry {
    struct membership membership;
    struct membership_papers papers;
    bool fresh;  /* it has no pool yet */
    bool member; /* it is in this fleet already, and gets a new token */
    struct taking_change rows;
    size_t dropped;                         /* members that only this machine has */
    char names[DROPPED_SHOWN * LABEL_ROOM]; /* ... the first of them */
};

/* -- before it joins -- */

static enum result read_token(struct entry *entry, struct cli *cli, const char *path)
{
    struct infile in;
    TRY(infile_read(&in, path, MEMBERSHIP_TOKEN_MAX, &cli->diag));
    enum result result =
        membership_token_read(&entry->membership, &entry->papers, in.text, in.len, &cli->diag);
    infile_done(&in);
    TRY(result);
    return certify_check(entry->papers.certificate, entry->papers.ca, entry->membership.name,
                         entry->membership.secret, &cli->diag);
}

static enum result check_member(struct entry *entry, struct cli *cli)
{
    struct membership old;
    enum result result = membership_read(&old, cli->state_dir, &cli->diag);
    if (result == RESULT_MISSING) {
        return RESULT_OK;
    }
    TRY(result);
    entry->member = memcmp(old.registry_id, entry->membership.registry_id, REGISTRY_ID_LEN) == 0;
    sodium_memzero(&old.secret, sizeof old.secret);
    return entry->member ? RESULT_OK
                         : diag_fail(&cli->diag, RESULT_REFUSED,
                                     "this machine is %s of the fleet of %s: `ntspool fleet leave` "
                                     "first",
                                     old.name, old.apex);
}

static enum result check_pool(struct entry *entry, struct session *session, struct cli *cli)
{
    struct settings settings;
    uint8_t id[REGISTRY_ID_LEN];
    char apex[DNAME_TEXT_MAX];
    enum result result = session_zone(session, cli, &settings);
    entry->fresh = result == RESULT_MISSING;
    if (entry->fresh) {
        return RESULT_OK;
    }
    TRY(result);
    TRY(registry_id(session->txn[STORE_REGISTRY], id, &cli->diag));
    if (strcmp(dname_text(&settings.apex, apex), entry->membership.apex) != 0 ||
        memcmp(id, entry->membership.registry_id, sizeof id) != 0) {
        return diag_fail(
            &cli->diag, RESULT_REFUSED,
            "%s holds a pool of its own, which is no copy of the fleet's: give another "
            "--state, or remove that directory first",
            cli->state_dir);
    }
    return RESULT_OK;
}

static enum result check_state(struct entry *entry, struct cli *cli)
{
    struct session session = { 0 };
    TRY(check_member(entry, cli));
    enum result result = check_pool(entry, &session, cli);
    session_done(&session);
    return result;
}

/* -- what this machine has, and the fleet has not -- */

struct entry_survey {
    const char **labels; /* of the fleet's members, sorted */
    size_t count;
    struct entry *entry;
};

static int order_labels(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static enum result survey_member(const struct member *member, void *arg)
{
    struct entry_survey *survey = arg;
    struct entry *entry = survey->entry;
    const char *label = member->label;
    if (survey->count == 0 || bsearch(&label, survey->labels, survey->count, sizeof *survey->labels,
                                      order_labels) == NULL) {
        size_t len = strlen(entry->names);
        if (entry->dropped < DROPPED_SHOWN) {
            (void)snprintf(entry->names + len, sizeof entry->names - len, "%s%s",
                           entry->dropped > 0 ? " " : "", label);
        }
        entry->dropped++;
    }
    return RESULT_OK;
}

static enum result survey(struct entry *entry, struct cli *cli)
{
    const struct rowset *rows = &entry->rows.rows;
    struct session session = { 0 };
    struct entry_survey survey = { xcalloc(rows->count + 1, sizeof *survey.labels), 0, entry };
    char(*texts)[LABEL_ROOM] = xcalloc(rows->count + 1, sizeof *texts);
    for (size_t i = 0; i < rows->count; i++) {
        const struct ledgerrow_name *name = &rows->list[i].name;
        if (name->kind == LEDGERROW_MEMBER && name->len < LABEL_ROOM) {
            memcpy(texts[survey.count], name->octets, name->len);
            survey.labels[survey.count] = texts[survey.count];
            survey.count++;
        }
    }
    if (survey.count > 0) {
        qsort(survey.labels, survey.count, sizeof *survey.labels, order_labels);
    }
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_each(session.txn[STORE_REGISTRY], survey_member, &survey);
    }
    session_done(&session);
    free(survey.labels);
    free(texts);
    return result;
}

/* -- joining -- */

/* For the probes of a machine without a server. */
static enum result publish(struct store *registry, struct cli *cli)
{
    struct store_txn *txn = NULL;
    TRY(store_read(registry, &txn, &cli->diag));
    enum result result = feed_publish(cli->state_dir, txn, &cli->diag);
    store_abort(txn);
    return result;
}

static enum result take(struct entry *entry, struct cli *cli, bool accept)
{
    struct store *registry = NULL;
    TRY(store_open(&registry, cli->state_dir, STORE_REGISTRY, true, &cli->diag));
    enum result result =
        joining_take(registry, &entry->membership, &entry->rows, accept, &cli->diag);
    if (result == RESULT_OK) {
        result = publish(registry, cli);
    }
    store_close(registry);
    return result;
}

static enum result read_rows(struct entry *entry, struct cli *cli)
{
    struct fleetlink link = { .etcd = NULL };
    enum result result = fleetlink_open(&link, cli);
    if (result == RESULT_OK) {
        result = joining_wait(link.etcd, &link.membership, &entry->rows, &cli->diag);
    }
    if (result == RESULT_NOT_FOUND) {
        result = diag_fail(&cli->diag, result,
                           "the engine has no ledger yet: `ntspool fleet create` on the admin");
    }
    fleetlink_close(&link);
    return result;
}

static enum result take_rows(struct entry *entry, struct cli *cli)
{
    TRY(read_rows(entry, cli));
    if (!entry->fresh && !entry->member) {
        TRY(survey(entry, cli));
    }
    if (entry->dropped > 0 &&
        !confirm_that(cli, "members that only this machine has are removed from it")) {
        return diag_fail(&cli->diag, RESULT_REFUSED, "nothing was changed");
    }
    return take(entry, cli, cli_flag(cli, "accept"));
}

static enum result join(struct entry *entry, struct cli *cli, const char *path)
{
    bool answers = false;
    TRY(read_token(entry, cli, path));
    answers = entry->membership.role != MACHINE_VANTAGE;
    TRY(check_state(entry, cli));
    TRY(newstate_make(cli, answers));
    if (entry->fresh && answers) {
        TRY(newstate_follow(cli));
    }
    if (entry->member) {
        TRY(membership_remove(cli->state_dir, &cli->diag));
    }
    TRY(membership_write(cli->state_dir, &entry->membership, &entry->papers, &cli->diag));
    enum result result = take_rows(entry, cli);
    if (result != RESULT_OK && !entry->member) {
        (void)membership_remove(cli->state_dir, NULL);
    }
    return result;
}

static void print_entry(const struct entry *entry, const struct cli *cli)
{
    const struct membership *membership = &entry->membership;
    if (cli->json) {
        json_print(json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", membership->name, "role",
                             machine_role_text(membership->role), "pool", membership->apex, "rows",
                             (json_int_t)entry->rows.rows.count, "dropped_members",
                             (json_int_t)entry->dropped));
        return;
    }
    printf("%s is %s of the fleet of %s, and has all its %zu rows.\n", membership->name,
           machine_role_words(membership->role), membership->apex, entry->rows.rows.count);
    if (entry->dropped > 0) {
        printf("Removed here, since the fleet does not have them: %zu members (%s%s).\n",
               entry->dropped, entry->names, entry->dropped > DROPPED_SHOWN ? " ..." : "");
    }
    printf("Next: start ntspool-feedd%s with the same state directory.\n",
           membership->role == MACHINE_VANTAGE ? " and ntspool-probed" : " and ntspoold");
}

int cmd_fleet_join(struct cli *cli, int argc, char **argv)
{
    struct entry entry = { .fresh = false };
    enum result result = join(&entry, cli, argc > 0 ? argv[0] : "-");
    if (result == RESULT_OK) {
        print_entry(&entry, cli);
    }
    taking_free(&entry.rows);
    sodium_memzero(&entry.membership, sizeof entry.membership);
    sodium_memzero(&entry.papers, sizeof entry.papers);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

/* -- accept -- */

int cmd_fleet_accept(struct cli *cli, int, char **)
{
    struct entry entry = { .member = true };
    enum result result = membership_read(&entry.membership, cli->state_dir, &cli->diag);
    if (result == RESULT_OK) {
        result = read_rows(&entry, cli);
    }
    if (result == RESULT_OK) {
        result = take(&entry, cli, true);
    }
    if (result == RESULT_OK && cli->json) {
        json_print(json_pack("{s:I, s:I}", "epoch", (json_int_t)entry.rows.after.head.epoch,
                             "change", (json_int_t)entry.rows.after.head.seq));
    } else if (result == RESULT_OK) {
        printf("This machine has change %llu of epoch %u of the ledger.\n",
               (unsigned long long)entry.rows.after.head.seq, entry.rows.after.head.epoch);
    }
    taking_free(&entry.rows);
    sodium_memzero(&entry.membership, sizeof entry.membership);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

/* -- leave -- */

/* Not a change of the pool, so the engine has no say in it. */
static enum result drop_position(struct cli *cli, bool *had)
{
    struct store *registry = NULL;
    struct store_txn *txn = NULL;
    struct registry_change change;
    struct ledgerhead_position position;
    TRY(store_open(&registry, cli->state_dir, STORE_REGISTRY, true, &cli->diag));
    enum result result = store_write(registry, &txn, &cli->diag);
    if (result == RESULT_OK) {
        *had = registry_position(txn, &position) != RESULT_NOT_FOUND;
        registry_begin(&change, txn, session_now(), &cli->diag);
        result = registry_drop_position(&change);
    }
    if (result == RESULT_OK) {
        result = store_commit(txn, &cli->diag);
    } else if (txn != NULL) {
        store_abort(txn);
    }
    store_close(registry);
    return result;
}

static enum result leave(struct cli *cli)
{
    struct instance_facts feeder;
    bool had = false;
    if (instance_read(&feeder, cli->state_dir, "ntspool-feedd", NULL) == RESULT_OK &&
        feeder.running) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "stop ntspool-feedd first: it would take the fleet's changes on");
    }
    enum result removed = membership_remove(cli->state_dir, &cli->diag);
    if (removed != RESULT_OK && removed != RESULT_MISSING) {
        return removed;
    }
    enum result result = drop_position(cli, &had);
    if (result == RESULT_OK && (had || removed == RESULT_OK)) {
        auditnote_append(cli, true);
        return RESULT_OK;
    }
    return result != RESULT_OK
               ? result
               : diag_fail(&cli->diag, RESULT_MISSING, "this machine is in no fleet");
}

int cmd_fleet_leave(struct cli *cli, int, char **)
{
    enum result result = leave(cli);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:b}", "left", true));
    } else {
        printf("This machine is in no fleet any more. What it had stays, and changes made here are "
               "its own.\n"
               "On an admin: `ntspool fleet evict` with its name. If it is to lead the keys from "
               "now on: `ntspool key lead`.\n");
    }
    return CLI_DONE;
}
