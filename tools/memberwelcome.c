#include "tools/memberwelcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output.h"
#include "zone/registry/consent.h"

#define DEPLOY    "/etc/nts-deploy"
#define CA_PRESET "letsencrypt.org" /* that ACME clients ask if they are told none */

/* The text as it grows. */
struct page {
    FILE *out;
    const struct member *member;
    const struct settings *settings;
    bool own_name;             /* it keeps a name outside the pool */
    char pool[DNAME_TEXT_MAX]; /* without the final dot */
    char name[DNAME_TEXT_MAX]; /* for the certificate, likewise */
    const char *ca_option;     /* the CA's directory, if clients do not know it by themselves */
    const char *ca_option_tiny;
    unsigned section; /* the last one */
};

/* An NTS server as Debian packages it, whose AppArmor profile lets it read the files. */
struct nts_server {
    const char *program, *conf, *certificate, *key, *user, *unit;
    bool port; /* NTS-KE can have another port than 4460 */
};

static const struct nts_server servers[] = {
    { "chrony", "/etc/chrony/conf.d/nts.conf", "/etc/chrony/nts.crt", "/etc/chrony/nts.key",
      "_chrony", "chrony", true },
    { "ntpsec", "/etc/ntpsec/ntp.conf", "/etc/ntpsec/cert-chain.pem", "/etc/ntpsec/key.pem",
      "ntpsec", "ntpsec", false },
    { "ntpd-rs", "/etc/ntpd-rs/ntp.toml", "/etc/ntpd-rs/nts.crt", "/etc/ntpd-rs/nts.key", "ntpd-rs",
      "ntpd-rs", true },
};

static void undotted(const struct dname *name, char out[DNAME_TEXT_MAX])
{
    dname_text(name, out);
    out[strlen(out) - 1] = '\0';
}

static void write_section(struct page *page, const char *title)
{
    (void)fprintf(page->out, "%s%u. %s\n\n", page->section > 0 ? "\n" : "", page->section + 1,
                  title);
    page->section++;
}

static void write_row(const struct page *page, const char *head, const char *value)
{
    char safe[2 * MEMBER_ACCOUNTURI_ROOM];
    if (*value != '\0') {
        (void)fprintf(page->out, "    %-14s %s\n", head, output_escape(safe, sizeof safe, value));
    }
}

static void write_registered(struct page *page)
{
    const struct member *m = page->member;
    char text[ADDRESS_TEXT_MAX];
    (void)fprintf(page->out, "Welcome to the pool %s. Your server is registered there as %s.\n\n",
                  page->pool, m->label);
    write_section(page, "What is registered");
    write_row(page, "name", page->name);
    for (unsigned i = 0; i < m->address_count; i++) {
        write_row(page, i == 0 ? "addresses" : "", address_text(&m->addresses[i], text));
    }
    write_row(page, "operator", m->operator_name);
    write_row(page, "country", m->country);
    (void)fprintf(page->out, "    %-14s %u Mbit/s%s\n", "capacity", m->capacity_mbit,
                  m->capacity_mbit == 0 ? ": it is probed, but never handed out" : "");
    write_row(page, "ACME account", m->accounturi);
    write_row(page, "contact", m->contact);
    (void)fputs(page->own_name
                    ? "\nTell us if any of this is wrong. The addresses are those of the name.\n"
                    : "\nTell us if any of this is wrong. The name is served already.\n",
                page->out);
}

/* The record by which the zone of a name outside the pool consents. */
static void write_consent(const struct page *page)
{
    struct dname name;
    char owner[DNAME_TEXT_MAX], text[CONSENT_TEXT_ROOM];
    if (!consent_is_needed(page->member, page->settings) ||
        consent_name(&name, &page->member->target) != RESULT_OK) {
        return;
    }
    (void)fprintf(
        page->out,
        "\nEnter this record in the DNS. Without it the pool does not probe the server, and\n"
        "sends no clients to it. Several pools have a record each.\n\n"
        "    %s IN TXT \"%s\"\n",
        dname_text(&name, owner), consent_text(&page->settings->apex, text));
}

static void write_ports(struct page *page)
{
    write_section(page, "Ports to open, on every address, from everywhere");
    (void)fprintf(page->out,
                  "    TCP %-5u      NTS-KE\n"
                  "    UDP 123        NTP\n"
                  "    TCP 80         the CA, for the challenge HTTP-01; or\n"
                  "    TCP 443        the CA, for the challenge TLS-ALPN-01\n\n"
                  "The CA asks from several networks, at any of the addresses, and again for each\n"
                  "renewal. Let a client ask at least once in 64 seconds.\n",
                  page->member->port);
}

static void write_lines(const struct page *page, const struct nts_server *server)
{
    unsigned port = page->member->port;
    if (strcmp(server->program, "chrony") == 0) {
        (void)fprintf(page->out, "    allow\n    ntsservercert %s\n    ntsserverkey %s\n",
                      server->certificate, server->key);
        if (port != MEMBER_PORT) {
            (void)fprintf(page->out, "    ntsport %u\n", port);
        }
    } else if (strcmp(server->program, "ntpsec") == 0) {
        (void)fprintf(page->out,
                      "    nts enable\n    nts cert %s\n    nts key %s\n"
                      "    nts cookie /var/lib/ntpsec/nts-keys\n",
                      server->certificate, server->key);
    } else {
        (void)fprintf(page->out,
                      "    [[server]]\n    listen = \"[::]:123\"\n\n"
                      "    [[nts-ke-server]]\n    listen = \"[::]:%u\"\n"
                      "    certificate-chain-path = \"%s\"\n    private-key-path = \"%s\"\n",
                      port, server->certificate, server->key);
    }
}

static void write_servers(struct page *page)
{
    write_section(page, "Your NTS server");
    (void)fputs(
        "Add the lines of one of these to its configuration. Write the commands below them\n"
        "to " DEPLOY ": they give the server each new certificate. The paths are Debian's.\n",
        page->out);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        const struct nts_server *server = &servers[i];
        if (page->member->port != MEMBER_PORT && !server->port) {
            (void)fprintf(page->out, "\n%s can't be used: it has NTS-KE on port %u only.\n",
                          server->program, MEMBER_PORT);
            continue;
        }
        (void)fprintf(page->out, "\n%s, %s:\n\n", server->program, server->conf);
        write_lines(page, server);
        (void)fprintf(page->out,
                      "\n%s, " DEPLOY ":\n\n"
                      "    install -m 644 \"$1\" %s\n"
                      "    install -m 400 -o %s \"$2\" %s\n"
                      "    systemctl restart %s\n",
                      server->program, server->certificate, server->user, server->key,
                      server->unit);
    }
}

/* What the certificate has to be. */
static void write_rules(struct page *page)
{
    const struct settings *s = page->settings;
    write_section(page, "Its certificate");
    (void)fprintf(page->out, "The certificate must be for %s", page->name);
    if (page->own_name) {
        (void)fputs(", from any public CA.\n", page->out);
    } else {
        for (uint32_t i = 0; i < s->ca_count; i++) {
            (void)fprintf(page->out, "%s %s", i == 0 ? ", from" : " or", s->ca[i]);
        }
        (void)fputs(
            ".\nThe pool's CAA records allow no other CA, and no challenge but HTTP-01 and\n"
            "TLS-ALPN-01.",
            page->out);
        (void)fputs(page->member->accounturi[0] != '\0'
                        ? " They allow the ACME account above only: use a client that has\n"
                          "its key.\n"
                        : " If you tell us the URI of your ACME account, they allow this\n"
                          "account only.\n",
                    page->out);
    }
    if (*page->ca_option != '\0') {
        (void)fputs("DIRECTORY is the URL of the CA's ACME directory.\n", page->out);
    }
    (void)fputs("\nUse one of these clients.\n", page->out);
}

static void write_clients(const struct page *page)
{
    const char *name = page->name;
    const char *contact = page->member->contact;
    const char *mail = *contact != '\0' ? contact : "you@example.net";
    char lego[64 + CONTACT_ROOM];
    (void)snprintf(lego, sizeof lego, "lego --path /etc/lego --accept-tos --email %s --domains",
                   mail);
    (void)fprintf(page->out,
                  "\nlego, by TLS-ALPN-01 (with --http instead of --tls: by HTTP-01), once:\n\n"
                  "    %s %s%s --tls run --run-hook 'sh -e " DEPLOY
                  " /etc/lego/certificates/%s.crt /etc/lego/certificates/%s.key'\n\n"
                  "and each day:\n\n"
                  "    %s %s%s --tls renew --renew-hook 'sh -e " DEPLOY
                  " /etc/lego/certificates/%s.crt /etc/lego/certificates/%s.key'\n",
                  lego, name, page->ca_option, name, name, lego, name, page->ca_option, name, name);
    (void)fprintf(page->out,
                  "\ncertbot, by HTTP-01, once; its package renews:\n\n"
                  "    certbot certonly --standalone --non-interactive --agree-tos "
                  "-m %s -d %s%s --deploy-hook 'sh -e " DEPLOY
                  " /etc/letsencrypt/live/%s/fullchain.pem"
                  " /etc/letsencrypt/live/%s/privkey.pem'\n",
                  mail, name, page->ca_option, name, name);
    (void)fprintf(
        page->out,
        "\nacme-tiny, by HTTP-01, beside a web server that has the directory /var/www/acme\n"
        "as http://%s/.well-known/acme-challenge/, once:\n\n"
        "    mkdir -p -m 700 /etc/acme\n"
        "    mkdir -p /var/www/acme\n"
        "    openssl genrsa -out /etc/acme/account.key 4096\n"
        "    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-subj / -addext subjectAltName=DNS:%s -keyout /etc/acme/nts.key"
        " -out /etc/acme/nts.csr\n\n"
        "and now and each month:\n\n"
        "    acme-tiny --account-key /etc/acme/account.key --csr /etc/acme/nts.csr "
        "--acme-dir /var/www/acme%s > /etc/acme/nts.new &&\n"
        "    mv /etc/acme/nts.new /etc/acme/nts.crt\n"
        "    sh -e " DEPLOY " /etc/acme/nts.crt /etc/acme/nts.key\n",
        name, name, page->ca_option_tiny);
}

static void write_next(struct page *page)
{
    const struct settings *s = page->settings;
    unsigned port = page->member->port;
    char history[16], port_words[32] = "", port_part[16] = "";
    if (port != MEMBER_PORT) {
        (void)snprintf(port_words, sizeof port_words, " ntsport %u", port);
        (void)snprintf(port_part, sizeof port_part, ":%u", port);
    }
    write_section(page, "Try it, from another machine");
    (void)fprintf(page->out,
                  "    chronyd -Q -x -t 8 'server %s nts%s iburst maxsamples 1'\n"
                  "    ntspool probe %s%s\n\n"
                  "The second one is what the pool sees, step by step. It needs no pool.\n",
                  page->name, port_words, page->name, port_part);
    write_section(page, "What happens next");
    (void)fprintf(page->out,
                  "The pool probes your server on its own. You need not tell us anything.\n\n"
                  "    registered     now\n"
                  "    certified      a probe has seen a valid certificate for the name\n"
                  "    operational    it has also got time with NTS\n");
    if (page->member->capacity_mbit != 0) {
        (void)fprintf(page->out,
                      "    eligible       that has lasted for %s and the score is %.4g or more:\n"
                      "                   clients are sent to it\n",
                      duration_text(s->min_history_s, history), s->entry_score_milli / 1000.0);
    }
    (void)fprintf(
        page->out,
        "\nIf probes fail, the score falls. Below %.4g the server is sent no new clients.\n"
        "It keeps its name, and returns by itself when its score is %.4g again.\n%s",
        s->exit_score_milli / 1000.0, s->reentry_score_milli / 1000.0,
        page->own_name
            ? ""
            : "If you leave the pool, the name ends, and nobody can renew its certificate.\n");
}

static enum result check_ca(const struct page *page, struct diag *diag)
{
    return page->own_name || page->settings->ca_count > 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "no CA may issue a certificate for %.200s; name one first, with "
                           "`ntspool zone set ca " CA_PRESET "`",
                           page->name);
}

/* True if clients reach a CA that may issue without being told of it. */
static bool preset_issues(const struct page *page)
{
    bool found = page->own_name;
    for (uint32_t i = 0; i < page->settings->ca_count; i++) {
        found = found || strcmp(page->settings->ca[i], CA_PRESET) == 0;
    }
    return found;
}

/* Without `registered`, what a server needs before it is one. */
static enum result write_all(const struct member *member, const struct settings *settings,
                             bool registered, char **out, struct diag *diag)
{
    size_t len = 0;
    struct dname target;
    struct page page = { .member = member,
                         .settings = settings,
                         .own_name = member->target.len > 0 };
    member_target(&target, member, &settings->apex);
    undotted(&target, page.name);
    undotted(&settings->apex, page.pool);
    TRY(check_ca(&page, diag));
    bool preset = preset_issues(&page);
    page.ca_option = preset ? "" : " --server DIRECTORY";
    page.ca_option_tiny = preset ? "" : " --directory-url DIRECTORY";
    page.out = open_memstream(out, &len);
    CHECK(page.out != NULL);
    if (registered) {
        write_registered(&page);
        write_consent(&page);
    }
    write_ports(&page);
    write_servers(&page);
    write_rules(&page);
    write_clients(&page);
    write_next(&page);
    CHECK(fclose(page.out) == 0);
    return RESULT_OK;
}

enum result memberwelcome_text(const struct member *member, const struct settings *settings,
                               char **out, struct diag *diag)
{
    return write_all(member, settings, true, out, diag);
}

enum result memberwelcome_steps(const struct settings *settings, char **out, struct diag *diag)
{
    struct member member;
    member_defaults(&member);
    (void)snprintf(member.label, sizeof(member.label), "NAME");
    return write_all(&member, settings, false, out, diag);
}

json_t *memberwelcome_json(const struct member *member, const struct settings *settings, char *text)
{
    char name[DNAME_TEXT_MAX], pool[DNAME_TEXT_MAX], subject[2 * DNAME_TEXT_MAX];
    struct dname target;
    bool own_name = member->target.len > 0;
    json_t *cas = own_name ? json_null() : json_array();
    for (uint32_t i = 0; !own_name && i < settings->ca_count; i++) {
        json_array_append_new(cas, json_text(settings->ca[i]));
    }
    member_target(&target, member, &settings->apex);
    undotted(&settings->apex, pool);
    (void)snprintf(subject, sizeof subject, "Your server %s in the pool %s", member->label, pool);
    json_t *out =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_text(member->label), "fqdn",
                  json_text(dname_text(&target, name)), "ca", cas, "validation_methods",
                  own_name ? json_null() : json_pack("[s, s]", "http-01", "tls-alpn-01"), "subject",
                  json_text(subject), "text", json_string(text));
    free(text);
    return out;
}
