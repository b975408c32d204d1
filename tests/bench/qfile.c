#include "qfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void die(const char *what)
{
    perror(what);
    exit(1);
}

uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void vary_name(uint8_t *message, uint64_t random)
{
    for (int i = 0; i < 12; i++) {
        message[14 + i] = (uint8_t) "0123456789abcdef"[random >> 4 * i & 15];
    }
}

struct query *read_queries(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    struct query *queries = NULL;
    uint8_t head[2];
    if (file == NULL) {
        die(path);
    }
    *count = 0;
    while (fread(head, 1, 2, file) == 2) {
        if (*count % 4096 == 0) {
            queries = realloc(queries, (*count + 4096) * sizeof(*queries));
        }
        struct query *query = &queries[(*count)++];
        query->len = (uint16_t)(head[0] << 8 | head[1]);
        if (query->len < 12 || query->len > QUERY_ROOM - QUERY_MORE ||
            fread(query->data, 1, query->len, file) != query->len) {
            *count = 0;
            break;
        }
    }
    (void)fclose(file);
    if (*count == 0) {
        (void)fprintf(stderr, "%s does not hold queries\n", path);
        exit(1);
    }
    return queries;
}

struct demand demand_of(int pid)
{
    struct demand usage = { 0 };
    char path[64], line[1024] = "";
    struct timespec time;
    clockid_t clock;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fread(line, 1, sizeof(line) - 1, file) == 0 ||
        clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
        die(path);
    }
    (void)fclose(file);
    const char *field = strrchr(line, ')'); /* ends field 2 of proc(5); utime is field 14 */
    for (int i = 2; i < 14 && field != NULL; i++) {
        field = strchr(field + 1, ' ');
    }
    usage.total = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
    usage.user =
        (double)strtoul(field != NULL ? field : "", NULL, 10) / (double)sysconf(_SC_CLK_TCK);
    return usage;
}
