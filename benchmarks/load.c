/* Thousands of WebSocket clients on one core: connects them, counts what reaches them and how late it is.

   Orders come line by line on stdin, answers leave line by line as JSON on stdout; the end of stdin ends it.

     connect N       have N clients connected and greeted        {"ready":…,"failed":…,"seconds":…}
     measure D T     count D deliveries, for at most T seconds   {"measuring":true}, later {"deliveries":…,…}
     watch T         all clients are about to be cut: wait until {"watching":true}, later {"right":…,…}
                     each is back with what it has to show, for at most T seconds

   A delivery is a frame with the text `@T=` and nineteen digits in it: CLOCK_MONOTONIC in ns of the moment
   when the message was due. How late it is, is how long after that moment the read() that brought the end
   of the frame returned. Delays go into a histogram whose steps are less than 1 % wide.

   With --hellos FILE client n sends line n of the file (from the start again when there are more clients)
   after the handshake; what stands behind a TAB in that line must be in its first frame, the snapshot.
   The Sec-WebSocket-Accept of the server is not checked; server frames must be whole and unmasked. */

#define _GNU_SOURCE
#include <arpa/inet.h>
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
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 20, EVENTS = 1024, DIGITS = 19, STEPS = 128, BUCKETS = 64 * STEPS, ID = 36 };
enum { CONNECT_S = 60, FIRST_RETRY_MS = 250, LAST_RETRY_MS = 10000 }; /* as overlay/static/overlay/live.js */

typedef enum { ABSENT, CONNECTING, HANDSHAKE, GREETING, READY } State;

typedef struct {
    int fd;
    State state;
    bool right;          /* since the cut: has had a snapshot that says what it must */
    bool may_resume;     /* epoch and seq are known */
    uint32_t attempts, greeted;
    uint64_t retry_at;   /* ns; only while ABSENT */
    uint64_t not_before; /* ns; said by the server */
    uint64_t last_stamp;
    uint64_t seq;
    char epoch[ID + 1];
    char *rest;          /* the beginning of a frame whose end has not come */
    size_t rest_size;
} Client;

static struct {
    const char *address, *path, *hellos;
    int port, greeting, sources, flight;
    bool socket_io, acks;
} options = {.address = "127.0.0.1", .path = "/", .greeting = 0, .sources = 8, .flight = 128};

static Client *clients;
static size_t wanted, ready, in_flight, failures, next_new, capacity;
static char **hellos, **expected;
static size_t hello_count;
static int poller;
static char *incoming;

static struct {
    bool on;
    uint64_t asked, until, deliveries, bytes, frames, disorder, first, last, worst;
    uint64_t counts[BUCKETS];
} gauge;

static struct {
    bool on;
    uint64_t until, cut_at, lost;
    size_t right, wrong;
    double *at_ms;
} storm;

static uint64_t connect_until, connect_began;
static bool connecting;

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

/* --- histogram: microseconds, exact below STEPS, then STEPS equal steps an octave --------------------- */

static size_t bucket_of(uint64_t us)
{
    if (us < STEPS) return us;
    int octave = 63 - __builtin_clzll(us) - 7;
    return (size_t)(octave + 1) * STEPS + ((us >> octave) - STEPS);
}

static double bucket_ms(size_t bucket)
{
    if (bucket < STEPS) return (double)bucket / 1000;
    size_t octave = bucket / STEPS - 1;
    return (double)((uint64_t)(bucket % STEPS + STEPS + 1) << octave) / 1000;
}

static double percentile(double share)
{
    uint64_t seen = 0, needed = (uint64_t)(share * (double)gauge.deliveries + 0.999999);
    for (size_t at = 0; at < BUCKETS; at++)
        if ((seen += gauge.counts[at]) >= needed && seen > 0) return bucket_ms(at);
    return 0;
}

/* --- connecting --------------------------------------------------------------------------------------- */

static void lose(Client *client)
{
    bool was_ready = client->state == READY;
    if (client->fd >= 0) close(client->fd);
    if (client->state != ABSENT && !was_ready) in_flight--;
    client->fd = -1;
    client->state = ABSENT;
    free(client->rest);
    client->rest = NULL;
    client->rest_size = 0;
    uint64_t now = now_ns();
    if (was_ready) {
        ready--;
        storm.lost++;
        client->attempts = 0;
        if (storm.on && storm.cut_at == 0) storm.cut_at = now;
    } else {
        failures++;
    }
    double ceiling = FIRST_RETRY_MS * (double)(1u << (client->attempts < 10 ? client->attempts : 10));
    if (ceiling > LAST_RETRY_MS) ceiling = LAST_RETRY_MS;
    client->attempts++;
    client->retry_at = now + (uint64_t)(drand48() * ceiling * 1e6);
    if (client->retry_at < client->not_before) client->retry_at = client->not_before;
}

static void watch_fd(Client *client, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(poller, how, client->fd, &event) < 0) die("epoll_ctl");
}

static void dial(Client *client)
{
    size_t number = (size_t)(client - clients);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) die("socket");
    int yes = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (options.sources > 1) { /* one address has some 28,000 ports only */
        setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number % (size_t)options.sources));
        if (bind(client->fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.address, &to.sin_addr) != 1) die("address");
    client->state = CONNECTING;
    client->greeted = 0;
    in_flight++;
    if (connect(client->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        lose(client);
        return;
    }
    watch_fd(client, EPOLLOUT, EPOLL_CTL_ADD);
}

static void send_all(Client *client, const char *data, size_t size)
{
    ssize_t sent = send(client->fd, data, size, MSG_NOSIGNAL);
    if (sent != (ssize_t)size && sent >= 0) { /* a few hundred bytes always fit into an empty buffer */
        fprintf(stderr, "a short write\n");
        exit(1);
    }
}

static void send_frame(Client *client, unsigned opcode, const char *data, size_t size)
{
    char frame[8192];
    if (size + 8 > sizeof frame) {
        fprintf(stderr, "a client frame of %zu bytes\n", size);
        exit(1);
    }
    size_t head = 2;
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
    memcpy(frame + head + 4, data, size);
    send_all(client, frame, head + 4 + size);
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
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: aHViYnViIGJlbmNobWFyaw==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          options.path, options.address, options.port);
    client->state = HANDSHAKE;
    send_all(client, request, (size_t)length);
    watch_fd(client, EPOLLIN, EPOLL_CTL_MOD);
}

static void greeted(Client *client)
{
    client->state = READY;
    in_flight--;
    ready++;
}

static void say_hello(Client *client)
{
    client->state = GREETING;
    if (options.socket_io) {
        send_frame(client, 1, "40", 2);
    } else if (hello_count > 0) {
        const char *hello = hellos[(size_t)(client - clients) % hello_count];
        char text[4096];
        int length = snprintf(text, sizeof text, "%s", hello);
        if (client->may_resume) /* the last } makes room for the position */
            length = snprintf(text, sizeof text, "%.*s,\"epoch\":\"%s\",\"seq\":%llu}", (int)strlen(hello) - 1,
                              hello, client->epoch, (unsigned long long)client->seq);
        if (length >= (int)sizeof text) {
            fprintf(stderr, "a hello is too long\n");
            exit(1);
        }
        send_frame(client, 1, text, (size_t)length);
    }
    if (options.greeting == 0) greeted(client);
}

/* --- frames ------------------------------------------------------------------------------------------- */

static const char *after(const char *text, size_t size, const char *what)
{
    size_t length = strlen(what);
    const char *found = memmem(text, size, what, length);
    return found == NULL ? NULL : found + length;
}

static void count(Client *client, const char *text, size_t size, uint64_t read_at)
{
    static size_t usual; /* where the stamp stood last: it is nearly always there again */
    const char *stamp = NULL;
    if (usual + 3 + DIGITS <= size && memcmp(text + usual, "@T=", 3) == 0) stamp = text + usual + 3;
    else if ((stamp = after(text, size, "@T=")) != NULL) usual = (size_t)(stamp - text) - 3;
    if (stamp == NULL || stamp + DIGITS > text + size) return;
    uint64_t due = 0;
    for (int at = 0; at < DIGITS; at++) due = due * 10 + (uint64_t)(stamp[at] - '0');
    if (due < client->last_stamp) gauge.disorder++;
    client->last_stamp = due;
    if (gauge.deliveries++ == 0) gauge.first = read_at;
    gauge.last = read_at;
    uint64_t delay = read_at > due ? read_at - due : 0;
    if (delay > gauge.worst) gauge.worst = delay;
    size_t bucket = bucket_of(delay / 1000);
    gauge.counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static void note_snapshot(Client *client, const char *text, size_t size)
{
    const char *epoch = after(text, size, "\"epoch\":\""), *seq = after(text, size, "\"seq\":");
    if (epoch != NULL && seq != NULL && epoch + ID < text + size) {
        memcpy(client->epoch, epoch, ID);
        client->seq = strtoull(seq, NULL, 10);
        client->may_resume = true;
    }
    if (!storm.on || client->right || storm.cut_at == 0) return;
    const char *must = hello_count == 0 ? NULL : expected[(size_t)(client - clients) % hello_count];
    if (must != NULL && after(text, size, must) == NULL) {
        storm.wrong++;
        return;
    }
    client->right = true;
    storm.at_ms[storm.right++] = (double)(now_ns() - storm.cut_at) / 1e6;
}

static void on_text(Client *client, const char *text, size_t size, uint64_t read_at)
{
    if (client->state == READY && gauge.on) {
        gauge.frames++;
        count(client, text, size, read_at);
    }
    if (options.socket_io) {
        if (size == 1 && text[0] == '2') send_frame(client, 1, "3", 1);
    } else if (options.acks && size > 12 && text[0] == '{') {
        if (memcmp(text, "{\"op\":\"snapshot\"", 16 < size ? 16 : size) == 0) note_snapshot(client, text, size);
        else if (memcmp(text, "{\"op\":\"ping\"", 12) == 0) {
            const char *seq = after(text, size, "\"seq\":");
            char ack[64];
            int length = snprintf(ack, sizeof ack, "{\"op\":\"ack\",\"seq\":%llu}",
                                  seq == NULL ? 0 : strtoull(seq, NULL, 10));
            send_frame(client, 1, ack, (size_t)length);
        } else if (memcmp(text, "{\"op\":\"bye\"", 11) == 0) {
            const char *wait = after(text, size, "\"retry_ms\":");
            if (wait != NULL) client->not_before = now_ns() + strtoull(wait, NULL, 10) * 1000000u;
        }
    }
    if (client->state == GREETING && ++client->greeted >= (uint32_t)options.greeting) greeted(client);
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
static ssize_t parse(Client *client, const char *data, size_t size, uint64_t read_at)
{
    size_t used = 0;
    while (size - used >= 2) {
        const unsigned char *frame = (const unsigned char *)data + used;
        size_t left = size - used, head = 2, length = frame[1] & 0x7f;
        if (length == 126) {
            if (left < (head = 4)) break;
            length = (size_t)frame[2] << 8 | frame[3];
        } else if (length == 127) {
            if (left < (head = 10)) break;
            length = 0;
            for (int at = 2; at < 10; at++) length = length << 8 | frame[at];
        }
        if (left < head + length) break;
        const char *body = data + used + head;
        unsigned opcode = frame[0] & 0x0f;
        used += head + length;
        if (opcode == 8) {
            note_close(body, length);
            return -1;
        }
        if (opcode == 9) send_frame(client, 10, body, length);
        else if (opcode == 1 || opcode == 2) on_text(client, body, length, read_at);
    }
    return (ssize_t)used;
}

static void receive(Client *client)
{
    size_t had = client->rest_size;
    if (had > 0) memcpy(incoming, client->rest, had);
    ssize_t got = recv(client->fd, incoming + had, READ_SIZE - had, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose(client);
        return;
    }
    uint64_t read_at = now_ns();
    if (gauge.on) gauge.bytes += (uint64_t)got;
    char *data = incoming;
    size_t size = had + (size_t)got;
    if (client->state == HANDSHAKE) {
        const char *body = after(data, size, "\r\n\r\n");
        if (body != NULL) {
            if (size < 12 || memcmp(data + 8, " 101", 4) != 0) {
                static bool told;
                if (!told) fprintf(stderr, "refused: %.*s\n", 60, data);
                told = true;
                lose(client);
                return;
            }
            size -= (size_t)(body - data);
            data = (char *)body;
            say_hello(client);
        }
    }
    if (client->state >= GREETING) {
        ssize_t used = parse(client, data, size, read_at);
        if (used < 0) {
            lose(client);
            return;
        }
        data += used;
        size -= (size_t)used;
    }
    if (size == 0 && client->rest == NULL) return;
    if (size == 0) {
        free(client->rest);
        client->rest = NULL;
    } else {
        client->rest = realloc(client->rest, size);
        if (client->rest == NULL) die("realloc");
        memcpy(client->rest, data, size);
    }
    client->rest_size = size;
}

/* --- orders and answers ------------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void answer_measure(void)
{
    gauge.on = false;
    printf("{\"deliveries\":%llu,\"frames\":%llu,\"bytes\":%llu,\"disorder\":%llu,\"lost\":%llu,"
           "\"first_ns\":%llu,\"last_ns\":%llu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"p999_ms\":%.3f,\"max_ms\":%.3f,\"cpu_s\":%.3f}\n",
           (unsigned long long)gauge.deliveries, (unsigned long long)gauge.frames,
           (unsigned long long)gauge.bytes, (unsigned long long)gauge.disorder,
           (unsigned long long)storm.lost, (unsigned long long)gauge.first, (unsigned long long)gauge.last,
           percentile(0.5), percentile(0.9), percentile(0.99), percentile(0.999), (double)gauge.worst / 1e6,
           cpu_seconds());
    fflush(stdout);
}

static int by_size(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static double right_ms(double share)
{
    size_t needed = (size_t)(share * (double)wanted + 0.999999);
    return needed == 0 || needed > storm.right ? -1 : storm.at_ms[needed - 1];
}

static void answer_watch(void)
{
    storm.on = false;
    qsort(storm.at_ms, storm.right, sizeof *storm.at_ms, by_size);
    printf("{\"right\":%zu,\"wrong\":%zu,\"lost\":%llu,\"failed\":%zu,\"cut_ns\":%llu,\"p50_ms\":%.1f,"
           "\"p95_ms\":%.1f,\"all_ms\":%.1f}\n",
           storm.right, storm.wrong, (unsigned long long)storm.lost, failures,
           (unsigned long long)storm.cut_at, right_ms(0.5), right_ms(0.95), right_ms(1.0));
    fflush(stdout);
}

static void obey(char *line)
{
    unsigned long long number = 0;
    double seconds = 0;
    uint64_t now = now_ns();
    if (sscanf(line, "connect %llu", &number) == 1) {
        if (number > capacity) { /* epoll holds pointers into the array: it is made once */
            fprintf(stderr, "more than %zu clients\n", capacity);
            exit(1);
        }
        for (size_t at = wanted; at < number; at++) clients[at] = (Client){.fd = -1};
        wanted = number;
        failures = 0;
        connecting = true;
        connect_began = now;
        connect_until = now + CONNECT_S * 1000000000ull;
    } else if (sscanf(line, "measure %llu %lf", &number, &seconds) == 2) {
        memset(&gauge, 0, sizeof gauge);
        gauge.asked = number;
        gauge.until = now + (uint64_t)(seconds * 1e9);
        gauge.on = true;
        storm.lost = 0;
        for (size_t at = 0; at < wanted; at++) clients[at].last_stamp = 0;
        puts("{\"measuring\":true}");
        fflush(stdout);
    } else if (sscanf(line, "watch %lf", &seconds) == 1) {
        free(storm.at_ms);
        memset(&storm, 0, sizeof storm);
        storm.at_ms = calloc(wanted, sizeof *storm.at_ms);
        if (storm.at_ms == NULL) die("calloc");
        storm.until = now + (uint64_t)(seconds * 1e9);
        storm.on = true;
        failures = 0;
        for (size_t at = 0; at < wanted; at++) clients[at].right = false;
        puts("{\"watching\":true}");
        fflush(stdout);
    } else {
        fprintf(stderr, "what is this? %s\n", line);
        exit(1);
    }
}

static void read_orders(void)
{
    static char text[4096];
    static size_t size;
    ssize_t got = read(STDIN_FILENO, text + size, sizeof text - size - 1);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) exit(0);
    size += (size_t)got;
    char *end;
    while ((end = memchr(text, '\n', size)) != NULL) {
        *end = '\0';
        obey(text);
        size -= (size_t)(end + 1 - text);
        memmove(text, end + 1, size);
    }
}

/* Who is absent and due comes (back), few at a time. */
static void look_after(uint64_t now)
{
    if (connecting || storm.on) {
        for (size_t tried = 0; tried < wanted && in_flight < (size_t)options.flight; tried++) {
            Client *client = &clients[next_new = (next_new + 1) % wanted];
            if (client->state == ABSENT && client->retry_at <= now) dial(client);
        }
    }
    if (connecting && (ready == wanted || now >= connect_until)) {
        connecting = false;
        printf("{\"ready\":%zu,\"failed\":%zu,\"seconds\":%.3f}\n", ready, failures,
               (double)(now - connect_began) / 1e9);
        fflush(stdout);
    }
    if (gauge.on && (gauge.deliveries >= gauge.asked || now >= gauge.until)) answer_measure();
    if (storm.on && (storm.right == wanted || now >= storm.until)) answer_watch();
}

/* --- start -------------------------------------------------------------------------------------------- */

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

int main(int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        const char *name = argv[at];
        if (strcmp(name, "--socket-io") == 0) options.socket_io = true;
        else if (strcmp(name, "--acks") == 0) options.acks = true;
        else if (at + 1 == argc) return 2;
        else if (strcmp(name, "--port") == 0) options.port = atoi(argv[++at]);
        else if (strcmp(name, "--path") == 0) options.path = argv[++at];
        else if (strcmp(name, "--hellos") == 0) options.hellos = argv[++at];
        else if (strcmp(name, "--greeting") == 0) options.greeting = atoi(argv[++at]);
        else if (strcmp(name, "--sources") == 0) options.sources = atoi(argv[++at]);
        else if (strcmp(name, "--flight") == 0) options.flight = atoi(argv[++at]);
        else return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    capacity = files.rlim_cur < 200000 ? files.rlim_cur - 20 : 200000;
    srand48(20);
    clients = calloc(capacity, sizeof *clients);
    incoming = malloc(READ_SIZE);
    if (clients == NULL || incoming == NULL) die("malloc");
    if (options.hellos != NULL) read_hellos();
    if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0) die("epoll_create1");
    struct epoll_event orders = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &orders) < 0) die("epoll_ctl");

    static struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, connecting || storm.on || gauge.on ? 2 : 1000);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int at = 0; at < count; at++) {
            Client *client = events[at].data.ptr;
            if (client == NULL) read_orders();
            else if (client->state == CONNECTING) shake_hands(client);
            else if (client->state != ABSENT) receive(client);
        }
        look_after(now_ns());
    }
}
