#include "zone/steering/place.h"

#include "zone/places/country.h"

/* Sets the country from the first address that the location file knows. Returns true if the file
 * has its position too. */
static bool by_addresses(struct place *out, const struct member *member,
                         const struct locations *locations)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    for (unsigned i = 0; i < member->address_count; i++) {
        const struct address *address = &member->addresses[i];
        const struct cell *cell = &cells[locations_find(locations, address).cell];
        /* If the operator and the file name different countries, the file is wrong. */
        if (cell->country[0] == '\0' ||
            (member->country[0] != '\0' && strcmp(member->country, cell->country) != 0)) {
            continue;
        }
        memcpy(out->country, cell->country, sizeof(out->country));
        return locations_position(locations, address, &out->position);
    }
    return false;
}

void place_of_member(struct place *out, const struct member *member,
                     const struct locations *locations)
{
    *out = (struct place){ .source = PLACE_UNKNOWN };
    memcpy(out->country, member->country, sizeof(out->country));
    if (by_addresses(out, member, locations)) {
        out->source = PLACE_ADDRESS;
    }
    if (member->placed) {
        out->source = PLACE_POSITION;
        out->position = member->position;
    }
    if (out->source != PLACE_UNKNOWN) {
        return;
    }
    const struct country *country = country_find(out->country);
    if (country != NULL) {
        out->source = PLACE_COUNTRY;
        out->position = country->position;
    }
}
