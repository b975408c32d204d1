#include "tools/site/sitepages.h"

#include "tools/site/page_failures.h"
#include "tools/site/page_join.h"
#include "tools/site/page_pool.h"
#include "tools/site/page_servers.h"
#include "tools/site/page_use.h"
#include "tools/site/page_vantages.h"
#include "tools/site/stylesheet.h"

static void write_style(struct markup *m, const struct sitepool *)
{
    markup_raw(m, style_css);
}

/* In this order: what others lead to comes before them, and the data that monitoring reads last. */
static const struct sitepage pages[] = {
    { "style.css", SITE_ONCE, write_style },     { "vantages.html", SITE_HOT, page_vantages },
    { "servers.html", SITE_WARM, page_servers }, { "use.html", SITE_COLD, page_use },
    { "join.html", SITE_COLD, page_join },       { "failures.html", SITE_HOT, page_failures },
    { "index.html", SITE_HOT, page_pool },       { "pool.json", SITE_HOT, page_pool_json },
};

enum result sitepages_put(struct site *site, const struct sitepool *pool)
{
    struct markup m = { 0 };
    enum result result = RESULT_OK;
    for (size_t i = 0; result == RESULT_OK && i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (site_due(site, pages[i].path, pages[i].tier, 0)) {
            markup_clear(&m);
            pages[i].write(&m, pool);
            result = site_put(site, pages[i].path, &m);
        }
    }
    markup_done(&m);
    return result;
}
