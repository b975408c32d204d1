#include "tools/concernview.h"

#include <stdio.h>
#include <string.h>

#include "tools/nagios.h"
#include "tools/output.h"

enum {
    ESCAPED_ROOM = 4 * CONCERN_TEXT_ROOM
};

void concernview_set(json_t *out, const struct concerns *concerns)
{
    json_t *list = json_array(), *texts = json_array();
    for (size_t i = 0; i < concerns->count; i++) {
        const struct concern *each = &concerns->list[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "id", concern_id_text(each->id),
                            "severity", concern_severity_text(concern_severity(each->id)), "since",
                            json_time(each->since), "subject", json_text_or_null(each->subject),
                            "text", json_text(each->text), "advice", concern_advice(each->id)));
        json_array_append_new(texts, json_text(each->text));
    }
    json_object_set_new(out, "warnings", list);
    json_object_set_new(out, "warning_texts", texts);
}

void concernview_print(const struct concerns *concerns)
{
    char text[ESCAPED_ROOM];
    for (size_t i = 0; i < concerns->count; i++) {
        const struct concern *each = &concerns->list[i];
        printf("warning %s: %s\n", concern_id_text(each->id),
               output_escape(text, sizeof text, each->text));
    }
    if (concerns->left_out > 0) {
        printf("and %zu more warnings\n", concerns->left_out);
    }
}

bool concernview_explain(const char *id, bool json)
{
    unsigned found = 0;
    while (found < CONCERN_IDS && strcmp(concern_id_text((enum concern_id)found), id) != 0) {
        found++;
    }
    if (found == CONCERN_IDS) {
        return false;
    }
    const char *severity = concern_severity_text(concern_severity((enum concern_id)found));
    const char *advice = concern_advice((enum concern_id)found);
    if (json) {
        json_print(json_pack("{s:s, s:s, s:s}", "id", id, "severity", severity, "advice", advice));
    } else {
        printf("%s (%s): %s.\nntspool-troubleshooting(7) says more, under WARNINGS OF STATUS.\n",
               id, severity, advice);
    }
    return true;
}

int concernview_exit(const struct concerns *concerns)
{
    if (concerns->urgent > 0) {
        return CONCERNVIEW_URGENT;
    }
    return concerns->count > 0 ? CONCERNVIEW_WARNING : CONCERNVIEW_NONE;
}

/* The first urgent one, else the first one. */
static const struct concern *worst(const struct concerns *concerns)
{
    for (size_t i = 0; i < concerns->count; i++) {
        if (concern_severity(concerns->list[i].id) == CONCERN_URGENT) {
            return &concerns->list[i];
        }
    }
    return concerns->list;
}

int concernview_nagios(const struct concerns *concerns, long long members, long long eligible)
{
    size_t count = concerns->count + concerns->left_out;
    const struct nagios_figure figures[] = { { "members", members },
                                             { "eligible", eligible },
                                             { "warnings", (long long)count },
                                             { "urgent", (long long)concerns->urgent } };
    enum nagios_status status = concerns->urgent > 0 ? NAGIOS_CRITICAL
                                : count > 0          ? NAGIOS_WARNING
                                                     : NAGIOS_OK;
    char text[CONCERN_TEXT_ROOM + 128] = "no warnings";
    if (count > 0) {
        const struct concern *first = worst(concerns);
        int used = snprintf(text, sizeof(text), "%s: %s", concern_id_text(first->id), first->text);
        if (count > 1) {
            (void)snprintf(text + used, sizeof(text) - (size_t)used, " (and %zu more)", count - 1);
        }
    }
    return nagios_print(status, text, figures, sizeof(figures) / sizeof(figures[0]));
}
