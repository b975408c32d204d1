/* Any octets as a reply of etcd: the first octet chooses the kind. What a decoder accepts can be
 * walked to its end, and lies within the message. */
#include <stdint.h>
#include <string.h>

#include "tools/fleet/etcdreply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct octets message, struct octets part)
{
    ASSERT(part.len == 0 ||
           (part.data >= message.data && part.data + part.len <= message.data + message.len));
}

static void read_range(struct octets message)
{
    struct etcdreply_range range;
    struct etcdreply_row row;
    if (etcdreply_range(&range, message, NULL) == RESULT_OK) {
        while (etcdreply_next_row(&range, &row)) {
            ASSERT(row.key.len > 0);
            check_within(message, row.key);
            check_within(message, row.value);
        }
    }
}

static void read_txn(struct octets message)
{
    struct etcdreply_txn txn;
    struct etcdreply_part part;
    struct etcdreply_row row;
    if (etcdreply_txn(&txn, message, NULL) == RESULT_OK) {
        while (etcdreply_next_part(&txn, &part)) {
            while (part.kind == ETCDREPLY_GOT && etcdreply_next_row(&part.got, &row)) {
                check_within(message, row.value);
            }
        }
    }
}

static void read_events(struct octets message)
{
    struct etcdreply_events events;
    struct etcdreply_event event;
    struct diag diag = { "" };
    if (etcdreply_events(&events, message, NULL) == RESULT_OK) {
        size_t count = events.count;
        check_within(message, events.reason);
        ASSERT(etcdreply_cancelled(&events, &diag) != RESULT_OK && diag.text[0] != '\0');
        while (etcdreply_next_event(&events, &event)) {
            ASSERT(count-- > 0 && event.row.key.len > 0);
            check_within(message, event.row.value);
        }
        ASSERT(count == 0);
    }
}

static void read_state(struct octets message)
{
    struct etcdreply_status status;
    struct etcdreply_nodes nodes;
    struct etcdreply_node node;
    struct etcdreply_alarms alarms;
    struct etcdreply_alarm alarm;
    if (etcdreply_status(&status, message, NULL) == RESULT_OK) {
        ASSERT(strlen(status.version) < ETCDREPLY_TEXT_ROOM);
        ASSERT(strlen(status.error) < ETCDREPLY_TEXT_ROOM);
    }
    if (etcdreply_nodes(&nodes, message, NULL) == RESULT_OK) {
        while (etcdreply_next_node(&nodes, &node)) {
            ASSERT(strlen(node.name) < ETCDREPLY_TEXT_ROOM);
        }
    }
    if (etcdreply_alarms(&alarms, message, NULL) == RESULT_OK) {
        while (etcdreply_next_alarm(&alarms, &alarm)) {
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(struct octets message) = { read_range, read_txn, read_events,
                                                            read_state };
    if (size > 0) {
        kinds[data[0] % 4]((struct octets){ data + 1, size - 1 });
    }
    return 0;
}
