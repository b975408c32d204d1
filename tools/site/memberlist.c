#include "tools/site/memberlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/site/atlas.h"
#include "tools/site/page.h"
#include "tools/site/siterows.h"
#include "zone/base/splitmix.h"

enum {
    PATH_ROOM = SITEROWS_PATH_MAX + 1,
    TITLE_ROOM = MEMBER_OPERATOR_ROOM + 64
};

typedef const struct sitepool_member *member_ptr;

/* Some members, with a page or several of their own. */
struct listing {
    struct site *site;
    const struct sitepool *pool;
    const char *title, *stem; /* "Members in NL", "countries/nl" */
    const char *root, *here;  /* as in struct page_head */
    const member_ptr *list;
    size_t count;
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Letters and digits of the name, in lower case, with a hyphen for all between them. True if only
 * names that differ in letter case have the same. */
static bool simplify(char out[MEMBERLIST_SLUG_ROOM], const char *name)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = 0;
    bool plain = true, gap = true; /* the last octet was no part of the slug */
    for (const char *p = name; *p != 0; p++) {
        bool keeps = strchr(kept, lower(*p)) != NULL;
        plain = plain && (keeps || (*p == ' ' && !gap));
        if (keeps || !gap) {
            out[len++] = (char)(keeps ? lower(*p) : '-');
        }
        gap = !keeps;
    }
    len -= gap && len > 0;
    out[len] = 0;
    return plain && !gap;
}

char *memberlist_slug(char out[MEMBERLIST_SLUG_ROOM], const char *operator_name)
{
    if (!simplify(out, operator_name)) {
        size_t len = strlen(out);
        uint64_t sum = 0;
        splitmix_add_text(&sum, operator_name);
        (void)snprintf(out + len, MEMBERLIST_SLUG_ROOM - len, "_%016llx", (unsigned long long)sum);
    }
    return out;
}

static char *country_slug(char out[MEMBERLIST_SLUG_ROOM], member_ptr member)
{
    (void)snprintf(out, MEMBERLIST_SLUG_ROOM, "%c%c", lower(member->country[0]),
                   lower(member->country[1]));
    return out;
}

static void put_country(struct markup *m, const char *root, member_ptr member)
{
    char slug[MEMBERLIST_SLUG_ROOM];
    if (member->country[0] != 0) {
        markup_put(m, "<a href=\"%scountries/%s.html\">%s</a>", root, country_slug(slug, member),
                   member->country);
    }
}

static void put_row(struct markup *m, const char *root, member_ptr member)
{
    markup_put(m, "<tr><th scope=\"row\"><a href=\"%smembers/%s.html\">%s</a></th><td>", root,
               member->label, member->label);
    page_state(m, member->state, member->eligible);
    markup_raw(m, "</td><td class=\"number\">");
    page_score(m, member->scored, member->score_milli);
    markup_raw(m, "</td><td>");
    put_country(m, root, member);
    markup_put(m, "</td><td>%s</td><td>%s</td><td>", member->family[ADDRESS_IPV4] ? "yes" : "",
               member->family[ADDRESS_IPV6] ? "yes" : "");
    if (member->failure != FAILURE_NONE) {
        page_failure(m, root, member->failure);
    }
    markup_raw(m, "</td><td>");
    page_time(m, member->certificate_end);
    markup_raw(m, "</td></tr>\n");
}

/* Of a page; the caption tells of the whole list. */
static void put_table(struct markup *m, const struct listing *listing, size_t begin, size_t count)
{
    char caption[TITLE_ROOM];
    size_t eligible = 0;
    for (size_t i = 0; i < listing->count; i++) {
        eligible += listing->list[i]->eligible;
    }
    (void)snprintf(caption, sizeof(caption), "%zu of %zu handed out", eligible, listing->count);
    page_table(m, listing->title, caption);
    markup_raw(m, "<thead>\n<tr><th scope=\"col\">Member</th><th scope=\"col\">State</th>"
                  "<th scope=\"col\" class=\"number\">Score</th><th scope=\"col\">Country</th>"
                  "<th scope=\"col\">IPv4</th><th scope=\"col\">IPv6</th>"
                  "<th scope=\"col\">Last failure</th><th scope=\"col\">Certificate ends</th>"
                  "</tr>\n</thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++) {
        put_row(m, listing->root, listing->list[begin + i]);
    }
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
}

static char *path_of(char out[PATH_ROOM], const char *stem, size_t page)
{
    if (page == 0) {
        (void)snprintf(out, PATH_ROOM, "%s.html", stem);
    } else {
        (void)snprintf(out, PATH_ROOM, "%s.%zu.html", stem, page + 1);
    }
    return out;
}

/* Links to all pages of a long list. */
static void put_pages(struct markup *m, const struct listing *listing, size_t page)
{
    char path[PATH_ROOM];
    size_t rows = MEMBERLIST_ROWS;
    if (listing->count <= rows) {
        return;
    }
    markup_raw(m, "<nav aria-label=\"Pages of this list\">\n<ul>\n");
    for (size_t i = 0; i * rows < listing->count; i++) {
        size_t end = (i + 1) * rows < listing->count ? (i + 1) * rows : listing->count;
        markup_put(m, "<li><a href=\"%s%s\"", listing->root, path_of(path, listing->stem, i));
        markup_raw(m, i == page ? " aria-current=\"page\">" : ">");
        markup_put(m, "%s to %s</a></li>\n", listing->list[i * rows]->label,
                   listing->list[end - 1]->label);
    }
    markup_raw(m, "</ul>\n</nav>\n");
}

static void put_other_lists(struct markup *m, const struct sitepool *pool)
{
    markup_raw(m, "<p>Also <a href=\"countries.html\">by country</a>");
    if ((pool->source.settings.publish & PUBLISH_OPERATOR) != 0) {
        markup_raw(m, " and <a href=\"operators.html\">by operator</a>");
    }
    markup_raw(m, ".</p>\n");
}

static enum result put_page(const struct listing *listing, size_t page)
{
    char path[PATH_ROOM], title[TITLE_ROOM];
    size_t begin = page * MEMBERLIST_ROWS;
    size_t count = listing->count - begin;
    count = count < MEMBERLIST_ROWS ? count : MEMBERLIST_ROWS;
    (void)snprintf(title, sizeof(title), "%s", listing->title);
    if (page > 0) {
        (void)snprintf(title, sizeof(title), "%s, page %zu", listing->title, page + 1);
    }
    struct markup m = { 0 };
    const struct page_head head = { .title = title, .root = listing->root, .here = listing->here };
    page_begin(&m, listing->pool, &head);
    if (listing->here != NULL) {
        put_other_lists(&m, listing->pool);
    }
    put_pages(&m, listing, page);
    if (count > 0) {
        put_table(&m, listing, begin, count);
    } else {
        markup_raw(&m, "<p>There is no member yet. <a href=\"join.html\">Join it</a> tells how to "
                       "become the first.</p>\n");
    }
    page_end(&m, listing->pool);
    enum result result = site_put(listing->site, path_of(path, listing->stem, page), &m);
    markup_done(&m);
    return result;
}

/* Of what a reader looks for in a list: scores and times come each quarter of an hour. */
static uint64_t fingerprint_of(const struct listing *listing)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < listing->count; i++) {
        splitmix_add_text(&sum, listing->list[i]->label);
        splitmix_add_text(&sum, listing->list[i]->state);
        splitmix_add_text(&sum, listing->list[i]->country);
    }
    return sum;
}

static enum result put_listing(const struct listing *listing)
{
    char subject[PATH_ROOM];
    (void)snprintf(subject, sizeof(subject), "list/%s", listing->stem);
    if (!site_due(listing->site, subject, SITE_WARM, fingerprint_of(listing))) {
        return RESULT_OK;
    }
    size_t page = 0;
    do {
        TRY(put_page(listing, page++));
    } while (page * MEMBERLIST_ROWS < listing->count);
    return RESULT_OK;
}

/* -- groups -- */

/* Members that have something in common, each group with a list of its own. */
struct grouping {
    const char *folder, *title; /* "countries", "Members in " */
    const char *heading, *caption, *column;
    const char *none;                                                 /* instead of the table */
    char *(*slug)(char out[MEMBERLIST_SLUG_ROOM], member_ptr member); /* "": in no group */
    const char *(*name)(member_ptr member);
};

static const char *country_name(member_ptr member)
{
    return member->country[0] != 0 ? atlas_name(member->country) : "";
}

static char *operator_slug(char out[MEMBERLIST_SLUG_ROOM], member_ptr member)
{
    return memberlist_slug(out, member->operator_name);
}

static const char *operator_name(member_ptr member)
{
    return member->operator_name;
}

static const struct grouping countries = { .folder = "countries",
                                           .title = "Members in ",
                                           .heading = "Countries",
                                           .caption = "Members by country",
                                           .column = "Country",
                                           .none = "No member has a country yet.",
                                           .slug = country_slug,
                                           .name = country_name };
static const struct grouping operators = { .folder = "operators",
                                           .title = "Members of ",
                                           .heading = "Operators",
                                           .caption = "Members by operator",
                                           .column = "Operator",
                                           .none = "No member names its operator yet.",
                                           .slug = operator_slug,
                                           .name = operator_name };

static int by_country(const void *a, const void *b)
{
    const member_ptr left = *(const member_ptr *)a, right = *(const member_ptr *)b;
    int order = strcmp(country_name(left), country_name(right));
    order = order != 0 ? order : strcmp(left->country, right->country);
    return order != 0 ? order : strcmp(left->label, right->label);
}

static int by_operator(const void *a, const void *b)
{
    const member_ptr left = *(const member_ptr *)a, right = *(const member_ptr *)b;
    int order = strcasecmp(left->operator_name, right->operator_name);
    order = order != 0 ? order : strcmp(left->operator_name, right->operator_name);
    return order != 0 ? order : strcmp(left->label, right->label);
}

/* The row of a group in the page that leads to all. Its counts go into the sum. */
static void put_group_row(struct markup *m, const struct grouping *grouping, const char *slug,
                          const struct listing *group, uint64_t *sum)
{
    size_t eligible = 0, family[ADDRESS_FAMILIES] = { 0 };
    for (size_t i = 0; i < group->count; i++) {
        eligible += group->list[i]->eligible;
        for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
            family[f] += group->list[i]->eligible && group->list[i]->family[f];
        }
    }
    splitmix_add_text(sum, slug);
    *sum += group->count << 32 | eligible;
    markup_put(m, "<tr><th scope=\"row\"><a href=\"%s/%s.html\">%s</a></th>", grouping->folder,
               slug, grouping->name(group->list[0]));
    markup_put(m,
               "<td class=\"number\">%zu</td><td class=\"number\">%zu</td>"
               "<td class=\"number\">%zu</td><td class=\"number\">%zu</td></tr>\n",
               group->count, eligible, family[ADDRESS_IPV4], family[ADDRESS_IPV6]);
}

static enum result put_group(struct listing group, const struct grouping *grouping,
                             const char *slug)
{
    char stem[PATH_ROOM], title[TITLE_ROOM];
    (void)snprintf(stem, sizeof(stem), "%s/%s", grouping->folder, slug);
    (void)snprintf(title, sizeof(title), "%s%s", grouping->title, grouping->name(group.list[0]));
    group.stem = stem;
    group.title = title;
    return put_listing(&group);
}

static void put_groups_page(struct markup *m, const struct sitepool *pool,
                            const struct grouping *grouping, const char *here, const char *rows)
{
    const struct page_head head = { .title = grouping->heading, .root = "", .here = here };
    page_begin(m, pool, &head);
    if (rows == NULL) {
        markup_put(m, "<p>%s</p>\n", grouping->none);
        page_end(m, pool);
        return;
    }
    page_table(m, grouping->heading, grouping->caption);
    markup_put(m, "<thead>\n<tr><th scope=\"col\">%s</th>", grouping->column);
    markup_raw(m, "<th scope=\"col\" class=\"number\">Members</th>"
                  "<th scope=\"col\" class=\"number\">Handed out</th>"
                  "<th scope=\"col\" class=\"number\">of these with IPv4</th>"
                  "<th scope=\"col\" class=\"number\">with IPv6</th></tr>\n</thead>\n<tbody>\n");
    markup_raw(m, rows);
    markup_raw(m, "</tbody>\n");
    page_table_end(m);
    page_end(m, pool);
}

/* The lists of all groups, and a page that leads to them. `list` is sorted by group. */
static enum result put_groups(struct listing group, const struct grouping *grouping,
                              const member_ptr *list, size_t count)
{
    char slug[MEMBERLIST_SLUG_ROOM], next[MEMBERLIST_SLUG_ROOM], path[PATH_ROOM];
    struct markup rows = { 0 }, m = { 0 };
    uint64_t sum = 0;
    enum result result = RESULT_OK;
    for (size_t begin = 0, end; result == RESULT_OK && begin < count; begin = end) {
        grouping->slug(slug, list[begin]);
        for (end = begin + 1; end < count && strcmp(grouping->slug(next, list[end]), slug) == 0;) {
            end++;
        }
        group.list = list + begin;
        group.count = end - begin;
        if (grouping->name(list[begin])[0] != 0) {
            put_group_row(&rows, grouping, slug, &group, &sum);
            result = put_group(group, grouping, slug);
        }
    }
    (void)snprintf(path, sizeof(path), "%s.html", grouping->folder);
    if (result == RESULT_OK && site_due(group.site, path, SITE_WARM, sum)) {
        put_groups_page(&m, group.pool, grouping, path, rows.text);
        result = site_put(group.site, path, &m);
    }
    markup_done(&rows);
    markup_done(&m);
    return result;
}

enum result memberlist_put(struct site *site, const struct sitepool *pool)
{
    member_ptr *list = xmalloc((pool->count + 1) * sizeof(member_ptr));
    size_t count = 0;
    for (size_t i = 0; i < pool->count; i++) {
        if (!pool->members[i].unlisted) {
            list[count++] = &pool->members[i];
        }
    }
    struct listing listing = { .site = site,
                               .pool = pool,
                               .title = "Members",
                               .stem = "members",
                               .root = "",
                               .here = "members.html",
                               .list = list,
                               .count = count };
    enum result result = put_listing(&listing);
    listing.root = "../";
    listing.here = NULL;
    if (result == RESULT_OK) {
        qsort(list, count, sizeof(member_ptr), by_country);
        result = put_groups(listing, &countries, list, count);
    }
    if (result == RESULT_OK && (pool->source.settings.publish & PUBLISH_OPERATOR) != 0) {
        qsort(list, count, sizeof(member_ptr), by_operator);
        result = put_groups(listing, &operators, list, count);
    }
    free(list);
    return result;
}
