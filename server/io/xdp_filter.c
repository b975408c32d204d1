#include "server/io/xdp_filter.h"

#include <arpa/inet.h>

#include <sodium.h>

#include "server/io/xdp_frame.h"

enum {
    JUMPS_MAX = 32,
    ETHERNET = XDP_FRAME_ETHERNET,
    /* What a network may send before its time: */
    BURST = 3,         /* 2^3 queries */
    BURST_NS = 1 << 23 /* and those of 8 ms */
};

_Static_assert(sizeof(struct xdp_key) == 20, "no gaps");
_Static_assert(sizeof(struct xdp_share) == 16, "two words of 64 bits");

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
    STACK, /* the end of the stack, read only */
    /* Once the query is known: */
    SHARE = FRAME,
    INTERVAL = END,
    NOW = TAG
};

/* The program while it is written. Jumps that leave a frame to the stack are patched at the end. */
struct code {
    struct xdp_filter *filter;
    unsigned passes[JUMPS_MAX], pass_count;
};

static void emit(struct code *code, struct bpf_insn instruction)
{
    ASSERT(code->filter->count < XDP_FILTER_MAX);
    code->filter->at[code->filter->count++] = instruction;
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

/* to = to `operation` value; BPF_ADD, BPF_AND, BPF_LSH, BPF_RSH */
static void change(struct code *code, uint8_t operation, unsigned to, int value)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_ALU64 | operation | BPF_K, .dst_reg = to & 0xf, .imm = value });
}

/* The same by register `from`; BPF_ADD, BPF_SUB, BPF_MUL */
static void change_by(struct code *code, uint8_t operation, unsigned to, unsigned from)
{
    emit(code, (struct bpf_insn){ .code = BPF_ALU64 | operation | BPF_X,
                                  .dst_reg = to & 0xf,
                                  .src_reg = from & 0xf });
}

/* to = what stands at from + offset; `size` BPF_B, BPF_H, BPF_W or BPF_DW: 8 to 64 bits */
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

/* A jump that `aim` gives its aim. */
static unsigned jump_if(struct code *code, uint8_t comparison, unsigned a, uint32_t value)
{
    emit(code, (struct bpf_insn){ .code = BPF_JMP32 | comparison | BPF_K,
                                  .dst_reg = a & 0xf,
                                  .imm = (int32_t)value });
    return code->filter->count - 1;
}

/* The same, by all 64 bits of two registers. */
static unsigned jump_if_register(struct code *code, uint8_t comparison, unsigned a, unsigned b)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_JMP | comparison | BPF_X, .dst_reg = a & 0xf, .src_reg = b & 0xf });
    return code->filter->count - 1;
}

/* The same, to a value. */
static unsigned jump_if_long(struct code *code, uint8_t comparison, unsigned a, int value)
{
    emit(code, (struct bpf_insn){
                   .code = BPF_JMP | comparison | BPF_K, .dst_reg = a & 0xf, .imm = value });
    return code->filter->count - 1;
}

/* Leaves the frame to the stack where the jump is taken. */
static void pass_by(struct code *code, unsigned jump)
{
    ASSERT(code->pass_count < JUMPS_MAX);
    code->passes[code->pass_count++] = jump;
}

/* Leaves the frame to the stack if `a` compares so to a value of 32 bits. */
static void pass_if(struct code *code, uint8_t comparison, unsigned a, uint32_t value)
{
    pass_by(code, jump_if(code, comparison, a, value));
}

/* The same, to register `b`. */
static void pass_if_register(struct code *code, uint8_t comparison, unsigned a, unsigned b)
{
    pass_by(code, jump_if_register(code, comparison, a, b));
}

static unsigned jump(struct code *code)
{
    emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_JA });
    return code->filter->count - 1;
}

/* The jump leads to what comes next. */
static void aim(struct code *code, unsigned jump)
{
    code->filter->at[jump].off = (int16_t)(code->filter->count - jump - 1);
}

/* to = a value of 64 bits, or a map if `kind` says so. It takes two instructions. */
static void set_long(struct code *code, unsigned to, unsigned kind, uint64_t value)
{
    emit(code, (struct bpf_insn){ .code = BPF_LD | BPF_DW,
                                  .dst_reg = to & 0xf,
                                  .src_reg = kind & 0xf,
                                  .imm = (int32_t)(value & UINT32_MAX) });
    emit(code, (struct bpf_insn){ .imm = (int32_t)(value >> 32) });
}

static void set_map(struct code *code, unsigned to, int map)
{
    set_long(code, to, BPF_PSEUDO_MAP_FD, (uint32_t)map);
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
    KEY = -(int)sizeof(struct xdp_key), /* on the stack */
    KEY_PORT = KEY + (int)offsetof(struct xdp_key, port),
    KEY_TAG = KEY + (int)offsetof(struct xdp_key, tag),
    NETWORK = -32, /* 64 bits: of the sender */
    INDEX = -36    /* 32 bits: of an array */
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
    store(code, BPF_W, STACK, NETWORK, R4);
    set(code, R4, (int)htonl(0xffff));
    store(code, BPF_W, STACK, KEY + 8, R4);
    load(code, BPF_W, R4, FRAME, ETHERNET + 16);
    store(code, BPF_W, STACK, KEY + 12, R4);
    load(code, BPF_W, R4, FRAME, ETHERNET + 12);
    change(code, BPF_AND, R4, (int)htonl(0xffffff00));
    store(code, BPF_W, STACK, NETWORK + 4, R4);
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
    load(code, BPF_W, R4, FRAME, ETHERNET + 8);
    store(code, BPF_W, STACK, NETWORK, R4);
    load(code, BPF_W, R4, FRAME, ETHERNET + 12);
    change(code, BPF_AND, R4, (int)htonl(0xffffff00));
    store(code, BPF_W, STACK, NETWORK + 4, R4);
    look_at_udp(code, ETHERNET + XDP_FRAME_IPV6);
    same_length(code, ETHERNET + 4, 0);
}

/* R0 = what the array has at the index in `at`, NULL beyond its end */
static void look_up(struct code *code, int map, int at)
{
    set_map(code, R1, map);
    move(code, R2, STACK);
    change(code, BPF_ADD, R2, at);
    call(code, BPF_FUNC_map_lookup_elem);
}

/* Drops the query if its network sends too often for the queue's share. */
static void shed(struct code *code, const struct xdp_maps *maps)
{
    unsigned takes[4];
    uint64_t salt = 0;
    randombytes_buf(&salt, sizeof(salt));
    load(code, BPF_W, R2, CONTEXT, (int)offsetof(struct xdp_md, rx_queue_index));
    store(code, BPF_W, STACK, INDEX, R2);
    look_up(code, maps->shares, INDEX);
    takes[0] = jump_if_long(code, BPF_JEQ, R0, 0);
    move(code, SHARE, R0);
    load(code, BPF_DW, INTERVAL, SHARE, (int)offsetof(struct xdp_share, interval));
    takes[1] = jump_if_long(code, BPF_JEQ, INTERVAL, 0);
    call(code, BPF_FUNC_ktime_get_ns);
    move(code, NOW, R0);
    load(code, BPF_DW, R1, STACK, NETWORK);
    set_long(code, R2, 0, salt | 1);
    change_by(code, BPF_MUL, R1, R2);
    change(code, BPF_RSH, R1, 64 - 16); /* XDP_NETWORKS */
    store(code, BPF_W, STACK, INDEX, R1);
    look_up(code, maps->networks, INDEX);
    takes[2] = jump_if_long(code, BPF_JEQ, R0, 0);
    load(code, BPF_DW, R1, R0, (int)offsetof(struct xdp_network, due));
    load(code, BPF_DW, R2, R0, (int)offsetof(struct xdp_network, network));
    load(code, BPF_DW, R3, STACK, NETWORK);
    unsigned same = jump_if_register(code, BPF_JEQ, R2, R3);
    takes[3] = jump_if_register(code, BPF_JGT, R1, NOW);
    store(code, BPF_DW, R0, (int)offsetof(struct xdp_network, network), R3);
    aim(code, same);
    unsigned ahead = jump_if_register(code, BPF_JGT, R1, NOW);
    move(code, R1, NOW);
    aim(code, ahead);
    change_by(code, BPF_ADD, R1, INTERVAL);
    move(code, R2, R1);
    change_by(code, BPF_SUB, R2, NOW);
    move(code, R3, INTERVAL);
    change(code, BPF_LSH, R3, BURST);
    change(code, BPF_ADD, R3, BURST_NS);
    unsigned over = jump_if_register(code, BPF_JGT, R2, R3);
    store(code, BPF_DW, R0, (int)offsetof(struct xdp_network, due), R1);
    unsigned within = jump(code);
    aim(code, over);
    set(code, R1, 1);
    emit(code, (struct bpf_insn){ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
                                  .dst_reg = SHARE,
                                  .src_reg = R1,
                                  .off = offsetof(struct xdp_share, shed),
                                  .imm = BPF_ADD });
    set(code, R0, XDP_DROP);
    leave(code);
    aim(code, within);
    for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
        aim(code, takes[i]);
    }
}

static void write_code(struct code *code, const uint8_t mac[6], const struct xdp_maps *maps)
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
    look_up(code, maps->targets, KEY);
    pass_by(code, jump_if_long(code, BPF_JEQ, R0, 0));
    shed(code, maps);
    set_map(code, R1, maps->sockets);
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

void xdp_filter_write(struct xdp_filter *filter, const uint8_t mac[6], const struct xdp_maps *maps)
{
    struct code code = { .filter = filter };
    filter->count = 0;
    write_code(&code, mac, maps);
}
