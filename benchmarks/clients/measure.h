/* What is counted: deliveries and how late they are, and how clients that were cut come back. */

#ifndef MEASURE_H
#define MEASURE_H

#include "clients.h"

/* Told by the clients. */
void measure_bytes(uint64_t bytes);
void measure_frame(Client *client, const char *text, size_t size, uint64_t read_at);
void measure_snapshot(Client *client, const char *text, size_t size);
void measure_back(Client *client);
void measure_cut(uint64_t now);

/* Counts so many deliveries, for at most so many seconds. */
void measure_begin(uint64_t deliveries, double seconds);

/* Waits for all clients to be cut and to be right again. */
void measure_watch(double seconds);

/* Answers on stdout when something ends. */
void measure_look(uint64_t now);

/* Whether anything is measured, and whether clients are expected to come back. */
bool measure_is_on(void);
bool measure_is_watching(void);

#endif
