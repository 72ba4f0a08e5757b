/* edit_internal.h - edits from the inside.
 *
 * Each resource, scope or item that is touched becomes a Node: the list of its attributes as slots,
 * made at the first touch, in which edits replace, remove and append. Applying compares slots with
 * the bytes and says the differences to a Patch, which splices them in.
 */
#ifndef OTLP_EDIT_INTERNAL_H
#define OTLP_EDIT_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "otlp/batch_internal.h"
#include "otlp/edit.h"

#define NO_PLACE UINT32_MAX

typedef enum SlotState { SLOT_KEPT, SLOT_CHANGED, SLOT_REMOVED } SlotState;

typedef struct Slot {
    Str key;
    Str field;   /* CHANGED: tag, length and KeyValue, to be spliced in */
    Str message; /* the KeyValue */
    uint32_t at; /* of its tag in the batch; NO_PLACE: appended */
    SlotState state;
} Slot;

typedef struct NodeId {
    uint32_t target, number;
} NodeId;

typedef struct Node Node;
struct Node {
    NodeId id; /* the map's key */
    Node *next;
    Slot *slots;
    size_t count, cap;
    Str name, trace_state,
        status; /* fields to be spliced in for the span's own; empty: those stay */
    bool dropped;
};

struct Edits {
    Batch *batch;
    Arena *arena;
    Map nodes;
    Node *first, **last; /* in order of first touch */
    size_t dropped_count;
};

#endif
