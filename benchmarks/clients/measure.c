#include "measure.h"

#include <sys/resource.h>

#include "delays.h"

enum { DIGITS = 19 };
/* What was merged does not come: so long after the last delivery the measurement is over. */
static const uint64_t SILENCE_NS = 2000000000u;

static struct {
    bool on;
    uint64_t asked, until, bytes, frames, disorder, lost, first, last;
    Delays delays;
} gauge;

static struct {
    bool on;
    uint64_t until, cut_at, lost, wrong;
    size_t right;
    double *at_ms;
} storm;

/* --- deliveries --------------------------------------------------------------------------------------- */

void measure_bytes(uint64_t bytes)
{
    if (gauge.on) gauge.bytes += bytes;
}

void measure_frame(Client *client, const char *text, size_t size, uint64_t read_at)
{
    static size_t usual; /* where the stamp stood last: it is nearly always there again */
    if (!gauge.on) return;
    gauge.frames++;
    const char *stamp = NULL;
    if (usual + 3 + DIGITS <= size && memcmp(text + usual, "@T=", 3) == 0) stamp = text + usual + 3;
    else if ((stamp = after(text, size, "@T=")) != NULL) usual = (size_t)(stamp - text) - 3;
    if (stamp == NULL || stamp + DIGITS > text + size) return;
    uint64_t due = 0;
    for (int at = 0; at < DIGITS; at++) due = due * 10 + (uint64_t)(stamp[at] - '0');
    if (due < client->last_stamp) gauge.disorder++;
    client->last_stamp = due;
    if (gauge.delays.number == 0) gauge.first = read_at;
    gauge.last = read_at;
    delays_note(&gauge.delays, read_at > due ? read_at - due : 0);
}

void measure_begin(uint64_t deliveries, double seconds)
{
    memset(&gauge, 0, sizeof gauge);
    gauge.asked = deliveries;
    gauge.until = now_ns() + (uint64_t)(seconds * 1e9);
    gauge.on = true;
    for (size_t at = 0; at < wanted; at++) clients[at].last_stamp = 0;
    puts("{\"measuring\":true}");
    fflush(stdout);
}

static void answer_deliveries(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    gauge.on = false;
    printf("{\"deliveries\":%llu,\"frames\":%llu,\"bytes\":%llu,\"disorder\":%llu,\"lost\":%llu,"
           "\"first_ns\":%llu,\"last_ns\":%llu,",
           (unsigned long long)gauge.delays.number, (unsigned long long)gauge.frames,
           (unsigned long long)gauge.bytes, (unsigned long long)gauge.disorder, (unsigned long long)gauge.lost,
           (unsigned long long)gauge.first, (unsigned long long)gauge.last);
    printf("\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f,\"cpu_s\":%.3f}\n",
           delays_ms(&gauge.delays, 0.5), delays_ms(&gauge.delays, 0.9), delays_ms(&gauge.delays, 0.99),
           delays_ms(&gauge.delays, 0.999), (double)gauge.delays.worst_ns / 1e6, cpu_s);
    fflush(stdout);
}

/* --- a storm ------------------------------------------------------------------------------------------ */

void measure_cut(uint64_t now)
{
    gauge.lost++;
    if (!storm.on) return;
    storm.lost++;
    if (storm.cut_at == 0) storm.cut_at = now;
}

static bool is_awaited(const Client *client)
{
    return storm.on && !client->right && storm.cut_at != 0;
}

void measure_back(Client *client)
{
    if (!is_awaited(client)) return;
    client->right = true;
    storm.at_ms[storm.right++] = (double)(now_ns() - storm.cut_at) / 1e6;
}

void measure_snapshot(Client *client, const char *text, size_t size)
{
    if (is_awaited(client) && client->must != NULL && after(text, size, client->must) == NULL) storm.wrong++;
    else measure_back(client);
}

void measure_watch(double seconds)
{
    free(storm.at_ms);
    memset(&storm, 0, sizeof storm);
    storm.at_ms = calloc(wanted + 1, sizeof *storm.at_ms);
    if (storm.at_ms == NULL) die("calloc");
    storm.until = now_ns() + (uint64_t)(seconds * 1e9);
    storm.on = true;
    failures = 0;
    for (size_t at = 0; at < wanted; at++) clients[at].right = false;
    puts("{\"watching\":true}");
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

static void answer_storm(void)
{
    storm.on = false;
    qsort(storm.at_ms, storm.right, sizeof *storm.at_ms, by_size);
    printf("{\"right\":%zu,\"wrong\":%llu,\"lost\":%llu,\"failed\":%zu,\"cut_ns\":%llu,\"p50_ms\":%.1f,"
           "\"p95_ms\":%.1f,\"all_ms\":%.1f}\n",
           storm.right, (unsigned long long)storm.wrong, (unsigned long long)storm.lost, failures,
           (unsigned long long)storm.cut_at, right_ms(0.5), right_ms(0.95), right_ms(1.0));
    fflush(stdout);
}

/* --- both --------------------------------------------------------------------------------------------- */

void measure_look(uint64_t now)
{
    bool is_silent = gauge.delays.number > 0 && now > gauge.last + SILENCE_NS;
    if (gauge.on && (gauge.delays.number >= gauge.asked || now >= gauge.until || is_silent)) answer_deliveries();
    if (storm.on && (storm.right == wanted || now >= storm.until)) answer_storm();
}

bool measure_is_on(void)
{
    return gauge.on || storm.on;
}

bool measure_is_watching(void)
{
    return storm.on;
}
