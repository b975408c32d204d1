#include "server/io/xdp_program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd command, const union bpf_attr *attributes, size_t len)
{
    return (int)syscall(SYS_bpf, command, attributes, len);
}

static enum result fail(struct diag *diag, const char *what)
{
    if (errno == EPERM) {
        return diag_fail(diag, RESULT_REFUSED, "it needs CAP_BPF and CAP_NET_ADMIN at the start");
    }
    return diag_fail(diag, RESULT_MISSING, "the kernel makes no %s: %s", what, strerror(errno));
}

static int make_map(enum bpf_map_type type, const char *name, size_t key, size_t value,
                    uint32_t count)
{
    bool shared = type == BPF_MAP_TYPE_ARRAY; /* memory that this process maps too */
    union bpf_attr attributes = { .map_type = type,
                                  .map_flags = shared ? BPF_F_MMAPABLE : 0,
                                  .key_size = (uint32_t)key,
                                  .value_size = (uint32_t)value,
                                  .max_entries = count };
    (void)snprintf(attributes.map_name, sizeof(attributes.map_name), "%s", name);
    return bpf(BPF_MAP_CREATE, &attributes, sizeof(attributes));
}

static bool put(int map, const void *key, const void *value)
{
    const union bpf_attr attributes = { .map_fd = (uint32_t)map,
                                        .key = (uintptr_t)key,
                                        .value = (uintptr_t)value };
    return bpf(BPF_MAP_UPDATE_ELEM, &attributes, sizeof(attributes)) == 0;
}

static bool fill_targets(int map, const struct xdp_target *targets, size_t count)
{
    static const uint8_t there = 1;
    for (size_t i = 0; i < count; i++) {
        const struct xdp_key key = { targets[i].endpoint.address, htons(targets[i].endpoint.port),
                                     htons(targets[i].vlan) };
        if (!put(map, &key, &there)) {
            return false;
        }
    }
    return true;
}

static enum result make_maps(struct xdp_program *out, const struct xdp_target *targets,
                             size_t count, struct diag *diag)
{
    const size_t index = sizeof(uint32_t);
    out->maps.sockets =
        make_map(BPF_MAP_TYPE_XSKMAP, "ntspool_sockets", index, sizeof(uint32_t), XDP_QUEUES_MAX);
    out->maps.targets =
        make_map(BPF_MAP_TYPE_HASH, "ntspool_targets", sizeof(struct xdp_key), 1, XDP_TARGETS_MAX);
    out->maps.shares = make_map(BPF_MAP_TYPE_ARRAY, "ntspool_shares", index,
                                sizeof(struct xdp_share), XDP_QUEUES_MAX);
    out->maps.networks = make_map(BPF_MAP_TYPE_ARRAY, "ntspool_network", index,
                                  sizeof(struct xdp_network), XDP_NETWORKS);
    bool ok = out->maps.sockets >= 0 && out->maps.targets >= 0 && out->maps.shares >= 0 &&
              out->maps.networks >= 0 && fill_targets(out->maps.targets, targets, count);
    return ok ? RESULT_OK : fail(diag, "map for it");
}

enum result xdp_program_load(struct xdp_program *out, const uint8_t mac[6],
                             const struct xdp_target *targets, size_t count, struct diag *diag)
{
    struct xdp_filter filter;
    *out = xdp_program_none();
    TRY(make_maps(out, targets, count, diag));
    xdp_filter_write(&filter, mac, &out->maps);
    union bpf_attr attributes = { .prog_type = BPF_PROG_TYPE_XDP,
                                  .insns = (uintptr_t)filter.at,
                                  .insn_cnt = filter.count,
                                  .license = (uintptr_t) "",
                                  .prog_name = "ntspoold",
                                  .expected_attach_type = BPF_XDP };
    out->program = bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
    return out->program < 0 ? fail(diag, "program for it") : RESULT_OK;
}

enum result xdp_program_attach(struct xdp_program *program, unsigned interface, struct diag *diag)
{
    static const uint32_t modes[] = { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE };
    for (size_t i = 0; i < 2 && program->link < 0; i++) {
        const union bpf_attr attributes = { .link_create = { .prog_fd = (uint32_t)program->program,
                                                             .target_ifindex = interface,
                                                             .attach_type = BPF_XDP,
                                                             .flags = modes[i] } };
        program->link = bpf(BPF_LINK_CREATE, &attributes, sizeof(attributes));
        program->native = i == 0;
        if (program->link < 0 && (errno == EBUSY || errno == EEXIST)) {
            return diag_fail(diag, RESULT_REFUSED, "the interface has an XDP program already");
        }
    }
    return program->link < 0 ? fail(diag, "link to it") : RESULT_OK;
}

enum result xdp_program_steer(const struct xdp_program *program, unsigned queue, int socket,
                              struct diag *diag)
{
    if (put(program->maps.sockets, &queue, &socket)) {
        return RESULT_OK;
    }
    return fail(diag, "entry for it");
}

enum result xdp_program_shares(const struct xdp_program *program, struct xdp_share **out,
                               struct diag *diag)
{
    void *map = mmap(NULL, XDP_QUEUES_MAX * sizeof(struct xdp_share), PROT_READ | PROT_WRITE,
                     MAP_SHARED, program->maps.shares, 0);
    if (map == MAP_FAILED) {
        return fail(diag, "map that can be shared");
    }
    *out = map;
    return RESULT_OK;
}

void xdp_program_release(struct xdp_share *shares)
{
    if (shares != NULL) {
        (void)munmap(shares, XDP_QUEUES_MAX * sizeof(struct xdp_share));
    }
}

void xdp_program_close(struct xdp_program *program)
{
    int *const all[] = { &program->link,         &program->program,     &program->maps.sockets,
                         &program->maps.targets, &program->maps.shares, &program->maps.networks };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (*all[i] >= 0) {
            (void)close(*all[i]);
        }
        *all[i] = -1;
    }
}
