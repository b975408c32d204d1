#include "dnssec/overview/survey.h"

#include "dnssec/overview/keymetrics.h"
#include "zone/overview/poolmetrics.h"

void survey_read(struct survey *out, const struct survey_source *source)
{
    const struct keyview_source keys = { .keys = source->pool.stores[STORE_KEYS].txn,
                                         .seal = source->seal,
                                         .unsealable = source->unsealable,
                                         .now = source->pool.now };
    out->concerns.count = out->concerns.left_out = out->concerns.urgent = 0;
    overview_read(&out->pool, &source->pool, &out->concerns);
    keyview_read(&out->keys, &keys, &out->concerns);
}

void survey_write(struct openmetrics *om, const struct survey *survey)
{
    poolmetrics_write(om, &survey->pool);
    keymetrics_write(om, &survey->keys);
    poolmetrics_write_warnings(om, &survey->concerns);
}
