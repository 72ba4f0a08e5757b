/* log_output.h - the program's own log lines, as service.telemetry.logs wants them.
 *
 * Text for people, or one JSON object per line with the keys that the public Collector writes:
 * level, ts, msg, and the component, as otelcol.component.kind and .id where it is one of a
 * pipeline. Lines go to standard error.
 */
#ifndef CMD_LOG_OUTPUT_H
#define CMD_LOG_OUTPUT_H

#include "base/buf.h"
#include "pipe/own_telemetry.h"

void log_output_set(const LogRules *rules);

/* One line of JSON, with its line feed; appended. wall_ns: when. */
void log_line_json(Buf *out, int64_t wall_ns, LogLevel level, Str component, Str message);

#endif
