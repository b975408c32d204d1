/* A pool as a run of `report` has read it, without members, for tests of its pages. */
#ifndef TESTS_UNIT_SITE_FIXTURE_H
#define TESTS_UNIT_SITE_FIXTURE_H

#include "tests/unit/unit.h"
#include "tools/site/markup.h"
#include "tools/site/sitepool.h"

static struct sitepool site_pool;
static struct markup site_text;

static inline int site_set_up(void **)
{
    site_pool = (struct sitepool){ .now = 1796000000,
                                   .apex = "pool.example",
                                   .options = { .title = "", .url = "", .imprint = "" },
                                   .source.settings = default_settings() };
    site_pool.source.settings.apex = name_of("pool.example.");
    site_pool.source.settings.mailbox = name_of("hostmaster.pool.example.");
    return 0;
}

static inline int site_tear_down(void **)
{
    markup_done(&site_text);
    return 0;
}

/* The page, until the next call. */
static inline const char *site_page(void (*write)(struct markup *, const struct sitepool *))
{
    markup_clear(&site_text);
    write(&site_text, &site_pool);
    return site_text.text;
}

#endif
