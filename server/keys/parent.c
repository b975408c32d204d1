#include "server/keys/parent.h"

#include <stdio.h>

#include "server/keys/dscheck.h"
#include "server/keys/dsync.h"

enum {
    LINE_ROOM = DNAME_TEXT_MAX + 64
};

bool parent_is_due(const struct parent_watch *watch, const struct settings *settings,
                   const struct key_set *keys, uint64_t steady)
{
    return settings->ds_resolver.port != 0 && rollover_awaits_parent(keys) &&
           (watch->asked == 0 || steady >= watch->asked + PARENT_ASK_S);
}

/* Notifies the parent, if it says where, that CDS asks for other DS records: once all servers have
 * these CDS records, then each hour until the parent follows. */
static void notify(struct parent_watch *watch, const struct parent_look *look,
                   const struct key_set *keys)
{
    const struct settings *settings = look->settings;
    uint64_t asked_at = rollover_asked_at(keys);
    struct endpoint to;
    struct dname target;
    struct diag diag = { "" };
    char text[DNAME_TEXT_MAX], line[LINE_ROOM];
    bool done = watch->notified_of == asked_at && look->steady < watch->notified + PARENT_NOTIFY_S;
    if (done || look->now < asked_at + settings->propagation_s) {
        return;
    }
    enum result result = dsync_find(&to, &target, &settings->ds_resolver, &settings->apex, &diag);
    if (result == RESULT_OK) {
        result = dsync_notify(&to, &settings->apex, &diag);
    }
    if (result == RESULT_OK) {
        (void)snprintf(line, sizeof(line), "the parent's %s was notified of CDS",
                       dname_text(&target, text));
        log_once_news(&watch->notifying, look->log, line);
        watch->notified = look->steady;
        watch->notified_of = asked_at;
    } else if (result != RESULT_NOT_FOUND) {
        log_once(&watch->notifying, look->log, LOG_WARNING, NULL, "%s", diag.text);
    }
}

/* RFC 7583 3.3: caches keep the old DS for the TTL that the parent gave it, whatever the setting
 * says. */
static struct rollover_timing timing_of(const struct parent_watch *watch,
                                        const struct parent_look *look,
                                        const struct key_timeline *timeline)
{
    struct settings settings = *look->settings;
    if (watch->ds_ttl_s > settings.parent_ds_ttl_s) {
        settings.parent_ds_ttl_s = watch->ds_ttl_s;
    }
    return key_timeline_timing(timeline, &settings);
}

/* The answer of a resolver that does not validate is not trusted. Logged once for each change of
 * CDS. */
static void doubt(struct parent_watch *watch, const struct parent_look *look,
                  const struct stub_response *response, const struct key_set *keys)
{
    uint64_t asked_at = rollover_asked_at(keys);
    if (watch->doubted_of != asked_at &&
        dscheck_lacks_validation(response, &look->settings->apex, keys)) {
        log_say(look->log, LOG_WARNING,
                "the resolver (ds-resolver) knows the DS records that were asked for, but does "
                "not say that it has validated them (AD): let it validate, or say "
                "`ntspool key ds-seen`");
        watch->doubted_of = asked_at;
    }
}

/* Judges the response by the keys in the transaction. */
static enum result judge(struct parent_watch *watch, const struct parent_look *look,
                         const struct stub_response *response, struct parent_news *out,
                         struct store_txn *txn, struct diag *diag)
{
    const struct dname *zone = &look->settings->apex;
    TRY(key_timeline_read(&out->before, txn, diag));
    out->after = out->before;
    struct key_set *keys = &out->after.keys;
    if (!rollover_awaits_parent(keys)) {
        return RESULT_NOT_FOUND;
    }
    if (!dscheck_is_as_asked(response, zone, keys)) {
        doubt(watch, look, response, keys);
        return RESULT_NOT_FOUND;
    }
    const struct rollover_timing timing = timing_of(watch, look, &out->after);
    (void)rollover_ds_seen(keys, &timing, look->now);
    return key_timeline_write(&out->after, &out->before, txn, look->seal, look->now, diag);
}

enum result parent_ask(struct parent_watch *watch, const struct parent_look *look,
                       struct parent_news *out, struct diag *diag)
{
    struct stub_response response;
    struct store_txn *txn = NULL;
    const struct dname *zone = &look->settings->apex;
    const struct stub_question question = dscheck_question(zone);
    watch->asked = look->steady;
    TRY(stub_ask(&response, &look->settings->ds_resolver, &question, diag));
    uint32_t ttl_s = dscheck_ttl(&response, zone);
    watch->ds_ttl_s = ttl_s > watch->ds_ttl_s ? ttl_s : watch->ds_ttl_s;
    TRY(store_write(look->keys, &txn, diag));
    enum result result = judge(watch, look, &response, out, txn, diag);
    if (result == RESULT_OK) {
        return store_commit(txn, diag);
    }
    store_abort(txn);
    if (result == RESULT_NOT_FOUND && rollover_awaits_parent(&out->after.keys)) {
        notify(watch, look, &out->after.keys);
    }
    return result;
}
