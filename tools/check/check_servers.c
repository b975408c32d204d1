/* The group "servers": every address of every name server. */
#include "tools/check/check.h"

void check_servers(struct check *check)
{
    struct dns_exchange list[2 * CHECK_SERVERS_MAX];
    for (unsigned i = 0; i < 2 * check->server_count; i++) {
        list[i] = check_question(&check->servers[i / 2], &check->pool, RR_SOA);
        list[i].tcp = i % 2 == 1;
    }
    dnsclient_run(list, 2 * check->server_count);
    for (unsigned i = 0; i < 2 * check->server_count; i++) {
        char subject[CHECK_SUBJECT_ROOM];
        struct diag why = { "" };
        (void)check_server_text(&check->servers[i / 2], subject);
        if (check_read(check, &list[i], &why) == NULL) {
            check_fail(check, i % 2 == 1 ? CHECK_TCP : CHECK_UDP, subject, "%s", why.text);
        }
    }
    check_done(check, CHECK_UDP, "%u addresses answer", check->server_count);
    check_done(check, CHECK_TCP, "%u addresses answer", check->server_count);
    dnsclient_free(list, 2 * check->server_count);
}
