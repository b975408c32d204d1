#include <netinet/tcp.h>
#include <stdio.h>

#include "tools/fleet/etcd_private.h"
#include "zone/base/clock.h"

/* Only what can't fail without a bug of ours, or for want of memory. */
#define SET(easy, option, value) CHECK(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

static size_t on_header(char *line, size_t, size_t len, void *arg)
{
    struct etcd_transfer *transfer = arg;
    transfer->heard_at = clock_steady_ms();
    grpc_header(&transfer->outcome, line, len);
    return len;
}

static void give_up(struct etcd_transfer *transfer, enum result result, const struct diag *why)
{
    transfer->broken_as = result;
    transfer->broken = *why;
}

/* What is no message ends the transfer here, so that nothing above the limit is ever kept. */
static size_t on_body(char *data, size_t, size_t len, void *arg)
{
    struct etcd_transfer *transfer = arg;
    struct grpc_inbox *inbox = &transfer->inbox;
    struct octets message;
    struct diag why = { "" };
    transfer->etcd->stirred = true;
    transfer->heard_at = clock_steady_ms();
    if (!transfer->outcome.is_grpc) {
        (void)diag_fail(&why, RESULT_INVALID, "what it sends is not gRPC: no node of etcd?");
        give_up(transfer, RESULT_INVALID, &why);
        return 0;
    }
    if (grpc_waiting(inbox) >= ETCD_PAUSE_AT && grpc_look(inbox, &message, &why) == RESULT_OK &&
        transfer->is_watch) {
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    grpc_add(inbox, data, len);
    enum result result = grpc_look(inbox, &message, &why);
    bool extra = result == RESULT_OK && grpc_waiting(inbox) > GRPC_PREFIX + message.len;
    if (extra && !transfer->is_watch) {
        result = diag_fail(&why, RESULT_INVALID, "it sends more than one reply");
    }
    if (result != RESULT_OK && result != RESULT_EXHAUSTED) {
        give_up(transfer, result, &why);
        return 0;
    }
    return len;
}

/* libcurl has no way to rewind this, so it can't send a request twice: it would do so by itself
 * where a connection of an earlier call turns out to be dead. */
static size_t on_request(char *out, size_t size, size_t count, void *arg)
{
    struct etcd_transfer *transfer = arg;
    size_t left = transfer->request->len - transfer->sent;
    size_t len = size * count < left ? size * count : left;
    memcpy(out, transfer->request->data + transfer->sent, len);
    transfer->sent += len;
    return len;
}

/* A node that is gone must not hold a connection for the minutes that TCP allows: nor one that
 * only listens. */
static int on_socket(void *, curl_socket_t fd, curlsocktype)
{
    enum {
        IDLE_S = 5,
        INTERVAL_S = 2
    };
    int on = 1, idle = IDLE_S, interval = INTERVAL_S;
    unsigned dead_ms = ETCD_DEAD_MS;
    bool set = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
               setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) == 0 &&
               setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval)) == 0 &&
               setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms)) == 0;
    return set ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static void add_header(struct etcd_transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    CHECK(longer != NULL);
    transfer->headers = longer;
}

static void set_headers(struct etcd_transfer *transfer, const struct etcd_transfer_plan *plan)
{
    add_header(transfer, "content-type: application/grpc");
    add_header(transfer, "te: trailers");
    add_header(transfer, "user-agent: ntspool");
    add_header(transfer, "Expect:");
    if (plan->needs_leader) {
        add_header(transfer, "hasleader: true");
    }
    if (!plan->is_watch) {
        char timeout[40];
        (void)snprintf(timeout, sizeof(timeout), "grpc-timeout: %um", plan->wait_ms);
        add_header(transfer, timeout);
    }
    SET(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_blob(CURL *easy, CURLoption option, const struct etcd_file *file)
{
    struct curl_blob blob = { .data = file->data, .len = file->len, .flags = CURL_BLOB_NOCOPY };
    SET(easy, option, &blob);
}

static void set_tls(CURL *easy, const struct etcd *etcd)
{
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_CAPATH, NULL);
    set_blob(easy, CURLOPT_CAINFO_BLOB, &etcd->ca);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, &etcd->certificate);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, &etcd->key);
}

static void set_callbacks(struct etcd_transfer *transfer)
{
    CURL *easy = transfer->easy;
    SET(easy, CURLOPT_PRIVATE, transfer);
    SET(easy, CURLOPT_ERRORBUFFER, transfer->error);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, transfer);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, transfer);
    SET(easy, CURLOPT_READFUNCTION, on_request);
    SET(easy, CURLOPT_READDATA, transfer);
    SET(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

void etcd_transfer_begin(struct etcd_transfer *transfer, struct etcd *etcd,
                         const struct etcd_transfer_plan *plan)
{
    const struct etcd_node *node = &etcd->nodes[plan->node];
    char url[128];
    (void)snprintf(url, sizeof(url), "%s/etcdserverpb.%s", node->url, plan->path);
    *transfer = (struct etcd_transfer){
        .etcd = etcd,
        .easy = curl_easy_init(),
        .node = plan->node,
        .request = plan->request,
        .is_watch = plan->is_watch,
        .inbox = { .message_max = etcd->message_max },
        .heard_at = clock_steady_ms(),
    };
    CURL *easy = transfer->easy;
    CHECK(easy != NULL);
    SET(easy, CURLOPT_URL, url);
    SET(easy, CURLOPT_PROTOCOLS_STR, "https");
    SET(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(easy, CURLOPT_POST, 1L);
    SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)plan->request->len);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)plan->connect_ms);
    SET(easy, CURLOPT_TIMEOUT_MS, plan->is_watch ? 0L : (long)plan->wait_ms);
    SET(easy, CURLOPT_FRESH_CONNECT, plan->is_watch || node->suspect ? 1L : 0L);
    set_tls(easy, etcd);
    set_callbacks(transfer);
    set_headers(transfer, plan);
    CHECK(curl_multi_add_handle(etcd->multi, easy) == CURLM_OK);
}

void etcd_transfer_end(struct etcd_transfer *transfer)
{
    if (transfer->easy == NULL) {
        return;
    }
    CHECK(curl_multi_remove_handle(transfer->etcd->multi, transfer->easy) == CURLM_OK);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    grpc_inbox_clear(&transfer->inbox);
    *transfer = (struct etcd_transfer){ .easy = NULL };
}

void etcd_transfer_resume(struct etcd_transfer *transfer)
{
    transfer->paused = false;
    /* What fails here is told by the loop. */
    (void)curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

/* With TLS 1.3 the node looks at our certificate after the handshake: it refuses by an alert,
 * before it has read any request. */
static bool is_refusal(const struct etcd_transfer *transfer)
{
    const char *text = transfer->error;
    return strstr(text, "alert") != NULL &&
           (strstr(text, "certificate") != NULL || strstr(text, "unknown ca") != NULL);
}

static enum result failure(const struct etcd_transfer *transfer, bool changes, struct diag *diag)
{
    const char *text =
        transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(transfer->code);
    switch (transfer->code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return diag_fail(diag, RESULT_REFUSED, "its certificate is not of this fleet: %s", text);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return diag_fail(diag, RESULT_REFUSED,
                         "this machine's certificate or key can't be used: %s", text);
    default:
        break;
    }
    if (is_refusal(transfer)) {
        return diag_fail(diag, RESULT_REFUSED, "it refuses this machine's certificate: %s", text);
    }
    if (changes && transfer->sent > 0) {
        return diag_fail(diag, RESULT_UNCERTAIN, "it is not known whether the change was made: %s",
                         text);
    }
    return diag_fail(diag, RESULT_UNREACHABLE, "%s", text);
}

/* What came is no reply. Whether a change was made is then unknown. */
static enum result no_reply(const struct etcd_transfer *transfer, bool changes, enum result result,
                            struct diag *diag, const char *why)
{
    return changes && transfer->sent > 0
               ? diag_fail(diag, RESULT_UNCERTAIN,
                           "it is not known whether the change was made: %s", why)
               : diag_fail(diag, result, "%s", why);
}

static enum result outcome_of(const struct etcd_transfer *transfer, bool changes, struct diag *diag)
{
    struct octets message;
    struct diag why = { "" };
    if (transfer->broken.text[0] != '\0') {
        return no_reply(transfer, changes, transfer->broken_as, diag, transfer->broken.text);
    }
    bool refused = transfer->outcome.ended && transfer->outcome.code != GRPC_OK;
    if (transfer->code != CURLE_OK && !refused) {
        return failure(transfer, changes, diag);
    }
    if (!transfer->outcome.is_grpc) {
        return no_reply(transfer, changes, RESULT_INVALID, diag,
                        "what it sends is not gRPC: no node of etcd?");
    }
    if (!transfer->outcome.ended) {
        return no_reply(transfer, changes, RESULT_UNREACHABLE, diag,
                        "the node ended the reply early");
    }
    if (transfer->outcome.code != GRPC_OK) {
        return etcdreply_failure(&transfer->outcome, changes, diag);
    }
    if (!transfer->is_watch && grpc_look(&transfer->inbox, &message, &why) != RESULT_OK) {
        return no_reply(transfer, changes, RESULT_INVALID, diag, "the reply is empty");
    }
    return RESULT_OK;
}

enum result etcd_transfer_result(const struct etcd_transfer *transfer, bool changes,
                                 struct diag *diag)
{
    struct diag why = { "" };
    enum result result = outcome_of(transfer, changes, &why);
    return result == RESULT_OK ? RESULT_OK
                               : diag_fail(diag, result, "%s: %s",
                                           transfer->etcd->nodes[transfer->node].text, why.text);
}
