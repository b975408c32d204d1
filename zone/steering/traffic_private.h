/* Internal to the traffic: shared by its files. */
#ifndef ZONE_TRAFFIC_PRIVATE_H
#define ZONE_TRAFFIC_PRIVATE_H

#include "zone/base/wire.h"
#include "zone/steering/traffic.h"

enum {
    TRAFFIC_LAYOUT = 1, /* of all rows */
    TRAFFIC_ROW_POOL = 5
};

static const double traffic_least = 0.01; /* queries; less is no demand */

struct traffic_cell *traffic_append_cell(struct traffic *traffic);
struct traffic_member *traffic_append_member(struct traffic *traffic);
/* Among the first `count` members. NULL if it is not there. */
struct traffic_member *traffic_find_member(const struct traffic *traffic, size_t count,
                                           uint64_t id);

/* traffic_pool.c: a row of the kind TRAFFIC_ROW_POOL. `key` begins after the kind. */
bool traffic_read_pool(struct traffic_pool_day *out, struct reader *key, struct reader *row);
/* Writes the pool's days that have changed. */
enum result traffic_save_pool(struct traffic *traffic, struct store_txn *txn);

#endif
