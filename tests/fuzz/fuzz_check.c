/* Any octets as the responses to all questions of `ntspool check`: its judges end, stay inside of
 * what they were given. The input is a row of
 * messages, each with its length in front; the questions take them in turn. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/check/check_delegation.h"
#include "tools/check/check_srv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MESSAGES_MAX = 16
};

static struct {
    size_t count, next;
    const uint8_t *data[MESSAGES_MAX];
    size_t len[MESSAGES_MAX];
} messages;

static void split(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(data, size);
    messages.count = messages.next = 0;
    while (reader_left(&r) >= 2 && messages.count < MESSAGES_MAX) {
        size_t len = read_u16(&r);
        len = len < reader_left(&r) ? len : reader_left(&r);
        messages.data[messages.count] = read_octets(&r, len);
        messages.len[messages.count++] = len;
    }
}

/* In place of tools/check/check_ask.c. */
void check_ask(struct check *check, struct dns_exchange *list, size_t count)
{
    (void)check;
    for (size_t i = 0; i < count; i++) {
        size_t at = messages.next++ % (messages.count + 1);
        list[i].error = at == messages.count ? ETIMEDOUT : 0;
        if (list[i].error == 0) {
            list[i].data = xmalloc(messages.len[at] + 1);
            list[i].len = messages.len[at];
            memcpy(list[i].data, messages.data[at], messages.len[at]);
        }
    }
}

/* In place of the C library's: the serial is asked for again at once. */
unsigned sleep(unsigned seconds) /* NOLINT(readability-inconsistent-declaration-parameter-name) */
{
    return 0 * seconds;
}

static struct check *check_of(void)
{
    struct check *check = xcalloc(1, sizeof(*check));
    const struct address address = address_from_ipv4((const uint8_t[4]){ 192, 0, 2, 1 });
    check->message = xmalloc(sizeof(*check->message));
    CHECK(dname_parse(&check->pool, "pool.test.", NULL) == RESULT_OK);
    CHECK(dname_parse(&check->service, "_ntske._tcp.pool.test.", NULL) == RESULT_OK);
    check->now = 1800000000;
    check->end_ms = UINT64_MAX;
    check->options.roots.count = check->options.resolvers.count = 1;
    check->options.roots.list[0].address = check->options.resolvers.list[0].address = address;
    check->options.subnet_count = 1;
    check->options.subnets[0] =
        (struct dns_subnet){ .present = true, .address = address, .source_bits = 24 };
    return check;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct check *check = check_of();
    unsigned tally[CHECK_LEVELS];
    split(data, size);
    check_delegation(check);
    ASSERT(check->server_count <= CHECK_SERVERS_MAX);
    ASSERT(check->parents.count <= CHECK_ADDRESSES_MAX);
    if (check->server_count == 0) { /* else little would be judged */
        check->servers[check->server_count++].name = check->pool;
        check->parents = check->options.roots;
        check->parent_zone = dname_parent(&check->pool, 1);
    }
    check_parent(check);
    check_servers(check);
    check_steering(check);
    ASSERT(check->findings.count > 0 && check->findings.count <= CHECK_FINDINGS_MAX);
    check_tally(&check->findings, tally);
    check_srv_free(check->srv);
    free(check->message);
    free(check);
    return 0;
}
