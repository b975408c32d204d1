/* floor: the minimum cost of a UDP server on this kernel. Answers each datagram with a fixed number
 * of octets (the ID of the query, QR set), using recvmmsg and sendmmsg in batches of 64, and does
 * nothing else. Any cost above this is the nameserver's own.
 *
 * use: floor PORT [OCTETS]   (on 127.0.0.1; default 310 octets, the size of a signed SRV answer) */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BATCH = 64,
    ROOM = 4096
};

static uint8_t in[BATCH][ROOM], out[BATCH][ROOM];

static void serve(int fd, size_t octets)
{
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH], replies[BATCH];
    struct sockaddr_in from[BATCH];
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    while (poll(&wait, 1, -1) >= 0) {
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){ in[i], ROOM };
            headers[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
                                                  .msg_namelen = sizeof(from[i]),
                                                  .msg_iov = &vectors[i],
                                                  .msg_iovlen = 1 };
        }
        int count = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            memcpy(out[i], in[i], 12);
            out[i][2] |= 0x80;
            replies[i] = (struct iovec){ out[i], octets };
            headers[i].msg_hdr.msg_iov = &replies[i];
        }
        if (count > 0) {
            (void)sendmmsg(fd, headers, (unsigned)count, MSG_DONTWAIT);
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    long octets = argc > 2 ? strtol(argv[2], NULL, 10) : 310;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    if (port < 1 || port > 65535 || octets < 12 || octets > ROOM) {
        (void)fputs("use: floor PORT [OCTETS]\n", stderr);
        return 2;
    }
    address.sin_port = htons((uint16_t)port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("floor");
        return 1;
    }
    serve(fd, (size_t)octets);
    return 1;
}
