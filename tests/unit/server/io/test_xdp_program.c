/* The program, run by the kernel over frames that no interface receives (BPF_PROG_TEST_RUN). */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/io/xdp_program.h"
#include "tests/unit/unit.h"

enum {
    ROOM = 1600,
    FRAME_MIN = 60
};

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x0b };
static struct xdp_program program;

/* Gives the queue a socket: a frame for it is redirected. */
static int load(void **state)
{
    static struct xdp_target targets[3];
    struct diag diag;
    assert_ok(endpoint_parse(&targets[0].endpoint, "192.0.2.2@53", 0));
    assert_ok(endpoint_parse(&targets[1].endpoint, "2001:db8::2@53", 0));
    assert_ok(endpoint_parse(&targets[2].endpoint, "198.51.100.2@5353", 0));
    targets[2].vlan = 5;
    enum result result = xdp_program_load(&program, mac, targets, 3, &diag);
    int fd = socket(AF_XDP, SOCK_RAW, 0);
    *state = NULL;
    if (result == RESULT_REFUSED || fd < 0) {
        print_message("skipped: without rights, or a kernel without AF_XDP\n");
        return 0;
    }
    assert_ok(result);
    assert_ok(xdp_program_steer(&program, 0, fd, &diag));
    *state = &program;
    return 0;
}

static int unload(void **)
{
    xdp_program_close(&program);
    return 0;
}

/* What the program says of a frame, filled up with zeros: XDP_PASS or XDP_REDIRECT. */
static unsigned verdict(void **state, const char *hex)
{
    uint8_t frame[ROOM] = { 0 };
    size_t len = strlen(hex) / 2;
    if (*state == NULL) {
        skip();
    }
    for (size_t i = 0; i < len; i++) {
        char octet[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        frame[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    union bpf_attr attributes = { .test = { .prog_fd = (uint32_t)program.program,
                                            .data_size_in = FRAME_MIN,
                                            .data_in = (uintptr_t)frame } };
    attributes.test.data_size_in = len > FRAME_MIN ? (uint32_t)len : FRAME_MIN;
    assert_int_equal(syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)), 0);
    return attributes.test.retval;
}

#define MACS  "02000000000b02000000000a"
#define IPV4  "45000023244e400040119278c0000201c0000202"
#define UDP4  "9c490035000f2e45"
#define IPV6  "60034e67000f114020010db800000000000000000000000120010db8000000000000000000000002"
#define UDP6  "9c4b0035000f56d2"
#define QUERY "61207175657279"

static void queries_are_redirected(void **state)
{
    assert_int_equal(verdict(state, MACS "0800" IPV4 UDP4 QUERY), XDP_REDIRECT);
    assert_int_equal(verdict(state, MACS "86dd" IPV6 UDP6 QUERY), XDP_REDIRECT);
}

/* True for an octet that makes a query: MAC, type, version, lengths, fragment, protocol, address
 * and port. Others are the sender's, or checked later. */
static bool is_looked_at(bool ipv6, size_t at)
{
    static const uint8_t ranges[2][8][2] = {
        { { 0, 5 }, { 12, 14 }, { 16, 17 }, { 20, 21 }, { 23, 23 }, { 30, 33 }, { 36, 39 } },
        { { 0, 5 }, { 12, 14 }, { 18, 20 }, { 38, 53 }, { 56, 59 } }
    };
    for (size_t i = 0; i < 8; i++) {
        if (at >= ranges[ipv6][i][0] && at <= ranges[ipv6][i][1] && ranges[ipv6][i][1] > 0) {
            return true;
        }
    }
    return false;
}

static void every_changed_octet_goes_to_the_stack(void **state)
{
    static const char *const frames[] = { MACS "0800" IPV4 UDP4 QUERY,
                                          MACS "86dd" IPV6 UDP6 QUERY };
    for (unsigned i = 0; i < 2; i++) {
        char hex[256];
        for (size_t at = 0; 2 * at < strlen(frames[i]); at++) {
            (void)snprintf(hex, sizeof(hex), "%s", frames[i]);
            hex[2 * at] = hex[2 * at] == '7' ? '1' : '7';
            assert_int_equal(verdict(state, hex),
                             is_looked_at(i == 1, at) ? XDP_PASS : XDP_REDIRECT);
        }
    }
}

static void a_vlan_has_its_own_addresses(void **state)
{
#define IPV4_OTHER "45000023244e400040119278c0000201c6336402"
    const char *tagged = MACS "81000005"
                              "0800" IPV4_OTHER "9c4914e9000f0000" QUERY;
    assert_int_equal(verdict(state, tagged), XDP_REDIRECT);
    assert_int_equal(verdict(state, MACS "8100e005"
                                         "0800" IPV4_OTHER "9c4914e9000f0000" QUERY),
                     XDP_REDIRECT); /* with a priority */
    assert_int_equal(verdict(state, MACS "81000006"
                                         "0800" IPV4_OTHER "9c4914e9000f0000" QUERY),
                     XDP_PASS);
    assert_int_equal(verdict(state, MACS "0800" IPV4_OTHER "9c4914e9000f0000" QUERY), XDP_PASS);
    assert_int_equal(verdict(state, MACS "81000005"
                                         "0800" IPV4 UDP4 QUERY),
                     XDP_PASS);
    assert_int_equal(verdict(state, MACS "8100000581000005"
                                         "0800" IPV4_OTHER "9c4914e9000f0000" QUERY),
                     XDP_PASS);
}

static void fragments_and_options_go_to_the_stack(void **state)
{
    assert_int_equal(verdict(state, MACS "0800"
                                         "45000023244e200040119278c0000201c0000202" UDP4 QUERY),
                     XDP_PASS);
    assert_int_equal(verdict(state, MACS "0800"
                                         "45000023244e000140119278c0000201c0000202" UDP4 QUERY),
                     XDP_PASS);
    assert_int_equal(verdict(state, MACS "0800"
                                         "46000023244e400040119278c0000201c0000202" UDP4 QUERY),
                     XDP_PASS);
}

static void longer_queries_go_to_the_stack(void **state)
{
    /* 1,232 octets are 0x4d8 with the header of UDP and 0x4ec with that of IPv4. */
    assert_int_equal(verdict(state, MACS "0800"
                                         "450004ec244e400040119278c0000201c0000202"
                                         "9c49003504d80000"),
                     XDP_REDIRECT);
    assert_int_equal(verdict(state, MACS "0800"
                                         "450004ed244e400040119278c0000201c0000202"
                                         "9c49003504d90000"),
                     XDP_PASS);
}

#define IPV4_OF(network) "45000023244e400040119278" network "c0000202"

/* A network that sends at once what its share lets it send in a second. */
static void flood(void **state, const char *hex)
{
    unsigned dropped = 0;
    for (unsigned i = 0; i < 1000 && dropped == 0; i++) {
        dropped += verdict(state, hex) == XDP_DROP;
    }
    assert_int_equal(dropped, 1);
}

static void a_network_over_its_share_leaves_others_theirs(void **state)
{
    struct xdp_share *shares = NULL;
    struct diag diag;
    if (*state == NULL) {
        skip();
    }
    assert_ok(xdp_program_shares(&program, &shares, &diag));
    for (unsigned i = 0; i < 1000; i++) { /* no limit */
        assert_int_equal(verdict(state, MACS "0800" IPV4 UDP4 QUERY), XDP_REDIRECT);
    }
    atomic_store(&shares[0].interval, XDP_INTERVAL_MAX);
    flood(state, MACS "0800" IPV4_OF("c0000201") UDP4 QUERY);
    flood(state, MACS "0800" IPV4_OF("c00002ff") UDP4 QUERY);
    flood(state, MACS "86dd" IPV6 UDP6 QUERY);
    assert_int_equal(atomic_load(&shares[0].shed), 3);
    for (unsigned i = 1; i < 100; i++) {
        char hex[256];
        (void)snprintf(hex, sizeof(hex), MACS "0800" IPV4_OF("0a00%02x01") UDP4 QUERY, i);
        assert_int_equal(verdict(state, hex), XDP_REDIRECT);
    }
    atomic_store(&shares[0].interval, 0);
    assert_int_equal(verdict(state, MACS "0800" IPV4 UDP4 QUERY), XDP_REDIRECT);
    assert_int_equal(atomic_load(&shares[0].shed), 3);
    xdp_program_release(shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_redirected),
        cmocka_unit_test(every_changed_octet_goes_to_the_stack),
        cmocka_unit_test(a_vlan_has_its_own_addresses),
        cmocka_unit_test(fragments_and_options_go_to_the_stack),
        cmocka_unit_test(longer_queries_go_to_the_stack),
        cmocka_unit_test(a_network_over_its_share_leaves_others_theirs),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
