/* log_run.c - see log_run.h. */
#include "store/logs/log_run.h"

#include "base/mem.h"
#include "otlp/value_text.h"
#include "store/logs/log_labels.h"

#include <stdlib.h>

enum { STREAM_LABELS_MAX = 1 << 20 /* bytes of one stream's labels */ };

/* ---- pieces ------------------------------------------------------------------------------------
 */

static void free_piece(Piece *base)
{
    LogPiece *piece = (LogPiece *)base;
    label_table_drop(piece->table, piece->streams, piece->stream_count);
    batch_unref(piece->batch);
    buf_free(&piece->texts);
    mem_free(piece->streams);
    mem_free(piece->lines);
    mem_free(piece);
}

static LogLine line_of(LogPiece *piece, size_t item, bool verbatim)
{
    LogView log = log_view(piece->batch, item);
    LogLine line = {
        .time_ns = log.time_ns       ? log.time_ns
                   : log.observed_ns ? log.observed_ns
                                     : (uint64_t)piece->base.received_ns,
        .batch = piece->batch,
        .trace_id = log.trace_id,
        .span_id = log.span_id,
        .severity = log.severity_number,
        .record = (uint32_t)item,
        .verbatim = verbatim,
    };
    if (log.body.kind == VALUE_STRING) {
        line.text = log.body.text;
        return line;
    }
    size_t start = piece->texts.len;
    value_text(&log.body, &piece->texts);
    line.text = (Str){ NULL, piece->texts.len - start };
    return line;
}

/* Lines whose text was written out have none so far; they follow one another in the buffer. */
static void place_texts(LogPiece *piece)
{
    size_t at = 0;
    for (size_t i = 0; i < piece->base.count; i++) {
        Str *text = &piece->lines[i].text;
        if (text->ptr || !text->len)
            continue;
        text->ptr = piece->texts.ptr + at;
        at += text->len;
    }
}

static bool fill_lines(LogPiece *piece, bool verbatim, Err *err)
{
    const Batch *batch = piece->batch;
    size_t count = batch_item_count(batch);
    piece->lines = MEM_MAKE(LogLine, count + 1, err);
    if (!piece->lines)
        return false;
    for (size_t r = 0; r < batch_resource_count(batch); r++) {
        ResourceView resource = resource_view(batch, r);
        for (size_t s = resource.first_scope; s < resource.end_scope; s++) {
            ScopeView scope = scope_view(batch, s);
            for (size_t i = scope.first_item; i < scope.end_item; i++) {
                LogLine *line = &piece->lines[piece->base.count++];
                *line = line_of(piece, i, verbatim);
                line->stream = (uint32_t)r; /* until take_streams() numbers them */
            }
        }
    }
    if (!buf_ok(&piece->texts, err))
        return blame(err, "the bodies of a batch");
    place_texts(piece);
    return true;
}

/* Lines come by resource; one without lines is no stream. */
static bool take_streams(LogPiece *piece, LabelList *list, Err *err)
{
    size_t resource = SIZE_MAX;
    piece->streams = MEM_MAKE(LabelSet *, batch_resource_count(piece->batch) + 1, err);
    if (!piece->streams)
        return false;
    for (size_t i = 0; i < piece->base.count; i++) {
        LogLine *line = &piece->lines[i];
        if (line->stream != resource) {
            Labels labels;
            resource = line->stream;
            if (!stream_labels(list, piece->batch, resource, &labels, err))
                return blame(err, "the labels of a stream");
            LabelSet *set = label_table_take(piece->table, labels, &piece->base.shared, err);
            if (!set)
                return false;
            piece->streams[piece->stream_count++] = set;
        }
        line->stream = (uint32_t)(piece->stream_count - 1);
    }
    return true;
}

static bool fill_piece(LogPiece *piece, bool verbatim, Err *err)
{
    LabelList list = { .arena = arena_new(STREAM_LABELS_MAX, err),
                       .scratch = BUF(STREAM_LABELS_MAX),
                       .verbatim = verbatim };
    bool ok = list.arena && fill_lines(piece, verbatim, err) && take_streams(piece, &list, err);
    label_list_done(&list);
    arena_free(list.arena);
    return ok;
}

Piece *log_piece_make(const LogPieceMake *make, Err *err)
{
    LogPiece *piece = MEM_MAKE(LogPiece, 1, err);
    if (!piece)
        return NULL;
    refs_init(&piece->base.refs);
    piece->base.kind = &log_runs;
    piece->base.received_ns = make->received_ns;
    piece->batch = batch_ref(make->batch);
    piece->table = make->table;
    piece->texts = BUF(LABEL_TEXT_MAX);
    if (!fill_piece(piece, make->verbatim, err)) {
        free_piece(&piece->base);
        return NULL;
    }
    piece->base.memory = sizeof *piece + (piece->stream_count + 1) * sizeof(LabelSet *) +
                         (piece->base.count + 1) * sizeof(LogLine) + piece->texts.cap +
                         batch_memory(make->batch);
    return &piece->base;
}

/* ---- runs --------------------------------------------------------------------------------------
 */

static void free_run(Run *base)
{
    LogRun *run = (LogRun *)base;
    for (size_t i = 0; i < run->piece_count; i++)
        piece_unref(run->pieces[i]);
    mem_free(run->pieces);
    mem_free(run->by_time);
    mem_free(run->streams);
    mem_free(run);
}

static int compare_places(const void *a, const void *b)
{
    const LogPlace *left = a, *right = b;
    if (left->line->time_ns != right->line->time_ns)
        return left->line->time_ns < right->line->time_ns ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

static uint32_t number_of(const LogRun *run, const LabelSet *stream)
{
    size_t low = 0, high = run->stream_count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (labels_compare(run->streams[middle]->labels, stream->labels) <= 0)
            low = middle;
        else
            high = middle;
    }
    return (uint32_t)low;
}

/* A piece's lines go resource by resource, so a stream's number is looked up once for many. */
static void place_lines(LogRun *run)
{
    uint32_t order = 0;
    for (size_t p = 0; p < run->piece_count; p++) {
        const LogPiece *piece = (const LogPiece *)run->pieces[p];
        uint32_t number = 0;
        for (size_t i = 0; i < piece->base.count; i++) {
            const LogLine *line = &piece->lines[i];
            if (!i || line->stream != line[-1].stream)
                number = number_of(run, piece->streams[line->stream]);
            run->by_time[order] = (LogPlace){ line, order, number };
            order++;
        }
    }
    if (order)
        qsort(run->by_time, order, sizeof *run->by_time, compare_places);
}

static bool allocate(LogRun *run, Piece *const *pieces, size_t count, Err *err)
{
    size_t streams = 0;
    for (size_t i = 0; i < count; i++) {
        run->base.count += pieces[i]->count;
        streams += ((const LogPiece *)pieces[i])->stream_count;
    }
    run->pieces = MEM_MAKE(Piece *, count + 1, err);
    run->by_time = run->pieces ? MEM_MAKE(LogPlace, run->base.count + 1, err) : NULL;
    run->streams = run->by_time ? MEM_MAKE(const LabelSet *, streams + 1, err) : NULL;
    return run->streams != NULL;
}

static void take_pieces(LogRun *run, Piece *const *pieces, size_t count)
{
    for (; run->piece_count < count; run->piece_count++) {
        const LogPiece *piece = (const LogPiece *)pieces[run->piece_count];
        run->pieces[run->piece_count] = piece_ref(pieces[run->piece_count]);
        run->base.memory += piece->base.memory;
        for (size_t i = 0; i < piece->stream_count; i++)
            run->streams[run->stream_count++] = piece->streams[i];
    }
    run->stream_count = label_sets_sort(run->streams, run->stream_count);
}

static Run *make_run(Piece *const *pieces, size_t count, Err *err)
{
    LogRun *run = MEM_MAKE(LogRun, 1, err);
    if (!run)
        return NULL;
    refs_init(&run->base.refs);
    run->base.kind = &log_runs;
    if (!allocate(run, pieces, count, err)) {
        free_run(&run->base);
        return NULL;
    }
    take_pieces(run, pieces, count);
    const LabelSet **shrunk = mem_grow(run->streams, (run->stream_count + 1) * sizeof *shrunk);
    run->streams = shrunk ? shrunk : run->streams;
    place_lines(run);
    run->base.memory += sizeof *run + count * sizeof(Piece *) + run->base.count * sizeof(LogPlace) +
                        run->stream_count * sizeof(LabelSet *);
    return &run->base;
}

const RunKind log_runs = {
    .rows = 4096,
    .make = make_run,
    .free_run = free_run,
    .free_piece = free_piece,
};

size_t log_run_seek(const LogRun *run, uint64_t time_ns)
{
    size_t low = 0, high = run->base.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (run->by_time[middle].line->time_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
