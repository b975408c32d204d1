/* What the load generators share: query files, clocks, the CPU time of processes. */
#ifndef BENCH_QFILE_H
#define BENCH_QFILE_H

#include <stddef.h>
#include <stdint.h>

enum {
    QUERY_ROOM = 512,
    QUERY_MORE = 32 /* room that every query of a file leaves */
};

struct query {
    uint8_t data[QUERY_ROOM];
    uint16_t len;
};

/* CPU time of a process so far, in seconds. The total is exact. The user part is the kernel's
 * estimate. */
struct demand {
    double total, user;
};

uint64_t now_ns(void);
_Noreturn void die(const char *what);
/* Reads a file of [u16 big-endian length][DNS message]... Ends the program if it is none. */
struct query *read_queries(const char *path, size_t *count);
/* Puts 12 random hex digits behind the first letter of the query's name. */
void vary_name(uint8_t *message, uint64_t random);
uint64_t next_random(uint64_t *state);
struct demand demand_of(int pid);

#endif
