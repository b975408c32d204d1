#include "zone/registry/machine.h"

#include <sodium.h>

static const struct {
    enum machine_role role;
    const char *text;
} roles[] = {
    { MACHINE_ADMIN, "admin" },
    { MACHINE_EDGE, "edge" },
    { MACHINE_VANTAGE, "vantage" },
};

enum {
    ROLES = sizeof(roles) / sizeof(roles[0]),
    SIGNED_MAX = 1024
};

const char *machine_role_words(enum machine_role role)
{
    return role == MACHINE_ADMIN  ? "an admin"
           : role == MACHINE_EDGE ? "an edge"
                                  : "a vantage point";
}

bool machine_name_fine(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < MACHINE_ROOM && name[0] != '-' && name[len - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

const char *machine_role_text(enum machine_role role)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (roles[i].role == role) {
            return roles[i].text;
        }
    }
    return NULL;
}

bool machine_role_parse(enum machine_role *out, const char *text)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (strcmp(roles[i].text, text) == 0) {
            *out = roles[i].role;
            return true;
        }
    }
    return false;
}

static size_t signed_octets(const struct machine *machine, const char *ledger,
                            uint8_t out[SIGNED_MAX])
{
    struct writer w = writer_of(out, SIGNED_MAX);
    write_text(&w, "ntspool machine");
    write_text(&w, ledger);
    write_text(&w, machine->name);
    write_u8(&w, (uint8_t)machine->role);
    write_octets(&w, machine->key, sizeof(machine->key));
    write_u64(&w, machine->added_at);
    write_text(&w, machine->voucher_of);
    ASSERT(!w.failed);
    return w.at;
}

void machine_vouch(struct machine *machine, const char *ledger, const char *admin,
                   const uint8_t secret[MACHINE_SECRET])
{
    uint8_t octets[SIGNED_MAX];
    ASSERT(machine_name_fine(admin));
    memcpy(machine->voucher_of, admin, strlen(admin) + 1);
    size_t len = signed_octets(machine, ledger, octets);
    CHECK(crypto_sign_detached(machine->voucher, NULL, octets, len, secret) == 0);
}

bool machine_is_vouched(const struct machine *machine, const char *ledger,
                        const uint8_t key[MACHINE_KEY])
{
    uint8_t octets[SIGNED_MAX];
    size_t len = signed_octets(machine, ledger, octets);
    return crypto_sign_verify_detached(machine->voucher, octets, len, key) == 0;
}
