#include "probe/host_rate.h"
#include "tests/unit/unit.h"

static struct address numbered_address(const char *before, unsigned number, const char *after)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s%u%s", before, number, after);
    return address_of(text);
}

/* The probes that one address gets in `ms` if they are always due. */
static unsigned to_one(struct host_rate *host_rate, const struct address *address, uint64_t from_ms,
                       unsigned ms)
{
    unsigned taken = 0;
    for (uint64_t now = from_ms; now < from_ms + ms; now += 10) {
        taken += host_rate_take(host_rate, address, now);
    }
    return taken;
}

static void address_gets_its_rate_after_a_burst(void **)
{
    struct host_rate *host_rate = host_rate_new();
    const struct address address = numbered_address("192.0.2.", 1, "");
    assert_int_equal(to_one(host_rate, &address, 1000, 10), 1);
    unsigned first = to_one(host_rate, &address, 1010, 10000);
    assert_in_range(first, 10 * HOST_RATE_ADDRESS_RATE,
                    (10 + HOST_RATE_BURST) * HOST_RATE_ADDRESS_RATE);
    assert_int_equal(to_one(host_rate, &address, 11010, 10000), 10 * HOST_RATE_ADDRESS_RATE);
    host_rate_free(host_rate);
}

static void network_is_not_flooded_through_its_addresses(void **)
{
    struct host_rate *host_rate = host_rate_new();
    unsigned taken[2] = { 0 };
    for (uint64_t now = 1000; now < 11000; now += 10) {
        for (unsigned i = 0; i < 32; i++) {
            const struct address v4 = numbered_address("192.0.2.", i, "");
            const struct address v6 = numbered_address("2001:db8::", i, ":1");
            taken[0] += host_rate_take(host_rate, &v4, now);
            taken[1] += host_rate_take(host_rate, &v6, now);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_in_range(taken[i], 9 * HOST_RATE_NETWORK_RATE,
                        (10 + HOST_RATE_BURST) * HOST_RATE_NETWORK_RATE);
    }
    host_rate_free(host_rate);
}

static void other_networks_are_not_limited(void **)
{
    struct host_rate *host_rate = host_rate_new();
    const struct address busy = numbered_address("192.0.2.", 1, "");
    (void)to_one(host_rate, &busy, 1000, 5000);
    unsigned free_ones = 0;
    for (unsigned i = 0; i < 250; i++) {
        const struct address other = numbered_address("10.0.", i, ".1");
        free_ones += host_rate_take(host_rate, &other, 6000);
    }
    assert_in_range(free_ones, 245, 250); /* two may share a bucket */
    host_rate_free(host_rate);
}

static void pool_of_a_whole_network_is_probed_each_minute(void **)
{
    struct host_rate *host_rate = host_rate_new();
    unsigned taken = 0;
    bool done[254] = { false };
    for (uint64_t now = 1000; now < 61000; now += 50) {
        for (unsigned i = 0; i < 254; i++) {
            const struct address address = numbered_address("192.0.2.", i + 1, "");
            if (!done[i] && host_rate_take(host_rate, &address, now)) {
                done[i] = true;
                taken++;
            }
        }
    }
    assert_int_equal(taken, 254);
    host_rate_free(host_rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_gets_its_rate_after_a_burst),
        cmocka_unit_test(network_is_not_flooded_through_its_addresses),
        cmocka_unit_test(other_networks_are_not_limited),
        cmocka_unit_test(pool_of_a_whole_network_is_probed_each_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
