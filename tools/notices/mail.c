#include "tools/notices/mail.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/base/result.h"

enum {
    DATE_ROOM = 48,
    PARAGRAPH_ROOM = 2048
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The length of the word at `text`, as it will be printed. */
static size_t word_len(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0' && !is_blank(text[len]) && len < MAIL_WORD_MAX) {
        len++;
    }
    return len;
}

static void put_word(FILE *out, const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)putc(word[i] > ' ' && word[i] <= '~' ? word[i] : '?', out);
    }
}

/* Writes the words of `text`. `at` is how far the line has got, and `lead` begins further lines. */
static void put_words(FILE *out, const char *text, size_t at, const char *lead)
{
    bool first = true;
    for (;;) {
        while (is_blank(*text)) {
            text++;
        }
        size_t len = word_len(text);
        if (len == 0) {
            return;
        }
        if (!first && at + 1 + len > MAIL_LINE) {
            (void)fprintf(out, "\n%s", lead);
            at = strlen(lead);
        } else if (!first) {
            (void)putc(' ', out);
            at++;
        }
        put_word(out, text, len);
        at += len;
        text += len;
        first = false;
    }
}

/* RFC 5322 3.3. The names do not depend on the locale. */
static char *date_text(uint64_t now, char out[DATE_ROOM])
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t at = (time_t)now;
    struct tm tm = { .tm_year = 70, .tm_mday = 1 };
    (void)gmtime_r(&at, &tm);
    (void)snprintf(out, DATE_ROOM, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday],
                   tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
    return out;
}

static void put_header(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, "%s: ", name);
    put_words(out, value, strlen(name) + 2, " ");
    (void)putc('\n', out);
}

/* Auto-Submitted keeps programs from answering (RFC 3834 5). */
void mail_begin(struct mail *mail, const struct mail_head *head)
{
    char date[DATE_ROOM];
    ASSERT(contact_fits(head->from) && contact_fits(head->to));
    mail->out = open_memstream(&mail->text, &mail->len);
    CHECK(mail->out != NULL);
    put_header(mail->out, "Date", date_text(head->now, date));
    put_header(mail->out, "From", head->from);
    put_header(mail->out, "To", head->to);
    put_header(mail->out, "Subject", head->subject);
    (void)fprintf(mail->out, "Message-ID: <%llu.%016llx@", (unsigned long long)head->now,
                  (unsigned long long)head->id);
    put_word(mail->out, head->pool, word_len(head->pool));
    (void)fputs(">\n"
                "Auto-Submitted: auto-generated\n"
                "MIME-Version: 1.0\n"
                "Content-Type: text/plain; charset=us-ascii\n"
                "Content-Transfer-Encoding: 7bit\n"
                "\n",
                mail->out);
}

void mail_paragraph(struct mail *mail, unsigned indent, const char *text)
{
    static const char spaces[] = "            ";
    const char *lead = spaces + sizeof spaces - 1 - indent;
    ASSERT(indent < sizeof spaces);
    if (text[strspn(text, " \t\r\n")] != '\0') {
        (void)fputs(lead, mail->out);
        put_words(mail->out, text, indent, lead);
        (void)putc('\n', mail->out);
    }
}

void mail_paragraphf(struct mail *mail, unsigned indent, const char *format, ...)
{
    char text[PARAGRAPH_ROOM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mail_paragraph(mail, indent, text);
}

void mail_gap(struct mail *mail)
{
    (void)putc('\n', mail->out);
}

void mail_end(struct mail *mail)
{
    CHECK(fclose(mail->out) == 0);
    mail->out = NULL;
}

void mail_done(struct mail *mail)
{
    if (mail->out != NULL) {
        mail_end(mail);
    }
    free(mail->text);
    *mail = (struct mail){ .out = NULL };
}
