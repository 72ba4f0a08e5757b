/* series_run.h - samples of series in memory: pieces and runs of them (run_list.h).
 *
 * A piece has the samples that room prom makes of a batch, each with its series; the batch itself
 * is not kept. A run has the distinct series of its pieces and for each one its samples by time: of
 * several at one time the one that was stored last. A sample takes 16 bytes, packed columns come
 * with the parts on disk.
 *
 * What is known of a family (type, help, unit) is a label set, too, in a table of its own: it is
 * kept once, and leaves with the last run that has a sample of the family.
 */
#ifndef STORE_METRICS_SERIES_RUN_H
#define STORE_METRICS_SERIES_RUN_H

#include "otlp/batch.h"
#include "store/label_table.h"
#include "store/run_list.h"
#include "store/series_scan.h"

typedef struct SeriesTables {
    LabelTable series;
    LabelTable families; /* __name__, help, type (a digit, MetricType) and unit */
} SeriesTables;

typedef struct SeriesPoint {
    LabelSet *series; /* a reference */
    Sample sample;
} SeriesPoint;

typedef struct SeriesPiece {
    Piece base; /* first; count: points */
    SeriesTables *tables;
    SeriesPoint *points; /* in the order of the batch */
    size_t point_cap;
    LabelSet **families; /* references */
    size_t family_count, family_cap;
} SeriesPiece;

typedef struct SeriesPieceMake {
    SeriesTables *tables;
    Batch *batch;
    int64_t received_ns;
    uint64_t memory_max; /* beyond it ERR_LIMIT */
} SeriesPieceMake;

Piece *series_piece_make(const SeriesPieceMake *make, Err *err);

typedef struct SeriesRun {
    Run base; /* first; count: points, before those that were replaced went */
    SeriesTables *tables;
    LabelSet **series; /* by address; references */
    uint32_t *ends;    /* of a series' samples; they begin where the one before ends */
    size_t series_count;
    Sample *samples;
    int64_t first_ms, last_ms; /* of all samples; first > last: there are none */
    LabelSet **families;       /* references, in the order in which they last came */
    size_t family_count;
} SeriesRun;

extern const RunKind series_runs;

typedef struct Samples {
    const Sample *ptr;
    size_t count;
} Samples;

/* Of one series from < time <= to; count 0: none. */
Samples series_run_find(const SeriesRun *run, const LabelSet *series, int64_t from_ms,
                        int64_t to_ms);
bool series_run_overlaps(const SeriesRun *run, int64_t from_ms, int64_t to_ms);
bool series_run_has(const SeriesRun *run, const LabelSet *series);

#endif
