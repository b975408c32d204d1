#include "tools/site/page_use.h"

#include "tools/site/page.h"

static void put_pool_clients(struct markup *m, const struct sitepool *pool)
{
    markup_put(
        m,
        "<h2>Clients that find members by themselves</h2>\n"
        "<p>They ask the DNS for the SRV records of <code>_ntske._tcp.%s</code> and get up to "
        "%u members near them. They replace a member that leaves the pool.</p>\n",
        pool->apex, pool->source.settings.srv_count);
    markup_put(
        m,
        "<h3>ntpd-rs</h3>\n<p>Version 1.8 or newer, built with its feature <code>srv</code>; "
        "packages of distributions are often built without it. In "
        "<code>/etc/ntpd-rs/ntp.toml</code>:</p>\n"
        "<pre><code>[[source]]\nmode = \"nts-pool\"\naddress = \"%s\"\n"
        "enable-srv-resolution = true\ncount = 4</code></pre>\n",
        pool->apex);
    markup_put(m,
               "<h3>chrony for pools</h3>\n<p>The "
               "<a href=\"https://github.com/pendulum-project/chrony/releases\">releases named "
               "<code>pool</code></a> of the Pendulum project, built with getdns. In "
               "<code>chrony.conf</code>:</p>\n<pre><code>pool %s nts iburst</code></pre>\n",
               pool->apex);
}

static void put_other_clients(struct markup *m, const struct sitepool *pool)
{
    markup_put(m,
               "<h2>All other NTS clients</h2>\n"
               "<p>Each member has a name in the pool, <code>NAME.%s</code>, that works in any NTS "
               "client. Take four members near you from the <a href=\"members.html\">list</a>, "
               "of different operators. Look at the list now and then: when a member leaves "
               "the pool, its name ends.</p>\n",
               pool->apex);
    markup_put(m,
               "<h3>chrony</h3>\n<p>In <code>/etc/chrony/chrony.conf</code>, once for each "
               "member:</p>\n<pre><code>server NAME.%s nts iburst</code></pre>\n",
               pool->apex);
    markup_put(m,
               "<h3>ntpd-rs</h3>\n<p>In <code>/etc/ntpd-rs/ntp.toml</code>, once for each "
               "member:</p>\n<pre><code>[[source]]\nmode = \"nts\"\naddress = \"NAME.%s\""
               "</code></pre>\n",
               pool->apex);
    markup_put(m,
               "<h3>NTPsec</h3>\n<p>In <code>/etc/ntpsec/ntp.conf</code>, once for each "
               "member:</p>\n<pre><code>server NAME.%s nts iburst</code></pre>\n",
               pool->apex);
}

static void put_checks(struct markup *m, const struct sitepool *pool)
{
    markup_raw(m, "<h2>See that it works</h2>\n<p>Each source must be authenticated by NTS:</p>\n"
                  "<ul>\n<li>chrony: <code>chronyc -N authdata</code> shows the mode NTS and a key "
                  "for each source.</li>\n"
                  "<li>ntpd-rs: <code>ntp-ctl status</code> shows each source with its time of the "
                  "last packet.</li>\n"
                  "<li>NTPsec: <code>ntpq -p</code> shows the sources; the column <code>t</code> "
                  "has the number of cookies.</li>\n</ul>\n");
    markup_put(m,
               "<h2>DNSSEC</h2>\n<p>The zone is signed. The SRV records decide which name a client "
               "checks in the certificate, so a client must not follow records that are not "
               "validated. The clients above validate them or ask a resolver that does. What a "
               "resolver of yours makes of them:</p>\n"
               "<pre><code>delv _ntske._tcp.%s SRV</code></pre>\n"
               "<p>The first line should be <code>; fully validated</code>.</p>\n",
               pool->apex);
}

static void put_regions(struct markup *m, const struct sitepool *pool)
{
    markup_put(m,
               "<h2>Members of one country</h2>\n<p>The pool looks for near members by itself. To "
               "get those of one country or continent only, use a name under it: "
               "<code>nl.%s</code>, <code>europe.%s</code>. There is one for each country with "
               "members.</p>\n",
               pool->apex, pool->apex);
}

void page_use(struct markup *m, const struct sitepool *pool)
{
    const struct page_head head = { .title = "Use the pool",
                                    .root = "",
                                    .here = "use.html",
                                    .description = "How to configure NTS clients for the pool." };
    page_begin(m, pool, &head);
    markup_raw(m,
               "<p>Everybody may use the pool. Its members give time that is authenticated by "
               "NTS (<a href=\"https://www.rfc-editor.org/rfc/rfc8915\">RFC 8915</a>): nobody on "
               "the way can change it.</p>\n");
    put_pool_clients(m, pool);
    put_other_clients(m, pool);
    put_regions(m, pool);
    put_checks(m, pool);
    page_end(m, pool);
}
