/* promql_frame.c - frames and label sets; see promql_eval_internal.h. */
#include "query/promql/promql_eval_internal.h"

#include "base/mem.h"

#include <string.h>

/* ---- frames -------------------------------------------------------------------------------------
 */

FrameSeries *frame_add(Eval *eval, Frame *frame, Labels labels, Err *err)
{
    if (frame->count == frame->cap) {
        size_t cap = frame->cap ? frame->cap * 2 : 8;
        FrameSeries *series = ARENA_MAKE(eval->arena, FrameSeries, cap, err);
        if (!series)
            return NULL;
        if (frame->count)
            memcpy(series, frame->series, frame->count * sizeof *series);
        frame->series = series;
        frame->cap = cap;
    }
    if (!promql_charge(eval, frame->width, err))
        return NULL;
    FrameSeries *series = &frame->series[frame->count];
    *series = (FrameSeries){ .labels = labels };
    series->values = ARENA_MAKE(eval->arena, double, frame->width, err);
    if (!series->values)
        return NULL;
    for (size_t i = 0; i < frame->width; i++)
        series->values[i] = no_value();
    frame->count++;
    return series;
}

bool frame_constant(Eval *eval, Frame *frame, double value, Err *err)
{
    *frame = (Frame){ .type = PROM_SCALAR, .width = 1 };
    FrameSeries *series = frame_add(eval, frame, (Labels){ 0 }, err);
    if (series)
        series->values[0] = value;
    return series != NULL;
}

bool frame_widen(Eval *eval, Frame *frame, Err *err)
{
    if (frame->width == eval->steps)
        return true;
    for (size_t i = 0; i < frame->count; i++) {
        double value = frame->series[i].values[0];
        double *values = ARENA_MAKE(eval->arena, double, eval->steps, err);
        if (!values || !promql_charge(eval, eval->steps, err))
            return false;
        for (size_t step = 0; step < eval->steps; step++)
            values[step] = value;
        frame->series[i].values = values;
    }
    frame->width = eval->steps;
    return true;
}

static bool is_empty(const Frame *frame, size_t series)
{
    for (size_t step = 0; step < frame->width; step++)
        if (is_value(frame->series[series].values[step]))
            return false;
    return true;
}

void frame_drop_empty(Frame *frame)
{
    size_t kept = 0;
    for (size_t i = 0; i < frame->count; i++)
        if (!is_empty(frame, i))
            frame->series[kept++] = frame->series[i];
    frame->count = kept;
}

static bool unite(Eval *eval, FrameSeries *into, const FrameSeries *from, size_t width, Err *err)
{
    for (size_t step = 0; step < width; step++) {
        if (!is_value(from->values[step]))
            continue;
        if (is_value(into->values[step]))
            return fail(err, ERR_INPUT, "vector cannot contain metrics with the same labelset");
        into->values[step] = from->values[step];
    }
    return promql_alive(eval, width, err);
}

bool frame_merge(Eval *eval, Frame *frame, Err *err)
{
    LabelIndex index = { 0 };
    size_t kept = 0;
    for (size_t i = 0; i < frame->count; i++) {
        size_t at;
        if (!label_index_put(eval, &index, frame->series[i].labels, &at, err))
            return false;
        if (at == kept)
            frame->series[kept++] = frame->series[i];
        else if (!unite(eval, &frame->series[at], &frame->series[i], frame->width, err))
            return false;
    }
    frame->count = kept;
    return true;
}

bool frame_drop_names(Eval *eval, Frame *frame, Err *err)
{
    bool mixed = false; /* as long as all had one name, they stay different without it */
    Str name = { 0 };
    for (size_t i = 0; i < frame->count; i++) {
        Labels *labels = &frame->series[i].labels;
        Str own = labels_get(*labels, STR(LABEL_METRIC_NAME));
        mixed = mixed || (i > 0 && !str_eq(own, name));
        name = own;
        if (!frame_labels_nameless(eval, *labels, labels, err))
            return false;
    }
    return !mixed || frame_merge(eval, frame, err);
}

/* ---- label sets ---------------------------------------------------------------------------------
 */

bool frame_labels_copy(Eval *eval, Labels from, Labels *out, Err *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < from.count; i++)
        bytes += from.ptr[i].name.len + from.ptr[i].value.len;
    Label *labels = ARENA_MAKE(eval->arena, Label, from.count + 1, err);
    char *text = labels ? arena_alloc(eval->arena, bytes + 1, 1, err) : NULL;
    if (!text)
        return false;
    for (size_t i = 0; i < from.count; i++) {
        Str name = from.ptr[i].name, value = from.ptr[i].value;
        memcpy(text, name.ptr, name.len);
        labels[i].name = (Str){ text, name.len };
        text += name.len;
        memcpy(text, value.ptr, value.len);
        labels[i].value = (Str){ text, value.len };
        text += value.len;
    }
    *out = (Labels){ labels, from.count };
    return true;
}

static bool is_listed(const NameList *names, Str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->names[i], name))
            return true;
    return false;
}

static bool is_name(Str name)
{
    return str_eq(name, STR(LABEL_METRIC_NAME));
}

bool frame_labels_only(Eval *eval, Labels from, const NameList *names, Labels *out, Err *err)
{
    Label *labels = ARENA_MAKE(eval->arena, Label, from.count + 1, err);
    if (!labels)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < from.count; i++)
        if (is_listed(names, from.ptr[i].name))
            labels[count++] = from.ptr[i];
    *out = (Labels){ labels, count };
    return true;
}

bool frame_labels_without(Eval *eval, Labels from, const NameList *names, Labels *out, Err *err)
{
    Label *labels = ARENA_MAKE(eval->arena, Label, from.count + 1, err);
    if (!labels)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < from.count; i++)
        if (!is_name(from.ptr[i].name) && !is_listed(names, from.ptr[i].name))
            labels[count++] = from.ptr[i];
    *out = (Labels){ labels, count };
    return true;
}

bool frame_labels_nameless(Eval *eval, Labels from, Labels *out, Err *err)
{
    *out = from;
    if (from.count && is_name(from.ptr[0].name)) {
        *out = (Labels){ from.ptr + 1, from.count - 1 };
        return true;
    }
    const NameList none = { 0 };
    if (!labels_get(from, STR(LABEL_METRIC_NAME)).len)
        return true;
    return frame_labels_without(eval, from, &none, out, err);
}

bool frame_labels_with(Eval *eval, Labels from, Label label, Labels *out, Err *err)
{
    Label *labels = ARENA_MAKE(eval->arena, Label, from.count + 1, err);
    if (!labels)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < from.count; i++)
        if (!str_eq(from.ptr[i].name, label.name))
            labels[count++] = from.ptr[i];
    labels[count++] = label;
    *out = (Labels){ labels, labels_sort(labels, count) };
    return true;
}

void buf_add_quoted(Buf *out, Str text)
{
    static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv\"\"\\\\";
    buf_add_byte(out, '"');
    while (text.len) {
        size_t step = utf8_step(text);
        unsigned char byte = (unsigned char)text.ptr[0];
        const char *escape = NULL;
        for (size_t i = 0; step == 1 && escapes[i]; i += 2)
            if (escapes[i] == text.ptr[0])
                escape = &escapes[i + 1];
        if (escape) {
            buf_add_byte(out, '\\');
            buf_add_byte(out, *escape);
        } else if (!step || byte < ' ' || byte == 0x7F) {
            buf_addf(out, "\\x%02x", byte);
            step = 1;
        } else {
            buf_add(out, str_first(text, step));
        }
        text = str_skip(text, step);
    }
    buf_add_byte(out, '"');
}

void buf_add_labels(Buf *out, Labels labels)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < labels.count; i++) {
        if (i)
            buf_add(out, STR(", "));
        buf_add(out, labels.ptr[i].name);
        buf_add_byte(out, '=');
        buf_add_quoted(out, labels.ptr[i].value);
    }
    buf_add_byte(out, '}');
}

/* ---- the index ----------------------------------------------------------------------------------
 */

static void enter(LabelIndex *index, size_t at)
{
    size_t mask = index->cap * 2 - 1;
    size_t slot = index->hashes[at] & mask;
    while (index->slots[slot])
        slot = (slot + 1) & mask;
    index->slots[slot] = (uint32_t)at + 1;
}

static bool grow(Eval *eval, LabelIndex *index, Err *err)
{
    size_t cap = index->cap ? index->cap * 2 : 16;
    Labels *sets = ARENA_MAKE(eval->arena, Labels, cap, err);
    uint64_t *hashes = sets ? ARENA_MAKE(eval->arena, uint64_t, cap, err) : NULL;
    uint32_t *slots = hashes ? ARENA_MAKE(eval->arena, uint32_t, cap * 2, err) : NULL;
    if (!slots)
        return false;
    if (index->count) {
        memcpy(sets, index->sets, index->count * sizeof *sets);
        memcpy(hashes, index->hashes, index->count * sizeof *hashes);
    }
    index->sets = sets;
    index->hashes = hashes;
    index->slots = slots;
    index->cap = cap;
    for (size_t i = 0; i < index->count; i++)
        enter(index, i);
    return true;
}

bool label_index_put(Eval *eval, LabelIndex *index, Labels labels, size_t *out, Err *err)
{
    if (!promql_alive(eval, 1, err))
        return false;
    if (index->count == index->cap && !grow(eval, index, err))
        return false;
    uint64_t hash = labels_hash(labels);
    size_t mask = index->cap * 2 - 1;
    for (size_t slot = hash & mask; index->slots[slot]; slot = (slot + 1) & mask) {
        size_t at = index->slots[slot] - 1;
        if (index->hashes[at] == hash && labels_eq(index->sets[at], labels)) {
            *out = at;
            return true;
        }
    }
    *out = index->count;
    index->sets[index->count] = labels;
    index->hashes[index->count] = hash;
    enter(index, index->count++);
    return true;
}
