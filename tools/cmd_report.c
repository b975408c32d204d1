/* report: the site of the pool. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/output.h"
#include "tools/site/memberlist.h"
#include "tools/site/sitemembers.h"
#include "tools/site/sitepages.h"
#include "tools/site/worldpages.h"
#include "zone/base/splitmix.h"
#include "zone/base/version.h"

enum {
    IMPRINT_MAX = 64 * 1024,
    /* A member's page is made anew each quarter of an hour, in a larger pool each half hour, and so
     * on: so many a minute at most, but for those of members whose state changes. */
    MEMBERS_A_MINUTE = 100,
    WARM_MIN = 15
};

/* Of what all pages depend on. */
static uint64_t edition_of(const struct sitepool *pool)
{
    uint64_t sum = pool->options.map;
    size_t count;
    const struct setting_info *list = settings_list(&count);
    char value[SETTING_VALUE_MAX];
    for (size_t i = 0; i < count; i++) {
        if (settings_text(&pool->source.settings, list[i].name, value) == RESULT_OK) {
            splitmix_add_text(&sum, value);
        }
    }
    splitmix_add_text(&sum, version_text());
    splitmix_add_text(&sum, pool->options.title);
    splitmix_add_text(&sum, pool->options.url);
    splitmix_add_text(&sum, pool->options.imprint);
    return sum;
}

/* The world first, since pages of members show their shares in it (tools/site/sharecountries.h);
 * then members, so that no list leads to a page that is not there. */
static enum result put_all(struct site *site, const struct sitepool *pool, struct cli *cli)
{
    TRY(worldpages_put(site, pool, cli));
    TRY(sitemembers_put(site, pool, cli->state_dir, &cli->diag));
    TRY(memberlist_put(site, pool));
    return sitepages_put(site, pool);
}

static uint32_t warm_s(size_t members)
{
    const size_t round = (size_t)MEMBERS_A_MINUTE * WARM_MIN;
    size_t rounds = (members + round - 1) / round;
    return WARM_MIN * 60 * (uint32_t)(rounds > 0 ? rounds : 1);
}

static void print_totals(const struct cli *cli, const struct sitepool *pool, const char *dir,
                         const struct site_totals *totals)
{
    if (cli->json) {
        json_print(json_pack("{s:I, s:I, s:I, s:I, s:I}", "members", (json_int_t)pool->count,
                             "written", (json_int_t)totals->written, "same",
                             (json_int_t)totals->same, "removed", (json_int_t)totals->removed,
                             "octets", (json_int_t)totals->octets));
    } else {
        printf("%s: %zu files written, %zu as they were, %zu removed\n", dir, totals->written,
               totals->same, totals->removed);
    }
}

static enum result write_site(struct cli *cli, const struct sitepool *pool, const char *dir)
{
    const struct site_terms terms = { .apex = pool->apex,
                                      .now = pool->now,
                                      .warm_s = warm_s(pool->count),
                                      .edition = edition_of(pool),
                                      .all = cli_flag(cli, "all") };
    struct site_totals totals;
    struct site *site = NULL;
    TRY(site_open(&site, dir, &terms, &cli->diag));
    enum result result = put_all(site, pool, cli);
    enum result closed = site_close(site, result == RESULT_OK, &totals);
    TRY(result);
    TRY(closed);
    print_totals(cli, pool, dir, &totals);
    return RESULT_OK;
}

/* Stores are read without a look at every page before (store_open_unread), so a damaged one may end
 * this process. Its files are whole all the same. */
static void crashed(int)
{
    static const char text[] = "ntspool: reading the members crashed: a store is damaged, and "
                               "`ntspool status` tells which\n";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(CLI_FAILED);
}

static void explain_crashes(void)
{
    const struct sigaction action = { .sa_handler = crashed };
    (void)sigaction(SIGSEGV, &action, NULL);
    (void)sigaction(SIGBUS, &action, NULL);
}

static const char *option(const struct cli *cli, const char *name)
{
    const char *value = cli_value(cli, name, 0);
    return value != NULL ? value : "";
}

/* One page on the standard output, for whoever makes pages on demand. */
static enum result print_member(struct cli *cli, const struct sitepool *pool)
{
    struct markup page = { 0 };
    char label[LABEL_ROOM];
    TRY(label_check(label, option(cli, "member"), &cli->diag));
    enum result result = sitemembers_page(&page, pool, label, cli->state_dir, &cli->diag);
    if (result == RESULT_OK) {
        (void)fwrite(page.text, 1, page.len, stdout);
    }
    markup_done(&page);
    return result;
}

/* Checks what goes into links and heads. */
static enum result read_options(struct cli *cli, struct site_options *out, struct infile *imprint)
{
    *out = (struct site_options){ .title = option(cli, "title"),
                                  .url = option(cli, "url"),
                                  .map = !cli_flag(cli, "no-map") };
    size_t len = strlen(out->url);
    bool web = strncmp(out->url, "https://", 8) == 0 || strncmp(out->url, "http://", 7) == 0;
    if (len > 0 && (!web || out->url[len - 1] == '/' || strpbrk(out->url, " \"'<>?#\\") != NULL)) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "--url is the address of the site without a slash at its end, such as "
                         "https://pool.example");
    }
    if (cli_count(cli, "imprint") > 0) {
        TRY(infile_read(imprint, option(cli, "imprint"), IMPRINT_MAX, &cli->diag));
        if (strlen(imprint->text) != imprint->len) {
            infile_done(imprint);
            return diag_fail(&cli->diag, RESULT_INVALID, "the imprint is not HTML: it has a NUL");
        }
    }
    out->imprint = imprint->text != NULL ? imprint->text : "";
    return RESULT_OK;
}

int cmd_report(struct cli *cli, int argc, char **argv)
{
    bool one = cli_count(cli, "member") > 0;
    if ((argc > 0) == one) {
        return cli_usage(cli, "name a directory, or a member by --member");
    }
    struct sitepool *pool = xcalloc(1, sizeof(*pool));
    struct infile imprint = { 0 };
    enum result result = read_options(cli, &pool->options, &imprint);
    if (result == RESULT_OK) {
        result = sitepool_read(pool, cli);
    }
    explain_crashes();
    if (result == RESULT_OK && one) {
        result = print_member(cli, pool);
    } else if (result == RESULT_OK) {
        result = write_site(cli, pool, argv[0]);
    }
    sitepool_done(pool);
    free(pool);
    infile_done(&imprint);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
