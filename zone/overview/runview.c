#include "zone/overview/runview.h"

#include <limits.h>
#include <stdio.h>

#include "zone/base/isotime.h"
#include "zone/verdicts/journal.h"

static const char server_name[] = "ntspoold";

static void read_probes(struct runview *out, const char *state_dir)
{
    char directory[PATH_MAX], names[JOURNALS_MAX][VANTAGE_ROOM];
    unsigned count = journal_list(state_dir, names);
    (void)snprintf(directory, sizeof(directory), "%s/" JOURNAL_DIR, state_dir);
    for (unsigned i = 0; i < count && out->probe_count < VANTAGES_MAX; i++) {
        struct running_probe *probe = &out->probes[out->probe_count];
        enum result result = instance_read(&probe->facts, directory, names[i], NULL);
        if (result == RESULT_OK || (result == RESULT_NOT_FOUND && probe->facts.heartbeat != 0)) {
            (void)snprintf(probe->vantage, VANTAGE_ROOM, "%.*s", VANTAGE_ROOM - 1, names[i]);
            probe->counted = probe->facts.running &&
                             probe_totals_read(&probe->totals, state_dir, names[i]) == RESULT_OK;
            out->probe_count++;
        }
    }
}

void runview_read(struct runview *out, const char *state_dir)
{
    *out = (struct runview){ .known = true };
    enum result result = instance_read(&out->server, state_dir, server_name, NULL);
    out->known = result == RESULT_OK || result == RESULT_NOT_FOUND;
    read_probes(out, state_dir);
}

static bool hangs(const struct instance_facts *facts)
{
    return facts->silent_s != UINT64_MAX && facts->silent_s > INSTANCE_STALE_S;
}

void runview_warn_of_server(const struct runview *view, struct concerns *concerns)
{
    const struct instance_facts *server = &view->server;
    if (!view->known) {
        return;
    }
    if (!server->running) {
        concern_add(concerns, CONCERN_SERVER_DOWN, NULL, server->heartbeat,
                    "ntspoold does not run on this state: nothing is answered from it");
    } else if (hangs(server)) {
        concern_add(concerns, CONCERN_SERVER_HANGS, NULL, server->heartbeat,
                    "ntspoold (pid %llu) has stood still for %llu s",
                    (unsigned long long)server->pid, (unsigned long long)server->silent_s);
    }
}

void runview_warn_of_probes(const struct runview *view, const struct vantage_keys *named,
                            struct concerns *concerns)
{
    char at[ISOTIME_ROOM];
    for (unsigned i = 0; i < view->probe_count; i++) {
        const char *vantage = view->probes[i].vantage;
        const struct instance_facts *facts = &view->probes[i].facts;
        if (vantage_keys_find(named, vantage) == NULL) {
            continue;
        }
        if (!facts->running) {
            concern_add(concerns, CONCERN_PROBE_DOWN, vantage, facts->heartbeat,
                        "ntspool-probed of vantage point %s ran on this machine until %s, and does "
                        "not run now",
                        vantage, isotime_text(facts->heartbeat, at));
        } else if (hangs(facts)) {
            concern_add(concerns, CONCERN_PROBE_HANGS, vantage, facts->heartbeat,
                        "ntspool-probed of vantage point %s (pid %llu) has stood still for %llu s",
                        vantage, (unsigned long long)facts->pid,
                        (unsigned long long)facts->silent_s);
        }
    }
}
