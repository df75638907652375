#include "clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "wire.h"

enum { READ_SIZE = 1 << 20, EVENTS = 1024, MOST = 200000 };

Options options = {.host = "127.0.0.1", .path = "/", .sources = 8, .flight = 128, .retry_first_ms = 250, .retry_last_ms = 10000};
Client *clients;
size_t wanted, ready, failures;

static size_t in_flight, next_to_dial, capacity, hello_count;
static char **hellos, **expected;
static int poller;
static char *incoming;

/* --- coming and going --------------------------------------------------------------------------------- */

static void lose(Client *client)
{
    uint64_t now = now_ns();
    bool was_ready = client->state == READY;
    if (client->fd >= 0) close(client->fd);
    if (client->state != ABSENT && !was_ready) in_flight--;
    client->fd = -1;
    client->state = ABSENT;
    free(client->rest);
    client->rest = NULL;
    client->rest_size = 0;
    if (was_ready) {
        ready--;
        client->lost_at = now;
        measure_cut(now);
    } else {
        failures++;
    }
    if (client->lost_at == 0) client->lost_at = now;
    double ceiling = (double)(now - client->lost_at) / 1e6;
    if (ceiling < options.retry_first_ms) ceiling = options.retry_first_ms;
    if (ceiling > options.retry_last_ms) ceiling = options.retry_last_ms;
    client->retry_at = now + (uint64_t)(drand48() * ceiling * 1e6);
    if (client->retry_at < client->not_before) client->retry_at = client->not_before;
}

static void watch(Client *client, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(poller, how, client->fd, &event) < 0) die("epoll_ctl");
}

static void dial(Client *client)
{
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) die("socket");
    int yes = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (options.sources > 1) {
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)((size_t)(client - clients) % (size_t)options.sources));
        if (bind(client->fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.host, &to.sin_addr) != 1) refuse("the host is no IPv4 address");
    client->state = CONNECTING;
    client->greeted = 0;
    in_flight++;
    if (connect(client->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) lose(client);
    else watch(client, EPOLLOUT, EPOLL_CTL_ADD);
}

void clients_dial(uint64_t now, size_t at_once)
{
    for (size_t tried = 0; tried < wanted && in_flight < at_once; tried++) {
        Client *client = &clients[next_to_dial = (next_to_dial + 1) % wanted];
        if (client->state == ABSENT && client->retry_at <= now) dial(client);
    }
}

static void shake_hands(Client *client)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        lose(client);
        return;
    }
    client->state = HANDSHAKE;
    wire_ask(client->fd, options.host, options.port, options.path);
    watch(client, EPOLLIN, EPOLL_CTL_MOD);
}

static void let_in(Client *client)
{
    client->state = READY;
    in_flight--;
    ready++;
    if (!options.acks) measure_back(client); /* a server without state: to be let in is all there is */
}

static void say_hello(Client *client)
{
    client->state = GREETING;
    if (options.socket_io) {
        wire_send(client->fd, TEXT, "40", 2);
    } else if (hello_count > 0) {
        const char *hello = hellos[(size_t)(client - clients) % hello_count];
        char text[4096];
        int length = snprintf(text, sizeof text, "%s", hello);
        if (client->may_resume) /* the last } makes room for the position */
            length = snprintf(text, sizeof text, "%.*s,\"epoch\":\"%s\",\"seq\":%llu}", (int)strlen(hello) - 1,
                              hello, client->epoch, (unsigned long long)client->seq);
        if (length >= (int)sizeof text) refuse("a hello is too long");
        wire_send(client->fd, TEXT, text, (size_t)length);
    }
    if (options.greeting == 0) let_in(client);
}

/* --- what comes in ------------------------------------------------------------------------------------ */

/* The protocol of /live: positions are noted, pings acknowledged, a bye's wish respected. */
static void heed(Client *client, const char *text, size_t size)
{
    static const char snapshot[] = "{\"op\":\"snapshot\"", ping[] = "{\"op\":\"ping\"", bye[] = "{\"op\":\"bye\"";
    if (size < sizeof snapshot) return;
    const char *seq = after(text, size < 256 ? size : 256, "\"seq\":");
    if (memcmp(text, snapshot, sizeof snapshot - 1) == 0) {
        const char *epoch = after(text, size, "\"epoch\":\"");
        if (epoch != NULL && seq != NULL && epoch + ID < text + size) {
            memcpy(client->epoch, epoch, ID);
            client->seq = strtoull(seq, NULL, 10);
            client->may_resume = true;
        }
        measure_snapshot(client, text, size);
    } else if (memcmp(text, ping, sizeof ping - 1) == 0) {
        char ack[64];
        int length = snprintf(ack, sizeof ack, "{\"op\":\"ack\",\"seq\":%llu}", seq ? strtoull(seq, NULL, 10) : 0);
        wire_send(client->fd, TEXT, ack, (size_t)length);
    } else if (memcmp(text, bye, sizeof bye - 1) == 0) {
        const char *wait = after(text, size, "\"retry_ms\":");
        if (wait != NULL) client->not_before = now_ns() + strtoull(wait, NULL, 10) * 1000000u;
    }
}

static void on_text(Client *client, const char *text, size_t size, uint64_t read_at)
{
    if (client->state == READY) measure_frame(client, text, size, read_at);
    if (options.acks) heed(client, text, size);
    else if (options.socket_io && size == 1 && text[0] == '2') wire_send(client->fd, TEXT, "3", 1);
    if (client->state == GREETING && ++client->greeted >= (uint32_t)options.greeting) let_in(client);
}

/* Says on stderr with which codes connections are closed, each once. */
static void note_close(const char *body, size_t size)
{
    static unsigned known[16], count;
    unsigned code = size < 2 ? 1005 : (unsigned)(unsigned char)body[0] << 8 | (unsigned char)body[1];
    for (unsigned at = 0; at < count; at++)
        if (known[at] == code) return;
    if (count < sizeof known / sizeof *known) known[count++] = code;
    fprintf(stderr, "closed with %u %.*s\n", code, size < 2 ? 0 : (int)size - 2, body + 2);
}

/* Takes whole frames off the front; answers how many bytes they had, or -1 when the connection is over. */
static ssize_t take(Client *client, const char *data, size_t size, uint64_t read_at)
{
    size_t used = 0, taken;
    Frame frame;
    while ((taken = wire_next(data + used, size - used, &frame)) > 0) {
        used += taken;
        if (frame.opcode == CLOSE) {
            note_close(frame.body, frame.size);
            return -1;
        }
        if (frame.opcode == PING) wire_send(client->fd, PONG, frame.body, frame.size);
        else if (frame.opcode == TEXT || frame.opcode == BINARY) on_text(client, frame.body, frame.size, read_at);
    }
    return (ssize_t)used;
}

/* Where the frames begin: behind the answer to the handshake; NULL while it is not whole, or refused. */
static char *answered(Client *client, char *data, size_t size)
{
    char *body = (char *)after(data, size, "\r\n\r\n");
    if (body == NULL) return NULL;
    if (memcmp(data + 8, " 101", 4) != 0) {
        static bool told;
        if (!told) fprintf(stderr, "refused: %.60s\n", data);
        told = true;
        lose(client);
        return NULL;
    }
    say_hello(client);
    return body;
}

static void keep(Client *client, const char *data, size_t size)
{
    char *kept = NULL;
    if (size > 0) {
        if ((kept = malloc(size)) == NULL) die("malloc");
        memcpy(kept, data, size);
    }
    free(client->rest);
    client->rest = kept;
    client->rest_size = size;
}

static void receive(Client *client)
{
    size_t had = client->rest_size;
    if (had > 0) memcpy(incoming, client->rest, had);
    ssize_t got = recv(client->fd, incoming + had, READ_SIZE - had - 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose(client);
        return;
    }
    uint64_t read_at = now_ns();
    measure_bytes((uint64_t)got);
    char *data = incoming;
    size_t size = had + (size_t)got;
    data[size] = '\0';
    if (client->state == HANDSHAKE) {
        char *body = answered(client, data, size);
        if (client->state == ABSENT) return;
        if (body != NULL) {
            size -= (size_t)(body - data);
            data = body;
        }
    }
    if (client->state >= GREETING) {
        ssize_t used = take(client, data, size, read_at);
        if (used < 0) {
            lose(client);
            return;
        }
        data += used;
        size -= (size_t)used;
    }
    if (size > 0 || client->rest != NULL) keep(client, data, size);
}

/* --- life --------------------------------------------------------------------------------------------- */

static void read_hellos(void)
{
    FILE *file = fopen(options.hellos, "r");
    if (file == NULL) die(options.hellos);
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, file)) > 0) {
        if (line[length - 1] == '\n') line[length - 1] = '\0';
        hellos = realloc(hellos, (hello_count + 1) * sizeof *hellos);
        expected = realloc(expected, (hello_count + 1) * sizeof *expected);
        if (hellos == NULL || expected == NULL) die("realloc");
        char *tab = strchr(line, '\t');
        if (tab != NULL) *tab = '\0';
        hellos[hello_count] = strdup(line);
        expected[hello_count] = tab == NULL ? NULL : strdup(tab + 1);
        hello_count++;
    }
    fclose(file);
    free(line);
}

void clients_open(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    capacity = files.rlim_cur < MOST ? files.rlim_cur - 20 : MOST;
    clients = calloc(capacity, sizeof *clients); /* once: epoll holds pointers into it */
    incoming = malloc(READ_SIZE);
    if (clients == NULL || incoming == NULL) die("malloc");
    if (options.hellos != NULL) read_hellos();
    srand48(20);
    if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0) die("epoll_create1");
    struct epoll_event orders = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &orders) < 0) die("stdin is no pipe");
}

void clients_want(size_t number)
{
    if (number > capacity) refuse("more clients than there may be open files");
    for (size_t at = wanted; at < number; at++)
        clients[at] = (Client){.fd = -1, .must = hello_count == 0 ? NULL : expected[at % hello_count]};
    wanted = number;
    failures = 0;
}

bool clients_serve(int wait_ms)
{
    static struct epoll_event events[EVENTS];
    bool has_orders = false;
    int count = epoll_wait(poller, events, EVENTS, wait_ms);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int at = 0; at < count; at++) {
        Client *client = events[at].data.ptr;
        if (client == NULL) has_orders = true;
        else if (client->state == CONNECTING) shake_hands(client);
        else if (client->state != ABSENT) receive(client);
    }
    return has_orders;
}
