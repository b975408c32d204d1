/* Requests to etcd, as messages of its API v3 (rpc.proto of etcd 3.4 and 3.5). */
#ifndef TOOLS_ETCDREQUEST_H
#define TOOLS_ETCDREQUEST_H

#include "tools/fleet/protobuf.h"

/* Keys from `from` up to `to`, which is not one of them. Without `to`: the one key `from`. */
struct etcdrequest_keys {
    struct octets from, to;
};

struct etcdrequest_range {
    struct etcdrequest_keys keys;
    uint64_t revision; /* as of then; 0: now */
    uint64_t limit;    /* rows at most; 0: all. The node still goes through the keys behind them */
    bool serializable; /* what the asked node has, perhaps not the newest */
    bool count_only;
    bool keys_only;
};

enum etcdrequest_test {
    ETCDREQUEST_EQUAL = 0,
    ETCDREQUEST_GREATER = 1,
    ETCDREQUEST_LESS = 2,
    ETCDREQUEST_NOT_EQUAL = 3
};

/* About a key's value, or, if `value.data` is NULL, about the revision of its last change: 0 if
 * there is no such key. */
struct etcdrequest_condition {
    struct octets key;
    enum etcdrequest_test test;
    uint64_t modified;
    struct octets value;
};

struct etcdrequest_watch {
    struct etcdrequest_keys keys;
    uint64_t revision; /* from this one on; 0: from now on */
    bool progress;     /* wants a sign of life, each ten minutes unless the node says otherwise */
};

enum etcdrequest_right {
    ETCDREQUEST_READ = 0,
    ETCDREQUEST_WRITE = 1,
    ETCDREQUEST_READ_WRITE = 2
};

struct octets etcdrequest_text(const char *text);
/* All keys that begin with `prefix`. `end` has room for the prefix. */
struct etcdrequest_keys etcdrequest_prefix(struct octets prefix, uint8_t *end);

void etcdrequest_range(struct protobuf *out, const struct etcdrequest_range *range);
/* A transaction is a list of conditions, of what to do if all of them hold, and of what to do if
 * not. Call these in any order; `otherwise` says for which of the two. etcd accepts no key twice.
 */
void etcdrequest_if(struct protobuf *out, const struct etcdrequest_condition *condition);
void etcdrequest_put(struct protobuf *out, bool otherwise, struct octets key, struct octets value);
void etcdrequest_delete(struct protobuf *out, bool otherwise, const struct etcdrequest_keys *keys);
void etcdrequest_get(struct protobuf *out, bool otherwise, const struct etcdrequest_range *range);

void etcdrequest_watch(struct protobuf *out, const struct etcdrequest_watch *watch);

/* Forgets history before the revision. `now`: also on the disk, before the answer. */
void etcdrequest_compact(struct protobuf *out, uint64_t revision, bool now);
/* Asks for all alarms of all nodes. */
void etcdrequest_alarms(struct protobuf *out);
/* Ends an alarm of that node; `kind` as in etcdreply_alarm. */
void etcdrequest_disarm(struct protobuf *out, uint64_t node, uint64_t kind);

/* The one field of requests that name a user or a role to add or delete. */
void etcdrequest_name(struct protobuf *out, const char *name);
/* A user who comes by certificate only. */
void etcdrequest_user(struct protobuf *out, const char *name);
void etcdrequest_user_role(struct protobuf *out, const char *user, const char *role);
void etcdrequest_role_right(struct protobuf *out, const char *role, enum etcdrequest_right right,
                            const struct etcdrequest_keys *keys);

#endif
