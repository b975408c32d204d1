#include "server/io/affinity.h"

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

enum result affinity_steer(int fd, unsigned first, unsigned count, bool by_cpu, struct diag *diag)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (unsigned)(SKF_AD_OFF + (by_cpu ? SKF_AD_CPU : SKF_AD_RANDOM))),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, first),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "the kernel does not spread queries as asked: %s",
                         strerror(errno));
    }
    return RESULT_OK;
}

void affinity_release(int fd)
{
    const int none = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none));
}

void affinity_pin(pthread_t thread, unsigned number, unsigned count)
{
    cpu_set_t allowed, chosen;
    CPU_ZERO(&chosen);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return;
    }
    for (unsigned cpu = number; cpu < CPU_SETSIZE; cpu += count) {
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_SET(cpu, &chosen);
        }
    }
    if (CPU_COUNT(&chosen) > 0) {
        (void)pthread_setaffinity_np(thread, sizeof(chosen), &chosen);
    }
}
