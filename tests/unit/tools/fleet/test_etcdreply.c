#include "tests/unit/unit.h"
#include "tools/fleet/etcdreply.h"

#define OCTETS(text)                                                                               \
    (struct octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* header { cluster_id: 1 member_id: 2 revision: 3 raft_term: 4 } */
#define HEADER "\x0a\x08\x08\x01\x10\x02\x18\x03\x20\x04"
/* key: "a" create_revision: 1 mod_revision: 2 version: 3 value: "v" */
#define ROW "\x0a\x01\x61\x10\x01\x18\x02\x20\x03\x2a\x01v"

#define RANGE HEADER "\x12\x0c" ROW "\x12\x03\x0a\x01\x62\x18\x01\x20\x05"
#define TXN                                                                                        \
    HEADER "\x10\x01"                                                                              \
           "\x1a\x02\x12\x00"                                                                      \
           "\x1a\x04\x1a\x02\x10\x07"                                                              \
           "\x1a\x10\x0a\x0e\x12\x0c" ROW
#define EVENTS                                                                                     \
    HEADER "\x18\x01\x38\x01"                                                                      \
           "\x5a\x0e\x12\x0c" ROW "\x5a\x09\x08\x01\x12\x05\x0a\x01\x62\x18\x09"
#define CANCELLED HEADER "\x20\x01\x28\x2a\x32\x04gone"
#define STATUS                                                                                     \
    HEADER "\x12\x05"                                                                              \
           "3.4.9\x18\x64\x20\x02\x28\x0a\x30\x04\x38\x09\x42\x02"                                 \
           "e1\x42\x02"                                                                            \
           "e2\x48\x32\x50\x01"
#define NODES  HEADER "\x12\x11\x08\x02\x12\x02n1\x1a\x01p\x22\x01x\x22\x01y\x28\x01"
#define ALARMS HEADER "\x12\x04\x08\x02\x10\x01"

static void a_range_has_its_rows(void **)
{
    struct etcdreply_range range;
    struct etcdreply_row row;
    assert_ok(etcdreply_range(&range, OCTETS(RANGE), NULL));
    assert_true(range.header.cluster == 1 && range.header.node == 2 && range.header.revision == 3 &&
                range.header.term == 4);
    assert_true(range.more && range.count == 5);
    assert_true(etcdreply_next_row(&range, &row));
    assert_true(row.created == 1 && row.modified == 2 && row.version == 3);
    assert_true(row.key.len == 1 && *row.key.data == 'a');
    assert_true(row.value.len == 1 && *row.value.data == 'v');
    assert_true(etcdreply_next_row(&range, &row));
    assert_true(*row.key.data == 'b' && row.value.len == 0 && row.modified == 0);
    assert_false(etcdreply_next_row(&range, &row));
}

static void a_transaction_says_what_each_operation_did(void **)
{
    struct etcdreply_txn txn;
    struct etcdreply_part part;
    struct etcdreply_row row;
    assert_ok(etcdreply_txn(&txn, OCTETS(TXN), NULL));
    assert_true(txn.held);
    assert_true(etcdreply_next_part(&txn, &part) && part.kind == ETCDREPLY_PUT);
    assert_true(etcdreply_next_part(&txn, &part) && part.kind == ETCDREPLY_DELETED);
    assert_int_equal(part.deleted, 7);
    assert_true(etcdreply_next_part(&txn, &part) && part.kind == ETCDREPLY_GOT);
    assert_true(etcdreply_next_row(&part.got, &row) && *row.value.data == 'v');
    assert_false(etcdreply_next_part(&txn, &part));
    assert_ok(etcdreply_txn(&txn, OCTETS(HEADER), NULL));
    assert_false(txn.held);
    assert_int_equal(etcdreply_txn(&txn, OCTETS("\x1a\x02\x2a\x00"), NULL), RESULT_INVALID);
    assert_int_equal(etcdreply_txn(&txn, OCTETS("\x1a\x00"), NULL), RESULT_INVALID);
}

static void a_watch_tells_puts_deletes_and_its_end(void **)
{
    struct etcdreply_events events;
    struct etcdreply_event event;
    struct diag diag = { "" };
    assert_ok(etcdreply_events(&events, OCTETS(EVENTS), NULL));
    assert_true(events.created && events.more && !events.cancelled && events.count == 2);
    assert_true(etcdreply_next_event(&events, &event) && !event.deleted);
    assert_true(*event.row.key.data == 'a' && event.row.modified == 2);
    assert_true(etcdreply_next_event(&events, &event) && event.deleted);
    assert_true(*event.row.key.data == 'b' && event.row.modified == 9);
    assert_false(etcdreply_next_event(&events, &event));
    assert_ok(etcdreply_events(&events, OCTETS(CANCELLED), NULL));
    assert_true(events.cancelled && events.compacted == 42 && events.count == 0);
    assert_int_equal(etcdreply_cancelled(&events, &diag), RESULT_NOT_FOUND);
    assert_string_equal(diag.text, "the history before revision 42 is compacted");
    events.compacted = 0;
    assert_int_equal(etcdreply_cancelled(&events, &diag), RESULT_UNREACHABLE);
    events.reason = OCTETS("rpc error: code = PermissionDenied desc = no");
    assert_int_equal(etcdreply_cancelled(&events, &diag), RESULT_REFUSED);
    events.reason = OCTETS("etcdserver: no leader");
    assert_int_equal(etcdreply_cancelled(&events, &diag), RESULT_UNREACHABLE);
    /* an event of a kind that nobody knows, without a row, without a key */
    assert_int_equal(
        etcdreply_events(&events, OCTETS("\x5a\x07\x08\x02\x12\x03\x0a\x01\x62"), NULL),
        RESULT_INVALID);
    assert_int_equal(etcdreply_events(&events, OCTETS("\x5a\x00"), NULL), RESULT_INVALID);
    assert_int_equal(etcdreply_events(&events, OCTETS("\x5a\x02\x12\x00"), NULL), RESULT_INVALID);
}

static void a_node_tells_its_state(void **)
{
    struct etcdreply_status status;
    struct etcdreply_nodes nodes;
    struct etcdreply_node node;
    struct etcdreply_alarms alarms;
    struct etcdreply_alarm alarm;
    assert_ok(etcdreply_status(&status, OCTETS(STATUS), NULL));
    assert_string_equal(status.version, "3.4.9");
    assert_true(status.size == 100 && status.used == 50 && status.leader == 2);
    assert_true(status.index == 10 && status.applied == 9 && status.learner && status.trouble);
    assert_string_equal(status.error, "e1");
    assert_ok(etcdreply_nodes(&nodes, OCTETS(NODES), NULL));
    assert_true(etcdreply_next_node(&nodes, &node) && node.id == 2 && node.learner);
    assert_string_equal(node.name, "n1");
    assert_string_equal(node.url, "x");
    assert_false(etcdreply_next_node(&nodes, &node));
    assert_ok(etcdreply_alarms(&alarms, OCTETS(ALARMS), NULL));
    assert_true(etcdreply_next_alarm(&alarms, &alarm) && alarm.kind == ETCDREPLY_NO_SPACE);
    assert_int_equal(alarm.node, 2);
    assert_false(etcdreply_next_alarm(&alarms, &alarm));
}

static void read_as_everything(struct octets octets)
{
    union {
        struct etcdreply_range range;
        struct etcdreply_txn txn;
        struct etcdreply_events events;
        struct etcdreply_status status;
        struct etcdreply_nodes nodes;
        struct etcdreply_alarms alarms;
    } out;
    struct etcdreply_row row;
    struct etcdreply_part part;
    struct etcdreply_event event;
    struct etcdreply_node node;
    struct etcdreply_alarm alarm;
    if (etcdreply_range(&out.range, octets, NULL) == RESULT_OK) {
        while (etcdreply_next_row(&out.range, &row)) {
        }
    }
    if (etcdreply_txn(&out.txn, octets, NULL) == RESULT_OK) {
        while (etcdreply_next_part(&out.txn, &part)) {
        }
    }
    if (etcdreply_events(&out.events, octets, NULL) == RESULT_OK) {
        while (etcdreply_next_event(&out.events, &event)) {
        }
    }
    if (etcdreply_status(&out.status, octets, NULL) == RESULT_OK) {
        assert_non_null(memchr(out.status.version, 0, ETCDREPLY_TEXT_ROOM));
    }
    if (etcdreply_nodes(&out.nodes, octets, NULL) == RESULT_OK) {
        while (etcdreply_next_node(&out.nodes, &node)) {
        }
    }
    if (etcdreply_alarms(&out.alarms, octets, NULL) == RESULT_OK) {
        while (etcdreply_next_alarm(&out.alarms, &alarm)) {
        }
    }
}

/* A sanitizer judges what is read; `next` must never fail on what was accepted. */
static void every_truncation_and_flipped_bit_is_read_within_bounds(void **)
{
    const struct octets whole[] = { OCTETS(RANGE),     OCTETS(TXN),    OCTETS(EVENTS),
                                    OCTETS(CANCELLED), OCTETS(STATUS), OCTETS(NODES),
                                    OCTETS(ALARMS) };
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        for (size_t len = 0; len < whole[i].len; len++) {
            uint8_t *cut = malloc(len > 0 ? len : 1);
            assert_non_null(cut);
            memcpy(cut, whole[i].data, len);
            read_as_everything((struct octets){ cut, len });
            free(cut);
        }
        for (size_t bit = 0; bit < 8 * whole[i].len; bit++) {
            uint8_t *flipped = malloc(whole[i].len);
            assert_non_null(flipped);
            memcpy(flipped, whole[i].data, whole[i].len);
            flipped[bit / 8] ^= (uint8_t)(1U << bit % 8);
            read_as_everything((struct octets){ flipped, whole[i].len });
            free(flipped);
        }
    }
}

/* The texts are those of etcd 3.4.23. */
static void each_refusal_of_the_engine_has_its_result(void **)
{
    static const struct {
        unsigned code;
        const char *text;
        enum result read, changed;
    } cases[] = {
        { GRPC_UNAVAILABLE, "etcdserver: no leader", RESULT_UNREACHABLE, RESULT_UNREACHABLE },
        { GRPC_UNAVAILABLE, "etcdserver: leader changed", RESULT_UNREACHABLE, RESULT_UNCERTAIN },
        { GRPC_UNAVAILABLE, "etcdserver: request timed out", RESULT_UNREACHABLE, RESULT_UNCERTAIN },
        { GRPC_DEADLINE_EXCEEDED, "context deadline exceeded", RESULT_UNREACHABLE,
          RESULT_UNCERTAIN },
        { 2, "boom", RESULT_INVALID, RESULT_UNCERTAIN },
        { 99, "", RESULT_INVALID, RESULT_UNCERTAIN },
        { GRPC_PERMISSION_DENIED, "etcdserver: permission denied", RESULT_REFUSED, RESULT_REFUSED },
        { GRPC_INVALID_ARGUMENT, "etcdserver: user name is empty", RESULT_REFUSED, RESULT_REFUSED },
        { GRPC_OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted",
          RESULT_NOT_FOUND, RESULT_NOT_FOUND },
        { GRPC_OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision",
          RESULT_INVALID, RESULT_INVALID },
        { GRPC_RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", RESULT_FULL,
          RESULT_FULL },
        { GRPC_RESOURCE_EXHAUSTED, "etcdserver: too many requests", RESULT_UNREACHABLE,
          RESULT_UNREACHABLE },
        { GRPC_INVALID_ARGUMENT, "etcdserver: request is too large", RESULT_TOO_LONG,
          RESULT_TOO_LONG },
        { GRPC_FAILED_PRECONDITION, "etcdserver: user name already exists", RESULT_EXISTS,
          RESULT_EXISTS },
        { GRPC_FAILED_PRECONDITION, "etcdserver: role name not found", RESULT_NOT_FOUND,
          RESULT_NOT_FOUND },
        { GRPC_DATA_LOSS, "etcdserver: corrupt cluster", RESULT_DAMAGED, RESULT_DAMAGED },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct grpc_outcome outcome = { .ended = true, .code = cases[i].code };
        struct diag diag = { "" };
        (void)snprintf(outcome.text, sizeof(outcome.text), "%s", cases[i].text);
        assert_int_equal(etcdreply_failure(&outcome, false, &diag), cases[i].read);
        assert_true(diag.text[0] != '\0');
        assert_int_equal(etcdreply_failure(&outcome, true, &diag), cases[i].changed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_its_rows),
        cmocka_unit_test(a_transaction_says_what_each_operation_did),
        cmocka_unit_test(a_watch_tells_puts_deletes_and_its_end),
        cmocka_unit_test(a_node_tells_its_state),
        cmocka_unit_test(every_truncation_and_flipped_bit_is_read_within_bounds),
        cmocka_unit_test(each_refusal_of_the_engine_has_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
