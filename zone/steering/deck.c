#include "zone/steering/deck.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/result.h"
#include "zone/base/splitmix.h"
#include "zone/steering/apportion.h"

/* The slots of one failure domain in a stratum. */
struct run {
    unsigned first, end; /* range of the stratum's slots */
    unsigned class;      /* by address families */
    uint64_t order;      /* random */
};

enum {
    STRATUM_SLOTS = DECK_SETS_MIN * DECK_SET_MAX
};

struct dealing {
    const struct deck_plan *plan;
    uint32_t *holder; /* by slot on the line: index into the plan's list */
    size_t slot_count;
    bool few_groups;
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
    const struct apportion_plan rounding = { plan->list,    plan->list_count, plan->members,
                                             plan->per_set, plan->sets,       plan->deficit,
                                             plan->seed,    plan->round };
    apportion(&rounding, first);
    d->slot_count = first[plan->list_count];
    d->holder = xmalloc((d->slot_count + 1) * sizeof(*d->holder));
    for (size_t i = 0; i < plan->list_count; i++) {
        for (uint32_t slot = first[i]; slot < first[i + 1]; slot++) {
            d->holder[slot] = (uint32_t)i;
        }
    }
    free(first);
}

/* Failure domains are sorted by the address families of their members. */
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

/* Deals a run's slots round the sets, from set number `next` on. Returns the next number. */
static size_t deal_run(struct dealing *d, const uint32_t *holder, const struct run *run,
                       struct deck_set sets[DECK_SETS_MIN], size_t next)
{
    unsigned from = run->first, count = run->end - run->first;
    if (d->few_groups) { /* where a set may hold several of them, another member begins each time */
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

/* Deals every `strata`-th slot of the line. */
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

/* A stratum's position in the deck: its number with the bits reversed, so that neighbours on the
 * line are far apart in the deck. */
static uint32_t bit_reversed(uint32_t stratum, uint32_t strata)
{
    uint32_t reversed = 0;
    for (uint32_t bit = 1; bit < strata; bit *= 2) {
        reversed = reversed * 2 + ((stratum & bit) != 0 ? 1 : 0);
    }
    return reversed;
}

/* A deck while it is being changed, with the data of its members. */
struct deck_edit {
    struct deck *deck;
    const struct allocation_member *members;
    uint64_t *random;
};

/* Families as bits, so that the same code serves both. */
static unsigned families(const struct deck_edit *edit, uint32_t member)
{
    const struct allocation_member *known = &edit->members[member];
    return (known->ipv4 ? 1U : 0U) | (known->ipv6 ? 2U : 0U);
}

/* The number of the family's members in the set, not counting the slot `except`. */
static unsigned of_family(const struct deck_edit *edit, const struct deck_set *set, unsigned family,
                          unsigned except)
{
    unsigned count = 0;
    for (unsigned i = 0; i < set->count; i++) {
        count += i != except && (families(edit, set->members[i]) & family) != 0 ? 1 : 0;
    }
    return count;
}

/* True if the set has the member, or another one of its failure domain unless that is allowed, not
 * counting the slot `except`. */
static bool conflicts(const struct deck_edit *edit, const struct deck_set *set, uint32_t member,
                      unsigned except)
{
    for (unsigned i = 0; i < set->count; i++) {
        bool same_domain = edit->members[set->members[i]].group == edit->members[member].group;
        if (i != except &&
            (set->members[i] == member || (same_domain && !edit->deck->few_groups))) {
            return true;
        }
    }
    return false;
}

/* True if `member` may replace the one in slot `i` of the set: no other of its failure domain is in
 * the set, and no address family is lost. */
static bool fits(const struct deck_edit *edit, const struct deck_set *set, uint32_t member,
                 unsigned i)
{
    for (unsigned family = 1; family <= 2; family *= 2) {
        bool had = of_family(edit, set, family, DECK_SET_MAX) > 0;
        bool keeps = of_family(edit, set, family, i) > 0;
        if (had && !keeps && (families(edit, member) & family) == 0) {
            return false;
        }
    }
    return !conflicts(edit, set, member, i);
}

/* Puts a member of the family into the set that lacks it, by a swap with slot `j` of another set
 * that keeps one. */
static bool swap_with(struct deck_edit *edit, struct deck_set *set, struct deck_set *other,
                      unsigned j, unsigned family)
{
    uint32_t wanted = other->members[j];
    if ((families(edit, wanted) & family) == 0 || of_family(edit, other, family, j) == 0) {
        return false;
    }
    for (unsigned i = 0; i < set->count; i++) {
        uint32_t given = set->members[i];
        if (fits(edit, set, wanted, i) && fits(edit, other, given, j)) {
            set->members[i] = wanted;
            other->members[j] = given;
            return true;
        }
    }
    return false;
}

static bool swap_in(struct deck_edit *edit, struct deck_set *set, unsigned family)
{
    size_t count = edit->deck->count, from = below(edit->random, count);
    for (size_t s = 0; s < count; s++) {
        struct deck_set *other = &edit->deck->sets[(from + s) % count];
        for (unsigned j = 0; j < other->count; j++) {
            if (swap_with(edit, set, other, j, family)) {
                return true;
            }
        }
    }
    return false;
}

/* A last resort when rounding left too few of the family for all sets: gives a member one slot more
 * than its part. */
static bool copy_in(struct deck_edit *edit, struct deck_set *set, unsigned family)
{
    for (size_t p = 0; p < edit->deck->count * DECK_SET_MAX; p++) {
        const struct deck_set *other = &edit->deck->sets[p / DECK_SET_MAX];
        unsigned j = (unsigned)(p % DECK_SET_MAX);
        if (j >= other->count || (families(edit, other->members[j]) & family) == 0) {
            continue;
        }
        for (unsigned i = 0; i < set->count; i++) {
            if (fits(edit, set, other->members[j], i)) {
                set->members[i] = other->members[j];
                return true;
            }
        }
    }
    return false;
}

static void mend_family(struct deck_edit *edit, unsigned family)
{
    struct deck *deck = edit->deck;
    bool any = false;
    for (size_t s = 0; s < deck->count && !any; s++) {
        any = of_family(edit, &deck->sets[s], family, DECK_SET_MAX) > 0;
    }
    for (size_t s = 0; any && s < deck->count; s++) {
        struct deck_set *set = &deck->sets[s];
        if (set->count >= 2 && of_family(edit, set, family, DECK_SET_MAX) == 0 &&
            !swap_in(edit, set, family)) {
            (void)copy_in(edit, set, family);
        }
    }
}

/* Orders a set's members by candidate index, starting at another one in each set. So each is the
 * first equally often, exactly so if all sets are the same. */
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

/* Shuffles the sets of each stratum. */
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

void deck_update_deficit(const struct deck *deck, const struct share *list, size_t list_count,
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

/* Updates the deficits by the members' shares and the slots that the deck gives them. */
static void update_deficit(const struct deck *deck, const struct deck_plan *plan)
{
    deck_update_deficit(deck, plan->list, plan->list_count, plan->value * (double)plan->sets,
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
    d.few_groups = out->few_groups = count_groups(&d) < plan->per_set;
    lay_out(&d);
    /* otherwise the first sets would be alike in each deal */
    size_t rotation = below(&d.random, strata);
    for (uint32_t stratum = 0; stratum < strata; stratum++) {
        size_t position = (bit_reversed(stratum, strata) + rotation) % strata;
        deal_stratum(&d, stratum, strata, out->sets + position * DECK_SETS_MIN);
    }
    free(d.holder);
    out->count = plan->sets;
    struct deck_edit edit = { out, plan->members, &d.random };
    mend_family(&edit, 1);
    mend_family(&edit, 2);
    if (plan->deficit != NULL) {
        update_deficit(out, plan);
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

/* Draws a member of the deck for slot `i` of a set; false if none fits. */
static bool draw_for(const struct deck_edit *edit, const struct deck_set *set, unsigned i,
                     uint32_t *out)
{
    size_t slots = edit->deck->count * DECK_SET_MAX, start = below(edit->random, slots);
    for (size_t s = 0; s < slots; s++) {
        /* The step is coprime to the number of slots, a power of two, so it visits all of them, out
         * of order. */
        size_t at = (start + s * 1103) % slots;
        const struct deck_set *from = &edit->deck->sets[at / DECK_SET_MAX];
        unsigned slot = (unsigned)(at % DECK_SET_MAX);
        if (slot >= from->count) {
            continue;
        }
        uint32_t member = from->members[slot];
        if (edit->members[member].capacity > 0 && fits(edit, set, member, i)) {
            *out = member;
            return true;
        }
    }
    return false;
}

static bool replace_departed(const struct deck_edit *edit, struct deck_set *set)
{
    bool changed = false;
    for (unsigned i = 0; i < set->count;) {
        uint32_t successor = set->members[i];
        bool leaves = edit->members[successor].capacity <= 0;
        changed = changed || leaves;
        if (leaves && !draw_for(edit, set, i, &successor)) {
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
    const struct deck_edit edit = { deck, members, random };
    size_t changed = 0;
    for (size_t s = 0; s < deck->count; s++) {
        changed += replace_departed(&edit, &deck->sets[s]) ? 1 : 0;
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

/* Puts a new member into one set in place of another. */
static bool replace_one(const struct deck_edit *edit, struct deck_set *set, uint32_t member)
{
    unsigned start = (unsigned)below(edit->random, DECK_SET_MAX);
    for (unsigned p = 0; p < set->count; p++) {
        unsigned i = (start + p) % set->count;
        if (set->members[i] != member && fits(edit, set, member, i)) {
            set->members[i] = member;
            return true;
        }
    }
    return false;
}

size_t deck_join(struct deck *deck, const struct allocation_member *members, uint32_t member,
                 double expected, unsigned per_set, uint64_t *random)
{
    const struct deck_edit edit = { deck, members, random };
    if (deck->count == 0) {
        return 0;
    }
    size_t wanted = (size_t)(fmin(expected, 1) * (double)deck->count + unit(random)), changed = 0;
    size_t start = below(random, deck->count);
    for (size_t s = 0; s < deck->count; s++) {
        struct deck_set *set = &deck->sets[s];
        if (set->count < per_set && !conflicts(&edit, set, member, DECK_SET_MAX)) {
            set->members[set->count++] = member;
            changed++;
        }
    }
    /* Coprime to the number of sets, a power of two: it visits all sets, with the first ones far
     * apart. */
    size_t step = (size_t)((double)deck->count * 0.618) | 1;
    for (size_t s = 0; s < deck->count && changed < wanted; s++) {
        size_t at = (start + s * step) % deck->count;
        changed += replace_one(&edit, &deck->sets[at], member) ? 1 : 0;
    }
    return changed;
}
