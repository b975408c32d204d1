#include "tools/nagios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output.h"
#include "zone/base/result.h"

/* Prints a text without bars, which would begin the performance data. */
static void print_plain(const char *text)
{
    size_t room = 4 * strlen(text) + 1;
    char *safe = xmalloc(room);
    (void)output_escape(safe, room, text);
    for (char *bar = strchr(safe, '|'); bar != NULL; bar = strchr(bar, '|')) {
        *bar = '/';
    }
    (void)fputs(safe, stdout);
    free(safe);
}

int nagios_print(enum nagios_status status, const char *text, const struct nagios_figure *figures,
                 size_t figure_count)
{
    static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
    (void)printf("NTSPOOL %s: ", words[status]);
    print_plain(text);
    (void)fputs(figure_count > 0 ? " |" : "", stdout);
    for (size_t i = 0; i < figure_count; i++) {
        if (figures[i].count >= 0) {
            (void)printf(" %s=%lld;;;0", figures[i].label, figures[i].count);
        }
    }
    (void)puts("");
    return (int)status;
}

void nagios_print_more(const char *text)
{
    print_plain(text);
    (void)puts("");
}
