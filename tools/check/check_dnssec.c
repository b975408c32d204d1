#include "tools/check/check_dnssec.h"

#include <stdio.h>
#include <stdlib.h>

#include "dnssec/signing/nsec.h"
#include "dnssec/signing/rrsig_verify.h"
#include "tools/output.h"
#include "zone/names/rdata.h"

enum {
    DAY_S = 86400,
    SKEW_S = 300 /* what validators' clocks may be off */
};

enum check_level check_time_left(uint32_t inception, uint32_t expiration, uint64_t now)
{
    /* Serial number arithmetic (RFC 4034 3.1.5). */
    int32_t age = (int32_t)((uint32_t)now - inception);
    int32_t left = (int32_t)(expiration - (uint32_t)now);
    int32_t period = (int32_t)(expiration - inception);
    if (age < 0 || left <= 0) {
        return CHECK_ERROR;
    }
    if (age < SKEW_S) {
        return CHECK_WARNING;
    }
    int32_t error = period / 8 < DAY_S ? period / 8 : DAY_S;
    int32_t warning = period / 4 < 2 * DAY_S ? period / 4 : 2 * DAY_S;
    return left < error ? CHECK_ERROR : left < warning ? CHECK_WARNING : CHECK_OK;
}

/* An RRset that is being judged. */
struct judged {
    const struct dname *owner;
    uint16_t type;
    enum dns_section section;
    const char *subject;
};

static void report_times(struct check *check, const struct judged *judged, const char *what,
                         const struct rrsig_view *view)
{
    enum check_level level = check_time_left(view->inception, view->expiration, check->now);
    int32_t age = (int32_t)((uint32_t)check->now - view->inception);
    int32_t left = (int32_t)(view->expiration - (uint32_t)check->now);
    if (level == CHECK_OK) {
        return;
    }
    if (age < 0) {
        check_report(check, CHECK_VALIDITY, level, judged->subject,
                     "the signature of %s is valid from %d s on", what, -age);
    } else if (left <= 0) {
        check_report(check, CHECK_VALIDITY, level, judged->subject,
                     "the signature of %s expired %d s ago", what, -left);
    } else if (age < SKEW_S) {
        check_report(check, CHECK_VALIDITY, level, judged->subject,
                     "the signature of %s is valid only since %d s: clocks differ by more", what,
                     age);
    } else {
        check_report(check, CHECK_VALIDITY, level, judged->subject,
                     "the signature of %s expires in %d min", what, left / 60);
    }
}

/* Signatures without their key are ignored as long as another one holds (RFC 6840 5.11: so it is
 * when an algorithm comes or goes). */
static void judge_set(struct check *check, const struct dnsmessage *message,
                      const struct judged *judged, const struct dns_rrset *set)
{
    unsigned good = 0, seen = 0;
    char what[RDATA_TYPE_ROOM + DNAME_TEXT_MAX + 4], type[RDATA_TYPE_ROOM], name[DNAME_TEXT_MAX];
    (void)snprintf(what, sizeof(what), "%.100s %s", dname_text(judged->owner, name),
                   rdata_type_text(judged->type, type));
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        struct rrsig_view view;
        if (record->type != RR_RRSIG || record->section != judged->section ||
            !dname_equal(&record->owner, judged->owner) ||
            !rrsig_view(&view, record->rdata, record->len) || view.type != judged->type) {
            continue;
        }
        seen++;
        enum rrsig_verdict verdict = rrsig_verify(judged->owner, &set->set, record->rdata,
                                                  record->len, &check->pool, &check->dnskey.set);
        good += verdict == RRSIG_GOOD ? 1 : 0;
        if (verdict == RRSIG_GOOD) {
            report_times(check, judged, what, &view);
        } else if (verdict == RRSIG_BOGUS) {
            check_fail(check, CHECK_SIGNATURES, judged->subject,
                       "the signature of %s by key %u is wrong", what, view.tag);
        }
    }
    if (seen == 0) {
        check_fail(check, CHECK_SIGNATURES, judged->subject, "%s is not signed", what);
    } else if (good == 0) {
        check_fail(check, CHECK_SIGNATURES, judged->subject, "no signature of %s holds", what);
    }
}

void check_signatures(struct check *check, const char *subject, const struct dnsmessage *message)
{
    struct dns_rrset *set = xmalloc(sizeof(*set));
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        bool ours = record->section != DNS_ADDITIONAL && record->type != 0 &&
                    record->type != RR_RRSIG && dname_under(&record->owner, &check->pool);
        for (unsigned k = 0; k < i && ours; k++) {
            const struct dns_record *before = &message->records[k];
            ours = before->section != record->section || before->type != record->type ||
                   !dname_equal(&before->owner, &record->owner);
        }
        const struct judged judged = { &record->owner, record->type, record->section, subject };
        if (ours && dnsmessage_rrset(message, record->section, &record->owner, record->type, set)) {
            judge_set(check, message, &judged, set);
        }
    }
    free(set);
}

/* The next name of an NSEC record, which dnsmessage_read has checked. */
static struct dname next_of(const struct dns_record *nsec)
{
    struct reader r = reader_of(nsec->rdata, nsec->len);
    struct dname next;
    dname_read(&r, &next);
    return next;
}

static bool covers(const struct dns_record *nsec, const struct dname *zone,
                   const struct dname *name)
{
    const struct dname next = next_of(nsec);
    bool last = dname_equal(&next, zone);
    return dname_compare(&nsec->owner, name) < 0 && (last || dname_compare(name, &next) < 0);
}

/* An NSEC record of the zone that covers the name. */
static const struct dns_record *find_cover(const struct dnsmessage *message,
                                           const struct dname *zone, const struct dname *name)
{
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section == DNS_AUTHORITY && record->type == RR_NSEC &&
            dname_under(&record->owner, zone) && covers(record, zone, name)) {
            return record;
        }
    }
    return NULL;
}

/* The longest ancestor of `name` that a covering NSEC record shows to exist. */
static struct dname closest_encloser(const struct dns_record *cover, const struct dname *name)
{
    const struct dname next = next_of(cover);
    struct dname at = *name;
    while (dname_labels(&at) > 0 && !dname_under(&cover->owner, &at) && !dname_under(&next, &at)) {
        at = dname_parent(&at, 1);
    }
    return at;
}

static const char *nxdomain_fault(const struct dnsmessage *message, const struct dname *zone,
                                  const struct dname *name)
{
    struct dname wildcard;
    const struct dns_record *cover = find_cover(message, zone, name);
    if (cover == NULL) {
        return "no NSEC record covers the name";
    }
    const struct dname encloser = closest_encloser(cover, name);
    if (dname_prepend(&wildcard, "*", 1, &encloser) == RESULT_OK &&
        find_cover(message, zone, &wildcard) == NULL) {
        return "no NSEC record covers the wildcard";
    }
    return NULL;
}

static const char *nodata_fault(const struct dnsmessage *message, const struct dname *zone,
                                const struct dname *name, uint16_t type, enum denial_seen *seen)
{
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section != DNS_AUTHORITY || record->type != RR_NSEC ||
            !dname_equal(&record->owner, name)) {
            continue;
        }
        bool missing = nsec_has_type(record->rdata, record->len, RR_NXNAME);
        *seen = missing ? DENIAL_SEEN_COMPACT : DENIAL_SEEN_NONE;
        return nsec_has_type(record->rdata, record->len, type) ||
                       nsec_has_type(record->rdata, record->len, RR_CNAME)
                   ? "the NSEC record of the name has the type"
                   : NULL;
    }
    /* An empty non-terminal: the next name is below it. */
    const struct dns_record *cover = find_cover(message, zone, name);
    const struct dname next = cover != NULL ? next_of(cover) : (struct dname){ .len = 0 };
    return cover != NULL && dname_under(&next, name) ? NULL : "no NSEC record denies the type";
}

const char *check_denial_fault(const struct dnsmessage *message, const struct dname *zone,
                               const struct dname *name, uint16_t type, enum denial_seen *seen)
{
    const struct dns_record *soa = dnsmessage_find(message, 0, DNS_AUTHORITY, RR_SOA);
    *seen = DENIAL_SEEN_NONE;
    if (dnsmessage_find(message, 0, DNS_ANSWER, type) != NULL) {
        return "the name has records";
    }
    if (soa == NULL || !dname_equal(&soa->owner, zone)) {
        return "the SOA record of the pool is missing";
    }
    if (message->rcode == DNS_NXDOMAIN) {
        *seen = DENIAL_SEEN_CHAIN;
        return nxdomain_fault(message, zone, name);
    }
    return message->rcode == DNS_NOERROR ? nodata_fault(message, zone, name, type, seen)
                                         : "neither NXDOMAIN nor NOERROR";
}
