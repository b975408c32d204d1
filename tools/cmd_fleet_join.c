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
    NAMES_SHOWN = 5
};

/* How many members, and the names of the first. */
struct entry_names {
    size_t count;
    char text[(NAMES_SHOWN + 1) * LABEL_ROOM];
};

/* What the machine is, and what becomes of it. */
struct entry {
    struct membership membership;
    struct membership_papers papers;
    bool fresh;           /* it has no pool yet */
    bool member;          /* it is in this fleet already, and gets a new token */
    struct ledgerhead at; /* seq 0: it has no rows of the fleet yet */
    struct taking_change rows;
    struct entry_names dropped;   /* that only this machine has */
    struct entry_names returning; /* that were removed here */
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

static enum result read_position(struct entry *entry, struct store_txn *registry)
{
    struct ledgerhead_position position = { .cluster = 0 };
    enum result result = registry_position(registry, &position);
    entry->at = position.head;
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
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
    TRY(read_position(entry, session->txn[STORE_REGISTRY]));
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

static void add_name(struct entry_names *names, const char *label)
{
    size_t len = strlen(names->text);
    if (names->count <= NAMES_SHOWN) {
        (void)snprintf(names->text + len, sizeof names->text - len, "%s%s",
                       names->count > 0 ? " " : "", names->count < NAMES_SHOWN ? label : "...");
    }
    names->count++;
}

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
    const char *label = member->label;
    if (survey->count == 0 || bsearch(&label, survey->labels, survey->count, sizeof *survey->labels,
                                      order_labels) == NULL) {
        add_name(&survey->entry->dropped, label);
    }
    return RESULT_OK;
}

/* True if this machine has removed that member. */
static bool was_removed(struct store_txn *registry, const struct member *member)
{
    struct tombstone tombstone;
    return registry_tombstone(registry, member->label, &tombstone) == RESULT_OK && tombstone.kept &&
           tombstone.member.id == member->id;
}

static enum result survey_rows(struct entry_survey *survey, struct store_txn *registry)
{
    const struct rowset *rows = &survey->entry->rows.rows;
    char(*texts)[LABEL_ROOM] = xcalloc(rows->count + 1, sizeof *texts);
    struct member member;
    for (size_t i = 0; i < rows->count; i++) {
        const struct octets value = rows->list[i].value;
        if (rows->list[i].name.kind == LEDGERROW_MEMBER &&
            member_decode(&member, value.data, value.len) == RESULT_OK) {
            memcpy(texts[survey->count], member.label, sizeof member.label);
            survey->labels[survey->count] = texts[survey->count];
            survey->count++;
            if (was_removed(registry, &member)) {
                add_name(&survey->entry->returning, member.label);
            }
        }
    }
    if (survey->count > 0) {
        qsort(survey->labels, survey->count, sizeof *survey->labels, order_labels);
    }
    enum result result = registry_each(registry, survey_member, survey);
    free(texts);
    return result;
}

static enum result survey(struct entry *entry, struct cli *cli)
{
    struct session session = { 0 };
    struct entry_survey survey = { xcalloc(entry->rows.rows.count + 1, sizeof *survey.labels), 0,
                                   entry };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = survey_rows(&survey, session.txn[STORE_REGISTRY]);
    }
    session_done(&session);
    free(survey.labels);
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

/* Changes are given up for good. Members that they removed must not come back by that. */
static enum result check_loss(struct entry *entry, struct cli *cli)
{
    if (!taking_lacks(&entry->at, &entry->rows)) {
        return RESULT_OK;
    }
    TRY(survey(entry, cli));
    return entry->returning.count == 0 || cli_flag(cli, "yes")
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_REFUSED,
                           "%zu members that were removed would come back (%s): `ntspool member "
                           "remove` them on an admin first, or give --yes",
                           entry->returning.count, entry->returning.text);
}

static enum result take_rows(struct entry *entry, struct cli *cli)
{
    TRY(read_rows(entry, cli));
    if (!entry->fresh && entry->at.seq == 0) {
        TRY(survey(entry, cli));
    }
    if (entry->dropped.count > 0 &&
        !confirm_that(cli, "members that only this machine has are removed from it")) {
        return diag_fail(&cli->diag, RESULT_REFUSED, "nothing was changed");
    }
    bool accept = cli_flag(cli, "accept");
    TRY(accept ? check_loss(entry, cli) : RESULT_OK);
    return take(entry, cli, accept);
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

static void print_dropped(const struct entry_names *dropped)
{
    if (dropped->count > 0) {
        printf("Removed here, since the fleet does not have them: %zu members (%s).\n",
               dropped->count, dropped->text);
    }
}

static void print_entry(const struct entry *entry, const struct cli *cli)
{
    const struct membership *membership = &entry->membership;
    if (cli->json) {
        json_print(json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", membership->name, "role",
                             machine_role_text(membership->role), "pool", membership->apex, "rows",
                             (json_int_t)entry->rows.rows.count, "dropped_members",
                             (json_int_t)entry->dropped.count));
        return;
    }
    printf("%s is %s of the fleet of %s, and has all its %zu rows.\n", membership->name,
           machine_role_words(membership->role), membership->apex, entry->rows.rows.count);
    print_dropped(&entry->dropped);
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

static enum result find_position(struct entry *entry, struct cli *cli)
{
    struct session session = { 0 };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = read_position(entry, session.txn[STORE_REGISTRY]);
    }
    session_done(&session);
    return result;
}

static enum result accept_ledger(struct entry *entry, struct cli *cli)
{
    TRY(membership_read(&entry->membership, cli->state_dir, &cli->diag));
    TRY(read_rows(entry, cli));
    TRY(find_position(entry, cli));
    TRY(check_loss(entry, cli));
    return take(entry, cli, true);
}

int cmd_fleet_accept(struct cli *cli, int, char **)
{
    struct entry entry = { .member = true };
    enum result result = accept_ledger(&entry, cli);
    const struct ledgerhead *head = &entry.rows.after.head;
    if (result == RESULT_OK && cli->json) {
        json_print(json_pack("{s:I, s:I, s:I}", "epoch", (json_int_t)head->epoch, "change",
                             (json_int_t)head->seq, "dropped_members",
                             (json_int_t)entry.dropped.count));
    } else if (result == RESULT_OK) {
        print_dropped(&entry.dropped);
        printf("This machine has change %llu of epoch %u of the ledger.\n",
               (unsigned long long)head->seq, head->epoch);
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
