#include "tools/notices/noticetext.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/isotime.h"

enum {
    SUBJECT_ROOM = LABEL_ROOM + DNAME_TEXT_MAX + 128,
    URL_MAX = 300,
    /* of spaces before a line */
    PLAIN = 0,
    INNER = 4,
    DEEP = 8
};

/* -- the sender -- */

static void undotted(const struct dname *name, char out[DNAME_TEXT_MAX])
{
    dname_text(name, out);
    out[strlen(out) - 1] = '\0';
}

/* The first label of an RNAME is the part before the @ (RFC 1035 8). */
static bool address_of_mailbox(char out[CONTACT_ROOM], const struct dname *mailbox)
{
    struct dname domain;
    char text[DNAME_TEXT_MAX];
    size_t local = mailbox->len > 0 ? mailbox->wire[0] : 0;
    if (local == 0) {
        return false;
    }
    domain.len = (uint8_t)(mailbox->len - local - 1);
    memcpy(domain.wire, mailbox->wire + local + 1, domain.len);
    undotted(&domain, text);
    int len =
        snprintf(out, CONTACT_ROOM, "%.*s@%s", (int)local, (const char *)mailbox->wire + 1, text);
    return len < CONTACT_ROOM && contact_fits(out);
}

static bool url_fits(const char *url)
{
    size_t len = strlen(url);
    bool web = strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
    for (size_t i = 0; i < len; i++) {
        web = web && url[i] > ' ' && url[i] <= '~';
    }
    return web && len <= URL_MAX && url[len - 1] != '/';
}

enum result noticetext_sender(struct notice_sender *out, const struct settings *settings,
                              const char *from, const char *url, struct diag *diag)
{
    *out = (struct notice_sender){ .url = url };
    undotted(&settings->apex, out->pool);
    if (from == NULL && !address_of_mailbox(out->from, &settings->mailbox)) {
        return diag_fail(diag, RESULT_USAGE,
                         "the pool's mailbox is no address for mails: give one by --from");
    }
    if (from != NULL && !contact_fits(from)) {
        return diag_fail(diag, RESULT_USAGE, "--from takes a mail address, not \"%.80s\"", from);
    }
    if (from != NULL) {
        memcpy(out->from, from, strlen(from) + 1);
    }
    if (url != NULL && !url_fits(url)) {
        return diag_fail(diag, RESULT_USAGE,
                         "--url takes the address of the pool's site without a slash at its end, "
                         "such as https://pool.example; not \"%.80s\"",
                         url);
    }
    return RESULT_OK;
}

/* -- the subject -- */

static const char *const phrases[NOTICES] = {
    [NOTICE_OUT] = "is out of the pool",
    [NOTICE_STILL_OUT] = "is still out of the pool",
    [NOTICE_BACK] = "is back in the pool",
    [NOTICE_CERTIFICATE_SOON] = "has a certificate that ends soon",
    [NOTICE_CERTIFICATE_ENDED] = "has a certificate that has ended",
    [NOTICE_EXPIRES] = "has no certificate yet: its registration expires soon",
    [NOTICE_LEAVES] = "leaves the pool soon",
    [NOTICE_REMOVED] = "was removed from the pool",
};

static void subject_of(char out[SUBJECT_ROOM], const struct notice_sender *sender,
                       const struct noticeitem *items, size_t count)
{
    unsigned first = 0;
    size_t all = 0;
    while ((items->due >> first & 1) == 0) {
        first++;
    }
    for (size_t i = 0; i < count; i++) {
        all += (size_t)__builtin_popcount(items[i].due);
    }
    int len =
        snprintf(out, SUBJECT_ROOM, "%s: %s %s", sender->pool, items->member.label, phrases[first]);
    if (all > 1) {
        (void)snprintf(out + len, SUBJECT_ROOM - (size_t)len, ", and %zu more", all - 1);
    }
}

/* -- what is told of a member -- */

static bool fails(const struct address_health *seen)
{
    return seen->failure != FAILURE_NONE && !failure_is_ours(seen->failure);
}

static bool fail_alike(const struct address_health *a, const struct address_health *b)
{
    return a->failure == b->failure && strcmp(a->detail, b->detail) == 0;
}

/* True if an address before the one at `i` fails in the same way. */
static bool is_told(const struct member_health *health, unsigned i)
{
    for (unsigned before = 0; before < i; before++) {
        if (fail_alike(&health->addresses[before], &health->addresses[i])) {
            return true;
        }
    }
    return false;
}

/* "192.0.2.1, 2001:db8::1: ", all that fail as the one at `i`. A name that never resolved has the
 * address ::, which nobody wants to see. */
static void list_alike(char *out, size_t room, const struct member_health *health, unsigned i)
{
    static const struct address unknown = { { 0 } };
    char address[ADDRESS_TEXT_MAX];
    size_t len = 0;
    out[0] = '\0';
    for (unsigned other = i; other < health->address_count; other++) {
        const struct address_health *seen = &health->addresses[other];
        if (fail_alike(seen, &health->addresses[i]) && !address_equal(&seen->address, &unknown)) {
            (void)snprintf(out + len, room - len, "%s%s", len > 0 ? ", " : "",
                           address_text(&seen->address, address));
            len = strlen(out);
        }
    }
    (void)snprintf(out + len, room - len, "%s", len > 0 ? ": " : "");
}

/* By what addresses fail, and what to do. */
static void put_failures(struct mail *mail, const struct noticeitem *item)
{
    char addresses[MEMBER_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 2) + 2];
    unsigned failing = 0;
    for (unsigned i = 0; i < item->health.address_count; i++) {
        const struct address_health *seen = &item->health.addresses[i];
        const char *source = failure_source(seen->failure);
        if (!fails(seen) || is_told(&item->health, i)) {
            continue;
        }
        failing++;
        list_alike(addresses, sizeof addresses, &item->health, i);
        mail_gap(mail);
        mail_paragraphf(mail, INNER, "%s%s", addresses, failure_id(seen->failure));
        mail_paragraphf(mail, DEEP, "%s%s%s%s", failure_advice(seen->failure),
                        source[0] != '\0' ? " (" : "", source, source[0] != '\0' ? ")" : "");
        if (seen->detail[0] != '\0') {
            mail_paragraphf(mail, DEEP, "Seen: %s", seen->detail);
        }
    }
    if (failing == 0 && item->reason[0] != '\0') {
        mail_gap(mail);
        mail_paragraphf(mail, INNER, "Reason: %s", item->reason);
    }
}

static void put_out(struct mail *mail, const struct noticeitem *item, const char *since,
                    const struct noticelist *list)
{
    mail_paragraphf(mail, INNER,
                    "It has been out of the pool since %s: clients are no longer sent to it. It "
                    "comes back by itself once its score is %.6g again.",
                    since, list->settings.reentry_score_milli / 1000.0);
    put_failures(mail, item);
}

/* Addresses that were last seen with a certificate that ends then. */
static void put_where(struct mail *mail, const struct noticeitem *item, uint64_t end)
{
    char address[ADDRESS_TEXT_MAX];
    for (unsigned i = 0; i < item->health.address_count; i++) {
        const struct address_health *seen = &item->health.addresses[i];
        if (seen->cert_not_after == end) {
            mail_paragraphf(mail, DEEP, "at %s", address_text(&seen->address, address));
        }
    }
}

static void put_certificate(struct mail *mail, const struct noticeitem *item, bool ended)
{
    char at[ISOTIME_ROOM];
    uint64_t end = ended ? item->facts.certificate_ended : item->facts.certificate_soon;
    mail_paragraphf(mail, INNER,
                    ended ? "Its certificate ended at %s, and the server still shows it. Renew it "
                            "and reload the NTS server. (RFC 5280 4.1.2.5)"
                          : "Its certificate ends at %s, and no new one has been seen. Check that "
                            "it is renewed, and that the NTS server is reloaded then.",
                    isotime_text(end, at));
    put_where(mail, item, end);
}

/* The pool serves the names of its own zone only. */
static const char *and_its_name(const struct noticeitem *item, const char *text)
{
    return item->member.target.len == 0 ? text : "";
}

static void put_expires(struct mail *mail, const struct noticeitem *item)
{
    char at[ISOTIME_ROOM];
    mail_paragraphf(mail, INNER,
                    "No probe has seen it with a certificate for its name. If it gets none by %s, "
                    "its registration expires: it is removed from the pool%s.",
                    isotime_text(item->facts.expires_at, at),
                    and_its_name(item, ", and its name is no longer served"));
    put_failures(mail, item);
}

static void put_leaves(struct mail *mail, const struct noticeitem *item,
                       const struct noticelist *list)
{
    char at[ISOTIME_ROOM], from[ISOTIME_ROOM];
    uint64_t leaves_at = item->facts.leaves_at, lead = list->settings.leave_lead_s;
    bool later = leaves_at > list->now + lead;
    mail_paragraphf(mail, INNER,
                    "It leaves the pool at %s, as planned. %s%s%s clients are sent to it. Keep it "
                    "running until it has left: clients that know it keep asking.",
                    isotime_text(leaves_at, at), later ? "From " : "",
                    later ? isotime_text(leaves_at - lead, from) : "",
                    later ? " on, no new" : "No new");
}

static void put_removed(struct mail *mail, const struct noticeitem *item)
{
    char at[ISOTIME_ROOM];
    uint64_t removed_at = item->facts.removed_at, leave_at = item->member.leave_at;
    bool planned = leave_at != 0 && leave_at <= removed_at;
    mail_paragraphf(mail, INNER, "It was removed from the pool at %s%s.%s",
                    isotime_text(removed_at, at), planned ? ", as planned" : "",
                    and_its_name(item, " Its name is no longer served."));
}

static void put_notice(struct mail *mail, const struct noticeitem *item, enum notice notice,
                       const struct noticelist *list)
{
    char since[ISOTIME_ROOM];
    mail_gap(mail);
    switch (notice) {
    case NOTICE_OUT:
    case NOTICE_STILL_OUT:
        put_out(mail, item, isotime_text(item->facts.since, since), list);
        break;
    case NOTICE_BACK:
        mail_paragraphf(mail, INNER,
                        "It has been back in the pool since %s. There is nothing to do.",
                        isotime_text(item->facts.since, since));
        break;
    case NOTICE_CERTIFICATE_SOON:
    case NOTICE_CERTIFICATE_ENDED:
        put_certificate(mail, item, notice == NOTICE_CERTIFICATE_ENDED);
        break;
    case NOTICE_EXPIRES:
        put_expires(mail, item);
        break;
    case NOTICE_LEAVES:
        put_leaves(mail, item, list);
        break;
    case NOTICE_REMOVED:
        put_removed(mail, item);
        break;
    }
}

static void put_item(struct mail *mail, const struct notice_sender *sender,
                     const struct noticelist *list, const struct noticeitem *item)
{
    struct dname target;
    char name[DNAME_TEXT_MAX];
    member_target(&target, &item->member, &list->settings.apex);
    undotted(&target, name);
    mail_paragraphf(mail, PLAIN, "%s (%s)", item->member.label, name);
    for (unsigned i = 0; i < NOTICES; i++) {
        if ((item->due >> i & 1) != 0) {
            put_notice(mail, item, (enum notice)i, list);
        }
    }
    if (sender->url != NULL) {
        mail_gap(mail);
        mail_paragraphf(mail, INNER, "%s/members/%s.html", sender->url, item->member.label);
    }
    mail_gap(mail);
}

void noticetext_mail(struct mail *mail, const struct notice_sender *sender,
                     const struct noticelist *list, const struct noticeitem *items, size_t count)
{
    char subject[SUBJECT_ROOM];
    subject_of(subject, sender, items, count);
    mail_begin(mail, &(struct mail_head){ .from = sender->from,
                                          .to = items->member.contact,
                                          .subject = subject,
                                          .pool = sender->pool,
                                          .now = list->now,
                                          .id = items->memory.contact });
    for (size_t i = 0; i < count; i++) {
        put_item(mail, sender, list, &items[i]);
    }
    mail_paragraphf(mail, PLAIN,
                    "This is an automatic mail of the pool %s. You get it because your address is "
                    "the contact of the members above. To stop these mails, write to %s.",
                    sender->pool, sender->from);
    mail_end(mail);
}
