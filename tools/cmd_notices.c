/* notices: tells the contacts of members what happens to these. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/leader.h"
#include "tools/notices/mailer.h"
#include "tools/notices/noticetext.h"
#include "tools/output.h"
#include "zone/base/instance.h"

enum {
    WAIT_PRESET_S = 30,
    WAIT_MAX_S = 600
};

struct notices {
    struct cli *cli;
    struct noticelist list;
    struct notice_sender sender;
    bool sends;
    bool follows;              /* another machine sends */
    struct instance *instance; /* so that two that run at a time send no mail twice */
    struct mailer mailer;
    json_t *mails;
    unsigned failed; /* mails that were not sent */
    struct diag first;
};

static json_t *items_json(const struct noticeitem *items, size_t count)
{
    json_t *members = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *due = json_array();
        for (unsigned bit = 0; bit < NOTICES; bit++) {
            if ((items[i].due >> bit & 1) != 0) {
                json_array_append_new(due, json_text(notice_id((enum notice)bit)));
            }
        }
        json_array_append_new(members, json_pack("{s:o, s:o}", "name",
                                                 json_text(items[i].member.label), "notices", due));
    }
    return members;
}

/* Sends the mail, and notes that if the mailer took it. */
static enum result send_mail(struct notices *notices, const struct mail *mail,
                             const struct noticeitem *items, size_t count)
{
    struct cli *cli = notices->cli;
    TRY(noticelist_ready(items, count, cli));
    TRY(mailer_send(&notices->mailer, mail->text, mail->len, &cli->diag));
    enum result result = noticelist_told(&notices->list, items, count, cli);
    const struct diag why = cli->diag;
    return result == RESULT_OK ? result
                               : diag_fail(&cli->diag, RESULT_SYSTEM,
                                           "it was sent, but that can't be noted, so it will be "
                                           "sent again: %s",
                                           why.text);
}

static void show_sent(const struct noticeitem *items, size_t count)
{
    char ids[NOTICELIST_IDS_ROOM];
    for (size_t i = 0; i < count; i++) {
        printf("%s: sent to %s: %s\n", items[i].member.label, items[i].member.contact,
               noticelist_ids(items[i].due, ids));
    }
}

static void show_failed(struct notices *notices, const char *contact)
{
    if (notices->failed++ == 0) {
        notices->first = notices->cli->diag;
    }
    if (!notices->cli->json) {
        (void)fprintf(stderr, "ntspool: mail to %s: %s\n", contact, notices->cli->diag.text);
    }
}

static enum result do_contact(struct notices *notices, size_t first, size_t count)
{
    const struct noticeitem *items = &notices->list.items[first];
    struct mail mail = { .out = NULL };
    enum result result = RESULT_OK;
    noticetext_mail(&mail, &notices->sender, &notices->list, items, count);
    if (notices->sends) {
        result = send_mail(notices, &mail, items, count);
    }
    if (result != RESULT_OK) {
        show_failed(notices, items->member.contact);
    }
    if (notices->cli->json) {
        json_array_append_new(notices->mails,
                              json_pack("{s:o, s:b, s:o, s:o}", "to",
                                        json_text(items->member.contact), "sent",
                                        notices->sends && result == RESULT_OK, "members",
                                        items_json(items, count), "mail", json_string(mail.text)));
    } else if (!notices->sends) {
        printf("%s%s", first > 0 ? "\n" : "", mail.text);
    } else if (result == RESULT_OK) {
        show_sent(items, count);
    }
    mail_done(&mail);
    return result;
}

/* The contact to begin with: another one in each run, so that one for which the mailer hangs holds
 * up the others only now and then. */
static size_t begin_at(const struct noticelist *list)
{
    size_t at = list->now % list->count;
    while (at > 0 &&
           strcmp(list->items[at - 1].member.contact, list->items[at].member.contact) == 0) {
        at--;
    }
    return at;
}

/* If the mailer hangs or can't be run, or a mail that was sent can't be noted, so will the next
 * one. */
static void do_all(struct notices *notices)
{
    const struct noticelist *list = &notices->list;
    size_t at = notices->sends && list->count > 0 ? begin_at(list) : 0;
    for (size_t done = 0; done < list->count;) {
        size_t count = noticelist_same_contact(list, at);
        enum result result = do_contact(notices, at, count);
        if (result != RESULT_OK && result != RESULT_REFUSED) {
            return;
        }
        done += count;
        at = (at + count) % list->count;
    }
}

static enum result look_who_leads(struct notices *notices, struct cli *cli)
{
    struct session session = { 0 };
    enum result result = leader_is_another(&session, cli, &notices->follows);
    session_done(&session);
    return result;
}

static enum result begin(struct notices *notices, struct cli *cli)
{
    const char *command = cli_value(cli, "send", 0);
    uint32_t wait_s = WAIT_PRESET_S;
    TRY(cli_number(cli, "wait", 1, WAIT_MAX_S, &wait_s));
    notices->cli = cli;
    notices->sends = command != NULL;
    if (notices->sends) {
        TRY(mailer_init(&notices->mailer, command, wait_s, &cli->diag));
        TRY(look_who_leads(notices, cli));
    }
    if (notices->follows) {
        return RESULT_OK;
    }
    if (notices->sends) {
        TRY(instance_claim(&notices->instance, cli->state_dir, "notices", 0, &cli->diag));
    }
    TRY(noticelist_read(&notices->list, cli));
    return noticetext_sender(&notices->sender, &notices->list.settings, cli_value(cli, "from", 0),
                             cli_value(cli, "url", 0), &cli->diag);
}

static void end(struct notices *notices)
{
    json_decref(notices->mails);
    noticelist_done(&notices->list);
    instance_free(notices->instance);
}

static void show_none(const struct notices *notices)
{
    if (notices->follows) {
        puts("this machine follows: the one that leads sends mails");
    }
    if (notices->sends || notices->list.count > 0) {
        return;
    }
    puts(notices->list.trusted
             ? "There is nothing to tell."
             : "There is nothing to tell. Verdicts are not told of now: no vantage point reports,\n"
               "removals are held back, or no member is eligible (`ntspool status`).");
}

int cmd_notices(struct cli *cli, int, char **)
{
    struct notices notices = { .sends = false };
    enum result result = begin(&notices, cli);
    if (result == RESULT_OK && notices.sends && !notices.follows) {
        result = noticelist_purge(&notices.list, cli);
        cli_show(cli);
    }
    if (result != RESULT_OK) {
        end(&notices);
        return cli_fail(cli, result);
    }
    notices.mails = json_array();
    do_all(&notices);
    if (cli->json) {
        json_print(json_pack("{s:b, s:b, s:O}", "follows", notices.follows, "verdicts_told",
                             notices.list.trusted, "mails", notices.mails));
    } else {
        show_none(&notices);
    }
    end(&notices);
    if (notices.failed > 0 && cli->json) {
        cli->diag = notices.first;
        return cli_fail(cli, RESULT_REFUSED);
    }
    return notices.failed > 0 ? CLI_FAILED : CLI_DONE;
}
