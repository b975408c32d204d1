#include "tools/fleet/enginenode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/fleet/agree.h"
#include "tools/fleet/certify.h"
#include "zone/base/file.h"

enum {
    DIR_MODE = 0700,
    FILE_MODE = 0600,
    URL_ROOM = ADDRESS_TEXT_MAX + 24,
    CLUSTER_ROOM = ETCD_NODES_MAX * (MACHINE_ROOM + URL_ROOM),
    TEXT_ROOM = 8192
};

enum result enginenode_parse(struct enginenode *out, const char *text, struct diag *diag)
{
    const char *equals = strchr(text, '=');
    struct enginenode node = { .name = "" };
    size_t len = equals != NULL ? (size_t)(equals - text) : 0;
    if (equals == NULL || len >= sizeof node.name) {
        return diag_fail(diag, RESULT_USAGE, "--node %.80s: a node is given as NODE=ADDRESS", text);
    }
    memcpy(node.name, text, len);
    if (!machine_name_fine(node.name)) {
        return diag_fail(diag, RESULT_USAGE, "--node %.80s: a node's name has a-z, 0-9 and hyphens",
                         text);
    }
    if (endpoint_parse(&node.clients, equals + 1, ETCD_PORT) != RESULT_OK ||
        node.clients.port == UINT16_MAX) {
        return diag_fail(diag, RESULT_USAGE,
                         "--node %.80s: after the = comes an IP address, perhaps with @PORT", text);
    }
    *out = node;
    return RESULT_OK;
}

/* A node has two ports, one after the other. */
static bool are_apart(const struct endpoint *a, const struct endpoint *b)
{
    int distance = (int)a->port - (int)b->port;
    return !address_equal(&a->address, &b->address) || distance > 1 || distance < -1;
}

enum result enginenode_check(const struct enginenode *nodes, unsigned count, struct diag *diag)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(nodes[i].name, nodes[j].name) == 0) {
                return diag_fail(diag, RESULT_USAGE, "two nodes have the name %s", nodes[i].name);
            }
            if (!are_apart(&nodes[i].clients, &nodes[j].clients)) {
                return diag_fail(diag, RESULT_USAGE,
                                 "the nodes %s and %s have an address and port in common: each "
                                 "needs its own port and the next one",
                                 nodes[j].name, nodes[i].name);
            }
        }
    }
    return RESULT_OK;
}

/* -- etcd.conf.yml and the unit -- */

static char *url_text(char out[URL_ROOM], const struct endpoint *endpoint, unsigned port)
{
    char address[ADDRESS_TEXT_MAX];
    bool brackets = !address_is_ipv4(&endpoint->address);
    (void)snprintf(out, URL_ROOM, "https://%s%s%s:%u", brackets ? "[" : "",
                   address_text(&endpoint->address, address), brackets ? "]" : "", port);
    return out;
}

static void print_cluster(char out[CLUSTER_ROOM], const struct enginenode *nodes, unsigned count)
{
    char url[URL_ROOM];
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(out + len, CLUSTER_ROOM - len, "%s%s=%s", i > 0 ? "," : "",
                                nodes[i].name,
                                url_text(url, &nodes[i].clients, nodes[i].clients.port + 1U));
    }
}

static void print_settings(char out[TEXT_ROOM], const struct enginenode_plan *plan, unsigned which)
{
    const struct membership *membership = plan->membership;
    const struct enginenode *node = &plan->nodes[which];
    char clients[URL_ROOM], peers[URL_ROOM], cluster[CLUSTER_ROOM], id[MEMBERSHIP_ID_ROOM];
    url_text(clients, &node->clients, node->clients.port);
    url_text(peers, &node->clients, node->clients.port + 1U);
    print_cluster(cluster, plan->nodes, plan->count);
    sodium_bin2hex(id, sizeof id, membership->registry_id, sizeof membership->registry_id);
    int len = snprintf(
        out, TEXT_ROOM,
        "# A node of the engine of %s, made by `ntspool fleet create`.\n"
        "# Run `etcd --config-file etcd.conf.yml` in this directory: see ntspool-fleet(7).\n"
        "name: \"%s\"\n" /* n alone would be a boolean */
        "data-dir: data\n"
        "listen-client-urls: %s\n"
        "advertise-client-urls: %s\n"
        "listen-peer-urls: %s\n"
        "initial-advertise-peer-urls: %s\n"
        "initial-cluster: \"%s\"\n"
        "initial-cluster-token: \"%s\"\n"
        "initial-cluster-state: new\n"
        "client-transport-security:\n"
        "  cert-file: server.pem\n"
        "  key-file: server-key.pem\n"
        "  trusted-ca-file: ca.pem\n"
        "  client-cert-auth: true\n"
        "peer-transport-security:\n"
        "  cert-file: peer.pem\n"
        "  key-file: server-key.pem\n"
        "  trusted-ca-file: peer-ca.pem\n"
        "  client-cert-auth: true\n"
        "max-txn-ops: %d\n"
        "max-request-bytes: %d\n"
        "quota-backend-bytes: 4294967296\n"
        "auto-compaction-mode: periodic\n"
        "auto-compaction-retention: 4h\n" /* 200 edges add some 300 MB */
        "snapshot-count: 5000\n"
        "enable-grpc-gateway: false\n" /* it ignores the name in a certificate */
        "enable-v2: false\n"
        "logger: zap\n"
        "log-level: warn\n",
        membership->apex, node->name, clients, clients, peers, peers, cluster, id, AGREE_OPERATIONS,
        AGREE_REQUEST);
    ASSERT(len > 0 && len < TEXT_ROOM);
}

static const char unit[] = "# A node of the engine of a fleet, made by `ntspool fleet create`.\n"
                           "[Unit]\n"
                           "Description=Node of the engine of a fleet of NTS pool servers\n"
                           "Wants=network-online.target\n"
                           "After=network-online.target\n"
                           "\n"
                           "[Service]\n"
                           "User=etcd\n"
                           "WorkingDirectory=/var/lib/ntspool-node\n"
                           "ExecStart=/usr/bin/etcd --config-file etcd.conf.yml\n"
                           "Restart=always\n"
                           "RestartSec=1\n"
                           "LimitNOFILE=65536\n"
                           "\n"
                           "[Install]\n"
                           "WantedBy=multi-user.target\n";

/* -- the directory -- */

static enum result fail(const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", path, strerror(errno));
}

/* Writes a file as a whole. */
static enum result write_file(const char *directory, const char *name, const char *text,
                              struct diag *diag)
{
    char path[PATH_MAX], made[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    int made_len = snprintf(made, sizeof made, "%s/%s.new", directory, name);
    if (len >= PATH_MAX || made_len >= PATH_MAX) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", directory);
    }
    (void)unlink(made);
    int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    bool done = fd >= 0 && file_write_all(fd, text, strlen(text)) && fsync(fd) == 0;
    enum result result = done && rename(made, path) == 0 ? RESULT_OK : fail(path, diag);
    if (fd >= 0) {
        (void)close(fd);
    }
    return result;
}

/* The certificates of a node. All nodes trust each other, so each names all addresses: from which
 * one a node with several comes is the kernel's choice. */
static enum result write_papers(const char *directory, const struct enginenode_plan *plan,
                                unsigned which, struct diag *diag)
{
    static const char *const ca_files[] = { "ca.pem", "peer-ca.pem" };
    static const char *const own_files[] = { "server.pem", "peer.pem" };
    char common[MACHINE_ROOM], pem[MEMBERSHIP_PEM_ROOM], key_pem[MEMBERSHIP_KEY_PEM_ROOM];
    char id[MEMBERSHIP_ID_ROOM];
    uint8_t key[LEDGERHEAD_KEY], secret[LEDGERHEAD_SECRET];
    struct address addresses[ETCD_NODES_MAX];
    for (unsigned i = 0; i < plan->count; i++) {
        addresses[i] = plan->nodes[i].clients.address;
    }
    sodium_bin2hex(id, sizeof id, plan->membership->registry_id, REGISTRY_ID_LEN);
    /* No machine has a dot in its name, so no node is taken for a user of the engine. */
    (void)snprintf(common, sizeof common, "node.%.*s", MACHINE_ROOM - (int)sizeof "node.",
                   plan->nodes[which].name);
    const struct certify_subject subject = { common, "node", addresses, plan->count };
    CHECK(crypto_sign_keypair(key, secret) == 0);
    enum result result = RESULT_OK;
    for (enum certify_kind kind = 0; kind <= CERTIFY_PEERS && result == RESULT_OK; kind++) {
        const struct certify_ca ca = { kind, id, plan->ca_secret };
        result = certify_ca(&ca, pem, diag);
        result = result == RESULT_OK ? write_file(directory, ca_files[kind], pem, diag) : result;
        result = result == RESULT_OK ? certify_issue(&ca, secret, &subject, pem, diag) : result;
        result = result == RESULT_OK ? write_file(directory, own_files[kind], pem, diag) : result;
    }
    membership_key_pem(secret, key_pem);
    result = result == RESULT_OK ? write_file(directory, "server-key.pem", key_pem, diag) : result;
    sodium_memzero(key_pem, sizeof key_pem);
    sodium_memzero(secret, sizeof secret);
    return result;
}

enum result enginenode_write(const char *out_dir, const struct enginenode_plan *plan,
                             unsigned which, struct diag *diag)
{
    char directory[PATH_MAX], settings[PATH_MAX], text[TEXT_ROOM];
    int len = snprintf(directory, sizeof directory, "%s/%s", out_dir, plan->nodes[which].name);
    int settings_len = snprintf(settings, sizeof settings, "%s/etcd.conf.yml", directory);
    if (len >= PATH_MAX || settings_len >= PATH_MAX) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", out_dir);
    }
    if ((mkdir(out_dir, DIR_MODE) != 0 && errno != EEXIST) ||
        (mkdir(directory, DIR_MODE) != 0 && errno != EEXIST)) {
        return fail(directory, diag);
    }
    if (access(settings, F_OK) == 0) {
        return RESULT_OK; /* it is written last */
    }
    TRY(write_papers(directory, plan, which, diag));
    TRY(write_file(directory, "ntspool-node.service", unit, diag));
    print_settings(text, plan, which);
    return write_file(directory, "etcd.conf.yml", text, diag);
}
