#include "probe/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>

#include "probe/attempt.h"
#include "probe/lookup.h"
#include "probe/sntp.h"

enum {
    NTP_PORT = 123
};

struct reference {
    struct references *all;
    char host[NTS_KE_NAME_ROOM];
    uint16_t port;
    bool nts;
    bool resolved, answered;
    struct address address;
    int64_t offset_us;
    struct lookup *lookup; /* at most one of these three is under way */
    struct sntp *sntp;
    struct attempt *attempt;
    struct association *association;
    struct attempt_plan plan;
};

struct references {
    uv_loop_t *loop;
    references_judged *judged;
    void *arg;
    struct tls_trust *trust;
    unsigned count, pending;
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
    return adjtimex(&state) == TIME_ERROR;
}

enum vantage_state reference_by_kernel(bool unsynchronised, bool *kept)
{
    *kept |= !unsynchronised;
    return unsynchronised && *kept ? VANTAGE_CLOCK_OFF : VANTAGE_WELL;
}

static void ended(struct reference *reference, const struct ntp_sample *sample)
{
    struct references *all = reference->all;
    reference->answered = sample != NULL;
    if (sample != NULL) {
        int64_t error_us = (int64_t)ntp_sample_error_us(sample);
        reference->offset_us = sample->offset_us < 0 ? -error_us : error_us;
    } else {
        reference->resolved = false; /* it may have moved */
    }
    if (--all->pending > 0) {
        return;
    }
    int64_t offsets_us[REFERENCES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < all->count; i++) {
        if (all->list[i].answered) {
            offsets_us[count++] = all->list[i].offset_us;
        }
    }
    all->judged(reference_judge(offsets_us, count), all->arg);
}

static void plain_over(const struct ntp_sample *sample, void *arg)
{
    struct reference *reference = arg;
    reference->sntp = NULL;
    ended(reference, sample);
}

static void nts_over(const struct outcome *outcome, void *arg)
{
    struct reference *reference = arg;
    reference->attempt = NULL;
    ended(reference, outcome->timed ? &outcome->sample : NULL);
}

/* The operator chose the reference, so it may be anywhere. */
static void exchange(struct reference *reference)
{
    uv_loop_t *loop = reference->all->loop;
    const struct endpoint endpoint = { reference->address, reference->port };
    if (reference->nts) {
        reference->plan = (struct attempt_plan){ .name = reference->host,
                                                 .endpoint = endpoint,
                                                 .registered = &reference->address,
                                                 .registered_count = 1,
                                                 .allow_private = true,
                                                 .allow_foreign = true,
                                                 .trust = reference->all->trust };
        reference->attempt =
            attempt_start(loop, &reference->plan, &reference->association, nts_over, reference);
        return;
    }
    reference->sntp = sntp_start(loop, &endpoint, plain_over, reference);
    if (reference->sntp == NULL) {
        ended(reference, NULL);
    }
}

static void looked_up(const struct lookup_answer *answer, void *arg)
{
    struct reference *reference = arg;
    reference->lookup = NULL;
    if (answer->count == 0) {
        ended(reference, NULL);
        return;
    }
    reference->address = answer->addresses[0];
    reference->resolved = true;
    exchange(reference);
}

static void start(struct reference *reference)
{
    if (!reference->resolved) {
        reference->resolved = address_parse(&reference->address, reference->host) == RESULT_OK;
    }
    if (reference->resolved) {
        exchange(reference);
        return;
    }
    reference->lookup =
        lookup_start(reference->all->loop, NULL, reference->host, looked_up, reference);
    if (reference->lookup == NULL) {
        ended(reference, NULL);
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
        start(&references->list[i]);
    }
}

bool references_checking(const struct references *references)
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

void references_begin(struct references *references, uv_loop_t *loop, references_judged *judged,
                      void *arg)
{
    references->loop = loop;
    references->judged = judged;
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

void references_stop(struct references *references)
{
    for (unsigned i = 0; i < references->count; i++) {
        struct reference *each = &references->list[i];
        if (each->lookup != NULL) {
            lookup_cancel(each->lookup);
        }
        if (each->sntp != NULL) {
            sntp_cancel(each->sntp);
        }
        if (each->attempt != NULL) {
            attempt_cancel(each->attempt);
        }
        association_free(each->association);
        each->lookup = NULL;
        each->sntp = NULL;
        each->attempt = NULL;
        each->association = NULL;
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
