/* record.c - the row of entries behind a span's fixed part; see record.h. */
#include "sdk/record.h"

#include <string.h>

enum {
    VALUE_BYTES_MAX = 1 << 20, /* of one value: text is cut there, arrays are dropped */
    ALIGNMENT = 8,
};

/* Before each member of a value that nests. */
typedef struct MemberHead {
    uint32_t value_len;
    uint8_t type, key_len;
    uint16_t unused;
} MemberHead;

static uint32_t aligned(uint32_t at)
{
    return (at + ALIGNMENT - 1) & ~(uint32_t)(ALIGNMENT - 1);
}

/* Keys and values are short: a call of memcpy() would cost more than the copy. */
static inline void copy_short(char *to, const char *from, size_t len)
{
    if (len >= 16 || len < 8) {
        if (len >= 16)
            memcpy(to, from, len);
        else
            for (size_t i = 0; i < len; i++)
                to[i] = from[i];
        return;
    }
    uint64_t first, last; /* they overlap */
    memcpy(&first, from, sizeof first);
    memcpy(&last, from + len - sizeof last, sizeof last);
    memcpy(to, &first, sizeof first);
    memcpy(to + len - sizeof last, &last, sizeof last);
}

static char *pos_ptr(const RecordPos *pos)
{
    return (char *)(void *)pos->chunk + pos->at;
}

void record_init(Record *record)
{
    record->chunk.next = NULL;
    record->chunk.begin = record->chunk.used = aligned(sizeof *record);
    record->last = &record->chunk;
    record->key_filter = 0;
    record->site = NULL;
    record->status = CRYO_STATUS_UNSET;
    record->attributes = record->events = record->links = 0;
    record->dropped_attributes = record->dropped_events = record->dropped_links = 0;
}

/* ---- walking and reading --------------------------------------------------------------------- */

/* On to a chunk that has bytes left at the position; false at the end of the row. */
static bool pos_settle(RecordPos *pos)
{
    while (pos->at >= pos->chunk->used) {
        if (!pos->chunk->next)
            return false;
        pos->chunk = pos->chunk->next;
        pos->at = pos->chunk->begin;
    }
    return true;
}

static void pos_skip(RecordPos *pos, size_t len)
{
    while (len > 0 && pos_settle(pos)) {
        size_t here = pos->chunk->used - pos->at;
        size_t step = len < here ? len : here;
        pos->at += (uint32_t)step;
        len -= step;
    }
}

RecordPos record_begin(const Record *record)
{
    union {
        const Chunk *borrowed;
        Chunk *chunk;
    } first = { .borrowed = &record->chunk }; /* a walk may write through its entries' heads */
    return (RecordPos){ first.chunk, record->chunk.begin };
}

bool record_next(RecordPos *pos, Entry *out)
{
    for (;;) {
        pos->at = aligned(pos->at);
        if (!pos_settle(pos))
            return false;
        EntryHead *head = (EntryHead *)(void *)pos_ptr(pos);
        pos->at += (uint32_t)sizeof *head;
        *out = (Entry){ .head = head, .key = { pos_ptr(pos), head->key_len } };
        pos->at += head->key_len;
        out->value = *pos;
        pos_skip(pos, head->value_cap);
        if (head->kind != ENTRY_DEAD)
            return true;
    }
}

void bytes_read(RecordPos *pos, void *out, size_t len)
{
    char *to = out;
    while (len > 0 && pos_settle(pos)) {
        size_t here = pos->chunk->used - pos->at;
        size_t step = len < here ? len : here;
        memcpy(to, pos_ptr(pos), step);
        pos->at += (uint32_t)step;
        to += step;
        len -= step;
    }
}

Stored entry_value(const Entry *entry)
{
    return (Stored){ entry->value, entry->head->value_len, (CryoType)entry->head->type };
}

bool stored_next(Stored *rest, StoredMember *out)
{
    MemberHead head;
    if (rest->len < sizeof head)
        return false;
    bytes_read(&rest->pos, &head, sizeof head);
    bytes_read(&rest->pos, out->key, head.key_len);
    out->key_len = head.key_len;
    out->value = (Stored){ rest->pos, head.value_len, (CryoType)head.type };
    pos_skip(&rest->pos, head.value_len);
    rest->len -= (uint32_t)sizeof head + head.key_len + head.value_len;
    return true;
}

Str bytes_take(RecordPos *pos, size_t len, Buf *scratch)
{
    if (len == 0 || !pos_settle(pos))
        return (Str){ "", 0 };
    if (len <= pos->chunk->used - pos->at) {
        Str here = { pos_ptr(pos), len };
        pos->at += (uint32_t)len;
        return here;
    }
    buf_clear(scratch);
    char *room = buf_reserve(scratch, len);
    if (!room)
        return (Str){ NULL, 0 };
    bytes_read(pos, room, len);
    scratch->len = len;
    return (Str){ room, len };
}

static void bytes_write(RecordPos *pos, const void *bytes, size_t len)
{
    const char *from = bytes;
    while (len > 0 && pos_settle(pos)) {
        size_t here = pos->chunk->used - pos->at;
        size_t step = len < here ? len : here;
        copy_short(pos_ptr(pos), from, step);
        pos->at += (uint32_t)step;
        from += step;
        len -= step;
    }
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Links `count` fresh chunks behind the last one, or none at all. */
static bool grow(Record *record, ThreadState *state, size_t count)
{
    Chunk *chain = NULL;
    for (size_t i = 0; i < count; i++) {
        Chunk *chunk = state_chunk_take(state);
        if (!chunk) {
            state_chunks_free(state, chain);
            return false;
        }
        chunk->begin = chunk->used = sizeof *chunk;
        chunk->next = chain;
        chain = chunk;
    }
    record->last->next = chain;
    return true;
}

static EntryHead *head_write(const RecordPos *pos, const EntryHead *model, Str key)
{
    EntryHead *head = (EntryHead *)(void *)pos_ptr(pos);
    *head = *model;
    head->key_len = (uint8_t)key.len;
    copy_short((char *)(head + 1), key.ptr, key.len);
    return head;
}

/* Beyond what is left in the last chunk. */
static COLD EntryHead *entry_reserve_far(Record *record, ThreadState *state, const EntryHead *model,
                                         Str key, RecordPos *value)
{
    enum { ROOM = CHUNK_SIZE - sizeof(Chunk) };
    uint32_t fixed = (uint32_t)(sizeof *model + key.len);
    uint32_t at = aligned(record->last->used);
    bool here = at + fixed <= CHUNK_SIZE;
    size_t left = here ? CHUNK_SIZE - at - fixed : ROOM - fixed;
    size_t beyond = model->value_cap > left ? model->value_cap - left : 0;
    size_t more = (here ? 0 : 1) + (beyond + ROOM - 1) / ROOM;
    if (more > 0 && !grow(record, state, more))
        return NULL;
    Chunk *chunk = here ? record->last : record->last->next;
    RecordPos pos = { chunk, here ? at : chunk->begin };
    EntryHead *head = head_write(&pos, model, key);
    pos.at += fixed;
    *value = pos;
    size_t rest = model->value_cap;
    for (;; chunk = chunk->next, pos.at = chunk->begin) { /* claims the value's bytes */
        size_t fits = CHUNK_SIZE - pos.at;
        size_t step = rest < fits ? rest : fits;
        chunk->used = pos.at + (uint32_t)step;
        rest -= step;
        if (rest == 0)
            break;
    }
    record->last = chunk;
    return head;
}

/* Room for an entry: its head and key are written, the value is still to be. NULL: no memory. */
static EntryHead *entry_reserve(Record *record, ThreadState *state, const EntryHead *model, Str key,
                                RecordPos *value)
{
    Chunk *last = record->last;
    RecordPos pos = { last, aligned(last->used) };
    uint32_t fixed = (uint32_t)(sizeof *model + key.len);
    if (UNLIKELY((size_t)pos.at + fixed + model->value_cap > CHUNK_SIZE))
        return entry_reserve_far(record, state, model, key, value);
    EntryHead *head = head_write(&pos, model, key);
    *value = (RecordPos){ last, pos.at + fixed };
    last->used = value->at + model->value_cap;
    return head;
}

EntryHead *record_add(Record *record, ThreadState *state, const EntryText *text)
{
    size_t len = text->first.len + text->second.len;
    if (len > VALUE_BYTES_MAX)
        return NULL;
    EntryHead model = { .kind = (uint8_t)text->kind,
                        .wall_time = text->wall_time,
                        .value_len = (uint32_t)len,
                        .value_cap = (uint32_t)len };
    RecordPos pos;
    EntryHead *head = entry_reserve(record, state, &model, (Str){ "", 0 }, &pos);
    if (head) {
        bytes_write(&pos, text->first.ptr, text->first.len);
        bytes_write(&pos, text->second.ptr, text->second.len);
    }
    return head;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* Cuts to at most `max` code points (bytes where it is no UTF-8). */
static Str text_cut(Str text, size_t max)
{
    if (text.len <= max)
        return text;
    size_t at = 0;
    for (size_t points = 0; points < max && at < text.len; points++) {
        size_t step = utf8_step(str_skip(text, at));
        at += step ? step : 1;
    }
    return str_first(text, at);
}

static COLD Str text_shortened(CryoString text, size_t max)
{
    Str cut = text_cut((Str){ text.ptr, text.len }, max);
    if (cut.len <= VALUE_BYTES_MAX)
        return cut;
    size_t at = VALUE_BYTES_MAX;
    while (at > VALUE_BYTES_MAX - 4 && ((unsigned char)cut.ptr[at] & 0xC0) == 0x80)
        at--;
    return str_first(cut, at);
}

static inline Str text_fitting(CryoString text, size_t max)
{
    if (LIKELY(text.len <= max && text.len <= VALUE_BYTES_MAX))
        return (Str){ text.ptr, text.len };
    return text_shortened(text, max);
}

static size_t strings_size(const CryoString *strings, size_t count, size_t max)
{
    size_t size = 0;
    for (size_t i = 0; i < count && size <= VALUE_BYTES_MAX; i++)
        size += sizeof(uint32_t) + text_fitting(strings[i], max).len;
    return size;
}

/* What a value that does not nest takes in a record; SIZE_MAX: no known type, or more than a value
 * may be. */
static inline size_t leaf_size(const CryoValue *value, size_t max)
{
    size_t count = value->as.array.count;
    size_t size = SIZE_MAX;
    switch (value->type) {
    case CRYO_EMPTY: return 0;
    case CRYO_STRING: return text_fitting(value->as.string, max).len;
    case CRYO_BYTES: size = value->as.string.len < max ? value->as.string.len : max; break;
    case CRYO_BOOLEAN:
    case CRYO_INTEGER:
    case CRYO_DOUBLE: return sizeof(uint64_t);
    case CRYO_STRING_ARRAY: size = strings_size(value->as.array.ptr, count, max); break;
    case CRYO_BOOLEAN_ARRAY: size = count; break;
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY:
        size = count <= VALUE_BYTES_MAX ? count * sizeof(uint64_t) : SIZE_MAX;
        break;
    case CRYO_VALUE_ARRAY:
    case CRYO_MAP: break;
    }
    return size <= VALUE_BYTES_MAX ? size : SIZE_MAX;
}

/* The key is empty in an array. */
static const CryoValue *member_of(const CryoValue *list, size_t i, CryoString *key)
{
    if (list->type == CRYO_MAP) {
        *key = list->as.map.ptr[i].key;
        return &list->as.map.ptr[i].value;
    }
    *key = (CryoString){ "", 0 };
    return &((const CryoValue *)list->as.array.ptr)[i];
}

/* By the same key later in a map, of which there are few. */
static bool member_is_replaced(const CryoValue *list, size_t at)
{
    const CryoAttr *pairs = list->as.map.ptr;
    for (size_t i = at + 1; list->type == CRYO_MAP && i < list->as.map.count; i++)
        if (pairs[i].key.len == pairs[at].key.len &&
            (pairs[i].key.len == 0 ||
             memcmp(pairs[i].key.ptr, pairs[at].key.ptr, pairs[i].key.len) == 0))
            return true;
    return false;
}

/* Adds what its members take. False: too deep, too many, or more than a value may be; since each
 * member counts before it is looked into, that also ends a value that contains itself. */
static bool members_add_size(const CryoValue *list, size_t max, uint32_t depth, size_t *size)
{
    if (depth == 0 || (list->type == CRYO_MAP && list->as.map.count > CRYO_MAP_MAX))
        return false;
    for (size_t i = 0; i < list->as.array.count; i++) {
        CryoString key;
        const CryoValue *value = member_of(list, i, &key);
        if (key.len > CRYO_KEY_MAX)
            return false;
        *size += sizeof(MemberHead) + key.len;
        if (*size > VALUE_BYTES_MAX)
            return false;
        if (value_nests(value->type)) {
            if (!members_add_size(value, max, depth - 1, size))
                return false;
            continue;
        }
        size_t leaf = leaf_size(value, max);
        if (leaf == SIZE_MAX)
            return false;
        *size += leaf;
    }
    return *size <= VALUE_BYTES_MAX;
}

static COLD size_t members_size(const CryoValue *list, size_t max)
{
    size_t size = 0;
    return members_add_size(list, max, CRYO_DEPTH_MAX, &size) ? size : SIZE_MAX;
}

static inline size_t value_size(const CryoValue *value, size_t max)
{
    return UNLIKELY(value_nests(value->type)) ? members_size(value, max) : leaf_size(value, max);
}

static void write_strings(RecordPos *pos, const CryoValue *value, size_t max)
{
    const CryoString *strings = value->as.array.ptr;
    for (size_t i = 0; i < value->as.array.count; i++) {
        Str text = text_fitting(strings[i], max);
        uint32_t len = (uint32_t)text.len;
        bytes_write(pos, &len, sizeof len);
        bytes_write(pos, text.ptr, text.len);
    }
}

static void leaf_write(RecordPos *pos, const CryoValue *value, size_t size, size_t max);

/* Returns how many bytes; a member's head is written again when that is known. */
static COLD uint32_t members_write(RecordPos *pos, const CryoValue *list, size_t max)
{
    uint32_t written = 0;
    for (size_t i = 0; i < list->as.array.count; i++) {
        CryoString key;
        const CryoValue *value = member_of(list, i, &key);
        if (member_is_replaced(list, i))
            continue;
        RecordPos at = *pos;
        MemberHead head = { .type = (uint8_t)value->type, .key_len = (uint8_t)key.len };
        bytes_write(pos, &head, sizeof head);
        bytes_write(pos, key.ptr, key.len);
        if (value_nests(value->type)) {
            head.value_len = members_write(pos, value, max);
        } else {
            head.value_len = (uint32_t)leaf_size(value, max);
            leaf_write(pos, value, head.value_len, max);
        }
        bytes_write(&at, &head, sizeof head);
        written += (uint32_t)sizeof head + head.key_len + head.value_len;
    }
    return written;
}

static void leaf_write(RecordPos *pos, const CryoValue *value, size_t size, size_t max)
{
    switch (value->type) {
    case CRYO_EMPTY: break;
    case CRYO_STRING:
    case CRYO_BYTES: bytes_write(pos, value->as.string.ptr, size); break;
    case CRYO_BOOLEAN: bytes_write(pos, &(uint64_t){ value->as.boolean }, size); break;
    case CRYO_INTEGER: bytes_write(pos, &value->as.integer, size); break;
    case CRYO_DOUBLE: bytes_write(pos, &value->as.real, size); break;
    case CRYO_STRING_ARRAY: write_strings(pos, value, max); break;
    case CRYO_BOOLEAN_ARRAY:
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY: bytes_write(pos, value->as.array.ptr, size); break;
    case CRYO_VALUE_ARRAY:
    case CRYO_MAP: break;
    }
}

/* Returns its length: less than its size where a map's keys are replaced. */
static inline uint32_t value_write(RecordPos pos, const CryoValue *value, size_t size, size_t max)
{
    if (UNLIKELY(value_nests(value->type)))
        return members_write(&pos, value, max);
    leaf_write(&pos, value, size, max);
    return (uint32_t)size;
}

bool record_add_value(Record *record, ThreadState *state, EntryKind kind, const CryoValue *value)
{
    size_t size = value_size(value, SIZE_MAX);
    if (size == SIZE_MAX)
        return false;
    EntryHead model = { .kind = (uint8_t)kind,
                        .type = (uint8_t)value->type,
                        .value_len = (uint32_t)size,
                        .value_cap = (uint32_t)size };
    RecordPos pos;
    EntryHead *head = entry_reserve(record, state, &model, (Str){ "", 0 }, &pos);
    if (head)
        head->value_len = value_write(pos, value, size, SIZE_MAX);
    return head != NULL;
}

/* A list of attributes within the row: of the span, or of one event or link. */
typedef struct AttributeList {
    Record *record;
    ThreadState *state;
    RecordPos from; /* where the search for a key begins */
    EntryKind kind;
    EntryLimits limits;
    uint64_t *filter; /* a bit per key's hash: clear means that no such key is there */
    uint32_t *count, *dropped;
} AttributeList;

static uint64_t key_bit(CryoString key)
{
    const unsigned char *at = (const unsigned char *)key.ptr;
    size_t sum = key.len * 7 + at[0] + at[key.len / 2] * 3u + at[key.len - 1] * 5u;
    return UINT64_C(1) << (sum & 63);
}

static bool list_find(const AttributeList *list, CryoString key, Entry *out)
{
    RecordPos pos = list->from;
    while (record_next(&pos, out))
        if (out->head->kind == list->kind && out->key.len == key.len &&
            memcmp(out->key.ptr, key.ptr, key.len) == 0)
            return true;
    return false;
}

static uint32_t grown(size_t size) /* a value that grew once may grow again */
{
    uint32_t cap = ALIGNMENT;
    while (cap < size)
        cap *= 2;
    return cap;
}

/* False: there is no memory for it. */
static bool list_put(AttributeList *list, const CryoAttr *attribute, size_t size)
{
    size_t max = list->limits.value_length_max;
    Entry old;
    bool found = (*list->filter & key_bit(attribute->key)) && list_find(list, attribute->key, &old);
    if (found && size <= old.head->value_cap) {
        old.head->type = (uint8_t)attribute->value.type;
        old.head->value_len = value_write(old.value, &attribute->value, size, max);
        return true;
    }
    if (!found && *list->count >= list->limits.count_max)
        return false;
    EntryHead model = { .kind = (uint8_t)list->kind,
                        .type = (uint8_t)attribute->value.type,
                        .value_len = (uint32_t)size,
                        .value_cap = found ? grown(size) : (uint32_t)size };
    RecordPos value;
    Str key = { attribute->key.ptr, attribute->key.len };
    EntryHead *head = entry_reserve(list->record, list->state, &model, key, &value);
    if (!head)
        return false;
    head->value_len = value_write(value, &attribute->value, size, max);
    if (found)
        old.head->kind = ENTRY_DEAD;
    else
        *list->count += 1;
    *list->filter |= key_bit(attribute->key);
    return true;
}

static void list_set(AttributeList *list, CryoAttrs attributes)
{
    for (size_t i = 0; i < attributes.count; i++) {
        const CryoAttr *attribute = &attributes.ptr[i];
        size_t size = value_size(&attribute->value, list->limits.value_length_max);
        bool bad = attribute->key.len == 0 || attribute->key.len > CRYO_KEY_MAX || size == SIZE_MAX;
        if (bad)
            tally_in(list->state, TALLY_MISUSES);
        if (bad || !list_put(list, attribute, size))
            *list->dropped += 1;
    }
}

void record_set_attributes(Record *record, ThreadState *state, CryoAttrs attributes,
                           EntryLimits limits)
{
    AttributeList list = { .record = record,
                           .state = state,
                           .from = record_begin(record),
                           .kind = ENTRY_ATTRIBUTE,
                           .limits = limits,
                           .filter = &record->key_filter,
                           .count = &record->attributes,
                           .dropped = &record->dropped_attributes };
    list_set(&list, attributes);
}

void record_own_attributes(Record *record, ThreadState *state, OwnedList *owned,
                           CryoAttrs attributes)
{
    AttributeList list = { .record = record,
                           .state = state,
                           .from = owned->from,
                           .kind = ENTRY_OWNED_ATTRIBUTE,
                           .limits = owned->limits,
                           .filter = &owned->filter,
                           .count = &owned->count,
                           .dropped = &owned->owner->dropped };
    list_set(&list, attributes);
}

OwnedList owned_list(const Record *record, EntryHead *owner, EntryLimits limits)
{
    return (OwnedList){ .owner = owner,
                        .from = { record->last, record->last->used },
                        .limits = limits };
}

/* ---- the texts of which there is one --------------------------------------------------------- */

static bool text_entry(const Record *record, EntryKind kind, Entry *out)
{
    RecordPos pos = record_begin(record);
    while (record_next(&pos, out))
        if (out->head->kind == kind)
            return true;
    return false;
}

bool record_set_text(Record *record, ThreadState *state, EntryKind kind, Str text)
{
    Entry old;
    bool found = text_entry(record, kind, &old);
    text = text_fitting((CryoString){ text.ptr, text.len }, SIZE_MAX);
    if (found && text.len <= old.head->value_cap) {
        old.head->value_len = (uint32_t)text.len;
        bytes_write(&old.value, text.ptr, text.len);
        return true;
    }
    if (text.len == 0)
        return true;
    if (!record_add(record, state, &(EntryText){ .kind = kind, .first = text }))
        return false;
    if (found)
        old.head->kind = ENTRY_DEAD;
    return true;
}

size_t record_get_text(const Record *record, EntryKind kind, char *out, size_t capacity)
{
    Entry entry;
    if (!text_entry(record, kind, &entry))
        return 0;
    size_t len = entry.head->value_len < capacity ? entry.head->value_len : capacity;
    bytes_read(&entry.value, out, len);
    return len;
}
