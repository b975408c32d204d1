#include "zone/zonefile.h"

#include <stdlib.h>
#include <strings.h>

#include <ldns/ldns.h>

enum {
    RECORD_MAX = DNAME_MAX + 10 + 65535,
    ENTRY_MAX = 65535,   /* characters of one entry, without comments: ldns takes no more */
    TTL_MAX = 0x7fffffff /* RFC 2181 8 */
};

/* The file and the entry that was read last: one record or directive, its lines joined, comments and parentheses taken out. ldns
 * could do that too, but lets open quotes and parentheses pass, and loses count of lines. */
struct source {
    FILE *file;
    const char *path;
    struct diag *diag;
    unsigned line;  /* of the next character */
    unsigned start; /* line on which the entry begins */
    unsigned depth; /* open parentheses */
    bool quoted;
    bool content; /* other than blanks */
    size_t len;
    char text[ENTRY_MAX + 1];
};

/* What an entry can change for those after it. */
struct state {
    uint32_t ttl;
    struct dname origin;
    ldns_rdf *origin_rdf, *previous;
};

static ldns_rdf *rdf_of(const struct dname *name)
{
    ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name->len, name->wire);
    ASSERT(rdf != NULL);
    return rdf;
}

static enum result fault(const struct source *source, const char *what)
{
    return diag_fail(source->diag, RESULT_INVALID, "%s:%u: %s", source->path, source->start, what);
}

static enum result append(struct source *source, int c)
{
    if (c == EOF || c == '\0') {
        return fault(source, "the text is broken off, or is none");
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

/* A character inside of quotes, or an escape (RFC 1035 5.1). */
static enum result take_literal(struct source *source, int c)
{
    if (c == '\n') {
        return fault(source, "a quoted text does not end on its line");
    }
    enum result result = append(source, c);
    if (result == RESULT_OK && c == '\\') {
        c = getc(source->file);
        result = c == '\n' ? fault(source, "nothing is escaped at the end of a line")
                           : append(source, c);
    } else if (c == '"') {
        source->quoted = !source->quoted;
    }
    return result;
}

/* Takes one character; `*ended` is set behind the last line of the entry. */
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
            return fault(source, "a parenthesis is closed that was not opened");
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

/* Reads the next entry; `*end` is set when there is none. */
static enum result next_entry(struct source *source, bool *end)
{
    enum result result = RESULT_OK;
    int c = 0;
    do {
        bool ended = false;
        source->len = 0;
        source->content = false;
        source->start = source->line;
        while (result == RESULT_OK && !ended && (c = getc(source->file)) != EOF) {
            result = take_character(source, c, &ended);
        }
    } while (result == RESULT_OK && !source->content && c != EOF);
    if (result != RESULT_OK) {
        return result;
    }
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

/* "3600", "1h", "1h30m", as BIND has them; `len` characters. */
static bool parse_ttl(uint32_t *out, const char *text, size_t len)
{
    static const char units[] = "smhdw";
    static const uint32_t seconds[] = { 1, 60, 3600, 86400, 604800 };
    uint64_t total = 0;
    size_t i = 0;
    do {
        uint64_t value = 0;
        size_t first = i;
        for (; i < len && text[i] >= '0' && text[i] <= '9' && value <= TTL_MAX; i++) {
            value = value * 10 + (uint64_t)(text[i] - '0');
        }
        if (i == first) {
            return false;
        }
        if (i < len) {
            const char *unit = memchr(units, text[i] | 0x20, sizeof units - 1);
            if (unit == NULL) {
                return false;
            }
            value *= seconds[unit - units];
            i++;
        }
        total += value;
    } while (i < len && total <= TTL_MAX);
    if (total > TTL_MAX) {
        return false;
    }
    *out = (uint32_t)total;
    return true;
}

/* The next word at or after `text`, its length in `*len`: 0 at the end. */
static char *word(char *text, size_t *len)
{
    text += strspn(text, " ");
    *len = strcspn(text, " ");
    return text;
}

static bool is_word(const char *name, const char *text, size_t len)
{
    return len == strlen(name) && strncasecmp(name, text, len) == 0;
}

/* Looks at TTL and class, which ldns takes in this order only, and any number for the TTL, also one that does not fit. `*ttl` is
 * left alone if there is none. */
static enum result take_ttl(struct source *source, uint32_t *ttl)
{
    size_t len = 0;
    char *at = source->text;
    if (*at != ' ') {
        at = word(at, &len) + len;
    }
    at = word(at, &len);
    char *first = at;
    if (is_word("IN", at, len)) {
        at = word(at + len, &len);
    }
    if (*at < '0' || *at > '9') {
        return RESULT_OK;
    }
    if (!parse_ttl(ttl, at, len)) {
        return fault(source, "a TTL is at most 2147483647 seconds, as in 3600 or 1h30m");
    }
    if (at != first) { /* RFC 1035 5.1: either may come first */
        memmove(first, at, len);
        memset(first + len, ' ', (size_t)(at - first));
        at[len - 2] = 'I';
        at[len - 1] = 'N';
    }
    return RESULT_OK;
}

static enum result take_directive(struct source *source, struct state *state)
{
    size_t len = 0;
    size_t value_len = 0;
    size_t rest = 0;
    char *name = word(source->text, &len);
    char *value = word(name + len, &value_len);
    (void)word(value + value_len, &rest);
    if (is_word("$TTL", name, len)) {
        return rest == 0 && parse_ttl(&state->ttl, value, value_len)
                   ? RESULT_OK
                   : fault(source, "$TTL needs a TTL of at most 2147483647 seconds");
    }
    if (is_word("$ORIGIN", name, len)) {
        char text[DNAME_TEXT_MAX];
        struct dname origin;
        if (rest != 0 || value_len == 0 || value_len >= sizeof text) {
            return fault(source, "$ORIGIN needs a domain name");
        }
        memcpy(text, value, value_len);
        text[value_len] = '\0';
        if (dname_parse(&origin, text, &state->origin) != RESULT_OK) {
            return fault(source, "$ORIGIN needs a domain name");
        }
        ldns_rdf_deep_free(state->origin_rdf);
        state->origin = origin;
        state->origin_rdf = rdf_of(&origin);
        return RESULT_OK;
    }
    return fault(source, "only the directives $ORIGIN and $TTL are known");
}

static bool decode(struct zonefile_record *out, const uint8_t *wire, size_t len)
{
    struct reader r = reader_of(wire, len);
    dname_read(&r, &out->owner);
    out->type = read_u16(&r);
    uint16_t rr_class = read_u16(&r);
    out->ttl = read_u32(&r);
    out->rdata_len = read_u16(&r);
    out->rdata = read_octets(&r, out->rdata_len);
    return reader_done(&r) && rr_class == RR_CLASS_IN;
}

/* Checks what ldns has read and hands it on. */
static enum result take_record(struct source *source, ldns_rr *rr, zonefile_visit *visit, void *arg)
{
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) {
        return fault(source, "only records of class IN are served");
    }
    ldns_rr2canonical(rr); /* RFC 4034 6.2, RFC 6840 5.1 */
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_status status = ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len);
    struct zonefile_record record = { .line = source->start };
    enum result result = RESULT_OK;
    if (status != LDNS_STATUS_OK || !decode(&record, wire, len) || record.type == 0) {
        result = fault(source, "the record has no wire form");
    } else {
        dname_lower(&record.owner);
        result = visit(&record, arg, source->diag);
    }
    free(wire);
    return result;
}

static enum result take_entry(struct source *source, struct state *state, zonefile_visit *visit,
                              void *arg)
{
    if (source->text[0] == '$') {
        return take_directive(source, state);
    }
    uint32_t ttl = state->ttl;
    enum result result = take_ttl(source, &ttl);
    if (result != RESULT_OK) {
        return result;
    }
    ldns_rr *rr = NULL;
    ldns_status status =
        ldns_rr_new_frm_str(&rr, source->text, ttl, state->origin_rdf, &state->previous);
    if (status != LDNS_STATUS_OK) {
        return fault(source, ldns_get_errorstr_by_id(status));
    }
    ldns_rr_set_ttl(rr, ttl); /* ldns takes a default of 0 for none */
    result = take_record(source, rr, visit, arg);
    ldns_rr_free(rr);
    return result;
}

enum result zonefile_read(const struct zonefile_source *from, zonefile_visit *visit, void *arg,
                          struct diag *diag)
{
    struct source *source = xcalloc(1, sizeof *source);
    source->file = from->file;
    source->path = from->path;
    source->diag = diag;
    source->line = 1;
    struct state state = { .ttl = from->default_ttl,
                           .origin = from->origin,
                           .origin_rdf = rdf_of(&from->origin) };
    bool end = false;
    enum result result = next_entry(source, &end);
    while (result == RESULT_OK && !end) {
        result = take_entry(source, &state, visit, arg);
        if (result == RESULT_OK) {
            result = next_entry(source, &end);
        }
    }
    ldns_rdf_deep_free(state.origin_rdf);
    ldns_rdf_deep_free(state.previous);
    free(source);
    return result;
}

static enum result print_record(FILE *file, const uint8_t *wire, size_t len)
{
    ldns_rr *rr = NULL;
    size_t at = 0;
    if (ldns_wire2rr(&rr, wire, len, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK) {
        return RESULT_INVALID;
    }
    char *text = ldns_rr2str(rr);
    ldns_rr_free(rr);
    enum result result = RESULT_NO_MEMORY;
    if (text != NULL) {
        result = fputs(text, file) >= 0 ? RESULT_OK : RESULT_SYSTEM;
    }
    free(text);
    return result;
}

enum result zonefile_print(FILE *file, const struct dname *owner, const struct rrset *set)
{
    uint8_t *wire = xmalloc(RECORD_MAX);
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    enum result result = RESULT_OK;
    for (size_t at = 0; result == RESULT_OK && rrset_next(set, &at, &rdata, &len);) {
        struct writer w = writer_of(wire, RECORD_MAX);
        dname_write(&w, owner);
        write_u16(&w, set->type);
        write_u16(&w, RR_CLASS_IN);
        write_u32(&w, set->ttl);
        write_u16(&w, len);
        write_octets(&w, rdata, len);
        result = print_record(file, wire, w.at);
    }
    free(wire);
    return result;
}

/* RFC 3597 5: TYPE and a number. False if it is none of these, or out of range. */
static bool parse_number(uint16_t *out, const char *text)
{
    uint32_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(*text - '0');
        if (value > UINT16_MAX) {
            return false;
        }
    }
    if (value == 0) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

enum result zonefile_type(uint16_t *out, const char *text)
{
    if (strncasecmp(text, "TYPE", 4) == 0) {
        return parse_number(out, text + 4) ? RESULT_OK : RESULT_NOT_FOUND;
    }
    unsigned type = ldns_get_rr_type_by_name(text);
    if (type == 0 || type > UINT16_MAX) {
        return RESULT_NOT_FOUND;
    }
    *out = (uint16_t)type;
    return RESULT_OK;
}

char *zonefile_type_text(uint16_t type, char *out)
{
    char *text = ldns_rr_type2str((ldns_rr_type)type);
    /* ldns 1.8.4 gives a type a name that it reads back as another: then the number (RFC 3597 5). */
    if (text != NULL && strlen(text) < 16 && ldns_get_rr_type_by_name(text) == (ldns_rr_type)type) {
        (void)snprintf(out, 16, "%s", text);
    } else {
        (void)snprintf(out, 16, "TYPE%u", type);
    }
    free(text);
    return out;
}
