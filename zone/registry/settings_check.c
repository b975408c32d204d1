/* Combinations of settings that make no sense. */
#include <stdio.h>

#include "zone/base/u64.h"
#include "zone/registry/settings.h"

enum {
    RULE_NAMES = 4
};

struct rule {
    const char *names[RULE_NAMES]; /* the settings that it compares */
    bool (*broken)(const struct settings *settings);
    const char *why;
};

static bool leaves_at_entry(const struct settings *s)
{
    return s->exit_score_milli > s->entry_score_milli;
}

static bool leaves_at_reentry(const struct settings *s)
{
    return s->exit_score_milli > s->reentry_score_milli;
}

/* RFC 1912 2.2: the retry interval is shorter than the refresh interval. */
static bool retries_too_late(const struct settings *s)
{
    return s->retry_s > s->refresh_s;
}

/* RFC 1912 2.2: a secondary's copy outlives a failed refresh and a retry. */
static bool expires_too_early(const struct settings *s)
{
    return s->expire_s < (uint64_t)s->refresh_s + s->retry_s;
}

/* RFC 7583 3.2.1: a ZSK is published this long before it signs. */
static bool zsk_dies_too_early(const struct settings *s)
{
    return s->zsk_lifetime_s != 0 && s->zsk_lifetime_s <= (uint64_t)s->propagation_s + s->ttl_s;
}

/* RFC 7583 3.3.3: first all caches learn its DNSKEY, then its DS. */
static bool ksk_dies_too_early(const struct settings *s)
{
    return s->ksk_lifetime_s != 0 && s->ksk_lifetime_s <= (uint64_t)s->propagation_s + s->ttl_s +
                                                              s->parent_delay_s +
                                                              s->parent_ds_ttl_s;
}

/* A cache keeps a record for its TTL. The signature must be valid until then. */
static bool outlives_its_signature(const struct settings *s)
{
    uint64_t longest = s->ttl_s;
    const uint32_t others[] = { s->srv_ttl_s, s->address_ttl_s, s->negative_ttl_s };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        longest = u64_max(longest, others[i]);
    }
    return s->signature_validity_s < 2 * longest;
}

static const struct rule rules[] = {
    { { "entry-score", "exit-score" }, leaves_at_entry, "a member would fall out as it comes in" },
    { { "reentry-score", "exit-score" },
      leaves_at_reentry,
      "a member would fall out as it comes back" },
    { { "refresh", "retry" }, retries_too_late, "a retry comes sooner than the next refresh" },
    { { "expire", "refresh", "retry" },
      expires_too_early,
      "a copy would expire before it was tried to be refreshed twice" },
    { { "zsk-lifetime", "propagation-delay", "ttl" },
      zsk_dies_too_early,
      "a ZSK would be replaced before all caches can know it" },
    { { "ksk-lifetime", "propagation-delay", "parent-delay", "parent-ds-ttl" },
      ksk_dies_too_early,
      "a KSK would be replaced before all caches can know its DS" },
    { { "signature-validity", "ttl", "srv-ttl", "negative-ttl" },
      outlives_its_signature,
      "caches would keep records longer than their signatures hold" },
};

static bool is_about(const struct rule *rule, const char *name)
{
    for (size_t i = 0; i < RULE_NAMES && rule->names[i] != NULL; i++) {
        if (strcmp(rule->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum result tell(const struct rule *rule, const struct settings *settings, struct diag *diag)
{
    char list[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < RULE_NAMES && rule->names[i] != NULL; i++) {
        char value[SETTING_VALUE_MAX];
        enum result result = settings_text(settings, rule->names[i], value);
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s %.40s", i == 0 ? "" : ", ",
                                 rule->names[i], result == RESULT_OK ? value : "?");
    }
    return diag_fail(diag, RESULT_REFUSED,
                     "these don't go together: %s: %s (`zone set` takes several at once)", list,
                     rule->why);
}

enum result settings_check(const struct settings *settings, const char *name, struct diag *diag)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (is_about(&rules[i], name) && rules[i].broken(settings)) {
            return tell(&rules[i], settings, diag);
        }
    }
    return RESULT_OK;
}
