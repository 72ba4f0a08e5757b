/* remote_write.h - remote write's requests: `prometheus.WriteRequest` (1.0) and
 * `io.prometheus.write.v2.Request` (2.0), before they are compressed.
 *
 *     1.0   labels as texts; 1 timeseries {1 labels, 2 samples, 3 exemplars, 4 histograms},
 *           3 metadata {1 type, 2 family, 4 help, 5 unit}, where wished, with a family's first
 *           series
 *     2.0   4 symbols, the first empty; 5 timeseries {1 label refs, 2 samples, 3 histograms,
 *           4 exemplars, 5 metadata {1 type, 3 help ref, 4 unit ref}}
 *
 * Fields stand in the order of their numbers within each message, and zeros are left out, as
 * generated encoders do it.
 */
#ifndef PROM_REMOTE_WRITE_H
#define PROM_REMOTE_WRITE_H

#include "prom/remote_series.h"

typedef enum RemoteWriteVersion { REMOTE_WRITE_1, REMOTE_WRITE_2 } RemoteWriteVersion;

typedef struct RemoteWriteWish {
    RemoteWriteVersion version;
    size_t bytes_max; /* of a request; a series that is larger goes alone */
    bool metadata;    /* 1.0; 2.0 always has it */
} RemoteWriteWish;

typedef struct RemoteRequest {
    Buf body;
    RemoteSeries *end; /* the first that is not in it; NULL: it has the last */
    size_t points;     /* data points that are counted in it */
    size_t samples;    /* and histograms */
} RemoteRequest;

/* One request from `first` on, which is not NULL. The body is the caller's to free, also after a
 * failure. ERR_MEMORY, ERR_LIMIT. */
CHECKED bool remote_write_request(RemoteSet *set, RemoteSeries *first, const RemoteWriteWish *wish,
                                  RemoteRequest *out, Err *err);

#endif
