/* Name servers for the checks: a table of answers stands in for tools/check/check_ask.c. */
#ifndef TESTS_UNIT_MADE_ANSWERS_H
#define TESTS_UNIT_MADE_ANSWERS_H

#include <errno.h>

#include "tests/unit/unit.h"
#include "tools/check/check.h"
#include "zone/names/rdata.h"

enum {
    MADE_MAX = 64,
    MADE_NOW = 1800000000
};

enum made_manner {
    MADE_ANSWER,
    MADE_SILENCE,
    MADE_NO_ROUTE
};

/* The answer to a question; NULL or "": to any. The first row that fits counts. */
struct made {
    const char *server, *name, *type;
    enum made_manner manner;
    bool authority;
    unsigned rcode;
    /* "an pool.test. 60 NS ns1.pool.test.\n...": section (an, au, ad), owner, TTL, type, rdata. */
    const char *records;
    unsigned scope; /* of the client subnet that comes back */
    bool no_ecs;
};

static struct {
    struct made rows[MADE_MAX];
    size_t count;
    unsigned asked; /* questions since the start */
} made;

static inline void made_add(struct made row)
{
    assert_true(made.count < MADE_MAX);
    made.rows[made.count++] = row;
}

/* Before all rows so far. */
static inline void made_first(struct made row)
{
    assert_true(made.count < MADE_MAX);
    memmove(&made.rows[1], &made.rows[0], made.count * sizeof(made.rows[0]));
    made.rows[0] = row;
    made.count++;
}

static inline bool made_fits(const struct made *row, const struct dns_exchange *exchange)
{
    char address[ADDRESS_TEXT_MAX], type[RDATA_TYPE_ROOM];
    const struct dname name = row->name != NULL ? name_of(row->name) : exchange->query.name;
    return dname_equal(&name, &exchange->query.name) &&
           (row->server == NULL ||
            strcmp(row->server, address_text(&exchange->server.address, address)) == 0) &&
           (row->type == NULL ||
            strcmp(row->type, rdata_type_text(exchange->query.type, type)) == 0);
}

/* One line of `records`, without its section. */
static inline void made_record(struct writer *w, char *line)
{
    const struct dname root = { .len = 1 };
    char *rest = line;
    const struct dname owner = name_of(strsep(&rest, " "));
    uint32_t ttl = (uint32_t)strtoul(strsep(&rest, " "), NULL, 10);
    uint16_t type = 0;
    struct diag why;
    assert_ok(rdata_type_parse(&type, strsep(&rest, " ")));
    dname_write(w, &owner);
    write_u16(w, type);
    write_u16(w, RR_CLASS_IN);
    write_u32(w, ttl);
    size_t mark = w->at;
    write_u16(w, 0);
    assert_ok(rdata_parse(type, rest, &root, w, &why));
    wire_put_u16(w->data + mark, (uint16_t)(w->at - mark - 2));
}

/* The client subnet comes back with the scope, as RFC 7871 7.2.1 has it. */
static inline void made_opt(struct writer *w, const struct made *row,
                            const struct dns_subnet *subnet)
{
    bool ipv4 = address_is_ipv4(&subnet->address);
    size_t len = subnet->present && !row->no_ecs ? (subnet->source_bits + 7U) / 8 : 0;
    write_u8(w, 0);
    write_u16(w, RR_OPT);
    write_u16(w, DNSMESSAGE_SIZE);
    write_u32(w, 0x8000);
    write_u16(w, (uint16_t)(subnet->present && !row->no_ecs ? 8 + len : 0));
    if (subnet->present && !row->no_ecs) {
        write_u16(w, 8);
        write_u16(w, (uint16_t)(4 + len));
        write_u16(w, ipv4 ? 1 : 2);
        write_u8(w, subnet->source_bits);
        write_u8(w, (uint8_t)row->scope);
        write_octets(w, subnet->address.octets + (ipv4 ? 12 : 0), len);
    }
}

static inline void made_write(const struct made *row, struct dns_exchange *exchange)
{
    uint8_t data[8192];
    uint16_t counts[3] = { 0 };
    struct writer w = writer_of(data, sizeof(data));
    write_u16(&w, 0);
    write_u16(&w, (uint16_t)(DNSMESSAGE_QR | (row->authority ? DNSMESSAGE_AA : 0) | row->rcode));
    write_u16(&w, 1);
    write_u32(&w, 0);
    write_u16(&w, 0);
    dname_write(&w, &exchange->query.name);
    write_u16(&w, exchange->query.type);
    write_u16(&w, RR_CLASS_IN);
    for (enum dns_section section = DNS_ANSWER; section <= DNS_ADDITIONAL; section++) {
        static const char *const words[] = { "an ", "au ", "ad " };
        char *text = strdup(row->records != NULL ? row->records : ""), *rest = text;
        for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
            if (strncmp(line, words[section], 3) == 0) {
                made_record(&w, line + 3);
                counts[section]++;
            }
        }
        free(text);
    }
    if (!exchange->query.plain) {
        made_opt(&w, row, &exchange->query.subnet);
        counts[DNS_ADDITIONAL]++;
    }
    for (unsigned i = 0; i < 3; i++) {
        wire_put_u16(data + 6 + 2 * (size_t)i, counts[i]);
    }
    assert_false(w.failed);
    exchange->data = xmalloc(w.at);
    exchange->len = w.at;
    memcpy(exchange->data, data, w.at);
}

/* In place of tools/check/check_ask.c. What is in no row is left unanswered. */
void check_ask(struct check *check, struct dns_exchange *list, size_t count)
{
    (void)check;
    for (size_t i = 0; i < count; i++) {
        const struct made *row = NULL;
        for (size_t k = 0; k < made.count && row == NULL; k++) {
            row = made_fits(&made.rows[k], &list[i]) ? &made.rows[k] : NULL;
        }
        made.asked++;
        list[i].error = ETIMEDOUT;
        list[i].no_route = row != NULL && row->manner == MADE_NO_ROUTE;
        if (row != NULL && row->manner == MADE_ANSWER) {
            list[i].error = 0;
            made_write(row, &list[i]);
        }
    }
}

/* A check of pool.test with the name servers ns1 (192.0.2.1) and ns2 (192.0.2.2), both delegated,
 * and one client subnet. The table of answers is empty. */
static inline struct check *made_check(void)
{
    struct check *check = xcalloc(1, sizeof(*check));
    memset(&made, 0, sizeof(made));
    check->message = xmalloc(sizeof(*check->message));
    check->pool = name_of("pool.test.");
    check->service = name_of("_ntske._tcp.pool.test.");
    check->now = MADE_NOW;
    check->end_ms = UINT64_MAX;
    check->settings = default_settings();
    check->server_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        check->servers[i].name = name_of(i == 0 ? "ns1.pool.test." : "ns2.pool.test.");
        check->servers[i].endpoint.address = address_of(i == 0 ? "192.0.2.1" : "192.0.2.2");
        check->servers[i].delegated = true;
    }
    check->options.subnet_count = 1;
    check->options.subnets[0] = (struct dns_subnet){ .present = true,
                                                     .address = address_of("198.51.100.0"),
                                                     .source_bits = 24 };
    return check;
}

static inline void made_done(struct check *check)
{
    free(check->message);
    free(check);
}

/* The level of a check; CHECK_LEVELS if it was not made. */
static inline enum check_level made_level(const struct check *check, enum check_id id)
{
    enum check_level level = CHECK_LEVELS;
    for (size_t i = 0; i < check->findings.count; i++) {
        const struct finding *finding = &check->findings.list[i];
        bool worse = level == CHECK_LEVELS || finding->level > level;
        level = finding->id == id && worse ? finding->level : level;
    }
    return level;
}

/* True if some finding of the check has the text. */
static inline bool made_says(const struct check *check, enum check_id id, const char *text)
{
    bool found = false;
    for (size_t i = 0; i < check->findings.count; i++) {
        const struct finding *finding = &check->findings.list[i];
        found = found || (finding->id == id && strstr(finding->text, text) != NULL);
    }
    return found;
}

/* The only check with a warning or an error; CHECK_COUNT: there is none. */
static inline enum check_id made_bad(const struct check *check)
{
    enum check_id bad = CHECK_COUNT;
    for (size_t i = 0; i < check->findings.count; i++) {
        const struct finding *finding = &check->findings.list[i];
        if (finding->level > CHECK_INFO) {
            assert_true(bad == CHECK_COUNT || bad == finding->id);
            bad = finding->id;
        }
    }
    return bad;
}

#endif
