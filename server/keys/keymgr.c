#include "server/keys/keymgr.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dnssec/offline/alarm.h"
#include "dnssec/signing/keystate.h"
#include "server/keys/parent.h"
#include "zone/base/clock.h"
#include "zone/base/thread.h"
#include "zone/registry/registry.h"

struct keymgr {
    struct keymgr_sources sources;
    struct store_txn *registry, *keys; /* read */
    struct settings settings;
    uint64_t settings_version;
    uint32_t longest_ttl_s;   /* of the static records, */
    uint64_t longest_version; /* in this version, */
    uint64_t longest_at;      /* seen at this steady time */
    bool has_looked;
    uint64_t now, steady;   /* at the last look */
    uint64_t trusted_again; /* in steady time: when the clock is believed after it was set */
    struct parent_watch parent;
    struct slices slices; /* of the bundle, as of */
    uint64_t slices_version;
    enum alarm_level alarm; /* what was said last, and when */
    uint64_t alarm_at;
    bool behind; /* the clock is before what the store has seen */
    struct log_once trouble;
    struct thread thread;
};

static void say(struct keymgr *keymgr, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct keymgr *keymgr, const char *format, ...)
{
    char text[ALARM_ROOM + 32];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    keymgr->sources.log(text);
}

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

/* Reads settings and TTLs if the registry has changed; the TTLs, for which it reads all names, at
 * once only when it `must`. */
static enum result look_at_registry(struct keymgr *keymgr, uint64_t steady, bool must,
                                    struct diag *diag)
{
    uint64_t version = store_version(keymgr->registry);
    enum result result = RESULT_OK;
    if (!keymgr->has_looked || version != keymgr->settings_version) {
        struct settings settings;
        result = registry_settings(keymgr->registry, &settings, diag);
        if (result != RESULT_OK) {
            return result;
        }
        keymgr->settings = settings;
        keymgr->settings_version = version;
    }
    must = must || !keymgr->has_looked || steady >= keymgr->longest_at + KEYMGR_TTLS_S;
    if (must && (!keymgr->has_looked || version != keymgr->longest_version)) {
        struct longest longest = { .settings = &keymgr->settings };
        result = registry_nodes(keymgr->registry, longest_of, &longest);
        if (result == RESULT_OK) {
            keymgr->longest_ttl_s = longest.ttl_s;
            keymgr->longest_version = version;
            keymgr->longest_at = steady;
            keymgr->has_looked = true;
        }
    }
    return result;
}

/* False while the time of day is not to be believed: it was set, or lies before what the store has
 * seen. Waiting is always safe. */
static bool trusts_clock(struct keymgr *keymgr, const struct key_timeline *timeline, uint64_t now,
                         uint64_t steady)
{
    int64_t jump = (int64_t)(now - keymgr->now) - (int64_t)(steady - keymgr->steady);
    if (keymgr->steady != 0 && (jump > KEYMGR_CLOCK_SLACK_S || jump < -KEYMGR_CLOCK_SLACK_S)) {
        say(keymgr,
            "the clock was set %s by %lld s: no key takes a step for an hour; signatures follow it",
            jump > 0 ? "forward" : "back", (long long)(jump > 0 ? jump : -jump));
        keymgr->trusted_again = steady + KEYMGR_CLOCK_TRUST_S;
    }
    keymgr->now = now;
    keymgr->steady = steady;
    bool behind = now + KEYMGR_CLOCK_SLACK_S < timeline->memory.seen_at;
    if (behind && !keymgr->behind) {
        say(keymgr,
            "the clock is %llu s behind what this pool has seen: keys wait for it (if it is right: "
            "`ntspool key trust-clock`)",
            (unsigned long long)(timeline->memory.seen_at - now));
    }
    keymgr->behind = behind;
    return !behind && steady >= keymgr->trusted_again;
}

/* The lifetime of a key that is over, if no rollover of its kind is under way. False: none. */
static bool is_due(const struct keymgr *keymgr, const struct key_timeline *timeline, uint64_t now,
                   struct roll_options *out)
{
    if (rollover_has_offline_ksk(&timeline->keys)) {
        return false; /* bundles say when */
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
            !rollover_under_way(&timeline->keys, (unsigned)rows[i].key->role)) {
            *out =
                (struct roll_options){ .kind = rows[i].kind, .algorithm = rows[i].key->algorithm };
            return true;
        }
    }
    return false;
}

/* The keys' next steps: by the slices as far as these reach, else by themselves. */
static bool take_steps(const struct keymgr *keymgr, struct key_timeline *timeline,
                       const struct slices *slices, bool *forced, uint64_t now)
{
    const struct rollover_timing timing = key_timeline_timing(timeline, &keymgr->settings);
    enum slices_step step = timing.offline_ksk
                                ? slices_advance(slices, &timeline->keys, &timing, now)
                                : SLICES_UNCHANGED;
    *forced = step == SLICES_FORCED;
    bool moved = rollover_advance(&timeline->keys, &timing, now);
    return moved || step != SLICES_UNCHANGED;
}

/* The TTL that DNSKEY is served with: a bundle's can't be changed. */
static uint32_t dnskey_ttl(const struct keymgr *keymgr, const struct key_timeline *timeline,
                           const struct slices *slices, uint64_t now)
{
    if (!rollover_has_offline_ksk(&timeline->keys)) {
        return keymgr->settings.ttl_s;
    }
    uint32_t ttl_s = slices_ttl(slices, &timeline->keys, now);
    return ttl_s != 0 ? ttl_s : timeline->memory.dnskey_ttl_s;
}

/* All that is to be done with the keys as read. True if it changed something. */
static bool move_on(const struct keymgr *keymgr, struct key_timeline *timeline,
                    const struct slices *slices, bool trusted, bool *forced, uint64_t now)
{
    struct rollover_memory *memory = &timeline->memory;
    if (!timeline->remembered) {
        /* TTLs from before there was a memory are as bad as can be. */
        *memory = key_timeline_timing(timeline, &keymgr->settings).memory;
    }
    bool changed =
        rollover_remember(memory, dnskey_ttl(keymgr, timeline, slices, now),
                          key_timeline_zone_ttl(&keymgr->settings, keymgr->longest_ttl_s), now);
    if (!trusted) {
        return changed || !timeline->remembered;
    }
    bool moved = take_steps(keymgr, timeline, slices, forced, now);
    /* With each step, too, so that packages for machines that follow have an order. */
    if (now >= memory->seen_at + (moved ? 1 : KEYMGR_SEEN_S)) {
        memory->seen_at = now;
        changed = true;
    }
    changed = changed || moved;
    for (size_t i = 0; i < timeline->keys.count; i++) {
        changed = changed || rollover_is_dead(&timeline->keys.list[i], now);
    }
    return changed || !timeline->remembered;
}

static const char *role_text(enum key_role role)
{
    return role == KEY_KSK ? "KSK" : role == KEY_ZSK ? "ZSK" : "CSK";
}

/* One line for each key whose state is another than before. */
static void report(struct keymgr *keymgr, const struct key_timeline *before,
                   const struct key_timeline *after, uint64_t now)
{
    for (size_t i = 0; i < after->keys.count; i++) {
        const struct key_record *key = &after->keys.list[i];
        enum key_state old = keystate_of(&before->keys.list[i], now), new = keystate_of(key, now);
        if (rollover_is_dead(key, now)) {
            say(keymgr, "%s %u (%s) is deleted", role_text(key->role), key->tag,
                algorithm_text(key->algorithm));
        } else if (old != new) {
            say(keymgr, "%s %u (%s) is now %s", role_text(key->role), key->tag,
                algorithm_text(key->algorithm), keystate_text(new));
        }
    }
    if (rollover_asked_at(&after->keys) != rollover_asked_at(&before->keys) &&
        rollover_awaits_parent(&after->keys)) {
        say(keymgr, "the parent zone needs other DS records: `ntspool key ds`");
    }
}

/* The same again in a write transaction, on what the store has by then. */
static enum result write_on(struct keymgr *keymgr, bool trusted, uint64_t now, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct key_timeline timeline, before;
    struct roll_options options;
    struct slices slices = { .count = 0 };
    bool forced = false;
    enum result result = look_at_registry(keymgr, keymgr->steady, true, diag);
    if (result == RESULT_OK) {
        result = store_write(keymgr->sources.keys, &txn, diag);
    }
    if (result != RESULT_OK) {
        return result;
    }
    result = key_timeline_read(&timeline, txn, diag);
    before = timeline;
    if (result == RESULT_OK) {
        /* What this server can't open it does not serve: steps would be in the records alone. */
        result = key_timeline_open_all(&timeline, keymgr->sources.seal, diag);
    }
    if (result == RESULT_OK && trusted && is_due(keymgr, &timeline, now, &options)) {
        result = key_timeline_start(&timeline, txn, keymgr->sources.seal, &options, now, diag);
        before = timeline;
    }
    if (result == RESULT_OK) {
        result = slices_read(&slices, txn, &timeline.keys, diag);
    }
    if (result == RESULT_OK) {
        (void)move_on(keymgr, &timeline, &slices, trusted, &forced, now);
        result = key_timeline_write(&timeline, &before, txn, keymgr->sources.seal, now, diag);
    }
    slices_done(&slices);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    result = store_commit(txn, diag);
    if (result == RESULT_OK) {
        report(keymgr, &before, &timeline, now);
    }
    if (result == RESULT_OK && forced) {
        say(keymgr,
            "the server was away for so long that the offline KSK's signatures ended: it goes on "
            "with those of today, which caches may take a while to believe");
    }
    return result;
}

/* Asks for the parent's DS, and says so when it is there. */
static enum result look_at_parent(struct keymgr *keymgr, uint64_t now, uint64_t steady,
                                  struct diag *diag)
{
    struct parent_news news;
    const struct parent_look look = { .keys = keymgr->sources.keys,
                                      .seal = keymgr->sources.seal,
                                      .log = keymgr->sources.log,
                                      .settings = &keymgr->settings,
                                      .now = now,
                                      .steady = steady };
    enum result result = parent_ask(&keymgr->parent, &look, &news, diag);
    if (result == RESULT_OK) {
        say(keymgr, "the parent zone has the DS records that were asked for");
        report(keymgr, &news.before, &news.after, now);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* Reads the slices if anything about the keys has changed. */
static enum result look_at_slices(struct keymgr *keymgr, const struct key_timeline *timeline,
                                  struct diag *diag)
{
    uint64_t version = store_version(keymgr->keys);
    if (version == keymgr->slices_version) {
        return RESULT_OK;
    }
    struct slices slices = { .count = 0 };
    enum result result = slices_read(&slices, keymgr->keys, &timeline->keys, diag);
    if (result == RESULT_OK) {
        slices_done(&keymgr->slices);
        keymgr->slices = slices;
        keymgr->slices_version = version;
    }
    return result;
}

/* Says how long the offline KSK's signatures last, the more often the sooner that is over. */
static void sound_alarm(struct keymgr *keymgr, const struct key_timeline *timeline, uint64_t now)
{
    char text[ALARM_ROOM];
    enum alarm_level level = alarm_of(timeline, &keymgr->slices, now);
    uint64_t pause_s = level == ALARM_ENDED ? KEYMGR_NAG_LATE_S : KEYMGR_NAG_S;
    bool over = now < keymgr->alarm_at || now >= keymgr->alarm_at + pause_s;
    if (level == keymgr->alarm && (level == ALARM_NONE || !over)) {
        return;
    }
    if (level == ALARM_NONE) {
        say(keymgr, "the offline KSK's signatures are there for a good while again");
    } else {
        say(keymgr, "%s", alarm_text(level, &keymgr->slices, text));
    }
    keymgr->alarm = level;
    keymgr->alarm_at = now;
}

static enum result look(struct keymgr *keymgr, uint64_t now, uint64_t steady, struct diag *diag)
{
    struct key_timeline timeline;
    struct roll_options options;
    enum result result = look_at_registry(keymgr, steady, false, diag);
    if (result == RESULT_OK) {
        result = key_timeline_read(&timeline, keymgr->keys, diag);
    }
    if (result == RESULT_OK) {
        result = look_at_slices(keymgr, &timeline, diag);
    }
    if (result == RESULT_OK && timeline.memory.follows) {
        sound_alarm(keymgr, &timeline, now);
    }
    if (result != RESULT_OK || timeline.memory.follows) {
        return result;
    }
    bool trusted = trusts_clock(keymgr, &timeline, now, steady);
    bool due = trusted && is_due(keymgr, &timeline, now, &options);
    bool forced = false;
    if (move_on(keymgr, &timeline, &keymgr->slices, trusted, &forced, now) || due) {
        return write_on(keymgr, trusted, now, diag);
    }
    sound_alarm(keymgr, &timeline, now);
    return trusted && parent_is_due(&keymgr->parent, &keymgr->settings, &timeline.keys, steady)
               ? look_at_parent(keymgr, now, steady, diag)
               : RESULT_OK;
}

void keymgr_look(struct keymgr *keymgr, uint64_t now, uint64_t steady)
{
    struct diag diag = { "" };
    enum result result = store_renew(keymgr->registry);
    if (result == RESULT_OK) {
        result = store_renew(keymgr->keys);
    }
    if (result == RESULT_OK) {
        result = look(keymgr, now, steady, &diag);
    }
    store_rest(keymgr->registry);
    store_rest(keymgr->keys);
    struct diag line = { "" };
    if (result != RESULT_OK) {
        (void)diag_fail(&line, result, "the DNSSEC keys can't be moved on: %s",
                        diag.text[0] != 0 ? diag.text : result_text(result));
    }
    log_once(&keymgr->trouble, keymgr->sources.log, line.text);
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
    thread_done(&keymgr->thread);
    free(keymgr);
}
