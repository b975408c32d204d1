#include "zone/names/zonefile.h"

#include <stdlib.h>
#include <strings.h>

#include "zone/names/rdata.h"

enum {
    /* characters of one entry: enough for all rdata with each octet as \\DDD */
    ENTRY_MAX = 5 * RDATA_MAX,
};

/* The file and the entry read last: one record or directive, its lines joined, without comments and
 * parentheses. */
struct source {
    FILE *file;
    const char *path;
    struct diag *diag;
    unsigned line;  /* line of the next character */
    unsigned start; /* line where the entry starts */
    unsigned depth; /* open parentheses */
    bool quoted;
    bool content; /* the entry has more than blanks */
    size_t len;
    char text[ENTRY_MAX + 1];
    uint8_t rdata[RDATA_MAX];
};

/* The defaults that an entry sets for later ones. */
struct state {
    /* the last TTL stated (RFC 1035 5.1), or that of $TTL (RFC 2308 4) */
    uint32_t ttl;
    bool ttl_is_set;
    struct dname origin;
    struct dname previous;
    bool has_previous;
};

static enum result fault(const struct source *source, const char *what)
{
    return diag_fail(source->diag, RESULT_INVALID, "%s:%u: %s", source->path, source->start, what);
}

/* An error about a word. */
static enum result fault_at(const struct source *source, const struct rdata_word *word,
                            const char *what)
{
    return diag_fail(source->diag, RESULT_INVALID, "%s:%u: \"%.*s\" %s", source->path,
                     source->start, word->len < 60 ? (int)word->len : 60, word->text, what);
}

static enum result append(struct source *source, int c)
{
    if (c == EOF || c == '\0') {
        return fault(source, "the text ends within a record, or contains NUL");
    }
    if (source->len == ENTRY_MAX) {
        return fault(source, "the record is too long");
    }
    bool blank = c == ' ' || c == '\t' || c == '\r';
    if (!blank && !source->content) {
        source->content = true;
        source->start = source->line;
    }
    source->text[source->len++] = (char)(blank && !source->quoted ? ' ' : c);
    return RESULT_OK;
}

/* Takes a character inside quotes, or an escape (RFC 1035 5.1). */
static enum result take_literal(struct source *source, int c)
{
    if (c == '\n') {
        return fault(source, "a quoted text does not end on its line");
    }
    TRY(append(source, c));
    if (c == '\\') {
        c = getc(source->file);
        return c == '\n' ? fault(source, "a backslash at the end of a line escapes nothing")
                         : append(source, c);
    }
    source->quoted = c == '"' ? !source->quoted : source->quoted;
    return RESULT_OK;
}

/* Takes one character; sets `*ended` after the last line of the entry. */
static enum result take_character(struct source *source, int c, bool *ended)
{
    if (source->quoted || c == '\\' || c == '"') {
        return take_literal(source, c);
    }
    switch (c) {
    case ';':
        while ((c = getc(source->file)) != '\n' && c != EOF) {
        }
        (void)ungetc(c, source->file);
        return RESULT_OK;
    case '(':
        source->depth++;
        return append(source, ' ');
    case ')':
        if (source->depth == 0) {
            return fault(source, "a closing parenthesis has no opening one");
        }
        source->depth--;
        return append(source, ' ');
    case '\n':
        source->line++;
        *ended = source->depth == 0;
        return *ended ? RESULT_OK : append(source, ' ');
    default:
        return append(source, c);
    }
}

/* Reads one entry, which may have blanks only. `*last` is its last character, or EOF. */
static enum result read_entry(struct source *source, int *last)
{
    bool ended = false;
    source->len = 0;
    source->content = false;
    source->start = source->line;
    while (!ended && (*last = getc(source->file)) != EOF) {
        TRY(take_character(source, *last, &ended));
    }
    return RESULT_OK;
}

/* Reads the next entry; sets `*end` if there is none. */
static enum result next_entry(struct source *source, bool *end)
{
    int last = 0;
    do {
        TRY(read_entry(source, &last));
    } while (!source->content && last != EOF);
    if (ferror(source->file) != 0) {
        return diag_fail(source->diag, RESULT_SYSTEM, "%s: cannot be read", source->path);
    }
    if (source->quoted || source->depth > 0) {
        return fault(source, "a quote or parenthesis is not closed");
    }
    source->text[source->len] = '\0';
    *end = !source->content;
    return RESULT_OK;
}

static bool is_word(const char *name, const struct rdata_word *word)
{
    return !word->quoted && word->len == strlen(name) &&
           strncasecmp(name, word->text, word->len) == 0;
}

static enum result take_directive(struct source *source, struct state *state)
{
    const char *at = source->text;
    struct rdata_word name = { "", 0, false };
    struct rdata_word value = { "", 0, false };
    struct rdata_word rest;
    bool good = rdata_word(&at, &name) && rdata_word(&at, &value) && !rdata_word(&at, &rest);
    if (is_word("$TTL", &name)) {
        state->ttl_is_set = true;
        return good && rdata_ttl_parse(&state->ttl, value.text, value.len)
                   ? RESULT_OK
                   : fault(source, "$TTL needs a TTL of at most 2147483647 seconds");
    }
    if (is_word("$ORIGIN", &name)) {
        return good && rdata_name_parse(&state->origin, &value, &state->origin)
                   ? RESULT_OK
                   : fault(source, "$ORIGIN needs a domain name");
    }
    return fault(source, "only the directives $ORIGIN and $TTL are known");
}

static enum result take_owner(struct source *source, struct state *state, const char **at)
{
    struct rdata_word word;
    if (source->text[0] == ' ') {
        return state->has_previous ? RESULT_OK
                                   : fault(source, "the first record has no owner name");
    }
    if (!rdata_word(at, &word) || !rdata_name_parse(&state->previous, &word, &state->origin)) {
        return fault_at(source, &word, "is not a domain name");
    }
    dname_lower(&state->previous);
    state->has_previous = true;
    return RESULT_OK;
}

/* Takes TTL and class, in either order (RFC 1035 5.1). `word` becomes the word after them. */
static enum result take_ttl_and_class(struct source *source, struct state *state, const char **at,
                                      struct rdata_word *word, uint32_t *ttl)
{
    bool has_ttl = false;
    bool has_class = false;
    *ttl = state->ttl;
    while (rdata_word(at, word)) {
        if (!has_class && (is_word("IN", word) || is_word("CLASS1", word))) {
            has_class = true;
        } else if (!has_class && (is_word("CH", word) || is_word("HS", word) ||
                                  (word->len > 5 && strncasecmp("CLASS", word->text, 5) == 0))) {
            return fault(source, "only records of class IN are served");
        } else if (!has_ttl && word->text[0] >= '0' && word->text[0] <= '9') {
            has_ttl = true;
            if (!rdata_ttl_parse(ttl, word->text, word->len)) {
                return fault_at(
                    source, word,
                    "is not a TTL: it is at most 2147483647 seconds, as in 3600 or 1h30m");
            }
            state->ttl = state->ttl_is_set ? state->ttl : *ttl;
        } else {
            return RESULT_OK;
        }
    }
    return fault(source, "the record has no type");
}

static enum result take_entry(struct source *source, struct state *state, zonefile_visit *visit,
                              void *arg)
{
    struct zonefile_record record = { .line = source->start, .rdata = source->rdata };
    struct rdata_word word = { "", 0, false };
    struct writer rdata = writer_of(source->rdata, sizeof source->rdata);
    struct diag why = { "" };
    char type[RDATA_TYPE_ROOM] = "";
    const char *at = source->text;
    if (source->text[0] == '$') {
        return take_directive(source, state);
    }
    TRY(take_owner(source, state, &at));
    TRY(take_ttl_and_class(source, state, &at, &word, &record.ttl));
    memcpy(type, word.text, word.len < sizeof type ? word.len : 0);
    if (word.quoted || rdata_type_parse(&record.type, type) != RESULT_OK) {
        return fault_at(source, &word, "is not a record type");
    }
    if (rdata_parse(record.type, at, &state->origin, &rdata, &why) != RESULT_OK) {
        return diag_fail(source->diag, RESULT_INVALID, "%s:%u: %s: %s", source->path, source->start,
                         type, why.text);
    }
    record.owner = state->previous;
    record.rdata_len = rdata.at;
    return visit(&record, arg, source->diag);
}

enum result zonefile_read(const struct zonefile_source *from, zonefile_visit *visit, void *arg,
                          struct diag *diag)
{
    struct source *source = xcalloc(1, sizeof *source);
    source->file = from->file;
    source->path = from->path;
    source->diag = diag;
    source->line = 1;
    struct state state = { .ttl = from->default_ttl, .origin = from->origin };
    bool end = false;
    enum result result = next_entry(source, &end);
    while (result == RESULT_OK && !end) {
        result = take_entry(source, &state, visit, arg);
        if (result == RESULT_OK) {
            result = next_entry(source, &end);
        }
    }
    free(source);
    return result;
}

enum result zonefile_print(FILE *file, const struct dname *owner, const struct rrset *set)
{
    char name[DNAME_TEXT_MAX];
    char type[RDATA_TYPE_ROOM];
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    (void)dname_text(owner, name);
    (void)rdata_type_text(set->type, type);
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        (void)fprintf(file, "%s\t%u\tIN\t%s\t", name, set->ttl, type);
        rdata_print(file, set->type, rdata, len);
        (void)fputc('\n', file);
    }
    return ferror(file) == 0 ? RESULT_OK : RESULT_SYSTEM;
}
