/* Random lives of several years, checked by an independent model. It records what was served and
 * with which TTL, and checks at every moment that everything caches may hold validates together. It
 * does not look at the times in the records' states. */
#include "tests/unit/life.h"
#include "zone/base/splitmix.h"

enum {
    HISTORY = 64,
    LIVES = 300,
    YEARS = 3
};

/* One version of a served RRset, as a set of key tags, until it was replaced. */
struct version {
    size_t count;
    uint16_t tags[KEYSTORE_MAX];
    uint64_t gone_at; /* when the last cache has dropped it; 0: it is served */
    uint32_t ttl_s;   /* the longest TTL it was served with */
};

struct history {
    size_t count;
    struct version list[HISTORY];
};

struct world {
    struct life life;
    uint64_t random;
    struct history dnskey, zone, ds;
    size_t shown; /* versions that were checked */
};

static uint32_t dice(struct world *w, uint32_t sides)
{
    return (uint32_t)(splitmix(&w->random) % sides);
}

static bool has(const struct version *version, uint16_t tag)
{
    for (size_t i = 0; i < version->count; i++) {
        if (version->tags[i] == tag) {
            return true;
        }
    }
    return false;
}

static bool same(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!has(b, a->tags[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

/* With another version, the last one is still served for `kept_s`. */
static void serve(struct history *history, const struct version *version, uint32_t ttl_s,
                  uint64_t now, uint32_t delay_s, uint32_t kept_s)
{
    struct version *last = &history->list[history->count - 1];
    if (history->count > 0 && same(last, version)) {
        if (last->ttl_s != ttl_s) {
            /* Caches keep it with the old TTL for that long, as if it were another version. */
            last->gone_at = now + last->ttl_s + delay_s;
        } else {
            return;
        }
    } else if (history->count > 0) {
        last->gone_at = now + kept_s + last->ttl_s + delay_s;
    }
    size_t kept = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (history->list[i].gone_at > now) {
            history->list[kept++] = history->list[i];
        }
    }
    history->count = kept;
    assert_true(history->count < HISTORY);
    history->list[history->count] = *version;
    history->list[history->count].ttl_s = ttl_s;
    history->list[history->count++].gone_at = 0;
}

/* RFC 4035 2.2, for one version each of DS, DNSKEY and data. */
static void judge_combination(const struct world *w, const struct version *ds,
                              const struct version *dnskey, const struct version *zone)
{
    for (size_t d = 0; d < ds->count; d++) {
        bool found = false;
        for (size_t o = 0; o < ds->count && !found; o++) {
            found = w->life.algorithms[ds->tags[o]] == w->life.algorithms[ds->tags[d]] &&
                    has(dnskey, ds->tags[o]);
        }
        assert_true(found);
    }
    for (size_t k = 0; k < dnskey->count; k++) {
        bool found = false;
        for (size_t o = 0; o < dnskey->count && !found; o++) {
            found = w->life.algorithms[dnskey->tags[o]] == w->life.algorithms[dnskey->tags[k]] &&
                    has(zone, dnskey->tags[o]);
        }
        assert_true(found);
    }
}

static bool is_alive(const struct world *w, const struct version *version)
{
    return version->gone_at == 0 || version->gone_at > w->life.now;
}

static void judge_zone(struct world *w, const struct version *ds, const struct version *dnskey)
{
    for (size_t z = 0; z < w->zone.count; z++) {
        const struct version *zone = &w->zone.list[z];
        if (is_alive(w, ds) && is_alive(w, dnskey) && is_alive(w, zone)) {
            judge_combination(w, ds, dnskey, zone);
            w->shown++;
        }
    }
}

static void judge(struct world *w)
{
    for (size_t d = 0; d < w->ds.count; d++) {
        for (size_t k = 0; k < w->dnskey.count; k++) {
            judge_zone(w, &w->ds.list[d], &w->dnskey.list[k]);
        }
    }
    assert_true(rollover_is_safe(&w->life.keys, w->life.now));
}

/* Records what the server serves now. */
static void show(struct world *w)
{
    struct version dnskey = { .count = 0 }, zone = { .count = 0 };
    unsigned signers = 0, anchors = 0;
    for (size_t i = 0; i < w->life.keys.count; i++) {
        const struct key_record *key = &w->life.keys.list[i];
        if (record_state_is_published(&key->life.dnskey)) {
            dnskey.tags[dnskey.count++] = key->tag;
            anchors += (key->role & KEY_KSK) != 0;
        }
        if (record_state_is_published(&key->life.zone)) {
            zone.tags[zone.count++] = key->tag;
            signers++;
        }
    }
    assert_true(signers > 0 && anchors > 0);
    serve(&w->dnskey, &dnskey, w->life.timing.memory.dnskey_ttl_s, w->life.now,
          w->life.timing.propagation_s, 0);
    serve(&w->zone, &zone, w->life.timing.memory.zone_ttl_s, w->life.now,
          w->life.timing.propagation_s, ROLLOVER_RESIGN_S);
}

/* The parent publishes the DS that CDS asks for, perhaps in two steps, perhaps late. Its operator
 * confirms once all are there. */
static void parent_acts(struct world *w)
{
    struct version ds = { .count = 0 };
    const struct version *last = &w->ds.list[w->ds.count - 1];
    uint32_t ttl = w->life.timing.parent_s - (uint32_t)HOUR;
    for (size_t i = 0; i < w->life.keys.count; i++) {
        if (record_state_is_published(&w->life.keys.list[i].life.ds)) {
            ds.tags[ds.count++] = w->life.keys.list[i].tag;
        }
    }
    if (dice(w, 3) == 0 && last->count + ds.count <= KEYSTORE_MAX && !same(last, &ds)) {
        struct version both = ds;
        for (size_t i = 0; i < last->count; i++) {
            if (!has(&ds, last->tags[i])) {
                both.tags[both.count++] = last->tags[i];
            }
        }
        serve(&w->ds, &both, ttl, w->life.now, HOUR, 0);
        return;
    }
    serve(&w->ds, &ds, ttl, w->life.now, HOUR, 0);
    if (dice(w, 4) != 0) {
        (void)rollover_ds_seen(&w->life.keys, &w->life.timing, w->life.now);
    }
}

static void roll_something(struct world *w, bool emergency)
{
    static const enum key_role both[] = { KEY_KSK, KEY_ZSK }, csk[] = { KEY_CSK };
    const struct key_record *ksk = rollover_current(&w->life.keys, KEY_KSK);
    bool single = ksk->role == KEY_CSK;
    enum algorithm same_one = ksk->algorithm;
    enum algorithm other =
        same_one == ALGORITHM_ED25519 ? ALGORITHM_ECDSAP256SHA256 : ALGORITHM_ED25519;
    const struct {
        const enum key_role *roles;
        size_t count;
        enum algorithm algorithm;
    } kinds[2][4] = {
        { { both + 1, 1, same_one },
          { both, 1, same_one },
          { csk, 1, same_one },
          { both, 2, other } },
        { { csk, 1, same_one }, { csk, 1, other }, { both, 2, same_one }, { csk, 1, other } },
    };
    uint32_t kind = dice(w, 4);
    unsigned mask = kind < 2 && !single ? (unsigned)kinds[0][kind].roles[0] : KEY_CSK;
    if (emergency || !rollover_under_way(&w->life.keys, mask)) {
        life_roll(&w->life, kinds[single][kind].algorithm, kinds[single][kind].roles,
                  kinds[single][kind].count);
    }
}

static void change_ttls(struct world *w)
{
    static const uint32_t ttls[] = { 60, 300, HOUR, DAY };
    (void)rollover_remember(&w->life.timing.memory, ttls[dice(w, 4)], ttls[dice(w, 4)],
                            w->life.now);
}

static void live(struct world *w)
{
    switch (dice(w, 60)) {
    case 0:
        roll_something(w, false);
        break;
    case 1:
        roll_something(w, dice(w, 4) == 0);
        break;
    case 2:
        (void)rollover_abort(&w->life.keys, KEY_CSK);
        break;
    case 3:
        (void)rollover_abort(&w->life.keys, dice(w, 2) == 0 ? KEY_ZSK : KEY_KSK);
        break;
    case 4:
        change_ttls(w);
        break;
    case 5:
        w->life.timing.memory.insecure = !w->life.timing.memory.insecure && dice(w, 8) == 0;
        break;
    case 6:
    case 7:
    case 8:
        parent_acts(w);
        break;
    default:
        break;
    }
    const struct key_set before = w->life.keys;
    (void)rollover_advance(&w->life.keys, &w->life.timing, w->life.now);
    life_bury(&w->life);
    assert_true(rollover_keeps(&before, &w->life.keys, w->life.now));
    show(w);
}

static struct world *begin(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->random = seed;
    life_begin(&w->life);
    enum algorithm algorithm = dice(w, 2) == 0 ? ALGORITHM_ECDSAP256SHA256 : ALGORITHM_ED25519;
    if (dice(w, 3) == 0) {
        life_add(&w->life, algorithm, KEY_CSK, key_life_in_use(KEY_CSK, START));
    } else {
        life_add(&w->life, algorithm, KEY_KSK, key_life_in_use(KEY_KSK, START));
        life_add(&w->life, algorithm, KEY_ZSK, key_life_in_use(KEY_ZSK, START));
    }
    show(w);
    const struct version none = { .count = 0 };
    serve(&w->ds, &none, DAY, w->life.now, HOUR, 0);
    return w;
}

static void no_life_has_a_moment_that_does_not_validate(void **)
{
    size_t rolled = 0, shown = 0;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct world *w = begin(seed);
        while (w->life.now < START + DAY * 365 * YEARS && w->life.next_tag < LIFE_TAGS - 2) {
            /* Mostly some hours, sometimes seconds, sometimes weeks with the server off, while the
             * same records stay served. */
            uint32_t kind = dice(w, 20);
            w->life.now += kind == 0   ? 1 + dice(w, 30)
                           : kind == 1 ? dice(w, 30 * DAY)
                                       : dice(w, DAY / 2);
            live(w);
            judge(w);
        }
        rolled += w->life.next_tag;
        shown += w->shown;
        /* Left alone, it settles. */
        w->life.timing.memory.insecure = false;
        life_pass(&w->life, 90, true);
        assert_false(rollover_under_way(&w->life.keys, KEY_CSK) ||
                     rollover_awaits_parent(&w->life.keys));
        free(w);
    }
    /* Enough happened in these lives. */
    assert_true(rolled > (size_t)10 * LIVES);
    assert_true(shown > (size_t)1000 * LIVES);
}

/* A pool with a KSK and two ZSKs, of which the first signs, at the moment before the switch. */
static struct life before_the_switch(void)
{
    struct life l;
    static const enum key_role zsk[] = { KEY_ZSK };
    life_begin(&l);
    life_add(&l, ALGORITHM_ED25519, KEY_KSK, key_life_in_use(KEY_KSK, START));
    life_add(&l, ALGORITHM_ED25519, KEY_ZSK, key_life_in_use(KEY_ZSK, START));
    l.now += DAY;
    life_roll(&l, ALGORITHM_ED25519, zsk, 1);
    const struct key_set before = l.keys;
    assert_true(rollover_advance(&l.keys, &l.timing, l.now));
    assert_true(record_state_is_published(&l.keys.list[2].life.dnskey));
    assert_true(rollover_keeps(&before, &l.keys, l.now));
    l.now += 2 * HOUR;
    return l;
}

static void signatures_are_kept_over_a_switch_that_is_safe(void **)
{
    struct life l = before_the_switch();
    const struct key_set before = l.keys;
    assert_true(rollover_advance(&l.keys, &l.timing, l.now));
    assert_false(record_state_is_published(&l.keys.list[1].life.zone));
    assert_true(rollover_keeps(&before, &l.keys, l.now));
    assert_true(rollover_keeps(&before, &l.keys, l.now + ROLLOVER_RESIGN_S));
    /* The old key is published until caches have let go of what was served last. */
    uint64_t last = l.now + ROLLOVER_RESIGN_S;
    for (; record_state_is_published(&l.keys.list[1].life.dnskey); l.now++) {
        (void)rollover_advance(&l.keys, &l.timing, l.now);
    }
    assert_int_equal(l.now - 1, last + l.timing.memory.zone_ttl_s + l.timing.propagation_s);
    assert_false(rollover_keeps(&before, &l.keys, l.now));
}

static void signatures_of_a_key_that_is_gone_are_not_kept(void **)
{
    struct life l = before_the_switch();
    const struct key_set before = l.keys;
    assert_true(rollover_advance(&l.keys, &l.timing, l.now));
    const struct key_set after = l.keys;
    /* deleted, at the switch or soon after */
    l.keys.list[1] = l.keys.list[2];
    l.keys.count = 2;
    assert_false(rollover_keeps(&before, &l.keys, l.now));
    assert_false(rollover_keeps(&after, &l.keys, l.now));
    /* replaced by another one with its tag */
    l.keys = after;
    l.keys.list[1].public_key[0] ^= 1;
    assert_false(rollover_keeps(&after, &l.keys, l.now));
}

static void signatures_are_not_kept_over_a_forced_step(void **)
{
    struct life l = before_the_switch();
    const struct key_set before = l.keys;
    const struct rollover_aim only_the_new_one = { .dnskey = 5, .wanted = 4 };
    assert_true(rollover_apply(&l.keys, &only_the_new_one, &l.timing, true, l.now));
    assert_false(rollover_keeps(&before, &l.keys, l.now));
    /* and not if the old key leaves the DNSKEY RRset too soon after a switch that was safe */
    l.keys = before;
    assert_true(rollover_advance(&l.keys, &l.timing, l.now));
    const struct key_set after = l.keys;
    l.now += 60;
    assert_true(rollover_apply(&l.keys, &only_the_new_one, &l.timing, true, l.now));
    assert_false(rollover_keeps(&after, &l.keys, l.now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_life_has_a_moment_that_does_not_validate),
        cmocka_unit_test(signatures_are_kept_over_a_switch_that_is_safe),
        cmocka_unit_test(signatures_of_a_key_that_is_gone_are_not_kept),
        cmocka_unit_test(signatures_are_not_kept_over_a_forced_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
