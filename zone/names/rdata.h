/* What a record's data is made of, by type, and its text (RFC 1035 5.1).
 *
 * One table has the fields of each type. Text becomes octets by it, octets become text, and octets
 * are checked, wherever they come from: also those of a known type that were written as RFC 3597 5
 * has it, `\# <length> <hex>`. A type that the table does not have is any octets, in that form
 * only. Names in rdata are uncompressed. */
#ifndef ZONE_RDATA_H
#define ZONE_RDATA_H

#include <stdio.h>

#include "zone/names/dname.h"

enum {
    RDATA_MAX = 65535,
    RDATA_TTL_MAX = 0x7fffffff, /* RFC 2181 8 */
    RDATA_TYPE_ROOM = 16        /* of a type's name */
};

/* True if the octets are rdata of the type. */
bool rdata_check(uint16_t type, const uint8_t *rdata, size_t len);
/* True if a name has one record of the type at most. */
bool rdata_is_single(uint16_t type);
/* Brings names into lower case where DNSSEC wants it (RFC 4034 6.2, RFC 6840 5.1). `rdata` is
 * checked. */
void rdata_lower(uint16_t type, uint8_t *rdata, size_t len);

/* Writes the rdata that `text` stands for: one line without comments and parentheses, whose only
 * blanks outside of quotes are spaces. Relative names are under `origin`. What is written is
 * checked, and its names are as rdata_lower leaves them. INVALID, with the reason in `why`. */
enum result rdata_parse(uint16_t type, const char *text, const struct dname *origin,
                        struct writer *out, struct diag *why);
/* Prints it so that rdata_parse and other name servers read it back: what is no rdata of the type,
 * or has a text that not all of them know, as octets. */
void rdata_print(FILE *file, uint16_t type, const uint8_t *rdata, size_t len);

/* "SRV" -> 33, "TYPE65" -> 65, in either case. NOT_FOUND. */
enum result rdata_type_parse(uint16_t *out, const char *text);
/* The type's name; RDATA_TYPE_ROOM octets. `out` is returned. TYPE and the number (RFC 3597 5) if
 * it has none, or one that is not known everywhere. */
char *rdata_type_text(uint16_t type, char *out);

/* A word of the text, or a quoted string without its quotes. */
struct rdata_word {
    const char *text;
    size_t len;
    bool quoted;
};
/* The next word at `*text`, which is moved behind it. False at the end. */
bool rdata_word(const char **text, struct rdata_word *out);
/* A name, relative to `origin` without a dot at its end; `@` is the origin. */
bool rdata_name_parse(struct dname *out, const struct rdata_word *word, const struct dname *origin);
/* "3600", "1h", "1h30m", as BIND has them. False if it is none, or over RDATA_TTL_MAX. */
bool rdata_ttl_parse(uint32_t *out, const char *text, size_t len);

#endif
