#include "tools/site/page_servers.h"

#include <string.h>

#include "tools/site/page.h"
#include "tools/site/sitetable.h"

static void put_row(struct markup *m, const struct sitepool *pool, const struct name_server *server)
{
    char name[DNAME_TEXT_MAX], address[ADDRESS_TEXT_MAX];
    dname_text(&server->name, name);
    name[strlen(name) - 1] = '\0';
    markup_put(m, "<tr><th scope=\"row\">%s</th><td>", name);
    for (unsigned i = 0; i < server->address_count; i++) {
        markup_put(m, "%s<code>%s</code>", i == 0 ? "" : " ",
                   address_text(&server->addresses[i], address));
    }
    markup_raw(m, server->address_count == 0 ? "those of its name</td><td>" : "</td><td>");
    markup_raw(m, dname_equal(&server->name, &pool->source.settings.primary) ? "yes" : "");
    markup_raw(m, "</td></tr>\n");
}

void page_servers(struct markup *m, const struct sitepool *pool)
{
    static const char *const heads[] = { "Name server", "Addresses", "Primary" };
    const struct page_head head = { .title = "Name servers",
                                    .root = "",
                                    .here = "servers.html",
                                    .description = "The name servers of the pool's zone." };
    page_begin(m, pool, &head);
    markup_put(
        m,
        "<p>The zone <b>%s</b> is served by these name servers. All of them sign their answers: "
        "<a href=\"use.html\">Use it</a> shows how to check that.</p>\n",
        pool->apex);
    sitetable_begin(m, "Name servers of the zone", heads, 3);
    for (size_t i = 0; i < pool->servers.count; i++) {
        put_row(m, pool, &pool->servers.list[i]);
    }
    sitetable_end(m);
    page_end(m, pool);
}
