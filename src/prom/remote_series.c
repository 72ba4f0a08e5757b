/* remote_series.c - see remote_series.h. An exponential histogram becomes a native one in
 * native_histogram.c. */
#include "prom/remote_series.h"

#include "base/mem.h"
#include "model/ids.h"
#include "otlp/value_text.h"
#include "prom/native_histogram.h"

enum {
    TEXTS_MAX = 1 << 26,
    TEXT_MEMORY_MAX = 4 << 20, /* of one exemplar's label, or a histogram */
    EXEMPLAR_RUNES_MAX = 128,  /* OpenMetrics; the ids matter more than the attributes */
    EXEMPLAR_LABELS_MAX = 64,
    /* What the parts of a message take at most beside their texts: tags, lengths, numbers. */
    LABEL_BYTES = 16,
    SAMPLE_BYTES = 36,
    EXEMPLAR_BYTES = 32,
    SERIES_BYTES = 48,
};

typedef struct Filling {
    RemoteSet *set;
    RemoteFamily *family; /* at hand */
    size_t last_item;
    Buf scratch;
} Filling;

/* ---- texts and labels ---- */

static RemoteText *keep_text(RemoteSet *set, Str text, Err *err)
{
    RemoteText *kept = map_get(&set->texts, text);
    if (kept)
        return kept;
    kept = ARENA_MAKE(set->arena, RemoteText, 1, err);
    if (!kept || !arena_copy(set->arena, text, &kept->text, err) ||
        !map_put(&set->texts, kept->text, kept, err))
        return NULL;
    return kept;
}

static bool keep_labels(RemoteSet *set, const Label *labels, size_t count, RemoteLabels *out,
                        Err *err)
{
    RemoteLabel *kept = ARENA_MAKE(set->arena, RemoteLabel, count ? count : 1, err);
    for (size_t i = 0; i < count && kept; i++) {
        kept[i].name = keep_text(set, labels[i].name, err);
        kept[i].value = kept[i].name ? keep_text(set, labels[i].value, err) : NULL;
        if (!kept[i].value)
            return false;
    }
    *out = (RemoteLabels){ kept, count };
    return kept != NULL;
}

static size_t labels_bytes(RemoteLabels labels)
{
    size_t bytes = 0;
    for (size_t i = 0; i < labels.count; i++)
        bytes += labels.ptr[i].name->text.len + labels.ptr[i].value->text.len + LABEL_BYTES;
    return bytes;
}

static bool is_that(const RemoteSeries *series, Labels labels, bool is_histogram)
{
    if (series->is_histogram != is_histogram || series->labels.count != labels.count)
        return false;
    for (size_t i = 0; i < labels.count; i++)
        if (!str_eq(series->labels.ptr[i].name->text, labels.ptr[i].name) ||
            !str_eq(series->labels.ptr[i].value->text, labels.ptr[i].value))
            return false;
    return true;
}

static RemoteSeries *add_series(Filling *filling, RemoteSeries *same_hash, uint64_t hash,
                                Labels labels, Err *err)
{
    RemoteSet *set = filling->set;
    RemoteSeries *series = ARENA_MAKE(set->arena, RemoteSeries, 1, err);
    if (!series)
        return NULL;
    RemoteFamily *family = filling->family;
    *series = (RemoteSeries){ .hash = hash, .family = family, .same_hash = same_hash };
    Str key = { (const char *)&series->hash, sizeof series->hash };
    if (!keep_labels(set, labels.ptr, labels.count, &series->labels, err))
        return NULL;
    if (same_hash) { /* behind the first, which the map's key lies in */
        series->same_hash = same_hash->same_hash;
        same_hash->same_hash = series;
    } else if (!map_put(&set->by_hash, key, series, err)) {
        return NULL;
    }
    series->bytes = SERIES_BYTES + labels_bytes(series->labels) + family->name->text.len +
                    family->help->text.len + family->unit->text.len;
    if (!family->first)
        family->first = series;
    RemoteLane *lane = &set->lanes[hash % set->lane_count];
    if (lane->last)
        lane->last->next = series;
    else
        lane->first = series;
    lane->last = series;
    set->series_count++;
    return series;
}

static RemoteSeries *find_series(Filling *filling, Labels labels, bool is_histogram, Err *err)
{
    uint64_t hash = labels_hash(labels);
    const Str key = { (const char *)&hash, sizeof hash };
    RemoteSeries *first = map_get(&filling->set->by_hash, key), *series = first;
    while (series && !is_that(series, labels, is_histogram))
        series = series->same_hash;
    if (!series)
        series = add_series(filling, first, hash, labels, err);
    if (series)
        series->is_histogram = is_histogram;
    return series;
}

/* A point counts in the series of its first sample. */
static void count_point(Filling *filling, RemoteSeries *series, size_t item)
{
    series->points += item != PROM_NO_ITEM && item != filling->last_item;
    filling->last_item = item;
}

/* ---- what a series has ---- */

static void list_add(RemoteList *list, RemoteNode *node)
{
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->unsorted = list->unsorted || (list->last && list->last->time_ms > node->time_ms);
    list->last = node;
}

static RemoteNode *merge(RemoteNode *a, RemoteNode *b)
{
    RemoteNode head = { NULL, 0 }, *last = &head;
    while (a && b) {
        RemoteNode **from = b->time_ms < a->time_ms ? &b : &a;
        last->next = *from;
        last = *from;
        *from = last->next;
    }
    last->next = a ? a : b;
    return head.next;
}

/* Runs of 1, 2, 4 ... nodes, one of each length at most; as deep as a number has bits. */
static void list_sort(RemoteList *list)
{
    RemoteNode *runs[64] = { NULL }, *rest = list->first;
    if (!list->unsorted)
        return;
    while (rest) {
        RemoteNode *run = rest;
        size_t i = 0;
        rest = rest->next;
        run->next = NULL;
        for (; runs[i]; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    RemoteNode *all = NULL;
    for (size_t i = 0; i < COUNT_OF(runs); i++)
        all = merge(runs[i], all);
    *list = (RemoteList){ .first = all };
}

static size_t count_runes(Str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((uint8_t)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

/* Adds a label whose value is in scratch. False: it has failed. */
static bool add_exemplar_label(Filling *filling, RemoteLabel *label, Str name, Err *err)
{
    label->name = keep_text(filling->set, name, err);
    label->value = label->name && buf_ok(&filling->scratch, err)
                       ? keep_text(filling->set, buf_str(&filling->scratch), err)
                       : NULL;
    return label->value != NULL;
}

static bool add_ids(Filling *filling, const ExemplarView *view, RemoteLabel *labels, size_t *count,
                    Err *err)
{
    Buf *scratch = &filling->scratch;
    char hex[TRACE_ID_HEX + 1];
    buf_clear(scratch);
    if (!span_id_is_zero(&view->span_id)) {
        buf_add(scratch, str_from(span_id_text(&view->span_id, hex)));
        if (!add_exemplar_label(filling, &labels[(*count)++], STR("span_id"), err))
            return false;
    }
    buf_clear(scratch);
    if (trace_id_is_zero(&view->trace_id))
        return true;
    buf_add(scratch, str_from(trace_id_text(&view->trace_id, hex)));
    return add_exemplar_label(filling, &labels[(*count)++], STR("trace_id"), err);
}

/* The ids, and the attributes if all of them fit; more than that no label set may have. */
static bool exemplar_labels(Filling *filling, const ExemplarView *view, RemoteLabels *out, Err *err)
{
    RemoteLabel *labels =
        ARENA_MAKE(filling->set->arena, RemoteLabel, EXEMPLAR_LABELS_MAX + 2, err);
    size_t ids = 0, runes = 0;
    if (!labels || !add_ids(filling, view, labels, &ids, err))
        return false;
    for (size_t i = 0; i < ids; i++)
        runes += count_runes(labels[i].name->text) + count_runes(labels[i].value->text);
    size_t count = ids;
    Attributes list = view->filtered_attributes;
    for (AttributeView attribute; attributes_next(&list, &attribute);) {
        buf_clear(&filling->scratch);
        value_text(&attribute.value, &filling->scratch);
        runes += count_runes(attribute.key) + count_runes(buf_str(&filling->scratch));
        if (runes > EXEMPLAR_RUNES_MAX || count >= EXEMPLAR_LABELS_MAX) {
            count = ids;
            break;
        }
        if (!add_exemplar_label(filling, &labels[count++], attribute.key, err))
            return false;
    }
    *out = (RemoteLabels){ labels, count };
    return true;
}

static bool take_exemplars(Filling *filling, RemoteSeries *series, const PromSample *sample,
                           Err *err)
{
    PromExemplars exemplars = sample->exemplars;
    double value;
    for (ExemplarView view; prom_exemplar_next(&exemplars, &view, &value);) {
        RemoteExemplar *exemplar = ARENA_MAKE(filling->set->arena, RemoteExemplar, 1, err);
        if (!exemplar || !exemplar_labels(filling, &view, &exemplar->labels, err))
            return false;
        exemplar->value = value;
        exemplar->node.time_ms = view.time_ns ? (int64_t)(view.time_ns / 1000000) : sample->time_ms;
        list_add(&series->exemplars, &exemplar->node);
        series->bytes += EXEMPLAR_BYTES + labels_bytes(exemplar->labels);
    }
    return true;
}

/* ---- the visitor ---- */

static bool take_family(void *context, const PromFamily *family, Err *err)
{
    Filling *filling = context;
    RemoteFamily *kept = ARENA_MAKE(filling->set->arena, RemoteFamily, 1, err);
    if (!kept)
        return false;
    kept->type = family->type;
    kept->name = keep_text(filling->set, family->name, err);
    kept->help = kept->name ? keep_text(filling->set, family->help, err) : NULL;
    kept->unit = kept->help ? keep_text(filling->set, family->unit, err) : NULL;
    filling->family = kept;
    return kept->unit != NULL;
}

static bool take_sample(void *context, const PromSample *sample, Err *err)
{
    Filling *filling = context;
    RemoteSeries *series = find_series(filling, sample->labels, false, err);
    RemoteSample *kept = series ? ARENA_MAKE(filling->set->arena, RemoteSample, 1, err) : NULL;
    if (!kept)
        return false;
    kept->node.time_ms = sample->time_ms;
    kept->start_ms = sample->start_ms;
    kept->value = sample->value;
    list_add(&series->samples, &kept->node);
    series->bytes += SAMPLE_BYTES;
    count_point(filling, series, sample->item);
    return take_exemplars(filling, series, sample, err);
}

static bool take_unsupported(void *context, size_t item, const char *reason, Err *err)
{
    RemoteSet *set = ((Filling *)context)->set;
    (void)item, (void)err;
    if (set->unsupported++ == 0)
        set->reason = reason;
    return true;
}

static bool take_histogram(void *context, const PromHistogram *histogram, Err *err)
{
    Filling *filling = context;
    const PromSample *sample = histogram->sample;
    buf_clear(&filling->scratch);
    const char *reason =
        native_histogram_write(histogram->point, histogram->ended, &filling->scratch);
    if (reason)
        return take_unsupported(filling, sample->item, reason, err);
    RemoteSeries *series = find_series(filling, sample->labels, true, err);
    RemoteHistogram *kept =
        series ? ARENA_MAKE(filling->set->arena, RemoteHistogram, 1, err) : NULL;
    if (!kept || !buf_ok(&filling->scratch, err) ||
        !arena_copy(filling->set->arena, buf_str(&filling->scratch), &kept->bytes, err))
        return false;
    kept->node.time_ms = sample->time_ms;
    kept->start_ms = sample->start_ms;
    list_add(&series->histograms, &kept->node);
    series->bytes += SAMPLE_BYTES + kept->bytes.len;
    count_point(filling, series, sample->item);
    return take_exemplars(filling, series, sample, err);
}

static void sort_all(RemoteSet *set)
{
    for (size_t i = 0; i < set->lane_count; i++)
        for (RemoteSeries *series = set->lanes[i].first; series; series = series->next) {
            list_sort(&series->samples);
            list_sort(&series->histograms);
            list_sort(&series->exemplars);
        }
}

bool remote_set_fill(RemoteSet *set, const Batch *batch, const PromOptions *options, Err *err)
{
    Filling filling = { .set = set, .last_item = PROM_NO_ITEM, .scratch = BUF(TEXT_MEMORY_MAX) };
    const SeriesVisitor visitor = { .context = &filling,
                                    .family = take_family,
                                    .sample = take_sample,
                                    .unsupported = take_unsupported,
                                    .histogram = take_histogram };
    bool ok = prom_series_walk(batch, options, &visitor, err);
    buf_free(&filling.scratch);
    if (ok)
        sort_all(set);
    return ok;
}

RemoteSet *remote_set_new(Purse *purse, size_t size_max, size_t lanes, Err *err)
{
    Arena *arena = arena_new_in(purse, size_max, err);
    RemoteSet *set = arena ? ARENA_MAKE(arena, RemoteSet, 1, err) : NULL;
    RemoteLane *sent = set ? ARENA_MAKE(arena, RemoteLane, lanes, err) : NULL;
    if (!sent) {
        arena_free(arena);
        return NULL;
    }
    *set = (RemoteSet){ .arena = arena,
                        .texts = MAP(TEXTS_MAX),
                        .by_hash = MAP(TEXTS_MAX),
                        .lanes = sent,
                        .lane_count = lanes };
    set->texts.purse = purse;
    set->by_hash.purse = purse;
    return set;
}

void remote_set_free(RemoteSet *set)
{
    if (!set)
        return;
    map_free(&set->texts);
    map_free(&set->by_hash);
    arena_free(set->arena); /* the set is in it */
}
