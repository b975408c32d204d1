#include <string.h>

#include "tests/unit/unit.h"
#include "zone/base/unixsocket.h"

static void the_path_is_what_follows_the_prefix(void **)
{
    assert_string_equal(unixsocket_path("unix:/run/x.sock"), "/run/x.sock");
    assert_string_equal(unixsocket_path("unix:"), "");
    assert_null(unixsocket_path("unix"));
    assert_null(unixsocket_path("127.0.0.1@9153"));
    assert_null(unixsocket_path(""));
}

static void an_address_has_room_for_one_more_octet(void **)
{
    struct sockaddr_un address;
    struct diag diag = { "" };
    char path[UNIXSOCKET_PATH_MAX + 2] = "/";
    memset(path + 1, 'x', UNIXSOCKET_PATH_MAX - 1);
    assert_ok(unixsocket_address(&address, path, NULL));
    assert_string_equal(address.sun_path, path);
    assert_int_equal(address.sun_family, AF_UNIX);
    assert_int_equal(strlen(address.sun_path), sizeof(address.sun_path) - 2);
    path[UNIXSOCKET_PATH_MAX] = 'x';
    assert_int_equal(unixsocket_address(&address, path, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "at most 106 octets"));
}

static void the_paths_of_a_daemon_are_absolute(void **)
{
    struct diag diag = { "" };
    char path[UNIXSOCKET_PATH_MAX + 2] = "/";
    assert_ok(unixsocket_check("/run/x.sock", NULL));
    assert_int_equal(unixsocket_check("x.sock", &diag), RESULT_INVALID);
    assert_int_equal(unixsocket_check("", NULL), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "is absolute (/...), not \"x.sock\""));
    memset(path + 1, 'x', UNIXSOCKET_PATH_MAX);
    assert_int_equal(unixsocket_check(path, NULL), RESULT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_is_what_follows_the_prefix),
        cmocka_unit_test(an_address_has_room_for_one_more_octet),
        cmocka_unit_test(the_paths_of_a_daemon_are_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
