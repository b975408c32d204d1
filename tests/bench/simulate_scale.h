/* CPU time and memory of shares and decks in pools of any size. */
#ifndef TESTS_BENCH_SIMULATE_SCALE_H
#define TESTS_BENCH_SIMULATE_SCALE_H

/* Prints a table. */
void scale_print(void);

#endif
