/* Any octets as a location file (.mmdb): it is refused with a reason, or its tables are consistent
 * for every address. */
#include "tests/fuzz/input_file.h"
#include "zone/places/locations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cells(const struct locations *locations)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    ASSERT(count >= 1 && count <= LOCATIONS_CELLS_MAX && cells[0].country[0] == '\0');
    for (size_t i = 0; i < count; i++) {
        ASSERT(strlen(cells[i].country) < sizeof(cells[i].country));
        ASSERT(strlen(cells[i].subdivision) < sizeof(cells[i].subdivision));
        ASSERT(strlen(cells[i].continent) < sizeof(cells[i].continent));
        ASSERT(cell_number(cells, count, cells[i].country, cells[i].subdivision) == i);
    }
}

/* All addresses within an address's scope are in the same cell; this tries the last one. For ::/80
 * that is an IPv4-mapped address, which the IPv4 tables cover. */
static void check_address(const struct locations *locations, struct address address)
{
    size_t count = 0;
    struct position position;
    const struct location location = locations_find(locations, &address);
    bool ipv4 = address_is_ipv4(&address);
    (void)locations_cells(locations, &count);
    ASSERT(location.cell < count && location.scope <= (ipv4 ? 32 : 128));
    (void)locations_position(locations, &address, &position);
    for (size_t bit = location.scope + (ipv4 ? 96U : 0U); bit < 128; bit++) {
        address.octets[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
    }
    const struct location last = locations_find(locations, &address);
    ASSERT(address_is_ipv4(&address) != ipv4 ||
           (last.cell == location.cell && last.scope == location.scope));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = { "0.0.0.0",         "1.2.3.4", "192.0.2.1",
                                         "255.255.255.255", "::",      "2001:db8::1",
                                         "2a02:1:2:3::4",   "ffff::" };
    const char *const paths[] = { input_file(data, size) };
    struct locations *locations = NULL;
    struct diag diag = { "" };
    if (locations_load(&locations, paths, 1, NULL, &diag) != RESULT_OK) {
        ASSERT(locations == NULL && diag.text[0] != '\0');
        return 0;
    }
    check_cells(locations);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address address;
        CHECK(address_parse(&address, texts[i]) == RESULT_OK);
        check_address(locations, address);
    }
    locations_free(locations);
    return 0;
}
