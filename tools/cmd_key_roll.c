/* key roll, abort, without, ds-seen, trust-clock, insecure, secure: start and stop rollovers. The
 * server takes the steps. */
#include <stdio.h>
#include <string.h>

#include "dnssec/offline/fleetkeys.h"
#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"
#include "tools/commands.h"
#include "tools/keysession.h"
#include "tools/leader.h"

struct work {
    struct keysession keys;
    struct key_timeline timeline, before;
};

/* Begins a change of the keys. REFUSED on a machine that follows. */
static enum result begin(struct work *work, struct cli *cli)
{
    TRY(leader_check_keys(cli));
    TRY(keysession_begin(&work->keys, cli, true));
    TRY(key_timeline_read(&work->timeline, work->keys.session.txn[STORE_KEYS], &cli->diag));
    work->before = work->timeline;
    return !work->timeline.memory.follows
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_REFUSED,
                           "the keys come from another machine: do it there, or take over by "
                           "`ntspool key lead`");
}

/* Writes the changed keys. */
static enum result put(struct work *work, struct cli *cli)
{
    TRY(key_timeline_write(&work->timeline, &work->before, work->keys.session.txn[STORE_KEYS],
                           work->keys.seal, session_now(), &cli->diag));
    return keysession_commit(&work->keys, cli);
}

static enum result parse_options(struct roll_options *options, struct cli *cli, int argc,
                                 char **argv)
{
    static const struct {
        const char *name;
        enum roll_kind kind;
    } kinds[] = {
        { "zsk", ROLL_ZSK },
        { "ksk", ROLL_KSK },
        { "csk", ROLL_CSK },
        { "split", ROLL_SPLIT },
        { "algorithm", ROLL_ALGORITHM },
    };
    size_t k = 0;
    while (k < sizeof kinds / sizeof kinds[0] && strcmp(argv[0], kinds[k].name) != 0) {
        k++;
    }
    if (k == sizeof kinds / sizeof kinds[0]) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "a rollover is of zsk, ksk, csk, split or algorithm, not \"%.40s\"",
                         argv[0]);
    }
    *options =
        (struct roll_options){ .kind = kinds[k].kind, .emergency = cli_flag(cli, "emergency") };
    if ((options->kind == ROLL_ALGORITHM) != (argc == 2) ||
        (argc == 2 && algorithm_parse(&options->algorithm, argv[1]) != RESULT_OK)) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "key roll algorithm, and only this, takes ecdsap256 or ed25519");
    }
    return RESULT_OK;
}

static enum result roll(struct work *work, struct cli *cli, int argc, char **argv)
{
    struct roll_options options;
    TRY(parse_options(&options, cli, argc, argv));
    if (options.kind == ROLL_CSK) {
        TRY(leader_check_alone(cli));
    }
    TRY(begin(work, cli));
    TRY(key_timeline_start(&work->timeline, work->keys.session.txn[STORE_KEYS], work->keys.seal,
                           &options, session_now(), &cli->diag));
    return keysession_commit(&work->keys, cli);
}

int cmd_key_roll(struct cli *cli, int argc, char **argv)
{
    struct work work = { .keys.seal = NULL };
    enum result result = roll(&work, cli, argc, argv);
    return keysession_end(
        &work.keys, cli, result,
        "The rollover begins; ntspoold takes each step when it is safe, `ntspool key list` "
        "shows which and when.");
}

static enum result abort_rollover(struct work *work, struct cli *cli, unsigned roles)
{
    struct key_set *keys = &work->timeline.keys;
    TRY(begin(work, cli));
    if ((roles & KEY_ZSK) != 0 && rollover_has_offline_ksk(keys)) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "bundles say what happens to the ZSK while the KSK is elsewhere: make "
                         "another one; `key abort ksk` takes back a KSK alone");
    }
    if (!rollover_under_way(keys, roles)) {
        return diag_fail(&cli->diag, RESULT_REFUSED, "no rollover is under way");
    }
    if (rollover_abort(keys, roles) == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "the rollover can't be taken back, the old key is no longer in full "
                         "use: let it end, then roll again");
    }
    return put(work, cli);
}

int cmd_key_abort(struct cli *cli, int argc, char **argv)
{
    struct work work = { .keys.seal = NULL };
    unsigned roles = KEY_KSK | KEY_ZSK;
    if (argc > 0 && strcmp(argv[0], "zsk") == 0) {
        roles = KEY_ZSK;
    } else if (argc > 0 && strcmp(argv[0], "ksk") == 0) {
        roles = KEY_KSK;
    } else if (argc > 0) {
        return cli_fail(cli,
                        diag_fail(&cli->diag, RESULT_USAGE, "key abort takes zsk, ksk or nothing"));
    }
    enum result result = abort_rollover(&work, cli, roles);
    return keysession_end(&work.keys, cli, result,
                          "The old keys stay, the new ones go when it is safe.");
}

/* REFUSED unless all of them are machines of the fleet. */
static enum result check_machines(struct work *work, struct cli *cli, int count, char **names)
{
    struct machine machine;
    TRY(session_read(&work->keys.session, cli, STORE_REGISTRY));
    struct store_txn *registry = work->keys.session.txn[STORE_REGISTRY];
    for (int i = 0; i < count; i++) {
        if (!machine_name_fine(names[i]) ||
            registry_machine(registry, names[i], &machine) != RESULT_OK) {
            return diag_fail(&cli->diag, RESULT_NOT_FOUND,
                             "no machine of the fleet is called %.63s", names[i]);
        }
    }
    session_done(&work->keys.session);
    return RESULT_OK;
}

static enum result go_without(struct work *work, struct cli *cli, int count, char **names)
{
    TRY(check_machines(work, cli, count, names));
    TRY(begin(work, cli));
    for (int i = 0; i < count; i++) {
        TRY(fleetkeys_without(work->keys.session.txn[STORE_KEYS], names[i]));
    }
    return keysession_commit(&work->keys, cli);
}

int cmd_key_without(struct cli *cli, int argc, char **argv)
{
    struct work work = { .keys.seal = NULL };
    enum result result = go_without(&work, cli, argc, argv);
    return keysession_end(&work.keys, cli, result,
                          "Keys go on without them until they have all keys again. What they "
                          "answer meanwhile can fail to validate: nobody should ask them.");
}

static enum result confirm_ds(struct work *work, struct cli *cli)
{
    TRY(begin(work, cli));
    const struct rollover_timing timing =
        key_timeline_timing(&work->timeline, &work->keys.settings);
    if (rollover_ds_seen(&work->timeline.keys, &timing, session_now()) == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "nothing is asked of the parent zone, so there is nothing to see");
    }
    return put(work, cli);
}

int cmd_key_ds_seen(struct cli *cli, int, char **)
{
    struct work work = { .keys.seal = NULL };
    enum result result = confirm_ds(&work, cli);
    return keysession_end(
        &work.keys, cli, result,
        "Noted: the parent zone has the DS records that `ntspool key ds` shows, and no "
        "others.");
}

/* Moves the time of a request from the future to now, since it would bar today's requests. */
static enum result correct_request(struct work *work, struct diag *diag)
{
    struct store_txn *keys = work->keys.session.txn[STORE_KEYS];
    struct slices slices = { .count = 0 };
    uint64_t now = session_now();
    enum result result = slices_read(&slices, keys, &work->timeline.keys, diag);
    if (result == RESULT_OK && slices.made_at > now) {
        slices.made_at = now;
        result = slices_write(&slices, keys, &work->timeline.keys, diag);
    }
    slices_done(&slices);
    return result;
}

static enum result trust_clock(struct work *work, struct cli *cli)
{
    TRY(begin(work, cli));
    const struct settings *settings = &work->keys.settings;
    const struct rollover_timing timing = key_timeline_timing(&work->timeline, settings);
    if (!rollover_set_back(&work->timeline.keys, &work->timeline.memory, &timing,
                           settings->signature_validity_s, session_now())) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "the clock is not behind what this pool has seen: no key waits for it");
    }
    TRY(correct_request(work, &cli->diag));
    return put(work, cli);
}

int cmd_key_trust_clock(struct cli *cli, int, char **)
{
    struct work work = { .keys.seal = NULL };
    enum result result = trust_clock(&work, cli);
    return keysession_end(
        &work.keys, cli, result,
        "Keys take steps again: what was done while the clock was ahead counts as "
        "done now.");
}

static int set_insecure(struct cli *cli, bool insecure, const char *done)
{
    struct work work = { .keys.seal = NULL };
    enum result result = begin(&work, cli);
    if (result == RESULT_OK && work.timeline.memory.insecure == insecure) {
        result = diag_fail(&cli->diag, RESULT_REFUSED, "the zone is %s already",
                           insecure ? "to be insecure" : "to be secure");
    }
    if (result == RESULT_OK) {
        work.timeline.memory = key_timeline_timing(&work.timeline, &work.keys.settings).memory;
        work.timeline.memory.insecure = insecure;
        result = put(&work, cli);
    }
    return keysession_end(
        &work.keys, cli, result,
        rollover_has_offline_ksk(&work.timeline.keys)
            ? "The key-signing key is elsewhere: the next bundle tells the parent "
              "zone, `ntspool key request`."
            : done);
}

int cmd_key_insecure(struct cli *cli, int, char **)
{
    return set_insecure(cli, true,
                        "CDS and CDNSKEY now ask the parent zone to remove the DS. The zone goes "
                        "on to be signed, which does no harm; `ntspool key secure` takes it back.");
}

int cmd_key_secure(struct cli *cli, int, char **)
{
    return set_insecure(cli, false,
                        "CDS and CDNSKEY now ask the parent zone for the DS that `ntspool key ds` "
                        "shows.");
}
