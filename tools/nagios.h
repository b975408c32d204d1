/* The output of a plugin for Nagios, Icinga and others (Monitoring Plugins Development Guidelines):
 * one line with the status, a text and performance data, and maybe more lines. */
#ifndef TOOLS_NAGIOS_H
#define TOOLS_NAGIOS_H

#include <stddef.h>

/* The plugin's exit status. */
enum nagios_status {
    NAGIOS_OK,
    NAGIOS_WARNING,
    NAGIOS_CRITICAL,
    NAGIOS_UNKNOWN
};

struct nagios_figure {
    const char *label;
    long long count; /* negative: not known, left out */
};

/* Prints the line. Returns the status. */
int nagios_print(enum nagios_status status, const char *text, const struct nagios_figure *figures,
                 size_t figure_count);
/* Prints another line. */
void nagios_print_more(const char *text);

#endif
