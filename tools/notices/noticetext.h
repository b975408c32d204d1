/* The mail to a contact: all that it should be told of its members. */
#ifndef TOOLS_NOTICETEXT_H
#define TOOLS_NOTICETEXT_H

#include "tools/notices/mail.h"
#include "tools/notices/noticelist.h"

struct notice_sender {
    char from[CONTACT_ROOM];
    char pool[DNAME_TEXT_MAX]; /* without the final dot */
    const char *url;           /* of the pool's site, without a slash at its end; NULL: none */
};

/* `from` NULL: the mailbox of the pool's SOA. `url` NULL: no links. USAGE if one of them can't be
 * used. */
enum result noticetext_sender(struct notice_sender *out, const struct settings *settings,
                              const char *from, const char *url, struct diag *diag);
/* Makes a mail about all `items`, which have the same contact. */
void noticetext_mail(struct mail *mail, const struct notice_sender *sender,
                     const struct noticelist *list, const struct noticeitem *items, size_t count);

#endif
