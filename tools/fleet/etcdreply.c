#include "tools/fleet/etcdreply.h"

#include <inttypes.h>

#include "zone/base/printable.h"

/* Copies a text of the engine: printable, cut at the room. */
static void take_text(char *out, size_t room, struct octets text)
{
    char plain[GRPC_TEXT_ROOM];
    size_t len = text.len < sizeof(plain) - 1 ? text.len : sizeof(plain) - 1;
    if (len > 0) {
        memcpy(plain, text.data, len);
    }
    plain[len] = '\0';
    printable_escape(out, room, plain);
}

static void take_value(const struct protobuf_field *field, unsigned number, uint64_t *out)
{
    if (protobuf_is_value(field, number)) {
        *out = field->value;
    }
}

static void take_flag(const struct protobuf_field *field, unsigned number, bool *out)
{
    if (protobuf_is_value(field, number)) {
        *out = field->value != 0;
    }
}

static bool read_header(struct etcdreply_header *out, struct octets octets)
{
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field;
    while (protobuf_next(&message, &field)) {
        take_value(&field, 1, &out->cluster);
        take_value(&field, 2, &out->node);
        take_value(&field, 3, &out->revision);
        take_value(&field, 4, &out->term);
    }
    return !message.failed;
}

static bool read_row(struct etcdreply_row *out, struct octets octets)
{
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field;
    *out = (struct etcdreply_row){ .created = 0 };
    while (protobuf_next(&message, &field)) {
        if (protobuf_is_octets(&field, 1)) {
            out->key = field.octets;
        } else if (protobuf_is_octets(&field, 5)) {
            out->value = field.octets;
        }
        take_value(&field, 2, &out->created);
        take_value(&field, 3, &out->modified);
        take_value(&field, 4, &out->version);
    }
    return !message.failed && out->key.len > 0;
}

/* The next field of that number; `rest` was read before. */
static bool next_of(struct reader *rest, unsigned number, struct octets *out)
{
    struct protobuf_field field;
    while (protobuf_next(rest, &field)) {
        if (protobuf_is_octets(&field, number)) {
            *out = field.octets;
            return true;
        }
    }
    return false;
}

static enum result fail(struct diag *diag, const char *what)
{
    return diag_fail(diag, RESULT_INVALID, "what it sends is no %s of etcd", what);
}

static bool read_range(struct etcdreply_range *out, struct octets octets)
{
    struct reader message = reader_of(octets.data, octets.len);
    struct etcdreply_range range = { .rest = message };
    struct protobuf_field field;
    struct etcdreply_row row;
    bool ok = true;
    while (ok && protobuf_next(&message, &field)) {
        if (protobuf_is_octets(&field, 1)) {
            ok = read_header(&range.header, field.octets);
        } else if (protobuf_is_octets(&field, 2)) {
            ok = read_row(&row, field.octets);
        }
        take_flag(&field, 3, &range.more);
        take_value(&field, 4, &range.count);
    }
    *out = range;
    return ok && !message.failed;
}

enum result etcdreply_range(struct etcdreply_range *out, struct octets message, struct diag *diag)
{
    struct etcdreply_range range;
    if (!read_range(&range, message)) {
        return fail(diag, "reply to a range");
    }
    *out = range;
    return RESULT_OK;
}

bool etcdreply_next_row(struct etcdreply_range *range, struct etcdreply_row *out)
{
    struct octets octets;
    if (!next_of(&range->rest, 2, &octets)) {
        return false;
    }
    CHECK(read_row(out, octets));
    return true;
}

/* A ResponseOp: the one field of it says what was done. */
static bool read_part(struct etcdreply_part *out, struct octets octets)
{
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field, count;
    if (!protobuf_next(&message, &field) || field.kind != PROTOBUF_OCTETS ||
        !reader_done(&message)) {
        return false;
    }
    *out = (struct etcdreply_part){ .kind = ETCDREPLY_PUT };
    if (field.number == 1) {
        out->kind = ETCDREPLY_GOT;
        return read_range(&out->got, field.octets);
    }
    if (field.number == 2) {
        return true;
    }
    out->kind = ETCDREPLY_DELETED;
    message = reader_of(field.octets.data, field.octets.len);
    while (protobuf_next(&message, &count)) {
        take_value(&count, 2, &out->deleted);
    }
    return field.number == 3 && !message.failed;
}

enum result etcdreply_txn(struct etcdreply_txn *out, struct octets message, struct diag *diag)
{
    struct reader fields = reader_of(message.data, message.len);
    struct etcdreply_txn txn = { .rest = fields };
    struct protobuf_field field;
    struct etcdreply_part part;
    bool ok = true;
    while (ok && protobuf_next(&fields, &field)) {
        if (protobuf_is_octets(&field, 1)) {
            ok = read_header(&txn.header, field.octets);
        } else if (protobuf_is_octets(&field, 3)) {
            ok = read_part(&part, field.octets);
        }
        take_flag(&field, 2, &txn.held);
    }
    if (!ok || fields.failed) {
        return fail(diag, "reply to a transaction");
    }
    *out = txn;
    return RESULT_OK;
}

bool etcdreply_next_part(struct etcdreply_txn *txn, struct etcdreply_part *out)
{
    struct octets octets;
    if (!next_of(&txn->rest, 3, &octets)) {
        return false;
    }
    CHECK(read_part(out, octets));
    return true;
}

static bool read_event(struct etcdreply_event *out, struct octets octets)
{
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field;
    uint64_t type = 0;
    bool ok = false;
    *out = (struct etcdreply_event){ .deleted = false };
    while (protobuf_next(&message, &field)) {
        take_value(&field, 1, &type);
        if (protobuf_is_octets(&field, 2)) {
            ok = read_row(&out->row, field.octets);
        }
    }
    out->deleted = type == 1;
    return ok && !message.failed && type <= 1;
}

enum result etcdreply_events(struct etcdreply_events *out, struct octets message, struct diag *diag)
{
    struct reader fields = reader_of(message.data, message.len);
    struct etcdreply_events events = { .rest = fields };
    struct protobuf_field field;
    struct etcdreply_event event;
    bool ok = true;
    while (ok && protobuf_next(&fields, &field)) {
        if (protobuf_is_octets(&field, 1)) {
            ok = read_header(&events.header, field.octets);
        } else if (protobuf_is_octets(&field, 6)) {
            events.reason = field.octets;
        } else if (protobuf_is_octets(&field, 11)) {
            ok = read_event(&event, field.octets);
            events.count++;
        }
        take_flag(&field, 3, &events.created);
        take_flag(&field, 4, &events.cancelled);
        take_value(&field, 5, &events.compacted);
        take_flag(&field, 7, &events.more);
    }
    if (!ok || fields.failed) {
        return fail(diag, "message of a watch");
    }
    *out = events;
    return RESULT_OK;
}

bool etcdreply_next_event(struct etcdreply_events *events, struct etcdreply_event *out)
{
    struct octets octets;
    if (!next_of(&events->rest, 11, &octets)) {
        return false;
    }
    CHECK(read_event(out, octets));
    return true;
}

static void take_error(struct etcdreply_status *status, struct octets text)
{
    if (!status->trouble) {
        take_text(status->error, sizeof(status->error), text);
    }
    status->trouble = true;
}

enum result etcdreply_status(struct etcdreply_status *out, struct octets message, struct diag *diag)
{
    struct reader fields = reader_of(message.data, message.len);
    struct etcdreply_status status = { .size = 0 };
    struct protobuf_field field;
    bool ok = true;
    while (ok && protobuf_next(&fields, &field)) {
        if (protobuf_is_octets(&field, 1)) {
            ok = read_header(&status.header, field.octets);
        } else if (protobuf_is_octets(&field, 2)) {
            take_text(status.version, sizeof(status.version), field.octets);
        } else if (protobuf_is_octets(&field, 8)) {
            take_error(&status, field.octets);
        }
        take_value(&field, 3, &status.size);
        take_value(&field, 4, &status.leader);
        take_value(&field, 5, &status.index);
        take_value(&field, 7, &status.applied);
        take_value(&field, 9, &status.used);
        take_flag(&field, 10, &status.learner);
    }
    if (!ok || fields.failed) {
        return fail(diag, "status");
    }
    *out = status;
    return RESULT_OK;
}

/* Replies that are a header and a list of field 2. */
static bool read_list(struct etcdreply_header *header, struct octets octets,
                      bool (*read_item)(void *item, struct octets octets), void *item)
{
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field;
    bool ok = true;
    while (ok && protobuf_next(&message, &field)) {
        if (protobuf_is_octets(&field, 1)) {
            ok = read_header(header, field.octets);
        } else if (protobuf_is_octets(&field, 2)) {
            ok = read_item(item, field.octets);
        }
    }
    return ok && !message.failed;
}

static bool read_node(void *item, struct octets octets)
{
    struct etcdreply_node *out = item;
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field;
    *out = (struct etcdreply_node){ .id = 0 };
    while (protobuf_next(&message, &field)) {
        take_value(&field, 1, &out->id);
        if (protobuf_is_octets(&field, 2)) {
            take_text(out->name, sizeof(out->name), field.octets);
        } else if (protobuf_is_octets(&field, 4) && out->url[0] == '\0') {
            take_text(out->url, sizeof(out->url), field.octets);
        }
        take_flag(&field, 5, &out->learner);
    }
    return !message.failed;
}

enum result etcdreply_nodes(struct etcdreply_nodes *out, struct octets message, struct diag *diag)
{
    struct etcdreply_nodes nodes = { .rest = reader_of(message.data, message.len) };
    struct etcdreply_node node;
    if (!read_list(&nodes.header, message, read_node, &node)) {
        return fail(diag, "list of nodes");
    }
    *out = nodes;
    return RESULT_OK;
}

bool etcdreply_next_node(struct etcdreply_nodes *nodes, struct etcdreply_node *out)
{
    struct octets octets;
    if (!next_of(&nodes->rest, 2, &octets)) {
        return false;
    }
    CHECK(read_node(out, octets));
    return true;
}

static bool read_alarm(void *item, struct octets octets)
{
    struct etcdreply_alarm *out = item;
    struct reader message = reader_of(octets.data, octets.len);
    struct protobuf_field field;
    *out = (struct etcdreply_alarm){ .node = 0 };
    while (protobuf_next(&message, &field)) {
        take_value(&field, 1, &out->node);
        take_value(&field, 2, &out->kind);
    }
    return !message.failed;
}

enum result etcdreply_alarms(struct etcdreply_alarms *out, struct octets message, struct diag *diag)
{
    struct etcdreply_alarms alarms = { .rest = reader_of(message.data, message.len) };
    struct etcdreply_alarm alarm;
    if (!read_list(&alarms.header, message, read_alarm, &alarm)) {
        return fail(diag, "list of alarms");
    }
    *out = alarms;
    return RESULT_OK;
}

bool etcdreply_next_alarm(struct etcdreply_alarms *alarms, struct etcdreply_alarm *out)
{
    struct octets octets;
    if (!next_of(&alarms->rest, 2, &octets)) {
        return false;
    }
    CHECK(read_alarm(out, octets));
    return true;
}

static bool says(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* A code that etcd gives for several reasons: the text tells them apart. */
static enum result of_text(const char *text, enum result otherwise)
{
    static const struct {
        const char *part;
        enum result result;
    } known[] = {
        { "compacted", RESULT_NOT_FOUND },
        { "not found", RESULT_NOT_FOUND },
        { "already exists", RESULT_EXISTS },
        { "space exceeded", RESULT_FULL },
        { "too large", RESULT_TOO_LONG },
        { "larger than max", RESULT_TOO_LONG },
        { "too many operations", RESULT_TOO_LONG },
        { "too many requests", RESULT_UNREACHABLE },
        { "not leader", RESULT_UNREACHABLE },
        { "user name is empty", RESULT_REFUSED },
        { "authentication is not enabled", RESULT_REFUSED },
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (says(text, known[i].part)) {
            return known[i].result;
        }
    }
    return otherwise;
}

static enum result unavailable(const char *text, bool changes, struct diag *diag)
{
    if (says(text, "no leader")) {
        return diag_fail(diag, RESULT_UNREACHABLE,
                         "no majority of the engine's nodes agrees on a leader");
    }
    if (changes) {
        return diag_fail(diag, RESULT_UNCERTAIN,
                         "it is not known whether the change was made: \"%s\"", text);
    }
    return diag_fail(diag, RESULT_UNREACHABLE, "the node can't answer now: \"%s\"", text);
}

enum result etcdreply_failure(const struct grpc_outcome *outcome, bool changes, struct diag *diag)
{
    const char *text = outcome->text;
    enum result result = RESULT_INVALID;
    switch (outcome->code) {
    case GRPC_CANCELLED:
    case GRPC_DEADLINE_EXCEEDED:
    case GRPC_UNAVAILABLE:
        return unavailable(text, changes, diag);
    case GRPC_PERMISSION_DENIED:
    case GRPC_UNAUTHENTICATED:
        result = RESULT_REFUSED;
        break;
    case GRPC_DATA_LOSS:
        result = RESULT_DAMAGED;
        break;
    case GRPC_NOT_FOUND:
        result = RESULT_NOT_FOUND;
        break;
    case GRPC_ALREADY_EXISTS:
        result = RESULT_EXISTS;
        break;
    case GRPC_INVALID_ARGUMENT:
    case GRPC_RESOURCE_EXHAUSTED:
    case GRPC_FAILED_PRECONDITION:
    case GRPC_OUT_OF_RANGE:
    case GRPC_UNIMPLEMENTED:
        result = of_text(text, RESULT_INVALID);
        break;
    default: /* a bug of the node, perhaps after it did what was asked */
        result = changes ? RESULT_UNCERTAIN : RESULT_INVALID;
    }
    if (result == RESULT_REFUSED) {
        return diag_fail(diag, result,
                         "the engine gives this machine no right to that: was it evicted? (\"%s\")",
                         text);
    }
    return diag_fail(diag, result, "the engine refuses: \"%s\" (code %u)", text, outcome->code);
}

enum result etcdreply_cancelled(const struct etcdreply_events *events, struct diag *diag)
{
    char text[GRPC_TEXT_ROOM];
    take_text(text, sizeof(text), events->reason);
    if (events->compacted > 0) {
        return diag_fail(diag, RESULT_NOT_FOUND,
                         "the history before revision %" PRIu64 " is compacted", events->compacted);
    }
    if (says(text, "permission denied") || says(text, "PermissionDenied")) {
        return diag_fail(diag, RESULT_REFUSED, "no right to watch these keys");
    }
    if (says(text, "no leader")) {
        return unavailable(text, false, diag);
    }
    return diag_fail(diag, RESULT_UNREACHABLE, "the node ends the watch: \"%s\"", text);
}
