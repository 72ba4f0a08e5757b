/* metric_set.c - see metric_set.h. */
#include "sdk/metric_set.h"

#include "sdk/metric_memory.h"
#include "sdk/text.h"

enum { REPAIRED_MAX = 4 * SET_BYTES_MAX };

static Str as_str(CryoString text)
{
    return (Str){ text.ptr, text.len };
}

/* ---- values ---------------------------------------------------------------------------------- */

static size_t element_size(CryoType type)
{
    switch (type) {
    case CRYO_STRING_ARRAY: return sizeof(CryoString);
    case CRYO_BOOLEAN_ARRAY: return sizeof(bool);
    case CRYO_INTEGER_ARRAY:
    case CRYO_DOUBLE_ARRAY: return sizeof(int64_t);
    case CRYO_EMPTY:
    case CRYO_STRING:
    case CRYO_BOOLEAN:
    case CRYO_INTEGER:
    case CRYO_DOUBLE:
    case CRYO_BYTES:
    case CRYO_VALUE_ARRAY:
    case CRYO_MAP: break;
    }
    return 0;
}

static bool is_text(CryoType type)
{
    return type == CRYO_STRING || type == CRYO_BYTES;
}

static size_t aligned(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* What it takes beside its CryoAttr. A count that no memory can hold is a large number, no more. */
static size_t value_size(const CryoValue *value)
{
    if (is_text(value->type))
        return aligned(value->as.string.len);
    size_t element = element_size(value->type);
    if (!element)
        return 0;
    if (value->as.array.count > SET_BYTES_MAX)
        return SET_BYTES_MAX + 1;
    size_t size = aligned(value->as.array.count * element);
    const CryoString *texts = value->as.array.ptr;
    for (size_t i = 0; value->type == CRYO_STRING_ARRAY && i < value->as.array.count; i++)
        size += texts[i].len > SET_BYTES_MAX ? SET_BYTES_MAX + 1 : aligned(texts[i].len);
    return size;
}

static size_t attribute_size(const CryoAttr *attribute)
{
    size_t value = value_size(&attribute->value);
    return value > SET_BYTES_MAX ? value : sizeof *attribute + aligned(attribute->key.len) + value;
}

static bool array_equal(const CryoValue *a, const CryoValue *b)
{
    const CryoString *left = a->as.array.ptr, *right = b->as.array.ptr;
    if (a->as.array.count != b->as.array.count)
        return false;
    if (a->type != CRYO_STRING_ARRAY)
        return a->as.array.count == 0 || memcmp(a->as.array.ptr, b->as.array.ptr,
                                                a->as.array.count * element_size(a->type)) == 0;
    for (size_t i = 0; i < a->as.array.count; i++)
        if (!str_eq(as_str(left[i]), as_str(right[i])))
            return false;
    return true;
}

static bool value_equal(const CryoValue *a, const CryoValue *b)
{
    if (a->type != b->type)
        return false;
    if (is_text(a->type))
        return str_eq(as_str(a->as.string), as_str(b->as.string));
    if (a->type == CRYO_BOOLEAN)
        return a->as.boolean == b->as.boolean;
    if (a->type == CRYO_EMPTY)
        return true;
    if (a->type == CRYO_INTEGER || a->type == CRYO_DOUBLE)
        return a->as.integer == b->as.integer; /* doubles by their bits: NaN is one value */
    return array_equal(a, b);
}

bool set_equal(CryoAttrs a, CryoAttrs b)
{
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (!str_eq(as_str(a.ptr[i].key), as_str(b.ptr[i].key)) ||
            !value_equal(&a.ptr[i].value, &b.ptr[i].value))
            return false;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t array_hash(const CryoValue *value)
{
    uint64_t hash = value->as.array.count;
    const char *bytes = value->as.array.ptr;
    const CryoString *texts = value->as.array.ptr;
    if (value->type != CRYO_STRING_ARRAY)
        return str_hash((Str){ bytes, value->as.array.count * element_size(value->type) });
    for (size_t i = 0; i < value->as.array.count; i++)
        hash = mix(hash, str_hash(as_str(texts[i])));
    return hash;
}

static uint64_t value_hash(const CryoValue *value)
{
    if (is_text(value->type))
        return str_hash(as_str(value->as.string));
    if (value->type == CRYO_BOOLEAN)
        return value->as.boolean;
    if (value->type == CRYO_INTEGER || value->type == CRYO_DOUBLE)
        return (uint64_t)value->as.integer;
    return value->type == CRYO_EMPTY ? 0 : array_hash(value);
}

uint64_t set_hash(CryoAttrs attributes)
{
    uint64_t hash = attributes.count;
    for (size_t i = 0; i < attributes.count; i++) {
        hash = mix(hash, str_hash(as_str(attributes.ptr[i].key)));
        hash = mix(hash, (uint64_t)attributes.ptr[i].value.type);
        hash = mix(hash, value_hash(&attributes.ptr[i].value));
    }
    return hash;
}

/* ---- building -------------------------------------------------------------------------------- */

static int key_order(const CryoAttr *attribute, CryoString key)
{
    return str_compare(as_str(attribute->key), as_str(key));
}

/* Sets are small: sorted as they are filled. */
static void builder_add(SetBuilder *builder, const CryoAttr *attribute)
{
    size_t at = builder->count;
    int order = -1;
    while (at > 0 && (order = key_order(&builder->list[at - 1], attribute->key)) > 0)
        at--;
    if (at > 0 && order == 0) {
        builder->list[at - 1] = *attribute;
        return;
    }
    if (builder->count == SET_ATTRIBUTES_MAX) {
        builder->too_large = true;
        return;
    }
    memmove(&builder->list[at + 1], &builder->list[at],
            (builder->count++ - at) * sizeof *attribute);
    builder->list[at] = *attribute;
}

static bool repair(SetBuilder *builder, CryoString *text)
{
    Err err;
    TextScratch scratch = TEXT_SCRATCH;
    Str whole;
    if (utf8_valid(as_str(*text)))
        return true;
    if (!builder->repaired)
        builder->repaired = arena_new(REPAIRED_MAX, &err);
    Str fixed = text_repaired(as_str(*text), &scratch);
    bool good = builder->repaired && !scratch.repaired.failed &&
                arena_copy(builder->repaired, fixed, &whole, &err);
    text_scratch_free(&scratch);
    if (good)
        *text = (CryoString){ whole.ptr, whole.len };
    return good;
}

static bool repair_array(SetBuilder *builder, CryoValue *value)
{
    Err err;
    const CryoString *from = value->as.array.ptr;
    bool valid = true;
    for (size_t i = 0; i < value->as.array.count; i++)
        valid = valid && utf8_valid(as_str(from[i]));
    if (valid)
        return true;
    if (!builder->repaired)
        builder->repaired = arena_new(REPAIRED_MAX, &err);
    CryoString *to = builder->repaired
                         ? ARENA_MAKE(builder->repaired, CryoString, value->as.array.count, &err)
                         : NULL;
    for (size_t i = 0; to && i < value->as.array.count; i++) {
        to[i] = from[i];
        if (!repair(builder, &to[i]))
            return false;
    }
    value->as.array.ptr = to;
    return to != NULL;
}

static bool add_repaired(SetBuilder *builder, CryoAttr attribute)
{
    bool nests = attribute.value.type == CRYO_VALUE_ARRAY || attribute.value.type == CRYO_MAP;
    if (nests || attribute.key.len == 0 || attribute.key.len > CRYO_KEY_MAX) {
        builder->dropped++;
        return true;
    }
    if (attribute_size(&attribute) > SET_BYTES_MAX) {
        builder->too_large = true;
        return true;
    }
    bool good = repair(builder, &attribute.key);
    if (attribute.value.type == CRYO_STRING)
        good = good && repair(builder, &attribute.value.as.string);
    else if (attribute.value.type == CRYO_STRING_ARRAY)
        good = good && repair_array(builder, &attribute.value);
    if (good)
        builder_add(builder, &attribute);
    return good;
}

bool set_build(SetBuilder *builder, CryoAttrs under, CryoAttrs over)
{
    builder->count = builder->dropped = 0;
    builder->too_large = false;
    builder->repaired = NULL;
    for (size_t i = 0; i < under.count && !builder->too_large; i++)
        if (!add_repaired(builder, under.ptr[i]))
            return false;
    for (size_t i = 0; i < over.count && !builder->too_large; i++)
        if (!add_repaired(builder, over.ptr[i]))
            return false;
    if (set_size((CryoAttrs){ builder->list, builder->count }) > SET_BYTES_MAX)
        builder->too_large = true;
    return true;
}

void set_builder_done(SetBuilder *builder)
{
    arena_free(builder->repaired);
    builder->repaired = NULL;
}

/* ---- keeping --------------------------------------------------------------------------------- */

size_t set_size(CryoAttrs attributes)
{
    size_t size = sizeof(AttributeSet);
    for (size_t i = 0; i < attributes.count && size <= SET_BYTES_MAX; i++)
        size += attribute_size(&attributes.ptr[i]);
    return size;
}

static CryoString put(char **at, CryoString text)
{
    CryoString copy = { *at, text.len };
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += aligned(text.len);
    return copy;
}

static void put_array(char **at, CryoValue *value)
{
    size_t size = value->as.array.count * element_size(value->type);
    char *elements = *at;
    if (size)
        memcpy(elements, value->as.array.ptr, size);
    *at += aligned(size);
    CryoString *texts = (CryoString *)(void *)elements;
    for (size_t i = 0; value->type == CRYO_STRING_ARRAY && i < value->as.array.count; i++)
        texts[i] = put(at, texts[i]);
    value->as.array.ptr = elements;
}

void set_copy(CryoAttrs from, AttributeSet *into)
{
    into->count = from.count;
    char *at = (char *)&into->list[from.count];
    for (size_t i = 0; i < from.count; i++) {
        CryoAttr *to = &into->list[i];
        *to = from.ptr[i];
        to->key = put(&at, to->key);
        if (is_text(to->value.type))
            to->value.as.string = put(&at, to->value.as.string);
        else if (element_size(to->value.type))
            put_array(&at, &to->value);
    }
}

AttributeSet *set_keep(CryoAttrs from)
{
    AttributeSet *set = metric_alloc(set_size(from));
    if (set)
        set_copy(from, set);
    return set;
}
