#include "server/io/xdp_program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/io/xdp_frame.h"

enum {
    CODE_MAX = 96,
    JUMPS_MAX = 32,
    ETHERNET = XDP_FRAME_ETHERNET
};

/* What the program looks up. All of it is compared, so it has no gaps. */
struct key {
    struct address address;
    uint16_t port, tag; /* as they stand in a frame */
};
_Static_assert(sizeof(struct key) == 20, "no gaps");

/* Registers. What a called function does not keep is copied to R6 and higher. */
enum {
    R0, /* results */
    R1, /* R1 to R5: arguments */
    R2,
    R3,
    R4,
    R5,
    CONTEXT, /* R6 to R9 outlive a call */
    FRAME,   /* the start of the frame, later of what follows a VLAN tag less 14 octets */
    END,
    TAG,
    STACK /* the end of the stack, read only */
};

/* The program while it is written. Jumps that leave a frame to the stack are patched at the end. */
struct code {
    struct bpf_insn at[CODE_MAX];
    unsigned count;
    unsigned passes[JUMPS_MAX], pass_count;
};

static void emit(struct code *code, struct bpf_insn instruction)
{
    ASSERT(code->count < CODE_MAX);
    code->at[code->count++] = instruction;
}

/* to = from */
static void move(struct code *code, unsigned to, unsigned from)
{
    emit(code, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X,
                                  .dst_reg = to & 0xf,
                                  .src_reg = from & 0xf });
}

/* to = value */
static void set(struct code *code, unsigned to, int value)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to & 0xf, .imm = value });
}

/* to = to `operation` value; BPF_ADD, BPF_AND */
static void change(struct code *code, uint8_t operation, unsigned to, int value)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_ALU64 | operation | BPF_K, .dst_reg = to & 0xf, .imm = value });
}

/* to = what stands at from + offset; `size` BPF_B, BPF_H or BPF_W: 8, 16 or 32 bits */
static void load(struct code *code, uint8_t size, unsigned to, unsigned from, int offset)
{
    emit(code, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | size,
                                  .dst_reg = to & 0xf,
                                  .src_reg = from & 0xf,
                                  .off = (int16_t)offset });
}

/* The same to the octets at to + offset. */
static void store(struct code *code, uint8_t size, unsigned to, int offset, unsigned from)
{
    emit(code, (struct bpf_insn){ .code = BPF_STX | BPF_MEM | size,
                                  .dst_reg = to & 0xf,
                                  .src_reg = from & 0xf,
                                  .off = (int16_t)offset });
}

/* From network byte order. */
static void to_host(struct code *code, unsigned of)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = of & 0xf, .imm = 16 });
}

/* Leaves the frame to the stack if `a` compares so to a value of 32 bits. */
static void pass_if(struct code *code, uint8_t comparison, unsigned a, uint32_t value)
{
    ASSERT(code->pass_count < JUMPS_MAX);
    code->passes[code->pass_count++] = code->count;
    emit(code, (struct bpf_insn){ .code = BPF_JMP32 | comparison | BPF_K,
                                  .dst_reg = a & 0xf,
                                  .imm = (int32_t)value });
}

/* The same, to register `b`. */
static void pass_if_register(struct code *code, uint8_t comparison, unsigned a, unsigned b)
{
    ASSERT(code->pass_count < JUMPS_MAX);
    code->passes[code->pass_count++] = code->count;
    emit(code, (struct bpf_insn){
                   .code = BPF_JMP | comparison | BPF_X, .dst_reg = a & 0xf, .src_reg = b & 0xf });
}

/* A jump that `aim` gives its aim. */
static unsigned jump_if(struct code *code, uint8_t comparison, unsigned a, uint32_t value)
{
    emit(code, (struct bpf_insn){ .code = BPF_JMP32 | comparison | BPF_K,
                                  .dst_reg = a & 0xf,
                                  .imm = (int32_t)value });
    return code->count - 1;
}

static unsigned jump(struct code *code)
{
    emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_JA });
    return code->count - 1;
}

/* The jump leads to what comes next. */
static void aim(struct code *code, unsigned jump)
{
    code->at[jump].off = (int16_t)(code->count - jump - 1);
}

/* to = a map, which takes two instructions */
static void set_map(struct code *code, unsigned to, int map)
{
    emit(code, (struct bpf_insn){ .code = BPF_LD | BPF_DW,
                                  .dst_reg = to & 0xf,
                                  .src_reg = BPF_PSEUDO_MAP_FD,
                                  .imm = map });
    emit(code, (struct bpf_insn){ .code = 0 });
}

static void call(struct code *code, enum bpf_func_id function)
{
    emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = (int)function });
}

static void leave(struct code *code)
{
    emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* Passes a frame that ends before `octets` behind FRAME. */
static void need(struct code *code, int octets)
{
    move(code, R4, FRAME);
    change(code, BPF_ADD, R4, octets);
    pass_if_register(code, BPF_JGT, R4, END);
}

enum {
    KEY = -(int)sizeof(struct key), /* on the stack */
    KEY_PORT = KEY + (int)offsetof(struct key, port),
    KEY_TAG = KEY + (int)offsetof(struct key, tag)
};

/* The UDP header: its port into the key, and its length, at most that of a query, into R5. */
static void look_at_udp(struct code *code, int at)
{
    load(code, BPF_H, R4, FRAME, at + 2);
    store(code, BPF_H, STACK, KEY_PORT, R4);
    load(code, BPF_H, R5, FRAME, at + 4);
    to_host(code, R5);
    pass_if(code, BPF_JGT, R5, XDP_FRAME_UDP + XDP_QUERY_MAX);
}

/* The IP header says the same length as the UDP header. */
static void same_length(struct code *code, int at, int more)
{
    load(code, BPF_H, R4, FRAME, at);
    to_host(code, R4);
    change(code, BPF_ADD, R5, more);
    pass_if_register(code, BPF_JNE, R4, R5);
}

static void look_at_ipv4(struct code *code)
{
    need(code, ETHERNET + XDP_FRAME_IPV4 + XDP_FRAME_UDP);
    load(code, BPF_B, R4, FRAME, ETHERNET);
    pass_if(code, BPF_JNE, R4, 0x45); /* no options */
    load(code, BPF_B, R4, FRAME, ETHERNET + 9);
    pass_if(code, BPF_JNE, R4, IPPROTO_UDP);
    load(code, BPF_H, R4, FRAME, ETHERNET + 6);
    change(code, BPF_AND, R4, htons(0x3fff));
    pass_if(code, BPF_JNE, R4, 0); /* no fragment */
    set(code, R4, 0);
    store(code, BPF_W, STACK, KEY, R4);
    store(code, BPF_W, STACK, KEY + 4, R4);
    set(code, R4, (int)htonl(0xffff));
    store(code, BPF_W, STACK, KEY + 8, R4);
    load(code, BPF_W, R4, FRAME, ETHERNET + 16);
    store(code, BPF_W, STACK, KEY + 12, R4);
    look_at_udp(code, ETHERNET + XDP_FRAME_IPV4);
    same_length(code, ETHERNET + 2, XDP_FRAME_IPV4);
}

static void look_at_ipv6(struct code *code)
{
    need(code, ETHERNET + XDP_FRAME_IPV6 + XDP_FRAME_UDP);
    load(code, BPF_B, R4, FRAME, ETHERNET);
    change(code, BPF_AND, R4, 0xf0);
    pass_if(code, BPF_JNE, R4, 0x60);
    load(code, BPF_B, R4, FRAME, ETHERNET + 6);
    pass_if(code, BPF_JNE, R4, IPPROTO_UDP); /* no extension header */
    for (int i = 0; i < 16; i += 4) {
        load(code, BPF_W, R4, FRAME, ETHERNET + 24 + i);
        store(code, BPF_W, STACK, KEY + i, R4);
    }
    look_at_udp(code, ETHERNET + XDP_FRAME_IPV6);
    same_length(code, ETHERNET + 4, 0);
}

static void write_code(struct code *code, const uint8_t mac[6], const struct xdp_program *program)
{
    uint32_t mac_start;
    uint16_t mac_end;
    memcpy(&mac_start, mac, sizeof(mac_start));
    memcpy(&mac_end, mac + 4, sizeof(mac_end));
    move(code, CONTEXT, R1);
    load(code, BPF_W, FRAME, CONTEXT, (int)offsetof(struct xdp_md, data));
    load(code, BPF_W, END, CONTEXT, (int)offsetof(struct xdp_md, data_end));
    need(code, ETHERNET + XDP_FRAME_TAG);
    load(code, BPF_W, R4, FRAME, 0);
    pass_if(code, BPF_JNE, R4, mac_start);
    load(code, BPF_H, R4, FRAME, 4);
    pass_if(code, BPF_JNE, R4, mac_end);
    set(code, TAG, 0);
    load(code, BPF_H, R5, FRAME, 12);
    unsigned untagged = jump_if(code, BPF_JNE, R5, htons(0x8100));
    load(code, BPF_H, TAG, FRAME, 14);
    change(code, BPF_AND, TAG, htons(0x0fff));
    load(code, BPF_H, R5, FRAME, 16);
    change(code, BPF_ADD, FRAME, XDP_FRAME_TAG);
    aim(code, untagged);
    store(code, BPF_H, STACK, KEY_TAG, TAG);
    unsigned ipv4 = jump_if(code, BPF_JEQ, R5, htons(0x0800));
    pass_if(code, BPF_JNE, R5, htons(0x86dd));
    look_at_ipv6(code);
    unsigned known = jump(code);
    aim(code, ipv4);
    look_at_ipv4(code);
    aim(code, known);
    set_map(code, R1, program->targets);
    move(code, R2, STACK);
    change(code, BPF_ADD, R2, KEY);
    call(code, BPF_FUNC_map_lookup_elem);
    code->passes[code->pass_count++] = code->count;
    emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = R0 });
    set_map(code, R1, program->sockets);
    load(code, BPF_W, R2, CONTEXT, (int)offsetof(struct xdp_md, rx_queue_index));
    set(code, R3, XDP_PASS); /* where the queue has no socket */
    call(code, BPF_FUNC_redirect_map);
    leave(code);
    for (unsigned i = 0; i < code->pass_count; i++) {
        aim(code, code->passes[i]);
    }
    set(code, R0, XDP_PASS);
    leave(code);
}

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
    union bpf_attr attributes = { .map_type = type,
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
        const struct key key = { targets[i].endpoint.address, htons(targets[i].endpoint.port),
                                 htons(targets[i].vlan) };
        if (!put(map, &key, &there)) {
            return false;
        }
    }
    return true;
}

enum result xdp_program_load(struct xdp_program *out, const uint8_t mac[6],
                             const struct xdp_target *targets, size_t count, struct diag *diag)
{
    struct code code = { .count = 0 };
    *out = (struct xdp_program){ .program = -1, .link = -1, .sockets = -1, .targets = -1 };
    out->sockets = make_map(BPF_MAP_TYPE_XSKMAP, "ntspool_sockets", sizeof(uint32_t),
                            sizeof(uint32_t), XDP_QUEUES_MAX);
    out->targets = out->sockets < 0 ? -1
                                    : make_map(BPF_MAP_TYPE_HASH, "ntspool_targets",
                                               sizeof(struct key), 1, XDP_TARGETS_MAX);
    if (out->targets < 0 || !fill_targets(out->targets, targets, count)) {
        return fail(diag, "map for it");
    }
    write_code(&code, mac, out);
    union bpf_attr attributes = { .prog_type = BPF_PROG_TYPE_XDP,
                                  .insns = (uintptr_t)code.at,
                                  .insn_cnt = code.count,
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
    if (put(program->sockets, &queue, &socket)) {
        return RESULT_OK;
    }
    return fail(diag, "entry for it");
}

void xdp_program_close(struct xdp_program *program)
{
    int *const all[] = { &program->link, &program->program, &program->sockets, &program->targets };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (*all[i] >= 0) {
            (void)close(*all[i]);
        }
        *all[i] = -1;
    }
}
