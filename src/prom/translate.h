/* translate.h - OTLP's names as Prometheus writes them: what its OTLP endpoint calls
 * UnderscoreEscapingWithSuffixes, and without the suffixes UnderscoreEscapingWithoutSuffixes.
 *
 *     http.server.duration, s, histogram      http_server_duration_seconds
 *     chat_requests, {request}, counter       chat_requests_total
 *     disk.io, By/s, gauge                    disk_io_bytes_per_second
 *     cpu.utilization, 1, gauge               cpu_utilization_ratio
 *
 * With suffixes a name is split at everything but ASCII letters, digits and ':', the unit's words
 * are added unless the name has them, then total or ratio. Without, only what Prometheus forbids
 * becomes '_', a run of it one. A name that would begin with a digit gets '_' in front. An
 * attribute's key becomes a label name character by character; one that would begin with a digit
 * gets "key_", one with a single '_' gets "key".
 *
 * Everything appends to the caller's Buf, whose failure is asked for at the end as always.
 */
#ifndef PROM_TRANSLATE_H
#define PROM_TRANSLATE_H

#include "base/buf.h"

/* What a metric's type puts at the end of its name. */
typedef enum NameEnding {
    ENDING_NONE,
    ENDING_TOTAL, /* monotonic sums */
    ENDING_RATIO  /* gauges, if their unit is "1" */
} NameEnding;

typedef struct FamilyNaming {
    Str name, unit;
    NameEnding ending;
    Str ns; /* in front of the name; empty: none */
    bool without_suffixes;
} FamilyNaming;

/* False: nothing of the name is left but underscores (and it was not that before). */
CHECKED bool family_name(const FamilyNaming *naming, Buf *out);
CHECKED bool label_name(Str key, Buf *out);

/* Is it a label name as it is? Then label_name() gives the same. */
PURE bool label_name_plain(Str key);

void unit_name(Str unit, Buf *out); /* "By/s": bytes_per_second */

/* The way back: "bytes_per_second" is By/s; a word that is no unit's stays. */
void unit_from_name(Str name, Buf *out);

#endif
