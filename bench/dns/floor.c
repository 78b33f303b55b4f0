/* The floor: what it costs to take a datagram from loopback and to send one back, and nothing else.
 *
 * It sends each query back with its QR bit set; what it does not do (read, look up, write) is about what a server's figure has
 * above this one's. It takes what is there, up to 64 datagrams at once, as the quickest of the servers do. It is no strict bound:
 * who works longer finds more datagrams waiting, and makes fewer system calls for each. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 1232 };

int main(int argc, char **argv) {
    static char octets[BATCH][SIZE];
    static struct sockaddr_in from[BATCH];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (udp < 0 || bind(udp, (struct sockaddr *)&at, sizeof at)) return 1;
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){octets[i], SIZE};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i],
                                                  .msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int count = recvmmsg(udp, messages, BATCH, MSG_WAITFORONE, NULL);
        if (count < 0) return 1;
        for (int i = 0; i < count; i++) {
            parts[i].iov_len = messages[i].msg_len;
            if (messages[i].msg_len > 2) octets[i][2] |= (char)0x80;
        }
        if (sendmmsg(udp, messages, count, 0) < 0) return 1;
    }
}
