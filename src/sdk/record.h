/* record.h - one span while it lives and until it is encoded, or one log record.
 *
 * A record fills its slot, the first chunk, and goes on in further chunks as it grows. Behind the
 * fixed part lies a row of entries, one for each thing said about the span, in the order said:
 *
 *     entry   head (16 bytes, aligned to 8), key (at most 255 bytes), value
 *
 * Head and key never cross from one chunk to the next; a value may, so that a stack trace needs no
 * room in one piece. A list of things is an entry followed by those it owns: an event or a link by
 * its attributes. Values are kept as the machine has them (8 bytes a number; elements of text
 * arrays as length and bytes); the worker encodes them once. A map, or an array of any values, is
 * its members one after the other, which may be such values in turn:
 *
 *     member  head (8 bytes, not aligned), key (of a map's), value
 *
 * A key set again is written over its old value where it fits, else behind the row, and the old
 * entry is dead. Since room is handed out in powers of two, growing values waste little.
 *
 * A log record is the same with fewer members: its severity is in `kind`, start_ns is when it
 * happened and end_ns when it was told, and the name is that of the event.
 *
 * The caller holds the record's lock (span.c) or is the only one who knows it.
 */
#ifndef SDK_RECORD_H
#define SDK_RECORD_H

#include "base/buf.h"
#include "base/str.h"
#include "sdk/chunk.h"
#include "sdk/thread_state.h"

#include <cryostorm/trace.h>

typedef struct RunConfig RunConfig;
typedef struct Site Site;

typedef enum EntryKind {
    ENTRY_DEAD,
    ENTRY_ATTRIBUTE,
    ENTRY_EVENT,           /* value: time (8 bytes), then the name */
    ENTRY_LINK,            /* value: LinkHead, then the trace state */
    ENTRY_OWNED_ATTRIBUTE, /* of the event or link before it */
    ENTRY_NAME,
    ENTRY_STATUS, /* its description */
    ENTRY_TRACE_STATE,
    ENTRY_BODY, /* of a log record: a value like an attribute's */
    ENTRY_SEVERITY,
} EntryKind;

typedef struct EntryHead {
    uint32_t value_len, value_cap;
    uint32_t dropped;   /* events, links: their attributes that were dropped */
    uint8_t kind, type; /* EntryKind; CryoType of an attribute's value, or a body */
    uint8_t key_len;
    uint8_t wall_time; /* events: the time is the wall's, else a clock reading */
} EntryHead;

typedef struct LinkHead {
    uint8_t trace_id[16], span_id[8];
    uint8_t flags, is_remote;
} LinkHead;

enum {
    RECORD_RECORDING = 1, /* else it only stands for a context */
    RECORD_PARENT_REMOTE = 2,
    RECORD_IS_REMOTE = 4,  /* wraps a context from another program */
    RECORD_START_WALL = 8, /* start_ns was given, not read from the clock */
    RECORD_END_WALL = 16,
    RECORD_TRACE_STATE = 32,
};

struct Record {
    Chunk chunk;
    Chunk *last; /* where entries are added */
    const RunConfig *config;
    const Site *site; /* gives the name, unless an entry does */
    const CryoTracer *tracer;
    int64_t start_ns, end_ns; /* clock readings unless flagged */
    uint64_t key_filter;      /* which attribute keys may be there already */
    uint8_t trace_id[16], span_id[8], parent_id[8];
    uint32_t epoch; /* of the run that it belongs to */
    uint32_t bits;
    uint8_t flags, kind, status, has_parent;
    uint32_t attributes, events, links; /* kept */
    uint32_t dropped_attributes, dropped_events, dropped_links;
};

typedef struct EntryLimits {
    uint32_t count_max;
    size_t value_length_max; /* code points; bytes for bytes */
} EntryLimits;

/* A place in a record's bytes. */
typedef struct RecordPos {
    Chunk *chunk;
    uint32_t at;
} RecordPos;

/* One entry as a walk sees it. The value is read with bytes_read(), in one piece where it lies so.
 */
typedef struct Entry {
    EntryHead *head;
    Str key;
    RecordPos value;
} Entry;

/* A value where it lies: bytes_read() from pos. */
typedef struct Stored {
    RecordPos pos;
    uint32_t len;
    CryoType type;
} Stored;

/* One member of a map, or of an array of any values. */
typedef struct StoredMember {
    char key[CRYO_KEY_MAX];
    uint8_t key_len;
    Stored value;
} StoredMember;

static inline bool value_nests(CryoType type)
{
    return type == CRYO_VALUE_ARRAY || type == CRYO_MAP;
}

void record_init(Record *record); /* the row is empty; chunk.state is left alone */

RecordPos record_begin(const Record *record);
bool record_next(RecordPos *pos, Entry *out); /* dead ones are passed over */

Stored entry_value(const Entry *entry);
bool stored_next(Stored *rest, StoredMember *out); /* false: no more; rest must be such a value */

void bytes_read(RecordPos *pos, void *out, size_t len);
/* The next bytes in one piece: where they lie, or copied into scratch (cleared first) when they
 * cross into another chunk. ptr NULL: no memory for that. */
Str bytes_take(RecordPos *pos, size_t len, Buf *scratch);

/* An entry whose value is `first` followed by `second`. It takes what it needs from the thread's
 * chunks, all or nothing. NULL: no memory, or more than a megabyte. */
typedef struct EntryText {
    EntryKind kind;
    Str first, second;
    uint8_t wall_time;
} EntryText;
EntryHead *record_add(Record *record, ThreadState *state, const EntryText *text);

/* An entry with a value of any type. False: no memory, or more than a megabyte. */
bool record_add_value(Record *record, ThreadState *state, EntryKind kind, const CryoValue *value);

/* The span's attributes, by OpenTelemetry's rules: a key again replaces its value, also when the
 * span is full; what does not fit is counted in the record. */
void record_set_attributes(Record *record, ThreadState *state, CryoAttrs attributes,
                           EntryLimits limits);

/* The same for those of the event or link that was just added, and nothing since. */
typedef struct OwnedList {
    EntryHead *owner;
    RecordPos from;
    EntryLimits limits;
    uint64_t filter;
    uint32_t count;
} OwnedList;
OwnedList owned_list(const Record *record, EntryHead *owner, EntryLimits limits);
void record_own_attributes(Record *record, ThreadState *state, OwnedList *owned,
                           CryoAttrs attributes);

/* The one entry of this kind gets a new text; empty removes it. False: no memory, nothing changed.
 */
bool record_set_text(Record *record, ThreadState *state, EntryKind kind, Str text);
size_t record_get_text(const Record *record, EntryKind kind, char *out, size_t capacity);

#endif
