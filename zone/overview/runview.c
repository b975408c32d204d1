#include "zone/overview/runview.h"

static const char server_name[] = "ntspoold";

void runview_read(struct runview *out, const char *state_dir)
{
    *out = (struct runview){ .known = true };
    enum result result = instance_read(&out->server, state_dir, server_name, NULL);
    out->known = result == RESULT_OK || result == RESULT_NOT_FOUND;
}

void runview_warn(const struct runview *view, struct concerns *concerns)
{
    const struct instance_facts *server = &view->server;
    if (!view->known) {
        return;
    }
    if (!server->running) {
        concern_add(concerns, CONCERN_SERVER_DOWN, NULL, 0,
                    "ntspoold does not run on this state: nothing is answered from it");
    } else if (server->silent_s != UINT64_MAX && server->silent_s > INSTANCE_STALE_S) {
        concern_add(concerns, CONCERN_SERVER_HANGS, NULL, server->heartbeat,
                    "ntspoold (pid %llu) stands still since %llu s",
                    (unsigned long long)server->pid, (unsigned long long)server->silent_s);
    }
}
