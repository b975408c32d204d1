#include "tools/runshow.h"

#include <stdio.h>

#include "tools/output.h"

static json_t *daemon_json(const struct instance_facts *facts)
{
    if (!facts->running) {
        return json_pack("{s:b}", "running", 0);
    }
    bool told = facts->pid != 0; /* else its file is empty */
    return json_pack("{s:b, s:o, s:o, s:o, s:o}", "running", 1, "pid",
                     told ? json_integer((json_int_t)facts->pid) : json_null(), "since",
                     json_time(facts->since), "heartbeat", json_time(facts->heartbeat), "version",
                     told ? json_text(facts->version) : json_null());
}

json_t *runshow_server(const struct runview *view)
{
    return view->known ? daemon_json(&view->server) : json_null();
}

json_t *runshow_probes(const struct runview *view)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < view->probe_count; i++) {
        json_t *row = daemon_json(&view->probes[i].facts);
        json_object_set_new(row, "vantage", json_text(view->probes[i].vantage));
        json_array_append_new(list, row);
    }
    return list;
}

void runshow_supplies(json_t *out, const struct supplies *supplies)
{
    json_object_set_new(out, "disk_free_bytes",
                        supplies->disk_free != UINT64_MAX
                            ? json_integer((json_int_t)supplies->disk_free)
                            : json_null());
    json_object_set_new(out, "locations_at", json_time(supplies->locations_at));
    json_object_set_new(out, "backup_at", json_time(supplies->backup_at));
}

static void print_daemon(const json_t *daemon)
{
    if (!json_is_true(json_object_get(daemon, "running"))) {
        puts("does not run");
    } else if (json_is_null(json_object_get(daemon, "pid"))) {
        puts("runs");
    } else {
        printf("runs since %s, pid %lld, version %s\n", json_text_of(daemon, "since"),
               (long long)json_integer_value(json_object_get(daemon, "pid")),
               json_text_of(daemon, "version"));
    }
}

void runshow_print_server(const json_t *server)
{
    if (json_is_object(server)) {
        printf("%-11s ", "ntspoold");
        print_daemon(server);
    }
}

void runshow_print_probes(const json_t *probes)
{
    size_t i = 0;
    const json_t *probe = NULL;
    json_array_foreach(probes, i, probe)
    {
        printf("%-11s %s ", i == 0 ? "probe" : "", json_text_of(probe, "vantage"));
        print_daemon(probe);
    }
}
