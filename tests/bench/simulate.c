/* Simulates a day of a pool. Shows how many answers each member gets, and from how far away, by
 * three rules for choosing members.
 *
 *   country   the rule of today's pools: any member of the client's country, in proportion to
 *             capacity; without one, any of the continent, else of the world
 *   world     any member of the world, in proportion to capacity
 *   ours      zone/steering/steering.h, deal by deal, with the sets that the server deals
 *
 * The pool has roughly the shape of the NTP pool (simulate_world.c), with capacities from a menu.
 * Each country has resolvers of three sizes. A resolver queries at most once per TTL. Clients
 * follow the sun, with bursts at the top of the hour. Members fail and return. Demand comes from
 * the queries so far and decays as in the server (zone/steering/traffic.h). The fair share of a
 * member is its part of the capacity that is up, deal by deal. Our rule is measured twice: by the
 * shares, and as dealt, answer by answer, with a deal each minute. The bars apply to both.
 *
 * use: simulate [--short] [--svg DIR] | --scale. Exits with 1 if a bar is missed. Seeded: the
 * output is the same every time. --short, for the tests: steps of half an hour, without decks.
 * --scale: CPU time and memory of shares and decks (simulate_scale.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulate_scale.h"
#include "simulate_svg.h"
#include "simulate_world.h"
#include "zone/base/splitmix.h"
#include "zone/steering/steering.h"
#include "zone/steering/traffic.h"

enum {
    DAY_S = 86400,
    DEAL_S = 60,
    SHORT_S = 1800,
    SET_SIZE = 4 /* members in a set */
};

struct outcome {
    double *load; /* answers, by member */
    double km, answers;
};

static struct world world;
static double *fair; /* fair share of each member, in answers */
static struct settings settings;

static struct outcome outcome_new(void)
{
    return (struct outcome){ .load = xcalloc(world.member_count, sizeof(double)) };
}

static void give(struct outcome *outcome, size_t cell, size_t member, double answers)
{
    outcome->load[member] += answers;
    outcome->answers += answers;
    outcome->km += answers * (double)world.km_of[cell * world.member_count + member];
}

static bool in_region(size_t member, uint16_t region)
{
    const uint16_t *regions = world.candidates.inputs[member].regions;
    return region == REGION_NONE || regions[0] == region || regions[1] == region;
}

/* Gives answers to the members of a region in proportion to capacity. False if it has no member. */
static bool give_region(struct outcome *outcome, size_t cell, uint16_t region, double answers)
{
    double sum = 0;
    for (size_t i = 0; i < world.member_count; i++) {
        sum += in_region(i, region) ? world.candidates.inputs[i].capacity : 0;
    }
    for (size_t i = 0; sum > 0 && i < world.member_count; i++) {
        if (in_region(i, region) && world.candidates.inputs[i].capacity > 0) {
            give(outcome, cell, i, answers * world.candidates.inputs[i].capacity / sum);
        }
    }
    return sum > 0;
}

static void by_country(struct outcome *outcome, size_t cell, double answers)
{
    const char *code = world.cells[cell].country;
    if (!give_region(outcome, cell, region_of_country(code), answers) &&
        !give_region(outcome, cell, region_around(code), answers)) {
        (void)give_region(outcome, cell, REGION_NONE, answers);
    }
}

/* The decks of a deal, and how many answers each has given (see struct steering_input). */
struct dealt {
    struct deck decks[STEERING_AREAS_MAX];
    const struct deck *by_area[STEERING_AREAS_MAX];
    uint64_t asked[STEERING_AREAS_MAX];
};

static struct dealt dealt;

static void deal(struct steering *steering, uint64_t round)
{
    for (size_t a = 0; a < STEERING_AREAS_MAX; a++) {
        deck_done(&dealt.decks[a]);
        dealt.by_area[a] = &dealt.decks[a];
        dealt.asked[a] = 0;
        if (a < steering->area_count) {
            (void)steering_deal(steering, (uint16_t)a, round, &dealt.decks[a]);
        }
    }
}

/* Gives the answers until the next deal from the decks of this deal. Each deck starts at a random
 * set and wraps around. */
static void by_decks(struct outcome *outcome, struct steering *steering, const double *queries,
                     uint64_t round)
{
    uint64_t start = round;
    size_t first = splitmix(&start) % DECK_SETS_MAX;
    deal(steering, round);
    for (size_t c = 1; c < world.cell_count; c++) {
        uint16_t area = steering_area(steering, (uint16_t)c);
        const struct deck *deck = &dealt.decks[area];
        uint64_t asked = (uint64_t)queries[c];
        for (size_t s = 0; s < deck->count; s++) {
            const struct deck_set *set = &deck->sets[(first + dealt.asked[area] + s) % deck->count];
            uint64_t times = asked / deck->count + (s < asked % deck->count ? 1 : 0);
            for (unsigned i = 0; i < set->count; i++) {
                give(outcome, c, set->members[i], (double)times / set->count);
            }
        }
        dealt.asked[area] += asked;
    }
}

/* The same by the shares, which are the long-term mean of the decks. */
static void by_shares(struct outcome *outcome, struct steering *steering, const double *queries)
{
    for (size_t c = 1; c < world.cell_count; c++) {
        struct allocation_list got = steering_list(steering, steering_area(steering, (uint16_t)c));
        for (size_t i = 0; i < got.count; i++) {
            const struct share *share = &steering->list[i];
            give(outcome, c, share->member, queries[c] * share->expected / got.per_set);
        }
    }
}

struct day {
    struct outcome country, everywhere, ours, dealt;
    double up;
    double sets; /* sets in all decks with demand, summed over the day */
};

static double count_sets(const struct steering *steering)
{
    double sets = 0;
    for (size_t a = 0; a < steering->area_count; a++) {
        const struct steering_area *area = &steering->areas[a];
        sets += area->at.demand > 0 ? (double)area->sets : 0;
    }
    return sets;
}

/* Sets the queries of each cell until the next deal. Returns their sum. */
static double sum_queries(double *queries, uint64_t now, uint64_t step)
{
    double total = 0;
    for (size_t c = 1; c < world.cell_count; c++) {
        queries[c] = floor(world_queries(&world, c, now) * (double)step / WORLD_TTL_S);
        total += queries[c];
    }
    return total;
}

/* Gives the answers of one deal by each rule. */
static void apply_rules(struct day *day, struct steering *steering, const double *queries,
                        uint64_t round, bool deals)
{
    for (size_t c = 1; c < world.cell_count; c++) {
        by_country(&day->country, c, queries[c]);
        (void)give_region(&day->everywhere, c, REGION_NONE, queries[c]);
    }
    by_shares(&day->ours, steering, queries);
    if (deals) {
        by_decks(&day->dealt, steering, queries, round);
        day->sets += count_sets(steering);
    }
    day->up += (double)world.candidates.eligible;
}

static void add_fair_shares(double answers)
{
    double up = 0;
    for (size_t i = 0; i < world.member_count; i++) {
        up += world.candidates.inputs[i].capacity;
    }
    for (size_t i = 0; i < world.member_count; i++) {
        fair[i] += answers * world.candidates.inputs[i].capacity / up;
    }
}

static void simulate(struct day *day, double max_overload, double scale_km, uint64_t step)
{
    double *queries = xcalloc(world.cell_count, sizeof(*queries));
    double *demand = xcalloc(world.cell_count, sizeof(*demand));
    bool deals = step == DEAL_S;
    settings.max_overload_milli = (uint32_t)(max_overload * 1000 + 0.5);
    settings.scale_km = (uint32_t)scale_km;
    uint64_t round = 0;
    struct steering before = { .area_count = 0 };
    for (uint64_t now = 0; now < DAY_S; now += step) { /* assumes equal days before */
        (void)sum_queries(queries, now, step);
        for (size_t c = 1; c < world.cell_count; c++) {
            demand[c] += queries[c] * TRAFFIC_HALF_LIFE_S / DAY_S / log(2);
        }
    }
    for (uint64_t now = 0; now < DAY_S; now += step, round++) {
        world_fail_and_return(&world, now, step);
        const struct steering_input input = { .candidates = &world.candidates,
                                              .cells = world.cells,
                                              .cell_count = world.cell_count,
                                              .demand = demand,
                                              .settings = &settings,
                                              .seed = 7,
                                              .before = round == 0 ? NULL : &before,
                                              .asked = deals && round > 0 ? dealt.asked : NULL,
                                              .decks = dealt.by_area };
        struct steering steering;
        steering_init(&steering, &input);
        add_fair_shares(sum_queries(queries, now, step));
        apply_rules(day, &steering, queries, round, deals);
        if (round > 0) {
            steering_done(&before);
        }
        before = steering;
        for (size_t c = 1; c < world.cell_count; c++) {
            demand[c] = demand[c] * exp2(-(double)step / TRAFFIC_HALF_LIFE_S) + queries[c];
        }
    }
    day->up /= (double)round;
    steering_done(&before);
    free(queries);
    free(demand);
}

/* Orders ratios of load to fair share, ascending (qsort). */
static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double *ratios_of(const struct outcome *outcome)
{
    double *ratios = xcalloc(world.member_count, sizeof(*ratios));
    for (size_t i = 0; i < world.member_count; i++) {
        ratios[i] = fair[i] > 0 ? outcome->load[i] / fair[i] : 1;
    }
    qsort(ratios, world.member_count, sizeof(*ratios), ascending);
    return ratios;
}

static double print_rule(const char *name, const struct outcome *outcome, double world_km)
{
    double *ratios = ratios_of(outcome), km = outcome->km / outcome->answers;
    double worst = ratios[world.member_count - 1];
    (void)printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.2f |\n", name, worst,
                 ratios[world.member_count * 99 / 100], ratios[world.member_count / 2],
                 ratios[world.member_count / 100], ratios[0], km, km / world_km);
    free(ratios);
    return worst;
}

/* Prints the deviation of the deals from the members' shares, by capacity. Next to it stands the
 * deviation of random draws: each slot drawn independently and worth the mean number of answers. */
static void print_noise(const struct day *day)
{
    static const double up_to[] = { 10, 25, 50, 100, 250, 500, 1000, 3000 };
    double answers = day->dealt.answers / (day->sets * SET_SIZE), least = 0;
    (void)printf(
        "\n| capacity | members | slots a day | dealt / share: standard deviation | by chance | "
        "least | most |\n|---|---|---|---|---|---|---|\n");
    for (size_t k = 0; k < sizeof(up_to) / sizeof(up_to[0]); least = up_to[k], k++) {
        double squares = 0, slots = 0, low = HUGE_VAL, high = 0;
        size_t count = 0;
        for (size_t i = 0; i < world.member_count; i++) {
            if (world.capacity[i] > least && world.capacity[i] <= up_to[k] &&
                day->ours.load[i] > 0) {
                double ratio = day->dealt.load[i] / day->ours.load[i];
                squares += (ratio - 1) * (ratio - 1);
                slots += day->ours.load[i] / answers;
                low = fmin(low, ratio);
                high = fmax(high, ratio);
                count++;
            }
        }
        slots /= (double)count;
        (void)printf("| %g | %zu | %.0f | %.4f | %.4f | %.3f | %.3f |\n", up_to[k], count, slots,
                     sqrt(squares / (double)count), 1 / sqrt(slots), low, high);
    }
    (void)printf("\nA slot is %.0f answers of %.0f sets a deal.\n", answers,
                 day->sets * DEAL_S / DAY_S);
}

/* Expected distance and overload for one pair of settings, without the noise of a day. This is one
 * point of the trade-off curve. */
static double expected_km(double max_overload, double scale_km, double *worst)
{
    settings.max_overload_milli = (uint32_t)(max_overload * 1000 + 0.5);
    settings.scale_km = (uint32_t)scale_km;
    const struct steering_input input = { .candidates = &world.candidates,
                                          .cells = world.cells,
                                          .cell_count = world.cell_count,
                                          .demand = world.users,
                                          .settings = &settings,
                                          .seed = 7 };
    struct steering steering;
    double km = 0, total = 0;
    steering_init(&steering, &input);
    for (size_t c = 1; c < world.cell_count; c++) {
        struct allocation_list got =
            steering_list(&steering, steering_area(&steering, (uint16_t)c));
        for (size_t i = 0; i < got.count; i++) {
            const struct share *share = &steering.list[i];
            km += world.users[c] * share->expected / got.per_set *
                  (double)world.km_of[c * world.member_count + share->member];
        }
        total += world.users[c];
    }
    *worst = allocation_worst(steering.allocation);
    steering_done(&steering);
    return km / total;
}

static double world_km(void)
{
    struct outcome outcome = outcome_new();
    for (size_t c = 1; c < world.cell_count; c++) {
        (void)give_region(&outcome, c, REGION_NONE, world.users[c]);
    }
    free(outcome.load);
    return outcome.km / outcome.answers;
}

static const double overloads[] = { 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10 };
static const double scales[] = { 250, 500, 1000, 2000, 4000 };
enum {
    OVERLOADS = sizeof(overloads) / sizeof(overloads[0]),
    SCALES = sizeof(scales) / sizeof(scales[0])
};

static void trade_off(const char *svg)
{
    static double curve[SCALES][OVERLOADS];
    static char names[SCALES][16];
    struct plot_line lines[SCALES];
    double far = world_km(), worst = 0;
    (void)printf("\nMean distance as a part of the world-wide draw's, %.0f km, expected:\n\n"
                 "| scale-km \\ max-overload |",
                 far);
    for (size_t i = 0; i < OVERLOADS; i++) {
        (void)printf(" %g |", overloads[i]);
    }
    (void)printf("\n|---|---|---|---|---|---|---|---|---|\n");
    for (size_t k = 0; k < SCALES; k++) {
        (void)printf("| %g |", scales[k]);
        for (size_t i = 0; i < OVERLOADS; i++) {
            curve[k][i] = expected_km(overloads[i], scales[k], &worst) / far;
            bool kept = worst <= overloads[i] * 1.005;
            (void)printf(kept ? " %.3f |" : " %.3f (%.2f) |", curve[k][i], worst);
        }
        (void)printf("\n");
        (void)snprintf(names[k], sizeof(names[k]), "%g km", scales[k]);
        lines[k] = (struct plot_line){ names[k], overloads, curve[k], OVERLOADS };
    }
    (void)printf(
        "\nIn brackets: where so small an overload can't be had, the worst ratio reached.\n");
    if (svg != NULL) {
        const struct plot plot = { "Mean distance against the overload allowed",
                                   "max-overload",
                                   "mean distance / world-wide draw",
                                   { 1, 10 },
                                   { 0, 1 },
                                   false };
        plot_write(&plot, lines, SCALES, svg, "steering-tradeoff.svg");
    }
}

static void plot_day(const struct day *day, const char *svg)
{
    double *part = xcalloc(world.member_count, sizeof(*part));
    double *country = ratios_of(&day->country), *everywhere = ratios_of(&day->everywhere);
    double *ours = ratios_of(&day->ours);
    for (size_t i = 0; i < world.member_count; i++) {
        part[i] = ((double)i + 0.5) / (double)world.member_count * 100;
    }
    const struct plot_line lines[] = { { "country", part, country, world.member_count },
                                       { "world", part, everywhere, world.member_count },
                                       { "ours", part, ours, world.member_count } };
    const struct plot plot = { "Load over a day, max-overload 1.1",
                               "% of the members",
                               "load / fair share",
                               { 0, 100 },
                               { 1e-3, 1e4 },
                               true };
    plot_write(&plot, lines, 3, svg, "steering-load.svg");
    free(part);
    free(country);
    free(everywhere);
    free(ours);
}

static bool bar(const char *what, double value, const char *sign, double limit)
{
    bool met = sign[0] == '<' ? value <= limit : value >= limit;
    (void)printf("| %s | %.3f | %s %g | %s |\n", what, value, sign, limit, met ? "met" : "MISSED");
    return met;
}

int main(int argc, char **argv)
{
    const char *svg = NULL;
    uint64_t step = DEAL_S;
    if (argc == 2 && strcmp(argv[1], "--scale") == 0) {
        scale_print();
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            step = SHORT_S;
        } else if (strcmp(argv[i], "--svg") == 0 && i + 1 < argc) {
            svg = argv[++i];
        } else {
            (void)fprintf(stderr, "use: simulate [--short] [--svg DIR] | --scale\n");
            return 2;
        }
    }
    settings_defaults(&settings);
    double scale_km = settings.scale_km;
    settings.srv_count = SET_SIZE;
    world_init(&world, 20261123);
    fair = xcalloc(world.member_count, sizeof(*fair));
    struct day day = { outcome_new(), outcome_new(), outcome_new(), outcome_new(), 0, 0 };
    simulate(&day, 1.1, scale_km, step);
    double km = day.everywhere.km / day.everywhere.answers;
    (void)printf("%zu members, %.0f of them up on average; %zu cells; %.3g answers; scale-km %g, "
                 "max-overload 1.1\n\n"
                 "| rule | worst load / fair share | 99 %% | median | 1 %% | least | mean km | / "
                 "world |\n|---|---|---|---|---|---|---|---|\n",
                 world.member_count, day.up, world.cell_count - 1, day.ours.answers, scale_km);
    double country = print_rule("country", &day.country, km);
    (void)print_rule("world", &day.everywhere, km);
    double ours = print_rule("ours", &day.ours, km), as_dealt = 0, worst = 0;
    if (step == DEAL_S) {
        as_dealt = print_rule("ours, as dealt", &day.dealt, km);
    }
    double tight = expected_km(1.1, scale_km, &worst), loose = expected_km(3, scale_km, &worst);
    (void)printf("\n| bar | value | must be | |\n|---|---|---|---|\n");
    bool met = bar("worst load / fair share", ours, "<=", 1.15);
    met = (step != DEAL_S || bar("the same as dealt", as_dealt, "<=", 1.15)) && met;
    met = bar("the same by the country rule", country, ">=", 1000) && met;
    met = bar("mean distance / world-wide draw", day.ours.km / day.ours.answers / km, "<=", 0.62) &&
          met;
    met = bar("distance at max-overload 3 / at 1.1", loose / tight, "<=", 0.9) && met;
    if (svg != NULL) {
        plot_day(&day, svg);
    }
    if (step == DEAL_S) {
        print_noise(&day);
        trade_off(svg);
    }
    free(day.country.load);
    free(day.everywhere.load);
    free(day.ours.load);
    free(day.dealt.load);
    world_done(&world);
    free(fair);
    return met ? 0 : 1;
}
