#include "tools/fleet/etcd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/etcd_private.h"

static enum result read_file(struct etcd_file *out, const char *path, struct diag *diag)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return diag_fail(diag, errno == ENOENT ? RESULT_MISSING : RESULT_SYSTEM, "%s: %s", path,
                         strerror(errno));
    }
    char *data = xmalloc(ETCD_FILE_MAX + 1);
    size_t len = fread(data, 1, ETCD_FILE_MAX + 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed || len == 0 || len > ETCD_FILE_MAX) {
        free(data);
        return failed ? diag_fail(diag, RESULT_SYSTEM, "%s: it can't be read", path)
                      : diag_fail(diag, RESULT_INVALID, "%s: it is %s", path,
                                  len == 0 ? "empty" : "too long for a certificate or key");
    }
    *out = (struct etcd_file){ .data = data, .len = len };
    return RESULT_OK;
}

static void free_file(struct etcd_file *file)
{
    if (file->data != NULL) {
        explicit_bzero(file->data, file->len);
        free(file->data);
    }
}

static void name_node(struct etcd_node *node, const struct endpoint *at)
{
    char address[ADDRESS_TEXT_MAX];
    bool ipv4 = address_is_ipv4(&at->address);
    (void)address_text(&at->address, address);
    (void)snprintf(node->text, sizeof(node->text), "%s@%u", address, at->port);
    (void)snprintf(node->url, sizeof(node->url), ipv4 ? "https://%s:%u" : "https://[%s]:%u",
                   address, at->port);
}

enum result etcd_new(struct etcd **out, const struct etcd_config *config, struct diag *diag)
{
    if (config->node_count == 0 || config->node_count > ETCD_NODES_MAX) {
        return diag_fail(diag, RESULT_INVALID, "a fleet has 1 to %d nodes of its engine",
                         ETCD_NODES_MAX);
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return diag_fail(diag, RESULT_SYSTEM, "libcurl can't start");
    }
    struct etcd *etcd = xcalloc(1, sizeof(*etcd));
    etcd->multi = curl_multi_init();
    CHECK(etcd->multi != NULL);
    /* of the connections that wait for a next call */
    CHECK(curl_multi_setopt(etcd->multi, CURLMOPT_MAXCONNECTS, 2L * ETCD_NODES_MAX) == CURLM_OK);
    /* Each call has a connection to itself: libcurl 7.88 loses the trailers of large replies that
     * share one. */
    CHECK(curl_multi_setopt(etcd->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK);
    etcd->message_max = config->message_max > 0 ? config->message_max : ETCD_MESSAGE_MAX;
    etcd->connect_ms = config->connect_ms > 0 ? config->connect_ms : ETCD_CONNECT_MS;
    etcd->node_count = config->node_count;
    for (unsigned i = 0; i < config->node_count; i++) {
        name_node(&etcd->nodes[i], &config->nodes[i]);
    }
    enum result result = read_file(&etcd->ca, config->ca, diag);
    if (result == RESULT_OK) {
        result = read_file(&etcd->certificate, config->certificate, diag);
    }
    if (result == RESULT_OK) {
        result = read_file(&etcd->key, config->key, diag);
    }
    if (result != RESULT_OK) {
        etcd_free(etcd);
        return result;
    }
    *out = etcd;
    return RESULT_OK;
}

void etcd_free(struct etcd *etcd)
{
    if (etcd == NULL) {
        return;
    }
    ASSERT(etcd->calls == NULL && etcd->watches == NULL);
    CHECK(curl_multi_cleanup(etcd->multi) == CURLM_OK);
    free_file(&etcd->ca);
    free_file(&etcd->certificate);
    free_file(&etcd->key);
    free(etcd);
    curl_global_cleanup();
}

static enum result multi_failed(CURLMcode code, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "libcurl: %s", curl_multi_strerror(code));
}

/* Lets libcurl do what it can do now, and notes the transfers that have finished. */
static enum result perform(struct etcd *etcd, struct diag *diag)
{
    int left = 0;
    CURLMcode code = curl_multi_perform(etcd->multi, &left);
    if (code != CURLM_OK) {
        return multi_failed(code, diag);
    }
    CURLMsg *message = curl_multi_info_read(etcd->multi, &left);
    while (message != NULL) {
        if (message->msg == CURLMSG_DONE) {
            char *private = NULL;
            CHECK(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK);
            struct etcd_transfer *transfer = (void *)private;
            transfer->finished = true;
            transfer->code = message->data.result;
            etcd->stirred = true;
        }
        message = curl_multi_info_read(etcd->multi, &left);
    }
    return RESULT_OK;
}

static enum result wait_for(struct etcd *etcd, struct pollfd *fds, unsigned count, unsigned wait_ms,
                            struct diag *diag)
{
    struct curl_waitfd waits[ETCD_FDS_MAX];
    int ready = 0;
    ASSERT(count <= ETCD_FDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        bool in = (fds[i].events & POLLIN) != 0, out = (fds[i].events & POLLOUT) != 0;
        waits[i] = (struct curl_waitfd){ .fd = fds[i].fd,
                                         .events = (short)((in ? CURL_WAIT_POLLIN : 0) |
                                                           (out ? CURL_WAIT_POLLOUT : 0)) };
    }
    CURLMcode code = curl_multi_poll(etcd->multi, waits, count, (int)wait_ms, &ready);
    if (code != CURLM_OK) {
        return multi_failed(code, diag);
    }
    for (unsigned i = 0; i < count; i++) {
        bool in = (waits[i].revents & CURL_WAIT_POLLIN) != 0;
        bool outward = (waits[i].revents & CURL_WAIT_POLLOUT) != 0;
        fds[i].revents = (short)((in ? POLLIN : 0) | (outward ? POLLOUT : 0));
    }
    return RESULT_OK;
}

enum result etcd_turn(struct etcd *etcd, struct pollfd *fds, unsigned count, unsigned wait_ms,
                      struct diag *diag)
{
    etcd->stirred = false;
    etcd_call_move_all(etcd, &wait_ms);
    etcd_watch_wait_all(etcd, &wait_ms);
    TRY(perform(etcd, diag));
    TRY(wait_for(etcd, fds, count, etcd->stirred ? 0 : wait_ms, diag));
    TRY(perform(etcd, diag));
    etcd_call_move_all(etcd, &wait_ms);
    return RESULT_OK;
}
