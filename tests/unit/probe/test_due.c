#include "probe/due.h"
#include "probe/host_rate.h"
#include "probe/schedule.h"
#include "tests/unit/unit.h"

enum {
    TICK_MS = 50,
    INTERVAL_MS = 64000
};

/* A member that is due again an interval after each probe. */
struct fake {
    struct address address;
    uint64_t due_ms;
    unsigned probes;
};

/* Probes the members for so many minutes. Counts the fewest and the most probes of a member. */
static void live(struct fake *fakes, unsigned count, unsigned minutes, unsigned *fewest,
                 unsigned *most)
{
    struct host_rate *host_rate = host_rate_new();
    struct due_list list = { 0 };
    for (uint64_t now = 1000; now < 1000 + minutes * UINT64_C(60000); now += TICK_MS) {
        due_clear(&list);
        for (unsigned i = 0; i < count; i++) {
            if (fakes[i].due_ms <= now) {
                due_add(&list, fakes[i].due_ms, &fakes[i]);
            }
        }
        due_sort(&list);
        for (size_t i = 0; i < list.count; i++) {
            struct fake *fake = list.items[i].what;
            if (host_rate_take(host_rate, &fake->address, now)) {
                fake->probes++;
                fake->due_ms = schedule_next(now, INTERVAL_MS, (uint32_t)(now * 2654435761U));
            }
        }
    }
    *fewest = fakes[0].probes;
    *most = 0;
    for (unsigned i = 0; i < count; i++) {
        *fewest = fakes[i].probes < *fewest ? fakes[i].probes : *fewest;
        *most = fakes[i].probes > *most ? fakes[i].probes : *most;
    }
    due_free(&list);
    host_rate_free(host_rate);
}

static void network_with_more_members_than_its_rate_starves_none(void **)
{
    static struct fake fakes[1300];
    unsigned fewest = 0, most = 0;
    for (unsigned i = 0; i < 1300; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "2001:db8:0:%x::1", i + 1);
        fakes[i] = (struct fake){ .due_ms = 0 };
        assert_ok(address_parse(&fakes[i].address, text));
    }
    live(fakes, 1300, 13, &fewest, &most);
    /* 16 a second, so each is probed every 81 s */
    assert_in_range(fewest, 8, 10);
    assert_true(most - fewest <= 2);
}

static void members_of_one_address_share_it_fairly(void **)
{
    static struct fake fakes[400];
    unsigned fewest = 0, most = 0;
    for (unsigned i = 0; i < 400; i++) {
        fakes[i] = (struct fake){ .due_ms = 1 };
        assert_ok(address_parse(&fakes[i].address, "192.0.2.1"));
    }
    live(fakes, 400, 20, &fewest, &most);
    assert_in_range(fewest, 5, 6);
    assert_true(most - fewest <= 2);
}

static void the_longest_waiting_comes_first(void **)
{
    struct due_list list = { 0 };
    int what[3];
    due_sort(&list);
    due_add(&list, 30, &what[0]);
    due_add(&list, 10, &what[1]);
    due_add(&list, 20, &what[2]);
    due_sort(&list);
    assert_ptr_equal(list.items[0].what, &what[1]);
    assert_ptr_equal(list.items[2].what, &what[0]);
    due_clear(&list);
    assert_int_equal(list.count, 0);
    due_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_with_more_members_than_its_rate_starves_none),
        cmocka_unit_test(members_of_one_address_share_it_fairly),
        cmocka_unit_test(the_longest_waiting_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
