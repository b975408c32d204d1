#include "tools/check/check_chain.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

enum {
    ANCHOR_MAX = 65536,
    POLL_MS = 100
};

/* The root's keys of 2017 and 2024 (https://data.iana.org/root-anchors/). */
static const char root_anchors[] =
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n";

enum result check_chain_anchor(char **out, const char *path, struct diag *diag)
{
    *out = NULL;
    if (path == NULL) {
        return RESULT_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return diag_fail(diag, RESULT_SYSTEM, "can't read %.200s: %s", path, strerror(errno));
    }
    char *text = xcalloc(1, ANCHOR_MAX + 1);
    size_t len = fread(text, 1, ANCHOR_MAX, file);
    bool bad = ferror(file) != 0 || len == ANCHOR_MAX || strlen(text) != len;
    (void)fclose(file);
    if (bad) {
        free(text);
        return diag_fail(diag, RESULT_INVALID, "%.200s is no list of trust anchors", path);
    }
    *out = text;
    return RESULT_OK;
}

/* Each line that has a record. False if one is none. */
static bool add_anchors(struct ub_ctx *ctx, const char *text)
{
    size_t room = strlen(text) + 1;
    char *copy = xmalloc(room), *rest = copy;
    memcpy(copy, text, room);
    bool good = true;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        line[strcspn(line, ";\r")] = '\0';
        if (line[strspn(line, " \t")] != '\0') {
            good = ub_ctx_add_ta(ctx, line) == 0 && good;
        }
    }
    free(copy);
    return good;
}

/* A context whose only knowledge is the root servers and the anchors. */
static struct ub_ctx *context(const struct check *check, char *why)
{
    struct ub_ctx *ctx = ub_ctx_create();
    char pool[DNAME_TEXT_MAX];
    if (ctx == NULL) {
        (void)snprintf(why, CHECK_TEXT_ROOM, "libunbound can't start");
        return NULL;
    }
    const char *anchors = check->anchor != NULL ? check->anchor : root_anchors;
    bool good = ub_ctx_set_option(ctx, "do-not-query-localhost:", "no") == 0 &&
                ub_ctx_set_option(ctx, "qname-minimisation:", "no") == 0 &&
                ub_ctx_async(ctx, 1) == 0 && add_anchors(ctx, anchors);
    for (unsigned i = 0; good && i < check->options.roots.count; i++) {
        const struct endpoint *root = &check->options.roots.list[i];
        char address[ADDRESS_TEXT_MAX], text[ADDRESS_TEXT_MAX + 8];
        (void)snprintf(text, sizeof(text), "%s@%u", address_text(&root->address, address),
                       root->port);
        good = ub_ctx_set_stub(ctx, ".", text, 0) == 0;
    }
    /* Names that are for tests have answers of unbound's own, unless they are known. */
    good = good && ub_ctx_zone_add(ctx, dname_text(&check->pool, pool), "transparent") == 0;
    if (!good) {
        (void)snprintf(why, CHECK_TEXT_ROOM, "a trust anchor or a root server is no valid one");
        ub_ctx_delete(ctx);
        return NULL;
    }
    return ctx;
}

struct waiting {
    bool done;
    enum chain chain;
    char *why;
};

static void answered(void *arg, int error, struct ub_result *result)
{
    struct waiting *waiting = arg;
    waiting->done = true;
    waiting->chain = CHAIN_FAILED;
    if (error != 0) {
        (void)snprintf(waiting->why, CHECK_TEXT_ROOM, "%s", ub_strerror(error));
    } else if (result->bogus) {
        waiting->chain = CHAIN_BOGUS;
        (void)snprintf(waiting->why, CHECK_TEXT_ROOM, "%s",
                       result->why_bogus != NULL ? result->why_bogus : "bogus");
    } else if (result->rcode != DNS_NOERROR && result->rcode != DNS_NXDOMAIN) {
        char rcode[16];
        (void)snprintf(waiting->why, CHECK_TEXT_ROOM, "can't be resolved from the root on: %s",
                       dns_rcode_text((unsigned)result->rcode, rcode));
    } else {
        waiting->chain = result->secure ? CHAIN_SECURE : CHAIN_INSECURE;
    }
    ub_resolve_free(error == 0 ? result : NULL);
}

enum chain check_chain(struct check *check, char *why)
{
    struct waiting waiting = { .chain = CHAIN_FAILED, .why = why };
    struct ub_ctx *ctx = context(check, why);
    char name[DNAME_TEXT_MAX];
    int id = 0;
    if (ctx == NULL) {
        return CHAIN_FAILED;
    }
    (void)snprintf(why, CHECK_TEXT_ROOM, "no answer within %d s", CHAIN_S);
    int error = ub_resolve_async(ctx, dname_text(&check->service, name), RR_SRV, RR_CLASS_IN,
                                 &waiting, answered, &id);
    for (unsigned turn = 0; error == 0 && !waiting.done && turn < CHAIN_S * 1000 / POLL_MS &&
                            check_time_left_ms(check) > 0;
         turn++) {
        struct pollfd fd = { .fd = ub_fd(ctx), .events = POLLIN };
        if (poll(&fd, 1, POLL_MS) > 0) {
            error = ub_process(ctx);
        }
    }
    if (error != 0) {
        (void)snprintf(why, CHECK_TEXT_ROOM, "%s", ub_strerror(error));
    } else if (!waiting.done) {
        (void)ub_cancel(ctx, id);
    }
    ub_ctx_delete(ctx);
    return waiting.chain;
}
