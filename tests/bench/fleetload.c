/* fleetload: makes RATE changes a second in a fleet, each the address of another member, as the
 * commands of an admin do. Of one in SAMPLE it asks every edge for the member's name until the new
 * address is in the answer. Beside the edges, WATCHES bare watches of the engine wait for the same
 * changes. All times count from the moment before the change is made.
 *
 * Prints one line of JSON: changes, seconds, and the median, 99th percentile and maximum, in ms, of
 * the engine's acknowledgement, of the answers (each edge and sampled change counts once), and of
 * the watches; answers and events that never came.
 *
 * use: fleetload STATE RATE SECONDS SAMPLE MEMBERS EDGE... (m00000, m00001, ... are members) */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/fleet/agree.h"
#include "tools/fleet/taking.h"
#include "zone/names/dname.h"

enum {
    CHANGES_MAX = 20000,
    EDGES_MAX = 200,
    WATCHES = 6, /* more would cost the engine as much as edges */
    ASK_AGAIN_US = 2000,
    GIVE_UP_S = 10 /* after the last change */
};

struct sample {
    double *list;
    size_t count;
};

struct change {
    double began, agreed;
    uint64_t seq;
    uint32_t address;
    unsigned member;
    bool answered[EDGES_MAX];
    unsigned answers;
};

static struct load {
    const char *state;
    double rate, seconds;
    unsigned every, members, edges;
    struct sockaddr_in edge[EDGES_MAX];
    struct membership membership;
    struct change changes[CHANGES_MAX];
    atomic_uint begun, done; /* `begun` changes may be answered, `done` are agreed */
    atomic_bool ended;
    struct sample acks, answers, events;
    unsigned missing_answers, missing_events;
} load;

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_until(double moment)
{
    double left = moment - now_s();
    if (left > 0) {
        (void)usleep((useconds_t)(left * 1e6));
    }
}

static void must(enum result result, const struct diag *diag)
{
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "fleetload: %s: %s\n", result_text(result), diag->text);
        exit(1);
    }
}

static void note(struct sample *sample, double ms)
{
    sample->list[sample->count++] = ms;
}

/* -- the writer: as fleetchange_commit, which also notes a doubt before it asks -- */

static void set_address(struct registry_change *change, struct change *made)
{
    char label[16];
    struct member member;
    struct diag none = { "" };
    uint32_t address = htonl(made->address);
    (void)snprintf(label, sizeof label, "m%05u", made->member);
    must(registry_member(change->txn, label, &member), &none);
    CHECK(member.address_count > 0);
    member.addresses[0] = address_from_ipv4((const uint8_t *)&address);
    must(registry_update(change, &member, true), change->diag);
}

/* The rows and the next head, of a transaction that is given up. */
static void prepare(struct store *registry, struct change *made, struct taking_change *out,
                    struct ledgerhead *before)
{
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    struct registry_change change;
    struct registry_fleet noted = { .count = 0 };
    struct ledgerhead_position position;
    struct ledgerrow_digest root;
    uint64_t now = (uint64_t)time(NULL);
    must(store_write(registry, &txn, &diag), &diag);
    must(registry_position(txn, &position), &diag);
    registry_begin(&change, txn, now, &diag);
    registry_fleet_note(&noted, txn);
    set_address(&change, made);
    must(registry_fleet_collect(&noted, &change, rowset_visit, &out->rows), &diag);
    must(registry_ledger_note(&change, out->rows.list, out->rows.count), &diag);
    must(registry_ledger_root(txn, &root), &diag);
    *before = position.head;
    agree_head(&out->after.head, &load.membership, before, &root, now);
    store_abort(txn);
    registry_fleet_free(&noted);
}

/* False if another change was first: ntspool-feedd has or will have it. */
static bool make(struct store *registry, struct etcd *etcd, struct change *made)
{
    struct diag diag = { "" };
    struct ledgerhead before;
    struct taking_change taken = { .rows.count = 0 };
    struct store_txn *txn = NULL;
    struct registry_change change;
    prepare(registry, made, &taken, &before);
    enum result result = agree(etcd, &load.membership, &before, &taken, &diag);
    if (result == RESULT_OK) {
        made->agreed = now_s();
        made->seq = taken.after.head.seq;
        must(store_write(registry, &txn, &diag), &diag);
        registry_begin(&change, txn, (uint64_t)time(NULL), &diag);
        enum result took = taking_next(&change, &load.membership, &taken);
        if (took == RESULT_EXISTS) {
            store_abort(txn);
        } else {
            must(took, &diag);
            must(store_commit(txn, &diag), &diag);
        }
    } else if (result != RESULT_STALE) {
        must(result, &diag);
    }
    taking_free(&taken);
    return result == RESULT_OK;
}

static void *write_all(void *)
{
    struct diag diag = { "" };
    struct store *registry = NULL;
    struct etcd *etcd = NULL;
    struct etcd_config config = membership_engine(&load.membership);
    must(store_open(&registry, load.state, STORE_REGISTRY, true, &diag), &diag);
    must(etcd_new(&etcd, &config, &diag), &diag);
    double began = now_s();
    unsigned count = (unsigned)(load.rate * load.seconds);
    for (unsigned i = 0; i < count && i < CHANGES_MAX; i++) {
        struct change *change = &load.changes[i];
        sleep_until(began + i / load.rate);
        if (now_s() > began + load.seconds * 2) {
            break; /* so much slower than wanted */
        }
        change->member = i % load.members;
        change->address = 10U << 24 | (100U + (unsigned)getpid() % 100) << 16 | i;
        change->began = now_s();
        atomic_store(&load.begun, i + 1);
        while (!make(registry, etcd, change)) {
            (void)usleep(1000);
        }
        note(&load.acks, (change->agreed - change->began) * 1e3);
        atomic_store(&load.done, i + 1);
    }
    load.seconds = now_s() - began;
    atomic_store(&load.ended, true);
    etcd_free(etcd);
    store_close(registry);
    return NULL;
}

/* -- the bare watches -- */

static void hear(struct etcd_watch *watch, uint64_t *last)
{
    struct etcdreply_events events;
    struct etcdreply_event event;
    struct ledgerhead head;
    struct diag diag = { "" };
    enum result result;
    while ((result = etcd_watch_next(watch, &events, &diag)) == RESULT_OK) {
        while (etcdreply_next_event(&events, &event)) {
            if (ledgerhead_decode(&head, event.row.value) == RESULT_OK) {
                *last = head.seq;
            }
        }
    }
    must(result == RESULT_EXHAUSTED ? RESULT_OK : result, &diag);
}

/* Events come in the order of changes. What a watch hears before the writer knows of it counts from
 * then on. */
static unsigned settle(uint64_t last, double moment, unsigned next)
{
    while (next < atomic_load(&load.done) && load.changes[next].seq <= last) {
        const struct change *change = &load.changes[next++];
        note(&load.events, (moment - change->began) * 1e3);
    }
    return next;
}

static void *watch_all(void *)
{
    static struct etcd_watch *watches[WATCHES];
    static uint64_t last[WATCHES];
    static unsigned next[WATCHES];
    static double heard[WATCHES];
    struct diag diag = { "" };
    struct etcd *etcd = NULL;
    struct etcd_config config = membership_engine(&load.membership);
    char key[MEMBERSHIP_PREFIX_ROOM + sizeof AGREE_HEAD_KEY];
    double give_up = 0;
    bool all = false;
    (void)snprintf(key, sizeof key, "%s%s", load.membership.prefix, AGREE_HEAD_KEY);
    struct etcdrequest_watch plan = { .keys.from = etcdrequest_text(key) };
    must(etcd_new(&etcd, &config, &diag), &diag);
    for (unsigned i = 0; i < WATCHES; i++) {
        watches[i] = etcd_watch_start(etcd, &plan, (int)(i % load.membership.node_count));
    }
    while (!all && (give_up == 0 || now_s() < give_up)) {
        must(etcd_turn(etcd, NULL, 0, 1, &diag), &diag);
        give_up = give_up == 0 && atomic_load(&load.ended) ? now_s() + GIVE_UP_S : give_up;
        all = give_up != 0;
        for (unsigned i = 0; i < WATCHES; i++) {
            uint64_t before = last[i];
            hear(watches[i], &last[i]);
            heard[i] = last[i] != before ? now_s() : heard[i];
            next[i] = settle(last[i], heard[i], next[i]);
            all = all && next[i] == atomic_load(&load.done);
        }
    }
    for (unsigned i = 0; i < WATCHES; i++) {
        load.missing_events += atomic_load(&load.done) - next[i];
        etcd_watch_free(watches[i]);
    }
    etcd_free(etcd);
    return NULL;
}

/* -- the answers -- */

static void ask(int fd, unsigned number, unsigned edge)
{
    uint8_t query[64] = { (uint8_t)(number >> 8), (uint8_t)number, 0, 0, 0, 1 };
    char label[16];
    (void)snprintf(label, sizeof label, "m%05u", load.changes[number].member);
    size_t len = strlen(label), at = 12;
    query[at++] = (uint8_t)len;
    memcpy(query + at, label, len);
    memcpy(query + at + len, "\4pool\4test\0\0\1\0\1", 15);
    (void)!sendto(fd, query, at + len + 15, 0, (struct sockaddr *)&load.edge[edge],
                  sizeof load.edge[edge]);
}

static void read_answers(int fd)
{
    uint8_t answer[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len;
    while ((len = recvfrom(fd, answer, sizeof answer, MSG_DONTWAIT, (struct sockaddr *)&from,
                           &from_len)) > 28) {
        unsigned number = (unsigned)answer[0] << 8 | answer[1], edge = 0;
        while (edge < load.edges && load.edge[edge].sin_addr.s_addr != from.sin_addr.s_addr) {
            edge++;
        }
        struct change *change = &load.changes[number % CHANGES_MAX];
        uint32_t address = htonl(change->address);
        if (edge < load.edges && !change->answered[edge] &&
            memmem(answer, (size_t)len, &address, sizeof address) != NULL) {
            change->answered[edge] = true;
            change->answers++;
            note(&load.answers, (now_s() - change->began) * 1e3);
        }
    }
}

static void ask_all(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
    double give_up = 0;
    unsigned first = 0, left = 1;
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) == 0);
    while ((give_up == 0 && !atomic_load(&load.ended)) || (left > 0 && now_s() < give_up)) {
        struct pollfd readable = { .fd = fd, .events = POLLIN };
        double again = now_s() + ASK_AGAIN_US / 1e6;
        give_up = give_up == 0 && atomic_load(&load.ended) ? now_s() + GIVE_UP_S : give_up;
        left = 0;
        for (unsigned i = first; i < atomic_load(&load.begun); i += load.every) {
            for (unsigned e = 0; e < load.edges && load.changes[i].answers < load.edges; e++) {
                left += !load.changes[i].answered[e];
                if (!load.changes[i].answered[e]) {
                    ask(fd, i, e);
                }
            }
            first = i == first && load.changes[i].answers == load.edges ? i + load.every : first;
        }
        while (now_s() < again) {
            (void)poll(&readable, 1, 1);
            read_answers(fd);
        }
        give_up = give_up == 0 && atomic_load(&load.ended) ? now_s() + GIVE_UP_S : give_up;
    }
    for (unsigned i = 0; i < atomic_load(&load.begun); i += load.every) {
        load.missing_answers += load.edges - load.changes[i].answers;
    }
    (void)close(fd);
}

/* -- figures -- */

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print_sample(const char *name, struct sample *sample)
{
    qsort(sample->list, sample->count, sizeof *sample->list, by_size);
    size_t last = sample->count > 0 ? sample->count - 1 : 0;
    printf("\"%s\": [%.2f, %.2f, %.2f], ", name, sample->list[last / 2],
           sample->list[last * 99 / 100], sample->list[last]);
}

int main(int argc, char **argv)
{
    struct diag diag = { "" };
    pthread_t writer, watcher;
    if (argc < 7 || argc - 6 > EDGES_MAX) {
        return 2;
    }
    load.state = argv[1];
    load.rate = strtod(argv[2], NULL);
    load.seconds = strtod(argv[3], NULL);
    load.every = (unsigned)strtoul(argv[4], NULL, 10);
    load.members = (unsigned)strtoul(argv[5], NULL, 10);
    for (; load.edges < (unsigned)argc - 6; load.edges++) {
        struct sockaddr_in *edge = &load.edge[load.edges];
        *edge = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(53) };
        CHECK(inet_pton(AF_INET, argv[6 + load.edges], &edge->sin_addr) == 1);
    }
    load.acks.list = xcalloc(CHANGES_MAX, sizeof(double));
    load.answers.list = xcalloc(CHANGES_MAX * (size_t)load.edges, sizeof(double));
    load.events.list = xcalloc((size_t)CHANGES_MAX * WATCHES, sizeof(double));
    must(membership_read(&load.membership, load.state, &diag), &diag);
    CHECK(pthread_create(&watcher, NULL, watch_all, NULL) == 0);
    (void)sleep(2); /* the watches begin */
    CHECK(pthread_create(&writer, NULL, write_all, NULL) == 0);
    ask_all();
    (void)pthread_join(writer, NULL);
    (void)pthread_join(watcher, NULL);
    printf("{\"changes\": %u, \"seconds\": %.2f, ", atomic_load(&load.done), load.seconds);
    print_sample("ack", &load.acks);
    print_sample("answer", &load.answers);
    print_sample("watch", &load.events);
    printf("\"answers\": %zu, \"missing_answers\": %u, \"missing_events\": %u}\n",
           load.answers.count, load.missing_answers, load.missing_events);
    return 0;
}
