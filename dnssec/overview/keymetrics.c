#include "dnssec/overview/keymetrics.h"

static void write_time(struct openmetrics *om, const char *name, const char *help, uint64_t at)
{
    openmetrics_family(om, OPENMETRICS_GAUGE, name, help);
    if (at != 0) {
        openmetrics_sample(om, (double)at, NULL);
    }
}

void keymetrics_write(struct openmetrics *om, const struct keyview *view)
{
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_keys",
                       "DNSSEC keys, by role and by the state that `ntspool key list` shows.");
    for (unsigned role = KEY_KSK; role <= KEY_CSK && view->known; role++) {
        for (unsigned state = KEY_GENERATED; state <= KEY_REMOVED; state++) {
            openmetrics_sample(om, (double)view->keys[role][state], "role",
                               key_role_text((enum key_role)role), "state",
                               keystate_text((enum key_state)state), NULL);
        }
    }
    write_time(om, "ntspool_key_manager_timestamp_seconds",
               "When a server last looked after the keys, to the hour, or the time of their "
               "package.",
               view->as_of);
    write_time(om, "ntspool_ds_asked_timestamp_seconds",
               "Since when the parent zone is asked for other DS records; none: it is not.",
               view->asked_at);
    write_time(om, "ntspool_dnskey_signed_until_timestamp_seconds",
               "With an offline KSK: when its signatures over the keys in use expire.",
               view->signed_until);
    write_time(om, "ntspool_dnskey_bundle_end_timestamp_seconds",
               "With an offline KSK: when the last signature of the bundle expires.",
               view->bundle_ends);
}
