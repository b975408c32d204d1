#include "tools/runview.h"

#include <stdio.h>

#include "tools/output.h"
#include "zone/base/instance.h"

static const char server_name[] = "ntspoold";

json_t *runview_server(const struct cli *cli, struct concerns *concerns)
{
    struct instance_facts facts = { .running = false };
    struct diag diag = { "" };
    enum result result = instance_read(&facts, cli->state_dir, server_name, &diag);
    if (result == RESULT_SYSTEM) {
        return json_null(); /* this user may not know */
    }
    if (result != RESULT_OK || !facts.running) {
        concern_add(concerns, CONCERN_SERVER_DOWN, NULL, 0,
                    "ntspoold does not run on this state: nothing is answered from it");
        return json_pack("{s:b}", "running", 0);
    }
    if (facts.silent_s != UINT64_MAX && facts.silent_s > INSTANCE_STALE_S) {
        concern_add(concerns, CONCERN_SERVER_HANGS, NULL, facts.heartbeat,
                    "ntspoold (pid %llu) stands still since %llu s", (unsigned long long)facts.pid,
                    (unsigned long long)facts.silent_s);
    }
    return json_pack("{s:b, s:I, s:o, s:o, s:o}", "running", 1, "pid", (json_int_t)facts.pid,
                     "since", json_time(facts.since), "heartbeat", json_time(facts.heartbeat),
                     "version", json_text(facts.version));
}

void runview_print(const json_t *server)
{
    if (json_is_true(json_object_get(server, "running"))) {
        printf("ntspoold    runs since %s, pid %lld, version %s\n",
               json_string_value(json_object_get(server, "since")),
               (long long)json_integer_value(json_object_get(server, "pid")),
               json_string_value(json_object_get(server, "version")));
    } else if (json_is_object(server)) {
        puts("ntspoold    does not run");
    }
}

void runview_seal(const struct cli *cli, const struct key_timeline *timeline, bool server_runs,
                  struct concerns *concerns)
{
    struct seal *seal = NULL;
    struct diag diag = { "" };
    enum result result = seal_open(&seal, cli->state_dir, cli->config->seal_key, &diag);
    if (result == RESULT_OK) {
        result = key_timeline_open_all(timeline, seal, &diag);
    }
    seal_free(seal);
    /* SYSTEM: this user may not read it. MISSING: a running server may have it as a credential. */
    if (result == RESULT_OK || result == RESULT_SYSTEM ||
        (result == RESULT_MISSING && server_runs)) {
        return;
    }
    concern_add(concerns, CONCERN_SEAL_UNUSABLE, NULL, 0, "%s", diag.text);
}
