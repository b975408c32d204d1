/* The only place from which name servers are asked: unit tests put made answers in its place. */
#include "tools/check/check.h"

void check_ask(struct check *check, struct dns_exchange *list, size_t count)
{
    const struct dns_limits limits = { .wait_ms = check->options.wait_s * 1000,
                                       .total_ms = check_time_left_ms(check) };
    dnsclient_run(list, count, limits);
    (void)check_time_left_ms(check);
}
