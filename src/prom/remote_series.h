/* remote_series.h - the series of a METRICS batch, each with all of its samples in order of time:
 * what remote write sends, and what one of its requests must not tear apart.
 *
 * Texts are kept once, so that labels are compared by address, and a message with a table of
 * symbols numbers them as it goes. A series belongs to a lane by its labels' hash: what is sent
 * lane by lane, each in order, keeps the order within every series.
 */
#ifndef PROM_REMOTE_SERIES_H
#define PROM_REMOTE_SERIES_H

#include "base/arena.h"
#include "base/map.h"
#include "prom/otlp_series.h"

typedef struct RemoteText {
    Str text;
    uint64_t message; /* in which it has the number `symbol` */
    uint32_t symbol;
} RemoteText;

typedef struct RemoteLabel {
    RemoteText *name, *value;
} RemoteLabel;

typedef struct RemoteLabels {
    const RemoteLabel *ptr;
    size_t count;
} RemoteLabels;

typedef struct RemoteFamily {
    RemoteText *name, *help, *unit;
    MetricType type;
    const struct RemoteSeries *first; /* the one that tells of it */
} RemoteFamily;

/* What a series has at one time; by kind one of the three below. */
typedef struct RemoteNode {
    struct RemoteNode *next;
    int64_t time_ms;
} RemoteNode;

typedef struct RemoteSample {
    RemoteNode node;
    int64_t start_ms; /* 0: not known */
    double value;
} RemoteSample;

typedef struct RemoteHistogram {
    RemoteNode node;
    int64_t start_ms;
    Str bytes; /* the message Histogram but for its times */
} RemoteHistogram;

typedef struct RemoteExemplar {
    RemoteNode node;
    double value;
    RemoteLabels labels;
} RemoteExemplar;

typedef struct RemoteList {
    RemoteNode *first, *last;
    bool unsorted;
} RemoteList;

typedef struct RemoteSeries {
    struct RemoteSeries *next, *same_hash; /* next: in its lane */
    uint64_t hash;
    RemoteLabels labels;
    RemoteFamily *family;
    bool is_histogram; /* it has histograms, else samples */
    RemoteList samples, histograms, exemplars;
    size_t points; /* data points that are counted here, where their first sample went */
    size_t bytes;  /* what it takes in a message at most, all of its texts included */
} RemoteSeries;

typedef struct RemoteLane {
    RemoteSeries *first, *last;
} RemoteLane;

typedef struct RemoteSet {
    Arena *arena;
    Map texts, by_hash;
    RemoteLane *lanes;
    size_t lane_count, series_count;
    uint64_t messages;
    size_t unsupported; /* data points that are no series, */
    const char *reason; /* and why the first of them is none */
} RemoteSet;

/* Memory is charged to purse, at most size_max of texts, labels and samples. At least one
 * lane. ERR_MEMORY, ERR_BUSY (the budget), ERR_LIMIT; then there is nothing to free. */
CHECKED RemoteSet *remote_set_new(Purse *purse, size_t size_max, size_t lanes, Err *err);
/* Once. Keeps nothing of the batch. */
CHECKED bool remote_set_fill(RemoteSet *set, const Batch *batch, const PromOptions *options,
                             Err *err);
void remote_set_free(RemoteSet *set);

#endif
