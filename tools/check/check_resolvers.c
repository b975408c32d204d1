/* The group resolvers: whether the chain of trust holds from the root, and what the resolvers that
 * clients use make of the answers. */
#include <stdio.h>

#include <sodium.h>

#include "tools/check/check_chain.h"
#include "tools/check/check_srv.h"

enum {
    DNS_PORT = 53,
    SYSTEM_RESOLVERS = 3, /* as the C library takes */
    LINE_ROOM = 256,
    EDE_STALE = 3,         /* RFC 8914 4.4 */
    EDE_STALE_MISSING = 19 /* RFC 8914 4.20 */
};

/* What is asked of each resolver. */
enum question {
    ASK_SERVICE, /* with DO */
    ASK_SUBNET,  /* the same with a client subnet */
    ASK_COMPACT, /* a missing name, with CO (RFC 9824 5) */
    QUESTIONS
};

static void read_system(struct endpoints *out)
{
    FILE *file = fopen("/etc/resolv.conf", "re");
    char line[LINE_ROOM], address[LINE_ROOM];
    while (file != NULL && out->count < SYSTEM_RESOLVERS && fgets(line, sizeof(line), file)) {
        if (sscanf(line, " nameserver %255[^ \t\r\n%%]", address) == 1 &&
            endpoint_parse(&out->list[out->count], address, DNS_PORT) == RESULT_OK) {
            out->count++;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static enum chain judge_chain(struct check *check)
{
    char why[CHECK_TEXT_ROOM] = "";
    enum chain chain = check_chain(check, why);
    if (chain == CHAIN_INSECURE) {
        check_fail(check, CHECK_CHAIN, NULL,
                   "the answers are not protected: there is no chain from the root's key");
    } else if (chain != CHAIN_SECURE) {
        check_fail(check, CHECK_CHAIN, NULL, "%s%s", chain == CHAIN_BOGUS ? "bogus: " : "", why);
    }
    check_done(check, CHECK_CHAIN, "secure, from the root's key to the SRV records");
    return chain;
}

static void prepare(const struct check *check, const struct endpoint *resolver,
                    struct dns_exchange list[QUESTIONS])
{
    static const char digits[] = "0123456789abcdef";
    char label[12];
    for (size_t i = 0; i < sizeof(label); i++) {
        label[i] = digits[randombytes_uniform(sizeof(digits) - 1)];
    }
    for (unsigned i = 0; i < QUESTIONS; i++) {
        list[i] = (struct dns_exchange){
            .server = *resolver,
            .query = { .name = check->service,
                       .type = RR_SRV,
                       .flags = DNSMESSAGE_RD | DNSMESSAGE_AD,
                       .dnssec = true },
        };
    }
    list[ASK_SUBNET].query.subnet = check->options.subnets[0];
    list[ASK_COMPACT].query.compact = true;
    if (dname_prepend(&list[ASK_COMPACT].query.name, label, sizeof(label), &check->pool) !=
        RESULT_OK) {
        list[ASK_COMPACT].query.name = check->pool;
    }
}

static bool served(const struct srv_view *view, const struct dname *name)
{
    for (size_t i = 0; i < view->target_count; i++) {
        if (dname_equal(&view->targets[i].name, name)) {
            return view->targets[i].looked_up
                       ? view->targets[i].count > 0 || !view->targets[i].inside
                       : true;
        }
    }
    return false;
}

/* True if the pool's servers say that the name has no address: a member that was removed. */
static bool removed(struct check *check, const struct dname *name)
{
    struct srv_view *view = check->srv;
    if (view->server_count == 0 || served(view, name) || !dname_under(name, &check->pool)) {
        return false;
    }
    size_t index = check_srv_target(check, view, name, 0);
    check_srv_lookup(check, view);
    return view->targets[index].looked_up && view->targets[index].count == 0;
}

/* Targets that the pool's servers no longer know. */
static void judge_stale(struct check *check, const char *resolver,
                        const struct dns_exchange *exchange)
{
    struct dname targets[SRV_TARGETS_MAX];
    unsigned count = 0;
    struct diag why;
    const struct dnsmessage *message = check_read(check, exchange, &why);
    if (message == NULL) {
        return;
    }
    if (message->edns.has_error &&
        (message->edns.error == EDE_STALE || message->edns.error == EDE_STALE_MISSING)) {
        check_fail(check, CHECK_STALE, resolver, "a stale answer (EDE %u)", message->edns.error);
    }
    for (unsigned i = 0; i < message->count && count < SRV_TARGETS_MAX; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section == DNS_ANSWER && record->type == RR_SRV) {
            struct reader r = reader_of(record->rdata, record->len);
            (void)read_octets(&r, 6);
            dname_read(&r, &targets[count++]);
        }
    }
    /* The message's room is used again from here on. */
    for (unsigned i = 0; i < count; i++) {
        char name[DNAME_TEXT_MAX];
        if (targets[i].len > 1 && removed(check, &targets[i])) {
            check_fail(check, CHECK_STALE, resolver,
                       "%.100s is handed out, but the pool's servers do not know it",
                       dname_text(&targets[i], name));
            return;
        }
    }
}

/* The highest TTL that the pool's servers give; 0: not known. */
static uint32_t service_ttl(const struct srv_view *view)
{
    uint32_t ttl = 0;
    for (unsigned i = 0; i < view->subnet_count * view->rounds; i++) {
        const struct srv_answer *answer = &view->answers[i];
        ttl = answer->came && answer->ttl > ttl ? answer->ttl : ttl;
    }
    return ttl;
}

/* False if it has no answer to judge. */
static bool judge_answer(struct check *check, const char *resolver, enum chain chain,
                         const struct dns_exchange *exchange)
{
    struct diag why;
    char rcode[16], error[32] = "";
    const struct dnsmessage *message = check_read(check, exchange, &why);
    if (message == NULL) {
        check_fail(check, CHECK_RESOLVES, resolver, "%s", why.text);
        return false;
    }
    if (message->edns.has_error) {
        (void)snprintf(error, sizeof(error), ", EDE %u", message->edns.error);
    }
    const struct dns_record *record = dnsmessage_find(message, 0, DNS_ANSWER, RR_SRV);
    if (message->rcode != DNS_NOERROR || record == NULL) {
        check_fail(check, CHECK_RESOLVES, resolver, "%s%s%s", dns_rcode_text(message->rcode, rcode),
                   error, message->rcode == DNS_NOERROR ? ", no SRV record" : "");
        return false;
    }
    uint32_t ttl = service_ttl(check->srv);
    if (ttl > 0 && record->ttl > ttl) {
        check_fail(check, CHECK_RESOLVER_TTL, resolver, "TTL %u, though the servers give %u",
                   record->ttl, ttl);
    }
    if (dnsmessage_find(message, 0, DNS_ANSWER, RR_RRSIG) == NULL) {
        check_fail(check, CHECK_RESOLVER_DNSSEC, resolver,
                   "no signatures, though they were asked for");
    }
    check_report(check, CHECK_RESOLVES, CHECK_INFO, resolver, "TTL left %u%s; %s%s", record->ttl,
                 error, (message->flags & DNSMESSAGE_AD) != 0 ? "validated (AD)" : "not validated",
                 chain == CHAIN_SECURE && (message->flags & DNSMESSAGE_AD) == 0
                     ? ", though it could be"
                     : "");
    return true;
}

static void judge_subnet(struct check *check, const char *resolver,
                         const struct dns_exchange *exchange)
{
    struct diag why;
    const struct dnsmessage *message = check_read(check, exchange, &why);
    if (message == NULL || message->rcode != DNS_NOERROR) {
        check_report(check, CHECK_RESOLVER_ECS, CHECK_WARNING, resolver,
                     "no answer to a query with a client subnet");
        return;
    }
    bool passed = message->edns.subnet.present && message->edns.subnet.scope_bits > 0;
    check_report(check, CHECK_RESOLVER_ECS, CHECK_INFO, resolver,
                 passed ? "the client subnet is passed on, scope %u"
                        : "the client subnet is not passed on: clients are placed by the "
                          "resolver's address (scope %u)",
                 message->edns.subnet.scope_bits);
}

static void judge_compact(struct check *check, const char *resolver,
                          const struct dns_exchange *exchange)
{
    struct diag why;
    char rcode[16];
    const struct dnsmessage *message = check_read(check, exchange, &why);
    if (message == NULL || (message->rcode != DNS_NOERROR && message->rcode != DNS_NXDOMAIN)) {
        check_fail(check, CHECK_RESOLVER_CO, resolver, "a missing name with CO: %s",
                   message == NULL ? why.text : dns_rcode_text(message->rcode, rcode));
    }
}

/* True if it gave answers. */
static bool judge_resolver(struct check *check, const struct endpoint *resolver, enum chain chain)
{
    struct dns_exchange list[QUESTIONS];
    bool answered = false;
    char text[ADDRESS_TEXT_MAX];
    (void)address_text(&resolver->address, text);
    prepare(check, resolver, list);
    check_ask(check, list, QUESTIONS);
    if (list[ASK_SERVICE].no_route) {
        check_report(check, CHECK_RESOLVES, CHECK_INFO, text, "not judged: %s",
                     check_no_route(&resolver->address));
    } else if (judge_answer(check, text, chain, &list[ASK_SERVICE])) {
        answered = true;
        judge_subnet(check, text, &list[ASK_SUBNET]);
        judge_compact(check, text, &list[ASK_COMPACT]);
        judge_stale(check, text, &list[ASK_SERVICE]);
    }
    dnsclient_free(list, QUESTIONS);
    return answered;
}

void check_resolvers(struct check *check)
{
    struct endpoints resolvers = check->options.resolvers;
    enum chain chain = judge_chain(check);
    (void)check_srv(check);
    if (resolvers.count == 0) {
        read_system(&resolvers);
    }
    unsigned judged = 0;
    for (unsigned i = 0; i < resolvers.count; i++) {
        judged += judge_resolver(check, &resolvers.list[i], chain) ? 1 : 0;
    }
    if (judged == 0) {
        return;
    }
    check_done(check, CHECK_RESOLVES, "%u resolvers", judged);
    check_done(check, CHECK_RESOLVER_DNSSEC, "signatures are passed on");
    check_done(check, CHECK_RESOLVER_ECS, "client subnets do no harm");
    check_done(check, CHECK_RESOLVER_CO, "missing names are denied to who asks with CO");
    if (check->srv->server_count > 0) { /* they are compared with */
        check_done(check, CHECK_RESOLVER_TTL, "no TTL is raised");
        check_done(check, CHECK_STALE,
                   "no member is handed out that the pool's servers do not know");
    }
}
