#include "zone/overview/fleetview.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "zone/base/instance.h"
#include "zone/base/isotime.h"
#include "zone/fleet/letters.h"

/* Where machines are collected, and whose last words are looked up. */
struct collecting {
    struct fleetview *view;
    struct store_txn *fleet;
    uint8_t *octets; /* LETTER_MAX */
};

static enum result add_machine(const struct machine *machine, void *arg)
{
    const struct collecting *collecting = arg;
    struct fleetview *view = collecting->view;
    struct letter letter;
    struct hello hello;
    if (machine->evicted_at > 0 || view->count == MACHINES_MAX) {
        return RESULT_OK;
    }
    struct fleetview_machine *out = &view->machines[view->count++];
    *out = (struct fleetview_machine){ .role = machine->role };
    memcpy(out->name, machine->name, sizeof(out->name));
    if (letters_get(collecting->fleet, LETTER_HELLO, machine->name, "", collecting->octets,
                    &letter) != RESULT_OK ||
        hello_decode(&hello, letter.text) != RESULT_OK) {
        return RESULT_OK;
    }
    const struct feedstate *feed = &view->feed;
    out->said_at = letter.made_at;
    out->epoch = hello.epoch;
    out->seq = hello.seq;
    out->lag = hello.epoch == feed->epoch && hello.seq < feed->seq ? feed->seq - hello.seq : 0;
    out->lag = hello.epoch < feed->epoch ? feed->seq : out->lag;
    out->answers = hello.answers;
    out->keyed = hello.has_identity;
    out->package = hello.package;
    (void)snprintf(out->version, sizeof(out->version), "%s", hello.version);
    return RESULT_OK;
}

/* Who has left keeps what was said, for nothing. */
static bool is_member(const char *state_dir)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/" FLEETVIEW_MACHINE, state_dir);
    return access(path, F_OK) == 0;
}

enum result fleetview_read(struct fleetview *out, const char *state_dir, struct store_txn *fleet,
                           struct store_txn *registry)
{
    struct instance_facts facts = { .heartbeat = 0 };
    *out = (struct fleetview){ .count = 0 };
    enum result result = fleet == NULL || !is_member(state_dir) ? RESULT_NOT_FOUND
                                                                : feedstate_get(fleet, &out->feed);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    out->is_in_fleet = true;
    out->feeds =
        instance_read(&facts, state_dir, FLEETVIEW_FEED, NULL) == RESULT_OK && facts.running;
    out->fed_at = facts.heartbeat;
    if (registry == NULL) {
        return RESULT_OK;
    }
    struct collecting collecting = { .view = out, .fleet = fleet, .octets = xmalloc(LETTER_MAX) };
    result = registry_machines(registry, add_machine, &collecting);
    free(collecting.octets);
    return result;
}

bool fleetview_is_silent(const struct fleetview_machine *machine, uint64_t now)
{
    return machine->said_at == 0 || machine->said_at + HELLO_SILENT_S < now;
}

/* It runs, but can't even note how it does. */
static bool is_mute(const struct fleetview *view, uint64_t now)
{
    return view->feeds && view->feed.at + FLEETVIEW_MUTE_S < now;
}

static void warn_of_feed(const struct fleetview *view, uint64_t now, struct concerns *concerns)
{
    static const enum concern_id ids[FEEDSTATE_TROUBLES] = {
        [FEEDSTATE_FINE] = CONCERN_IDS,
        [FEEDSTATE_AWAY] = CONCERN_FLEET_AWAY,
        [FEEDSTATE_REFUSED] = CONCERN_FLEET_REFUSES,
        [FEEDSTATE_FORKED] = CONCERN_FLEET_FORKED,
        [FEEDSTATE_NEWER] = CONCERN_FLEET_NEWER,
        [FEEDSTATE_BEHIND] = CONCERN_FLEET_BEHIND,
    };
    const struct feedstate *feed = &view->feed;
    char at[ISOTIME_ROOM];
    if (!view->feeds) {
        concern_add(concerns, CONCERN_FEED_DOWN, NULL, view->fed_at,
                    "ntspool-feedd does not run on this machine, which is in a fleet: changes that "
                    "are made elsewhere do not reach it");
        return;
    }
    bool mute = is_mute(view, now);
    enum concern_id id = mute ? CONCERN_FLEET_BEHIND : ids[feed->trouble];
    uint64_t since = mute ? feed->at : feed->since;
    if (id != CONCERN_IDS) {
        concern_add(concerns, id, NULL, since,
                    "this machine has not followed its fleet since %s: %s; it goes on with what it "
                    "has, change %llu",
                    isotime_or_dash(since, at),
                    mute ? "ntspool-feedd can note nothing, as on a full disk" : feed->why,
                    (unsigned long long)feed->seq);
    }
}

void fleetview_warn(const struct fleetview *view, uint64_t now, struct concerns *concerns)
{
    char at[ISOTIME_ROOM];
    if (!view->is_in_fleet) {
        return;
    }
    warn_of_feed(view, now, concerns);
    /* Who hears nobody is the silent one. */
    bool hears = view->feeds && !is_mute(view, now) && view->feed.trouble != FEEDSTATE_AWAY &&
                 view->feed.trouble != FEEDSTATE_REFUSED;
    for (size_t i = 0; hears && i < view->count; i++) {
        const struct fleetview_machine *machine = &view->machines[i];
        if (machine->said_at != 0 && fleetview_is_silent(machine, now)) {
            concern_add(concerns, CONCERN_MACHINE_SILENT, machine->name, machine->said_at,
                        "machine %s of the fleet has said nothing since %s, when it had change "
                        "%llu",
                        machine->name, isotime_or_dash(machine->said_at, at),
                        (unsigned long long)machine->seq);
        }
    }
}
