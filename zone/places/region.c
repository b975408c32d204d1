#include "zone/places/region.h"

#include <string.h>

#include "zone/places/country.h"

static const struct continent {
    const char *code, *label;
} continents[REGION_CONTINENTS] = { { "AF", "africa" },        { "AN", "antarctica" },
                                    { "AS", "asia" },          { "EU", "europe" },
                                    { "NA", "north-america" }, { "OC", "oceania" },
                                    { "SA", "south-america" } };

/* `first` is the first letter of the alphabet in the text's case. */
static uint16_t of_letters(const char *text, char first)
{
    unsigned a = (unsigned)(text[0] - first), b = (unsigned)(text[1] - first);
    return a < 26 && b < 26 ? (uint16_t)(1 + a * 26 + b) : REGION_NONE;
}

uint16_t region_of_country(const char *country)
{
    return country[0] == '\0' ? REGION_NONE : of_letters(country, 'A');
}

uint16_t region_around(const char *country)
{
    const struct country *known = country_find(country);
    for (unsigned i = 0; known != NULL && i < REGION_CONTINENTS; i++) {
        if (memcmp(continents[i].code, known->continent, sizeof(known->continent)) == 0) {
            return (uint16_t)(1 + REGION_COUNTRIES + i);
        }
    }
    return REGION_NONE;
}

uint16_t region_of_label(const char *label, size_t len)
{
    if (len == 2) {
        return of_letters(label, 'a');
    }
    for (unsigned i = 0; i < REGION_CONTINENTS; i++) {
        if (strlen(continents[i].label) == len && memcmp(continents[i].label, label, len) == 0) {
            return (uint16_t)(1 + REGION_COUNTRIES + i);
        }
    }
    return REGION_NONE;
}

char *region_label(uint16_t region, char out[REGION_LABEL_ROOM])
{
    if (region > REGION_COUNTRIES) {
        const char *label = continents[region - 1 - REGION_COUNTRIES].label;
        memcpy(out, label, strlen(label) + 1);
        return out;
    }
    out[0] = (char)('a' + (region - 1) / 26);
    out[1] = (char)('a' + (region - 1) % 26);
    out[2] = '\0';
    return out;
}
