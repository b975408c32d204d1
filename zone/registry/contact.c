#include "zone/registry/contact.h"

#include <string.h>

#include "zone/names/hostname.h"

enum {
    LOCAL_MAX = 64 /* RFC 5321 4.5.3.1.1 */
};

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* A dot-atom (RFC 5322 3.2.3) of few characters. A program could take an address that begins with a
 * hyphen for an option. */
static bool local_fits(const char *text, size_t len)
{
    return len > 0 && len <= LOCAL_MAX && strspn(text, LETTERS_DIGITS) > 0 &&
           strspn(text, LETTERS_DIGITS "._+=-") == len && text[len - 1] != '.' &&
           memmem(text, len, "..", 2) == NULL;
}

static bool domain_fits(const char *text)
{
    struct dname name;
    size_t len = strlen(text);
    return len > 0 && text[len - 1] != '.' && strchr(text, '\\') == NULL &&
           dname_parse(&name, text, NULL) == RESULT_OK && dname_labels(&name) > 1 &&
           hostname_look(&name) == HOSTNAME_FINE;
}

bool contact_fits(const char *text)
{
    const char *at = strchr(text, '@');
    return at != NULL && strlen(text) <= CONTACT_MAX && local_fits(text, (size_t)(at - text)) &&
           domain_fits(at + 1);
}
