/* changer: changes a pool while its nameserver answers: RATE commits a second, each with a new member or the removal of an old one, and asks
 * the server until each change shows. Prints how many were made and how long the slowest took.
 *
 * use: changer STATE PORT RATE SECONDS */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "zone/registry.h"

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void change(struct store *store, unsigned number, bool add)
{
    struct store_txn *txn = NULL;
    struct diag diag = { "" };
    struct member member;
    char address[32];
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "change%u", number);
    (void)snprintf(address, sizeof(address), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
                   number & 255);
    (void)snprintf(member.country, sizeof(member.country), "%c%c", 'A' + number % 20,
                   'A' + number % 7);
    member.override = OVERRIDE_ELIGIBLE;
    ASSERT(address_parse(&member.addresses[member.address_count++], address) == RESULT_OK);
    enum result result = store_write(store, &txn, &diag);
    if (result == RESULT_OK) {
        uint64_t now = (uint64_t)time(NULL);
        result = add ? registry_add(txn, &member, true, now, &diag)
                     : registry_remove(txn, member.label, now, now, &diag);
    }
    if (result != RESULT_OK || registry_commit(txn, (uint64_t)time(NULL), &diag) != RESULT_OK) {
        (void)fprintf(stderr, "changer: %s\n", diag.text);
        exit(1);
    }
}

/* Asks for the member's A until its RCODE is what it has to be. Returns how long that took. */
static double wait_for(int fd, unsigned number, bool there)
{
    uint8_t query[128], reply[512];
    char text[64];
    struct dname name;
    double began = seconds();
    (void)snprintf(text, sizeof(text), "change%u.pool.test", number);
    ASSERT(dname_parse(&name, text, NULL) == RESULT_OK);
    struct writer w = writer_of(query, sizeof(query));
    write_octets(&w, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
    dname_write(&w, &name);
    write_octets(&w, "\0\1\0\1", 4);
    for (;;) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        (void)!send(fd, query, w.at, 0);
        if (poll(&wait, 1, 200) == 1 && recv(fd, reply, sizeof(reply), 0) > 12 &&
            (reply[3] & 15) == (there ? 0 : 3)) {
            return seconds() - began;
        }
        if (seconds() - began > 5) {
            (void)fprintf(stderr, "changer: %s does not change\n", text);
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    struct store *store = NULL;
    struct diag diag = { "" };
    if (argc != 5) {
        (void)fputs("use: changer STATE PORT RATE SECONDS\n", stderr);
        return 2;
    }
    double interval = 1 / atof(argv[3]), end = seconds() + atof(argv[4]), slowest = 0;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(argv[2])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        store_open(&store, argv[1], STORE_REGISTRY, true, &diag) != RESULT_OK) {
        (void)fprintf(stderr, "changer: %s\n", diag.text);
        return 1;
    }
    unsigned made = 0;
    for (double next = seconds(); next < end; next += interval) {
        while (seconds() < next) {
            (void)poll(NULL, 0, 1);
        }
        bool add = made % 2 == 0;
        change(store, made / 2, add);
        double took = wait_for(fd, made / 2, add);
        slowest = took > slowest ? took : slowest;
        made++;
    }
    store_close(store);
    (void)printf("%u changes, the slowest seen after %.0f ms\n", made, slowest * 1000);
    return 0;
}
