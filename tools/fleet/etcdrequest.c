#include "tools/fleet/etcdrequest.h"

/* The default of a field is not written. */
static void put_value(struct protobuf *out, unsigned field, uint64_t value)
{
    if (value != 0) {
        protobuf_put_value(out, field, value);
    }
}

static void put_octets(struct protobuf *out, unsigned field, struct octets octets)
{
    if (octets.len > 0) {
        protobuf_put_octets(out, field, octets);
    }
}

static void put_keys(struct protobuf *out, unsigned field, const struct etcdrequest_keys *keys)
{
    put_octets(out, field, keys->from);
    put_octets(out, field + 1, keys->to);
}

struct octets etcdrequest_text(const char *text)
{
    return (struct octets){ (const uint8_t *)text, strlen(text) };
}

struct etcdrequest_keys etcdrequest_prefix(struct octets prefix, uint8_t *end)
{
    size_t len = prefix.len;
    while (len > 0 && prefix.data[len - 1] == UINT8_MAX) {
        len--;
    }
    if (len == 0) { /* no key is behind them; etcd says so by one octet 0 */
        end[0] = 0;
        return (struct etcdrequest_keys){ .from = prefix, .to = { end, 1 } };
    }
    memcpy(end, prefix.data, len);
    end[len - 1]++;
    return (struct etcdrequest_keys){ .from = prefix, .to = { end, len } };
}

void etcdrequest_range(struct protobuf *out, const struct etcdrequest_range *range)
{
    put_keys(out, 1, &range->keys);
    put_value(out, 3, range->limit);
    put_value(out, 4, range->revision);
    put_value(out, 7, range->serializable);
    put_value(out, 8, range->keys_only);
    put_value(out, 9, range->count_only);
}

void etcdrequest_if(struct protobuf *out, const struct etcdrequest_condition *condition)
{
    enum {
        TARGET_MODIFIED = 2,
        TARGET_VALUE = 3
    };
    size_t mark = protobuf_begin(out, 1);
    put_value(out, 1, condition->test);
    put_value(out, 2, condition->value.data != NULL ? TARGET_VALUE : TARGET_MODIFIED);
    put_octets(out, 3, condition->key);
    if (condition->value.data != NULL) {
        protobuf_put_octets(out, 7, condition->value);
    } else {
        protobuf_put_value(out, 6, condition->modified); /* one of several: 0 is written too */
    }
    protobuf_end(out, mark);
}

/* An operation of a transaction, between these two. */
static size_t begin_operation(struct protobuf *out, bool otherwise)
{
    return protobuf_begin(out, otherwise ? 3 : 2);
}

void etcdrequest_put(struct protobuf *out, bool otherwise, struct octets key, struct octets value)
{
    size_t mark = begin_operation(out, otherwise), put = protobuf_begin(out, 2);
    put_octets(out, 1, key);
    put_octets(out, 2, value);
    protobuf_end(out, put);
    protobuf_end(out, mark);
}

void etcdrequest_delete(struct protobuf *out, bool otherwise, const struct etcdrequest_keys *keys)
{
    size_t mark = begin_operation(out, otherwise), delete = protobuf_begin(out, 3);
    put_keys(out, 1, keys);
    protobuf_end(out, delete);
    protobuf_end(out, mark);
}

void etcdrequest_get(struct protobuf *out, bool otherwise, const struct etcdrequest_range *range)
{
    size_t mark = begin_operation(out, otherwise), get = protobuf_begin(out, 1);
    etcdrequest_range(out, range);
    protobuf_end(out, get);
    protobuf_end(out, mark);
}

void etcdrequest_watch(struct protobuf *out, const struct etcdrequest_watch *watch)
{
    size_t create = protobuf_begin(out, 1);
    put_keys(out, 1, &watch->keys);
    put_value(out, 3, watch->revision);
    put_value(out, 4, watch->progress);
    put_value(out, 8, 1); /* fragments: no message above the node's limit of a request */
    protobuf_end(out, create);
}

void etcdrequest_compact(struct protobuf *out, uint64_t revision, bool now)
{
    put_value(out, 1, revision);
    put_value(out, 2, now);
}

void etcdrequest_alarms(struct protobuf *)
{
    /* all fields have their defaults */
}

void etcdrequest_disarm(struct protobuf *out, uint64_t node, uint64_t kind)
{
    enum {
        DEACTIVATE = 2
    };
    put_value(out, 1, DEACTIVATE);
    put_value(out, 2, node);
    put_value(out, 3, kind);
}

void etcdrequest_name(struct protobuf *out, const char *name)
{
    protobuf_put_text(out, 1, name);
}

void etcdrequest_user(struct protobuf *out, const char *name)
{
    protobuf_put_text(out, 1, name);
    size_t options = protobuf_begin(out, 3);
    put_value(out, 1, 1); /* no password */
    protobuf_end(out, options);
}

void etcdrequest_user_role(struct protobuf *out, const char *user, const char *role)
{
    protobuf_put_text(out, 1, user);
    protobuf_put_text(out, 2, role);
}

void etcdrequest_role_right(struct protobuf *out, const char *role, enum etcdrequest_right right,
                            const struct etcdrequest_keys *keys)
{
    protobuf_put_text(out, 1, role);
    size_t permission = protobuf_begin(out, 2);
    put_value(out, 1, right);
    put_keys(out, 2, keys);
    protobuf_end(out, permission);
}
