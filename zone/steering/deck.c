#include "zone/steering/deck.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/result.h"
#include "zone/base/splitmix.h"
#include "zone/steering/apportion.h"

/* A group of kin in one stratum. */
struct run {
    unsigned first, end; /* of the stratum's slots */
    unsigned class;      /* by family */
    uint64_t order;      /* random */
};

enum {
    STRATUM_SLOTS = DECK_SETS_MIN * DECK_SET_MAX
};

struct dealing {
    const struct deck_plan *plan;
    uint32_t *holder; /* of each slot on the line: number in the plan's list */
    size_t slot_count;
    bool few;
    uint64_t random;
};

static double unit(uint64_t *random)
{
    return (double)(splitmix(random) >> 11) * 0x1p-53;
}

/* Uniform enough in [0, bound) for bounds far below 2^32. */
static size_t below(uint64_t *random, size_t bound)
{
    return (size_t)((splitmix(random) >> 32) * bound >> 32);
}

size_t deck_size(double part, size_t total)
{
    size_t sets = DECK_SETS_MIN;
    while (sets < DECK_SETS_MAX && (double)(2 * sets) <= part * (double)total) {
        sets *= 2;
    }
    return sets;
}

static const struct allocation_member *member_at(const struct dealing *d, size_t i)
{
    return &d->plan->members[d->plan->list[i].member];
}

static size_t count_groups(const struct dealing *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->plan->list_count; i++) {
        count += i == 0 || member_at(d, i)->group != member_at(d, i - 1)->group ? 1 : 0;
    }
    return count;
}

/* Lays the slots out on a line. */
static void lay_out(struct dealing *d)
{
    const struct deck_plan *plan = d->plan;
    uint32_t *first = xcalloc(plan->list_count + 1, sizeof(*first));
    const struct apportion_plan slots = { plan->list,    plan->list_count, plan->members,
                                          plan->per_set, plan->sets,       plan->deficit,
                                          plan->seed,    plan->round };
    apportion(&slots, first);
    d->slot_count = first[plan->list_count];
    d->holder = xmalloc((d->slot_count + 1) * sizeof(*d->holder));
    for (size_t i = 0; i < plan->list_count; i++) {
        for (uint32_t slot = first[i]; slot < first[i + 1]; slot++) {
            d->holder[slot] = (uint32_t)i;
        }
    }
    free(first);
}

/* Groups in order of what families they hold. */
static unsigned class_of(const struct dealing *d, const uint32_t *holder, const struct run *run)
{
    bool ipv4 = true, ipv6 = true, some_ipv6 = false;
    for (unsigned i = run->first; i < run->end; i++) {
        const struct allocation_member *member = member_at(d, holder[i]);
        ipv4 = ipv4 && member->ipv4;
        ipv6 = ipv6 && member->ipv6;
        some_ipv6 = some_ipv6 || member->ipv6;
    }
    if (!some_ipv6) {
        return 0;
    }
    return !ipv6 ? 1 : ipv4 ? 2 : 3;
}

static int compare_runs(const void *a, const void *b)
{
    const struct run *left = a, *right = b;
    if (left->class != right->class) {
        return left->class < right->class ? -1 : 1;
    }
    return (left->order > right->order) - (left->order < right->order);
}

static size_t find_runs(struct dealing *d, const uint32_t *holder, unsigned count,
                        struct run runs[STRATUM_SLOTS])
{
    size_t run_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i == 0 || member_at(d, holder[i])->group != member_at(d, holder[i - 1])->group) {
            runs[run_count++] = (struct run){ .first = i, .order = splitmix(&d->random) };
        }
        runs[run_count - 1].end = i + 1;
    }
    for (size_t r = 0; r < run_count; r++) {
        runs[r].class = class_of(d, holder, &runs[r]);
    }
    qsort(runs, run_count, sizeof(runs[0]), compare_runs);
    return run_count;
}

/* Deals a run's slots round the sets from number `next` on. Returns the number after. */
static size_t deal_run(struct dealing *d, const uint32_t *holder, const struct run *run,
                       struct deck_set sets[DECK_SETS_MIN], size_t next)
{
    unsigned from = run->first, count = run->end - run->first;
    if (d->few) { /* where kin meet, they vary too: another member begins */
        from += (unsigned)below(&d->random, count);
        while (from > run->first && holder[from - 1] == holder[from]) {
            from--;
        }
    }
    for (unsigned i = 0; i < count; i++, next++) {
        struct deck_set *set = &sets[next % DECK_SETS_MIN];
        unsigned slot = run->first + (from - run->first + i) % count;
        ASSERT(set->count < DECK_SET_MAX);
        set->members[set->count++] = d->plan->list[holder[slot]].member;
    }
    return next;
}

/* Every `strata`th slot of the line. */
static void deal_stratum(struct dealing *d, uint32_t stratum, uint32_t strata,
                         struct deck_set sets[DECK_SETS_MIN])
{
    uint32_t holder[STRATUM_SLOTS];
    struct run runs[STRATUM_SLOTS];
    unsigned count = 0;
    for (size_t slot = stratum; slot < d->slot_count; slot += strata) {
        ASSERT(count < STRATUM_SLOTS);
        holder[count++] = d->holder[slot];
    }
    size_t run_count = find_runs(d, holder, count, runs), next = 0;
    for (size_t r = 0; r < run_count; r++) {
        next = deal_run(d, holder, &runs[r], sets, next);
    }
}

/* Where a stratum comes: its number with the bits reversed, so that neighbours on the line of slots
 * are far apart in the deck. */
static uint32_t place_of(uint32_t stratum, uint32_t strata)
{
    uint32_t place = 0;
    for (uint32_t bit = 1; bit < strata; bit *= 2) {
        place = place * 2 + ((stratum & bit) != 0 ? 1 : 0);
    }
    return place;
}

/* A deck and what is known of its members, while it is mended or changed. */
struct table {
    struct deck *deck;
    const struct allocation_member *members;
    uint64_t *random;
};

/* Families as bits, so that one code serves both. */
static unsigned families(const struct table *table, uint32_t member)
{
    const struct allocation_member *known = &table->members[member];
    return (known->ipv4 ? 1U : 0U) | (known->ipv6 ? 2U : 0U);
}

/* How many members of a family the set has without the one at `except`. */
static unsigned of_family(const struct table *table, const struct deck_set *set, unsigned family,
                          unsigned except)
{
    unsigned count = 0;
    for (unsigned i = 0; i < set->count; i++) {
        count += i != except && (families(table, set->members[i]) & family) != 0 ? 1 : 0;
    }
    return count;
}

/* True if the set has the member, or kin that must not meet it, apart from the one at `except`. */
static bool has_kin(const struct table *table, const struct deck_set *set, uint32_t member,
                    unsigned except)
{
    for (unsigned i = 0; i < set->count; i++) {
        bool kin = table->members[set->members[i]].group == table->members[member].group;
        if (i != except && (set->members[i] == member || (kin && !table->deck->few))) {
            return true;
        }
    }
    return false;
}

/* True if `member` can stand at place `i` in the set: no kin beside it, and each family that would
 * be lost with the one that stands there is its own too. */
static bool fits(const struct table *table, const struct deck_set *set, uint32_t member, unsigned i)
{
    for (unsigned family = 1; family <= 2; family *= 2) {
        bool had = of_family(table, set, family, DECK_SET_MAX) > 0;
        bool keeps = of_family(table, set, family, i) > 0;
        if (had && !keeps && (families(table, member) & family) == 0) {
            return false;
        }
    }
    return !has_kin(table, set, member, i);
}

/* Puts a member of the family into the set that lacks it, by a swap with one at place `j` of
 * another set, which keeps one. */
static bool swap_with(struct table *table, struct deck_set *set, struct deck_set *other, unsigned j,
                      unsigned family)
{
    uint32_t wanted = other->members[j];
    if ((families(table, wanted) & family) == 0 || of_family(table, other, family, j) == 0) {
        return false;
    }
    for (unsigned i = 0; i < set->count; i++) {
        uint32_t given = set->members[i];
        if (fits(table, set, wanted, i) && fits(table, other, given, j)) {
            set->members[i] = wanted;
            other->members[j] = given;
            return true;
        }
    }
    return false;
}

static bool swap_in(struct table *table, struct deck_set *set, unsigned family)
{
    size_t count = table->deck->count, from = below(table->random, count);
    for (size_t s = 0; s < count; s++) {
        struct deck_set *other = &table->deck->sets[(from + s) % count];
        for (unsigned j = 0; j < other->count; j++) {
            if (swap_with(table, set, other, j, family)) {
                return true;
            }
        }
    }
    return false;
}

/* As a last resort, when rounding left too few of the family for all sets: one more than its
 * part. */
static bool copy_in(struct table *table, struct deck_set *set, unsigned family)
{
    for (size_t p = 0; p < table->deck->count * DECK_SET_MAX; p++) {
        const struct deck_set *other = &table->deck->sets[p / DECK_SET_MAX];
        unsigned j = (unsigned)(p % DECK_SET_MAX);
        if (j >= other->count || (families(table, other->members[j]) & family) == 0) {
            continue;
        }
        for (unsigned i = 0; i < set->count; i++) {
            if (fits(table, set, other->members[j], i)) {
                set->members[i] = other->members[j];
                return true;
            }
        }
    }
    return false;
}

static void mend_family(struct table *table, unsigned family)
{
    struct deck *deck = table->deck;
    bool any = false;
    for (size_t s = 0; s < deck->count && !any; s++) {
        any = of_family(table, &deck->sets[s], family, DECK_SET_MAX) > 0;
    }
    for (size_t s = 0; any && s < deck->count; s++) {
        struct deck_set *set = &deck->sets[s];
        if (set->count >= 2 && of_family(table, set, family, DECK_SET_MAX) == 0 &&
            !swap_in(table, set, family)) {
            (void)copy_in(table, set, family);
        }
    }
}

/* Brings a set's members in order of their seats, beginning with another from set to set: so each
 * is as often the first, exactly so where the sets are the same. */
static void order_set(struct deck_set *set, size_t number)
{
    struct deck_set ordered = { .count = set->count };
    for (unsigned i = 0; i < set->count; i++) {
        unsigned lower = 0;
        for (unsigned k = 0; k < set->count; k++) {
            lower += set->members[k] < set->members[i] ? 1 : 0;
        }
        ordered.members[(lower + number) % set->count] = set->members[i];
    }
    *set = ordered;
}

/* Within its stratum a set comes anywhere. */
static void shuffle(struct deck *deck, uint64_t *random)
{
    for (size_t s = 0; s < deck->count; s++) {
        size_t other = s - s % DECK_SETS_MIN + below(random, s % DECK_SETS_MIN + 1);
        struct deck_set set = deck->sets[s];
        deck->sets[s] = deck->sets[other];
        deck->sets[other] = set;
    }
    for (size_t s = 0; s < deck->count; s++) {
        order_set(&deck->sets[s], s);
    }
}

void deck_settle(const struct deck *deck, const struct share *list, size_t list_count,
                 double answers, double *deficit)
{
    for (size_t i = 0; i < list_count; i++) {
        deficit[list[i].member] += answers * list[i].expected;
    }
    for (size_t s = 0; s < deck->count; s++) {
        for (unsigned i = 0; i < deck->sets[s].count; i++) {
            deficit[deck->sets[s].members[i]] -= answers / (double)deck->count;
        }
    }
}

/* What the members are owed now, after their parts and what they got. */
static void settle(const struct deck *deck, const struct deck_plan *plan)
{
    deck_settle(deck, plan->list, plan->list_count, plan->value * (double)plan->sets,
                plan->deficit);
    for (size_t i = 0; i < plan->list_count; i++) {
        double *of = &plan->deficit[plan->list[i].member];
        *of = fmin(fmax(*of, -APPORTION_DEFICIT_MAX), APPORTION_DEFICIT_MAX);
    }
}

void deck_deal(struct deck *out, const struct deck_plan *plan)
{
    *out = (struct deck){ .count = 0 };
    if (plan->list_count == 0) {
        return;
    }
    struct dealing d = { .plan = plan, .random = plan->seed + plan->round * 0x9e3779b97f4a7c15U };
    uint32_t strata = (uint32_t)(plan->sets / DECK_SETS_MIN);
    ASSERT(plan->per_set <= DECK_SET_MAX && plan->sets % DECK_SETS_MIN == 0);
    out->sets = xcalloc(plan->sets, sizeof(*out->sets));
    d.few = out->few = count_groups(&d) < plan->per_set;
    lay_out(&d);
    size_t turned = below(&d.random, strata); /* else who is there would be so in each deal */
    for (uint32_t stratum = 0; stratum < strata; stratum++) {
        size_t place = (place_of(stratum, strata) + turned) % strata;
        deal_stratum(&d, stratum, strata, out->sets + place * DECK_SETS_MIN);
    }
    free(d.holder);
    out->count = plan->sets;
    struct table table = { out, plan->members, &d.random };
    mend_family(&table, 1);
    mend_family(&table, 2);
    if (plan->deficit != NULL) {
        settle(out, plan);
    }
    shuffle(out, &d.random);
}

void deck_copy(struct deck *out, const struct deck *deck)
{
    *out = *deck;
    out->sets = deck->count == 0 ? NULL : xcalloc(deck->count, sizeof(*deck->sets));
    for (size_t i = 0; i < deck->count; i++) {
        out->sets[i] = deck->sets[i];
    }
}

void deck_done(struct deck *deck)
{
    free(deck->sets);
    *deck = (struct deck){ .count = 0 };
}

/* One that the deck draws for place `i` of a set; false if it has none that fits. */
static bool draw_for(const struct table *table, const struct deck_set *set, unsigned i,
                     uint32_t *out)
{
    size_t places = table->deck->count * DECK_SET_MAX, start = below(table->random, places);
    for (size_t p = 0; p < places; p++) {
        /* The step is coprime to the number of places, a power of two: it visits them all, in no
         * order of sets. */
        size_t at = (start + p * 1103) % places;
        const struct deck_set *from = &table->deck->sets[at / DECK_SET_MAX];
        unsigned place = (unsigned)(at % DECK_SET_MAX);
        if (place >= from->count) {
            continue;
        }
        uint32_t member = from->members[place];
        if (table->members[member].capacity > 0 && fits(table, set, member, i)) {
            *out = member;
            return true;
        }
    }
    return false;
}

static bool replace_leavers(const struct table *table, struct deck_set *set)
{
    bool changed = false;
    for (unsigned i = 0; i < set->count;) {
        uint32_t successor = set->members[i];
        bool leaves = table->members[successor].capacity <= 0;
        changed = changed || leaves;
        if (leaves && !draw_for(table, set, i, &successor)) {
            set->members[i] = set->members[--set->count];
            continue;
        }
        set->members[i++] = successor;
    }
    return changed;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the table moves `random` on */
size_t deck_leave(struct deck *deck, const struct allocation_member *members, uint64_t *random)
{
    const struct table table = { deck, members, random };
    size_t changed = 0;
    for (size_t s = 0; s < deck->count; s++) {
        changed += replace_leavers(&table, &deck->sets[s]) ? 1 : 0;
    }
    return changed;
}

void deck_open(struct deck *deck, size_t sets)
{
    if (deck->count == 0) {
        free(deck->sets);
        *deck = (struct deck){ .count = sets, .sets = xcalloc(sets, sizeof(struct deck_set)) };
    }
}

/* Puts a newcomer into one set in place of another. */
static bool take_place(const struct table *table, struct deck_set *set, uint32_t member)
{
    unsigned start = (unsigned)below(table->random, DECK_SET_MAX);
    for (unsigned p = 0; p < set->count; p++) {
        unsigned i = (start + p) % set->count;
        if (set->members[i] != member && fits(table, set, member, i)) {
            set->members[i] = member;
            return true;
        }
    }
    return false;
}

size_t deck_join(struct deck *deck, const struct allocation_member *members, uint32_t member,
                 double expected, unsigned per_set, uint64_t *random)
{
    const struct table table = { deck, members, random };
    if (deck->count == 0) {
        return 0;
    }
    size_t wanted = (size_t)(fmin(expected, 1) * (double)deck->count + unit(random)), changed = 0;
    size_t start = below(random, deck->count);
    for (size_t s = 0; s < deck->count; s++) {
        struct deck_set *set = &deck->sets[s];
        if (set->count < per_set && !has_kin(&table, set, member, DECK_SET_MAX)) {
            set->members[set->count++] = member;
            changed++;
        }
    }
    /* Coprime to the number of sets, a power of two: it comes by all of them, the few that it takes
     * far apart. */
    size_t step = (size_t)((double)deck->count * 0.618) | 1;
    for (size_t s = 0; s < deck->count && changed < wanted; s++) {
        size_t at = (start + s * step) % deck->count;
        changed += take_place(&table, &deck->sets[at], member) ? 1 : 0;
    }
    return changed;
}
