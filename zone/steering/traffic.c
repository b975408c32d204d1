#include <math.h>
#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"
#include "zone/steering/traffic_private.h"

enum {
    HOUR_S = 3600,
    DAY_HOURS = 24
};

void traffic_done(struct traffic *traffic)
{
    free(traffic->cells);
    free(traffic->members);
    *traffic = (struct traffic){ 0 };
}

static int compare_cells(const void *a, const void *b)
{
    const struct traffic_cell *left = a, *right = b;
    int order = strcmp(left->country, right->country);
    return order != 0 ? order : strcmp(left->subdivision, right->subdivision);
}

static int compare_members(const void *a, const void *b)
{
    const struct traffic_member *left = a, *right = b;
    return u64_order(left->member_id, right->member_id);
}

struct traffic_cell *traffic_append_cell(struct traffic *traffic)
{
    ARRAY_PUSH(traffic->cells, traffic->cell_count, traffic->cell_room,
               (struct traffic_cell){ .changed = true });
    return &traffic->cells[traffic->cell_count - 1];
}

struct traffic_member *traffic_append_member(struct traffic *traffic)
{
    ARRAY_PUSH(traffic->members, traffic->member_count, traffic->member_room,
               (struct traffic_member){ .changed = true });
    return &traffic->members[traffic->member_count - 1];
}

struct traffic_member *traffic_find_member(const struct traffic *traffic, size_t count, uint64_t id)
{
    const struct traffic_member wanted = { .member_id = id };
    return count == 0 ? NULL
                      : bsearch(&wanted, traffic->members, count, sizeof(wanted), compare_members);
}

/* -- counting -- */

double traffic_decayed(const struct traffic_cell *cell, uint64_t now)
{
    return now <= cell->at
               ? cell->queries
               : cell->queries * exp2(-(double)(now - cell->at) / (double)TRAFFIC_HALF_LIFE_S);
}

void traffic_add_queries(struct traffic *traffic, const struct cell *cells, const uint32_t *queries,
                         size_t count, uint64_t now)
{
    size_t known = traffic->cell_count;
    for (size_t i = 0; i < count; i++) {
        if (queries[i] == 0) {
            continue;
        }
        struct traffic_cell wanted = { .queries = 0 };
        memcpy(wanted.country, cells[i].country, sizeof(wanted.country));
        memcpy(wanted.subdivision, cells[i].subdivision, sizeof(wanted.subdivision));
        struct traffic_cell *cell =
            known == 0 ? NULL
                       : bsearch(&wanted, traffic->cells, known, sizeof(wanted), compare_cells);
        if (cell == NULL) {
            cell = traffic_append_cell(traffic);
            *cell = wanted;
        }
        cell->queries = traffic_decayed(cell, now) + queries[i];
        cell->at = now;
        cell->changed = true;
    }
    if (traffic->cell_count > known) {
        qsort(traffic->cells, traffic->cell_count, sizeof(traffic->cells[0]), compare_cells);
    }
}

static uint32_t saturated(uint32_t count, uint64_t more)
{
    return more > UINT32_MAX - count ? UINT32_MAX : count + (uint32_t)more;
}

/* Makes the hour of `now` the newest, and adds those that are over to their days. After a small
 * step back of the clock the newest hour stays; after a large one all is forgotten. */
static void turn_to(struct traffic_member *member, uint64_t now)
{
    uint64_t hour = now / HOUR_S;
    if (hour + 1 < member->hour || hour >= member->hour + (uint64_t)TRAFFIC_DAYS * DAY_HOURS) {
        memset(member->answers, 0, sizeof(member->answers));
        memset(member->days, 0, sizeof(member->days));
        member->days_changed = member->days_changed || member->hour > 0;
        member->hour = hour;
    }
    while (member->hour < hour) {
        uint32_t *day = &member->days[member->hour / DAY_HOURS % TRAFFIC_DAYS];
        *day = saturated(*day, member->answers[member->hour % TRAFFIC_HOURS]);
        member->answers[++member->hour % TRAFFIC_HOURS] = 0;
        if (member->hour % DAY_HOURS == 0) {
            member->days[member->hour / DAY_HOURS % TRAFFIC_DAYS] = 0;
        }
        member->days_changed = true;
    }
}

static void add_answers(struct traffic_member *member, uint64_t answers, uint64_t now)
{
    turn_to(member, now);
    uint32_t *counter = &member->answers[member->hour % TRAFFIC_HOURS];
    *counter = saturated(*counter, answers);
    member->changed = true;
    member->gone = false;
}

void traffic_add_answers(struct traffic *traffic, const struct traffic_count *counts, size_t count,
                         uint64_t now)
{
    size_t known = traffic->member_count;
    for (size_t i = 0; i < count; i++) {
        if (counts[i].member_id == 0 || counts[i].answers == 0) {
            continue;
        }
        struct traffic_member *member = traffic_find_member(traffic, known, counts[i].member_id);
        if (member == NULL) {
            member = traffic_append_member(traffic);
            member->member_id = counts[i].member_id;
        }
        add_answers(member, counts[i].answers, now);
    }
    if (traffic->member_count > known) {
        qsort(traffic->members, traffic->member_count, sizeof(traffic->members[0]),
              compare_members);
    }
}

void traffic_add_over_budget(struct traffic *traffic, uint32_t answers, uint64_t now)
{
    struct traffic_spell *spell = &traffic->over_budget;
    if (answers == 0) {
        return;
    }
    if (now < spell->until || now - spell->until > TRAFFIC_SPELL_S) {
        *spell = (struct traffic_spell){ .since = now };
    }
    spell->until = now;
    spell->answers += answers;
    spell->changed = true;
}

void traffic_prune(struct traffic *traffic, const struct member_ids *members, uint64_t now)
{
    for (size_t i = 0; i < traffic->member_count; i++) {
        struct traffic_member *member = &traffic->members[i];
        bool over = member->hour + (uint64_t)TRAFFIC_DAYS * DAY_HOURS <= now / HOUR_S;
        member->gone = over || !member_ids_have(members, member->member_id);
        member->changed = member->changed || member->gone;
        member->days_changed = member->days_changed || member->gone;
    }
    for (size_t i = 0; i < traffic->cell_count; i++) {
        struct traffic_cell *cell = &traffic->cells[i];
        if (cell->at > now) { /* the clock was ahead when it was counted: decays from now on */
            cell->at = now;
            cell->changed = true;
        }
        if (traffic_decayed(cell, now) < traffic_least) {
            cell->queries = 0;
            cell->changed = true;
        }
    }
}

/* -- demand and answers -- */

double traffic_total(const struct traffic *traffic, uint64_t now)
{
    double total = 0;
    for (size_t i = 0; i < traffic->cell_count; i++) {
        total += traffic_decayed(&traffic->cells[i], now);
    }
    return total;
}

/* The index of a cell in the location file's sorted list; the country's cell if the subdivision is
 * gone, the world's (0) if the country is. */
static size_t number_of(const struct traffic_cell *wanted, const struct cell *cells, size_t count)
{
    uint16_t number = cell_number(cells, count, wanted->country, wanted->subdivision);
    return number != LOCATIONS_WORLD ? number : cell_number(cells, count, wanted->country, "");
}

void traffic_demand(const struct traffic *traffic, const struct cell *cells, size_t count,
                    uint64_t now, double *out)
{
    double addresses = 0, total = traffic_total(traffic, now);
    const double prior = TRAFFIC_PRIOR;
    for (size_t i = 0; i < count; i++) {
        addresses += (double)cells[i].addresses;
    }
    double weight = addresses > 0 ? prior * prior / (prior + total) / addresses : 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = (double)cells[i].addresses * weight;
    }
    for (size_t i = 0; i < traffic->cell_count; i++) {
        out[number_of(&traffic->cells[i], cells, count)] +=
            traffic_decayed(&traffic->cells[i], now);
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = out[i] < traffic_least ? 0 : out[i];
    }
}

uint64_t traffic_answers(const struct traffic *traffic, uint64_t member_id, unsigned hours,
                         uint64_t now)
{
    const struct traffic_member *found =
        traffic_find_member(traffic, traffic->member_count, member_id);
    if (found == NULL) {
        return 0;
    }
    struct traffic_member member = *found;
    uint64_t hour = now / HOUR_S, sum = 0;
    turn_to(&member, now);
    for (unsigned i = 0; i < hours; i++) {
        sum += member.answers[(member.hour - i) % TRAFFIC_HOURS];
    }
    uint64_t meant_s = member.hour == hour ? HOUR_S - now % HOUR_S : 0;
    return sum + member.answers[(member.hour - hours) % TRAFFIC_HOURS] * meant_s / HOUR_S;
}

uint64_t traffic_full_hours(const struct traffic_member *counted, unsigned hours, uint64_t now)
{
    struct traffic_member member = *counted;
    uint64_t sum = 0;
    turn_to(&member, now);
    for (unsigned i = 1; i <= hours; i++) {
        sum += member.answers[(member.hour - i) % TRAFFIC_HOURS];
    }
    return sum;
}

void traffic_days(const struct traffic *traffic, uint64_t member_id, uint64_t now,
                  uint64_t out[TRAFFIC_DAYS])
{
    const struct traffic_member *found =
        traffic_find_member(traffic, traffic->member_count, member_id);
    struct traffic_member member = { .hour = now / HOUR_S };
    if (found != NULL) {
        member = *found;
        turn_to(&member, now);
    }
    for (uint64_t i = 0; i < TRAFFIC_DAYS; i++) {
        out[i] = member.days[(member.hour / DAY_HOURS + TRAFFIC_DAYS - i) % TRAFFIC_DAYS];
    }
    out[0] += member.answers[member.hour % TRAFFIC_HOURS];
}
