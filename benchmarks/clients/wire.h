/* The client's side of WebSocket (RFC 6455), as far as a load program needs it. */

#ifndef WIRE_H
#define WIRE_H

#include "base.h"

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

typedef struct {
    unsigned opcode;
    const char *body;
    size_t size;
} Frame;

/* Takes one whole unmasked frame off the front; answers how many bytes it had, 0 when its end is missing. */
size_t wire_next(const char *data, size_t size, Frame *frame);

/* Sends one frame; a few hundred bytes, which always fit into an empty buffer. */
void wire_send(int fd, unsigned opcode, const char *body, size_t size);

/* Asks for the upgrade. */
void wire_ask(int fd, const char *host, int port, const char *path);

#endif
