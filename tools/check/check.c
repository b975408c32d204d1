#include "tools/check/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <sodium.h>

#include "zone/base/clock.h"

#define CHECK_ROW(name, id, level, what, advice, source)                                           \
    { id, CHECK_##level, what, advice, source },
const struct check_row check_rows[CHECK_COUNT] = { CHECK_LIST(CHECK_ROW) };
#undef CHECK_ROW

const struct check_group check_groups[] = {
    { "parent", check_parent },   { "servers", check_servers },     { "steering", check_steering },
    { "members", check_members }, { "resolvers", check_resolvers },
};
const unsigned check_group_count = sizeof(check_groups) / sizeof(check_groups[0]);

static void note(struct check *check, enum check_id id, enum check_level level, const char *subject,
                 const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void note(struct check *check, enum check_id id, enum check_level level, const char *subject,
                 const char *format, va_list args)
{
    struct findings *findings = &check->findings;
    unsigned alike = 0;
    if (check->late) {
        return; /* who knows what would have been answered */
    }
    for (size_t i = 0; i < findings->count && level > CHECK_INFO; i++) {
        const struct finding *before = &findings->list[i];
        alike += before->id == id && before->level == level &&
                         strcmp(before->subject, subject != NULL ? subject : "") == 0
                     ? 1
                     : 0;
    }
    if (alike == CHECK_ALIKE_MAX) {
        return; /* these say it */
    }
    if (findings->count == CHECK_FINDINGS_MAX) {
        findings->lost++;
        return;
    }
    struct finding *finding = &findings->list[findings->count++];
    finding->id = id;
    finding->level = level;
    (void)snprintf(finding->subject, sizeof(finding->subject), "%s",
                   subject != NULL ? subject : "");
    (void)vsnprintf(finding->text, sizeof(finding->text), format, args);
}

void check_report(struct check *check, enum check_id id, enum check_level level,
                  const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(check, id, level, subject, format, args);
    va_end(args);
}

void check_fail(struct check *check, enum check_id id, const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(check, id, check_rows[id].worst, subject, format, args);
    va_end(args);
}

void check_done(struct check *check, enum check_id id, const char *format, ...)
{
    for (size_t i = 0; i < check->findings.count; i++) {
        const struct finding *finding = &check->findings.list[i];
        if (finding->id == id && finding->level > CHECK_OK) {
            return;
        }
    }
    va_list args;
    va_start(args, format);
    note(check, id, CHECK_OK, NULL, format, args);
    va_end(args);
}

enum check_level check_worst(const struct check *check)
{
    enum check_level worst = check->findings.lost > 0 || check->late ? CHECK_WARNING : CHECK_OK;
    for (size_t i = 0; i < check->findings.count; i++) {
        enum check_level level = check->findings.list[i].level;
        worst = level > worst ? level : worst;
    }
    return worst;
}

int check_level_of(const struct findings *findings, enum check_id id)
{
    int worst = -1;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        bool worse = finding->id == id && (int)finding->level > worst;
        worst = worse ? (int)finding->level : worst;
    }
    return worst;
}

void check_tally(const struct findings *findings, unsigned out[CHECK_LEVELS])
{
    memset(out, 0, CHECK_LEVELS * sizeof(*out));
    for (enum check_id id = 0; id < CHECK_COUNT; id++) {
        int level = check_level_of(findings, id);
        if (level >= 0) {
            out[level]++;
        }
    }
}

char *check_server_text(const struct check_server *server, char *out)
{
    char name[DNAME_TEXT_MAX], address[ADDRESS_TEXT_MAX];
    (void)snprintf(out, CHECK_SUBJECT_ROOM, "%.46s %s", dname_text(&server->name, name),
                   address_text(&server->endpoint.address, address));
    return out;
}

struct dns_exchange check_question(const struct check_server *server, const struct dname *name,
                                   uint16_t type)
{
    return (struct dns_exchange){
        .server = server->endpoint,
        .query = { .name = *name, .type = type, .dnssec = true, .cookie = server->cookie },
    };
}

uint32_t check_time_left_ms(struct check *check)
{
    uint64_t now = clock_steady_ms();
    check->late = check->late || now >= check->end_ms;
    return check->late ? 0 : (uint32_t)(check->end_ms - now);
}

const char *check_no_route(const struct address *address)
{
    return address_is_ipv4(address) ? "no IPv4 route from here" : "no IPv6 route from here";
}

enum result check_read_into(struct dnsmessage *out, const struct dns_exchange *exchange,
                            struct diag *why)
{
    int error = exchange->error;
    if (error == 0) {
        return dnsmessage_read(out, exchange->data, exchange->len, why);
    }
    return diag_fail(why, RESULT_SYSTEM, "%s",
                     error == ETIMEDOUT && exchange->stray
                         ? "only messages that do not answer the question came"
                     : error == ETIMEDOUT ? "no answer"
                     : error == EPROTO    ? "the connection was closed"
                                          : strerror(error));
}

const struct dnsmessage *check_read(struct check *check, const struct dns_exchange *exchange,
                                    struct diag *why)
{
    return check_read_into(check->message, exchange, why) == RESULT_OK ? check->message : NULL;
}

void check_digest(const struct rrset *set, uint8_t out[CHECK_DIGEST])
{
    _Static_assert((int)CHECK_DIGEST == (int)crypto_generichash_BYTES, "");
    CHECK(crypto_generichash(out, CHECK_DIGEST, set->rdata, set->rdata_len, NULL, 0) == 0);
}
