#include "tools/fleetwait.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleetlink.h"
#include "tools/fleetmachines.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/base/clock.h"
#include "zone/base/instance.h"
#include "zone/registry/registry_ledger.h"

enum {
    PAUSE_MS = 20, /* between the first two looks; then longer: */
    PAUSE_MAX_MS = 500,
    NAMES_MAX = 3, /* of machines that lack the change */
    ALL = MACHINES_MAX + 1
};

static const struct option_row of_change[] = {
    { "wait", 0, "all|N", false, "in a fleet: wait until so many machines have the change" },
    { "timeout", 0, "SECONDS", false, "how long to wait for them (30)" },
    { 0 },
};

/* All that call session_commit. */
static const char *const changing[] = {
    "member add",      "member admit",   "member set",    "member suspend", "member resume",
    "member override", "member remove",  "member expire", "member restore", "member import",
    "record load",     "record remove",  "zone set",      "zone unset",     "zone ns add",
    "zone ns set",     "zone ns remove", "zone ns seen",  "vantage add",    "vantage remove",
    "fleet token",     "fleet evict",    "health forget", "restore",
};

const struct option_row *fleetwait_options(const struct cli_command *command)
{
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
        if (strcmp(command->name, changing[i]) == 0) {
            return of_change;
        }
    }
    return NULL;
}

struct wish {
    bool asked;        /* by --wait */
    uint32_t machines; /* that are to have it */
    uint32_t limit_ms;
};

struct wait {
    struct wish wish;
    struct fleetlink link;
    struct fleetmachines machines;
    uint64_t here;        /* the change that this machine has */
    bool answers;         /* ntspoold runs on it */
    unsigned count, have; /* machines */
};

static enum result read_wish(struct wish *out, struct cli *cli)
{
    const char *text = cli_value(cli, "wait", 0);
    struct wish wish = { .asked = text != NULL, .machines = ALL, .limit_ms = FLEETWAIT_MS };
    uint32_t limit_s = FLEETWAIT_S;
    if (wish.asked && strcmp(text, "all") != 0 &&
        !output_number(text, 0, MACHINES_MAX, &wish.machines)) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "--wait %.40s: all is needed, or a whole number up to %d", text,
                         MACHINES_MAX);
    }
    TRY(cli_number(cli, "timeout", 1, FLEETWAIT_MAX_S, &limit_s));
    if (!wish.asked && cli_flag(cli, "timeout")) {
        return diag_fail(&cli->diag, RESULT_USAGE, "--timeout says how long --wait waits");
    }
    if (wish.asked) {
        wish.limit_ms = limit_s * 1000;
    }
    *out = wish;
    return RESULT_OK;
}

enum result fleetwait_check(struct cli *cli)
{
    struct wish wish;
    return fleetwait_options(cli->command) != NULL ? read_wish(&wish, cli) : RESULT_OK;
}

static enum result read_here(struct wait *wait, struct cli *cli)
{
    struct session session = { 0 };
    struct ledgerhead_position position;
    struct instance_facts server;
    wait->answers =
        instance_read(&server, cli->state_dir, "ntspoold", NULL) == RESULT_OK && server.running;
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = fleetmachines_list(&wait->machines, session.txn[STORE_REGISTRY]);
    }
    if (result == RESULT_OK &&
        registry_position(session.txn[STORE_REGISTRY], &position) == RESULT_OK) {
        wait->here = position.head.seq;
    }
    session_done(&session);
    return result;
}

static bool is_this(const struct wait *wait, const struct fleetmachine *one)
{
    return strcmp(one->machine.name, wait->link.membership.name) == 0;
}

/* True if clients ask the machine. */
static bool counts(const struct wait *wait, const struct fleetmachine *one)
{
    if (one->machine.evicted_at != 0 || one->machine.role == MACHINE_VANTAGE) {
        return false;
    }
    if (is_this(wait, one)) {
        return wait->answers;
    }
    return one->greeted && (one->machine.role == MACHINE_EDGE || one->hello.answers);
}

static bool has(const struct wait *wait, const struct cli *cli, const struct fleetmachine *one)
{
    return ack_has(&one->has, cli->agreed_epoch, cli->agreed_seq) ||
           (is_this(wait, one) && wait->here >= cli->agreed_seq);
}

static void count(struct wait *wait, const struct cli *cli)
{
    wait->count = wait->have = 0;
    for (unsigned i = 0; i < wait->machines.count; i++) {
        const struct fleetmachine *one = &wait->machines.list[i];
        bool is_counted = counts(wait, one);
        wait->count += is_counted;
        wait->have += is_counted && has(wait, cli, one);
    }
}

/* True if more machines can't have it. */
static bool is_over(const struct wait *wait)
{
    return wait->have >= wait->wish.machines || wait->have == wait->count;
}

static enum result look(struct wait *wait, struct cli *cli)
{
    uint64_t until = clock_steady_ms() + wait->wish.limit_ms;
    unsigned pause_ms = PAUSE_MS;
    struct etcd *etcd = wait->link.etcd;
    const struct membership *membership = &wait->link.membership;
    TRY(fleetmachines_ask(&wait->machines, etcd, membership, &cli->diag));
    count(wait, cli);
    while (!is_over(wait) && clock_steady_ms() < until) {
        TRY(etcd_turn(etcd, NULL, 0, pause_ms, &cli->diag));
        TRY(fleetmachines_ask_acks(&wait->machines, etcd, membership, &cli->diag));
        count(wait, cli);
        pause_ms = pause_ms * 3 / 2 < PAUSE_MAX_MS ? pause_ms * 3 / 2 : PAUSE_MAX_MS;
    }
    return RESULT_OK;
}

/* "; not yet: fra1, lon1 (silent) and 3 more" */
static void print_missing(const struct wait *wait, const struct cli *cli)
{
    unsigned missing = 0;
    uint64_t now = session_now();
    for (unsigned i = 0; i < wait->machines.count; i++) {
        const struct fleetmachine *one = &wait->machines.list[i];
        if (!counts(wait, one) || has(wait, cli, one)) {
            continue;
        }
        if (missing < NAMES_MAX) {
            (void)fprintf(stderr, "%s%s%s", missing == 0 ? "; not yet: " : ", ", one->machine.name,
                          fleetmachines_is_silent(one, now) ? " (silent)" : "");
        }
        missing++;
    }
    if (missing > NAMES_MAX) {
        (void)fprintf(stderr, " and %u more", missing - NAMES_MAX);
    }
}

static const char *machines_have(const struct wait *wait)
{
    return wait->count == 1 ? "machine has" : "machines have";
}

static int tell(const struct wait *wait, const struct cli *cli)
{
    const struct wish *wish = &wait->wish;
    bool in_vain = wish->asked && wait->have < wish->machines &&
                   (wish->machines != ALL || wait->have < wait->count);
    if (in_vain && wish->machines != ALL && wait->count < wish->machines) {
        (void)fprintf(stderr, "ntspool: the change is made, but only %u %s of the fleet answer%s",
                      wait->count, wait->count == 1 ? "machine" : "machines",
                      wait->count == 1 ? "s" : "");
    } else if (in_vain) {
        (void)fprintf(stderr, "ntspool: the change is made, but after %u s only %u of %u %s it",
                      wish->limit_ms / 1000, wait->have, wait->count, machines_have(wait));
    } else if (wait->count > 0) {
        (void)fprintf(stderr, "ntspool: %u of %u %s it", wait->have, wait->count,
                      machines_have(wait));
    } else {
        return CLI_DONE;
    }
    print_missing(wait, cli);
    (void)fputc('\n', stderr);
    return in_vain ? CLI_BEHIND : CLI_DONE;
}

int fleetwait(struct cli *cli)
{
    struct wait *wait = xcalloc(1, sizeof *wait);
    char safe[2 * sizeof cli->diag.text];
    int status = CLI_DONE;
    CHECK(read_wish(&wait->wish, cli) == RESULT_OK);
    if (wait->wish.machines > 0) {
        cli_show(cli);
        enum result result = read_here(wait, cli);
        if (result == RESULT_OK) {
            result = fleetlink_open(&wait->link, cli);
        }
        if (result == RESULT_OK) {
            result = look(wait, cli);
        }
        if (result == RESULT_OK) {
            status = tell(wait, cli);
        } else {
            (void)fprintf(stderr, "ntspool: the change is made, but who has it is not known: %s\n",
                          cli->diag.text[0] != 0 ? output_escape(safe, sizeof safe, cli->diag.text)
                                                 : result_text(result));
            status = wait->wish.asked ? CLI_BEHIND : CLI_DONE;
        }
        fleetlink_close(&wait->link);
    }
    free(wait);
    return status;
}
