#include "zone/overview/localview.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/verdicts/feed.h"
#include "zone/verdicts/journal.h"

bool localview_applies(const char *state_dir)
{
    char registry[PATH_MAX], feed[PATH_MAX];
    (void)snprintf(registry, sizeof registry, "%s/%s", state_dir, store_kind_text(STORE_REGISTRY));
    (void)snprintf(feed, sizeof feed, "%s/" FEED_DIR "/" FEED_FILE, state_dir);
    return access(registry, F_OK) != 0 && access(feed, F_OK) == 0;
}

static void recall_self(const struct vantage *vantage, void *arg)
{
    *(struct vantage *)arg = *vantage;
}

/* The last state of a vantage point in its journal. */
static struct vantage last_word(const char *state_dir, const char *name)
{
    static const struct report_visit visit = { .self = recall_self };
    struct vantage vantage = { .state = VANTAGE_WELL };
    struct journal_reader reader;
    struct report report;
    uint8_t *room = xmalloc(REPORT_MAX);
    size_t len = 0, budget = SIZE_MAX;
    (void)snprintf(vantage.name, VANTAGE_ROOM, "%.*s", VANTAGE_ROOM - 1, name);
    enum result result = journal_reader_begin(&reader, state_dir, name, NULL);
    /* After a damaged report, the reader goes on with the next file. */
    while (result == RESULT_OK || result == RESULT_DAMAGED) {
        result = journal_next(&reader, 0, room, &len, &budget);
        if (result == RESULT_OK && report_open(&report, room, len) == RESULT_OK) {
            enum result read = report_each(&report, &visit, &vantage);
            (void)read; /* show what can be read */
        }
    }
    journal_reader_end(&reader);
    free(room);
    return vantage;
}

static void warn_of_name(const struct feed *feed, const char *state_dir, const char *name,
                         struct concerns *concerns)
{
    uint8_t key[VANTAGE_KEY_LEN];
    char shown[JOURNAL_KEY_TEXT];
    if (journal_claimed_key(state_dir, name, key) != RESULT_OK) {
        return;
    }
    for (unsigned i = 0; i < feed->vantages.count; i++) {
        const struct vantage_key *named = &feed->vantages.list[i];
        if (strcmp(named->name, name) == 0 && memcmp(named->key, key, sizeof key) == 0) {
            return;
        }
    }
    concern_add(concerns, CONCERN_VANTAGE_UNKNOWN, name, 0,
                "the pool does not know this vantage point: `ntspool vantage add %s %s` on the "
                "pool's machine names it",
                name, journal_key_text(key, shown));
}

static void read_fleet(struct fleetview *out, const char *state_dir)
{
    struct store *fleet = NULL, *registry = NULL;
    struct store_txn *letters = NULL, *machines = NULL;
    *out = (struct fleetview){ .is_in_fleet = false };
    if (store_open(&fleet, state_dir, STORE_FLEET, false, NULL) == RESULT_OK &&
        store_open(&registry, state_dir, STORE_REGISTRY, false, NULL) == RESULT_OK &&
        store_read(fleet, &letters, NULL) == RESULT_OK &&
        store_read(registry, &machines, NULL) == RESULT_OK) {
        enum result result = fleetview_read(out, state_dir, letters, machines);
        (void)result; /* what can't be read is not shown */
    }
    if (letters != NULL) {
        store_abort(letters);
    }
    if (machines != NULL) {
        store_abort(machines);
    }
    store_close(fleet);
    store_close(registry);
}

enum result localview_read(struct localview *out, const char *state_dir, uint64_t now,
                           struct concerns *concerns, struct diag *diag)
{
    char names[JOURNALS_MAX][VANTAGE_ROOM];
    unsigned count = journal_list(state_dir, names);
    struct feed *feed = NULL;
    TRY(feed_read(&feed, state_dir, diag));
    *out = (struct localview){ .apex = feed->settings.apex,
                               .serial = feed->settings.serial,
                               .seen = { .members = feed->member_count } };
    runview_read(&out->run, state_dir);
    runview_warn_of_probes(&out->run, &feed->vantages, concerns);
    supplies_read(&out->supplies, state_dir, NULL, &out->run);
    supplies_warn(&out->supplies, now, concerns);
    read_fleet(&out->fleet, state_dir);
    fleetview_warn(&out->fleet, now, concerns);
    for (unsigned i = 0; i < count && i < VANTAGES_MAX; i++) {
        out->vantages.list[out->vantages.count++] = last_word(state_dir, names[i]);
        warn_of_name(feed, state_dir, names[i], concerns);
    }
    vantages_judge(&out->vantages, feed->settings.verdict_fresh_s, now);
    vantageview_warn(&out->seen, &out->vantages, concerns);
    feed_free(feed);
    return RESULT_OK;
}
