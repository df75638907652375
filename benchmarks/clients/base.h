/* What every part of the clients uses. */

#ifndef BASE_H
#define BASE_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* CLOCK_MONOTONIC, which all programs of a machine share. */
static inline uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* Ends the program with the reason of errno, or with its own. */
static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void refuse(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* Where the text behind `what` begins, or NULL. */
static inline const char *after(const char *text, size_t size, const char *what)
{
    size_t length = strlen(what);
    const char *found = memmem(text, size, what, length);
    return found == NULL ? NULL : found + length;
}

#endif
