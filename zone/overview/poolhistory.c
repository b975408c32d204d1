#include "zone/overview/poolhistory.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/wire.h"
#include "zone/registry/registry.h"

enum {
    LAYOUT = 1, /* of all rows */
    ROW_HOURS = 1,
    ROW_COUNTRIES = 2,
    HOUR_S = 3600,
    DAY_S = 86400,
    DAY_HOURS = 24,
    KEY_LEN = 3,
    HOUR_LEN = 4 + 1 + 4 * CENSUS_STATES + 4 + 8 + ADDRESS_FAMILIES * 3 * 4,
    HOURS_LEN = 1 + 8 + 1 + DAY_HOURS * HOUR_LEN,
    COUNTRY_LEN = 2 + 4 + 4 + ADDRESS_FAMILIES * 4,
    COUNTRIES_LEN = 1 + 8 + 2 + POOLHISTORY_COUNTRIES * COUNTRY_LEN
};

/* -- counting -- */

struct counter {
    const struct memberview_source *source;
    struct poolhistory_hour hour;
    struct poolhistory_country countries[POOLHISTORY_COUNTRIES]; /* by country_place */
    struct memberview view;
};

static unsigned country_place(const char country[3])
{
    bool letters = country[0] >= 'A' && country[0] <= 'Z' && country[1] >= 'A' && country[1] <= 'Z';
    return letters ? 1 + (unsigned)(country[0] - 'A') * 26 + (unsigned)(country[1] - 'A') : 0;
}

static void count_address(struct counter *counter, const struct address *address,
                          const struct address_health *seen, bool shown,
                          bool eligible_in[ADDRESS_FAMILIES])
{
    struct poolhistory_family *family = &counter->hour.family[address_family(address)];
    family->known++;
    family->working += seen != NULL && seen->probes > 0 && seen->working;
    family->eligible += shown;
    eligible_in[address_family(address)] |= shown;
}

/* The addresses of a member that brings its own name are those that the probes found. */
static void count_addresses(struct counter *counter, bool eligible_in[ADDRESS_FAMILIES])
{
    const struct member *member = &counter->view.member;
    const struct member_health *health = &counter->view.consensus.health;
    const struct standing *standing = &counter->view.standing;
    for (unsigned i = 0; i < member->address_count; i++) {
        bool shown = standing->eligible && (standing->left_out & 1U << i) == 0;
        count_address(counter, &member->addresses[i], health_address(health, &member->addresses[i]),
                      shown, eligible_in);
    }
    for (unsigned i = 0; member->target.len > 0 && i < health->address_count; i++) {
        const struct address_health *seen = &health->addresses[i];
        count_address(counter, &seen->address, seen, standing->eligible && seen->working,
                      eligible_in);
    }
}

static enum result count_member(const struct member *member, void *arg)
{
    struct counter *counter = arg;
    const struct standing *standing = &counter->view.standing;
    bool eligible_in[ADDRESS_FAMILIES] = { false };
    TRY(memberview_make(&counter->view, member, counter->source));
    counter->hour.states[census_state_number(standing->state)]++;
    counter->hour.eligible += standing->eligible;
    counter->hour.eligible_mbit += standing->eligible ? member->capacity_mbit : 0;
    count_addresses(counter, eligible_in);
    unsigned place = country_place(member->country);
    struct poolhistory_country *country = &counter->countries[place];
    memcpy(country->country, place == 0 ? "\0\0" : member->country, sizeof(country->country));
    country->members++;
    country->eligible += standing->eligible;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        country->eligible_in[i] += eligible_in[i];
    }
    return RESULT_OK;
}

enum result poolhistory_count(struct poolhistory_counts *out, struct store_txn *registry,
                              const struct memberview_source *source, uint64_t now)
{
    struct counter *counter = xcalloc(1, sizeof(*counter));
    counter->source = source;
    enum result result = registry_each(registry, count_member, counter);
    out->hour = counter->hour;
    out->hour.at = out->day.at = now;
    out->day.count = 0;
    for (unsigned i = 0; i < POOLHISTORY_COUNTRIES; i++) {
        if (counter->countries[i].members > 0) {
            out->day.countries[out->day.count++] = counter->countries[i];
        }
    }
    free(counter);
    return result;
}

/* -- rows -- */

/* The hours of a day that were counted. */
struct hours {
    uint64_t number; /* of the day, since 1970 */
    unsigned count;
    struct poolhistory_hour list[DAY_HOURS]; /* in order of time */
};

static size_t write_key(uint8_t key[KEY_LEN], uint8_t kind, uint64_t day)
{
    struct writer w = writer_of(key, KEY_LEN);
    write_u8(&w, kind);
    write_u16(&w, (uint16_t)(day % POOLHISTORY_DAYS));
    return w.at;
}

static void write_hours(struct writer *w, const struct hours *hours)
{
    write_u8(w, LAYOUT);
    write_u64(w, hours->number);
    write_u8(w, (uint8_t)hours->count);
    for (unsigned i = 0; i < hours->count; i++) {
        const struct poolhistory_hour *each = &hours->list[i];
        write_u32(w, (uint32_t)(each->at % DAY_S));
        write_u8(w, CENSUS_STATES);
        for (unsigned s = 0; s < CENSUS_STATES; s++) {
            write_u32(w, each->states[s]);
        }
        write_u32(w, each->eligible);
        write_u64(w, each->eligible_mbit);
        for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
            write_u32(w, each->family[f].known);
            write_u32(w, each->family[f].working);
            write_u32(w, each->family[f].eligible);
        }
    }
}

static void read_hour(struct reader *r, struct poolhistory_hour *out, uint64_t day)
{
    *out = (struct poolhistory_hour){ .at = day * DAY_S + read_u32(r) % DAY_S };
    uint8_t states = read_u8(r);
    r->failed = r->failed || states > CENSUS_STATES;
    for (unsigned i = 0; i < states && !r->failed; i++) {
        out->states[i] = read_u32(r);
    }
    out->eligible = read_u32(r);
    out->eligible_mbit = read_u64(r);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        out->family[i].known = read_u32(r);
        out->family[i].working = read_u32(r);
        out->family[i].eligible = read_u32(r);
    }
}

/* Reads the hours of a day; none if the row is of an earlier lap of the ring. */
static enum result get_hours(struct store_txn *txn, uint64_t day, struct hours *out)
{
    uint8_t key[KEY_LEN], data[HOURS_LEN];
    struct store_item item = { .data = data, .room = sizeof(data) };
    *out = (struct hours){ .number = day };
    size_t key_len = write_key(key, ROW_HOURS, day);
    enum result result = store_get(txn, TABLE_POOL, key, key_len, &item);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    struct reader r = reader_of(data, item.len);
    r.failed = read_u8(&r) != LAYOUT;
    uint64_t number = read_u64(&r);
    unsigned count = read_u8(&r);
    r.failed = r.failed || count > DAY_HOURS;
    for (unsigned i = 0; i < count && !r.failed; i++) {
        read_hour(&r, &out->list[i], number);
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    out->count = number == day ? count : 0;
    return RESULT_OK;
}

static enum result put_hours(struct store_txn *txn, const struct hours *hours)
{
    uint8_t key[KEY_LEN], data[HOURS_LEN];
    struct writer w = writer_of(data, sizeof(data));
    size_t key_len = write_key(key, ROW_HOURS, hours->number);
    write_hours(&w, hours);
    ASSERT(!w.failed);
    return store_put(txn, TABLE_POOL, key, key_len, data, w.at);
}

static enum result put_day(struct store_txn *txn, const struct poolhistory_day *day)
{
    uint8_t key[KEY_LEN], data[COUNTRIES_LEN];
    struct writer w = writer_of(data, sizeof(data));
    size_t key_len = write_key(key, ROW_COUNTRIES, day->at / DAY_S);
    write_u8(&w, LAYOUT);
    write_u64(&w, day->at);
    write_u16(&w, (uint16_t)day->count);
    for (unsigned i = 0; i < day->count; i++) {
        const struct poolhistory_country *each = &day->countries[i];
        write_octets(&w, each->country, 2);
        write_u32(&w, each->members);
        write_u32(&w, each->eligible);
        for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
            write_u32(&w, each->eligible_in[f]);
        }
    }
    ASSERT(!w.failed);
    return store_put(txn, TABLE_POOL, key, key_len, data, w.at);
}

static enum result get_day(struct store_txn *txn, uint64_t number, struct poolhistory_day *out)
{
    uint8_t key[KEY_LEN], data[COUNTRIES_LEN];
    struct store_item item = { .data = data, .room = sizeof(data) };
    size_t key_len = write_key(key, ROW_COUNTRIES, number);
    TRY(store_get(txn, TABLE_POOL, key, key_len, &item));
    struct reader r = reader_of(data, item.len);
    r.failed = read_u8(&r) != LAYOUT;
    out->at = read_u64(&r);
    out->count = read_u16(&r);
    r.failed = r.failed || out->count > POOLHISTORY_COUNTRIES;
    for (unsigned i = 0; i < out->count && !r.failed; i++) {
        struct poolhistory_country *each = &out->countries[i];
        *each = (struct poolhistory_country){ .country = "" };
        read_into(&r, each->country, 2);
        each->members = read_u32(&r);
        each->eligible = read_u32(&r);
        for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
            each->eligible_in[f] = read_u32(&r);
        }
    }
    return reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
}

/* Puts the hour in its place; a count of the same hour goes. */
static void enter(struct hours *hours, const struct poolhistory_hour *hour)
{
    unsigned at = hours->count;
    while (at > 0 && hours->list[at - 1].at / HOUR_S >= hour->at / HOUR_S) {
        at--; /* the same hour, or later ones: the clock was set back */
    }
    hours->list[at] = *hour;
    hours->count = at + 1;
}

enum result poolhistory_note(struct store_txn *history, const struct poolhistory_counts *counts)
{
    struct hours hours;
    /* a row that can't be read is written anew */
    if (get_hours(history, counts->hour.at / DAY_S, &hours) != RESULT_OK) {
        hours.count = 0;
    }
    enter(&hours, &counts->hour);
    TRY(put_hours(history, &hours));
    return put_day(history, &counts->day);
}

/* The first day that the ring may have. */
static uint64_t first_day(uint64_t since, uint64_t now)
{
    uint64_t last = now / DAY_S, first = since / DAY_S;
    return last >= POOLHISTORY_DAYS && first <= last - POOLHISTORY_DAYS
               ? last - POOLHISTORY_DAYS + 1
               : first;
}

enum result poolhistory_hours(struct store_txn *history, uint64_t since, uint64_t now,
                              poolhistory_hour_visit *visit, void *arg)
{
    for (uint64_t day = first_day(since, now); day <= now / DAY_S; day++) {
        struct hours hours;
        TRY(get_hours(history, day, &hours));
        for (unsigned i = 0; i < hours.count; i++) {
            if (hours.list[i].at >= since && hours.list[i].at <= now) {
                visit(&hours.list[i], arg);
            }
        }
    }
    return RESULT_OK;
}

enum result poolhistory_days(struct store_txn *history, uint64_t since, uint64_t now,
                             poolhistory_day_visit *visit, void *arg)
{
    struct poolhistory_day *day = xcalloc(1, sizeof(*day));
    enum result result = RESULT_OK;
    for (uint64_t number = first_day(since, now); result == RESULT_OK && number <= now / DAY_S;
         number++) {
        result = get_day(history, number, day);
        if (result == RESULT_OK && day->at / DAY_S == number) {
            visit(day, arg);
        }
        result = result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    free(day);
    return result;
}
