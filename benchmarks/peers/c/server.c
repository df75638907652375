/* The least that a fan-out can cost: epoll, one thread, no rooms, no keys, no keepalive.

   `server join` sends all that is pending for a socket in one write; `server single` makes one send() of
   every message. Orders are those of benchmarks/peers/orders.py. The answer to the handshake is the one
   that belongs to the key which benchmarks/clients send. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, MOST_FILES = 200000 };

static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n";
static const char ACCEPT[] = "pKjWNR6idLzGtF/hCBIFi9mLZ/0=";

typedef struct {
    int fd;
    bool open, waiting; /* the handshake is done; EPOLLOUT is asked for */
    size_t sent;        /* how much of the log is with the kernel */
} Client;

static Client *by_fd[MOST_FILES];
static Client **clients;
static size_t client_count, room;
static int poller, listener, timer;
static bool join;

/* Everything published since the order began, frame behind frame. */
static char *stream;
static size_t stream_size, frame_size;

static struct {
    size_t left, number;
    double per_second;
    size_t payload;
    uint64_t began, first;
} order;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static void ask(Client *client, bool for_room)
{
    struct epoll_event event = {.events = EPOLLIN | (for_room ? EPOLLOUT : 0), .data.fd = client->fd};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event) < 0) die("epoll_ctl");
    client->waiting = for_room;
}

static void drop(Client *client)
{
    for (size_t at = 0; at < client_count; at++)
        if (clients[at] == client) {
            clients[at] = clients[--client_count];
            break;
        }
    by_fd[client->fd] = NULL;
    close(client->fd);
    free(client);
}

static bool feed(Client *client)
{
    while (client->sent < stream_size) {
        size_t size = stream_size - client->sent;
        if (!join && size > frame_size - client->sent % frame_size) size = frame_size - client->sent % frame_size;
        ssize_t sent = send(client->fd, stream + client->sent, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return false;
            if (!client->waiting) ask(client, true);
            return true;
        }
        client->sent += (size_t)sent;
    }
    if (client->waiting) ask(client, false);
    return true;
}

static void fan_out(void)
{
    for (size_t at = 0; at < client_count;) {
        Client *client = clients[at];
        if (client->open && !client->waiting && !feed(client)) drop(client);
        else at++;
    }
}

static void append(uint64_t due)
{
    char *frame = stream + stream_size;
    size_t head = 2;
    frame[0] = (char)0x81;
    if (order.payload < 126) {
        frame[1] = (char)order.payload;
    } else {
        frame[1] = 126;
        frame[2] = (char)(order.payload >> 8);
        frame[3] = (char)order.payload;
        head = 4;
    }
    char *text = frame + head;
    int used = snprintf(text, order.payload, "{\"at\":\"@T=%019llu\",\"number\":%zu,\"padding\":\"",
                        (unsigned long long)due, order.number++);
    memset(text + used, 'x', order.payload - (size_t)used - 2);
    memcpy(text + order.payload - 2, "\"}", 2);
    stream_size += frame_size;
}

static void begin(size_t count, double per_second, size_t payload)
{
    order.left = count;
    order.number = 0;
    order.per_second = per_second;
    order.payload = payload < 80 ? 80 : payload > 65000 ? 65000 : payload;
    frame_size = order.payload + (order.payload < 126 ? 2 : 4);
    free(stream);
    stream = malloc(count * frame_size + 1);
    if (stream == NULL) die("malloc");
    stream_size = 0;
    for (size_t at = 0; at < client_count;) {
        if (clients[at]->waiting) { /* it has a part of an older frame: there is no way on from there */
            drop(clients[at]);
            continue;
        }
        clients[at++]->sent = 0;
    }
    order.began = now_ns();
    printf("began %llu\n", (unsigned long long)order.began);
    fflush(stdout);
}

/* Publishes what is due, and has the timer tell when more will be; answers how long epoll may wait. */
static int publish(void)
{
    if (order.left == 0) return -1;
    uint64_t now = now_ns(), due = order.began;
    size_t fresh = 0;
    while (order.left > 0) {
        double after_s = order.per_second > 0 ? (double)order.number / order.per_second : 0;
        due = order.began + (uint64_t)(after_s * 1e9);
        if (due > now) break;
        append(due);
        order.left--;
        fresh++;
        if (!join) break;
    }
    if (fresh > 0) fan_out();
    if (order.left == 0) return -1;
    if (fresh > 0) return 0; /* sockets have a turn between two fan-outs */
    struct itimerspec then = {.it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &then, NULL) < 0) die("timerfd_settime");
    return -1;
}

static void welcome(void)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= MOST_FILES) die("too many files");
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        Client *client = calloc(1, sizeof *client);
        if (client == NULL) die("calloc");
        client->fd = fd;
        by_fd[fd] = client;
        if (client_count == room) {
            room = room == 0 ? 1024 : room * 2;
            clients = realloc(clients, room * sizeof *clients);
            if (clients == NULL) die("realloc");
        }
        clients[client_count++] = client;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    }
}

static void hear(Client *client)
{
    char text[4096];
    ssize_t got = recv(client->fd, text, sizeof text, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(client);
    } else if (!client->open && memmem(text, (size_t)got, "\r\n\r\n", 4) != NULL) {
        char answer[256];
        int size = snprintf(answer, sizeof answer, ANSWER, ACCEPT);
        client->open = true;
        client->sent = stream_size;
        if (send(client->fd, answer, (size_t)size, MSG_NOSIGNAL) != size) drop(client);
    }
}

static void obey(void)
{
    char line[256];
    size_t count, payload;
    double per_second;
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) exit(0);
    line[got] = '\0';
    if (sscanf(line, "publish %zu %lf %zu", &count, &per_second, &payload) == 3) begin(count, per_second, payload);
}

int main(int argc, char **argv)
{
    join = argc > 1 && strcmp(argv[1], "join") == 0;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const char *port = getenv("PEER_PORT");
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (port != NULL) here.sin_port = htons((uint16_t)atoi(port));
    socklen_t size = sizeof here;
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, size) < 0 || listen(listener, 1024) < 0 ||
        getsockname(listener, (struct sockaddr *)&here, &size) < 0)
        die("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = STDIN_FILENO;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) die("stdin is no pipe");
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    event.data.fd = timer;
    if (timer < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event) < 0) die("timerfd");
    printf("ready %d %d\n", ntohs(here.sin_port), getpid());
    fflush(stdout);

    static struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, publish());
        for (int at = 0; at < count; at++) {
            int fd = events[at].data.fd;
            if (fd == listener) welcome();
            else if (fd == STDIN_FILENO) obey();
            else if (fd == timer) (void)!read(timer, &(uint64_t){0}, sizeof(uint64_t));
            else {
                Client *client = by_fd[fd];
                if (client != NULL && events[at].events & EPOLLOUT && !feed(client)) drop(client);
                else if (client != NULL && events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(client);
            }
        }
    }
}
