#include "delays.h"

static size_t bucket_of(uint64_t us)
{
    if (us < STEPS) return us;
    int octave = 63 - __builtin_clzll(us) - 7;
    return (size_t)(octave + 1) * STEPS + ((us >> octave) - STEPS);
}

static double upper_ms(size_t bucket)
{
    if (bucket < STEPS) return (double)bucket / 1000;
    size_t octave = bucket / STEPS - 1;
    return (double)((uint64_t)(bucket % STEPS + STEPS + 1) << octave) / 1000;
}

void delays_note(Delays *delays, uint64_t delay_ns)
{
    size_t bucket = bucket_of(delay_ns / 1000);
    delays->counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    delays->number++;
    if (delay_ns > delays->worst_ns) delays->worst_ns = delay_ns;
}

double delays_ms(const Delays *delays, double share)
{
    uint64_t seen = 0, needed = (uint64_t)(share * (double)delays->number + 0.999999);
    for (size_t at = 0; at < BUCKETS; at++)
        if ((seen += delays->counts[at]) >= needed && seen > 0) return upper_ms(at);
    return 0;
}
