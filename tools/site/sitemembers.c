#include "tools/site/sitemembers.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/site/membercharts.h"
#include "tools/site/memberfiles.h"
#include "tools/site/memberpage.h"
#include "tools/site/scores.h"
#include "tools/site/sharecountries.h"
#include "zone/base/array.h"
#include "zone/base/splitmix.h"

/* The stores that the pages of members are made from. */
static const enum store_kind kinds[] = { STORE_REGISTRY, STORE_HEALTH, STORE_HISTORY };
enum {
    KINDS = sizeof(kinds) / sizeof(kinds[0]),
    PATH_ROOM = 200,
    HOUR_S = 3600,
    LARGE = 1000 /* members */,
    DAY_H = 24
};

struct sitemembers {
    struct site *site;
    const struct sitepool *pool;
    const char *state_dir;
    struct diag *diag;
    struct store *stores[STORE_KINDS];
    struct store_txn *txns[STORE_KINDS];
    struct membertrack *track;
    struct memberdays *days;
    struct sharecountries shares; /* of the last time that steering was computed */
    struct markup text;
};

static void rest(struct sitemembers *members)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (members->txns[kinds[i]] != NULL) {
            store_abort(members->txns[kinds[i]]);
            members->txns[kinds[i]] = NULL;
        }
    }
}

static void done(struct sitemembers *members)
{
    rest(members);
    for (size_t i = 0; i < KINDS; i++) {
        if (members->stores[kinds[i]] != NULL) {
            store_close(members->stores[kinds[i]]);
        }
    }
    membertrack_done(members->track);
    sharecountries_done(&members->shares);
    markup_done(&members->text);
    free(members->track);
    free(members->days);
}

/* Without reading all of the stores first: the history of a large pool is larger than what all of
 * its pages take, and a damaged store ends this process only, which leaves whole files. */
static enum result open_stores(struct sitemembers *members)
{
    members->track = xcalloc(1, sizeof(*members->track));
    members->days = xcalloc(1, sizeof(*members->days));
    for (size_t i = 0; i < KINDS; i++) {
        TRY(store_open_unread(&members->stores[kinds[i]], members->state_dir, kinds[i],
                              members->diag));
    }
    return RESULT_OK;
}

static void read_shares(struct sitemembers *members)
{
    char *text = site_get(members->site, SHARECOUNTRIES_FILE);
    if (text != NULL) {
        sharecountries_read(&members->shares, text);
    }
    free(text);
}

static enum result wake(struct sitemembers *members)
{
    for (size_t i = 0; i < KINDS; i++) {
        TRY(store_read(members->stores[kinds[i]], &members->txns[kinds[i]], members->diag));
    }
    return RESULT_OK;
}

/* Reads a member, and its days if they are wanted. */
static enum result read_member(struct sitemembers *members, const char *label, bool days)
{
    struct memberview_source view = members->pool->source;
    struct member member;
    view.health = members->txns[STORE_HEALTH];
    const struct membertrack_source source = { .view = &view,
                                               .history = members->txns[STORE_HISTORY],
                                               .now = members->pool->now };
    TRY(registry_member(members->txns[STORE_REGISTRY], label, &member));
    TRY(membertrack_read(members->track, &member, &source));
    return days ? memberdays_read(members->days, members->track, members->txns[STORE_HISTORY])
                : RESULT_OK;
}

static enum result read_alone(struct sitemembers *members, const char *label, bool days)
{
    enum result result = wake(members);
    if (result == RESULT_OK) {
        result = read_member(members, label, days);
    }
    rest(members);
    if (result == RESULT_DAMAGED) {
        return diag_fail(members->diag, result,
                         "the history of %s is damaged: restore a backup (ntspool restore)", label);
    }
    return result;
}

static struct membershare share_of(const struct sitemembers *members, const char *label)
{
    const struct sitepool *pool = members->pool;
    const struct sharecountries_row *row = sharecountries_find(&members->shares, label);
    const struct sitepool_member *member = sitepool_find(pool, label);
    struct membershare share = { .all_hour = pool->answers_hour, .all_day = pool->answers_day };
    if (member != NULL) {
        share.hour = traffic_answers(&pool->traffic, member->id, 1, pool->now);
        share.day = traffic_answers(&pool->traffic, member->id, DAY_H, pool->now);
        share.handed_out = member->eligible && pool->weight > 0;
        share.fair = share.handed_out ? member->weight / pool->weight : 0;
        traffic_days(&pool->traffic, member->id, pool->now, share.days);
    }
    if (row != NULL) {
        share.steered = true;
        share.expected = row->expected;
        share.country_count = row->count;
        memcpy(share.countries, row->countries, sizeof(share.countries));
    }
    return share;
}

static enum result put(struct sitemembers *members, const char *folder, const char *label,
                       const char *suffix)
{
    char path[PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s%s", folder, label, suffix);
    enum result result = site_put(members->site, path, &members->text);
    markup_clear(&members->text);
    return result;
}

static enum result put_scores(struct sitemembers *members)
{
    const struct membertrack *track = members->track;
    struct markup *m = &members->text;
    for (unsigned i = 0; i < track->address_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_text(&track->addresses[i], text);
        scores_json(m, track, i);
        TRY(put(members, "scores", text, "/json"));
        scores_log(m, track, i);
        TRY(put(members, "scores", text, "/log"));
        scores_page(m, members->pool, track, i);
        TRY(put(members, "scores", text, "/index.html"));
    }
    return RESULT_OK;
}

static enum result put_member(struct sitemembers *members, const char *label)
{
    const struct membertrack *track = members->track;
    const struct membershare share = share_of(members, label);
    struct markup *m = &members->text;
    memberfiles_badge(m, &track->view);
    TRY(put(members, "members", label, ".svg"));
    if (!track->view.member.unlisted) {
        memberfiles_atom(m, members->pool, track);
        TRY(put(members, "members", label, ".atom"));
    }
    memberpage_write(m, members->pool, track, &share);
    return put(members, "members", label, ".html");
}

static enum result put_data(struct sitemembers *members, const char *label)
{
    const struct membershare share = share_of(members, label);
    memberfiles_json(&members->text, members->pool, members->track, &share);
    TRY(put(members, "members", label, ".json"));
    return members->track->view.member.unlisted ? RESULT_OK : put_scores(members);
}

static enum result put_days(struct sitemembers *members, const char *label)
{
    struct markup *m = &members->text;
    if (members->track->view.member.unlisted) {
        return RESULT_OK;
    }
    memberfiles_csv(m, members->track, members->days);
    TRY(put(members, "members", label, ".days.csv"));
    membercharts_write_year(m, members->track, members->days);
    return put(members, "members", label, ".year.svg");
}

/* A group of a member's files that are made together. What the page links to comes before it. */
struct group {
    const char *folder; /* of its subjects */
    enum site_tier tier;
    bool large; /* in a large pool, each hour instead, at a time that differs from member to member
                 */
    enum result (*put)(struct sitemembers *members, const char *label);
};

static const struct group groups[] = {
    { "days", SITE_COLD, false, put_days },
    { "data", SITE_WARM, true, put_data }, /* the larger part of what is written */
    { "members", SITE_WARM, false, put_member },
};

/* Data of a large pool are not made anew for each failure, but when the state changes. */
static uint64_t state_of(const struct sitepool_member *member)
{
    uint64_t sum = member->id << 1 | member->unlisted;
    splitmix_add_text(&sum, member->state);
    return sum;
}

static bool is_due(const struct sitemembers *members, const struct group *group,
                   const struct sitepool_member *member)
{
    char subject[PATH_ROOM];
    (void)snprintf(subject, sizeof(subject), "%s/%s", group->folder, member->label);
    if (group->tier == SITE_COLD) {
        /* it changes by the day only */
        return site_due(members->site, subject, SITE_COLD, member->id << 1 | member->unlisted);
    }
    if (!group->large || members->pool->count < LARGE) {
        return site_due(members->site, subject, group->tier, member->fingerprint);
    }
    uint64_t spread = member->id;
    uint64_t hour = (members->pool->now + splitmix(&spread) % HOUR_S) / HOUR_S;
    return site_due(members->site, subject, SITE_ONCE, state_of(member) ^ splitmix(&hour));
}

/* Reads the member once, if anything of it is due. */
static enum result put_due(struct sitemembers *members, const struct sitepool_member *member)
{
    bool read = false;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        const struct group *group = &groups[i];
        if (!is_due(members, group, member)) {
            continue;
        }
        enum result result =
            read ? RESULT_OK : read_alone(members, member->label, group->put == put_days);
        if (result == RESULT_NOT_FOUND) {
            return RESULT_OK; /* it was removed since the pool was read */
        }
        TRY(result);
        TRY(group->put(members, member->label));
        read = true;
    }
    return RESULT_OK;
}

/* -- removed members -- */

struct removed {
    char label[LABEL_ROOM];
    struct tombstone tombstone;
};

struct removals {
    const struct sitepool *pool;
    struct removed *list;
    size_t count, room;
};

static enum result take_tombstone(const char *label, const struct tombstone *tombstone, void *arg)
{
    struct removals *removals = arg;
    bool lately = tombstone->removed_at + SITEMEMBERS_REMOVED_S > removals->pool->now;
    if (lately && sitepool_find(removals->pool, label) == NULL && strlen(label) < LABEL_ROOM) {
        ARRAY_RESERVE(removals->list, removals->room, removals->count + 1);
        struct removed *removed = &removals->list[removals->count++];
        removed->tombstone = *tombstone;
        (void)snprintf(removed->label, sizeof(removed->label), "%s", label);
    }
    return RESULT_OK;
}

static enum result put_removed(struct sitemembers *members)
{
    struct removals removals = { .pool = members->pool };
    enum result result = wake(members);
    if (result == RESULT_OK) {
        result = registry_tombstones(members->txns[STORE_REGISTRY], take_tombstone, &removals);
    }
    rest(members);
    for (size_t i = 0; result == RESULT_OK && i < removals.count; i++) {
        const struct removed *removed = &removals.list[i];
        char subject[PATH_ROOM];
        (void)snprintf(subject, sizeof(subject), "removed/%s", removed->label);
        if (site_due(members->site, subject, SITE_ONCE, removed->tombstone.removed_at)) {
            memberpage_write_removed(&members->text, members->pool, removed->label,
                                     &removed->tombstone);
            result = put(members, "members", removed->label, ".html");
        }
    }
    site_keep(members->site, "removed", SITEMEMBERS_REMOVED_S);
    free(removals.list);
    return result;
}

enum result sitemembers_put(struct site *site, const struct sitepool *pool, const char *state_dir,
                            struct diag *diag)
{
    struct sitemembers members = {
        .site = site, .pool = pool, .state_dir = state_dir, .diag = diag
    };
    enum result result = open_stores(&members);
    read_shares(&members);
    for (size_t i = 0; result == RESULT_OK && i < pool->count; i++) {
        result = put_due(&members, &pool->members[i]);
    }
    if (result == RESULT_OK) {
        result = put_removed(&members);
    }
    done(&members);
    return result;
}

enum result sitemembers_page(struct markup *m, const struct sitepool *pool, const char *label,
                             const char *state_dir, struct diag *diag)
{
    struct sitemembers members = { .pool = pool, .state_dir = state_dir, .diag = diag };
    enum result result = open_stores(&members);
    if (result == RESULT_OK) {
        result = read_alone(&members, label, false);
    }
    if (result == RESULT_OK) {
        const struct membershare share = share_of(&members, label);
        memberpage_write(m, pool, members.track, &share);
    } else if (result == RESULT_NOT_FOUND) {
        (void)diag_fail(diag, result, "there is no member %s: `ntspool member list` lists them",
                        label);
    }
    done(&members);
    return result;
}
