/* A histogram of delays: microseconds, exact below 128, then 128 equal steps an octave (less than 1 % wide). */

#ifndef DELAYS_H
#define DELAYS_H

#include "base.h"

enum { STEPS = 128, BUCKETS = 64 * STEPS };

typedef struct {
    uint64_t number, worst_ns;
    uint64_t counts[BUCKETS];
} Delays;

void delays_note(Delays *delays, uint64_t delay_ns);

/* The delay in ms that this share of all did not exceed; 0 when there is none. */
double delays_ms(const Delays *delays, double share);

#endif
