/* All connections of this program: made, greeted, read, and made again when they were cut. */

#ifndef CLIENTS_H
#define CLIENTS_H

#include "base.h"

enum { ID = 36 }; /* characters of an epoch */

typedef enum { ABSENT, CONNECTING, HANDSHAKE, GREETING, READY } State;

typedef struct {
    int fd;
    State state;
    bool right;      /* since the cut: has had a snapshot that says what it must */
    bool may_resume; /* epoch and seq are known */
    uint32_t greeted;
    uint64_t lost_at;    /* ns; the last time it was in, or when it first failed to be */
    uint64_t retry_at;   /* ns; only while ABSENT */
    uint64_t not_before; /* ns; said by the server */
    uint64_t last_stamp;
    uint64_t seq;
    char epoch[ID + 1];
    const char *must; /* what its snapshots have to say, or NULL */
    char *rest;       /* the beginning of a frame whose end has not come */
    size_t rest_size;
} Client;

typedef struct {
    const char *host, *path, *hellos;
    int port;
    int greeting; /* frames that the server sends before a client is in */
    int sources;  /* loopback addresses to come from: one has some 28,000 ports only */
    int flight;   /* handshakes under way at once, while nobody was cut */
    int retry_first_ms, retry_last_ms; /* full jitter under a ceiling between them: the time away */
    bool socket_io, acks;
} Options;

extern Options options;
extern Client *clients;
extern size_t wanted, ready, failures;

/* Makes room for as many clients as there may be open files; reads the hellos. */
void clients_open(void);

/* Has so many from now on. */
void clients_want(size_t number);

/* Dials for those who are absent and whose time has come, while fewer than that are on their way. */
void clients_dial(uint64_t now, size_t at_once);

/* Waits for so many ms at most, and reads what has come; answers whether stdin has something. */
bool clients_serve(int wait_ms);

#endif
