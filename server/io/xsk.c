#include "server/io/xsk.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SEND_BUFFER = 16 << 20, /* what is on its way at most, as far as the kernel lets us */
    KICKS = 64,             /* each takes at least a frame, or 32 if none is dropped */
    TX_BUDGET = 9,          /* XDP_MAX_TX_SKB_BUDGET of Linux 6.17: frames a kick */
    MEMORY = XSK_FRAMES * XSK_FRAME,
    HUGE_PAGE = 2 << 20
};

static uint32_t load(const uint32_t *place)
{
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written */
static void store(uint32_t *place, uint32_t value)
{
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
}

static uint64_t *addresses(const struct xsk_ring *ring, uint32_t at)
{
    return (uint64_t *)ring->entries + (at & (XSK_RING - 1U));
}

static struct xdp_desc *descriptors(const struct xsk_ring *ring, uint32_t at)
{
    return (struct xdp_desc *)ring->entries + (at & (XSK_RING - 1U));
}

static bool map_ring(struct xsk_ring *ring, int fd, const struct xdp_ring_offset *offsets,
                     uint64_t page, size_t entry)
{
    ring->map_len = offsets->desc + XSK_RING * entry;
    uint8_t *map = mmap(NULL, ring->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                        (off_t)page);
    if (map == MAP_FAILED) {
        return false;
    }
    ring->map = map;
    ring->producer = (uint32_t *)(void *)(map + offsets->producer);
    ring->consumer = (uint32_t *)(void *)(map + offsets->consumer);
    ring->flags = (uint32_t *)(void *)(map + offsets->flags);
    ring->entries = map + offsets->desc;
    return true;
}

static void unmap_ring(const struct xsk_ring *ring)
{
    if (ring->map != NULL) {
        (void)munmap(ring->map, ring->map_len);
    }
}

static bool set_option(int fd, int name, const void *value, socklen_t len)
{
    return setsockopt(fd, SOL_XDP, name, value, len) == 0;
}

/* In huge pages where the kernel has some, which spare the TLB. NULL: no memory. */
static uint8_t *map_memory(void)
{
    uint8_t *map =
        mmap(NULL, MEMORY + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    size_t before = -(uintptr_t)map & (HUGE_PAGE - 1U);
    uint8_t *frames = map + before;
    if (before > 0) {
        (void)munmap(map, before);
    }
    (void)munmap(frames + MEMORY, HUGE_PAGE - before);
    (void)madvise(frames, MEMORY, MADV_HUGEPAGE);
    (void)madvise(frames, MEMORY, MADV_POPULATE_WRITE);
    return frames;
}

static enum result make_memory(struct xsk *xsk, struct diag *diag)
{
    uint8_t *frames = map_memory();
    if (frames == NULL) {
        return diag_fail(diag, RESULT_SYSTEM, "no memory for frames: %s", strerror(errno));
    }
    xsk->frames = frames;
    const struct xdp_umem_reg reg = { .addr = (uintptr_t)frames,
                                      .len = MEMORY,
                                      .chunk_size = XSK_FRAME };
    if (!set_option(xsk->fd, XDP_UMEM_REG, &reg, sizeof(reg))) {
        return errno == ENOBUFS
                   ? diag_fail(diag, RESULT_REFUSED,
                               "the limit of locked memory is too low: each queue needs %zu MiB "
                               "(LimitMEMLOCK=), or give CAP_IPC_LOCK",
                               (size_t)MEMORY >> 20)
                   : diag_fail(diag, RESULT_SYSTEM, "no memory to share with the kernel: %s",
                               strerror(errno));
    }
    return RESULT_OK;
}

static enum result make_rings(struct xsk *xsk, struct diag *diag)
{
    static const int names[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING,
                                 XDP_TX_RING };
    const int size = XSK_RING;
    struct xdp_mmap_offsets offsets;
    socklen_t len = sizeof(offsets);
    bool ok = true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ok = ok && set_option(xsk->fd, names[i], &size, sizeof(size));
    }
    ok = ok && getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len) == 0 &&
         len == sizeof(offsets) &&
         map_ring(&xsk->fill, xsk->fd, &offsets.fr, XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t)) &&
         map_ring(&xsk->done, xsk->fd, &offsets.cr, XDP_UMEM_PGOFF_COMPLETION_RING,
                  sizeof(uint64_t)) &&
         map_ring(&xsk->rx, xsk->fd, &offsets.rx, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc)) &&
         map_ring(&xsk->tx, xsk->fd, &offsets.tx, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc));
    return ok ? RESULT_OK
              : diag_fail(diag, RESULT_SYSTEM, "no rings of frames: %s", strerror(errno));
}

/* The first half of the frames goes to the kernel, to receive in. */
static void share_out(struct xsk *xsk)
{
    for (uint32_t i = 0; i < XSK_RING; i++) {
        *addresses(&xsk->fill, i) = (uint64_t)i * XSK_FRAME;
        xsk->free[i] = (uint64_t)(XSK_RING + i) * XSK_FRAME;
    }
    xsk->free_count = XSK_RING;
    xsk->fill.next = XSK_RING;
    store(xsk->fill.producer, xsk->fill.next);
}

static enum result bind_queue(struct xsk *xsk, unsigned interface, unsigned queue, bool copy,
                              struct diag *diag)
{
    const struct sockaddr_xdp address = { .sxdp_family = AF_XDP,
                                          .sxdp_flags = (uint16_t)(XDP_USE_NEED_WAKEUP |
                                                                   (copy ? XDP_COPY : 0)),
                                          .sxdp_ifindex = interface,
                                          .sxdp_queue_id = queue };
    if (bind(xsk->fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        struct xdp_options options = { 0 };
        socklen_t len = sizeof(options);
        xsk->zero_copy = getsockopt(xsk->fd, SOL_XDP, XDP_OPTIONS, &options, &len) == 0 &&
                         (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
        return RESULT_OK;
    }
    switch (errno) {
    case EBUSY:
        return diag_fail(diag, RESULT_REFUSED, "another program has it");
    case EINVAL:
        return diag_fail(diag, RESULT_MISSING, "there is no such queue");
    case ENETDOWN:
        return diag_fail(diag, RESULT_MISSING, "the interface is down");
    default:
        return diag_fail(diag, RESULT_SYSTEM, "it can't be bound: %s", strerror(errno));
    }
}

enum result xsk_open(struct xsk *xsk, unsigned interface, unsigned queue, bool copy,
                     struct diag *diag)
{
    const int buffer = SEND_BUFFER, budget = XSK_RING;
    *xsk = (struct xsk){ .fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0) };
    if (xsk->fd < 0) {
        return errno == EPERM ? diag_fail(diag, RESULT_REFUSED, "it needs CAP_NET_RAW at the start")
                              : diag_fail(diag, RESULT_MISSING,
                                          "the kernel has no sockets of AF_XDP, or "
                                          "RestrictAddressFamilies= forbids them: %s",
                                          strerror(errno));
    }
    (void)(setsockopt(xsk->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) == 0 ||
           setsockopt(xsk->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) == 0);
    TRY(make_memory(xsk, diag));
    TRY(make_rings(xsk, diag));
    (void)set_option(xsk->fd, TX_BUDGET, &budget, sizeof(budget));
    share_out(xsk);
    return bind_queue(xsk, interface, queue, copy, diag);
}

void xsk_close(struct xsk *xsk)
{
    if (xsk->fd >= 0) {
        (void)close(xsk->fd);
    }
    unmap_ring(&xsk->fill);
    unmap_ring(&xsk->done);
    unmap_ring(&xsk->rx);
    unmap_ring(&xsk->tx);
    if (xsk->frames != NULL) {
        (void)munmap(xsk->frames, MEMORY);
    }
    *xsk = (struct xsk){ .fd = -1 };
}

unsigned xsk_waiting(const struct xsk *xsk)
{
    return load(xsk->rx.producer) - xsk->rx.next;
}

unsigned xsk_receive(struct xsk *xsk, struct octets *frames, unsigned max)
{
    unsigned ready = xsk_waiting(xsk);
    unsigned count = ready < max ? ready : max;
    for (unsigned i = 0; i < count; i++) {
        const struct xdp_desc *desc = descriptors(&xsk->rx, xsk->rx.next + i);
        frames[i] = (struct octets){ xsk->frames + desc->addr, desc->len };
    }
    return count;
}

void xsk_give_back(struct xsk *xsk, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        *addresses(&xsk->fill, xsk->fill.next++) =
            descriptors(&xsk->rx, xsk->rx.next++)->addr & ~(uint64_t)(XSK_FRAME - 1);
    }
    store(xsk->fill.producer, xsk->fill.next);
    store(xsk->rx.consumer, xsk->rx.next);
    if ((load(xsk->fill.flags) & XDP_RING_NEED_WAKEUP) != 0) { /* the card had no frame left */
        (void)recvfrom(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    }
}

/* Takes back the frames that have left. */
static void reclaim(struct xsk *xsk)
{
    uint32_t end = load(xsk->done.producer);
    for (; xsk->done.next != end; xsk->done.next++) {
        xsk->free[xsk->free_count++] = *addresses(&xsk->done, xsk->done.next);
    }
    store(xsk->done.consumer, xsk->done.next);
}

uint8_t *xsk_frame(const struct xsk *xsk)
{
    return xsk->free_count > 0 ? xsk->frames + xsk->free[xsk->free_count - 1] : NULL;
}

void xsk_send(struct xsk *xsk, size_t len)
{
    *descriptors(&xsk->tx, xsk->tx.next++) =
        (struct xdp_desc){ .addr = xsk->free[--xsk->free_count], .len = (uint32_t)len };
}

bool xsk_flush(struct xsk *xsk)
{
    store(xsk->tx.producer, xsk->tx.next);
    for (unsigned i = 0; i < KICKS && load(xsk->tx.consumer) != xsk->tx.next; i++) {
        if ((load(xsk->tx.flags) & XDP_RING_NEED_WAKEUP) == 0) {
            break; /* the card takes them by itself */
        }
        if (sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
            errno != EBUSY) { /* which means that it dropped a frame */
            break;
        }
    }
    reclaim(xsk);
    return load(xsk->tx.consumer) == xsk->tx.next ||
           (load(xsk->tx.flags) & XDP_RING_NEED_WAKEUP) == 0;
}

uint64_t xsk_dropped(const struct xsk *xsk)
{
    struct xdp_statistics seen = { 0 };
    socklen_t len = sizeof(seen);
    return getsockopt(xsk->fd, SOL_XDP, XDP_STATISTICS, &seen, &len) == 0
               ? seen.rx_dropped + seen.rx_ring_full
               : 0;
}
