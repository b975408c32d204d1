/* A member as the CLI shows it. */
#ifndef TOOLS_MEMBERSHOW_H
#define TOOLS_MEMBERSHOW_H

#include <jansson.h>

#include "zone/overview/memberview.h"

/* The JSON object of `member list`. */
json_t *membershow_brief(const struct memberview *view, const struct dname *apex);
/* The JSON object of `member show`, a superset. */
json_t *membershow_full(const struct memberview *view, const struct dname *apex);
/* The text of `member show`, on stdout. */
void membershow_print(const struct memberview *view, const struct dname *apex);

#endif
