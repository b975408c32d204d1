/* Any octets as what is in a package of keys after it was opened: its maker is the leader, but its
 * program may have a fault. What is read is within its bounds, and its slices are in order. */
#include <stdint.h>

#include <sodium.h>

#include "dnssec/offline/keytransfer_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(const struct package *package)
{
    ASSERT(package->count <= KEYSTORE_MAX);
    for (size_t i = 0; i < package->count; i++) {
        size_t len = 0;
        const struct key *key = package->list[i].key;
        ASSERT(key_public(key, &len) != NULL && len <= KEY_PUBLIC_MAX);
        ASSERT(key_algorithm(key) == ALGORITHM_ED25519 ||
               key_algorithm(key) == ALGORITHM_ECDSAP256SHA256);
    }
}

/* They are written as they were read. */
static void check_slices(const struct slices *slices)
{
    static uint8_t first[KEYTRANSFER_PLAIN_MAX], second[KEYTRANSFER_PLAIN_MAX];
    struct slices again = { .count = 0 };
    struct writer w = writer_of(first, sizeof first);
    ASSERT(slices->count <= KEYTRANSFER_SLICES_MAX);
    for (size_t i = 1; i < slices->count; i++) {
        ASSERT(slices->list[i].from > slices->list[i - 1].from);
    }
    keytransfer_write_slices(&w, slices);
    struct reader r = reader_of(first, w.at);
    keytransfer_read_slices(&r, &again);
    ASSERT(!w.failed && reader_done(&r) && again.count == slices->count);
    struct writer other = writer_of(second, sizeof second);
    keytransfer_write_slices(&other, &again);
    ASSERT(other.at == w.at && memcmp(first, second, w.at) == 0);
    slices_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dname zone;
    struct diag diag = { "" };
    struct package package = { .count = 0 };
    struct reader r = reader_of(data, size);
    ASSERT(sodium_init() >= 0 && dname_parse(&zone, "pool.test.", NULL) == RESULT_OK);
    if (keytransfer_decode(&package, &r, &zone, &diag) == RESULT_OK) {
        check_keys(&package);
        check_slices(&package.slices);
    } else {
        ASSERT(diag.text[0] != '\0');
    }
    keytransfer_package_done(&package);
    return 0;
}
