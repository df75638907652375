/* Thousands of WebSocket clients on one core: connects them, counts what reaches them and how late it is.

   Orders come line by line on stdin, answers leave line by line as JSON on stdout; the end of stdin ends it.

     connect N       have N clients connected and greeted        {"ready":…,"failed":…,"seconds":…}
     measure D T     count D deliveries, for at most T seconds,  {"measuring":true}, later {"deliveries":…,…}
                     or until none comes any more
     watch T         all clients are about to be cut: wait until {"watching":true}, later {"right":…,…}
                     each is back with what it has to show, for at most T seconds

   A delivery is a frame with the text `@T=` and nineteen digits in it: CLOCK_MONOTONIC in ns of the moment
   when the message was due. How late it is, is how long after that moment the read() that brought the end
   of the frame returned.

   With --hellos FILE client n sends line n of the file (from the start again when there are more clients)
   after the handshake; what stands behind a TAB in that line must be in its snapshots. The
   Sec-WebSocket-Accept of the server is not checked; server frames must be whole and unmasked. */

#include "base.h"

#include <errno.h>
#include <unistd.h>

#include "clients.h"
#include "measure.h"

enum { CONNECT_S = 60 };

static bool connecting;
static uint64_t connect_began;

static void obey(const char *line)
{
    unsigned long long number = 0;
    double seconds = 0;
    if (sscanf(line, "connect %llu", &number) == 1) {
        clients_want(number);
        connecting = true;
        connect_began = now_ns();
    } else if (sscanf(line, "measure %llu %lf", &number, &seconds) == 2) {
        measure_begin(number, seconds);
    } else if (sscanf(line, "watch %lf", &seconds) == 1) {
        measure_watch(seconds);
    } else {
        refuse("no such order");
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

static void look_after(uint64_t now)
{
    if (measure_is_watching()) clients_dial(now, wanted); /* browsers do not wait for each other */
    else if (connecting) clients_dial(now, (size_t)options.flight);
    if (connecting && (ready == wanted || now >= connect_began + CONNECT_S * 1000000000ull)) {
        connecting = false;
        printf("{\"ready\":%zu,\"failed\":%zu,\"seconds\":%.3f}\n", ready, failures,
               (double)(now - connect_began) / 1e9);
        fflush(stdout);
    }
    measure_look(now);
}

int main(int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        const char *name = argv[at], *value = at + 1 < argc ? argv[at + 1] : NULL;
        bool is_flag = strcmp(name, "--socket-io") == 0 || strcmp(name, "--acks") == 0;
        if (strcmp(name, "--socket-io") == 0) options.socket_io = true;
        else if (strcmp(name, "--acks") == 0) options.acks = true;
        else if (value == NULL) refuse("an option has no value");
        else if (strcmp(name, "--port") == 0) options.port = atoi(value);
        else if (strcmp(name, "--path") == 0) options.path = value;
        else if (strcmp(name, "--hellos") == 0) options.hellos = value;
        else if (strcmp(name, "--greeting") == 0) options.greeting = atoi(value);
        else if (strcmp(name, "--sources") == 0) options.sources = atoi(value);
        else if (strcmp(name, "--flight") == 0) options.flight = atoi(value);
        else if (strcmp(name, "--retry-first") == 0) options.retry_first_ms = atoi(value);
        else if (strcmp(name, "--retry-last") == 0) options.retry_last_ms = atoi(value);
        else refuse("no such option");
        at += is_flag ? 0 : 1;
    }
    clients_open();
    for (;;) {
        if (clients_serve(connecting || measure_is_on() ? 2 : 1000)) read_orders();
        look_after(now_ns());
    }
}
