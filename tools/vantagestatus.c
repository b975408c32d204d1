#include "tools/vantagestatus.h"

#include <stdio.h>

#include <sodium.h>

#include "tools/fleet/membership.h"
#include "tools/output.h"
#include "tools/runshow.h"
#include "tools/vantageshow.h"

bool vantagestatus_applies(const struct cli *cli)
{
    struct membership membership;
    bool is_vantage = membership_read(&membership, cli->state_dir, NULL) == RESULT_OK &&
                      membership.role == MACHINE_VANTAGE;
    sodium_memzero(&membership, sizeof membership);
    return is_vantage || localview_applies(cli->state_dir);
}

json_t *vantagestatus_json(const struct localview *view, const char *state_dir)
{
    char apex[DNAME_TEXT_MAX];
    json_t *out = json_object();
    json_object_set_new(out, "state", json_text(state_dir));
    json_object_set_new(out, "apex", json_text(dname_text(&view->apex, apex)));
    json_object_set_new(out, "serial", json_integer(view->serial));
    json_object_set_new(out, "members", json_integer((json_int_t)view->seen.members));
    json_object_set_new(out, "probes", runshow_probes(&view->run));
    json_object_set_new(out, "vantages", vantageshow_json(&view->seen, &view->vantages));
    json_object_set_new(out, "keys", json_null());
    json_object_set_new(out, "vantage_only", json_true());
    json_object_set_new(out, "stores", json_array());
    runshow_supplies(out, &view->supplies);
    return out;
}

void vantagestatus_print(const struct cli *cli, const json_t *out)
{
    printf("pool        %s, serial %lld, in %s\nmembers     %lld\nkeys        elsewhere: this "
           "machine is a vantage point\n",
           json_string_value(json_object_get(out, "apex")),
           (long long)json_integer_value(json_object_get(out, "serial")), cli->state_dir,
           (long long)json_integer_value(json_object_get(out, "members")));
    runshow_print_probes(json_object_get(out, "probes"));
    puts("");
    vantageshow_print(json_object_get(out, "vantages"));
}
