#include "zone/registry/consent.h"

#include <stdio.h>
#include <strings.h>

bool consent_is_needed(const struct member *member, const struct settings *settings)
{
    return settings->target_consent && member->target.len > 0 &&
           member->override != OVERRIDE_ELIGIBLE;
}

enum result consent_name(struct dname *out, const struct dname *target)
{
    return dname_prepend(out, CONSENT_LABEL, sizeof CONSENT_LABEL - 1, target);
}

char *consent_text(const struct dname *apex, char out[CONSENT_TEXT_ROOM])
{
    char name[DNAME_TEXT_MAX];
    size_t len = strlen(dname_text(apex, name));
    (void)snprintf(out, CONSENT_TEXT_ROOM, CONSENT_KEY "%.*s", (int)len - 1, name);
    return out;
}

bool consent_says(const char *text, size_t len, const struct dname *apex)
{
    char wanted[CONSENT_TEXT_ROOM];
    size_t wanted_len = strlen(consent_text(apex, wanted));
    len -= len > 0 && text[len - 1] == '.' ? 1 : 0;
    return len == wanted_len && strncasecmp(text, wanted, len) == 0;
}
