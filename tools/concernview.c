#include "tools/concernview.h"

#include <stdio.h>
#include <string.h>

#include "tools/output.h"

enum {
    ESCAPED_ROOM = 4 * CONCERN_TEXT_ROOM
};

enum nagios {
    NAGIOS_OK,
    NAGIOS_WARNING,
    NAGIOS_CRITICAL,
    NAGIOS_UNKNOWN
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

int concernview_exit(const struct concerns *concerns)
{
    if (concerns->urgent > 0) {
        return CONCERNVIEW_URGENT;
    }
    return concerns->count > 0 ? CONCERNVIEW_WARNING : CONCERNVIEW_NONE;
}

/* Prints a text of the plugin's line, where a bar would begin the performance data. */
static void print_plain(const char *text)
{
    char safe[ESCAPED_ROOM];
    (void)output_escape(safe, sizeof safe, text);
    for (char *bar = strchr(safe, '|'); bar != NULL; bar = strchr(bar, '|')) {
        *bar = '/';
    }
    (void)fputs(safe, stdout);
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

static void print_count(const char *label, long long count)
{
    if (count >= 0) {
        printf(" %s=%lld;;;0", label, count);
    }
}

int concernview_nagios(const struct concerns *concerns, long long members, long long eligible)
{
    static const char *const words[] = { "OK", "WARNING", "CRITICAL" };
    enum nagios status = concerns->urgent > 0  ? NAGIOS_CRITICAL
                         : concerns->count > 0 ? NAGIOS_WARNING
                                               : NAGIOS_OK;
    size_t count = concerns->count + concerns->left_out;
    printf("NTSPOOL %s: ", words[status]);
    if (count > 0) {
        const struct concern *first = worst(concerns);
        printf("%s: ", concern_id_text(first->id));
        print_plain(first->text);
    } else {
        (void)fputs("no warnings", stdout);
    }
    if (count > 1) {
        printf(" (and %zu more)", count - 1);
    }
    printf(" |");
    print_count("members", members);
    print_count("eligible", eligible);
    print_count("warnings", (long long)count);
    print_count("urgent", (long long)concerns->urgent);
    (void)puts("");
    return (int)status;
}

int concernview_nagios_unknown(const char *why)
{
    (void)fputs("NTSPOOL UNKNOWN: ", stdout);
    print_plain(why);
    (void)puts("");
    return NAGIOS_UNKNOWN;
}
