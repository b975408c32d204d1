/* Any octets as a kept table with a fitting sum: it is refused, or lookups end and stay inside. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "tests/fuzz/input_file.h"
#include "zone/places/location_table.h"
#include "zone/places/locations.h"

enum {
    HASH_AT = 8,
    SUM_AT = HASH_AT + 2 * LOCATION_HASH_LEN
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_around(const struct locations *locations)
{
    static const char *const texts[] = { "0.0.0.0",         "10.7.1.1",    "192.0.2.1",
                                         "255.255.255.255", "2001:db8::1", "::1",
                                         "2a02:1:2::4",     "ffff::" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address address;
        struct position position;
        CHECK(address_parse(&address, texts[i]) == RESULT_OK);
        struct location location = locations_find(locations, &address);
        ASSERT(location.cell < locations->count && location.scope <= 128);
        (void)locations_position(locations, &address, &position);
    }
}

/* Makes the table one of the files with a hash of ones, and its sum fit. */
static void sign(uint8_t *table, size_t len)
{
    static const uint8_t key[] = "location files and their tables.";
    uint8_t sum[LOCATION_HASH_LEN];
    if (len >= SUM_AT + sizeof(sum)) {
        memset(table + HASH_AT, 1, LOCATION_HASH_LEN);
        memset(table + SUM_AT, 0, sizeof(sum));
        CHECK(crypto_onetimeauth(sum, table, len, key) == 0);
        memcpy(table + SUM_AT, sum, sizeof(sum));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct location_hash hash = { { 0 }, { 0 } };
    struct locations locations;
    uint8_t *table = xcalloc(1, size + 1);
    memcpy(table, data, size);
    memset(hash.octets, 1, sizeof(hash.octets));
    sign(table, size);
    int fd = open(input_file(table, size), O_RDONLY | O_CLOEXEC);
    ASSERT(fd >= 0);
    if (location_table_read_fd(&locations, fd, &hash)) {
        look_around(&locations);
        location_table_done(&locations);
    }
    (void)close(fd);
    free(table);
    return 0;
}
