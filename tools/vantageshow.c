#include "tools/vantageshow.h"

#include <stdio.h>

#include "tools/output.h"

static void add_family(json_t *row, const char *prefix, const struct vantage_family *family)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%s_state", prefix);
    json_object_set_new(row, key, json_text(family_state_text(family->state)));
    (void)snprintf(key, sizeof key, "%s_state_since", prefix);
    json_object_set_new(row, key, json_time(family->state_since));
    (void)snprintf(key, sizeof key, "%s_frozen_since", prefix);
    json_object_set_new(row, key, json_time(family->frozen_since));
    (void)snprintf(key, sizeof key, "%s_addresses", prefix);
    json_object_set_new(row, key, json_integer(family->addresses));
}

json_t *vantageshow_json(const struct vantageview *view, const struct vantages *vantages)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < vantages->count; i++) {
        const struct vantage *each = &vantages->list[i];
        json_t *row = json_object();
        json_object_set_new(row, "name", json_text(each->name));
        json_object_set_new(row, "asked", json_boolean(vantages->asked[i]));
        json_object_set_new(row, "state", json_text(vantage_state_text(each->state)));
        json_object_set_new(row, "state_since", json_time(each->state_since));
        json_object_set_new(row, "well_at", json_time(each->well_at));
        json_object_set_new(row, "started_at", json_time(each->started_at));
        json_object_set_new(row, "interval_s", json_integer(each->interval_s));
        json_object_set_new(row, "imported", json_boolean(each->imported));
        json_object_set_new(row, "unsynchronised", json_boolean(each->unsynchronised));
        json_object_set_new(row, "eligible", json_integer(each->members));
        json_object_set_new(row, "down", json_integer(each->down));
        json_object_set_new(row, "frozen_since", json_time(each->frozen_since));
        add_family(row, "ipv6", &each->family[ADDRESS_IPV6]);
        add_family(row, "ipv4", &each->family[ADDRESS_IPV4]);
        json_object_set_new(row, "released_at", json_time(each->released_at));
        json_object_set_new(row, "dissents", json_integer((json_int_t)view->dissent[i]));
        json_array_append_new(list, row);
    }
    return list;
}

json_t *vantageshow_refusals(const struct refusal *refusals, unsigned count)
{
    json_t *out = json_array();
    for (unsigned i = 0; i < count; i++) {
        const struct refusal *each = &refusals[i];
        json_array_append_new(
            out,
            json_pack("{s:o, s:o, s:o, s:I, s:o}", "source", json_text(each->source), "first_at",
                      json_time(each->first_at), "last_at", json_time(each->last_at), "count",
                      (json_int_t)each->count, "text", json_text(each->text)));
    }
    return out;
}

/* One word for the reason why the vantage point's verdicts don't count. */
static const char *state_of(const json_t *row)
{
    const char *state = json_text_of(row, "state");
    if (strcmp(state, "well") != 0) {
        return state;
    }
    if (!json_is_true(json_object_get(row, "asked"))) {
        return "silent";
    }
    if (!json_is_null(json_object_get(row, "frozen_since"))) {
        return "frozen";
    }
    if (strcmp(json_text_of(row, "ipv6_state"), "off") == 0) {
        return "IPv6 off";
    }
    return strcmp(json_text_of(row, "ipv4_state"), "off") == 0 ? "IPv4 off" : state;
}

void vantageshow_print(const json_t *list)
{
    static const char *const heads[] = { "VANTAGE POINT", "STATE",    "LAST WORD",
                                         "INTERVAL",      "ELIGIBLE", "OF THESE DOWN" };
    struct table table;
    size_t i = 0;
    json_t *row = NULL;
    if (json_array_size(list) == 0) {
        return;
    }
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    json_array_foreach(list, i, row)
    {
        table_cell(&table, json_text_of(row, "name"));
        table_cell(&table, state_of(row));
        table_cell(&table, json_text_of(row, "well_at"));
        table_cellf(&table, "%llds",
                    (long long)json_integer_value(json_object_get(row, "interval_s")));
        table_cellf(&table, "%lld",
                    (long long)json_integer_value(json_object_get(row, "eligible")));
        table_cellf(&table, "%lld", (long long)json_integer_value(json_object_get(row, "down")));
    }
    table_end(&table);
    puts("");
}
