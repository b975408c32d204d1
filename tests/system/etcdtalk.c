/* etcdtalk: the client of etcd (tools/fleet/etcd.h) at the end of a pipe, for test_etcd.py.
 *
 * use: etcdtalk CA CERTIFICATE KEY MESSAGE_MAX NODE...
 *
 * It reads a command a line and writes a line a reply, of words. Words are plain texts without
 * blanks; `-` stands for an empty one.
 *
 *     get FROM TO [REVISION|stale]     ok REVISION NODE COUNT KEY=VALUE@MODIFIED...
 *     count FROM TO                    ok REVISION NODE COUNT
 *     set KEY VALUE                    ok REVISION
 *     big KEY LENGTH                   ok REVISION
 *     swap KEY MODIFIED VALUE [ALSO]   ok|other REVISION [KEY=VALUE@MODIFIED, of the other]
 *     drop FROM TO                     ok REVISION DELETED
 *     watch FROM TO REVISION NODE      started
 *     status NODE                      ok VERSION NODE LEADER
 *     nodes                            ok NAME=URL...
 *     alarms                           ok KIND...
 *     compact REVISION | defragment NODE | disarm NODE-ID | user NAME ROLE | role NAME PREFIX RIGHT
 *     unuser NAME | auth               ok
 *
 * What fails is `failed RESULT WORDS`. Between commands it writes what the watch says:
 * `event KEY=VALUE@MODIFIED`, `event KEY gone@MODIFIED`, `begun`, `life`, `more` after a fragment,
 * and `end RESULT WORDS`. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/fleet/etcd.h"
#include "zone/base/clock.h"

enum {
    WORDS = 8,
    LINE_ROOM = 4096
};

struct talk {
    struct etcd *etcd;
    struct etcd_watch *watch;
    char *words[WORDS];
    unsigned count;
};

static const char *const names[] = {
#define NAME(name, text) #name,
    RESULT_LIST(NAME)
};

static struct octets word(const struct talk *talk, unsigned i)
{
    const char *text = i < talk->count ? talk->words[i] : "-";
    return etcdrequest_text(strcmp(text, "-") == 0 ? "" : text);
}

static uint64_t number(const struct talk *talk, unsigned i)
{
    return i < talk->count ? strtoull(talk->words[i], NULL, 10) : 0;
}

static struct etcdrequest_keys keys(const struct talk *talk, unsigned i)
{
    return (struct etcdrequest_keys){ .from = word(talk, i), .to = word(talk, i + 1) };
}

static void print_row(const struct etcdreply_row *row)
{
    int shown = row->value.len > 40 ? 40 : (int)row->value.len;
    printf(" %.*s=%.*s@%" PRIu64, (int)row->key.len, (const char *)row->key.data, shown,
           (const char *)row->value.data, row->modified);
}

static void print_rows(struct etcdreply_range *range)
{
    struct etcdreply_row row;
    while (etcdreply_next_row(range, &row)) {
        print_row(&row);
    }
}

/* The reply of a call, or NULL after it has said why not. */
static struct etcd_call *ask(struct talk *talk, enum etcd_method method, struct protobuf *request,
                             int node, bool stale)
{
    struct diag diag = { "" };
    struct etcd_plan plan = { .method = method, .request = request, .node = node, .stale = stale };
    struct etcd_call *call = etcd_call_start(talk->etcd, &plan);
    protobuf_free(request);
    enum result result = etcd_call_wait(call, &diag);
    if (result != RESULT_OK) {
        printf("failed %s %s\n", names[result], diag.text);
        etcd_call_free(call);
        return NULL;
    }
    return call;
}

static void plain(struct talk *talk, enum etcd_method method, struct protobuf *request, int node)
{
    struct etcd_call *call = ask(talk, method, request, node, false);
    if (call != NULL) {
        printf("ok\n");
    }
    etcd_call_free(call);
}

/* Reads the reply of `call`, or says that it is none and returns. */
#define READ(read, out)                                                                            \
    do {                                                                                           \
        struct diag diag = { "" };                                                                 \
        if ((read)((out), etcd_call_reply(call), &diag) != RESULT_OK) {                            \
            printf("failed INVALID %s\n", diag.text);                                              \
            etcd_call_free(call);                                                                  \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static void get(struct talk *talk, bool count_only)
{
    bool stale = talk->count > 3 && strcmp(talk->words[3], "stale") == 0;
    struct etcdrequest_range range = {
        .keys = keys(talk, 1),
        .revision = number(talk, 3),
        .serializable = stale,
        .count_only = count_only,
    };
    struct protobuf request = { .data = NULL };
    struct etcdreply_range reply;
    etcdrequest_range(&request, &range);
    struct etcd_call *call = ask(talk, ETCD_RANGE, &request, ETCD_ANY_NODE, stale);
    if (call == NULL) {
        return;
    }
    READ(etcdreply_range, &reply);
    printf("ok %" PRIu64 " %u %" PRIu64, reply.header.revision, etcd_call_node(call), reply.count);
    print_rows(&reply);
    printf("\n");
    etcd_call_free(call);
}

/* Sends a transaction and says what came of it. */
static void transact(struct talk *talk, struct protobuf *request)
{
    struct etcdreply_txn reply;
    struct etcdreply_part part;
    struct etcd_call *call = ask(talk, ETCD_TXN, request, ETCD_ANY_NODE, false);
    if (call == NULL) {
        return;
    }
    READ(etcdreply_txn, &reply);
    printf("%s %" PRIu64, reply.held ? "ok" : "other", reply.header.revision);
    while (etcdreply_next_part(&reply, &part)) {
        if (part.kind == ETCDREPLY_GOT) {
            print_rows(&part.got);
        } else if (part.kind == ETCDREPLY_DELETED) {
            printf(" %" PRIu64, part.deleted);
        }
    }
    printf("\n");
    etcd_call_free(call);
}

static void set(struct talk *talk, struct octets value)
{
    struct protobuf request = { .data = NULL };
    etcdrequest_put(&request, false, word(talk, 1), value);
    transact(talk, &request);
}

static void big(struct talk *talk)
{
    size_t len = (size_t)number(talk, 2);
    uint8_t *value = xmalloc(len);
    memset(value, 'x', len);
    set(talk, (struct octets){ value, len });
    free(value);
}

static void swap(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    struct etcdrequest_condition same = { .key = word(talk, 1), .modified = number(talk, 2) };
    struct etcdrequest_range other = { .keys = { .from = same.key } };
    etcdrequest_if(&request, &same);
    etcdrequest_put(&request, false, same.key, word(talk, 3));
    if (talk->count > 4) {
        etcdrequest_put(&request, false, word(talk, 4), word(talk, 3));
    }
    etcdrequest_get(&request, true, &other);
    transact(talk, &request);
}

static void drop(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    struct etcdrequest_keys all = keys(talk, 1);
    etcdrequest_delete(&request, false, &all);
    transact(talk, &request);
}

static void watch(struct talk *talk)
{
    struct etcdrequest_watch plan = { .keys = keys(talk, 1), .revision = number(talk, 3) };
    etcd_watch_free(talk->watch);
    talk->watch = etcd_watch_start(talk->etcd, &plan, (int)number(talk, 4));
    printf("started\n");
}

static void status(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    struct etcdreply_status reply;
    struct etcd_call *call = ask(talk, ETCD_STATUS, &request, (int)number(talk, 1), false);
    if (call != NULL) {
        READ(etcdreply_status, &reply);
        printf("ok %s %" PRIx64 " %" PRIx64 "\n", reply.version, reply.header.node, reply.leader);
    }
    etcd_call_free(call);
}

static void nodes(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    struct etcdreply_nodes reply;
    struct etcdreply_node node;
    struct etcd_call *call = ask(talk, ETCD_NODES, &request, ETCD_ANY_NODE, false);
    if (call == NULL) {
        return;
    }
    READ(etcdreply_nodes, &reply);
    printf("ok");
    while (etcdreply_next_node(&reply, &node)) {
        printf(" %s=%s", node.name, node.url);
    }
    printf("\n");
    etcd_call_free(call);
}

static void alarms(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    struct etcdreply_alarms reply;
    struct etcdreply_alarm alarm;
    etcdrequest_alarms(&request);
    struct etcd_call *call = ask(talk, ETCD_ALARMS, &request, ETCD_ANY_NODE, false);
    if (call == NULL) {
        return;
    }
    READ(etcdreply_alarms, &reply);
    printf("ok");
    while (etcdreply_next_alarm(&reply, &alarm)) {
        printf(" %" PRIu64, alarm.kind);
    }
    printf("\n");
    etcd_call_free(call);
}

/* Role NAME with that right on all keys that begin with PREFIX. */
static void role(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    uint8_t end[LINE_ROOM];
    struct etcdrequest_keys all = etcdrequest_prefix(word(talk, 2), end);
    etcdrequest_name(&request, talk->words[1]);
    struct etcd_call *call = ask(talk, ETCD_ROLE_ADD, &request, ETCD_ANY_NODE, false);
    if (call != NULL) {
        etcdrequest_role_right(&request, talk->words[1], (enum etcdrequest_right)number(talk, 3),
                               &all);
        plain(talk, ETCD_ROLE_GRANT, &request, ETCD_ANY_NODE);
    }
    etcd_call_free(call);
}

static void user(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    etcdrequest_user(&request, talk->words[1]);
    struct etcd_call *call = ask(talk, ETCD_USER_ADD, &request, ETCD_ANY_NODE, false);
    if (call != NULL) {
        etcdrequest_user_role(&request, talk->words[1], talk->words[2]);
        plain(talk, ETCD_USER_GRANT, &request, ETCD_ANY_NODE);
    }
    etcd_call_free(call);
}

static void upkeep(struct talk *talk)
{
    struct protobuf request = { .data = NULL };
    const char *what = talk->words[0];
    if (strcmp(what, "compact") == 0) {
        etcdrequest_compact(&request, number(talk, 1), true);
        plain(talk, ETCD_COMPACT, &request, ETCD_ANY_NODE);
    } else if (strcmp(what, "defragment") == 0) {
        plain(talk, ETCD_DEFRAGMENT, &request, (int)number(talk, 1));
    } else if (strcmp(what, "disarm") == 0) {
        etcdrequest_disarm(&request, strtoull(talk->words[1], NULL, 16), ETCDREPLY_NO_SPACE);
        plain(talk, ETCD_DISARM, &request, ETCD_ANY_NODE);
    } else if (strcmp(what, "unuser") == 0) {
        etcdrequest_name(&request, talk->words[1]);
        plain(talk, ETCD_USER_DELETE, &request, ETCD_ANY_NODE);
    } else if (strcmp(what, "auth") == 0) {
        plain(talk, ETCD_AUTH_ENABLE, &request, ETCD_ANY_NODE);
    } else {
        printf("failed USAGE no such command\n");
    }
}

static void obey(struct talk *talk)
{
    static const struct {
        const char *name;
        void (*run)(struct talk *talk);
    } commands[] = { { "big", big },       { "swap", swap },   { "drop", drop },
                     { "watch", watch },   { "role", role },   { "user", user },
                     { "status", status }, { "nodes", nodes }, { "alarms", alarms } };
    const char *name = talk->words[0];
    if (strcmp(name, "get") == 0 || strcmp(name, "count") == 0) {
        get(talk, *name == 'c');
        return;
    }
    if (strcmp(name, "set") == 0) {
        set(talk, word(talk, 2));
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].run(talk);
            return;
        }
    }
    upkeep(talk);
}

static void tell_events(struct talk *talk)
{
    struct etcdreply_events events;
    struct etcdreply_event event;
    struct diag diag = { "" };
    enum result result = RESULT_EXHAUSTED;
    while (talk->watch != NULL &&
           (result = etcd_watch_next(talk->watch, &events, &diag)) == RESULT_OK) {
        if (events.count == 0) {
            printf(events.created ? "begun\n" : "life\n");
        }
        while (etcdreply_next_event(&events, &event)) {
            printf("event");
            if (event.deleted) {
                printf(" %.*s gone@%" PRIu64, (int)event.row.key.len,
                       (const char *)event.row.key.data, event.row.modified);
            } else {
                print_row(&event.row);
            }
            printf("\n");
        }
        if (events.more) {
            printf("more\n");
        }
    }
    if (talk->watch != NULL && result != RESULT_EXHAUSTED) {
        printf("end %s %s\n", names[result], diag.text);
        etcd_watch_free(talk->watch);
        talk->watch = NULL;
    }
}

/* Reads what there is of the input. False at its end. */
static bool read_commands(struct talk *talk)
{
    static char line[LINE_ROOM];
    static size_t len;
    ssize_t got = read(STDIN_FILENO, line + len, sizeof(line) - 1 - len);
    if (got <= 0) {
        return false;
    }
    len += (size_t)got;
    line[len] = '\0';
    char *end = strchr(line, '\n');
    while (end != NULL) {
        *end = '\0';
        char *state = NULL, *next = strtok_r(line, " ", &state);
        talk->count = 0;
        while (next != NULL && talk->count < WORDS) {
            talk->words[talk->count++] = next;
            next = strtok_r(NULL, " ", &state);
        }
        if (talk->count > 0) {
            obey(talk);
        }
        size_t taken = (size_t)(end + 1 - line);
        len -= taken;
        memmove(line, line + taken, len + 1);
        end = strchr(line, '\n');
    }
    return true;
}

int main(int argc, char **argv)
{
    struct diag diag = { "" };
    struct talk talk = { .watch = NULL };
    if (argc < 6) {
        return 2;
    }
    struct etcd_config config = {
        .ca = argv[1],
        .certificate = argv[2],
        .key = argv[3],
        .message_max = strtoul(argv[4], NULL, 10),
    };
    for (int i = 5; i < argc && config.node_count < ETCD_NODES_MAX; i++) {
        if (endpoint_parse(&config.nodes[config.node_count++], argv[i], ETCD_PORT) != RESULT_OK) {
            return 2;
        }
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (etcd_new(&talk.etcd, &config, &diag) != RESULT_OK) {
        printf("failed INVALID %s\n", diag.text);
        return 1;
    }
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    enum result result = RESULT_OK;
    while (result == RESULT_OK) {
        input.revents = 0;
        result = etcd_turn(talk.etcd, &input, 1, 1000, &diag);
        tell_events(&talk);
        if (input.revents != 0 && !read_commands(&talk)) {
            break;
        }
    }
    etcd_watch_free(talk.watch);
    etcd_free(talk.etcd);
    return result == RESULT_OK ? 0 : 1;
}
