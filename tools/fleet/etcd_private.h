/* Shared by the files of the client only, so that no other file sees libcurl. */
#ifndef TOOLS_ETCD_PRIVATE_H
#define TOOLS_ETCD_PRIVATE_H

#include <curl/curl.h>

#include "tools/fleet/etcd.h"

enum {
    ETCD_PAUSE_AT = 1 << 20,   /* octets that wait for a watch's reader before it is held up */
    ETCD_ROUND_PAUSE_MS = 100, /* at least, before all nodes are asked once more */
    ETCD_ROUND_PAUSE_MAX_MS = 1600,
    ETCD_NODE_TEXT_ROOM = ADDRESS_TEXT_MAX + 8
};

struct etcd_file {
    char *data;
    size_t len;
};

struct etcd_node {
    char url[ETCD_NODE_TEXT_ROOM + 16]; /* "https://[::1]:2379" */
    char text[ETCD_NODE_TEXT_ROOM];     /* "::1@2379" */
    bool suspect; /* its last exchange failed: trust no connection that is still open */
};

struct etcd {
    CURLM *multi;
    struct etcd_node nodes[ETCD_NODES_MAX];
    unsigned node_count;
    unsigned current;    /* the node that is asked first */
    uint64_t away_since; /* since then no call has ended well; 0: none has failed at all nodes */
    struct etcd_file ca, certificate, key;
    size_t message_max;
    unsigned connect_ms;
    struct etcd_call *calls;
    struct etcd_watch *watches;
    bool stirred; /* something arrived or ended since the loop last looked */
};

/* One exchange with one node. */
struct etcd_transfer {
    struct etcd *etcd;
    CURL *easy; /* NULL: none */
    struct curl_slist *headers;
    unsigned node;
    const struct protobuf *request; /* framed */
    size_t sent;                    /* of it */
    bool is_watch;
    struct grpc_outcome outcome;
    struct grpc_inbox inbox;
    struct diag broken; /* why it was given up; empty: it was not */
    enum result broken_as;
    bool paused, finished;
    CURLcode code; /* when finished */
    uint64_t heard_at;
    char error[CURL_ERROR_SIZE];
};

struct etcd_transfer_plan {
    unsigned node;
    const char *path; /* "KV/Range" */
    const struct protobuf *request;
    bool needs_leader, is_watch;
    unsigned connect_ms, wait_ms; /* a watch has no end */
};

void etcd_transfer_begin(struct etcd_transfer *transfer, struct etcd *etcd,
                         const struct etcd_transfer_plan *plan);
/* May be called at any time, also without a begin. */
void etcd_transfer_end(struct etcd_transfer *transfer);
/* Of one that has finished. The diag names the node. */
enum result etcd_transfer_result(const struct etcd_transfer *transfer, bool changes,
                                 struct diag *diag);
/* Goes on after a pause. */
void etcd_transfer_resume(struct etcd_transfer *transfer);

/* For the loop: moves all on, and lowers `*wait_ms` to when they must be moved again. */
void etcd_call_move_all(struct etcd *etcd, unsigned *wait_ms);
void etcd_watch_wait_all(const struct etcd *etcd, unsigned *wait_ms);

#endif
