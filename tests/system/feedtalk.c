/* feedtalk: rows followed and rows sent (tools/fleet/following.h, sending.h) at the end of a pipe,
 * for test_feed_rows.py.
 *
 * use: feedtalk CA CERTIFICATE KEY PREFIX WHAT NODE...
 *
 * It follows WHAT below PREFIX and writes `anew`, `row KEY=VALUE`, `gone KEY` and `whole`. It reads
 * a command a line and writes a line a reply:
 *
 *     put KEY VALUE | delete KEY | drop FROM TO    ok, or full
 *     waiting                                      COUNT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/fleet/following.h"
#include "tools/fleet/sending.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"

enum {
    KEYS = 100,
    LINE_ROOM = 4096
};

static void log_line(int, const struct log_fields *, const char *text)
{
    (void)fprintf(stderr, "%s\n", text);
}

static enum result row(void *, struct octets key, struct octets value, struct diag *)
{
    printf("row %.*s=%.*s\n", (int)key.len, (const char *)key.data,
           value.len > 40 ? 40 : (int)value.len, (const char *)value.data);
    return RESULT_OK;
}

static enum result gone(void *, struct octets key, struct diag *)
{
    printf("gone %.*s\n", (int)key.len, (const char *)key.data);
    return RESULT_OK;
}

static void anew(void *)
{
    printf("anew\n");
}

static enum result whole(void *, struct diag *)
{
    printf("whole\n");
    return RESULT_OK;
}

static void obey(struct sending *sending, char *line)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " \n", &rest), *first = strtok_r(NULL, " \n", &rest);
    const char *second = strtok_r(NULL, " \n", &rest);
    enum result result = RESULT_INVALID;
    if (word == NULL || first == NULL) {
        printf("%zu\n", sending_waiting(sending));
        return;
    }
    if (strcmp(word, "put") == 0) {
        result = sending_put(sending, first, etcdrequest_text(second != NULL ? second : ""));
    } else if (strcmp(word, "delete") == 0) {
        result = sending_delete(sending, first);
    } else if (second != NULL) {
        result = sending_delete_range(sending, first, second);
    }
    printf("%s\n", result == RESULT_OK ? "ok" : "full");
}

/* False at the end of the input. Lines arrive whole: the test waits for each reply. */
static bool read_command(struct sending *sending)
{
    char line[LINE_ROOM];
    ssize_t got = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (got <= 0) {
        return false;
    }
    line[got] = '\0';
    obey(sending, line);
    return true;
}

int main(int argc, char **argv)
{
    static const struct following_reader reader = { row, gone, anew, whole };
    struct diag diag = { "" };
    struct feeder feeder = { .log = log_line };
    struct etcd_config config = { .ca = argv[1], .certificate = argv[2], .key = argv[3] };
    if (argc < 7 || sodium_init() < 0) {
        return 2;
    }
    feeder.prefix = argv[4];
    for (int i = 6; i < argc && config.node_count < ETCD_NODES_MAX; i++) {
        if (endpoint_parse(&config.nodes[config.node_count++], argv[i], ETCD_PORT) != RESULT_OK) {
            return 2;
        }
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (etcd_new(&feeder.etcd, &config, &diag) != RESULT_OK) {
        return 1;
    }
    struct following *following = following_new(&feeder, argv[5], &reader, NULL);
    struct sending *sending = sending_new(&feeder, KEYS);
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    enum result result = RESULT_OK;
    while (result == RESULT_OK && (input.revents == 0 || read_command(sending))) {
        input.revents = 0;
        feeder.stirred = false;
        feeder.now_ms = clock_steady_ms();
        uint64_t wait_ms = u64_min(following_turn(following), sending_turn(sending));
        result = etcd_turn(feeder.etcd, &input, 1, feeder.stirred ? 0 : (unsigned)wait_ms, &diag);
    }
    following_free(following);
    sending_free(sending);
    etcd_free(feeder.etcd);
    return result == RESULT_OK ? 0 : 1;
}
