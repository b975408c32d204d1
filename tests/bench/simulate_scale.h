/* What shares and decks cost in pools of any size: CPU time and memory. */
#ifndef TESTS_BENCH_SIMULATE_SCALE_H
#define TESTS_BENCH_SIMULATE_SCALE_H

/* Prints a table. */
void scale_print(void);

#endif
