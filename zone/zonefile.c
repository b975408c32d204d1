#include "zone/zonefile.h"

#include <stdlib.h>
#include <strings.h>

#include <ldns/ldns.h>

enum {
    RECORD_MAX = DNAME_MAX + 10 + 65535,
    TTL_MAX = 0x7fffffff /* RFC 2181 8 */
};

/* What ldns keeps between records. */
struct state {
    uint32_t ttl;
    ldns_rdf *origin, *previous;
    int line; /* of the next octet to be read, from 0 */
};

static ldns_rdf *rdf_of(const struct dname *name)
{
    ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name->len, name->wire);
    ASSERT(rdf != NULL);
    return rdf;
}

/* A record as ldns read it, in our terms. Its octets are those of `wire`. */
struct record {
    struct dname owner;
    uint16_t type;
    uint32_t ttl;
    const uint8_t *rdata;
    size_t rdata_len;
};

static bool decode(struct record *out, const uint8_t *wire, size_t len)
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

static enum result take(ldns_rr *rr, const char *path, unsigned line, zonefile_visit *visit,
                        void *arg, struct diag *diag)
{
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) {
        return diag_fail(diag, RESULT_INVALID, "%s:%u: only records of class IN are served", path,
                         line);
    }
    if (ldns_rr_ttl(rr) > TTL_MAX) {
        return diag_fail(diag, RESULT_INVALID, "%s:%u: a TTL is at most %d", path, line, TTL_MAX);
    }
    ldns_rr2canonical(rr); /* RFC 4034 6.2, RFC 6840 5.1 */
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_status status = ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len);
    struct record record;
    enum result result = RESULT_OK;
    if (status != LDNS_STATUS_OK || !decode(&record, wire, len)) {
        result = diag_fail(diag, RESULT_INVALID, "%s:%u: the record has no wire form", path, line);
    } else {
        dname_lower(&record.owner);
        result = visit(&record.owner, record.type, record.ttl, record.rdata, record.rdata_len, line,
                       arg, diag);
    }
    free(wire);
    return result;
}

static enum result refuse(ldns_status status, const char *path, unsigned line, struct diag *diag)
{
    if (status == LDNS_STATUS_SYNTAX_INCLUDE) {
        return diag_fail(diag, RESULT_INVALID, "%s:%u: $INCLUDE is not supported", path, line);
    }
    return diag_fail(diag, RESULT_INVALID, "%s:%u: %s", path, line,
                     ldns_get_errorstr_by_id(status));
}

enum result zonefile_read(FILE *file, const char *path, const struct dname *origin,
                          uint32_t default_ttl, zonefile_visit *visit, void *arg, struct diag *diag)
{
    struct state state = { .ttl = default_ttl, .origin = rdf_of(origin) };
    enum result result = RESULT_OK;
    while (result == RESULT_OK && feof(file) == 0) {
        unsigned line = (unsigned)state.line + 1;
        ldns_rr *rr = NULL;
        ldns_status status = ldns_rr_new_frm_fp_l(&rr, file, &state.ttl, &state.origin,
                                                  &state.previous, &state.line);
        switch (status) {
        case LDNS_STATUS_OK:
            result = take(rr, path, line, visit, arg, diag);
            ldns_rr_free(rr);
            break;
        case LDNS_STATUS_SYNTAX_EMPTY:
        case LDNS_STATUS_SYNTAX_TTL: /* so ldns tells that it met $TTL and $ORIGIN */
        case LDNS_STATUS_SYNTAX_ORIGIN:
            break;
        default:
            result = refuse(status, path, line, diag);
        }
    }
    if (result == RESULT_OK && ferror(file) != 0) {
        result = diag_fail(diag, RESULT_SYSTEM, "%s: cannot be read", path);
    }
    ldns_rdf_deep_free(state.origin);
    ldns_rdf_deep_free(state.previous);
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
    *out = (uint16_t)value;
    return value > 0;
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
    if (text != NULL && strlen(text) < 16) {
        (void)snprintf(out, 16, "%s", text);
    } else {
        (void)snprintf(out, 16, "TYPE%u", type);
    }
    free(text);
    return out;
}
