#include "server/keys/keymgr.h"

#include <pthread.h>
#include <stdlib.h>

#include "dnssec/offline/alarm.h"
#include "dnssec/offline/keytransfer.h"
#include "server/keys/keyclock.h"
#include "server/keys/keyfleet.h"
#include "server/keys/keyreport.h"
#include "server/keys/parent.h"
#include "zone/base/clock.h"
#include "zone/base/concern.h"
#include "zone/base/thread.h"
#include "zone/registry/registry.h"

struct keymgr {
    struct keymgr_sources sources;
    struct store_txn *registry, *keys; /* read */
    struct settings settings;
    uint64_t settings_version;
    uint32_t longest_ttl_s;   /* of the static records */
    uint64_t longest_version; /* of the registry that it is from */
    uint64_t longest_at;      /* steady time of that look */
    bool has_looked;
    uint64_t steady; /* of the last round */
    struct keyclock clock;
    struct keyfleet *fleet;
    uint64_t follow_again_at; /* of a machine that follows: when its package has a step next */
    uint64_t follow_version;  /* of the store that this is from */
    struct parent_watch parent;
    struct slices slices;    /* of the bundle */
    uint64_t slices_version; /* of the store that they are from */
    enum alarm_level alarm;  /* the last one logged */
    uint64_t alarm_at;
    struct log_once trouble, asking; /* the parent's DS */
    struct thread thread;
};

struct longest {
    const struct settings *settings;
    uint32_t ttl_s;
};

static enum result longest_of(const struct dname_key *, const struct node *node, void *arg)
{
    struct longest *longest = arg;
    for (size_t i = 0; i < node->rrset_count; i++) {
        uint32_t ttl_s = node_ttl(&node->rrsets[i], longest->settings);
        longest->ttl_s = ttl_s > longest->ttl_s ? ttl_s : longest->ttl_s;
    }
    return RESULT_OK;
}

/* Reads settings and TTLs if the registry has changed. TTLs need a look at all names, so they are
 * read only every KEYMGR_TTLS_S, or if they `must` be. */
static enum result look_at_registry(struct keymgr *keymgr, uint64_t steady, bool must,
                                    struct diag *diag)
{
    uint64_t version = store_version(keymgr->registry);
    if (!keymgr->has_looked || version != keymgr->settings_version) {
        struct settings settings;
        TRY(registry_settings(keymgr->registry, &settings, diag));
        keymgr->settings = settings;
        keymgr->settings_version = version;
    }
    must = must || !keymgr->has_looked || steady >= keymgr->longest_at + KEYMGR_TTLS_S;
    if (must && (!keymgr->has_looked || version != keymgr->longest_version)) {
        struct longest longest = { .settings = &keymgr->settings };
        TRY(registry_nodes(keymgr->registry, longest_of, &longest));
        keymgr->longest_ttl_s = longest.ttl_s;
        keymgr->longest_version = version;
        keymgr->longest_at = steady;
        keymgr->has_looked = true;
    }
    return RESULT_OK;
}

/* How this machine stands to others for which it makes packages of keys. */
struct fleet_standing {
    bool leads; /* there are others */
    struct fleetkeys_work work;
    unsigned held; /* role bits of keys that take no step: others are waited for */
};

static struct fleet_standing standing_of(const struct keymgr *keymgr, struct store_txn *keys,
                                         uint64_t now)
{
    struct fleet_standing standing = { .leads = false };
    standing.leads = keyfleet_work(keymgr->fleet, keys, &keymgr->settings, now, &standing.work);
    standing.held = keyfleet_held(keymgr->fleet, &standing.work);
    return standing;
}

/* True if the lifetime of a key is over and no rollover of its kind is under way. */
static bool is_due(const struct keymgr *keymgr, const struct key_timeline *timeline,
                   const struct fleet_standing *standing, uint64_t now, struct roll_options *out)
{
    if (rollover_has_offline_ksk(&timeline->keys)) {
        return false; /* bundles have the times */
    }
    const struct key_record *ksk = rollover_current(&timeline->keys, KEY_KSK);
    const struct key_record *zsk = rollover_current(&timeline->keys, KEY_ZSK);
    const struct {
        const struct key_record *key;
        enum key_role bit;
        enum roll_kind kind;
    } rows[] = {
        { zsk, KEY_ZSK, ksk == zsk ? ROLL_CSK : ROLL_ZSK },
        { ksk, KEY_KSK, ksk == zsk ? ROLL_CSK : ROLL_KSK },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t due_at = key_timeline_due_at(timeline, &keymgr->settings, rows[i].bit);
        if (due_at != 0 && due_at <= now &&
            keyfleet_may_roll(keymgr->fleet, &standing->work, rows[i].key->role) &&
            !rollover_under_way(&timeline->keys, (unsigned)rows[i].key->role)) {
            *out =
                (struct roll_options){ .kind = rows[i].kind, .algorithm = rows[i].key->algorithm };
            return true;
        }
    }
    return false;
}

/* The next steps of the keys: by the slices of the bundle where there is one, else by the rule. */
static bool take_steps(const struct keymgr *keymgr, struct key_timeline *timeline,
                       const struct slices *slices, unsigned held, bool *forced, uint64_t now)
{
    struct rollover_timing timing = key_timeline_timing(timeline, &keymgr->settings);
    timing.held = held;
    enum slices_step step = timing.offline_ksk
                                ? slices_advance(slices, &timeline->keys, &timing, now)
                                : SLICES_UNCHANGED;
    *forced = step == SLICES_FORCED;
    bool moved = rollover_advance(&timeline->keys, &timing, now);
    return moved || step != SLICES_UNCHANGED;
}

/* The TTL of the DNSKEY RRset. That of a bundle is signed and can't change. */
static uint32_t dnskey_ttl(const struct keymgr *keymgr, const struct key_timeline *timeline,
                           const struct slices *slices, uint64_t now)
{
    if (!rollover_has_offline_ksk(&timeline->keys)) {
        return keymgr->settings.ttl_s;
    }
    uint32_t ttl_s = slices_ttl(slices, &timeline->keys, now);
    return ttl_s != 0 ? ttl_s : timeline->memory.dnskey_ttl_s;
}

static bool has_dead(const struct key_set *keys, uint64_t now)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (rollover_is_dead(&keys->list[i], now)) {
            return true;
        }
    }
    return false;
}

struct moment {
    uint64_t now;
    bool trusted;  /* the clock */
    unsigned held; /* role bits of keys that take no step */
};

/* Does all that is due with the keys. True if it changed something. */
static bool move_on(const struct keymgr *keymgr, struct key_timeline *timeline,
                    const struct slices *slices, const struct moment *moment, bool *forced)
{
    struct rollover_memory *memory = &timeline->memory;
    if (!timeline->remembered) {
        /* TTLs served before there was a memory: assume the worst. */
        *memory = key_timeline_timing(timeline, &keymgr->settings).memory;
    }
    bool changed = rollover_remember(
        memory, dnskey_ttl(keymgr, timeline, slices, moment->now),
        key_timeline_zone_ttl(&keymgr->settings, keymgr->longest_ttl_s), moment->now);
    if (!moment->trusted) {
        return changed || !timeline->remembered;
    }
    bool moved = take_steps(keymgr, timeline, slices, moment->held, forced, moment->now);
    /* Also with each step, so that packages for followers have an order. */
    if (moment->now >= memory->seen_at + (moved ? 1 : KEYMGR_SEEN_S)) {
        memory->seen_at = moment->now;
        changed = true;
    }
    return changed || moved || has_dead(&timeline->keys, moment->now) || !timeline->remembered;
}

/* The changes written in one transaction. */
struct written_steps {
    struct key_timeline before, after;
    bool forced;
};

/* Starts the rollover that is due, takes the steps and writes the keys. */
static enum result write_steps(const struct keymgr *keymgr, struct store_txn *txn, bool trusted,
                               uint64_t now, struct written_steps *out, struct diag *diag)
{
    const struct seal *seal = keymgr->sources.seal;
    struct key_timeline *timeline = &out->after;
    struct roll_options options;
    struct slices slices = { .count = 0 };
    TRY(key_timeline_read(timeline, txn, diag));
    out->before = *timeline;
    /* A server can't serve keys that it can't open: steps would only be in the records. */
    TRY(key_timeline_open_all(timeline, seal, diag));
    const struct fleet_standing standing = standing_of(keymgr, txn, now);
    if (trusted && is_due(keymgr, timeline, &standing, now, &options)) {
        TRY(key_timeline_start(timeline, txn, seal, &options, now, diag));
        out->before = *timeline;
    }
    TRY(slices_read(&slices, txn, &timeline->keys, diag));
    const struct moment moment = { now, trusted, standing.held };
    (void)move_on(keymgr, timeline, &slices, &moment, &out->forced);
    slices_done(&slices);
    TRY(key_timeline_write(timeline, &out->before, txn, seal, now, diag));
    return standing.leads ? fleetkeys_stepped(&standing.work, diag) : RESULT_OK;
}

/* Commits the steps and reports them; aborts after a failure. */
static enum result end_steps(struct keymgr *keymgr, struct store_txn *txn, enum result result,
                             const struct written_steps *steps, uint64_t now, struct diag *diag)
{
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    TRY(store_commit(txn, diag));
    keyreport(keymgr->sources.log, &steps->before, &steps->after, now);
    if (steps->forced) {
        log_say(
            keymgr->sources.log, LOG_WARNING,
            "the server was away for so long that the offline KSK's signatures ended: it goes on "
            "with those of today, which caches may take a while to believe");
    }
    return RESULT_OK;
}

/* Decides again in a write transaction, since the store may have changed. */
static enum result write_on(struct keymgr *keymgr, bool trusted, uint64_t now, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct written_steps steps = { .forced = false };
    TRY(look_at_registry(keymgr, keymgr->steady, true, diag));
    TRY(store_write(keymgr->sources.keys, &txn, diag));
    enum result result = write_steps(keymgr, txn, trusted, now, &steps, diag);
    return end_steps(keymgr, txn, result, &steps, now, diag);
}

/* Queries for the parent's DS, and logs when it is there. */
static void look_at_parent(struct keymgr *keymgr, uint64_t now, uint64_t steady)
{
    log_sink *log = keymgr->sources.log;
    struct parent_news news;
    struct diag why = { "" };
    const struct parent_look look = { .keys = keymgr->sources.keys,
                                      .seal = keymgr->sources.seal,
                                      .log = log,
                                      .settings = &keymgr->settings,
                                      .now = now,
                                      .steady = steady };
    enum result result = parent_ask(&keymgr->parent, &look, &news, &why);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        log_once(&keymgr->asking, log, LOG_WARNING, NULL, "no look at the parent's DS records: %s",
                 why.text[0] != 0 ? why.text : result_text(result));
        return;
    }
    log_once_over(&keymgr->asking, log, "the parent's DS records are looked at again");
    if (result == RESULT_OK) {
        log_say(log, LOG_NOTICE, "the parent zone has the DS records that were asked for");
        keyreport(log, &news.before, &news.after, now);
    } else {
        log_say(log, LOG_DEBUG, "the parent zone has not all DS records that were asked for yet");
    }
}

/* Reads the slices if state/keys has changed. */
static enum result look_at_slices(struct keymgr *keymgr, const struct key_timeline *timeline,
                                  struct diag *diag)
{
    uint64_t version = store_version(keymgr->keys);
    if (version == keymgr->slices_version) {
        return RESULT_OK;
    }
    struct slices slices = { .count = 0 };
    TRY(slices_read(&slices, keymgr->keys, &timeline->keys, diag));
    slices_done(&keymgr->slices);
    keymgr->slices = slices;
    keymgr->slices_version = version;
    return RESULT_OK;
}

/* Logs how long the signatures of the offline KSK last, more often when they have ended. */
static void sound_alarm(struct keymgr *keymgr, const struct key_timeline *timeline, uint64_t now)
{
    static const enum concern_id ids[] = { [ALARM_SOON] = CONCERN_BUNDLE_SOON,
                                           [ALARM_LATE] = CONCERN_BUNDLE_LATE,
                                           [ALARM_ENDED] = CONCERN_BUNDLE_ENDED };
    char text[ALARM_ROOM];
    enum alarm_level level = alarm_of(timeline, &keymgr->slices, now);
    uint64_t pause_s = level == ALARM_ENDED ? KEYMGR_NAG_LATE_S : KEYMGR_NAG_S;
    bool over = now < keymgr->alarm_at || now >= keymgr->alarm_at + pause_s;
    if (level == keymgr->alarm && (level == ALARM_NONE || !over)) {
        return;
    }
    if (level == ALARM_NONE) {
        log_say(keymgr->sources.log, LOG_NOTICE,
                "the offline KSK's signatures are there for a good while again");
    } else {
        const struct log_fields fields = { .warning = concern_id_text(ids[level]) };
        log_say_about(keymgr->sources.log, level == ALARM_SOON ? LOG_WARNING : LOG_ERR, &fields,
                      "%s", alarm_text(level, &keymgr->slices, text));
    }
    keymgr->alarm = level;
    keymgr->alarm_at = now;
}

/* The steps of a machine that follows, in one transaction. */
static enum result write_follow(const struct keymgr *keymgr, struct store_txn *txn, uint64_t now,
                                struct written_steps *out, struct diag *diag)
{
    struct package_taken taken;
    struct slices slices = { .count = 0 };
    TRY(key_timeline_read(&out->after, txn, diag));
    out->before = out->after;
    TRY(keytransfer_taken(txn, &taken));
    TRY(slices_read(&slices, txn, &out->after.keys, diag));
    enum slices_step step =
        keytransfer_catch_up(&out->after, &slices, &taken, &keymgr->settings, now);
    out->forced = step == SLICES_FORCED;
    slices_done(&slices);
    return key_timeline_write(&out->after, &out->before, txn, keymgr->sources.seal, now, diag);
}

/* Moves the keys on by the slices of the last package. */
static enum result follow(struct keymgr *keymgr, const struct key_timeline *timeline, uint64_t now,
                          struct diag *diag)
{
    struct key_timeline next = *timeline;
    struct package_taken taken;
    struct store_txn *txn = NULL;
    struct written_steps steps = { .forced = false };
    uint64_t version = store_version(keymgr->keys);
    if ((version == keymgr->follow_version && now < keymgr->follow_again_at) ||
        keytransfer_taken(keymgr->keys, &taken) != RESULT_OK) {
        return RESULT_OK;
    }
    if (keytransfer_catch_up(&next, &keymgr->slices, &taken, &keymgr->settings, now) ==
            SLICES_UNCHANGED &&
        !has_dead(&next.keys, now)) {
        keymgr->follow_version = version;
        keymgr->follow_again_at =
            slices_next_moment(&keymgr->slices, &timeline->keys, now, UINT64_MAX);
        return RESULT_OK;
    }
    TRY(store_write(keymgr->sources.keys, &txn, diag));
    enum result result = write_follow(keymgr, txn, now, &steps, diag);
    return end_steps(keymgr, txn, result, &steps, now, diag);
}

static enum result read_stores(struct keymgr *keymgr, uint64_t steady,
                               struct key_timeline *timeline, struct diag *diag)
{
    TRY(store_renew(keymgr->registry));
    TRY(store_renew(keymgr->keys));
    TRY(look_at_registry(keymgr, steady, false, diag));
    TRY(key_timeline_read(timeline, keymgr->keys, diag));
    return look_at_slices(keymgr, timeline, diag);
}

/* Gives and takes packages. */
static enum result look_at_fleet(struct keymgr *keymgr, struct key_timeline *timeline, uint64_t now,
                                 uint64_t steady, struct diag *diag)
{
    bool changed = false;
    const struct keyfleet_look look = { .registry = keymgr->registry,
                                        .keys = keymgr->keys,
                                        .settings = &keymgr->settings,
                                        .follows = timeline->memory.follows,
                                        .now = now };
    TRY(keyfleet_look(keymgr->fleet, &look, &changed, diag));
    return changed ? read_stores(keymgr, steady, timeline, diag) : RESULT_OK;
}

static enum result look(struct keymgr *keymgr, uint64_t now, uint64_t steady, struct diag *diag)
{
    struct key_timeline timeline;
    struct roll_options options;
    keymgr->steady = steady;
    TRY(read_stores(keymgr, steady, &timeline, diag));
    bool trusted = keyclock_trusts(&keymgr->clock, timeline.memory.seen_at, now, steady);
    if (trusted) {
        TRY(look_at_fleet(keymgr, &timeline, now, steady, diag));
    }
    if (timeline.memory.follows) {
        sound_alarm(keymgr, &timeline, now);
        return trusted ? follow(keymgr, &timeline, now, diag) : RESULT_OK;
    }
    const struct fleet_standing standing = standing_of(keymgr, keymgr->keys, now);
    bool due = trusted && is_due(keymgr, &timeline, &standing, now, &options);
    const struct moment moment = { now, trusted, standing.held };
    bool forced = false;
    if (move_on(keymgr, &timeline, &keymgr->slices, &moment, &forced) || due) {
        return write_on(keymgr, trusted, now, diag);
    }
    sound_alarm(keymgr, &timeline, now);
    if (trusted && parent_is_due(&keymgr->parent, &keymgr->settings, &timeline.keys, steady)) {
        look_at_parent(keymgr, now, steady);
    }
    return RESULT_OK;
}

void keymgr_look(struct keymgr *keymgr, uint64_t now, uint64_t steady)
{
    struct diag diag = { "" };
    enum result result = look(keymgr, now, steady, &diag);
    store_rest(keymgr->registry);
    store_rest(keymgr->keys);
    if (result != RESULT_OK) {
        log_once(&keymgr->trouble, keymgr->sources.log, LOG_ERR, NULL,
                 "the DNSSEC keys can't be moved on: %s",
                 diag.text[0] != 0 ? diag.text : result_text(result));
    } else {
        log_once_over(&keymgr->trouble, keymgr->sources.log, "the DNSSEC keys move on again");
    }
}

static void *run(void *arg)
{
    struct keymgr *keymgr = arg;
    do {
        keymgr_look(keymgr, clock_now(), clock_steady());
    } while (thread_pause(&keymgr->thread, KEYMGR_POLL_MS));
    return NULL;
}

enum result keymgr_new(struct keymgr **out, const struct keymgr_sources *sources, struct diag *diag)
{
    struct keymgr *keymgr = xcalloc(1, sizeof(*keymgr));
    keymgr->sources = *sources;
    keymgr->clock.log = sources->log;
    const struct keyfleet_sources fleet = { .state_dir = sources->state_dir,
                                            .keys = sources->keys,
                                            .fleet = sources->fleet,
                                            .seal = sources->seal,
                                            .log = sources->log };
    keymgr->fleet = keyfleet_new(&fleet);
    thread_init(&keymgr->thread);
    enum result result = store_read(sources->registry, &keymgr->registry, diag);
    if (result == RESULT_OK) {
        result = store_read(sources->keys, &keymgr->keys, diag);
    }
    if (result != RESULT_OK) {
        keymgr_free(keymgr);
        return result;
    }
    store_rest(keymgr->registry);
    store_rest(keymgr->keys);
    *out = keymgr;
    return RESULT_OK;
}

enum result keymgr_start(struct keymgr *keymgr, struct diag *diag)
{
    return thread_start(&keymgr->thread, run, keymgr, diag);
}

const struct thread *keymgr_thread(const struct keymgr *keymgr)
{
    return &keymgr->thread;
}

void keymgr_free(struct keymgr *keymgr)
{
    if (keymgr == NULL) {
        return;
    }
    thread_end(&keymgr->thread);
    if (keymgr->registry != NULL) {
        store_abort(keymgr->registry);
    }
    if (keymgr->keys != NULL) {
        store_abort(keymgr->keys);
    }
    slices_done(&keymgr->slices);
    keyfleet_free(keymgr->fleet);
    thread_done(&keymgr->thread);
    free(keymgr);
}
