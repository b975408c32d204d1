#include "probe/dialog.h"
#include "tests/unit/unit.h"

struct own {
    struct dialog base;
    uv_idle_t socket; /* any handle will do */
    uv_check_t check;
    unsigned timed_out, ended, polls;
};

static void timed_out(void *arg)
{
    struct own *own = arg;
    own->timed_out++;
    assert_true(dialog_end(&own->base));
    assert_false(dialog_end(&own->base));
    assert_int_equal(own->ended, 0);
}

static void ended(void *arg)
{
    struct own *own = arg;
    own->ended++;
}

static void polled(uv_check_t *check)
{
    struct own *own = check->data;
    own->polls++;
    assert_int_equal(own->timed_out, 0);
    uv_check_stop(check);
}

static void run(struct own *own, unsigned limit_ms, bool has_socket)
{
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    uv_check_init(&loop, &own->check);
    own->check.data = own;
    uv_check_start(&own->check, polled);
    dialog_begin(&own->base, &loop, timed_out, ended);
    if (has_socket) {
        uv_idle_init(&loop, &own->socket);
        dialog_own_socket(&own->base, (uv_handle_t *)&own->socket);
    }
    dialog_set_limit(&own->base, limit_ms);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&own->check, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void sockets_are_read_once_more_before_a_dialog_times_out(void **)
{
    struct own own = { .polls = 0 };
    run(&own, 0, true);
    assert_int_equal(own.polls, 1);
    assert_int_equal(own.timed_out, 1);
}

static void dialog_ends_once_with_a_socket_or_without(void **)
{
    for (unsigned i = 0; i < 2; i++) {
        struct own own = { .polls = 0 };
        run(&own, 1, i == 1);
        assert_int_equal(own.ended, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_read_once_more_before_a_dialog_times_out),
        cmocka_unit_test(dialog_ends_once_with_a_socket_or_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
