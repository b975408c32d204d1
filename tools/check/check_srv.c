#include "tools/check/check_srv.h"

#include <stdlib.h>
#include <strings.h>

#include <sodium.h>

size_t check_srv_target(struct check *check, struct srv_view *view, const struct dname *name,
                        uint16_t port)
{
    for (size_t i = 0; i < view->target_count; i++) {
        if (view->targets[i].port == port && dname_equal(&view->targets[i].name, name)) {
            return i;
        }
    }
    if (view->target_count == view->target_room) {
        view->target_room = 2 * view->target_room + 32;
        view->targets = xrealloc(view->targets, view->target_room * sizeof(view->targets[0]));
    }
    view->targets[view->target_count] = (struct srv_target){
        .name = *name, .port = port, .inside = dname_under(name, &check->pool)
    };
    return view->target_count++;
}

/* The rdata is valid: it was checked when the message was read. */
static void take_record(struct check *check, struct srv_view *view, struct srv_answer *answer,
                        const struct dns_record *record)
{
    struct reader r = reader_of(record->rdata, record->len);
    struct dname target;
    (void)read_u32(&r);
    uint16_t port = read_u16(&r);
    dname_read(&r, &target);
    answer->ttl = record->ttl;
    if (target.len == 1) {
        answer->none = true;
    } else if (answer->count < SRV_TARGETS_MAX) {
        size_t index = check_srv_target(check, view, &target, port);
        if (index < UINT16_MAX) {
            view->targets[index].handed_out = true;
            answer->targets[answer->count++] = (uint16_t)index;
        }
    }
}

static void take_answer(struct check *check, struct srv_view *view, struct srv_answer *answer,
                        const struct dns_exchange *exchange)
{
    struct diag why;
    const struct dnsmessage *message = check_read(check, exchange, &why);
    answer->came = message != NULL;
    for (unsigned i = 0; message != NULL && i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section == DNS_ANSWER && record->type == RR_SRV &&
            dname_equal(&record->owner, &check->service)) {
            take_record(check, view, answer, record);
        }
    }
    if (message != NULL) {
        answer->rcode = message->rcode;
        answer->subnet = message->edns.subnet;
    }
}

static struct dns_exchange question(const struct check *check, unsigned server,
                                    const struct dname *name, uint16_t type,
                                    const struct dns_subnet *subnet)
{
    struct dns_exchange exchange = check_question(&check->servers[server], name, type);
    exchange.query.subnet = *subnet;
    return exchange;
}

/* Leaves out servers that gave no answer for a subnet: each query to them takes seconds. */
static void drop_silent(struct check *check, struct srv_view *view,
                        const struct srv_answer *answers, const struct dns_exchange *list)
{
    unsigned kept = 0;
    for (unsigned s = 0; s < view->server_count; s++) {
        struct silent_server silent = { .server = view->servers[s] };
        bool came = false;
        for (unsigned i = 0; i < view->rounds && !came; i++) {
            if (answers[i].server == silent.server) {
                came = check_read(check, &list[i], &silent.why) != NULL;
            }
        }
        if (came) {
            view->servers[kept++] = silent.server;
        } else {
            view->silent[view->silent_count++] = silent;
        }
    }
    view->server_count = kept;
}

/* So many queries would meet the rate limit: with a cookie they do not. The group servers may have
 * taken cookies already. Who gives no answer is left out. */
static void take_cookies(struct check *check, struct srv_view *view)
{
    enum {
        CLIENT_LEN = 8 /* RFC 7873 4 */
    };
    struct dns_exchange list[CHECK_SERVERS_MAX];
    for (unsigned i = 0; i < check->server_count; i++) {
        struct dns_cookie *cookie = &check->servers[i].cookie;
        if (cookie->len == 0) {
            cookie->len = CLIENT_LEN;
            randombytes_buf(cookie->octets, CLIENT_LEN);
        }
        list[i] = check_question(&check->servers[i], &check->pool, RR_SOA);
    }
    check_ask(check, list, check->server_count);
    for (unsigned i = 0; i < check->server_count; i++) {
        struct silent_server silent = { .server = (uint8_t)i };
        const struct dnsmessage *message = check_read(check, &list[i], &silent.why);
        struct dns_cookie *cookie = &check->servers[i].cookie;
        if (message != NULL && message->edns.cookie.len > CLIENT_LEN &&
            memcmp(message->edns.cookie.octets, cookie->octets, CLIENT_LEN) == 0) {
            *cookie = message->edns.cookie;
        }
        if (message != NULL) {
            view->servers[view->server_count++] = (uint8_t)i;
        } else if (list[i].no_route) {
            view->away_count++;
        } else {
            view->silent[view->silent_count++] = silent;
        }
    }
    dnsclient_free(list, check->server_count);
}

static void ask_subnet(struct check *check, struct srv_view *view, unsigned subnet)
{
    struct dns_exchange *list = xcalloc(view->rounds, sizeof(*list));
    struct srv_answer *answers = &view->answers[(size_t)subnet * view->rounds];
    for (unsigned i = 0; i < view->rounds; i++) {
        answers[i].server = view->servers[i % view->server_count];
        list[i] = question(check, answers[i].server, &check->service, RR_SRV,
                           &check->options.subnets[subnet]);
    }
    check_ask(check, list, view->rounds);
    for (unsigned i = 0; i < view->rounds; i++) {
        take_answer(check, view, &answers[i], &list[i]);
    }
    drop_silent(check, view, answers, list);
    dnsclient_free(list, view->rounds);
    free(list);
}

/* The subnet of all clients, which says that the client's own is not told (RFC 7871 7.1.2), and
 * SRV records where none belong. */
static void ask_beside(struct check *check, struct srv_view *view)
{
    const struct dns_subnet everybody[] = {
        { .present = true, .address = address_from_ipv4((uint8_t[4]){ 0 }) },
        { .present = true },
    };
    struct dns_exchange list[3 * CHECK_SERVERS_MAX];
    unsigned count = view->server_count;
    for (unsigned i = 0; i < count; i++) {
        uint8_t server = view->servers[i];
        list[i] = question(check, server, &check->service, RR_SRV, &everybody[0]);
        list[count + i] = question(check, server, &check->service, RR_SRV, &everybody[1]);
        list[2 * count + i] = check_question(&check->servers[server], &check->pool, RR_SRV);
    }
    check_ask(check, list, 3 * (size_t)count);
    for (unsigned i = 0; i < 2 * count; i++) {
        view->everybody[i].server = view->servers[i % count];
        take_answer(check, view, &view->everybody[i], &list[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        struct diag why;
        const struct dnsmessage *message = check_read(check, &list[2 * count + i], &why);
        view->at_apex[i] =
            message != NULL && dnsmessage_find(message, 0, DNS_ANSWER, RR_SRV) != NULL;
    }
    dnsclient_free(list, 3 * (size_t)count);
}

/* -- addresses and CAA -- */

static void take_address(struct srv_target *target, const struct dns_record *record)
{
    struct address address;
    if (record->len == 4) {
        address = address_from_ipv4(record->rdata);
    } else {
        memcpy(address.octets, record->rdata, sizeof(address.octets));
    }
    if (target->count < MEMBER_ADDRESSES_MAX) {
        target->addresses[target->count++] = address;
    }
}

static bool has_text(const uint8_t *value, size_t len, const char *text)
{
    return memmem(value, len, text, strlen(text)) != NULL;
}

/* `0 issue "ca.example; accounturi=..."`. An issuer of no name forbids (RFC 8659 4.2). */
static void take_caa(struct caa_seen *caa, const struct dns_record *record)
{
    struct reader r = reader_of(record->rdata, record->len);
    (void)read_u8(&r);
    size_t len = read_u8(&r);
    const uint8_t *tag = read_octets(&r, len);
    size_t value_len = reader_left(&r);
    const uint8_t *value = read_octets(&r, value_len);
    if (r.failed || len != 5 || strncasecmp((const char *)tag, "issue", len) != 0) {
        return;
    }
    size_t blank = 0;
    while (blank < value_len && (value[blank] == ' ' || value[blank] == '\t')) {
        blank++;
    }
    bool open = blank < value_len && value[blank] != ';';
    caa->there = true;
    caa->open |= open;
    caa->usable |= open && (!has_text(value, value_len, "validationmethods=") ||
                            has_text(value, value_len, "http-01") ||
                            has_text(value, value_len, "tls-alpn-01"));
    caa->account |= has_text(value, value_len, "accounturi=");
}

static const uint16_t lookup_types[] = { RR_A, RR_AAAA, RR_CAA };
enum {
    LOOKUP_TYPES = 3,
    LOOKUP_BATCH = 16 /* targets */
};

static void take_lookup(struct check *check, struct srv_target *target,
                        const struct dns_exchange *exchange)
{
    struct diag why;
    const struct dnsmessage *message = check_read(check, exchange, &why);
    if (message == NULL) {
        target->rcode = target->rcode != 0 ? target->rcode : DNS_SERVFAIL;
        return;
    }
    target->looked_up = true;
    target->rcode = message->rcode != 0 ? message->rcode : target->rcode;
    target->scoped |= message->edns.subnet.present && message->edns.subnet.scope_bits > 0;
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section != DNS_ANSWER || !dname_equal(&record->owner, &target->name)) {
            continue;
        }
        target->alias |= record->type == RR_CNAME;
        if (record->type == exchange->query.type && record->type == RR_CAA) {
            take_caa(&target->caa, record);
        } else if (record->type == exchange->query.type) {
            take_address(target, record);
        }
    }
    struct dns_rrset *caa = xmalloc(sizeof(*caa));
    if (dnsmessage_rrset(message, DNS_ANSWER, &target->name, RR_CAA, caa)) {
        check_digest(&caa->set, target->caa.digest);
    }
    free(caa);
}

/* Looks up to LOOKUP_BATCH targets up, at one server each. */
static void lookup_batch(struct check *check, struct srv_view *view, const size_t *which,
                         size_t count)
{
    struct dns_exchange list[LOOKUP_BATCH * LOOKUP_TYPES];
    for (size_t i = 0; i < count * LOOKUP_TYPES; i++) {
        size_t target = which[i / LOOKUP_TYPES];
        list[i] =
            question(check, view->servers[target % view->server_count], &view->targets[target].name,
                     lookup_types[i % LOOKUP_TYPES], &check->options.subnets[0]);
    }
    check_ask(check, list, count * LOOKUP_TYPES);
    for (size_t i = 0; i < count * LOOKUP_TYPES; i++) {
        take_lookup(check, &view->targets[which[i / LOOKUP_TYPES]], &list[i]);
    }
    dnsclient_free(list, count * LOOKUP_TYPES);
}

void check_srv_lookup(struct check *check, struct srv_view *view)
{
    size_t which[LOOKUP_BATCH], count = 0;
    for (size_t i = 0; view->server_count > 0 && i < view->target_count; i++) {
        if (view->targets[i].inside && !view->targets[i].looked_up) {
            which[count++] = i;
        }
        if (count == LOOKUP_BATCH) {
            lookup_batch(check, view, which, count);
            count = 0;
        }
    }
    if (count > 0) {
        lookup_batch(check, view, which, count);
    }
}

const struct srv_view *check_srv(struct check *check)
{
    if (check->srv != NULL) {
        return check->srv;
    }
    struct srv_view *view = check->srv = xcalloc(1, sizeof(*view));
    take_cookies(check, view);
    if (view->server_count == 0) {
        return view;
    }
    unsigned least = SRV_SERVERS_EACH * view->server_count;
    view->rounds = least > SRV_ROUNDS ? least : SRV_ROUNDS;
    view->subnet_count = check->options.subnet_count;
    view->answers =
        xcalloc((size_t)view->subnet_count * view->rounds + 1, sizeof(view->answers[0]));
    for (unsigned i = 0; view->server_count > 0 && i < view->subnet_count; i++) {
        ask_subnet(check, view, i);
    }
    ask_beside(check, view);
    check_srv_lookup(check, view);
    return view;
}

void check_srv_free(struct srv_view *view)
{
    if (view != NULL) {
        free(view->answers);
        free(view->targets);
        free(view);
    }
}
