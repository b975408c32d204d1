#include "tools/fleet/sending.h"

#include <stdlib.h>

#include "tools/fleet/backoff.h"
#include "zone/base/array.h"

struct sending_row {
    char *key, *to; /* `to`: a range to delete; NULL: one key */
    uint8_t *value; /* NULL: to be deleted */
    size_t len;
    bool under_way; /* as it is: a newer value clears it */
};

struct sending {
    struct feeder *feeder;
    struct sending_row *rows; /* in the order in which they came */
    size_t count, room, keys_max, octets;
    struct etcd_call *call;
    size_t batch; /* rows at the front that the call has */
    size_t batch_max;
    struct backoff backoff;
    struct log_once trouble;
};

struct sending *sending_new(struct feeder *feeder, size_t keys_max)
{
    struct sending *sending = xcalloc(1, sizeof(*sending));
    *sending =
        (struct sending){ .feeder = feeder, .keys_max = keys_max, .batch_max = SENDING_BATCH_KEYS };
    return sending;
}

static void free_row(struct sending *sending, struct sending_row *row)
{
    sending->octets -= row->len;
    free(row->key);
    free(row->to);
    free(row->value);
}

void sending_free(struct sending *sending)
{
    if (sending == NULL) {
        return;
    }
    etcd_call_free(sending->call);
    for (size_t i = 0; i < sending->count; i++) {
        free_row(sending, &sending->rows[i]);
    }
    free(sending->rows);
    free(sending);
}

size_t sending_waiting(const struct sending *sending)
{
    return sending->count;
}

static struct sending_row *find(const struct sending *sending, const char *key)
{
    for (size_t i = 0; i < sending->count; i++) {
        if (sending->rows[i].to == NULL && strcmp(sending->rows[i].key, key) == 0) {
            return &sending->rows[i];
        }
    }
    return NULL;
}

bool sending_is_waiting(const struct sending *sending, const char *key)
{
    return find(sending, key) != NULL;
}

static char *whole_key(const struct sending *sending, const char *key)
{
    size_t prefix = strlen(sending->feeder->prefix), len = strlen(key);
    char *whole = xmalloc(prefix + len + 1);
    memcpy(whole, sending->feeder->prefix, prefix);
    memcpy(whole + prefix, key, len + 1);
    return whole;
}

static enum result add(struct sending *sending, const char *key, const char *to,
                       const struct octets *value)
{
    struct sending_row *row = to == NULL ? find(sending, key) : NULL;
    size_t len = value != NULL ? value->len : 0, before = row != NULL ? row->len : 0;
    if ((row == NULL && sending->count >= sending->keys_max) ||
        sending->octets - before + len > SENDING_OCTETS_MAX) {
        return RESULT_FULL;
    }
    if (row == NULL) {
        struct sending_row fresh = { .key = xstrdup(key), .to = to != NULL ? xstrdup(to) : NULL };
        ARRAY_PUSH(sending->rows, sending->count, sending->room, fresh);
        row = &sending->rows[sending->count - 1];
    }
    free(row->value);
    row->value = NULL;
    if (value != NULL) {
        row->value = xmalloc(len + 1);
        memcpy(row->value, value->data, len);
    }
    sending->octets += len - before;
    row->len = len;
    row->under_way = false;
    sending->feeder->stirred = true;
    return RESULT_OK;
}

enum result sending_put(struct sending *sending, const char *key, struct octets value)
{
    return add(sending, key, NULL, &value);
}

enum result sending_delete(struct sending *sending, const char *key)
{
    return add(sending, key, NULL, NULL);
}

enum result sending_delete_range(struct sending *sending, const char *from, const char *to)
{
    return add(sending, from, to, NULL);
}

/* How many rows at the front go together. etcd takes no key twice, also not within a range. */
static size_t batch_of(const struct sending *sending)
{
    size_t octets = 0, count = 0;
    while (count < sending->count && count < sending->batch_max) {
        const struct sending_row *row = &sending->rows[count];
        octets += row->len;
        if (count > 0 && (row->to != NULL || octets > SENDING_BATCH_OCTETS)) {
            break;
        }
        count++;
        if (row->to != NULL) {
            break;
        }
    }
    return count;
}

static void put_operation(const struct sending *sending, struct protobuf *request,
                          const struct sending_row *row)
{
    char *key = whole_key(sending, row->key);
    char *to = row->to != NULL ? whole_key(sending, row->to) : NULL;
    if (row->value != NULL) {
        etcdrequest_put(request, false, etcdrequest_text(key),
                        (struct octets){ row->value, row->len });
    } else {
        struct etcdrequest_keys keys = { .from = etcdrequest_text(key),
                                         .to = etcdrequest_text(to != NULL ? to : "") };
        etcdrequest_delete(request, false, &keys);
    }
    free(key);
    free(to);
}

static void send_batch(struct sending *sending)
{
    struct protobuf request = { .data = NULL };
    struct etcd_plan plan = { .method = ETCD_TXN, .request = &request, .node = ETCD_ANY_NODE };
    sending->batch = batch_of(sending);
    for (size_t i = 0; i < sending->batch; i++) {
        put_operation(sending, &request, &sending->rows[i]);
        sending->rows[i].under_way = true;
    }
    sending->call = etcd_call_start(sending->feeder->etcd, &plan);
    protobuf_free(&request);
}

/* Forgets rows of the batch, but those that got a newer value meanwhile. */
static void drop_batch(struct sending *sending)
{
    size_t kept = 0;
    for (size_t i = 0; i < sending->count; i++) {
        if (i < sending->batch && sending->rows[i].under_way) {
            free_row(sending, &sending->rows[i]);
        } else {
            sending->rows[kept++] = sending->rows[i];
        }
    }
    sending->count = kept;
    sending->feeder->stirred = true;
}

/* The engine takes the batch at no time. If it is of several rows, each is tried alone. */
static void refuse_batch(struct sending *sending, const struct diag *why)
{
    if (sending->batch > 1) {
        sending->batch_max = 1;
        return;
    }
    log_say(sending->feeder->log, LOG_ERR, "%s is not sent: %s", sending->rows[0].key, why->text);
    drop_batch(sending);
}

static void conclude(struct sending *sending)
{
    struct feeder *feeder = sending->feeder;
    struct diag diag = { "" };
    enum result result = etcd_call_result(sending->call, &diag);
    etcd_call_free(sending->call);
    sending->call = NULL;
    switch (result) {
    case RESULT_OK:
        drop_batch(sending);
        sending->batch_max = SENDING_BATCH_KEYS;
        backoff_over(&sending->backoff);
        log_once_over(&sending->trouble, feeder->log, "the engine takes our rows again");
        return;
    case RESULT_TOO_LONG:
    case RESULT_INVALID:
        refuse_batch(sending, &diag);
        break;
    default:
        break;
    }
    backoff_fail(&sending->backoff, feeder->now_ms);
    bool away = result == RESULT_UNREACHABLE || result == RESULT_UNCERTAIN; /* the pulse tells */
    log_once(&sending->trouble, feeder->log, away ? LOG_DEBUG : LOG_WARNING, NULL,
             "the engine does not take our rows: %s", diag.text);
}

unsigned sending_turn(struct sending *sending)
{
    if (sending->call != NULL && etcd_call_has_ended(sending->call)) {
        conclude(sending);
    }
    if (sending->call != NULL || sending->count == 0) {
        return FEEDER_IDLE_MS;
    }
    unsigned wait_ms = backoff_wait(&sending->backoff, sending->feeder->now_ms);
    if (wait_ms == 0) {
        send_batch(sending);
        return FEEDER_IDLE_MS;
    }
    return wait_ms;
}
