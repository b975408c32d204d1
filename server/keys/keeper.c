#include "server/keys/keeper.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dnssec/offline/alarm.h"
#include "dnssec/signing/keystate.h"
#include "server/keys/parent.h"
#include "zone/base/clock.h"
#include "zone/base/pulse.h"
#include "zone/registry/registry.h"

struct keeper {
    struct keeper_sources sources;
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
    struct diag last_trouble;
    pthread_t thread;
    bool running;
    struct pulse pulse;
};

static void say(struct keeper *keeper, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct keeper *keeper, const char *format, ...)
{
    char text[ALARM_ROOM + 32];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    keeper->sources.log(text);
}

/* Logged once until it changes. */
static void trouble(struct keeper *keeper, const struct diag *diag)
{
    if (strcmp(keeper->last_trouble.text, diag->text) != 0) {
        keeper->last_trouble = *diag;
        keeper->sources.log(diag->text);
    }
}

struct longest {
    const struct settings *settings;
    uint32_t ttl_s;
};

static enum result longest_of(const struct dname_key *key, const struct node *node, void *arg)
{
    struct longest *longest = arg;
    (void)key;
    for (size_t i = 0; i < node->rrset_count; i++) {
        uint32_t ttl_s = node_ttl(&node->rrsets[i], longest->settings);
        longest->ttl_s = ttl_s > longest->ttl_s ? ttl_s : longest->ttl_s;
    }
    return RESULT_OK;
}

/* Reads settings and TTLs if the registry has changed; the TTLs, for which it reads all names, at once only when it `must`. */
static enum result look_at_registry(struct keeper *keeper, uint64_t steady, bool must,
                                    struct diag *diag)
{
    uint64_t version = store_version(keeper->registry);
    enum result result = RESULT_OK;
    if (!keeper->has_looked || version != keeper->settings_version) {
        struct settings settings;
        result = registry_settings(keeper->registry, &settings, diag);
        if (result != RESULT_OK) {
            return result;
        }
        keeper->settings = settings;
        keeper->settings_version = version;
    }
    must = must || !keeper->has_looked || steady >= keeper->longest_at + KEEPER_TTLS_S;
    if (must && (!keeper->has_looked || version != keeper->longest_version)) {
        struct longest longest = { .settings = &keeper->settings };
        result = registry_nodes(keeper->registry, longest_of, &longest);
        if (result == RESULT_OK) {
            keeper->longest_ttl_s = longest.ttl_s;
            keeper->longest_version = version;
            keeper->longest_at = steady;
            keeper->has_looked = true;
        }
    }
    return result;
}

/* False while the time of day is not to be believed: it was set, or lies before what the store has seen. Waiting is always safe. */
static bool trusts_clock(struct keeper *keeper, const struct keyroll *roll, uint64_t now,
                         uint64_t steady)
{
    int64_t jump = (int64_t)(now - keeper->now) - (int64_t)(steady - keeper->steady);
    if (keeper->steady != 0 && (jump > KEEPER_CLOCK_SLACK_S || jump < -KEEPER_CLOCK_SLACK_S)) {
        say(keeper,
            "the clock was set %s by %lld s: no key takes a step for an hour; signatures follow it",
            jump > 0 ? "forward" : "back", (long long)(jump > 0 ? jump : -jump));
        keeper->trusted_again = steady + KEEPER_CLOCK_TRUST_S;
    }
    keeper->now = now;
    keeper->steady = steady;
    bool behind = now + KEEPER_CLOCK_SLACK_S < roll->memory.seen_at;
    if (behind && !keeper->behind) {
        say(keeper,
            "the clock is %llu s behind what this pool has seen: keys wait for it (if it is right: "
            "`ntspool key trust-clock`)",
            (unsigned long long)(roll->memory.seen_at - now));
    }
    keeper->behind = behind;
    return !behind && steady >= keeper->trusted_again;
}

/* The lifetime of a key that is over, if no rollover of its kind is under way. False: none. */
static bool is_due(const struct keeper *keeper, const struct keyroll *roll, uint64_t now,
                   struct roll_plan *out)
{
    if (rollover_is_held(&roll->keys)) {
        return false; /* bundles say when */
    }
    const struct key_record *ksk = rollover_current(&roll->keys, KEY_KSK);
    const struct key_record *zsk = rollover_current(&roll->keys, KEY_ZSK);
    const struct {
        const struct key_record *key;
        enum key_role bit;
        enum roll_kind kind;
    } rows[] = {
        {zsk,  KEY_ZSK, ksk == zsk ? ROLL_CSK : ROLL_ZSK},
        { ksk, KEY_KSK, ksk == zsk ? ROLL_CSK : ROLL_KSK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t due_at = keyroll_due_at(roll, &keeper->settings, rows[i].bit);
        if (due_at != 0 && due_at <= now &&
            !rollover_under_way(&roll->keys, (unsigned)rows[i].key->role)) {
            *out = (struct roll_plan){ .kind = rows[i].kind, .algorithm = rows[i].key->algorithm };
            return true;
        }
    }
    return false;
}

/* The keys' next steps: by the slices as far as these reach, else by themselves. */
static bool take_steps(const struct keeper *keeper, struct keyroll *roll,
                       const struct slices *slices, bool *forced, uint64_t now)
{
    const struct rollover_timing timing = keyroll_timing(roll, &keeper->settings);
    enum slices_step step =
        timing.held ? slices_advance(slices, &roll->keys, &timing, now) : SLICES_REST;
    *forced = step == SLICES_FORCED;
    bool moved = rollover_advance(&roll->keys, &timing, now);
    return moved || step != SLICES_REST;
}

/* The TTL that DNSKEY is served with: a bundle's can't be changed. */
static uint32_t dnskey_ttl(const struct keeper *keeper, const struct keyroll *roll,
                           const struct slices *slices, uint64_t now)
{
    if (!rollover_is_held(&roll->keys)) {
        return keeper->settings.ttl_s;
    }
    uint32_t ttl_s = slices_ttl(slices, &roll->keys, now);
    return ttl_s != 0 ? ttl_s : roll->memory.dnskey_ttl_s;
}

/* All that is to be done with the keys as read. True if it changed something. */
static bool move_on(const struct keeper *keeper, struct keyroll *roll, const struct slices *slices,
                    bool trusted, bool *forced, uint64_t now)
{
    struct rollover_memory *memory = &roll->memory;
    if (!roll->remembered) {
        /* TTLs from before there was a memory are as bad as can be. */
        *memory = keyroll_timing(roll, &keeper->settings).memory;
    }
    bool changed =
        rollover_remember(memory, dnskey_ttl(keeper, roll, slices, now),
                          keyroll_zone_ttl(&keeper->settings, keeper->longest_ttl_s), now);
    if (!trusted) {
        return changed || !roll->remembered;
    }
    bool moved = take_steps(keeper, roll, slices, forced, now);
    /* With each step, too, so that packages for machines that follow have an order. */
    if (now >= memory->seen_at + (moved ? 1 : KEEPER_SEEN_S)) {
        memory->seen_at = now;
        changed = true;
    }
    changed = changed || moved;
    for (size_t i = 0; i < roll->keys.count; i++) {
        changed = changed || rollover_is_dead(&roll->keys.list[i], now);
    }
    return changed || !roll->remembered;
}

static const char *role_text(enum key_role role)
{
    return role == KEY_KSK ? "KSK" : role == KEY_ZSK ? "ZSK" : "CSK";
}

/* One line for each key whose state is another than before. */
static void report(struct keeper *keeper, const struct keyroll *before, const struct keyroll *after,
                   uint64_t now)
{
    for (size_t i = 0; i < after->keys.count; i++) {
        const struct key_record *key = &after->keys.list[i];
        enum key_state old = keystate_of(&before->keys.list[i], now), new = keystate_of(key, now);
        if (rollover_is_dead(key, now)) {
            say(keeper, "%s %u (%s) is deleted", role_text(key->role), key->tag,
                algorithm_text(key->algorithm));
        } else if (old != new) {
            say(keeper, "%s %u (%s) is now %s", role_text(key->role), key->tag,
                algorithm_text(key->algorithm), keystate_text(new));
        }
    }
    if (rollover_asked_at(&after->keys) != rollover_asked_at(&before->keys) &&
        rollover_awaits_parent(&after->keys)) {
        say(keeper, "the parent zone needs other DS records: `ntspool key ds`");
    }
}

/* The same again in a write transaction, on what the store has by then. */
static enum result write_on(struct keeper *keeper, bool trusted, uint64_t now, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct keyroll roll, before;
    struct roll_plan plan;
    struct slices slices = { .count = 0 };
    bool forced = false;
    enum result result = look_at_registry(keeper, keeper->steady, true, diag);
    if (result == RESULT_OK) {
        result = store_write(keeper->sources.keys, &txn, diag);
    }
    if (result != RESULT_OK) {
        return result;
    }
    result = keyroll_read(&roll, txn, diag);
    before = roll;
    if (result == RESULT_OK) {
        /* What this server can't open it does not serve: steps would be in the records alone. */
        result = keyroll_open_all(&roll, keeper->sources.seal, diag);
    }
    if (result == RESULT_OK && trusted && is_due(keeper, &roll, now, &plan)) {
        result = keyroll_start(txn, keeper->sources.seal, &plan, now, diag);
        if (result == RESULT_OK) {
            result = keyroll_read(&roll, txn, diag);
            before = roll;
        }
    }
    if (result == RESULT_OK) {
        result = slices_read(&slices, txn, &roll.keys, diag);
    }
    if (result == RESULT_OK) {
        (void)move_on(keeper, &roll, &slices, trusted, &forced, now);
        result = keyroll_write(&roll, &before, txn, keeper->sources.seal, now, diag);
    }
    slices_done(&slices);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    result = store_commit(txn, diag);
    if (result == RESULT_OK) {
        report(keeper, &before, &roll, now);
    }
    if (result == RESULT_OK && forced) {
        say(keeper,
            "the server was away for so long that the offline KSK's signatures ended: it goes on "
            "with those of today, which caches may take a while to believe");
    }
    return result;
}

/* Asks for the parent's DS, and says so when it is there. */
static enum result look_at_parent(struct keeper *keeper, uint64_t now, uint64_t steady,
                                  struct diag *diag)
{
    struct parent_news news;
    const struct parent_look look = { &keeper->sources, &keeper->settings, now, steady };
    enum result result = parent_ask(&keeper->parent, &look, &news, diag);
    if (result == RESULT_OK) {
        say(keeper, "the parent zone has the DS records that were asked for");
        report(keeper, &news.before, &news.after, now);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* Reads the slices if anything about the keys has changed. */
static enum result look_at_slices(struct keeper *keeper, const struct keyroll *roll,
                                  struct diag *diag)
{
    uint64_t version = store_version(keeper->keys);
    if (version == keeper->slices_version) {
        return RESULT_OK;
    }
    struct slices slices = { .count = 0 };
    enum result result = slices_read(&slices, keeper->keys, &roll->keys, diag);
    if (result == RESULT_OK) {
        slices_done(&keeper->slices);
        keeper->slices = slices;
        keeper->slices_version = version;
    }
    return result;
}

/* Says how long the offline KSK's signatures last, the more often the sooner that is over. */
static void sound_alarm(struct keeper *keeper, const struct keyroll *roll, uint64_t now)
{
    char text[ALARM_ROOM];
    enum alarm_level level = alarm_of(roll, &keeper->slices, now);
    uint64_t pause_s = level == ALARM_ENDED ? KEEPER_NAG_LATE_S : KEEPER_NAG_S;
    bool over = now < keeper->alarm_at || now >= keeper->alarm_at + pause_s;
    if (level == keeper->alarm && (level == ALARM_NONE || !over)) {
        return;
    }
    if (level == ALARM_NONE) {
        say(keeper, "the offline KSK's signatures are there for a good while again");
    } else {
        say(keeper, "%s", alarm_text(level, &keeper->slices, text));
    }
    keeper->alarm = level;
    keeper->alarm_at = now;
}

static enum result look(struct keeper *keeper, uint64_t now, uint64_t steady, struct diag *diag)
{
    struct keyroll roll;
    struct roll_plan plan;
    enum result result = look_at_registry(keeper, steady, false, diag);
    if (result == RESULT_OK) {
        result = keyroll_read(&roll, keeper->keys, diag);
    }
    if (result == RESULT_OK) {
        result = look_at_slices(keeper, &roll, diag);
    }
    if (result == RESULT_OK && roll.memory.follows) {
        sound_alarm(keeper, &roll, now);
    }
    if (result != RESULT_OK || roll.memory.follows) {
        return result;
    }
    bool trusted = trusts_clock(keeper, &roll, now, steady);
    bool due = trusted && is_due(keeper, &roll, now, &plan);
    bool forced = false;
    if (move_on(keeper, &roll, &keeper->slices, trusted, &forced, now) || due) {
        return write_on(keeper, trusted, now, diag);
    }
    sound_alarm(keeper, &roll, now);
    return trusted && parent_is_due(&keeper->parent, &keeper->settings, &roll.keys, steady)
               ? look_at_parent(keeper, now, steady, diag)
               : RESULT_OK;
}

void keeper_look(struct keeper *keeper, uint64_t now, uint64_t steady)
{
    struct diag diag = { "" };
    enum result result = store_renew(keeper->registry);
    if (result == RESULT_OK) {
        result = store_renew(keeper->keys);
    }
    if (result == RESULT_OK) {
        result = look(keeper, now, steady, &diag);
    }
    store_rest(keeper->registry);
    store_rest(keeper->keys);
    if (result != RESULT_OK) {
        struct diag line;
        (void)diag_fail(&line, result, "the DNSSEC keys can't be moved on: %s",
                        diag.text[0] != 0 ? diag.text : result_text(result));
        trouble(keeper, &line);
    } else {
        keeper->last_trouble.text[0] = 0;
    }
}

static void *run(void *arg)
{
    struct keeper *keeper = arg;
    do {
        keeper_look(keeper, clock_now(), clock_steady());
    } while (pulse_pause(&keeper->pulse, KEEPER_POLL_MS));
    return NULL;
}

enum result keeper_new(struct keeper **out, const struct keeper_sources *sources, struct diag *diag)
{
    struct keeper *keeper = xcalloc(1, sizeof(*keeper));
    keeper->sources = *sources;
    pulse_init(&keeper->pulse);
    enum result result = store_read(sources->registry, &keeper->registry, diag);
    if (result == RESULT_OK) {
        result = store_read(sources->keys, &keeper->keys, diag);
    }
    if (result != RESULT_OK) {
        keeper_free(keeper);
        return result;
    }
    store_rest(keeper->registry);
    store_rest(keeper->keys);
    *out = keeper;
    return RESULT_OK;
}

enum result keeper_start(struct keeper *keeper, struct diag *diag)
{
    int error = pthread_create(&keeper->thread, NULL, run, keeper);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't start a thread: %s", strerror(error));
    }
    keeper->running = true;
    return RESULT_OK;
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    if (keeper->running) {
        pulse_stop(&keeper->pulse);
        (void)pthread_join(keeper->thread, NULL);
    }
    if (keeper->registry != NULL) {
        store_abort(keeper->registry);
    }
    if (keeper->keys != NULL) {
        store_abort(keeper->keys);
    }
    slices_done(&keeper->slices);
    pulse_done(&keeper->pulse);
    free(keeper);
}
