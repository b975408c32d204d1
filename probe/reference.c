#include "probe/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>

#include "probe/lookup.h"
#include "probe/probe_run.h"
#include "probe/sntp.h"
#include "zone/registry/member.h"

enum {
    NTP_PORT = 123
};

/* A reference over one address family. */
struct contact {
    struct reference *reference;
    bool known; /* it has an address */
    bool ever;  /* it has answered in some check */
    bool answered;
    struct address address;
    int64_t offset_us;
    struct sntp *sntp; /* at most one of sntp and run is in flight */
    struct probe_run *run;
    struct association *association;
    struct probe_plan plan;
};

struct reference {
    struct references *all;
    char host[NTS_KE_NAME_ROOM];
    uint16_t port;
    bool nts;
    bool stale; /* an address did not answer, so the name is looked up again */
    struct lookup *lookup;
    struct contact contacts[ADDRESS_FAMILIES];
};

struct references {
    uv_loop_t *loop;
    references_checked *checked;
    void *arg;
    struct tls_trust *trust;
    unsigned count;
    unsigned pending; /* lookups and exchanges in flight */
    struct reference list[REFERENCES_MAX];
};

static int compare(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

enum vantage_state reference_judge(int64_t *offsets_us, unsigned count)
{
    if (count == 0) {
        return VANTAGE_NETWORK_OFF;
    }
    qsort(offsets_us, count, sizeof(offsets_us[0]), compare);
    int64_t middle = offsets_us[count / 2];
    return middle < -REFERENCE_OFF_US || middle > REFERENCE_OFF_US ? VANTAGE_CLOCK_OFF
                                                                   : VANTAGE_WELL;
}

bool reference_unsynchronised(void)
{
    struct timex state = { .modes = 0 };
    int clock = adjtimex(&state);
    return clock == TIME_ERROR || clock == -1;
}

bool reference_kernel_answers(void)
{
    struct timex state = { .modes = 0 };
    return adjtimex(&state) != -1;
}

enum vantage_state reference_by_kernel(bool unsynchronised, bool *was_synchronised)
{
    *was_synchronised |= !unsynchronised;
    return unsynchronised && *was_synchronised ? VANTAGE_CLOCK_OFF : VANTAGE_WELL;
}

void reference_judge_family(struct reference_family *out, const struct reference_answer *answers,
                            unsigned count)
{
    *out = (struct reference_family){ .heard = false };
    bool ever = false;
    for (unsigned i = 0; i < count; i++) {
        out->heard |= answers[i].now;
        ever |= answers[i].ever;
    }
    out->silent = ever && !out->heard;
}

static void judge(struct references *all)
{
    struct reference_verdict verdict;
    int64_t offsets_us[REFERENCES_MAX * ADDRESS_FAMILIES];
    unsigned count = 0;
    for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
        struct reference_answer answers[REFERENCES_MAX];
        for (unsigned i = 0; i < all->count; i++) {
            const struct contact *contact = &all->list[i].contacts[f];
            answers[i] = (struct reference_answer){ contact->answered, contact->ever };
            if (contact->answered) {
                offsets_us[count++] = contact->offset_us;
            }
        }
        reference_judge_family(&verdict.family[f], answers, all->count);
    }
    verdict.state = reference_judge(offsets_us, count);
    all->checked(&verdict, all->arg);
}

/* A lookup or an exchange is over. */
static void one_ended(struct references *all)
{
    if (--all->pending == 0) {
        judge(all);
    }
}

static void exchange_ended(struct contact *contact, const struct ntp_sample *sample)
{
    contact->answered = sample != NULL;
    contact->ever |= contact->answered;
    if (sample != NULL) {
        int64_t error_us = (int64_t)ntp_sample_error_us(sample);
        contact->offset_us = sample->offset_us < 0 ? -error_us : error_us;
    } else {
        contact->reference->stale = true;
    }
    one_ended(contact->reference->all);
}

static void sntp_ended(const struct ntp_sample *sample, void *arg)
{
    struct contact *contact = arg;
    contact->sntp = NULL;
    exchange_ended(contact, sample);
}

static void probe_ended(const struct outcome *outcome, void *arg)
{
    struct contact *contact = arg;
    contact->run = NULL;
    exchange_ended(contact, outcome->timed ? &outcome->sample : NULL);
}

/* The operator chose the reference, so its NTP server may have any address. */
static void exchange(struct contact *contact)
{
    struct reference *reference = contact->reference;
    uv_loop_t *loop = reference->all->loop;
    const struct endpoint endpoint = { contact->address, reference->port };
    if (reference->nts) {
        contact->plan = (struct probe_plan){ .name = reference->host,
                                             .endpoint = endpoint,
                                             .registered = &contact->address,
                                             .registered_count = 1,
                                             .allow_private = true,
                                             .allow_foreign = true,
                                             .trust = reference->all->trust };
        contact->run =
            probe_run_start(loop, &contact->plan, &contact->association, probe_ended, contact);
        return;
    }
    contact->sntp = sntp_start(loop, &endpoint, sntp_ended, contact);
    if (contact->sntp == NULL) {
        exchange_ended(contact, NULL);
    }
}

static void exchange_all(struct reference *reference)
{
    reference->stale = false;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        struct contact *contact = &reference->contacts[i];
        contact->answered = false;
        if (contact->known) {
            reference->all->pending++;
            exchange(contact);
        }
    }
}

static void set_address(struct reference *reference, const struct address *address)
{
    struct contact *contact = &reference->contacts[address_family(address)];
    contact->known = true;
    contact->address = *address;
}

/* If the lookup of one family failed, its former address stays. */
static void lookup_ended(const struct lookup_answer *answer, void *arg)
{
    struct reference *reference = arg;
    reference->lookup = NULL;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        reference->contacts[i].known &= answer->unknown[i] && answer->state != LOOKUP_NO_NAME;
    }
    for (unsigned i = answer->count; i-- > 0;) {
        set_address(reference, &answer->addresses[i]);
    }
    exchange_all(reference);
    one_ended(reference->all);
}

static void check(struct reference *reference)
{
    struct address literal;
    const struct contact *contacts = reference->contacts;
    if (address_parse(&literal, reference->host) == RESULT_OK) {
        set_address(reference, &literal);
    } else if (reference->stale ||
               !(contacts[ADDRESS_IPV6].known || contacts[ADDRESS_IPV4].known)) {
        reference->lookup =
            lookup_start(reference->all->loop, NULL, reference->host, lookup_ended, reference);
    }
    if (reference->lookup == NULL) {
        exchange_all(reference);
        one_ended(reference->all);
    }
}

void references_check(struct references *references, struct tls_trust *trust)
{
    if (references->pending > 0) {
        return;
    }
    references->trust = trust;
    references->pending = references->count;
    for (unsigned i = 0; i < references->count; i++) {
        check(&references->list[i]);
    }
}

bool references_are_checking(const struct references *references)
{
    return references->pending > 0;
}

/* [nts:]HOST[@PORT] */
static bool parse(struct reference *out, const char *text)
{
    const char *prefix = "nts:";
    out->nts = strncmp(text, prefix, strlen(prefix)) == 0;
    out->port = out->nts ? MEMBER_PORT : NTP_PORT;
    const char *host = out->nts ? text + strlen(prefix) : text;
    size_t len = strcspn(host, "@");
    if (host[len] == '@') {
        char *end = NULL;
        unsigned long port = strtoul(host + len + 1, &end, 10);
        if (host[len + 1] < '0' || host[len + 1] > '9' || *end != '\0' || port < 1 ||
            port > UINT16_MAX) {
            return false;
        }
        out->port = (uint16_t)port;
    }
    if (len == 0 || len >= sizeof(out->host)) {
        return false;
    }
    memcpy(out->host, host, len);
    return true;
}

void references_begin(struct references *references, uv_loop_t *loop, references_checked *checked,
                      void *arg)
{
    references->loop = loop;
    references->checked = checked;
    references->arg = arg;
}

enum result references_new(struct references **out, const char *const *hosts, unsigned count,
                           struct diag *diag)
{
    if (count > REFERENCES_MAX) {
        return diag_fail(diag, RESULT_USAGE, "there may be %d references", REFERENCES_MAX);
    }
    struct references *references = xcalloc(1, sizeof(*references));
    references->count = count;
    for (unsigned i = 0; i < count; i++) {
        references->list[i].all = references;
        references->list[i].contacts[ADDRESS_IPV6].reference = &references->list[i];
        references->list[i].contacts[ADDRESS_IPV4].reference = &references->list[i];
        if (!parse(&references->list[i], hosts[i])) {
            free(references);
            return diag_fail(diag, RESULT_USAGE,
                             "a reference is HOST[@PORT], or nts:HOST[@PORT], not \"%.80s\"",
                             hosts[i]);
        }
    }
    *out = references;
    return RESULT_OK;
}

static void stop_contact(struct contact *contact)
{
    if (contact->sntp != NULL) {
        sntp_cancel(contact->sntp);
    }
    if (contact->run != NULL) {
        probe_run_cancel(contact->run);
    }
    association_free(contact->association);
    contact->sntp = NULL;
    contact->run = NULL;
    contact->association = NULL;
}

void references_stop(struct references *references)
{
    for (unsigned i = 0; i < references->count; i++) {
        struct reference *each = &references->list[i];
        if (each->lookup != NULL) {
            lookup_cancel(each->lookup);
        }
        each->lookup = NULL;
        stop_contact(&each->contacts[ADDRESS_IPV6]);
        stop_contact(&each->contacts[ADDRESS_IPV4]);
    }
    references->pending = 0;
}

void references_free(struct references *references)
{
    if (references != NULL) {
        references_stop(references);
        free(references);
    }
}
