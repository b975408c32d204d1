#include "probe/web_dialog.h"
#include "tests/unit/unit.h"

static bool foreign(const char *head)
{
    char detail[NTS_DETAIL_ROOM];
    return web_serves_foreign(head, strlen(head), detail);
}

static void page_or_cookie_for_a_foreign_name_serves_it(void **)
{
    assert_true(foreign("HTTP/1.1 200 OK\r\n\r\n"));
    assert_true(foreign("HTTP/1.0 200 OK\r\nServer: x\r\n\r\n"));
    assert_true(foreign("HTTP/1.1 404 Not Found\r\nSet-Cookie: a=b\r\n\r\n"));
    assert_true(foreign("HTTP/1.1 301 Moved\r\nServer: x\r\nsET-cookie:a=b\r\n\r\n"));
}

static void errors_redirects_and_other_protocols_serve_nothing(void **)
{
    assert_false(foreign("HTTP/1.1 404 Not Found\r\n\r\n"));
    assert_false(foreign("HTTP/1.1 421 Misdirected Request\r\nX-Set-Cookie: a=b\r\n\r\n"));
    assert_false(foreign("HTTP/1.1 301 Moved\r\nLocation: https://example.net/\r\n\r\n"));
    assert_false(foreign("SSH-2.0-OpenSSH_9.2\r\n"));
    assert_false(foreign(""));
}

static void body_is_not_read(void **)
{
    assert_false(foreign("HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n\nSet-Cookie: a=b\r\n"));
}

static void every_prefix_is_read_within_its_bounds(void **)
{
    static const char whole[] = "HTTP/1.1 404 Not Found\r\nSet-Cookie: a=b\r\n\r\n";
    for (size_t len = 0; len < sizeof(whole); len++) {
        char *copy = malloc(len + 1); /* one for malloc(0); the sanitizer guards what follows */
        assert_non_null(copy);
        memcpy(copy + 1, whole, len);
        char detail[NTS_DETAIL_ROOM];
        assert_int_equal(web_serves_foreign(copy + 1, len, detail),
                         len >= sizeof("HTTP/1.1 404 Not Found\r\nSet-Cookie:") - 1);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_or_cookie_for_a_foreign_name_serves_it),
        cmocka_unit_test(errors_redirects_and_other_protocols_serve_nothing),
        cmocka_unit_test(body_is_not_read),
        cmocka_unit_test(every_prefix_is_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
