/* One worker: a thread with its own loop, its own sockets of UDP or TCP (SO_REUSEPORT), its own
 * read transaction, signer and kept answers. It shares with others only what is immutable (the
 * view), atomic (counters), or built for sharing (signature cache, store). */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>

#include <uv.h>

#include "dnssec/signing/signer.h"
#include "server/answering/decide.h"
#include "server/answering/edns.h"
#include "server/answering/rrl.h"

enum {
    UDP_BATCH = 64,             /* datagrams a system call */
    UDP_QUERY_MAX = 1232,       /* longer ones are cut and fail to parse */
    TCP_MESSAGE_MAX = 65535,    /* RFC 1035 4.2.2 */
    TCP_CONNECTIONS_MAX = 1024, /* a worker; the longest idle makes room for a new one */
    TCP_CLIENT_MAX = 64,        /* of these from one network, /24 or /56 (RFC 7766 6.2.2) */
    WORKER_DENIALS = 8192 /* signatures of compact denials of missing names in its cache, 1 MiB */
};

struct udp_socket;
struct tcp_server;

/* What a worker answered since it started. */
struct message_counters {
    atomic_uint_fast64_t udp, tcp; /* messages received */
    atomic_uint_fast64_t dropped;  /* no answer was due, or the kernel took none */
    /* over the rate: dropped (counted there too), sent without records, or, over TCP, the last
     * before a rest */
    atomic_uint_fast64_t limited;
    /* of the answers, by its lower bits: BADVERS counts as 0, BADCOOKIE as 7 */
    atomic_uint_fast64_t rcode[16];
};

struct worker {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop, drain;
    bool draining; /* another process answers now */
    /* Nothing is left to do after that. */
    atomic_bool drained;
    struct sigcache *cache;
    struct sigcache
        *denials;         /* of the limited signer: made-up names push no other signatures out */
    struct budget budget; /* its */
    _Atomic(struct counters *) next; /* of a newer view, with a reference, or NULL */
    struct answerer answerer;
    struct rrl *rrl;
    const struct identity *identity;
    uint64_t now_us;    /* monotonic, of the batch, to some milliseconds */
    uint32_t over_rate; /* counts what is over the rate, for slipping */
    struct message_counters counters;
    struct udp_socket *udp; /* one for each address to listen on */
    size_t udp_count;
    struct tcp_server *tcp;
    uint8_t (*udp_in)[UDP_QUERY_MAX]; /* UDP_BATCH of each */
    uint8_t (*udp_out)[DNS_UDP_MAX];
};

/* What a worker is made of; the pointers outlive it. */
struct worker_parts {
    struct store *registry;
    struct sigcache *cache;
    const struct endpoint *listen;
    size_t listen_count;
    bool udp, tcp; /* which sockets it has */
    struct rrl *rrl;
    const struct identity *identity;
    unsigned tcp_connections; /* at most, TCP_CONNECTIONS_MAX or fewer */
};

/* Opens the sockets; nothing runs yet. Takes over a reference of the tally, whose view it begins
 * with. SYSTEM with the address that can't be listened on. */
enum result worker_new(struct worker **out, const struct worker_parts *parts,
                       struct counters *counters, struct diag *diag);
enum result worker_start(struct worker *worker, struct diag *diag);
/* Another process has sockets on the same addresses and answers: takes no more queries, and counts
 * as drained when those it has are answered. Any thread. */
void worker_drain(struct worker *worker);
/* Gives the worker's TCP listeners up at once, before worker_free does so one after the other: the
 * kernel would spread connections over those that are left. `instead` is a descriptor of
 * anything. */
void worker_hang_up(const struct worker *worker, int instead);
/* Stops the thread, if it runs, and frees everything. */
void worker_free(struct worker *worker);

/* Hands a worker a newer view, in use from its next batch on, by the tally to count in then, of
 * which it takes over a reference. Any thread. */
void worker_publish(struct worker *worker, struct counters *counters);

/* For udp.c and tcp.c: messages are handled between begin and end, which bracket one snapshot.
 * False: the store can't be read now, answer nothing. */
bool worker_begin(struct worker *worker);
void worker_end(struct worker *worker);
/* A message as it came. */
struct incoming {
    const uint8_t *data;
    size_t len;
    struct address source;
    bool tcp;
};
/* What is made of it on the way to its answer. */
struct handling {
    enum query_verdict verdict;
    enum rcode rcode;
    struct query query;
    struct qname_info target;
    /* Over TCP, after the answer: the client's network has had its rate. */
    bool over_rate;
};
/* Reads a message. Several may be read before the first of them is answered; `incoming` is the same
 * both times. */
void worker_read(struct worker *worker, const struct incoming *incoming, struct handling *out);
/* Writes the answer, at most `room` octets over TCP and what the client takes over UDP. Returns its
 * length, 0 for none. */
size_t worker_answer(struct worker *worker, const struct incoming *incoming,
                     struct handling *handling, uint8_t *out, size_t room);

#endif
