/* row.c - see row.h. */
#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

Spread spread_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return (Spread){ values[count / 2], values[0], values[count - 1] };
}

/* Four digits that count, whatever the size. */
static void print_number(double value, int width)
{
    int decimals = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
    printf("%*.*f", width, decimals, value);
}

void row_print(const Row *row)
{
    printf("  %-46s", row->name);
    print_number(row->spread.median, 10);
    printf("  (");
    print_number(row->spread.low, 0);
    printf(" .. ");
    print_number(row->spread.high, 0);
    printf(") %s%s%s\n", row->unit, row->note ? "   " : "", row->note ? row->note : "");
    fflush(stdout);
}
