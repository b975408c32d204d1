/* Warnings with ids, as `status` shows them to people, to scripts and to monitoring. */
#ifndef TOOLS_CONCERNVIEW_H
#define TOOLS_CONCERNVIEW_H

#include <jansson.h>
#include <stdbool.h>

#include "zone/base/concern.h"

enum concernview_exit {
    CONCERNVIEW_NONE = 0,
    CONCERNVIEW_WARNING = 1,
    CONCERNVIEW_URGENT = 3 /* 2 is wrong usage */
};

/* Sets `warnings` (objects) and `warning_texts` (the texts alone). */
void concernview_set(json_t *out, const struct concerns *concerns);
/* One line each. */
void concernview_print(const struct concerns *concerns);
/* Says what an id stands for. False if there is no such id. */
bool concernview_explain(const char *id, bool json);
/* The exit status of `status --check`. */
int concernview_exit(const struct concerns *concerns);
/* One line in the form of the Monitoring Plugins, with `members` and `eligible` (-1: not known) as
 * performance data. Returns the plugin's exit status. */
int concernview_nagios(const struct concerns *concerns, long long members, long long eligible);

#endif
