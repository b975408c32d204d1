#include "tools/vantagestatus.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/concernview.h"
#include "tools/output.h"
#include "tools/runshow.h"
#include "tools/session.h"
#include "tools/vantageshow.h"
#include "zone/verdicts/feed.h"
#include "zone/verdicts/journal.h"

bool vantagestatus_applies(const struct cli *cli)
{
    char registry[PATH_MAX], feed[PATH_MAX];
    (void)snprintf(registry, sizeof registry, "%s/%s", cli->state_dir,
                   store_kind_text(STORE_REGISTRY));
    (void)snprintf(feed, sizeof feed, "%s/" FEED_DIR "/" FEED_FILE, cli->state_dir);
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
    (void)snprintf(vantage.name, sizeof vantage.name, "%s", name);
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

static json_t *build(const struct cli *cli, const struct feed *feed, struct concerns *concerns)
{
    char names[JOURNALS_MAX][VANTAGE_ROOM], apex[DNAME_TEXT_MAX];
    unsigned count = journal_list(cli->state_dir, names);
    struct vantages vantages = { .count = 0 };
    struct vantageview view = { .members = feed->member_count };
    struct runview run;
    runview_read(&run, cli->state_dir);
    runview_warn_of_probes(&run, &feed->vantages, concerns);
    for (unsigned i = 0; i < count && i < VANTAGES_MAX; i++) {
        vantages.list[vantages.count++] = last_word(cli->state_dir, names[i]);
        warn_of_name(feed, cli->state_dir, names[i], concerns);
    }
    vantages_judge(&vantages, feed->settings.verdict_fresh_s, session_now());
    vantageview_warn(&view, &vantages, concerns);
    json_t *out = json_object();
    json_object_set_new(out, "state", json_text(cli->state_dir));
    json_object_set_new(out, "apex", json_text(dname_text(&feed->settings.apex, apex)));
    json_object_set_new(out, "serial", json_integer(feed->settings.serial));
    json_object_set_new(out, "members", json_integer((json_int_t)feed->member_count));
    json_object_set_new(out, "probes", runshow_probes(&run));
    json_object_set_new(out, "vantages", vantageshow_json(&view, &vantages));
    json_object_set_new(out, "keys", json_null());
    json_object_set_new(out, "vantage_only", json_true());
    json_object_set_new(out, "stores", json_array());
    concernview_set(out, concerns);
    return out;
}

void vantagestatus_print(const struct cli *cli, const json_t *out)
{
    printf("pool        %s, serial %lld, in %s\nmembers     %lld\nkeys        elsewhere: this "
           "machine is a vantage point\n",
           json_string_value(json_object_get(out, "apex")),
           (long long)json_integer_value(json_object_get(out, "serial")), cli->state_dir,
           (long long)json_integer_value(json_object_get(out, "members")));
    runshow_print_probes(json_object_get(out, "probes"));
    puts("");
    vantageshow_print(json_object_get(out, "vantages"));
}

enum result vantagestatus_make(const struct cli *cli, json_t **out, struct concerns *concerns,
                               struct diag *diag)
{
    struct feed *feed = NULL;
    TRY(feed_read(&feed, cli->state_dir, diag));
    *out = build(cli, feed, concerns);
    feed_free(feed);
    return RESULT_OK;
}
