#include "tools/site/sharecountries.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/base/array.h"

enum {
    ROWS_MAX = 1 << 20,
    LINE_ROOM = 160
};

/* A part of less is not shown. */
#define LEAST 0.0005

static const char head[] = "member,country,part\n";

void sharecountries_done(struct sharecountries *shares)
{
    free(shares->rows);
    *shares = (struct sharecountries){ 0 };
}

/* -- from steering -- */

/* Answers of each candidate by country, as far as they are the most. */
struct summing {
    struct siteworld *world;
    double *answers; /* of the current country, by candidate */
    double *demand;  /* of the current country, by area */
    double *all;     /* of all countries, by candidate */
    struct membershare_country (*most)[MEMBERSHARE_COUNTRIES]; /* by candidate */
};

static void insert(struct membershare_country *most, const char *code, double answers)
{
    struct membershare_country entry = { .part = answers };
    memcpy(entry.code, code, sizeof(entry.code));
    for (size_t i = 0; i < MEMBERSHARE_COUNTRIES; i++) {
        if (entry.part > most[i].part) {
            struct membershare_country next = most[i];
            most[i] = entry;
            entry = next;
        }
    }
}

/* Adds the answers that members get from a country, by the demand of its cells in each area. */
static void add_country(struct summing *summing, const char *code)
{
    struct steering *steering = &summing->world->view.steering;
    for (size_t area = 0; area < steering->area_count; area++) {
        if (summing->demand[area] <= 0) {
            continue;
        }
        struct allocation_list list = steering_list(steering, (uint16_t)area);
        for (size_t i = 0; i < list.count; i++) {
            const struct share *share = &steering->list[i];
            summing->answers[share->member] += summing->demand[area] * share->expected;
        }
        summing->demand[area] = 0;
    }
    for (size_t i = 0; i < steering->candidate_count; i++) {
        if (summing->answers[i] > 0) {
            summing->all[i] += summing->answers[i];
            insert(summing->most[i], code, summing->answers[i]);
            summing->answers[i] = 0;
        }
    }
}

static void sum(struct summing *summing)
{
    const struct steerview *view = &summing->world->view;
    for (unsigned country = 1; country <= REGION_COUNTRIES; country++) {
        char code[3];
        bool asked = false;
        siteworld_code(country, code);
        if (summing->world->countries[country].demand <= 0) {
            continue;
        }
        for (size_t i = 0; i < view->cell_count; i++) {
            if (view->demand[i] > 0 && strcmp(view->cells[i].country, code) == 0) {
                summing->demand[steering_area(&view->steering, (uint16_t)i)] += view->demand[i];
                asked = true;
            }
        }
        if (asked) {
            add_country(summing, code);
        }
    }
}

static int by_label(const void *a, const void *b)
{
    const struct sharecountries_row *left = a, *right = b;
    return strcmp(left->label, right->label);
}

/* share.rows has the listed members. */
static void collect(struct sharecountries *out, const struct summing *summing)
{
    const struct siteworld *world = summing->world;
    for (size_t i = 0; i < world->share_count; i++) {
        const struct steershare_row *row = &world->share.rows[i];
        if (row->member->index == STEERVIEW_OUT) {
            continue;
        }
        struct sharecountries_row added = { .expected = row->expected };
        const struct membershare_country *most = summing->most[row->member->index];
        double all = summing->all[row->member->index];
        memcpy(added.label, row->member->label, sizeof(added.label));
        for (size_t j = 0; j < MEMBERSHARE_COUNTRIES && most[j].part > LEAST * all; j++) {
            added.countries[added.count++] = most[j];
            added.countries[j].part /= all;
        }
        ARRAY_PUSH(out->rows, out->count, out->room, added);
    }
    if (out->count > 0) {
        qsort(out->rows, out->count, sizeof(out->rows[0]), by_label);
    }
}

void sharecountries_of(struct sharecountries *out, struct siteworld *world)
{
    const struct steering *steering = &world->view.steering;
    size_t count = steering->candidate_count + 1;
    struct summing summing = { .world = world,
                               .answers = xcalloc(count, sizeof(double)),
                               .demand = xcalloc(steering->area_count + 1, sizeof(double)),
                               .all = xcalloc(count, sizeof(double)),
                               .most = xcalloc(count, sizeof(summing.most[0])) };
    out->count = 0;
    sum(&summing);
    collect(out, &summing);
    free(summing.answers);
    free(summing.demand);
    free(summing.all);
    free(summing.most);
}

/* -- the file -- */

void sharecountries_write(struct markup *m, const struct sharecountries *shares)
{
    markup_raw(m, head);
    for (size_t i = 0; i < shares->count; i++) {
        const struct sharecountries_row *row = &shares->rows[i];
        markup_csv(m, row->label);
        markup_put(m, ",,%.6f\n", row->expected);
        for (size_t j = 0; j < row->count; j++) {
            markup_csv(m, row->label);
            markup_put(m, ",%s,%.4f\n", row->countries[j].code, row->countries[j].part);
        }
    }
}

/* Takes apart `label,CC,part`. */
static bool read_line(char *line, const char **label, const char **code, double *part)
{
    char *first = strchr(line, ','), *second = first != NULL ? strchr(first + 1, ',') : NULL;
    char *end = NULL;
    if (second == NULL) {
        return false;
    }
    *first = *second = 0;
    *label = line;
    *code = first + 1;
    *part = strtod(second + 1, &end);
    return end != second + 1 && *end == 0 && *part >= 0 && *part <= 1 &&
           strlen(*label) < LABEL_ROOM && (**code == 0 || strlen(*code) == 2);
}

static void take_line(struct sharecountries *out, char *line)
{
    const char *label = NULL, *code = NULL;
    double part = 0;
    if (!read_line(line, &label, &code, &part)) {
        return;
    }
    struct sharecountries_row *last = out->count > 0 ? &out->rows[out->count - 1] : NULL;
    int order = last != NULL ? strcmp(label, last->label) : 1;
    if (*code == 0 && order > 0 && out->count < ROWS_MAX) {
        struct sharecountries_row added = { .expected = part };
        memcpy(added.label, label, strlen(label) + 1); /* read_line has seen that it fits */
        ARRAY_PUSH(out->rows, out->count, out->room, added);
    } else if (*code != 0 && last != NULL && order == 0 && last->count < MEMBERSHARE_COUNTRIES) {
        struct membershare_country *country = &last->countries[last->count++];
        memcpy(country->code, code, sizeof(country->code));
        country->part = part;
    }
}

void sharecountries_read(struct sharecountries *out, const char *text)
{
    out->count = 0;
    while (*text != 0) {
        char line[LINE_ROOM];
        size_t len = strcspn(text, "\n");
        if (len < sizeof(line)) {
            memcpy(line, text, len);
            line[len] = 0;
            take_line(out, line);
        }
        text += len + (text[len] != 0);
    }
}

const struct sharecountries_row *sharecountries_find(const struct sharecountries *shares,
                                                     const char *label)
{
    struct sharecountries_row wanted;
    if (shares->count == 0 || strlen(label) >= sizeof(wanted.label)) {
        return NULL;
    }
    memcpy(wanted.label, label, strlen(label) + 1);
    return bsearch(&wanted, shares->rows, shares->count, sizeof(wanted), by_label);
}
