#include "tools/check/check_delegation.h"

#include <netdb.h>
#include <stdlib.h>

enum {
    DEPTH_MAX = 12, /* zones from the root to the parent */
    AT_ONCE = 4,    /* servers of a zone that are asked */
    DNS_PORT = 53
};

static void add_address(struct endpoints *out, const struct address *address)
{
    for (unsigned i = 0; i < out->count; i++) {
        if (address_equal(&out->list[i].address, address)) {
            return;
        }
    }
    if (out->count < CHECK_ADDRESSES_MAX) {
        out->list[out->count++] = (struct endpoint){ *address, DNS_PORT };
    }
}

/* The addresses of a host in one section of a message. */
static void take_addresses(const struct dnsmessage *message, enum dns_section section,
                           const struct dname *host, struct endpoints *out)
{
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        struct address address;
        if (record->section != section || !dname_equal(&record->owner, host)) {
            continue;
        }
        if (record->type == RR_A) {
            address = address_from_ipv4(record->rdata);
            add_address(out, &address);
        } else if (record->type == RR_AAAA) {
            memcpy(address.octets, record->rdata, sizeof(address.octets));
            add_address(out, &address);
        }
    }
}

/* By the C library, which asks the resolvers of the system. */
static void look_up_locally(const struct dname *host, struct endpoints *out)
{
    char text[DNAME_TEXT_MAX];
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    struct addrinfo *list = NULL;
    if (getaddrinfo(dname_text(host, text), NULL, &hints, &list) != 0) {
        return;
    }
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        struct endpoint endpoint;
        if (endpoint_of_sockaddr(&endpoint, at->ai_addr) == RESULT_OK) {
            add_address(out, &endpoint.address);
        }
    }
    freeaddrinfo(list);
}

void check_resolve(struct check *check, const struct dname *host, struct endpoints *out)
{
    if (check_time_left_ms(check) == 0) {
        return;
    }
    if (check->options.resolvers.count == 0) {
        look_up_locally(host, out);
        return;
    }
    struct dns_exchange list[2] = { 0 };
    for (unsigned i = 0; i < 2; i++) {
        list[i].server = check->options.resolvers.list[0];
        list[i].query = (struct dns_query){ .name = *host,
                                            .type = i == 0 ? RR_A : RR_AAAA,
                                            .flags = DNSMESSAGE_RD };
    }
    check_ask(check, list, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct dnsmessage *message = check_read(check, &list[i], NULL);
        if (message != NULL) {
            take_addresses(message, DNS_ANSWER, host, out);
        }
    }
    dnsclient_free(list, 2);
}

static void add_server(struct check *check, const struct dname *name,
                       const struct endpoint *endpoint, bool delegated)
{
    for (unsigned i = 0; i < check->server_count; i++) {
        if (dname_equal(&check->servers[i].name, name) &&
            address_equal(&check->servers[i].endpoint.address, &endpoint->address)) {
            check->servers[i].delegated |= delegated;
            return;
        }
    }
    if (check->server_count < CHECK_SERVERS_MAX) {
        check->servers[check->server_count++] =
            (struct check_server){ .name = *name, .endpoint = *endpoint, .delegated = delegated };
    }
}

/* The hosts of NS records, and where to ask them: glue, else by a resolver. */
struct hosts {
    struct dname owner; /* the zone; len 0: no NS records */
    unsigned count;
    struct dname names[CHECK_ADDRESSES_MAX];
    struct endpoints addresses[CHECK_ADDRESSES_MAX];
};

static void take_hosts(const struct dnsmessage *message, enum dns_section section,
                       struct hosts *out)
{
    const struct dns_record *first = dnsmessage_find(message, 0, section, RR_NS);
    out->owner.len = 0;
    out->count = 0;
    if (first == NULL) {
        return;
    }
    out->owner = first->owner;
    for (unsigned i = 0; i < message->count && out->count < CHECK_ADDRESSES_MAX; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section != section || record->type != RR_NS ||
            !dname_equal(&record->owner, &out->owner)) {
            continue;
        }
        struct reader r = reader_of(record->rdata, record->len);
        dname_read(&r, &out->names[out->count]);
        out->addresses[out->count].count = 0;
        take_addresses(message, DNS_ADDITIONAL, &out->names[out->count],
                       &out->addresses[out->count]);
        out->count++;
    }
}

/* What servers of a zone say of the pool: a referral, or NS records with authority. `*away` counts
 * servers to which there is no route. */
static bool ask_zone(struct check *check, const struct endpoints *zone, const struct dname *apex,
                     struct hosts *out, unsigned *away)
{
    bool found = false;
    *away = 0;
    for (unsigned from = 0; from < zone->count && !found; from += AT_ONCE) {
        struct dns_exchange list[AT_ONCE] = { 0 };
        unsigned count = zone->count - from < AT_ONCE ? zone->count - from : AT_ONCE;
        for (unsigned i = 0; i < count; i++) {
            list[i].server = zone->list[from + i];
            list[i].query = (struct dns_query){ .name = check->pool, .type = RR_NS };
        }
        check_ask(check, list, count);
        for (unsigned i = 0; i < count && !found; i++) {
            const struct dnsmessage *message = check_read(check, &list[i], NULL);
            *away += list[i].no_route ? 1 : 0;
            if (message == NULL || message->rcode != DNS_NOERROR) {
                continue;
            }
            bool with_authority = (message->flags & DNSMESSAGE_AA) != 0;
            take_hosts(message, with_authority ? DNS_ANSWER : DNS_AUTHORITY, out);
            /* Downwards only, so the walk ends. */
            found = out->owner.len > apex->len && dname_under(&check->pool, &out->owner);
        }
        dnsclient_free(list, count);
    }
    return found;
}

static void resolve_hosts(struct check *check, struct hosts *hosts, bool inside_too)
{
    for (unsigned i = 0; i < hosts->count; i++) {
        bool inside = dname_under(&hosts->names[i], &check->pool);
        if (hosts->addresses[i].count == 0 && (inside_too || !inside)) {
            check_resolve(check, &hosts->names[i], &hosts->addresses[i]);
        }
    }
}

/* From the root, or the servers of --parent, down to the pool's own servers. */
static void walk(struct check *check, struct hosts *hosts)
{
    struct dname apex = { .len = 1 };
    struct endpoints zone =
        check->options.parents.count > 0 ? check->options.parents : check->options.roots;
    unsigned away = 0;
    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        check->parents = zone;
        if (!ask_zone(check, &zone, &apex, hosts, &away)) {
            char text[DNAME_TEXT_MAX];
            check_fail(check, CHECK_DELEGATION, NULL,
                       away < zone.count
                           ? "none of the %u servers of %.120s refers to name servers of the pool"
                           : "this machine has no way to any of the %u servers of %.120s",
                       zone.count,
                       check->options.parents.count > 0 ? "the parent" : dname_text(&apex, text));
            hosts->count = 0;
            return;
        }
        bool last = dname_equal(&hosts->owner, &check->pool);
        check->parent_zone =
            check->options.parents.count > 0 ? dname_parent(&check->pool, 1) : apex;
        resolve_hosts(check, hosts, !last);
        if (last) {
            return;
        }
        apex = hosts->owner;
        zone.count = 0;
        for (unsigned i = 0; i < hosts->count; i++) {
            for (unsigned k = 0; k < hosts->addresses[i].count; k++) {
                add_address(&zone, &hosts->addresses[i].list[k].address);
            }
        }
    }
    check_fail(check, CHECK_DELEGATION, NULL, "it is more than %d zones below the root", DEPTH_MAX);
    hosts->count = 0;
}

/* Name servers that the pool itself names, and the parent does not. */
static void add_own(struct check *check, struct hosts *hosts)
{
    struct endpoints known = { 0 };
    for (unsigned i = 0; i < check->server_count && known.count < CHECK_ADDRESSES_MAX; i++) {
        known.list[known.count++] = check->servers[i].endpoint;
    }
    const struct dname none = { .len = 0 };
    unsigned away = 0;
    if (!ask_zone(check, &known, &none, hosts, &away)) {
        return;
    }
    resolve_hosts(check, hosts, false);
    for (unsigned i = 0; i < hosts->count; i++) {
        for (unsigned k = 0; k < hosts->addresses[i].count; k++) {
            add_server(check, &hosts->names[i], &hosts->addresses[i].list[k], false);
        }
    }
}

void check_delegation(struct check *check)
{
    struct hosts *hosts = xcalloc(1, sizeof(*hosts));
    bool named = check->server_count > 0;
    /* With --server alone the parent is left out. */
    if (!named || check->options.parents.count > 0) {
        walk(check, hosts);
    }
    for (unsigned i = 0; i < hosts->count && !named; i++) {
        char text[DNAME_TEXT_MAX];
        if (hosts->addresses[i].count == 0) {
            bool inside = dname_under(&hosts->names[i], &check->pool);
            check_fail(check, inside ? CHECK_GLUE : CHECK_LAME, NULL, "%.120s has no address",
                       dname_text(&hosts->names[i], text));
        }
        for (unsigned k = 0; k < hosts->addresses[i].count; k++) {
            add_server(check, &hosts->names[i], &hosts->addresses[i].list[k], true);
        }
    }
    if (!named) {
        add_own(check, hosts);
    }
    free(hosts);
}
