#include "simulate_world.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/splitmix.h"
#include "zone/places/country.h"
#include "zone/places/region.h"

enum {
    DAY_S = 86400,
    SIZES = 3 /* of resolvers */
};

/* Members per country, roughly as in the NTP pool, and internet users in millions. Countries
 * not listed have few users and no members. */
struct simulated_country {
    char code[3];
    unsigned members;
    double users;
};

static const struct simulated_country simulated_countries[] = {
    { "US", 551, 311 }, { "DE", 450, 78 },  { "FR", 250, 61 },  { "GB", 245, 66 },
    { "NL", 230, 17 },  { "CA", 150, 36 },  { "CH", 150, 8.4 }, { "SE", 125, 10 },
    { "PL", 110, 34 },  { "RU", 190, 130 }, { "JP", 65, 105 },  { "AU", 110, 25 },
    { "CN", 95, 1070 }, { "BR", 60, 182 },  { "IN", 45, 820 },  { "SG", 60, 5.6 },
    { "FI", 80, 5.2 },  { "NO", 50, 5.4 },  { "CZ", 70, 9.2 },  { "AT", 70, 8.5 },
    { "IT", 65, 51 },   { "ES", 45, 45 },   { "UA", 55, 32 },   { "ZA", 30, 45 },
    { "KR", 25, 50 },   { "TW", 35, 22 },   { "HK", 40, 7.1 },  { "MX", 12, 101 },
    { "AR", 14, 41 },   { "NZ", 40, 5 },    { "DK", 60, 5.8 },  { "BE", 45, 11 },
    { "HU", 35, 8.8 },  { "RO", 45, 17 },   { "BG", 50, 5.3 },  { "GR", 22, 8.8 },
    { "ID", 35, 212 },  { "TH", 22, 63 },   { "VN", 18, 78 },   { "TR", 20, 72 },
    { "IE", 20, 5 },    { "PT", 15, 8.8 },  { "SK", 18, 4.8 },  { "SI", 22, 1.9 },
    { "LT", 20, 2.4 },  { "LV", 12, 1.7 },  { "EE", 12, 1.2 },  { "LU", 15, 0.6 },
    { "HR", 10, 3.2 },  { "RS", 8, 5.7 },   { "IL", 12, 8.2 },  { "MY", 14, 33 },
    { "IR", 8, 74 },    { "BY", 10, 8.3 },  { "KZ", 9, 18 },    { "MD", 7, 2 },
    { "IS", 8, 0.37 },  { "CL", 8, 17.7 },  { "CO", 5, 38 },    { "BD", 6, 66 },
    { "PH", 5, 86 },    { "PK", 3, 87 },    { "EG", 2, 82 },    { "NG", 2, 122 },
    { "KE", 4, 22 },    { "TZ", 3, 21 },    { "CM", 1, 13 },    { "MA", 2, 34 },
    { "AO", 2, 14 },    { "DZ", 1, 33 },    { "SA", 4, 36 },    { "AE", 8, 9.4 },
    { "QA", 1, 2.7 },   { "KW", 1, 4.2 },   { "LK", 2, 14 },    { "NP", 2, 15 },
    { "KH", 3, 10 },    { "UZ", 3, 27 },    { "GE", 3, 3 },     { "AM", 4, 2.2 },
    { "AZ", 2, 9 },     { "PE", 2, 25 },    { "EC", 3, 13.5 },  { "VE", 2, 19 },
    { "CR", 3, 4.4 },   { "PA", 2, 3.1 },   { "UY", 2, 3.1 },   { "PY", 1, 5 },
    { "DO", 1, 9.5 },   { "GT", 1, 9 },     { "PR", 1, 2.9 },   { "TN", 1, 9 },
    { "MU", 2, 0.9 },   { "MG", 1, 6 },     { "BJ", 1, 4.5 },   { "MT", 3, 0.48 },
    { "CY", 4, 1.1 },   { "AL", 1, 2.3 },   { "MK", 3, 1.7 },   { "BA", 2, 2.6 },
    { "LI", 3, 0.04 },  { "IM", 1, 0.07 },  { "GI", 1, 0.03 },  { "MO", 1, 0.6 },
    { "MN", 1, 2.7 },   { "ET", 0, 24 },    { "CD", 0, 27 },    { "GH", 0, 23 },
    { "UG", 0, 13 },    { "MM", 0, 24 },    { "IQ", 0, 34 },    { "SD", 0, 13 },
    { "AF", 0, 7.7 },   { "SY", 0, 8 },     { "YE", 0, 9 },     { "CI", 0, 12 },
    { "SN", 0, 10 },    { "ML", 0, 8 },     { "BF", 0, 5 },     { "MZ", 0, 7 },
    { "ZM", 0, 6 },     { "ZW", 0, 5.7 },   { "BO", 0, 8 },     { "HN", 0, 6 },
    { "SV", 0, 4 },     { "NI", 0, 4 },     { "CU", 0, 8 },     { "HT", 0, 4.5 },
    { "JO", 0, 10 },    { "LB", 0, 4.8 },   { "LY", 0, 3.1 },   { "OM", 0, 4.4 },
    { "KG", 0, 5 },     { "TJ", 0, 3 },     { "TM", 0, 2 },     { "LA", 0, 4.7 },
    { "PG", 0, 3 }
};

static double unit(struct world *w)
{
    return (double)(splitmix(&w->seed) >> 11) * 0x1p-53;
}

static double around(struct world *w, double middle, double spread)
{
    return middle + (unit(w) + unit(w) - 1) * spread;
}

static struct point at_cell(const struct world *w, size_t c)
{
    return point_at((double)w->cells[c].position.latitude, (double)w->cells[c].position.longitude);
}

/* Makes the cells: the world, without users, then the countries. */
static void make_cells(struct world *w)
{
    size_t countries = 0;
    const struct country *all = country_all(&countries);
    w->cell_count = countries + 1;
    w->cells = xcalloc(w->cell_count, sizeof(*w->cells));
    w->users = xcalloc(w->cell_count, sizeof(*w->users));
    for (size_t i = 0; i < countries; i++) {
        struct cell *cell = &w->cells[i + 1];
        memcpy(cell->country, all[i].code, sizeof(cell->country));
        memcpy(cell->continent, all[i].continent, sizeof(cell->continent));
        cell->placed = true;
        cell->position = all[i].position;
        w->users[i + 1] = strcmp(all[i].continent, "AN") == 0 ? 0.001 : 0.3;
        for (size_t k = 0; k < sizeof(simulated_countries) / sizeof(simulated_countries[0]); k++) {
            if (strcmp(simulated_countries[k].code, cell->country) == 0) {
                w->users[i + 1] = simulated_countries[k].users;
            }
        }
    }
}

static size_t cell_of(const struct world *w, const char *country)
{
    for (size_t c = 1; c < w->cell_count; c++) {
        if (strcmp(w->cells[c].country, country) == 0) {
            return c;
        }
    }
    return 0;
}

/* One of four members belongs to an operator with several members. */
static void make_member(struct world *w, size_t i, size_t cell)
{
    static const double menu[] = { 10, 25, 50, 100, 100, 250, 500, 1000, 1000, 3000 };
    uint16_t country = region_of_country(w->cells[cell].country);
    struct allocation_member *input = &w->candidates.inputs[i];
    w->capacity[i] = menu[splitmix(&w->seed) % (sizeof(menu) / sizeof(menu[0]))];
    input->point = point_at(around(w, (double)w->cells[cell].position.latitude, 2),
                            around(w, (double)w->cells[cell].position.longitude, 3));
    input->regions[0] = country;
    input->regions[1] = region_around(w->cells[cell].country);
    input->group = unit(w) < 0.25 && i > 0 ? w->candidates.inputs[i - 1].group : (uint32_t)i;
    input->ipv4 = unit(w) < 0.97;
    input->ipv6 = !input->ipv4 || unit(w) < 0.55;
}

static void make_members(struct world *w)
{
    const size_t countries = sizeof(simulated_countries) / sizeof(simulated_countries[0]);
    for (size_t k = 0; k < countries; k++) {
        w->member_count += simulated_countries[k].members;
    }
    w->candidates.list = xcalloc(w->member_count, sizeof(*w->candidates.list));
    w->candidates.inputs = xcalloc(w->member_count, sizeof(*w->candidates.inputs));
    w->candidates.count = w->member_count;
    w->capacity = xcalloc(w->member_count, sizeof(*w->capacity));
    w->back_at = xcalloc(w->member_count, sizeof(*w->back_at));
    for (size_t k = 0, i = 0; k < countries; k++) {
        for (unsigned n = 0; n < simulated_countries[k].members; n++, i++) {
            make_member(w, i, cell_of(w, simulated_countries[k].code));
            w->candidates.inputs[i].capacity = w->capacity[i];
            w->candidates.list[i] =
                (struct candidate){ .member_id = i + 1, .weight = (uint32_t)w->capacity[i] };
        }
    }
}

void world_done(struct world *w)
{
    candidates_done(&w->candidates);
    free(w->cells);
    free(w->users);
    free(w->capacity);
    free(w->back_at);
    free(w->km_of);
}

static void measure_km(struct world *w)
{
    w->km_of = xcalloc(w->cell_count * w->member_count, sizeof(*w->km_of));
    for (size_t c = 1; c < w->cell_count; c++) {
        struct point client = at_cell(w, c);
        for (size_t i = 0; i < w->member_count; i++) {
            w->km_of[c * w->member_count + i] =
                (float)point_km(&client, &w->candidates.inputs[i].point);
        }
    }
}

/* Queries of a country's resolvers in one TTL. A resolver queries if one of its clients does. The
 * client rates are those of a small, a medium and a large resolver. Local noon is busier than
 * night, and the first minutes of an hour are busier than the rest. */
double world_queries(struct world *w, size_t cell, uint64_t now)
{
    static const double resolvers[SIZES] = { 40, 8, 1 }, clients[SIZES] = { 0.02, 0.3, 6 };
    double hour = (double)(now % DAY_S) / 3600 + (double)w->cells[cell].position.longitude / 15;
    double crowd = now % 3600 < WORLD_TTL_S ? 4 : 1;
    double rate = crowd * (1 + 0.6 * sin((hour - 8) * 3.14159265358979 / 12));
    double sum = 0;
    for (unsigned i = 0; i < SIZES; i++) {
        sum += resolvers[i] * (1 - exp(-clients[i] * rate));
    }
    double expected = 400 * w->users[cell] * sum;
    /* uniform noise with the variance of a Poisson distribution */
    double noise = sqrt(12 / fmax(expected, 1));
    return floor(expected * fmax(0, 1 + (unit(w) - 0.5) * noise) + unit(w));
}

void world_fail_and_return(struct world *w, uint64_t now, uint64_t step)
{
    w->candidates.eligible = 0;
    for (size_t i = 0; i < w->member_count; i++) {
        if (w->back_at[i] != 0 && w->back_at[i] <= now) {
            w->back_at[i] = 0;
        } else if (w->back_at[i] == 0 && unit(w) < 0.08 * (double)step / DAY_S) {
            w->back_at[i] = now + 600 + (uint64_t)(-7200 * log(1 - unit(w)));
        }
        w->candidates.inputs[i].capacity = w->back_at[i] == 0 ? w->capacity[i] : 0;
        w->candidates.eligible += w->back_at[i] == 0 ? 1 : 0;
    }
}

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){ .seed = seed };
    make_cells(w);
    make_members(w);
    measure_km(w);
}
