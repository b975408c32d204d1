/* The vantage points in `ntspool status`. */
#ifndef TOOLS_VANTAGESHOW_H
#define TOOLS_VANTAGESHOW_H

#include <jansson.h>

#include "zone/overview/vantageview.h"

json_t *vantageshow_json(const struct vantageview *view, const struct vantages *vantages);
/* The refused reports that state/health has noted. */
json_t *vantageshow_refusals(const struct refusal *refusals, unsigned count);
/* Prints what vantageshow_json made. */
void vantageshow_print(const json_t *list);

#endif
