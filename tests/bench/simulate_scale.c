#include "simulate_scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/splitmix.h"
#include "zone/steering/steering.h"

struct size {
    size_t areas, members;
};

static double unit(uint64_t *random)
{
    return (double)(splitmix(random) >> 11) * 0x1p-53;
}

/* A random place, roughly at the latitudes and longitudes of populated regions. */
static struct point somewhere(uint64_t *random)
{
    double latitude = 70 * (unit(random) + unit(random) - 0.6);
    return point_at(latitude, 360 * unit(random) - 180);
}

static struct allocation_member *make_members(size_t count, uint64_t *random)
{
    struct allocation_member *members = xcalloc(count, sizeof(*members));
    for (size_t i = 0; i < count; i++) {
        bool same_domain = i > 0 && unit(random) < 0.25, ipv4 = unit(random) < 0.97;
        members[i] =
            (struct allocation_member){ .point = somewhere(random),
                                        .capacity = exp(7 * unit(random)),
                                        .group = same_domain ? members[i - 1].group : (uint32_t)i,
                                        .ipv4 = ipv4,
                                        .ipv6 = !ipv4 || unit(random) < 0.55 };
    }
    return members;
}

/* A few areas have most of the demand. */
static struct allocation_area *make_areas(size_t count, uint64_t *random)
{
    struct allocation_area *areas = xcalloc(count, sizeof(*areas));
    for (size_t i = 0; i < count; i++) {
        areas[i] =
            (struct allocation_area){ .point = somewhere(random), .demand = exp(8 * unit(random)) };
    }
    return areas;
}

static double cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void measure(const struct size *size)
{
    uint64_t random = 20261123;
    struct allocation_member *members = make_members(size->members, &random);
    struct allocation_area *areas = make_areas(size->areas, &random);
    struct share *list = xcalloc(size->members, sizeof(*list));
    double *deficit = xcalloc(size->members, sizeof(*deficit));
    const struct allocation_problem problem = { .areas = areas,
                                                .area_count = size->areas,
                                                .members = members,
                                                .member_count = size->members,
                                                .per_set = 4,
                                                .max_overload = 2,
                                                .scale_km = 1000,
                                                .entries = ALLOCATION_ENTRIES };
    double began = cpu_s(), total = 0;
    struct allocation *allocation = allocation_new(&problem);
    double scaled = cpu_s();
    for (size_t c = 0; c < size->areas; c++) {
        total += areas[c].demand;
    }
    for (size_t c = 0; c < size->areas; c++) {
        struct allocation_list got = allocation_of(allocation, &areas[c], list);
        struct deck deck;
        const struct deck_plan plan = { .list = list,
                                        .list_count = got.count,
                                        .per_set = got.per_set,
                                        .sets = deck_size(areas[c].demand / total, STEERING_SETS),
                                        .members = members,
                                        .seed = c,
                                        .deficit = deficit,
                                        .value = 1 };
        deck_deal(&deck, &plan);
        deck_done(&deck);
    }
    double dealt = cpu_s();
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("| %zu | %zu | %.2f | %u | %.2f | %.2f | %.2f | %.0f |\n", size->areas,
                 size->members, scaled - began, allocation_rounds(allocation),
                 allocation_worst(allocation), dealt - scaled, dealt - began,
                 (double)usage.ru_maxrss / 1024);
    allocation_free(allocation);
    free(members);
    free(areas);
    free(list);
    free(deficit);
}

void scale_print(void)
{
    static const struct size sizes[] = {
        { 300, 1000 }, { 300, 5000 }, { 400, 20000 }, { 4000, 100000 }
    };
    (void)printf("| cells | members | shares, CPU s | rounds | worst ratio | decks, CPU s | both, "
                 "CPU s | memory MB |\n|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        (void)fflush(stdout);
        pid_t child = fork(); /* a separate process, to measure peak memory */
        if (child == 0) {
            measure(&sizes[i]);
            (void)fflush(stdout);
            _exit(0);
        }
        (void)waitpid(child, NULL, 0);
    }
}
