/* changer: commits RATE changes a second to a pool while its nameserver answers. Each commit adds a
 * member or removes one added earlier, in turn. The program queries each name until the answer
 * shows the change. It also queries SRV sets: new members must appear, removed ones must not.
 * Prints one line of JSON:
 *   - the number of changes;
 *   - the longest time until a name showed its change, and how many names never did;
 *   - the longest time until a new member was in a set, and how many members never were;
 *   - the longest time from a removal to a query whose set still had the member;
 *   - the queries per second.
 *
 * use: changer STATE PORT RATE SECONDS */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "zone/registry/registry.h"

enum {
    MEMBERS_MAX = 32768,
    ALIVE = 100, /* a member is removed once this many newer ones exist */
    /* Countries of the new members. Each has few members, so that a set shows many of them. */
    COUNTRIES = 10,
    ASK_AGAIN_MS = 20,   /* for a name that does not show its change yet */
    SRV_EVERY_US = 1000, /* one set at a time, countries in turn */
    GIVE_UP_SECONDS = 5, /* after the last change */
};

/* Countries without other members. */
static const char *const countries[COUNTRIES] = { "IS", "EE", "LV", "LT", "LU",
                                                  "MT", "CY", "SI", "HR", "RS" };

/* A member that is added and removed. Times in seconds; 0: not yet. */
struct subject {
    double added, add_named, add_dealt, removed, remove_named, asked;
};

struct changer {
    struct store *store;
    int fd;
    unsigned added, removed, asked;
    double began;
    /* time from a removal to the last query whose set still had the member; 0: no set had it */
    double latest;
    struct subject subjects[MEMBERS_MAX];
    double srv_asked[COUNTRIES]; /* time of the query in flight */
};

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void new_member(struct member *member, unsigned number)
{
    char address[32];
    member_defaults(member);
    (void)snprintf(member->label, sizeof(member->label), "change%u", number);
    (void)snprintf(address, sizeof(address), "10.%u.%u.1", number >> 8 & 255, number & 255);
    memcpy(member->country, countries[number % COUNTRIES], sizeof(member->country));
    member->override = OVERRIDE_ELIGIBLE;
    ASSERT(address_parse(&member->addresses[member->address_count++], address) == RESULT_OK);
}

static void change_one(struct changer *c, unsigned number, bool add)
{
    struct store_txn *txn = NULL;
    struct diag diag = { "" };
    struct registry_change change;
    struct member member;
    uint64_t now = (uint64_t)time(NULL);
    new_member(&member, number);
    enum result result = store_write(c->store, &txn, &diag);
    if (result == RESULT_OK) {
        registry_begin(&change, txn, now, &diag);
        result = add ? registry_add(&change, &member, true)
                     : registry_remove(&change, member.label, now);
    }
    if (result != RESULT_OK || registry_commit(&change) != RESULT_OK) {
        (void)fprintf(stderr, "changer: %s\n", diag.text);
        exit(1);
    }
    *(add ? &c->subjects[number].added : &c->subjects[number].removed) = seconds();
}

/* Message IDs up to MEMBERS_MAX belong to member names, IDs above to the countries' SRV sets. */
static void ask(struct changer *c, unsigned id, const char *text, uint16_t type)
{
    uint8_t query[160];
    struct dname name;
    ASSERT(dname_parse(&name, text, NULL) == RESULT_OK);
    struct writer w = writer_of(query, sizeof(query));
    write_u16(&w, (uint16_t)id);
    write_octets(&w, "\0\0\0\1\0\0\0\0", 8);
    write_u16(&w, 0);
    dname_write(&w, &name);
    write_u16(&w, type);
    write_u16(&w, 1);
    (void)!send(c->fd, query, w.at, 0);
    c->asked++;
}

static void ask_name(struct changer *c, unsigned number)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "change%u.pool.test", number);
    c->subjects[number].asked = seconds();
    ask(c, number, text, RR_A);
}

/* Each country has one query in flight, so that its time is known when the answer arrives. */
static void ask_srv(struct changer *c, unsigned country)
{
    if (c->srv_asked[country] > seconds() - 1) {
        return;
    }
    c->srv_asked[country] = seconds();
    char text[64];
    (void)snprintf(text, sizeof(text), "_ntske._tcp.%s.pool.test", countries[country]);
    ask(c, MEMBERS_MAX + country, text, RR_SRV);
}

static bool waits_for_name(const struct subject *subject)
{
    return subject->removed != 0 ? subject->remove_named == 0
                                 : subject->added != 0 && subject->add_named == 0;
}

static void name_answered(struct subject *subject, unsigned rcode)
{
    if (subject->removed != 0 && subject->remove_named == 0 && rcode == 3) {
        subject->remove_named = seconds();
    } else if (subject->removed == 0 && subject->add_named == 0 && rcode == 0) {
        subject->add_named = seconds();
    }
}

/* SRV targets are not compressed (RFC 2782), so their first labels are easy to find. */
static void srv_answered(struct changer *c, unsigned country, const uint8_t *reply, size_t len)
{
    static const char prefix[] = "change";
    const uint8_t *at = reply, *end = reply + len;
    while ((at = memmem(at, (size_t)(end - at), prefix, sizeof(prefix) - 1)) != NULL) {
        unsigned number = 0;
        for (at += sizeof(prefix) - 1; at < end && *at >= '0' && *at <= '9'; at++) {
            number = number * 10 + (unsigned)(*at - '0');
        }
        struct subject *subject = &c->subjects[number % MEMBERS_MAX];
        double late = subject->removed != 0 ? c->srv_asked[country] - subject->removed : 0;
        c->latest = late > c->latest ? late : c->latest;
        if (subject->add_dealt == 0) {
            subject->add_dealt = seconds();
        }
    }
    c->srv_asked[country] = 0;
}

static void take_replies(struct changer *c)
{
    uint8_t reply[2048];
    ssize_t len = 0;
    while ((len = recv(c->fd, reply, sizeof(reply), MSG_DONTWAIT)) > 0) {
        unsigned id = len < 12 ? UINT16_MAX : (unsigned)(reply[0] << 8 | reply[1]);
        if (id < MEMBERS_MAX) {
            name_answered(&c->subjects[id], reply[3] & 15);
        } else if (id < MEMBERS_MAX + COUNTRIES) {
            srv_answered(c, id - MEMBERS_MAX, reply, (size_t)len);
        }
    }
}

/* Repeats the queries for changes that do not show yet. Returns the number of such changes. */
static unsigned ask_again(struct changer *c)
{
    unsigned waiting = 0;
    double now = seconds();
    for (unsigned i = 0; i < c->added; i++) {
        struct subject *subject = &c->subjects[i];
        bool name = waits_for_name(subject);
        if (name && now - subject->asked > ASK_AGAIN_MS / 1e3) {
            ask_name(c, i);
        }
        waiting += name || (subject->removed == 0 && subject->add_dealt == 0);
    }
    return waiting;
}

static void next_change(struct changer *c)
{
    bool add = c->added - c->removed < ALIVE || (c->added + c->removed) % 2 == 0;
    unsigned number = add ? c->added++ : c->removed++;
    change_one(c, number, add);
    ask_name(c, number);
}

static void report(const struct changer *c)
{
    double name = 0, srv = 0;
    unsigned unnamed = 0, undealt = 0;
    for (unsigned i = 0; i < c->added; i++) {
        const struct subject *s = &c->subjects[i];
        double times[] = { s->add_named - s->added,
                           s->removed != 0 ? s->remove_named - s->removed : 0 };
        for (int k = 0; k < 2; k++) {
            name = times[k] > name ? times[k] : name;
            unnamed += times[k] < 0;
        }
        srv = s->add_dealt - s->added > srv ? s->add_dealt - s->added : srv;
        undealt += s->add_dealt == 0;
    }
    (void)printf(
        "{\"changes\": %u, \"name_ms\": %.1f, \"unnamed\": %u, \"srv_ms\": %.1f, \"undealt\": %u, "
        "\"gone_ms\": %.1f, \"asked\": %.0f}\n",
        c->added + c->removed, name * 1e3, unnamed, srv * 1e3, undealt, c->latest * 1e3,
        c->asked / (seconds() - c->began));
}

static void run(struct changer *c, double rate, double end)
{
    double next_at = seconds(), srv_at = next_at;
    c->began = next_at;
    unsigned country = 0;
    for (;;) {
        double now = seconds();
        if (now >= next_at && now < end && c->added < MEMBERS_MAX) {
            next_at += 1 / rate;
            next_change(c);
        }
        if (now >= srv_at) {
            srv_at = now + SRV_EVERY_US / 1e6;
            ask_srv(c, country++ % COUNTRIES);
        }
        unsigned waiting = ask_again(c);
        if (now >= end && (waiting == 0 || now > end + GIVE_UP_SECONDS)) {
            break;
        }
        struct pollfd wait = { .fd = c->fd, .events = POLLIN };
        (void)poll(&wait, 1, 1);
        take_replies(c);
    }
}

/* Removes the members that are left, which restores the pool. */
static void remove_rest(struct changer *c)
{
    while (c->removed < c->added) {
        change_one(c, c->removed++, false);
    }
}

int main(int argc, char **argv)
{
    static struct changer changer;
    struct diag diag = { "" };
    if (argc != 5) {
        (void)fputs("use: changer STATE PORT RATE SECONDS\n", stderr);
        return 2;
    }
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    changer.fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(changer.fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        store_open(&changer.store, argv[1], STORE_REGISTRY, true, &diag) != RESULT_OK) {
        (void)fprintf(stderr, "changer: %s\n", diag.text);
        return 1;
    }
    run(&changer, strtod(argv[3], NULL), seconds() + strtod(argv[4], NULL));
    report(&changer);
    remove_rest(&changer);
    store_close(changer.store);
    return 0;
}
