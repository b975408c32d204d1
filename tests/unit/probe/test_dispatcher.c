#include "probe/dispatcher.h"
#include "probe/limits.h"
#include "tests/unit/unit.h"
#include "zone/base/clock.h"

enum {
    MEMBERS = 4,
    INTERVAL_MS = 64000
};

/* Members with one private address each, whose probes end at once. */
struct world {
    uv_loop_t loop;
    struct probe_context context;
    struct member_table table;
    struct probed_member *members[MEMBERS];
    struct dispatcher dispatcher;
    struct tls_trust *trust;
    unsigned ended;
};

static void probe_ended(struct probed_address *probed, const struct outcome *outcome, void *arg)
{
    struct world *world = arg;
    assert_int_equal(outcome->failure, FAILURE_ADDRESS);
    dispatcher_probed(&world->dispatcher, probed);
    world->ended++;
}

static void world_open(struct world *world, bool once)
{
    *world = (struct world){ .context = { .loop = &world->loop, .probed = probe_ended } };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    struct diag diag = { "" };
    assert_ok(tls_trust_new(&world->trust, NULL, &diag));
    world->context.arg = world;
    world->table = (struct member_table){ .context = &world->context,
                                          .members = world->members,
                                          .member_count = MEMBERS };
    world->dispatcher = (struct dispatcher){
        .table = &world->table, .trust = world->trust, .interval_ms = INTERVAL_MS, .once = once
    };
    dispatcher_init(&world->dispatcher);
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        (void)snprintf(text, sizeof(text), "10.0.%u.1", i);
        assert_ok(address_parse(&address, text));
        world->members[i] = probed_member_new(&world->context, i + 1);
        probed_member_set_addresses(world->members[i], &address, 1);
        dispatcher_member_changed(&world->dispatcher, world->members[i], true);
    }
}

static void world_close(struct world *world)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        probed_member_free(world->members[i]);
    }
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->context.in_flight, 0);
    dispatcher_done(&world->dispatcher);
    tls_trust_free(world->trust);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static struct probed_address *probed_at(struct world *world, unsigned i)
{
    return &world->members[i]->probed_addresses[0];
}

static void longest_waiting_start_first_within_the_bound(void **)
{
    struct world world;
    world_open(&world, false);
    uint64_t now_ms = clock_steady_ms();
    for (unsigned i = 0; i < MEMBERS; i++) {
        probed_at(&world, i)->due_ms = now_ms - i;
    }
    world.dispatcher.in_flight_max = 2;
    dispatcher_start_due(&world.dispatcher, now_ms);
    assert_int_equal(world.context.in_flight, 2);
    assert_non_null(probed_at(&world, MEMBERS - 1)->run);
    assert_non_null(probed_at(&world, MEMBERS - 2)->run);
    dispatcher_start_due(&world.dispatcher, now_ms);
    assert_int_equal(world.context.in_flight, 2);
    world_close(&world);
    assert_int_equal(world.ended, 0); /* they were cancelled */
}

static void probed_address_is_due_again_after_the_interval(void **)
{
    struct world world;
    world_open(&world, false);
    uint64_t before_ms = clock_steady_ms();
    dispatcher_start_due(&world.dispatcher, before_ms);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_int_equal(world.ended, MEMBERS);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_in_range(probed_at(&world, i)->due_ms, before_ms + INTERVAL_MS,
                        clock_steady_ms() + INTERVAL_MS * 6 / 5);
    }
    assert_false(dispatcher_is_idle(&world.dispatcher));
    world_close(&world);
}

static void once_ends_when_each_address_was_probed(void **)
{
    struct world world;
    world_open(&world, true);
    assert_false(dispatcher_is_idle(&world.dispatcher));
    dispatcher_start_due(&world.dispatcher, clock_steady_ms());
    assert_false(dispatcher_is_idle(&world.dispatcher));
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_true(dispatcher_is_idle(&world.dispatcher));
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_waiting_start_first_within_the_bound),
        cmocka_unit_test(probed_address_is_due_again_after_the_interval),
        cmocka_unit_test(once_ends_when_each_address_was_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
