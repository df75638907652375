#include "wire.h"

#include <sys/socket.h>

size_t wire_next(const char *data, size_t size, Frame *frame)
{
    const unsigned char *head = (const unsigned char *)data;
    if (size < 2) return 0;
    size_t before = 2, length = head[1] & 0x7f;
    if (length == 126) {
        if (size < (before = 4)) return 0;
        length = (size_t)head[2] << 8 | head[3];
    } else if (length == 127) {
        if (size < (before = 10)) return 0;
        length = 0;
        for (int at = 2; at < 10; at++) length = length << 8 | head[at];
    }
    if (size - before < length) return 0;
    *frame = (Frame){head[0] & 0x0f, data + before, length};
    return before + length;
}

static void send_all(int fd, const char *data, size_t size)
{
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent >= 0 && sent != (ssize_t)size) refuse("a short write"); /* an error shows when it is read from */
}

void wire_send(int fd, unsigned opcode, const char *body, size_t size)
{
    char frame[8192];
    size_t head = 2;
    if (size + 8 > sizeof frame) refuse("a client frame is too long");
    frame[0] = (char)(0x80 | opcode);
    if (size < 126) {
        frame[1] = (char)(0x80 | size);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
        head = 4;
    }
    memset(frame + head, 0, 4); /* the mask 0: allowed, and nothing has to be changed */
    memcpy(frame + head + 4, body, size);
    send_all(fd, frame, head + 4 + size);
}

void wire_ask(int fd, const char *host, int port, const char *path)
{
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: aHViYnViIGJlbmNobWFyaw==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          path, host, port);
    send_all(fd, request, (size_t)length);
}
