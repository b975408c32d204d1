#include "tools/session.h"

#include <stdio.h>

#include "tools/output.h"
#include "zone/base/clock.h"
#include "zone/base/instance.h"
#include "zone/verdicts/feed.h"
#include "zone/verdicts/intake.h"

/* Opens the store. Reopens one that is open but not writable, if need be. */
static enum result open_store(struct session *session, struct cli *cli, enum store_kind kind,
                              bool writable)
{
    if (session->store[kind] != NULL && (session->writable[kind] || !writable)) {
        return RESULT_OK;
    }
    if (session->store[kind] != NULL) {
        store_close(session->store[kind]);
        session->store[kind] = NULL;
    }
    session->writable[kind] = writable;
    return store_open(&session->store[kind], cli->state_dir, kind, writable, &cli->diag);
}

static bool is_due(struct session *session, struct cli *cli)
{
    struct store_txn *registry = NULL, *health = NULL;
    bool due =
        store_read(session->store[STORE_REGISTRY], &registry, NULL) == RESULT_OK &&
        store_read(session->store[STORE_HEALTH], &health, NULL) == RESULT_OK &&
        (intake_is_due(cli->state_dir, registry, health) || intake_is_foreign(registry, health));
    if (registry != NULL) {
        store_abort(registry);
    }
    if (health != NULL) {
        store_abort(health);
    }
    return due;
}

/* An intake begins its own transactions, so the session must not have one that writes verdicts. */
static enum result open_stores(struct session *session, struct cli *cli, struct intake_stores *out)
{
    TRY(open_store(session, cli, STORE_REGISTRY, false));
    TRY(open_store(session, cli, STORE_HEALTH, true));
    TRY(open_store(session, cli, STORE_HISTORY, true));
    *out = (struct intake_stores){ session->store[STORE_REGISTRY], session->store[STORE_HEALTH],
                                   session->store[STORE_HISTORY] };
    return RESULT_OK;
}

enum {
    TAKE_IN_MS = 3000 /* a command spends no more time on reports of probes */
};

/* Takes in the reports of this machine's probes. A running server does that continuously, but there
 * may be no server. Reports that can't be taken in are left for later. */
static void take_in(struct session *session, struct cli *cli)
{
    struct cli quiet = { .state_dir = cli->state_dir };
    struct intake_stores stores;
    bool tried = session->taken_in;
    session->taken_in =
        true; /* once: a store with a transaction must not be reopened for writing */
    if (tried || open_store(session, &quiet, STORE_HEALTH, true) != RESULT_OK ||
        open_store(session, &quiet, STORE_REGISTRY, false) != RESULT_OK) {
        return;
    }
    if (!is_due(session, cli) || open_stores(session, &quiet, &stores) != RESULT_OK) {
        return;
    }
    struct intake *intake = intake_new(cli->state_dir);
    uint64_t until_ms = clock_steady_ms() + TAKE_IN_MS;
    bool more = true;
    while (more && clock_steady_ms() < until_ms) {
        struct intake_sum sum = { .reports = 0 };
        if (intake_look(intake, &stores, session_now(), &more, &sum, NULL) != RESULT_OK) {
            more = false;
        }
    }
    intake_free(intake);
}

/* True of stores that take in reports. */
static bool is_of_probes(enum store_kind kind)
{
    return kind == STORE_HEALTH || kind == STORE_HISTORY;
}

enum result session_read(struct session *session, struct cli *cli, enum store_kind kind)
{
    if (is_of_probes(kind)) {
        take_in(session, cli);
    }
    TRY(open_store(session, cli, kind, false));
    return store_read(session->store[kind], &session->txn[kind], &cli->diag);
}

enum result session_write(struct session *session, struct cli *cli, enum store_kind kind)
{
    if (is_of_probes(kind)) {
        take_in(session, cli);
    }
    TRY(open_store(session, cli, kind, true));
    TRY(store_write(session->store[kind], &session->txn[kind], &cli->diag));
    if (kind == STORE_REGISTRY) {
        registry_begin(&session->change, session->txn[kind], session_now(), &cli->diag);
        return fleetchange_begin(&session->fleet, cli, session->txn[kind]);
    }
    return RESULT_OK;
}

enum result session_write_beside(struct session *session, struct cli *cli)
{
    TRY(open_store(session, cli, STORE_REGISTRY, true));
    TRY(store_write(session->store[STORE_REGISTRY], &session->txn[STORE_REGISTRY], &cli->diag));
    registry_begin(&session->change, session->txn[STORE_REGISTRY], session_now(), &cli->diag);
    return RESULT_OK;
}

void session_end(struct session *session, enum store_kind kind)
{
    if (session->txn[kind] != NULL) {
        store_abort(session->txn[kind]);
        session->txn[kind] = NULL;
    }
}

/* Publishes the feed for the probes. A running server does that itself. */
static void publish(struct session *session, struct cli *cli)
{
    struct instance_facts server;
    struct store_txn *txn = NULL;
    struct diag diag = { "" };
    if (instance_read(&server, cli->state_dir, "ntspoold", NULL) == RESULT_OK && server.running) {
        return;
    }
    enum result result = store_read(session->store[STORE_REGISTRY], &txn, &diag);
    if (result == RESULT_OK) {
        result = feed_publish(cli->state_dir, txn, &diag);
        store_abort(txn);
    }
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "ntspool: the change is made, but the probes don't know it yet: %s\n",
                      diag.text);
    }
}

/* On a machine that is in no fleet. */
static enum result commit_alone(struct session *session, struct cli *cli)
{
    struct store_txn *txn = session->txn[STORE_REGISTRY];
    session->txn[STORE_REGISTRY] = NULL;
    enum result result = auditnote_write(&session->notes, cli, txn);
    if (result != RESULT_OK) {
        store_abort(txn);
        return diag_fail(&cli->diag, result, "the audit trail can't be written: %s",
                         result_text(result));
    }
    return session->beside ? registry_commit_beside(&session->change)
                           : registry_commit(&session->change);
}

enum result session_commit(struct session *session, struct cli *cli)
{
    TRY(session->fleet == NULL ? commit_alone(session, cli) : fleetchange_commit(session, cli));
    publish(session, cli);
    return RESULT_OK;
}

void session_done(struct session *session)
{
    for (enum store_kind kind = 0; kind < STORE_KINDS; kind++) {
        session_end(session, kind);
        if (session->store[kind] != NULL) {
            store_close(session->store[kind]);
        }
    }
    auditnote_done(&session->notes);
    fleetchange_free(session->fleet);
    *session = (struct session){ 0 };
}

enum result session_zone(struct session *session, struct cli *cli, struct settings *settings)
{
    TRY(session_read(session, cli, STORE_REGISTRY));
    return registry_settings(session->txn[STORE_REGISTRY], settings, &cli->diag);
}

enum result session_member(struct session *session, struct cli *cli, const char *label,
                           struct member *out)
{
    struct store_txn *txn = session->txn[STORE_REGISTRY];
    struct tombstone tombstone;
    char until[OUTPUT_TIME_ROOM];
    enum result result = registry_member(txn, label, out);
    if (result != RESULT_NOT_FOUND) {
        return result;
    }
    if (registry_tombstone(txn, label, &tombstone) == RESULT_OK) {
        return diag_fail(
            &cli->diag, result, "%s was removed; the name is in quarantine until %s%s%s%s", label,
            output_time(tombstone.quarantined_until, until),
            tombstone.kept ? ", and `ntspool member restore " : "", tombstone.kept ? label : "",
            tombstone.kept ? "` brings the member back" : "");
    }
    return diag_fail(&cli->diag, result, "there is no member %s: `ntspool member list` lists them",
                     label);
}

uint64_t session_now(void)
{
    return clock_now();
}
