#include "server/answering/edns.h"

#include "zone/names/rrset.h"

/* RFC 7873 5.2: whether or not the client's server cookie is good, the response has one for it to
 * use. */
static bool reply_cookie(struct writer *w, const struct query *query,
                         const struct edns_asked *asked)
{
    const struct cookie_secrets *secrets = &asked->zone->cookies;
    if (!secrets->present) {
        return false;
    }
    bool has_one = (query->options & QUERY_SERVER_COOKIE) != 0;
    enum cookie_state state =
        has_one ? cookie_check(query->cookie, asked->source, secrets, asked->now) : COOKIE_BAD;
    enum message_cookie counted = !has_one                ? MESSAGE_COOKIE_NONE
                                  : state == COOKIE_GOOD  ? MESSAGE_COOKIE_GOOD
                                  : state == COOKIE_AGING ? MESSAGE_COOKIE_OLD
                                                          : MESSAGE_COOKIE_BAD;
    message_count(asked->counters, MESSAGES_COOKIES + counted);
    uint8_t *option = write_room(w, 4 + COOKIE_LEN);
    ASSERT(option != NULL); /* EDNS_REPLY_MAX holds all options */
    uint8_t *cookie = option + 4;
    wire_put_u16(option, EDNS_OPTION_COOKIE);
    wire_put_u16(option + 2, COOKIE_LEN);
    if (state == COOKIE_GOOD) {
        memcpy(cookie, query->cookie, COOKIE_LEN);
    } else {
        cookie_make(cookie, query->cookie, asked->source, secrets->current, asked->now);
    }
    return state != COOKIE_BAD;
}

bool edns_reply(struct response *response, const struct edns_asked *asked,
                uint8_t room[EDNS_REPLY_MAX])
{
    const struct query *query = response->query;
    struct writer w = writer_of(room, EDNS_REPLY_MAX);
    const struct dname *agent = &asked->zone->settings.report_agent;
    bool proven = false;
    /* RFC 9824 5.1: with compact denial, set in each response to a query that sets it. */
    response->compact_ok =
        (query->options & QUERY_COMPACT_OK) != 0 && asked->zone->settings.denial == DENIAL_COMPACT;
    if ((query->options & QUERY_COOKIE) != 0) {
        proven = reply_cookie(&w, query, asked);
    }
    /* RFC 7828 3.2.1 and 3.3.2: only over TCP; in units of 100 ms. */
    if ((query->options & QUERY_KEEPALIVE) != 0 && asked->tcp) {
        write_u16(&w, EDNS_OPTION_KEEPALIVE);
        write_u16(&w, 2);
        write_u16(&w, asked->closing ? 0 : TCP_IDLE_MS / 100); /* 3.4 */
    }
    /* RFC 5001 2.2 */
    if ((query->options & QUERY_NSID) != 0 && asked->identity->nsid != NULL) {
        size_t len = strlen(asked->identity->nsid);
        write_u16(&w, EDNS_OPTION_NSID);
        write_u16(&w, (uint16_t)len);
        write_octets(&w, asked->identity->nsid, len);
    }
    /* RFC 9567 6.2: in every response with an OPT, whether asked for or not. Left out if the
     * smallest response had no room for it. */
    if (agent->len > 0 && w.at + 4 + agent->len <= respond_options_room(query)) {
        write_u16(&w, EDNS_OPTION_REPORT);
        write_u16(&w, agent->len);
        dname_write(&w, agent);
    }
    ASSERT(!w.failed);
    response->options = room;
    response->options_len = (uint16_t)w.at;
    return proven;
}

const char *edns_identity_text(const struct query *query, const struct identity *identity)
{
    static const struct {
        struct dname name;
        bool version;
    } asked[] = {
        { { 14, "\7version\4bind" }, true },
        { { 16, "\7version\6server" }, true },
        { { 15, "\10hostname\4bind" }, false },
        { { 11, "\2id\6server" }, false },
    };
    if (query->qtype != RR_TXT && query->qtype != RR_ANY) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        if (dname_equal(&query->qname, &asked[i].name)) {
            return asked[i].version ? identity->version : identity->nsid;
        }
    }
    return NULL;
}
