/* The world's countries, with continent and position: a built-in table, no file. */
#ifndef ZONE_COUNTRY_H
#define ZONE_COUNTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/result.h"
#include "zone/places/position.h"

struct country {
    char code[3];      /* ISO 3166 alpha-2, upper case */
    char continent[3]; /* AF AN AS EU NA OC SA */
    struct position position;
};

/* True for the shape of an ISO 3166 alpha-2 code: two ASCII letters. Writes it in upper case to
 * `out`. */
bool country_code(char out[3], const char *text);
/* NULL if the code is not one of ISO 3166. */
const struct country *country_find(const char *code);
/* Takes the code in any letter case and writes it in upper case. INVALID with the reason if it is
 * not a country. */
enum result country_parse(char out[3], const char *text, struct diag *diag);
/* All countries in order of code. */
const struct country *country_all(size_t *count);

#endif
