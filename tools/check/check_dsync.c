/* parent/dsync: where the parent zone takes NOTIFY for CDS (RFC 9859). */
#include <stdlib.h>

#include "tools/check/check_parent.h"

enum {
    SCHEME_NOTIFY = 1,
    NAMES = 2 /* that of the pool, and that of all children */
};

/* `<pool's labels>._dsync.<parent>`. False if it is too long. */
static bool name_of_pool(const struct check *check, const struct dname *all, struct dname *out)
{
    size_t front = (size_t)(check->pool.len - check->parent_zone.len);
    if (front + all->len > DNAME_MAX) {
        return false;
    }
    memcpy(out->wire, check->pool.wire, front);
    memcpy(out->wire + front, all->wire, all->len);
    out->len = (uint8_t)(front + all->len);
    return true;
}

/* The first record for NOTIFY of CDS. Its rdata is valid: type, scheme, port, target. */
static bool find(const struct dnsmessage *message, struct dname *target, uint16_t *port)
{
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section != DNS_ANSWER || record->type != RR_DSYNC) {
            continue;
        }
        struct reader r = reader_of(record->rdata, record->len);
        uint16_t type = read_u16(&r);
        uint8_t scheme = read_u8(&r);
        *port = read_u16(&r);
        dname_read(&r, target);
        if (!r.failed && type == RR_CDS && scheme == SCHEME_NOTIFY) {
            return true;
        }
    }
    return false;
}

static void judge(struct check *check, const struct dns_exchange *list, size_t count)
{
    bool found = false, denied = false;
    struct dname target;
    uint16_t port = 0;
    char text[DNAME_TEXT_MAX];
    for (size_t i = 0; i < count && !found; i++) {
        const struct dnsmessage *message = check_read(check, &list[i], NULL);
        bool good = message != NULL && (message->flags & DNSMESSAGE_AA) != 0;
        denied = denied || good;
        found = good && find(message, &target, &port);
    }
    if (found) {
        check_report(check, CHECK_DSYNC, CHECK_INFO, NULL,
                     "the parent takes NOTIFY for CDS at %.150s port %u", dname_text(&target, text),
                     port);
    } else if (denied) {
        check_report(check, CHECK_DSYNC, CHECK_INFO, NULL,
                     "the parent takes no NOTIFY: it looks for CDS by itself, or not at all");
    }
}

void check_dsync(struct check *check)
{
    struct dname names[NAMES];
    size_t count = (size_t)NAMES * check->parents.count;
    if (dname_prepend(&names[1], "_dsync", 6, &check->parent_zone) != RESULT_OK ||
        !name_of_pool(check, &names[1], &names[0])) {
        return;
    }
    struct dns_exchange *list = xcalloc(count, sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        list[i].server = check->parents.list[i % check->parents.count];
        list[i].query =
            (struct dns_query){ .name = names[i / check->parents.count], .type = RR_DSYNC };
    }
    check_ask(check, list, count);
    judge(check, list, count);
    dnsclient_free(list, count);
    free(list);
}
