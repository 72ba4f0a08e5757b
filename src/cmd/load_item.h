/* load_item.h - the items that `gen` sends: like those of a small shop, repeatable from a seed. */
#ifndef CMD_LOAD_ITEM_H
#define CMD_LOAD_ITEM_H

#include "base/random.h"
#include "cmd/made_item.h"

typedef struct LoadItems {
    Random random;
    Signal signal;
    int64_t start_ns; /* of cumulative sums */
    uint64_t made;    /* items so far */
    TraceId trace_id; /* of the trace that is being made */
    SpanId root_id;
    unsigned left_in_trace; /* spans that it still gets */
} LoadItems;

void load_items_init(LoadItems *items, Signal signal, uint64_t seed, int64_t now_ns);

/* Appends one item to an open request. */
void load_item_add(LoadItems *items, Buf *out, int64_t now_ns);

#endif
