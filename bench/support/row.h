/* row.h - what a benchmark prints: one row of the table, the same for all of them. */
#ifndef BENCH_SUPPORT_ROW_H
#define BENCH_SUPPORT_ROW_H

#include <stddef.h>

typedef struct Spread {
    double median, low, high;
} Spread;

Spread spread_of(double *values, size_t count); /* sorts them */

typedef struct Row {
    const char *name, *unit;
    Spread spread;
    const char *note; /* a floor, or what else belongs to it; NULL: nothing */
} Row;

void row_print(const Row *row);

#endif
